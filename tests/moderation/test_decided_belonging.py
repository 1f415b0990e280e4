import pytest
from sqlalchemy.orm import Session

from moderation.decided_belonging import posts_decided_outside
from moderation.decisions import DecisionRequest, record_decision, undo_decision
from tests.moderation.queue_rows import ELSEWHERE, NOW, UNHAPPY, flag_post, new_community, new_moderator


def decided(session: Session, action, flag=ELSEWHERE, **fields):
    community = new_community(session)
    moderator = new_moderator(session, community)
    post, row = flag_post(session, community, flag)
    request = DecisionRequest(action, revision=post.revision, **fields)
    return community, moderator, record_decision(session, community, row.id, request, moderator=moderator, now=NOW)


def test_a_post_that_a_moderator_agreed_is_outside_is_learned_from(session):
    community, *_ = decided(session, "agree")
    assert posts_decided_outside(session, community.id) == {"p1"}


@pytest.mark.parametrize(("action", "flag"), [("disagree", ELSEWHERE), ("skip", ELSEWHERE), ("agree", UNHAPPY)])
def test_other_decisions_put_nothing_outside(session, action, flag):
    community, *_ = decided(session, action, flag)
    assert posts_decided_outside(session, community.id) == frozenset()


def test_a_decision_in_shadow_and_one_that_was_taken_back_do_not_count(session):
    in_shadow, *_ = decided(session, "agree", mode="shadow")
    assert posts_decided_outside(session, in_shadow.id) == frozenset()
    taken_back, moderator, decision = decided(session, "agree")
    undo_decision(session, taken_back, decision.id, moderator=moderator, now=NOW)
    assert posts_decided_outside(session, taken_back.id) == frozenset()
