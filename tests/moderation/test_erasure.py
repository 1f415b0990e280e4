from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from moderation.accounts import moderator_named
from moderation.alarms import raise_alarm
from moderation.communities import save_community
from moderation.config import Community
from moderation.db import Database
from moderation.decisions import DecisionRequest, record_decision
from moderation.episode_corrections import CorrectionRequest, record_correction, undo_correction
from moderation.erasure import HANDLED_APART, NOT_OF_MEMBERS, Erasure, erase_community, erase_member
from moderation.errors import MemberUnknown
from moderation.idempotency import KeptAnswer, keep_answer
from moderation.ingest import store_posts
from moderation.jobs import Service
from moderation.left_out import leave_out
from moderation.pipeline import Models
from moderation.refit import refit
from moderation.settings import Settings
from moderation.tables import (
    AlarmRow,
    Base,
    CommunityRow,
    ErasureRow,
    EventRow,
    FindingRow,
    FlagRow,
    LeftOutRow,
    PostRow,
    ScoreRow,
    TopicStateRow,
    WaitRow,
    WebhookDeliveryRow,
    WebhookRow,
)
from tests.service import ANSWERS, ASKS, NOW, UNHAPPY, fresh_database, new_community, posts_of, record, store, work_off

LATER = NOW + timedelta(minutes=5)
ERASED, NAME = "lid-wieteke-4471", "Wieteke Zwaluwstaart"
COMPLAINS = "Waardeloze winkel, al drie weken wacht ik op mijn kwispelbonnen en niemand reageert. Nooit meer hier."
ANSWERS_TOO = (
    "Je kunt de kwispelbonnen overzetten in de app onder Mijn pas: kies daar Punten delen en vul het nummer in."
)
NEEDLES = (ERASED, NAME, "Wieteke", "kwispelbonnen", "e-klacht", "e-antwoord")


@pytest.fixture(scope="module")
def service(database: Database, models: Models) -> Iterator[Service]:
    with fresh_database(database) as own:
        yield Service(own, models, Settings())


@pytest.fixture(scope="module")
def community(service: Service) -> CommunityRow:
    """A community in which somebody left traces wherever the service keeps any."""
    community = new_community(service.database, name="Proef", staff=("s1",), not_asked=(ERASED, "m2"))
    store(service.database, community, *_posts())
    work_off(service)
    refit(service.database, service.models, community.id, now=NOW)
    with service.database.transaction() as session:
        _leave_traces(session, community)
    return community


def _posts() -> list[dict[str, Any]]:
    by = {"author_id": ERASED, "author_name": NAME}
    quoting = (
        f"Wieteke Zwaluwstaart schreef:\n> {COMPLAINS}\n\n@Wieteke Zwaluwstaart ik heb dat ook gehad met mijn pas."
    )
    return [
        record("e-klacht", COMPLAINS, thread_id="t1", title="De kwispelbonnen zijn weg", **by),
        record("p-quote", quoting, minutes=5, thread_id="t1", parent_id="e-klacht", author_id="m2"),
        record("p-named", "Bedankt allemaal, en groeten aan de familie.", minutes=9, thread_id="t1", author_id="m3"),
        record("p-asks", ASKS, minutes=10, thread_id="t2", author_id="m4"),
        record("e-antwoord", ANSWERS_TOO, minutes=12, thread_id="t2", parent_id="p-asks", **by),
        record("p-unhappy", UNHAPPY, minutes=20, thread_id="t3", author_id="m5"),
        record("e-helpt", ANSWERS, minutes=25, thread_id="t3", parent_id="p-unhappy", **by),
        record("p-mild", "Dat staat al in het eerste bericht.", minutes=30, thread_id="t3", author_id="m6"),
    ]


