import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from moderation.word_evidence import N_FOLDS, count_words, fold_of, strangeness_of_words, words_of_posts

TALK = ["the stamps on my card", "points and stamps at the till", "my card has no points", "stamps for the card"]


def counted(texts):
    threads = np.arange(len(texts))
    folds = np.array([fold_of(f"t{thread}") for thread in threads])
    words = words_of_posts(texts)
    return count_words(words, threads, folds), words, threads, folds


def test_other_words_are_stranger_than_those_of_the_other_threads():
    counts, *_ = counted(TALK * 25)
    here, elsewhere = words_of_posts(["stamps on the card"]), words_of_posts(["replica casino watches"])
    fold = np.zeros(1, dtype=np.intp)
    assert strangeness_of_words(counts, elsewhere, fold)[0] > strangeness_of_words(counts, here, fold)[0] + 1


def test_one_unknown_name_among_known_words_changes_little():
    counts, *_ = counted(TALK * 25)
    fold = np.zeros(1, dtype=np.intp)
    known, named, strange = (
        strangeness_of_words(counts, words_of_posts([text]), fold)[0]
        for text in (
            "stamps and points on my card at the till",
            "stamps and points on my Zorblax card at the till",
            "zorblax",
        )
    )
    assert known < named < strange < 0 or named - known < (strange - known) / 2


def test_a_thread_does_not_count_for_itself_or_its_fold():
    counts, words, _, folds = counted([*TALK * 5, "zorblax zorblax quuxify"])
    alone, *_ = counted(TALK * 5)
    ours = strangeness_of_words(counts, words, folds)[-1]
    assert ours == strangeness_of_words(alone, words_of_posts(["zorblax quuxify"]), folds[-1:])[0]


def test_words_are_counted_once_a_thread():
    words = words_of_posts(["card card CARD", "a 12 card"])
    counts = count_words(words, np.array([0, 0]), np.array([2, 2]))
    assert counts.n_threads_with.tolist() == [[0, 0, 1, 0, 0]]
    assert counts.n_threads.tolist() == [0, 0, 1, 0, 0]


@given(st.lists(st.text(alphabet="abc ", max_size=12), min_size=1, max_size=8), st.randoms())
def test_the_order_of_the_posts_changes_nothing(texts, random):
    folds = np.arange(len(texts)) % N_FOLDS
    order = list(range(len(texts)))
    random.shuffle(order)

    def strangeness(rows):
        words = words_of_posts([texts[row] for row in rows])
        counts = count_words(words, np.array(rows), folds[rows])
        return dict(zip(rows, strangeness_of_words(counts, words, folds[rows]).tolist(), strict=True))

    assert strangeness(order) == strangeness(list(range(len(texts))))


def test_no_posts_at_all():
    words = words_of_posts([])
    nobody = np.empty(0, dtype=np.intp)
    assert strangeness_of_words(count_words(words, nobody, nobody), words, nobody).shape == (0,)
