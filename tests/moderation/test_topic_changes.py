from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from sqlalchemy import func, select, text, update
from sqlalchemy.exc import DBAPIError

from moderation.accounts import moderator_named
from moderation.db import Database
from moderation.errors import TopicChangeRefused, TopicOrderUnknown, TopicUnknown
from moderation.incoming import judge_posts, score_waiting
from moderation.pipeline import Models
from moderation.refit import refit, refit_is_due
from moderation.tables import CommunityRow, FindingRow, ModeratorRow, PostRow, ScoreRow, TopicEventRow, TopicOrderRow
from moderation.topic_changes import TopicChange, change_topic, undo_change
from moderation.topic_history import list_topic_events, states_of_topic, topic_at
from moderation.topic_orders import list_orders
from tests.service import NOW, record, store

LATER, MUCH_LATER = NOW + timedelta(days=1), NOW + timedelta(days=30)


@pytest.fixture(scope="module")
def fitted(
    scored_sample: CommunityRow,
    copy_of: Callable[[CommunityRow], CommunityRow],
    database: Database,
    models: Models,
) -> CommunityRow:
    """A community that was fitted once; each test puts back what it changes."""
    community = copy_of(scored_sample)
    refit(database, models, community.id, now=NOW)
    return community


@pytest.fixture
def desk(database: Database, fitted: CommunityRow) -> Iterator["Desk"]:
    desk = Desk(database, fitted)
    yield desk
    desk.undo_everything()


class Desk:
    """A moderator at work on a community's topics; every change is committed."""

    def __init__(self, database: Database, community: CommunityRow) -> None:
        self.database, self.community = database, community
        with database.transaction() as session:
            self.moderator: ModeratorRow = moderator_named(session, community.id, "Ria")

    def change(self, topic_id: int, action: str, **fields: object) -> TopicOrderRow:
        with self.database.transaction() as session:
            wanted = TopicChange(action, **fields)  # type: ignore[arg-type]
            return change_topic(session, self.community, topic_id, wanted, moderator=self.moderator, now=LATER)

    def undo(self, order: TopicOrderRow) -> TopicOrderRow:
        with self.database.transaction() as session:
            return undo_change(session, self.community, order.id, moderator=self.moderator, now=LATER)

    def undo_everything(self) -> None:
        with self.database.transaction() as session:
            orders = list_orders(session, self.community.id, limit=100)
        for logged in orders:
            if logged.undone_by is None:
                self.undo(logged.row)

    def topics(self) -> dict[int, dict[str, object]]:
        with self.database.transaction() as session:
            contents = session.get_one(FindingRow, (self.community.id, "topics")).contents
        return {topic["id"]: topic for topic in contents["topics"]}

    def sizes(self) -> dict[int, int]:
        with self.database.transaction() as session:
            same = (PostRow.community_id == ScoreRow.community_id) & (PostRow.id == ScoreRow.post_id)
            statement = (
                select(ScoreRow.topic_id, func.count())
                .join(PostRow, same)
                .where(ScoreRow.community_id == self.community.id, ScoreRow.topic_id.is_not(None))
                .where(PostRow.deleted_at.is_(None))
            )
            return {row[0]: row[1] for row in session.execute(statement.group_by(ScoreRow.topic_id))}


def test_a_name_stays_until_it_is_taken_back(desk: Desk) -> None:
    found = desk.topics()[1]["name"]
    first = desk.change(1, "rename", name="Zuurdesem")
    second = desk.change(1, "rename", name="Brood")
    assert desk.topics()[1]["name"] == "Brood"
    desk.undo(second)
    assert (desk.topics()[1]["name"], desk.topics()[1]["named_by_moderator"]) == ("Zuurdesem", True)
    desk.undo(first)
    assert (desk.topics()[1]["name"], desk.topics()[1]["named_by_moderator"]) == (found, False)


def test_a_merge_moves_the_posts_at_once_and_an_undo_brings_them_back(desk: Desk) -> None:
    sizes, names = desk.sizes(), {topic_id: topic["name"] for topic_id, topic in desk.topics().items()}
    order = desk.change(2, "merge", other_topic_id=1)
    assert desk.sizes() == {**{k: n for k, n in sizes.items() if k != 2}, 1: sizes[1] + sizes[2]}
    assert 2 not in desk.topics()
    assert desk.topics()[1]["size"] == sizes[1] + sizes[2]
    desk.undo(order)
    assert desk.sizes() == sizes
    assert {topic_id: topic["size"] for topic_id, topic in desk.topics().items()} == sizes
    assert {topic_id: topic["name"] for topic_id, topic in desk.topics().items()} == names


def test_a_new_post_of_a_merged_topic_gets_the_surviving_id(desk: Desk, models: Models) -> None:
    with desk.database.transaction() as session:
        mine = PostRow.community_id == desk.community.id, ScoreRow.community_id == desk.community.id
        same = ScoreRow.post_id == PostRow.id
        texts = session.scalars(
            select(PostRow.text).join(ScoreRow, same).where(*mine, ScoreRow.topic_id == 2).order_by(PostRow.id).limit(5)
        ).all()
    desk.change(2, "merge", other_topic_id=1)
    ids = [f"new-{number}" for number in range(len(texts))]
    store(desk.database, desk.community, *(record(one, words) for one, words in zip(ids, texts, strict=True)))
    score_waiting(desk.database, models, desk.community.id, ids)
    judge_posts(desk.database, models, desk.community.id, ids, now=LATER)
    with desk.database.transaction() as session:
        of_new = ScoreRow.community_id == desk.community.id, ScoreRow.post_id.in_(ids)
        found = session.scalars(select(ScoreRow.topic_id).where(*of_new)).all()
        session.execute(update(PostRow).where(PostRow.id.in_(ids)).values(deleted_at=LATER))
    assert 1 in found
    assert 2 not in found


