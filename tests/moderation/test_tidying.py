import numpy as np
import pytest

from moderation.tidying import MAX_DIVERGENCE_BITS, MIN_SHARED_MEMBERS, propose_tidying
from tests.moderation.split_corpus import corpus_of, written


def two_spaces(*, other_topic: bool = False, other_members: bool = False):
    """Two spaces of 15 members with four posts each, on two topics."""
    posts, topics = [], []
    for space, shift in (("a", 0), ("b", 15 if other_members else 0)):
        for number in range(60):
            posts.append(written(len(posts), number / 2, f"m{number % 15 + shift:02d}", space=space))
            topics.append((3 if other_topic and space == "b" else 1) + number % 2)
    corpus = corpus_of(posts, vectors=np.full((120, 2), np.nan, dtype=np.float32))  # no threads to compare
    of_post = dict(zip([post.id for post in posts], topics, strict=True))
    return corpus, np.array([of_post[post.id] for post in corpus.posts])


def test_spaces_with_the_same_members_and_topics_double_each_other() -> None:
    [pair] = propose_tidying(*two_spaces())["merge"]
    assert (pair["of"], pair["spaces"], pair["n_members"]) == ("spaces", ["a", "b"], 15)
    assert pair["figures"]["shared_members"] == 1 >= MIN_SHARED_MEMBERS
    assert pair["figures"]["divergence_bits"] <= MAX_DIVERGENCE_BITS
    assert pair["figures"]["n_posts"] == [60, 60]


@pytest.mark.parametrize("difference", [{"other_topic": True}, {"other_members": True}])
def test_spaces_with_other_members_or_other_topics_do_not(difference: dict[str, bool]) -> None:
    assert propose_tidying(*two_spaces(**difference))["merge"] == []


def spaces_over_time(*, posts_of_last_block: int, community_stops: bool = False):
    """A busy space of five blocks of eight weeks, and one with twenty posts a block but in the last."""
    posts = []
    for block in range(5):
        is_last = block == 4
        for number in range(posts_of_last_block if is_last else 20):
            posts.append(written(len(posts), block * 56 + 0.5 + number * 2, f"m{number % 10}", space="dead"))
        for number in range(2 if is_last and community_stops else 40):
            posts.append(written(len(posts), block * 56 + 0.6 + number / 2, f"m{number}", space="busy"))
    posts.append(written(len(posts), 5 * 56, "m0", space="busy"))
    corpus = corpus_of(posts, vectors=np.random.default_rng(0).normal(size=(len(posts), 16)).astype(np.float32))
    return corpus, np.ones(len(corpus), dtype=np.int64)


def test_a_space_that_went_quiet_while_the_others_went_on_is_to_be_revived() -> None:
    [quiet] = propose_tidying(*spaces_over_time(posts_of_last_block=1))["revive"]
    assert quiet["spaces"] == ["dead"]
    assert quiet["figures"]["usual_posts_a_block"] == 20
    assert quiet["figures"]["n_posts_last_block"] == 1
    assert quiet["author_ids"] == [f"m{number}" for number in range(10)]  # its regulars who still write elsewhere


@pytest.mark.parametrize("how", [{"posts_of_last_block": 9}, {"posts_of_last_block": 1, "community_stops": True}])
def test_a_dip_or_a_quiet_month_for_all_is_no_reason(how: dict[str, int]) -> None:
    assert propose_tidying(*spaces_over_time(**how))["revive"] == []


def near_threads(*, days_apart: float = 3, topics: tuple[int, int] = (1, 1)):
    rng = np.random.default_rng(1)
    vectors = rng.normal(size=(20, 16)).astype(np.float32)
    vectors[19] = vectors[0] + 0.1
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    days = [0.0, *(number / 20 for number in range(18)), days_apart]
    corpus = corpus_of([written(number, day, f"m{number}") for number, day in enumerate(days)], vectors=vectors)
    topic_of = np.array([{0: topics[0], 19: topics[1]}.get(int(post.id[1:]), 5) for post in corpus.posts])
    return corpus, topic_of


def test_threads_that_open_with_nearly_the_same_belong_together() -> None:
    [threads] = [each for each in propose_tidying(*near_threads())["merge"] if "t0" in each["thread_ids"]]
    assert threads["thread_ids"] == ["t0", "t19"]
    assert (threads["of"], threads["topic_id"], threads["n_members"]) == ("threads", 1, 2)
    assert threads["figures"]["cosine_highest"] >= threads["figures"]["cosine_at_least"]
    assert threads["figures"]["n_days_apart"] == 3


@pytest.mark.parametrize("difference", [{"days_apart": 15.0}, {"topics": (1, 2)}])
def test_threads_of_other_times_or_topics_do_not(difference) -> None:
    found = propose_tidying(*near_threads(**difference))["merge"]
    assert all(set(each["thread_ids"]) != {"t0", "t19"} for each in found)


def test_nothing_to_tidy_where_nothing_is_written() -> None:
    empty = corpus_of([], vectors=np.empty((0, 2), dtype=np.float32))
    assert propose_tidying(empty, np.empty(0, dtype=np.int64)) == {"merge": [], "revive": []}
