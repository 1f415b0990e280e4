import numpy as np
import pytest
from sqlalchemy.orm import Session

from moderation.communities import community_of
from moderation.config import Community
from moderation.errors import MemberUnknown
from moderation.ingest import store_posts
from moderation.left_out import (
    choices_of_members,
    count_again,
    count_left_out,
    hide_left_out,
    leave_out,
    left_out_authors,
    settings_with_wishes,
)
from moderation.members import member_ledger
from moderation.subcommunities import read_membership
from moderation.tables import CommunityRow
from tests.moderation.episode_corpus import TRY_THIS, row, small_corpus
from tests.moderation.test_member_ledger import Sorted
from tests.service import NOW, record

ROWS = [
    row("q", 0, "ann", "How do I switch it off?", signals={"question": 0.9}),
    row("a", 5, "bob", TRY_THIS),
    row("b", 6, "cid", TRY_THIS),
    row("c", 7, "ann", "Thanks!", thread="u"),
    row("d", 9, "bob", thread="u"),
]


def ledger(left_out):
    corpus = small_corpus(ROWS)
    times = {"episodes": [], "unanswered_questions": []}
    return member_ledger(corpus, Sorted(np.ones(len(ROWS), dtype=np.int64), {}), times, left_out=left_out)


def test_who_is_left_out_is_in_no_statistic_and_is_counted() -> None:
    contents = ledger(["bob", "never-wrote"])
    assert [member["author_id"] for member in contents["members"]] == ["ann", "cid"]
    assert "bob" not in str(contents)
    assert contents["left_out"]["n_members_at_own_wish"] == 1
    assert contents["left_out"]["n_posts_at_own_wish"] == 2
    assert contents["left_out"]["n_posts_unknown_author"] == 0


def test_what_others_did_for_them_counts_for_the_others() -> None:
    contents = ledger(["ann"])
    counted = {member["author_id"]: member["n_answers"] for member in contents["members"]}
    assert counted == {"bob": 1, "cid": 1}
    made = [each for member in contents["members"] for each in member["contributions"]]
    assert {each["to_author_id"] for each in made if each["kind"] == "answer"} == {None}


def test_their_posts_stay_where_they_are_and_are_by_nobody_known() -> None:
    corpus = small_corpus(ROWS)
    hidden = hide_left_out(corpus, {"bob"})
    assert [post.id for post in hidden.posts] == [post.id for post in corpus.posts]
    assert [post.author_id for post in hidden.posts] == ["ann", None, "cid", "ann", None]
    assert hidden.vectors is corpus.vectors
    assert read_membership(hidden, np.ones(len(ROWS), dtype=np.int64)).author_ids == ("ann", "cid")


def test_without_wishes_nothing_is_copied() -> None:
    corpus = small_corpus(ROWS)
    assert hide_left_out(corpus, ()) is corpus
    assert count_left_out(corpus, ()) == {"n_members_at_own_wish": 0, "n_posts_at_own_wish": 0}


@pytest.fixture
def written(session: Session, community: CommunityRow) -> CommunityRow:
    community.settings = {**community.settings, "left_out": ["u2"]}
    store_posts(session, community, [record("p1", author_id="u1"), record("p2", author_id="u2")], now=NOW)
    return community


def test_a_wish_and_the_settings_count_both(session: Session, written: CommunityRow) -> None:
    before = choices_of_members(session, written)
    leave_out(session, written, "u1", now=NOW)
    assert left_out_authors(session, written) == {"u1", "u2"}
    assert settings_with_wishes(session, written).left_out == ("u1", "u2")
    assert community_of(written).left_out == ("u2",)
    assert choices_of_members(session, written) != before
    count_again(session, written, "u1")
    assert choices_of_members(session, written) == before


@pytest.mark.parametrize("author_id", ["u2", "u1", "nobody"])
def test_what_is_no_wish_cannot_be_taken_back(session: Session, written: CommunityRow, author_id: str) -> None:
    with pytest.raises(MemberUnknown):
        count_again(session, written, author_id)


def test_an_older_community_has_nobody_left_out(session: Session, community: CommunityRow) -> None:
    community.settings = {name: part for name, part in community.settings.items() if name != "left_out"}
    assert left_out_authors(session, community) == frozenset()
    assert Community().left_out == ()