def test_what_contradicts_is_refused_with_the_reason(desk: Desk) -> None:
    def refused(topic_id: int, action: str, **fields: object) -> str:
        with pytest.raises(TopicChangeRefused) as caught:
            desk.change(topic_id, action, **fields)
        return caught.value.reason

    desk.change(1, "pin")
    apart = desk.change(2, "keep_apart", other_topic_id=3)
    assert refused(1, "merge", other_topic_id=2) == "pinned"
    assert refused(1, "pin") == "already"
    assert refused(2, "unpin") == "already"
    assert refused(3, "merge", other_topic_id=2) == "kept_apart"
    assert refused(3, "keep_apart", other_topic_id=2) == "already"
    assert refused(3, "merge", other_topic_id=3) == "same_topic"
    desk.undo(apart)
    with pytest.raises(TopicChangeRefused):
        desk.undo(apart)
    for topic_id, fields in ((999, {}), (1, {"other_topic_id": 999})):
        with pytest.raises(TopicUnknown):
            desk.change(topic_id, "keep_apart" if fields else "pin", **fields)
    with pytest.raises(TopicOrderUnknown):
        desk.undo(TopicOrderRow(id=10**9))


def test_a_merge_that_another_rests_on_is_taken_back_last(desk: Desk) -> None:
    first = desk.change(3, "merge", other_topic_id=2)
    second = desk.change(2, "merge", other_topic_id=1)
    with pytest.raises(TopicChangeRefused, match="later"):
        desk.undo(first)
    desk.undo(second)
    desk.undo(first)
    assert {1, 2, 3} <= set(desk.sizes())


def test_orders_cannot_be_changed_or_deleted(desk: Desk) -> None:
    desk.change(1, "pin")
    for statement in ("UPDATE topic_orders SET name = 'x'", "DELETE FROM topic_orders"):
        with pytest.raises(DBAPIError, match="append-only"), desk.database.transaction() as session:
            session.execute(text(statement))


def test_who_did_what_and_who_took_it_back(desk: Desk) -> None:
    order = desk.change(1, "rename", name="Saldo")
    desk.undo(order)
    with desk.database.transaction() as session:
        logged = next(one for one in list_orders(session, desk.community.id, limit=50) if one.row.id == order.id)
    assert (logged.moderator, logged.row.ordered_at) == ("Ria", LATER)
    assert (logged.undone_by, logged.undone_at) == ("Ria", LATER)


def test_the_first_refit_writes_every_topic_down(desk: Desk) -> None:
    with desk.database.transaction() as session:
        events = list_topic_events(session, desk.community.id, kinds=("new",), limit=100)
        then = topic_at(session, desk.community.id, 1, at=NOW)
        assert {event.topic_id for event in events} == set(desk.topics())
        assert (then.state.name, then.state.n_posts, then.is_gone) == (
            desk.topics()[1]["name"],
            desk.topics()[1]["size"],
            False,
        )
        with pytest.raises(TopicUnknown):
            topic_at(session, desk.community.id, 1, at=NOW - timedelta(days=1))


def test_what_moderators_asked_for_survives_a_refit(
    scored_sample: CommunityRow, copy_of: Callable[[CommunityRow], CommunityRow], database: Database, models: Models
) -> None:
    desk = Desk(database, copy_of(scored_sample))
    refit(database, models, desk.community.id, now=NOW)
    smallest = max(desk.topics())
    desk.change(1, "rename", name="Zuurdesem")
    desk.change(3, "merge", other_topic_id=2)
    desk.change(smallest, "pin")
    with database.transaction() as session:
        assert refit_is_due(session, desk.community.id, model_version=models.version, now=LATER)
    refit(database, models, desk.community.id, now=MUCH_LATER)
    topics = desk.topics()
    assert topics[1]["name"] == "Zuurdesem"
    assert 3 not in topics
    assert smallest in topics
    assert desk.sizes() == {topic_id: topic["size"] for topic_id, topic in topics.items()}
    with database.transaction() as session:
        assert not refit_is_due(session, desk.community.id, model_version=models.version, now=MUCH_LATER)
        gone = topic_at(session, desk.community.id, 3, at=MUCH_LATER)
        assert (gone.is_gone, gone.state.fitted_at) == (True, NOW)
        assert not topic_at(session, desk.community.id, 3, at=NOW).is_gone
        assert [state.fitted_at for state in states_of_topic(session, desk.community.id, 1, limit=5)] == [
            MUCH_LATER,
            NOW,
        ]
        at_refit = session.scalars(
            select(TopicEventRow.topic_id).where(
                TopicEventRow.community_id == desk.community.id, TopicEventRow.happened_at == MUCH_LATER
            )
        ).all()
    assert sorted(at_refit) == sorted(set(at_refit))
    assert set(topics) <= set(at_refit)
