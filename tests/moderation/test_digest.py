from datetime import UTC, date, datetime, timedelta
from html.parser import HTMLParser
from typing import Any

import pytest
from sqlalchemy.orm import Session

from moderation.alarm_rules import watch_drift
from moderation.communities import save_community
from moderation.config import Community
from moderation.digest import Digest, due_day, make_digest
from moderation.digest_sending import digest_in_words
from moderation.reports.digest_text import as_html, as_plain_text
from moderation.tables import CommunityRow, FindingRow
from tests.moderation.queue_rows import new_post
from tests.moderation.test_alarm_rules import drift_line

DAY = date(2026, 11, 19)
#: The next morning at nine, Dutch time.
NOW = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)


def ago(**span: float) -> datetime:
    return NOW - timedelta(**span)


def episode(id_: str, started_at: datetime, **fields: Any) -> dict[str, Any]:
    known = {"id": id_, "thread_id": f"t-{id_}", "started_at": started_at.isoformat(), "first_answer_at": None}
    return {**known, "censored": "end", "corrected": None, "clocks_reason": None, **fields}


def question(post_id: str, asked_at: datetime) -> dict[str, Any]:
    return {"post_id": post_id, "thread_id": f"t-{post_id}", "asked_at": asked_at.isoformat()}


def find(
    session: Session, row: CommunityRow, *episodes: dict[str, Any], questions: Any = (), drift: Any = None
) -> None:
    contents = {
        "response_times": {"episodes": list(episodes), "unanswered_questions": list(questions)},
        "drift": {"periods": [], "lines": []} if drift is None else drift,
        "topics": {"topics": [{"id": 12, "name": "bezorging"}]},
    }
    for kind, found in contents.items():
        finding = FindingRow(kind=kind, found_at=NOW, n_posts=9, model_version="m", contents=found)
        finding.community_id = row.id
        session.add(finding)
    session.flush()


def digest_of(session: Session, row: CommunityRow, *, day: date = DAY) -> Digest:
    return make_digest(session, row, day, now=NOW)


def text_of(session: Session, row: CommunityRow, language: str = "nl") -> str:
    words = digest_in_words(session, row, digest_of(session, row), language=language, public_url="https://k.example")
    return as_plain_text(words)


def test_who_waits_past_the_target_leads_with_the_longest_first(session: Session, community: CommunityRow) -> None:
    find(
        session,
        community,
        episode("late", ago(hours=30)),
        episode("later", ago(hours=50)),
        episode("fresh", ago(hours=3)),
        episode("answered", ago(hours=60), first_answer_at=ago(hours=59).isoformat(), censored=None),
        episode("deleted", ago(hours=60), censored="deleted"),
        episode("unknown author", ago(hours=60), clocks_reason="unknown author", censored=None),
        episode("old", ago(days=40)),
    )
    digest = digest_of(session, community)
    assert [post.post_id for post in digest.late] == ["later", "late"]
    assert digest.n_late_older == 1


def test_what_happened_on_the_day_is_counted_in_the_community_s_time_zone(
    session: Session, community: CommunityRow
) -> None:
    at_midnight = datetime(2026, 11, 18, 23, 0, tzinfo=UTC)
    answers = [at_midnight - timedelta(seconds=1), at_midnight, at_midnight + timedelta(hours=24)]
    find(
        session,
        community,
        *[
            episode(
                f"e{n}", ago(days=5), first_answer_at=at.isoformat(), corrected={"by": "peer", "at": at.isoformat()}
            )
            for n, at in enumerate(answers)
        ],
    )
    digest = digest_of(session, community)
    assert (digest.n_answered, digest.n_corrected) == (1, 1)


def test_an_earlier_day_is_told_as_it_was(session: Session, community: CommunityRow) -> None:
    find(session, community, episode("e", ago(days=5), first_answer_at=ago(hours=20).isoformat(), censored=None))
    assert [post.post_id for post in digest_of(session, community, day=DAY - timedelta(days=2)).late] == ["e"]
    assert digest_of(session, community).late == ()


def test_a_day_without_anything_is_quiet_and_old_waits_do_not_change_that(
    session: Session, community: CommunityRow
) -> None:
    find(session, community, episode("old", ago(days=40)), drift={"periods": [], "lines": [drift_line()]})
    assert digest_of(session, community).is_quiet


