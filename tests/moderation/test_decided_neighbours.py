from datetime import timedelta

import numpy as np
import pytest
from sqlalchemy.orm import Session

from moderation.decided_neighbours import N_NEIGHBOURS, nearest_decided
from moderation.decisions import DecisionRequest, record_decision, undo_decision
from moderation.tables import DecisionRow, FlagRow, ModeratorRow, PostRow, ScoreRow
from tests.moderation.queue_rows import (
    ADVERTISES,
    INSULT,
    MODEL,
    NOW,
    UNHAPPY,
    flag_post,
    new_community,
    new_moderator,
)


class Queue:
    """A community whose posts lie on a circle: a post's angle decides what it resembles."""

    def __init__(self, session: Session) -> None:
        self.session, self.community = session, new_community(session)
        self.moderator: ModeratorRow = new_moderator(session, self.community)

    def flagged(self, post_id: str, degrees: float, *flags, model: str = MODEL) -> FlagRow:
        post, row = flag_post(self.session, self.community, *flags, post_id=post_id)
        angle = np.deg2rad(degrees)
        score = ScoreRow(
            community_id=self.community.id, post_id=post.id, model_version=model, words_hash="w", language="nl",
            n_words=3, vector=[float(np.cos(angle)), float(np.sin(angle))], signals=[None] * 8,
        )  # fmt: skip
        self.session.add(score)
        self.session.flush()
        return row

    def decided(self, post_id: str, degrees: float, *flags, action: str = "agree", **more) -> DecisionRow:
        row = self.flagged(post_id, degrees, *flags, **more)
        request = DecisionRequest(action, 1, lane=flags[0].lane)
        return record_decision(self.session, self.community, row.id, request, moderator=self.moderator, now=NOW)

    def nearest(self, row: FlagRow, lane: str = "review") -> list[str]:
        found = nearest_decided(self.session, self.community.id, [row.id], lanes=[lane])
        return [neighbour.decision.post_id for neighbour in found.get(row.id, ())]


@pytest.fixture
def queue(session: Session) -> Queue:
    return Queue(session)


def test_the_nearest_decided_posts_come_first_with_cosine_and_decision(queue: Queue) -> None:
    for degrees in (80, 10, 60, 30):
        queue.decided(f"at {degrees}", degrees, INSULT, action="disagree" if degrees == 10 else "agree")
    row = queue.flagged("new", 0, INSULT)
    assert queue.nearest(row) == ["at 10", "at 30", "at 60"]
    found = nearest_decided(queue.session, queue.community.id, [row.id], lanes=["review"])[row.id]
    assert len(found) == N_NEIGHBOURS
    assert found[0].decision.action == "disagree"
    assert found[0].cosine == pytest.approx(np.cos(np.deg2rad(10)), abs=1e-3)


def test_only_decisions_about_the_same_reason_count(queue: Queue) -> None:
    queue.decided("spam", 1, ADVERTISES)
    queue.decided("unhappy", 2, UNHAPPY)
    queue.decided("both", 50, INSULT, ADVERTISES)
    assert queue.nearest(queue.flagged("new", 0, INSULT)) == ["both"]


def test_a_post_is_never_its_own_neighbour(queue: Queue) -> None:
    queue.decided("p1", 0, INSULT)
    row = queue.session.query(FlagRow).filter_by(community_id=queue.community.id).one()
    assert queue.nearest(row) == []


def test_what_was_taken_back_or_deleted_counts_no_more(queue: Queue) -> None:
    undone, _ = queue.decided("undone", 1, INSULT), queue.decided("deleted", 2, INSULT)
    queue.decided("stands", 70, INSULT)
    undo_decision(queue.session, queue.community, undone.id, moderator=queue.moderator, now=NOW + timedelta(minutes=1))
    queue.session.get_one(PostRow, (queue.community.id, "deleted")).deleted_at = NOW
    queue.session.flush()
    assert queue.nearest(queue.flagged("new", 0, INSULT)) == ["stands"]


def test_a_skipped_item_is_not_decided(queue: Queue) -> None:
    queue.decided("skipped", 1, INSULT, action="skip")
    assert queue.nearest(queue.flagged("new", 0, INSULT)) == []


def test_posts_that_other_models_read_are_not_compared(queue: Queue) -> None:
    queue.decided("old", 1, INSULT, model="model-0")
    assert queue.nearest(queue.flagged("new", 0, INSULT)) == []


def test_other_communities_stay_apart(queue: Queue, session: Session) -> None:
    Queue(session).decided("theirs", 1, INSULT)
    assert queue.nearest(queue.flagged("new", 0, INSULT)) == []