def _leave_traces(session: Session, community: CommunityRow) -> None:
    noor = moderator_named(session, community.id, "Noor")
    flag = session.scalars(select(FlagRow).where(FlagRow.post_id == "e-klacht")).one()
    note = f"Gebeld met {NAME}, komt goed"
    lane = flag.lanes[0]
    request = DecisionRequest(
        "agree" if lane != "answer" else "answered_elsewhere", flag.revision, lane=lane, note=note
    )
    record_decision(session, community, flag.id, request, moderator=noor, now=NOW)
    correction = CorrectionRequest("reply_kind", "e-helpt", "acknowledged", None, f"{NAME} bedoelde iets anders")
    made = record_correction(session, community, "p-unhappy", correction, moderator=noor, model_version="m", now=NOW)
    undo_correction(session, community, made.id, moderator=noor, now=NOW)
    raise_alarm(session, community.id, "amplified", "e-klacht", evidence={"post_ids": ["e-klacht"]}, since=NOW, now=NOW)
    evidence = {"post_ids": ["p-unhappy", "e-antwoord"], "thread_id": "t3"}
    raise_alarm(session, community.id, "past_target", "p-unhappy", evidence=evidence, since=NOW, now=NOW)
    answer = KeptAnswer(200, {"accepted": 2, "posts": [{"id": "e-klacht"}, {"id": "p-asks"}]})
    keep_answer(session, community.id, "e-klacht", request_hash="h", answer=answer, now=NOW)
    keep_answer(session, community.id, "other", request_hash="h", answer=answer, now=NOW)
    webhook = WebhookRow(
        community_id=community.id,
        url="https://example.org",
        events=["flag_opened"],
        secret="s",
        place="0-0",
        created_at=NOW,
    )
    session.add(webhook)
    session.flush()
    for number, post_id in enumerate(("e-klacht", "p-asks")):
        session.add(
            WebhookDeliveryRow(
                webhook_id=webhook.id,
                message_id=f"evt_{number}",
                kind="flag_opened",
                happened_at=NOW,
                payload={"flag_id": number, "post_id": post_id},
            )
        )
    state = {"named_by_moderator": False, "language": "nl", "n_posts": 9, "share": 0.5, "fitted_at": NOW}
    session.add(
        TopicStateRow(
            community_id=community.id, topic_id=9, name="Kwispelbonnen, punten", terms=["kwispelbonnen", "punten"],
            exemplar_ids=["e-klacht", "p-asks"], theme_name="Kwispelbonnen", **state,
        )
    )  # fmt: skip
    leave_out(session, community, ERASED, now=NOW)


def everything(session: Session) -> dict[str, str]:
    """Every row of every table of the database, the job queue's too, as text."""
    tables = session.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"))
    return {
        table: "\n".join(session.scalars(text(f'SELECT CAST(to_jsonb(t) AS text) FROM "{table}" t')))
        for table in tables.all()
    }


def found_in(session: Session, needles: tuple[str, ...]) -> set[tuple[str, str]]:
    rows = everything(session)
    return {(table, needle) for table, said in rows.items() for needle in needles if needle.lower() in said.lower()}


@pytest.fixture(scope="module")
def before(service: Service, community: CommunityRow) -> set[tuple[str, str]]:
    with service.database.transaction() as session:
        return found_in(session, NEEDLES)


@dataclass(frozen=True)
class After:
    """What was there right after the erasure, before any test changed it."""

    erasure: Erasure
    traces: set[tuple[str, str]]
    posts: dict[str, PostRow]
    scored: set[str]
    waiting: set[str]
    alarm: dict[str, Any]
    state: tuple[Any, ...]
    deliveries: list[str]
    told: tuple[Any, ...]
    payload: dict[str, Any]
    is_left_out: bool


@pytest.fixture(scope="module")
def after(service: Service, community: CommunityRow, before: set[tuple[str, str]]) -> After:
    with service.database.transaction() as session:
        erasure = erase_member(session, community, ERASED, erased_by="test", now=LATER)
    with service.database.transaction() as session:
        state = session.scalars(select(TopicStateRow).where(TopicStateRow.topic_id == 9)).one()
        row = session.scalars(select(ErasureRow).where(ErasureRow.community_id == community.id)).one()
        return After(
            erasure=erasure,
            traces=found_in(session, NEEDLES),
            posts=posts_of(session, community),
            scored=set(session.scalars(select(ScoreRow.post_id).where(ScoreRow.community_id == community.id))),
            waiting=set(session.scalars(select(WaitRow.post_id).where(WaitRow.community_id == community.id))),
            alarm=session.scalars(
                select(AlarmRow.evidence).where(AlarmRow.community_id == community.id, AlarmRow.cause == "p-unhappy")
            ).one(),
            state=(state.name, state.terms, state.exemplar_ids),
            deliveries=list(session.execute(text("SELECT message_id FROM webhook_deliveries")).scalars()),
            told=(row.counts["posts"], row.erased_by, row.erased_at),
            payload=session.scalars(
                select(EventRow.payload).where(EventRow.community_id == community.id, EventRow.kind == "member_erased")
            ).one(),
            is_left_out=session.get(LeftOutRow, (community.id, ERASED)) is not None,
        )


def test_the_traces_were_everywhere(before: set[tuple[str, str]]) -> None:
    tables = {table for table, _ in before}
    assert tables >= {
        "communities", "posts", "scores", "flags", "waits", "decisions", "episode_corrections", "alarms", "events",
        "idempotency_keys", "webhook_deliveries", "findings", "topic_states", "left_out",
    }  # fmt: skip


def test_no_trace_is_left_in_any_table(after: After) -> None:
    assert after.traces == set()


@pytest.mark.usefixtures("after")
def test_none_comes_back_when_everything_was_worked_out_anew(service: Service, community: CommunityRow) -> None:
    work_off(service)
    refit(service.database, service.models, community.id, now=LATER)
    with service.database.transaction() as session:
        assert found_in(session, NEEDLES) == set()
        kinds = set(session.scalars(select(FindingRow.kind).where(FindingRow.community_id == community.id)))
        assert kinds >= {"topics", "members", "response_times", "report"}


