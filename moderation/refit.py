"""Works out over all posts of a community what no single post can tell: topics, drift, splits, waits, members."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from importlib.metadata import version
from itertools import islice
from typing import Any

import numpy as np
from sqlalchemy import bindparam, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from moderation.alarm_rules import watch_drift, watch_emergence
from moderation.backlog import n_waiting
from moderation.db import Database
from moderation.decided_belonging import read_decided_posts
from moderation.earlier_topics import load_earlier_topics, was_there
from moderation.episode_corrections import load_overrides
from moderation.events import tell
from moderation.exports import Export, ReadCounts
from moderation.fits import fit_community
from moderation.incoming import judge_threads, lock_community, or_none
from moderation.left_out import choices_of_members, hide_left_out, settings_with_wishes
from moderation.partner_channel import outside_partner
from moderation.pipeline import Analysis, Models, Stopwatch, analyse_scored
from moderation.proposal_follow import follow_accepted
from moderation.proposals import record_proposals, shown_splits
from moderation.reports.files import run_summary
from moderation.reports.page import REPORT_LANGUAGES, page
from moderation.stored_corpus import StoredCorpus, load_corpus
from moderation.tables import CommunityRow, FindingRow, FitRow, ScoreRow
from moderation.topic_history import Ledger, read_ledger, record_refit
from moderation.topic_ids import EarlierTopics
from moderation.topic_orders import asks_for_a_refit, newest_order_id

#: A community is fitted anew when its posts have grown or shrunk by so much, or in this time by anything at all.
GROWTH = 0.1
LONGEST = timedelta(hours=1)
#: Threads that are judged in one transaction, so that new posts need not wait for all of them.
THREADS_AT_ONCE = 200

#: What became of topics is told in the report up to so many events back.
EVENTS_REPORTED = 30

FAILURE = "failure"


class _Silent:
    """Progress that nobody watches."""

    def start(self, stage: str, total: int | None) -> None: ...

    def advance(self, n_done: int) -> None: ...

    def finish(self, stage: str, seconds: float) -> None: ...

    def note(self, line: str) -> None: ...


def refit_is_due(session: Session, community_id: int, *, model_version: str, now: datetime) -> bool:
    """Whether nothing waits to be scored and posts, or what moderators ask of topics, have changed enough since."""
    if n_waiting(session, community_id):
        return False
    n_posts = session.scalar(
        select(func.count()).where(ScoreRow.community_id == community_id, ScoreRow.model_version == model_version)
    )
    fit = session.get(FitRow, (community_id, model_version))
    if fit is None:
        return bool(n_posts)
    if asks_for_a_refit(session, community_id, since=fit.fitted_at):
        return True
    changed = abs((n_posts or 0) - fit.n_posts)
    return changed > GROWTH * fit.n_posts or (changed > 0 and now - fit.fitted_at > LONGEST)


def refit(database: Database, models: Models, community_id: int, *, now: datetime) -> None:
    """Work everything out anew, store it, and judge every thread against it.

    Nothing is stored where a moderator changed a topic meanwhile, or a member was erased or wants to be left out: the
    next refit knows of it.
    """
    with database.transaction() as session:
        community = session.get_one(CommunityRow, community_id)
        stored = load_corpus(session, community, models)
        earlier = load_earlier_topics(session, community_id, stored)
        newest_order = newest_order_id(session, community_id)
        choices = choices_of_members(session, community)
        settings = settings_with_wishes(session, community)
        partner = outside_partner(session, community)
        outside = None if partner is None else load_corpus(session, partner, models)
        overrides = load_overrides(session, community_id)
        decided = read_decided_posts(session, community_id)
    if not len(stored.corpus):
        return
    analysis = analyse_scored(
        _export(stored),
        stored.corpus,
        settings,
        models,
        watch=Stopwatch(_Silent()),
        earlier_topics=earlier,
        outside=None if outside is None else outside.corpus,
        overrides=overrides,
        decided=decided,
    )
    fit = fit_community(analysis.corpus, analysis.topics_of_rows, analysis.relevance)
    with database.transaction() as session:
        community = lock_community(session, community_id)
        if newest_order_id(session, community_id) != newest_order:
            return
        if choices_of_members(session, community) != choices:
            return
        _store_places(session, stored, analysis, model_version=models.version, now=now)
        _record_topics(session, community_id, stored, analysis, earlier, now=now)
        splits = _record_proposals(session, community_id, analysis, now=now)
        analysis = replace(analysis, splits=splits)
        ledger = read_ledger(session, community_id, limit=EVENTS_REPORTED)
        for kind, contents in _findings(analysis, highest_id=earlier.highest_id, ledger=ledger).items():
            store_finding(session, community_id, kind, contents, n_posts=len(stored.rows), models=models, now=now)
        _store_fit(
            session, community_id, fit.to_bytes(), n_posts=_n_scored(stored), model_version=models.version, now=now
        )
        others = ScoreRow.community_id == community_id, ScoreRow.model_version != models.version
        session.execute(delete(ScoreRow).where(*others))
        tell(session, community_id, "findings", {"found_at": now.isoformat()})
        watch_drift(session, community_id, analysis.drift, now=now)
        watch_emergence(session, community_id, analysis.drift["emerging"], now=now)
    for threads in _portions(list(stored.corpus.threads)):
        with database.transaction() as session:
            judge_threads(session, lock_community(session, community_id), models, threads, now=now)


def store_finding(
    session: Session,
    community_id: int,
    kind: str,
    contents: Mapping[str, Any],
    *,
    n_posts: int,
    models: Models,
    now: datetime,
) -> None:
    """Replace what was found before."""
    row = {"found_at": now, "n_posts": n_posts, "model_version": models.version, "contents": dict(contents)}
    session.execute(
        insert(FindingRow)
        .values(community_id=community_id, kind=kind, **row)
        .on_conflict_do_update(index_elements=[FindingRow.community_id, FindingRow.kind], set_=row)
    )


def note_failure(session: Session, community_id: int, *, reason: str, models: Models, now: datetime) -> None:
    """Remember that the last refit failed, for those who read its findings."""
    store_finding(session, community_id, FAILURE, {"reason": reason}, n_posts=0, models=models, now=now)


def _record_topics(
    session: Session,
    community_id: int,
    stored: StoredCorpus,
    analysis: Analysis,
    earlier: EarlierTopics,
    *,
    now: datetime,
) -> None:
    """Write the ledger; a deleted post was in its topic before and is in none after."""
    was_sorted = was_there(stored, earlier.found_at)
    record_refit(
        session,
        community_id,
        analysis.topics_of_rows,
        before=np.where(was_sorted | (earlier.topic_of > 0), earlier.topic_of, -1),
        after=np.where(stored.corpus.visible, analysis.topics_of_rows.topic_of, -1),
        names_before={topic_id: name.name for topic_id, name in earlier.names.items()},
        now=now,
    )


def _record_proposals(session: Session, community_id: int, analysis: Analysis, *, now: datetime) -> dict[str, Any]:
    """Recognise the proposals that were made before, and leave out what people decided on."""
    left_out = analysis.community.left_out
    found = record_proposals(session, community_id, analysis.splits, left_out=left_out, now=now)
    counted = hide_left_out(analysis.corpus, left_out)
    follow_accepted(session, community_id, counted, analysis.topics_of_rows.topic_of)
    return shown_splits(session, community_id, found)


def _n_scored(stored: StoredCorpus) -> int:
    return sum(score is not None for score in stored.scores)


def _export(stored: StoredCorpus) -> Export:
    """What was read, as the report speaks of it: every stored post of the corpus, nothing refused."""
    counts = ReadCounts(
        lines=len(stored.rows),
        read=len(stored.rows),
        rejected=0,
        duplicates=0,
        by_kind=dict(Counter(row.kind for row in stored.rows)),
        repairs={},
    )
    return Export(stored.corpus.posts, (), counts)


def _findings(analysis: Analysis, *, highest_id: int, ledger: Ledger) -> dict[str, dict[str, Any]]:
    run = run_summary(analysis, run_hash="", settings={}, version=version("klankbord"))
    return {
        "topics": {**analysis.topics, "highest_topic_id": max(highest_id, *_topic_ids(analysis), 0)},
        "drift": analysis.drift,
        "splits": analysis.splits,
        "response_times": analysis.response_times,
        "members": analysis.members,
        "faq": analysis.faq,
        "ideas": analysis.ideas,
        "emergence": analysis.drift["emerging"],
        "root_causes": analysis.drift["root_causes"],
        "report": {language: page(analysis, run, language=language, ledger=ledger) for language in REPORT_LANGUAGES},
    }


def _topic_ids(analysis: Analysis) -> list[int]:
    return [topic.id for topic in analysis.topics_of_rows.topics]


def _store_fit(
    session: Session, community_id: int, arrays: bytes, *, n_posts: int, model_version: str, now: datetime
) -> None:
    row = {"fitted_at": now, "n_posts": n_posts, "arrays": arrays}
    session.execute(
        insert(FitRow)
        .values(community_id=community_id, model_version=model_version, **row)
        .on_conflict_do_update(index_elements=[FitRow.community_id, FitRow.model_version], set_=row)
    )


def _store_places(
    session: Session, stored: StoredCorpus, analysis: Analysis, *, now: datetime, model_version: str
) -> None:
    """Topic and relevance of every post whose words have not changed since the corpus was loaded."""
    topics, relevance = analysis.topics_of_rows, analysis.relevance
    rows = [
        {
            "post": score.post_id,
            "hashed": score.words_hash,
            "topic_id": topics.topic_id_of[row],
            "topic_cosine": or_none(topics.cosine[row]),
            "unsorted_reason": topics.unsorted_reasons[row],
            "off_purpose": or_none(relevance.p_off_purpose[row]),
            "off_purpose_reason": relevance.off_purpose_reasons[row],
            "off_thread": or_none(relevance.p_off_thread[row]),
            "off_thread_reason": relevance.off_thread_reasons[row],
        }
        for row, score in enumerate(stored.scores)
        if score is not None
    ]
    if not rows:
        return
    places: dict[str, Any] = {name: bindparam(name) for name in rows[0] if name not in {"post", "hashed"}}
    statement = (
        update(ScoreRow)
        .where(
            ScoreRow.community_id == stored.rows[0].community_id,
            ScoreRow.model_version == model_version,
            ScoreRow.post_id == bindparam("post"),
            ScoreRow.words_hash == bindparam("hashed"),
        )
        .values(**places, judged_at=now)
    )
    session.connection().execute(statement, rows)


def _portions(threads: Sequence[str]) -> Iterator[list[str]]:
    remaining = iter(threads)
    while portion := list(islice(remaining, THREADS_AT_ONCE)):
        yield portion
