from datetime import timedelta

from sqlalchemy import select

from moderation.alarm_check import check_alarms, threads_to_look_at
from moderation.alarms import open_alarms
from moderation.db import Database
from moderation.incoming import judge_posts, score_waiting
from moderation.pipeline import Models
from moderation.tables import AlarmRow, CommunityRow
from tests.service import ANSWERS, NOW, SOUP, UNHAPPY, new_community, record, store


def arrive(database: Database, models: Models, community: CommunityRow, *records: dict[str, object]) -> None:
    store(database, community, *records)
    post_ids = [str(one["id"]) for one in records]
    score_waiting(database, models, community.id, post_ids)
    judge_posts(database, models, community.id, post_ids, now=NOW)


def alarms(database: Database, community: CommunityRow) -> list[tuple[str, str]]:
    with database.transaction() as session:
        return [(alarm.kind, alarm.cause) for alarm in open_alarms(session, community.id)]


def test_time_alone_raises_the_alarm_and_the_answer_ends_it_at_once(database: Database, models: Models) -> None:
    community = new_community(database, staff=("s1",), languages=("nl",))
    arrive(database, models, community, record("p1", UNHAPPY), record("p2", SOUP))
    check_alarms(database, models, now=NOW)
    assert alarms(database, community) == []
    for _ in range(2):
        check_alarms(database, models, now=NOW + timedelta(hours=13))
    assert alarms(database, community) == [("past_target", "p1")]
    arrive(
        database,
        models,
        community,
        record("p3", ANSWERS, minutes=700, thread_id="t-p1", parent_id="p1", author_id="s1"),
    )
    assert alarms(database, community) == []


def test_three_who_join_in_raise_the_alarm_as_their_posts_arrive(database: Database, models: Models) -> None:
    community = new_community(database, languages=("nl",))
    joins = [
        record(f"j{n}", UNHAPPY, minutes=10 + n, thread_id="t-p1", parent_id="p1", author_id=f"a{n}") for n in range(3)
    ]
    arrive(database, models, community, record("p1", UNHAPPY), *joins)
    assert alarms(database, community) == [("amplified", "p1")]


def test_threads_in_which_nothing_is_due_are_not_read_again(database: Database, models: Models) -> None:
    community = new_community(database, languages=("nl",))
    arrive(database, models, community, record("p1", UNHAPPY), record("p2", SOUP))
    with database.transaction() as session:
        row = session.get_one(CommunityRow, community.id)
        assert threads_to_look_at(session, row, now=NOW) == []
        assert threads_to_look_at(session, row, now=NOW + timedelta(hours=13)) == ["t-p1"]


def test_an_alarm_holds_no_text_and_no_name(database: Database, models: Models) -> None:
    community = new_community(database, languages=("nl",))
    arrive(database, models, community, record("p1", UNHAPPY, author_id="geheime-schrijver"))
    check_alarms(database, models, now=NOW + timedelta(hours=13))
    with database.transaction() as session:
        (alarm,) = session.scalars(select(AlarmRow).where(AlarmRow.community_id == community.id)).all()
    assert "Waardeloze" not in str(alarm.evidence)
    assert "geheime" not in str(alarm.evidence)