def test_what_others_wrote_stays(after: After) -> None:
    assert set(after.posts) == {"p-quote", "p-named", "p-asks", "p-unhappy", "p-mild"}
    assert after.posts["p-quote"].text.endswith("@[…] ik heb dat ook gehad met mijn pas.")
    assert after.posts["p-quote"].parent_id is None
    assert "p-asks" in after.waiting
    assert after.alarm == {"post_ids": ["p-unhappy"], "thread_id": "t3"}
    assert after.state == ("punten", ["punten"], ["p-asks"])
    assert after.deliveries == ["evt_1"]


def test_scores_of_others_are_kept_but_for_what_was_quoted(after: After) -> None:
    assert after.scored >= {"p-named", "p-asks", "p-mild"}
    assert not after.is_left_out


def test_the_erasure_says_what_it_did_and_nothing_about_the_person(after: After) -> None:
    assert (after.erasure.n_posts, after.erasure.named_in_post_ids) == (3, [])
    assert after.told == (3, "test", LATER)
    assert after.payload == {"erasure_id": after.erasure.id, "n_posts": 3, "erased_at": LATER.isoformat()}


@pytest.mark.usefixtures("after")
def test_a_later_import_does_not_bring_the_person_back(service: Service, community: CommunityRow) -> None:
    with service.database.transaction() as session:
        outcomes = store_posts(session, community, [*_posts()[:1], record("p-new", ASKS)], now=LATER)
        assert [(outcome.status, outcome.field) for outcome in outcomes] == [
            ("rejected", "author_id"),
            ("accepted", None),
        ]
        assert "e-klacht" not in posts_of(session, community)
        session.rollback()


@pytest.mark.usefixtures("after")
def test_a_second_erasure_is_no_error(service: Service, community: CommunityRow) -> None:
    with service.database.transaction() as session:
        again = erase_member(session, community, ERASED, erased_by="test", now=LATER)
        assert again.n_posts == 0
        assert len(session.scalars(select(ErasureRow.id).where(ErasureRow.community_id == community.id)).all()) == 1
        session.rollback()


def test_somebody_who_never_wrote_is_unknown(session: Session, community: CommunityRow) -> None:
    own = save_community(session, "erase-none", Community())
    with pytest.raises(MemberUnknown):
        erase_member(session, own, "nobody", erased_by="test", now=NOW)


def test_the_same_id_elsewhere_stays(session: Session) -> None:
    """An author's number can be a post's number too, and another community's author's."""
    one, other = (save_community(session, f"erase-{name}", Community()) for name in ("one", "other"))
    for community in (one, other):
        posts = [record("88", "Eerste", author_id="7"), record("7", "Tweede", author_id="88", thread_id="t-88")]
        store_posts(session, community, posts, now=NOW)
    erase_member(session, one, "88", erased_by="test", now=NOW)
    assert set(posts_of(session, one)) == {"88"}
    assert set(posts_of(session, other)) == {"7", "88"}


def test_a_refit_that_ran_meanwhile_stores_nothing(service: Service, models: Models) -> None:
    own = new_community(service.database)
    store(service.database, own, *_posts())
    work_off(service)

    class ErasesMeanwhile:
        """The models, with somebody who erases the member once the corpus is loaded."""

        def __getattr__(self, name: str) -> Any:
            return getattr(models, name)

        @property
        def everyday_subjects(self) -> np.ndarray:
            with service.database.transaction() as session:
                erase_member(session, own, ERASED, erased_by="test", now=NOW)
            return models.everyday_subjects

    with service.database.transaction() as session:
        save_community(session, own.slug, Community(purpose="Leden helpen elkaar met punten en de pas."))
    refit(service.database, ErasesMeanwhile(), own.id, now=NOW)  # type: ignore[arg-type]
    with service.database.transaction() as session:
        kept = session.scalars(select(FindingRow.kind).where(FindingRow.community_id == own.id)).all()
        assert set(kept) <= {"topics", "failure"}


def test_a_whole_community_is_erased(service: Service) -> None:
    own = new_community(service.database)
    store(service.database, own, record("whole-1", "Een bericht met het woord glimworm."))
    work_off(service)
    with service.database.transaction() as session:
        assert erase_community(session, own) == 1
    with service.database.transaction() as session:
        assert found_in(session, ("glimworm", "whole-1", own.slug)) == set()


def test_every_table_says_of_which_community_it_is() -> None:
    """A table that an erasure could not clean would keep people for ever."""
    known = {name for name, table in Base.metadata.tables.items() if "community_id" in table.c}
    assert set(Base.metadata.tables) - known <= HANDLED_APART | NOT_OF_MEMBERS | {"webhook_deliveries"}
