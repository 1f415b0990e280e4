from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from moderation.alarm_rules import RECENT, TargetClock, watch_drift, watch_emergence, watch_episodes
from moderation.alarms import alarm_as_json, forget_alarms, list_alarms, n_open_alarms, open_alarms, raise_alarm
from moderation.communities import save_community
from moderation.config import Community
from moderation.response_times import who_waits
from moderation.tables import AlarmRow, CommunityRow, DecisionRow
from tests.moderation.episode_corpus import START, Row, at, row, small_corpus, unhappy
from tests.moderation.queue_rows import events_of, new_moderator, new_post

LATER = at(60)
WEEKDAYS = dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), "09:00-17:30")


def watch(session: Session, community: CommunityRow, rows: Sequence[Row], *, now: datetime = LATER) -> list[str]:
    """The open alarms after a look, as "kind cause"."""
    corpus = small_corpus(rows)
    waits = who_waits(corpus, topic_of=[None] * len(corpus), end_at=max(post.created_at for post in corpus.posts))
    watch_episodes(session, community, corpus, waits, now=now)
    return sorted(f"{alarm.kind} {alarm.cause}" for alarm in open_alarms(session, community.id))


def joined_by(*authors: str, every: int = 10) -> list[Row]:
    joins = [
        unhappy(f"j{place}", every * (place + 1), author, "Same with me, it loses my points too.")
        for place, author in enumerate(authors)
    ]
    return [unhappy("e", 0, "a"), *joins]


def only_alarm(session: Session, community: CommunityRow) -> AlarmRow:
    (alarm,) = list_alarms(session, community.id, state=None, before=None, limit=10)
    return alarm


def test_a_complaint_that_three_members_join_in_within_a_day_is_an_alarm(
    session: Session, community: CommunityRow
) -> None:
    assert watch(session, community, joined_by("b", "c", "d")) == ["amplified e"]
    alarm = only_alarm(session, community)
    assert alarm.since == at(10)
    assert alarm.evidence == {
        "thread_id": "t",
        "topic_id": None,
        "language": "en",
        "post_ids": ["e", "j0", "j1", "j2"],
        "n_authors": 3,
    }


@pytest.mark.parametrize(
    "rows",
    [
        joined_by("b", "c"),
        joined_by("b", "b", "b", "c"),
        joined_by("b", "c", "a"),
        joined_by("b", "c", "d", every=60 * 13),
    ],
    ids=["two authors", "one author three times", "the writer himself", "spread over two days"],
)
def test_fewer_members_in_a_day_are_no_alarm(session: Session, community: CommunityRow, rows: list[Row]) -> None:
    end = max(one.post.created_at for one in rows)
    assert "amplified e" not in watch(session, community, rows, now=end + timedelta(minutes=1))


def test_the_community_says_how_many_members_are_an_alarm(session: Session) -> None:
    wary = save_community(session, "wary", Community(alarm_authors=2))
    assert watch(session, wary, joined_by("b", "c")) == ["amplified e"]


def test_looking_again_raises_nothing_twice_and_renews_the_evidence(session: Session, community: CommunityRow) -> None:
    watch(session, community, joined_by("b", "c", "d"))
    watch(session, community, joined_by("b", "c", "d"))
    watch(session, community, joined_by("b", "c", "d", "f"))
    assert events_of(session, community) == ["alarm_opened"]
    assert only_alarm(session, community).evidence["n_authors"] == 4


def test_an_alarm_about_spreading_ends_when_a_day_passes_quietly(session: Session, community: CommunityRow) -> None:
    rows = joined_by("b", "c", "d")
    watch(session, community, rows)
    assert "amplified e" not in watch(session, community, rows, now=at(30) + timedelta(hours=25))
    assert only_closed(session, community, "amplified") == "quiet"


def only_closed(session: Session, community: CommunityRow, kind: str) -> str | None:
    (closed,) = [
        alarm
        for alarm in list_alarms(session, community.id, state="closed", before=None, limit=10)
        if alarm.kind == kind
    ]
    return closed.closed_reason


def test_an_alarm_about_spreading_ends_when_the_complaint_is_put_right(
    session: Session, community: CommunityRow
) -> None:
    rows = joined_by("b", "c", "d")
    watch(session, community, rows)
    calm = [row("r", 40, "s1", role="staff"), row("back", 50, "a", "Thank you, that solved it for me.")]
    assert watch(session, community, [*rows, *calm]) == []
    assert only_closed(session, community, "amplified") == "corrected"


