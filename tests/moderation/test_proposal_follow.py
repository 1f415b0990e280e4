from datetime import timedelta

import numpy as np
import pytest

from moderation.answered_questions import AskedQuestion
from moderation.db import Database
from moderation.proposal_decisions import decide_proposal, find_proposal
from moderation.proposal_follow import follow, follow_accepted
from moderation.proposals import record_proposals
from moderation.tables import ModeratorRow
from tests.moderation.split_corpus import START, corpus_of, written
from tests.service import new_community

NICHE = {"topic_ids": [1], "author_ids": []}
ACCEPTED_AT = START + timedelta(weeks=10)


def community(*, growth: int = 1, n_weeks: int = 20, spaces: bool = False):
    """Two subjects with about six posts a week by ten members; the first has `growth` times as many after ten weeks."""
    posts, topics, rng = [], {}, np.random.default_rng(0)
    for week in range(n_weeks):
        for topic in (1, 2):
            n = int(rng.integers(5, 8)) * (growth if topic == 1 and week >= 10 else 1)
            for number in range(n):
                post = written(
                    len(posts),
                    week * 7 + 0.1 + number * 6 / n,
                    f"{topic}-{rng.integers(10)}",
                    space=("baking" if topic == 1 else "other") if spaces else None,
                )
                posts.append(post)
                topics[post.id] = topic
    corpus = corpus_of(posts)
    return corpus, np.array([topics[post.id] for post in corpus.posts])


def test_growth_is_told_against_the_other_topics() -> None:
    corpus, topic_of = community(growth=3)
    followed = follow(corpus, topic_of, [], NICHE, accepted_at=ACCEPTED_AT)
    assert followed["reason"] is None
    assert followed["n_weeks"] == 9  # the tenth week is not over
    posts = followed["effects"]["posts"]
    assert posts["change"] == pytest.approx(3, rel=0.25)
    assert posts["interval"][0] > 1.5
    assert posts["subject"]["after"] > 2 * posts["subject"]["before"]
    assert posts["elsewhere"]["after"] == pytest.approx(posts["elsewhere"]["before"], rel=0.2)


def test_no_change_is_no_effect() -> None:
    followed = follow(*community(), [], NICHE, accepted_at=ACCEPTED_AT)
    low, high = followed["effects"]["posts"]["interval"]
    assert low < 1 < high


def test_a_space_is_followed_by_its_name() -> None:
    corpus, topic_of = community(growth=3, spaces=True)
    quiet = {"of": "spaces", "spaces": ["baking"]}
    followed = follow(corpus, topic_of * 0, [], quiet, accepted_at=ACCEPTED_AT)
    assert followed["effects"]["posts"]["change"] == pytest.approx(3, rel=0.25)


def test_answers_are_compared_where_there_are_enough_questions() -> None:
    corpus, topic_of = community()
    asked = [
        AskedQuestion(row, "x", post.created_at, frozenset({"y"} if _answered(row, post, topic_of) else ()), False)
        for row, post in enumerate(corpus.posts)
    ]
    answered = follow(corpus, topic_of, asked, NICHE, accepted_at=ACCEPTED_AT)["effects"]["answered"]
    assert answered["change"] == pytest.approx(0.5, abs=0.2)
    assert answered["interval"][0] > 0.2
    none = follow(corpus, topic_of, asked[:10], NICHE, accepted_at=ACCEPTED_AT)["effects"]["answered"]
    assert (none["change"], none["reason"]) == (None, "too_few")


def _answered(row: int, post, topic_of) -> bool:
    by_lot = np.random.default_rng(row).random() < 0.5
    return bool(by_lot or (topic_of[row] == 1 and post.created_at >= ACCEPTED_AT))


@pytest.mark.parametrize(
    ("weeks_before", "n_weeks", "topic_ids", "reason"),
    [
        (10, 13, [1], "too_few_weeks"),
        (3, 20, [1], "no_history_before"),
        (10, 20, [9], "nothing_to_follow"),
    ],
)
def test_not_enough_data_is_said_so(weeks_before: int, n_weeks: int, topic_ids: list[int], reason: str) -> None:
    corpus, topic_of = community(n_weeks=n_weeks)
    accepted_at = START + timedelta(weeks=weeks_before)
    followed = follow(corpus, topic_of, [], {"topic_ids": topic_ids}, accepted_at=accepted_at)
    assert (followed["reason"], followed["effects"]) == (reason, None)


def test_only_accepted_proposals_are_followed(database: Database) -> None:
    made = new_community(database)
    niche = {**NICHE, "author_ids": ["1-1"], "n_active_authors": 10, "cohesion": 0.9}
    other = {**niche, "author_ids": ["2-1"], "topic_ids": [2]}
    corpus, topic_of = community(growth=3)
    with database.transaction() as session:
        moderator = ModeratorRow(community_id=made.id, name="Noor", password_hash=None)
        session.add(moderator)
        session.flush()
        lists = {"proposals": [], "niches": [niche, other], "merge": [], "revive": []}
        stamped = record_proposals(session, made.id, lists, left_out=(), now=START)
        first, second = (entry["proposal_id"] for entry in stamped["niches"])
        decide_proposal(session, made, first, "accept", note=None, moderator=moderator, now=ACCEPTED_AT)
        follow_accepted(session, made.id, corpus, topic_of)
        followed = find_proposal(session, made.id, first).followed
        assert followed is not None
        assert followed["effects"]["posts"]["change"] > 2
        assert find_proposal(session, made.id, second).followed is None
        decide_proposal(session, made, first, "reopen", note=None, moderator=moderator, now=ACCEPTED_AT)
        assert find_proposal(session, made.id, first).followed is None
