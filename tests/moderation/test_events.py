from datetime import timedelta

import pytest

from moderation.communities import save_community
from moderation.config import Community
from moderation.db import Database
from moderation.events import BEGINNING, KEPT, Place, events_after, forget_events, newest_place, tell
from moderation.tables import EventRow
from tests.moderation.queue_rows import new_community
from tests.service import NOW


@pytest.fixture
def community_id(database: Database) -> int:
    with database.transaction() as session:
        return new_community(session).id


def told(database: Database, community_id: int, place: Place = BEGINNING, *, limit: int = 500) -> list[EventRow]:
    with database.transaction() as session:
        return list(events_after(session, community_id, place, limit=limit))


def test_events_come_oldest_first_and_each_once(database: Database, community_id: int) -> None:
    for n in range(5):
        with database.transaction() as session:
            tell(session, community_id, "flag_opened", {"flag_id": n})
    first = told(database, community_id, limit=3)
    rest = told(database, community_id, Place.of(first[-1]), limit=3)
    assert [event.payload["flag_id"] for event in (*first, *rest)] == [0, 1, 2, 3, 4]


def test_events_of_another_community_are_not_told(database: Database, community_id: int) -> None:
    with database.transaction() as session:
        tell(session, new_community(session).id, "decision", {})
    assert told(database, community_id) == []


def test_a_change_that_fails_tells_nothing(database: Database, community_id: int) -> None:
    def fail() -> None:
        with database.transaction() as session:
            tell(session, community_id, "decision", {})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert told(database, community_id) == []


def test_who_has_seen_an_event_has_seen_all_before_it(database: Database, community_id: int) -> None:
    """An event of a long transaction was once written before those of a short one and could be read only after them."""
    with database.transaction() as slow:
        tell(slow, community_id, "flag_opened", {"n": 1})
        slow.flush()
        with database.transaction() as quick:
            tell(quick, community_id, "decision", {"n": 2})
        seen = told(database, community_id)
        assert seen == []
    assert [event.payload["n"] for event in told(database, community_id)] == [1, 2]


def test_a_later_event_of_an_older_transaction_is_not_missed(database: Database, community_id: int) -> None:
    """The older transaction takes the higher id: a reader of ids alone would have gone past it."""
    with database.transaction() as older:
        save_community(older, "older", Community())
        with database.transaction() as younger:
            tell(younger, community_id, "decision", {"n": 1})
        first = told(database, community_id)
        tell(older, community_id, "flag_opened", {"n": 2})
    place = Place.of(first[-1]) if first else BEGINNING
    assert {event.payload["n"] for event in (*first, *told(database, community_id, place))} == {1, 2}


def test_the_newest_place_is_followed_by_nothing(database: Database, community_id: int) -> None:
    with database.transaction() as session:
        tell(session, community_id, "decision", {})
    with database.transaction() as session:
        assert list(events_after(session, community_id, newest_place(session, community_id))) == []


@pytest.mark.parametrize("written", ["", "7", "seven-7", "7-", "-7", "7-7-7", "9" * 40 + "-1"])
def test_a_place_that_nobody_wrote_is_the_beginning(written: str) -> None:
    assert Place.read(written) == BEGINNING


def test_a_place_can_be_written_and_read() -> None:
    assert Place.read(str(Place(812, 512))) == Place(812, 512)


def test_old_events_are_forgotten(database: Database, community_id: int) -> None:
    with database.transaction() as session:
        for age in (KEPT + timedelta(seconds=1), KEPT - timedelta(seconds=1)):
            session.add(EventRow(community_id=community_id, kind="decision", payload={}, created_at=NOW - age))
        session.flush()
        forget_events(session, now=NOW)
    assert [event.created_at for event in told(database, community_id)] == [NOW - KEPT + timedelta(seconds=1)]