def test_who_waits_past_the_target_is_an_alarm_until_somebody_answers(
    session: Session, community: CommunityRow
) -> None:
    rows = [unhappy("e", 0, "a")]
    assert watch(session, community, rows, now=START + timedelta(hours=23, minutes=59)) == []
    assert watch(session, community, rows, now=START + timedelta(hours=24)) == ["past_target e"]
    apology = row("sorry", 1500, "s1", "We are sorry to hear that.", role="staff")
    assert watch(session, community, [*rows, apology], now=START + timedelta(hours=26)) == ["past_target e"]
    answer = row("r", 1600, "s1", role="staff")
    assert watch(session, community, [*rows, apology, answer], now=START + timedelta(hours=27)) == []
    assert only_closed(session, community, "past_target") == "answered"
    assert events_of(session, community) == ["alarm_opened", "alarm_closed"]


def test_an_alarm_ends_with_the_post(session: Session, community: CommunityRow) -> None:
    watch(session, community, [unhappy("e", 0, "a")], now=START + timedelta(hours=25))
    gone = [unhappy("e", 0, "a", deleted_at=at(1560)), row("o", 1570, "b", thread="t2")]
    assert watch(session, community, gone, now=START + timedelta(hours=27)) == []
    assert only_closed(session, community, "past_target") == "deleted"


def test_an_alarm_ends_when_the_post_is_edited_into_something_else(session: Session, community: CommunityRow) -> None:
    watch(session, community, [unhappy("e", 0, "a")], now=START + timedelta(hours=25))
    assert watch(session, community, [row("e", 0, "a")], now=START + timedelta(hours=26)) == []
    assert only_closed(session, community, "past_target") == "no longer holds"


def test_alarms_of_other_threads_are_left_alone(session: Session, community: CommunityRow) -> None:
    watch(session, community, [unhappy("e", 0, "a")], now=START + timedelta(hours=25))
    elsewhere = [row("x", 5, "b", thread="t2")]
    assert watch(session, community, elsewhere, now=START + timedelta(hours=26)) == ["past_target e"]


def test_a_moderator_who_says_that_nobody_waits_ends_the_alarm_and_an_undo_brings_it_back(
    session: Session, community: CommunityRow
) -> None:
    rows, now = [unhappy("e", 0, "a")], START + timedelta(hours=25)
    watch(session, community, rows, now=now)
    moderator, _ = new_moderator(session, community), new_post(session, community, "e")
    known: dict[str, Any] = {"community_id": community.id, "flag_id": 1, "post_id": "e", "lane": "answer"}
    known |= {"revision": 1, "reasons": [], "model_version": "m", "moderator_id": moderator.id}
    decision = DecisionRow(action="answered_elsewhere", **known)
    session.add(decision)
    session.flush()
    assert watch(session, community, rows, now=now) == []
    assert only_closed(session, community, "past_target") == "settled by a moderator"
    session.add(DecisionRow(action="undo", undoes=decision.id, **known))
    session.flush()
    assert watch(session, community, rows, now=now) == ["past_target e"]


def test_complaints_of_an_old_import_raise_no_alarm_but_a_known_one_stays(
    session: Session, community: CommunityRow
) -> None:
    rows = [unhappy("e", 0, "a")]
    assert watch(session, community, rows, now=START + RECENT + timedelta(hours=1)) == []
    watch(session, community, rows, now=START + timedelta(hours=25))
    assert watch(session, community, rows, now=START + RECENT + timedelta(hours=1)) == ["past_target e"]


@pytest.mark.parametrize(
    ("since", "now", "is_past"),
    [
        # A Friday afternoon: 2.5 hours that day, the weekend does not count, 5.5 hours of Monday are still to come.
        ("2025-03-07T15:00+01:00", "2025-03-10T14:29+01:00", False),
        ("2025-03-07T15:00+01:00", "2025-03-10T14:30+01:00", True),
        # Over the weekend in which the clocks go forward: the hour that does not exist counts nowhere.
        ("2025-03-28T15:00+01:00", "2025-03-31T14:29+02:00", False),
        ("2025-03-28T15:00+01:00", "2025-03-31T14:30+02:00", True),
        # King's Day 2026 is a Monday.
        ("2026-04-24T15:00+02:00", "2026-04-28T14:29+02:00", False),
        ("2026-04-24T15:00+02:00", "2026-04-28T14:30+02:00", True),
    ],
)
def test_outside_opening_hours_the_clock_rests(since: str, now: str, *, is_past: bool) -> None:
    settings = Community(opening_hours=WEEKDAYS, holidays="NL")
    clock = TargetClock.of(settings, datetime.fromisoformat(now))
    assert clock.is_past(datetime.fromisoformat(since)) is is_past


