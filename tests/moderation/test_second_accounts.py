from dataclasses import replace

import numpy as np
import pytest

from moderation.contributions import Contribution
from moderation.corpus import Corpus
from moderation.second_accounts import MIN_OTHERS, find_second_accounts
from tests.moderation.episode_corpus import row, small_corpus

DAY = 24 * 60
N_OTHERS = 30


def habits(author_id, *, hour, manner, n_posts=20, seed=0):
    """Posts around an hour of the day, a day apart, and the manner that each vector is to have."""
    rng = np.random.default_rng(seed)
    return [
        (row(f"{author_id}-{number}", _minute(number, hour, rng), author_id, thread=f"{author_id}{number}"), manner)
        for number in range(n_posts)
    ]


def _minute(day, hour, rng):
    return day * DAY + hour * 60 + int(rng.integers(60))


def corpus_of(posts) -> Corpus:
    corpus = small_corpus([each for each, _ in posts])
    manner_of = {each.post.id: manner for each, manner in posts}
    rng = np.random.default_rng(1)
    vectors = np.stack([manner_of[post.id] + 0.15 * rng.normal(size=8) for post in corpus.posts])
    unit = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return replace(corpus, vectors=unit)


def others(n=N_OTHERS):
    rng = np.random.default_rng(2)
    return [
        each
        for number in range(n)
        for each in habits(f"o{number:02d}", hour=int(rng.integers(14)), manner=rng.normal(size=8), seed=number)
    ]


def pair(*, same_hours=True, same_manner=True, n_posts=20):
    rng = np.random.default_rng(9)
    one, two = rng.normal(size=8), rng.normal(size=8)
    return [
        *habits("ann", hour=3, manner=one, n_posts=n_posts),
        *habits("ann2", hour=3 if same_hours else 11, manner=one if same_manner else two, n_posts=n_posts, seed=7),
    ]


def found_in(posts, *, n_for_ann=8, n_for_others=1):
    corpus = corpus_of(posts)
    rows = [number for number, post in enumerate(corpus.posts) if post.author_id == "ann2"]
    contributions = [Contribution("answer", each, 0, "ann2", "ann") for each in rows[:n_for_ann]]
    for_others = rows[n_for_ann : n_for_ann + n_for_others]
    contributions += [Contribution("answer", each, 0, "ann2", "o00") for each in for_others]
    members = sorted({post.author_id for post in corpus.posts})
    return find_second_accounts(corpus, contributions, members, topic_of=np.zeros(len(corpus), dtype=np.int64))


def test_the_same_hours_and_manner_need_a_look():
    (account,) = found_in([*others(), *pair()])
    assert (account.author_id, account.other_id, account.n_contributions) == ("ann2", "ann", 8)
    assert account.share == pytest.approx(8 / 9, abs=1e-6)
    assert account.needs_a_look
    assert account.abstained is None


@pytest.mark.parametrize("unlike", [{"same_hours": False}, {"same_manner": False}])
def test_another_rhythm_or_another_manner_needs_none(unlike):
    (account,) = found_in([*others(), *pair(**unlike)])
    assert not account.needs_a_look
    assert account.hours_rank is not None


@pytest.mark.parametrize(
    ("posts", "reason"),
    [([*others(), *pair(n_posts=12)], "too_few_posts"), ([*others(MIN_OTHERS - 1), *pair()], "too_few_others")],
)
def test_where_little_is_known_nothing_is_said(posts, reason):
    (account,) = found_in(posts, n_for_others=0)
    assert account.abstained == reason
    assert not account.needs_a_look
    assert account.hours_rank is None


def test_who_helps_several_members_is_not_compared():
    assert found_in([*others(), *pair()], n_for_ann=8, n_for_others=3) == []


def test_a_few_answers_are_not_compared():
    assert found_in([*others(), *pair()], n_for_ann=4, n_for_others=0) == []
