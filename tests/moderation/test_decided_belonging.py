import pytest
from sqlalchemy.orm import Session

from moderation.decided_belonging import read_decided_posts
from moderation.decided_posts import NOTHING_DECIDED, DecidedPosts
from moderation.decisions import DecisionRequest, record_decision, undo_decision
from tests.moderation.queue_rows import ELSEWHERE, NOW, UNHAPPY, flag_post, new_community, new_moderator


def decided(session: Session, action, flag=ELSEWHERE, **fields):
    community = new_community(session)
    moderator = new_moderator(session, community)
    post, row = flag_post(session, community, flag)
    request = DecisionRequest(action, revision=post.revision, **fields)
    return community, moderator, record_decision(session, community, row.id, request, moderator=moderator, now=NOW)


@pytest.mark.parametrize(
    ("action", "learned"),
    [
        ("agree", DecidedPosts(outside=frozenset({"p1"}))),
        ("disagree", DecidedPosts(inside=frozenset({"p1"}))),
        ("place", DecidedPosts(inside=frozenset({"p1"}))),
        ("skip", NOTHING_DECIDED),
    ],
)
def test_what_a_decision_about_an_odd_post_teaches(session, action, learned):
    community, *_ = decided(session, action)
    assert read_decided_posts(session, community.id) == learned


def test_a_decision_in_another_lane_says_nothing_about_belonging(session):
    community, *_ = decided(session, "agree", UNHAPPY)
    assert read_decided_posts(session, community.id) == NOTHING_DECIDED


def test_a_decision_in_shadow_and_one_that_was_taken_back_do_not_count(session):
    in_shadow, *_ = decided(session, "agree", mode="shadow")
    assert read_decided_posts(session, in_shadow.id) == NOTHING_DECIDED
    taken_back, moderator, decision = decided(session, "agree")
    undo_decision(session, taken_back, decision.id, moderator=moderator, now=NOW)
    assert read_decided_posts(session, taken_back.id) == NOTHING_DECIDED