@given(st.floats(0.5, 240), st.floats(0, 300), st.floats(0, 48))
def test_who_waits_longer_is_never_past_the_target_later(target_hours: float, waited: float, more: float) -> None:
    clock = TargetClock.of(
        Community(opening_hours=WEEKDAYS, target_hours=target_hours), datetime(2026, 6, 3, tzinfo=UTC)
    )
    since = clock.now - timedelta(hours=waited)
    assert clock.is_past(since) <= clock.is_past(since - timedelta(hours=min(more, 336 - waited)))


def drift_line(topic_id: int | None = 12, **fields: Any) -> dict[str, Any]:
    known = {"kind": "negative_share", "topic_id": topic_id, "from": 0.1, "to": 0.4, "since": "2025-02-24T00:00:00Z"}
    return {**known, "exemplar_ids": ["p1"], "n_posts": 9, "n_authors": 7, **fields}


def test_a_topic_that_turns_negative_is_an_alarm_for_as_long_as_the_drift_report_says_so(
    session: Session, community: CommunityRow
) -> None:
    for _ in range(2):
        watch_drift(session, community.id, {"lines": [drift_line()]}, now=LATER)
    alarm = only_alarm(session, community)
    assert (alarm.kind, alarm.cause, alarm.evidence["n_authors"]) == ("negative_topic", "topic 12", 7)
    watch_drift(session, community.id, {"lines": []}, now=LATER)
    assert n_open_alarms(session, community.id) == 0
    assert events_of(session, community) == ["alarm_opened", "alarm_closed"]


@pytest.mark.parametrize("fields", [{"to": 0.05}, {"kind": "topic_share"}, {"topic_id": None}])
def test_other_changes_are_no_alarm(session: Session, community: CommunityRow, fields: dict[str, Any]) -> None:
    watch_drift(session, community.id, {"lines": [drift_line(**fields)]}, now=LATER)
    assert n_open_alarms(session, community.id) == 0


def emerging(since: str = "2025-02-24T00:00:00Z", negative_share: float | None = 0.6) -> dict[str, Any]:
    found = {"since": since, "negative_share": negative_share, "topic_id": None, "post_ids": ["p1"]}
    return {"slow": [], "fast": [{**found, "n_posts": 9, "n_authors": 7, "phrase": "what members wrote"}]}


def test_a_new_unhappy_subject_is_an_alarm_for_as_long_as_it_is_found(
    session: Session, community: CommunityRow
) -> None:
    watch_drift(session, community.id, {"lines": [drift_line()]}, now=LATER)
    for _ in range(2):
        watch_emergence(session, community.id, emerging(), now=LATER)
    causes = [alarm.cause for alarm in open_alarms(session, community.id)]
    assert causes == ["emerging 2025-02-24T00:00:00Z", "topic 12"]
    assert "phrase" not in open_alarms(session, community.id)[0].evidence
    watch_emergence(session, community.id, {"slow": [], "fast": []}, now=LATER)
    assert [alarm.cause for alarm in open_alarms(session, community.id)] == ["topic 12"]


@pytest.mark.parametrize("negative_share", [None, 0.4])
def test_a_new_subject_that_is_not_unhappy_is_no_alarm(
    session: Session, community: CommunityRow, negative_share: float | None
) -> None:
    watch_emergence(session, community.id, emerging(negative_share=negative_share), now=LATER)
    assert n_open_alarms(session, community.id) == 0


def test_a_cause_that_comes_back_is_a_new_alarm(session: Session, community: CommunityRow) -> None:
    for lines in ([drift_line()], [], [drift_line()]):
        watch_drift(session, community.id, {"lines": lines}, now=LATER)
    states = [alarm.closed_at is None for alarm in list_alarms(session, community.id, state=None, before=None, limit=9)]
    assert states == [True, False]


def test_alarms_come_in_pages_newest_first(session: Session, community: CommunityRow) -> None:
    for number in range(5):
        raise_alarm(session, community.id, "negative_topic", f"topic {number}", evidence={}, since=START, now=LATER)
    first = list_alarms(session, community.id, state="open", before=None, limit=3)
    second = list_alarms(session, community.id, state="open", before=first[-1].id, limit=3)
    assert [alarm.cause for alarm in (*first, *second)] == [f"topic {number}" for number in (4, 3, 2, 1, 0)]
    assert alarm_as_json(first[0])["closed_at"] is None


def test_alarms_that_ended_a_year_ago_are_forgotten_and_open_ones_kept(
    session: Session, community: CommunityRow
) -> None:
    watch_drift(session, community.id, {"lines": [drift_line()]}, now=LATER)
    watch_drift(session, community.id, {"lines": [drift_line(13)]}, now=LATER)
    forget_alarms(session, now=LATER + timedelta(days=366))
    assert only_alarm(session, community).cause == "topic 13"
