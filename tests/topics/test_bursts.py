import numpy as np
import pytest

from topics.bursts import DAY_SECONDS, Stream, find_bursts, wordings

N_DAYS, POSTS_PER_DAY, N_WORDS = 120, 12, 200


def stream(rng, *, burst_at=None, n_authors=6, one_thread=False, n_days=N_DAYS):
    """Posts with eight of two hundred words each; in a burst some authors use a word of their own."""
    seconds = np.sort(rng.uniform(0, n_days * DAY_SECONDS, n_days * POSTS_PER_DAY))
    authors = rng.integers(0, 60, len(seconds))
    threads = np.arange(len(seconds))
    words = [sorted(set(rng.integers(0, N_WORDS, 8).tolist())) for _ in seconds]
    if burst_at is not None:
        at = burst_at * DAY_SECONDS + np.arange(n_authors) * 1200.0
        seconds = np.concatenate([seconds, at])
        authors = np.concatenate([authors, 100 + np.arange(n_authors)])
        new_threads = np.full(n_authors, len(threads)) if one_thread else len(threads) + np.arange(n_authors)
        threads = np.concatenate([threads, new_threads])
        words += [[N_WORDS, N_WORDS + 1]] * n_authors
    order = np.argsort(seconds, kind="stable")
    return Stream(seconds[order], authors[order], threads[order], [words[place] for place in order])


def test_false_alarms_stay_below_the_stated_rate():
    rng = np.random.default_rng(1)
    n_alarms = sum(len(find_bursts(stream(rng))) for _ in range(8))
    assert n_alarms <= 8 * (N_DAYS - 28) / 30


@pytest.mark.parametrize(("n_authors", "one_thread", "is_found"), [(6, False, True), (8, True, True), (4, True, False)])
def test_a_burst_is_found_once_with_its_posts(n_authors, one_thread, is_found):
    posts = stream(np.random.default_rng(2), burst_at=100, n_authors=n_authors, one_thread=one_thread)
    found = [burst for burst in find_bursts(posts) if N_WORDS in burst.wordings]
    assert len(found) == is_found
    if is_found:
        assert found[0].wordings == (N_WORDS, N_WORDS + 1)
        assert [posts.wordings_of[row][0] for row in found[0].rows] == [N_WORDS] * n_authors
        assert found[0].n_authors == n_authors
        assert found[0].p_false_per_day <= 1 / 30


def test_one_person_who_repeats_a_word_is_no_burst():
    posts = stream(np.random.default_rng(2), burst_at=100, n_authors=8)
    alone = Stream(posts.seconds, np.where(posts.authors >= 100, 100, posts.authors), posts.threads, posts.wordings_of)
    assert not [burst for burst in find_bursts(alone) if N_WORDS in burst.wordings]


def test_a_word_that_is_used_every_day_is_no_burst():
    posts = stream(np.random.default_rng(3))
    daily = [[*words, N_WORDS] if row % 4 == 0 else words for row, words in enumerate(posts.wordings_of)]
    usual = Stream(posts.seconds, posts.authors, posts.threads, daily)
    assert not [burst for burst in find_bursts(usual) if N_WORDS in burst.wordings]


def test_nothing_is_said_before_enough_is_known():
    assert find_bursts(stream(np.random.default_rng(4), burst_at=15, n_days=20)) == ()
    assert find_bursts(Stream(np.empty(0), np.empty(0, int), np.empty(0, int), [])) == ()


def test_wordings_are_words_and_pairs_without_stop_words():
    assert wordings("De app geeft error 503!") == ["app", "app error", "error", "error 503"]
    assert "scanner kassa" not in wordings("De scanner. Wat doet de kassa?")
    assert wordings("@jan https://a.nl/kassa 12") == []