@pytest.mark.parametrize("questions", [[question("q", ago(days=2))], [question("q", ago(hours=2))]])
def test_an_unanswered_question_is_no_quiet_day(session: Session, community: CommunityRow, questions: Any) -> None:
    find(session, community, questions=questions)
    digest = digest_of(session, community)
    assert [post.post_id for post in digest.questions] == ["q"]
    assert not digest.is_quiet


def test_open_alarms_are_told_with_the_topic_s_name(session: Session, community: CommunityRow) -> None:
    find(session, community)
    watch_drift(session, community.id, {"lines": [drift_line()]}, now=ago(hours=2))
    said = text_of(session, community)
    assert "bezorging: meer berichten zijn ontevreden, van 10% naar 40%." in said


@pytest.mark.parametrize(
    ("language", "said"),
    [
        (
            "nl",
            ["Proef: 2 berichten wachten op antwoord", "1 ontevreden lid wacht te lang", "“Punten kwijt”, al 2 dagen"],
        ),
        ("en", ["Proef: 2 posts wait for an answer", "1 unhappy member waits too long", "for 2 days"]),
    ],
)
def test_the_digest_speaks_both_languages(
    session: Session, community: CommunityRow, language: str, said: list[str]
) -> None:
    new_post(session, community, "late", title="Punten kwijt")
    find(session, community, episode("late", ago(hours=50)), questions=[question("q", ago(days=2))])
    words = digest_in_words(session, community, digest_of(session, community), language=language, public_url=None)
    text = words.subject + "\n" + as_plain_text(words)
    missing = [part for part in said if part not in text]
    assert not missing, text


def test_what_members_write_is_never_markup_and_no_name_is_told(session: Session, community: CommunityRow) -> None:
    new_post(session, community, "late", title="<script>alert(1)</script>", author_name="Geertje")
    find(session, community, episode("late", ago(hours=50)))
    words = digest_in_words(session, community, digest_of(session, community), language="nl", public_url=None)
    html = as_html(words)
    tags: list[str] = []
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attrs: tags.append(tag)  # type: ignore[method-assign]
    parser.feed(html)
    assert "script" not in tags
    assert "&lt;script&gt;" in html
    assert "Geertje" not in html + as_plain_text(words)


def test_a_deleted_post_is_not_quoted(session: Session, community: CommunityRow) -> None:
    new_post(session, community, "late", title="Weg hiermee", deleted_at=ago(hours=1))
    find(session, community, episode("late", ago(hours=50)))
    assert "Weg hiermee" not in text_of(session, community)


def test_a_community_that_was_never_looked_at_is_told_so(session: Session, community: CommunityRow) -> None:
    assert "nog niet in hun geheel bekeken" in text_of(session, community)


@pytest.mark.parametrize(
    ("hour", "now", "day"),
    [
        (8, "2026-11-20T06:59:59+00:00", "2026-11-18"),
        (8, "2026-11-20T07:00:00+00:00", "2026-11-19"),
        (0, "2026-11-20T23:00:00+00:00", "2026-11-20"),
        # The clocks go forward at two: that hour does not exist, the digest comes at three.
        (2, "2026-03-29T00:59:59+00:00", "2026-03-27"),
        (2, "2026-03-29T01:00:00+00:00", "2026-03-28"),
        # They go back at three: the hour from two comes twice, and the day stays the same.
        (2, "2026-10-24T23:59:59+00:00", "2026-10-23"),
        (2, "2026-10-25T00:00:00+00:00", "2026-10-24"),
        (2, "2026-10-25T01:30:00+00:00", "2026-10-24"),
    ],
)
def test_a_digest_is_due_from_its_hour_on(hour: int, now: str, day: str) -> None:
    assert due_day(Community(digest_hour=hour), datetime.fromisoformat(now)) == date.fromisoformat(day)


def test_hours_without_opening_do_not_make_anybody_late(session: Session) -> None:
    row = save_community(session, "hours", Community(opening_hours={"thu": "09:00-17:00"}, target_hours=8))
    find(session, row, episode("e", datetime(2026, 11, 19, 9, 0, tzinfo=UTC)))
    assert digest_of(session, row).late == ()
