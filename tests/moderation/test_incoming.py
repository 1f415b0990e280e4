import json
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.encoder import Encoder, Encoding
from models.languages import UNKNOWN
from models.signals import SIGNALS
from moderation.communities import community_of
from moderation.db import Database
from moderation.errors import ScoresUnusable
from moderation.events import BEGINNING, events_after
from moderation.explanations import ONE_SENTENCE
from moderation.fits import NOT_FITTED
from moderation.flag_sync import ANSWERED, EDITED
from moderation.flags import LANE_OF_REASON
from moderation.incoming import judge_posts, load_fit, score_waiting
from moderation.ingest import delete_post
from moderation.pipeline import Models, Request, analyse
from moderation.stored_corpus import to_float32
from moderation.tables import CommunityRow
from tests.moderation.queue_rows import rows_of
from tests.service import (
    ADVERTISES,
    ANSWERS,
    ASKS,
    CZECH,
    INSULT,
    NOW,
    SOUP,
    UNHAPPY,
    new_community,
    open_reasons,
    posts_of,
    record,
    scores_of,
    store,
)

SIGNAL_REASONS = {reason for reason, lane in LANE_OF_REASON.items() if lane != "placement"}


class Unwatched:
    def start(self, stage: str, total: int | None) -> None: ...

    def advance(self, n_done: int) -> None: ...

    def finish(self, stage: str, seconds: float) -> None: ...

    def note(self, line: str) -> None: ...


class Interrupted:
    """The real encoder; something happens elsewhere while it is at work."""

    def __init__(self, encoder: Encoder, meanwhile: Callable[[], None]) -> None:
        self.name, self.version, self.dim = encoder.name, encoder.version, encoder.dim
        self.hidden_layers = encoder.hidden_layers
        self._encoder, self._meanwhile = encoder, meanwhile

    def encode(self, texts: Sequence[str], *, batch_size: int = 256) -> Iterator[Encoding]:
        # Once: posts at a threshold are read again, without each of their sentences.
        meanwhile, self._meanwhile = self._meanwhile, lambda: None
        meanwhile()
        return self._encoder.encode(texts, batch_size=batch_size)


class Rubbish(Interrupted):
    """An encoder whose numbers are none."""

    def encode(self, texts: Sequence[str], *, batch_size: int = 256) -> Iterator[Encoding]:
        for encoding in super().encode(texts, batch_size=batch_size):
            yield Encoding(np.full_like(encoding.vectors, np.nan), encoding.hidden)


@pytest.fixture
def own_community(database: Database) -> CommunityRow:
    """One whose changes are committed, as the models run outside any transaction."""
    return new_community(database, staff=("s1",))


@pytest.fixture
def take_in(database: Database, models: Models, own_community: CommunityRow) -> Callable[..., dict[str, list[str]]]:
    """Store, score and judge some posts; returns the open reasons of the whole community."""

    def take(*records: dict[str, Any]) -> dict[str, list[str]]:
        store(database, own_community, *records)
        post_ids = [one["id"] for one in records]
        score_waiting(database, models, own_community.id, post_ids)
        judge_posts(database, models, own_community.id, post_ids, now=NOW)
        with database.transaction() as session:
            return open_reasons(session, own_community)

    return take


def test_posts_get_the_scores_and_flags_of_the_analysis(
    tmp_path: Path,
    take_in: Callable[..., dict[str, list[str]]],
    database: Database,
    models: Models,
    own_community: CommunityRow,
    sample_records: list[dict[str, Any]],
) -> None:
    records = sample_records[:40]
    export = tmp_path / "posts.jsonl"
    export.write_text("".join(json.dumps(one) + "\n" for one in records), encoding="utf-8")
    analysis = analyse(Request([export]), community_of(own_community), models, Unwatched())
    corpus = analysis.corpus
    flags = take_in(*records)
    with database.transaction() as session:
        scores = scores_of(session, own_community)
        waiting = [row.id for row in posts_of(session, own_community).values() if row.waiting_since is not None]
    assert waiting == []
    for row, post in enumerate(corpus.posts):
        score = scores[post.id]
        assert (score.language, score.n_words) == (corpus.languages[row], corpus.readings[row].n_words)
        np.testing.assert_allclose(np.array(score.signals, dtype=float), corpus.signals[row], atol=1e-6)
        np.testing.assert_allclose(to_float32(score.vector, models.encoder.dim), corpus.vectors[row], atol=1e-3)
        found = [flag for flag in analysis.flags[row] if flag.lane != "placement"]
        still_waits = [flag.reason for flag in found if flag.evidence.get("first_answer_at") is None]
        assert [reason for reason in flags.get(post.id, []) if reason in SIGNAL_REASONS] == sorted(still_waits)
    assert flags


def test_before_a_fit_relevance_and_topics_are_unknown_with_the_reason(
    take_in: Callable[..., dict[str, list[str]]], database: Database, own_community: CommunityRow
) -> None:
    take_in(record("p1"))
    with database.transaction() as session:
        score = scores_of(session, own_community)["p1"]
    assert (score.topic_id, score.topic_cosine, score.off_purpose, score.off_thread) == (None, None, None, None)
    assert (score.unsorted_reason, score.off_purpose_reason, score.off_thread_reason) == (NOT_FITTED,) * 3


@pytest.mark.parametrize(
    ("body", "reasons"),
    [
        (UNHAPPY, ["negative_wom"]),
        (ASKS, ["unanswered_question"]),
        (INSULT, ["toxic"]),
        (ADVERTISES, ["spam"]),
        (SOUP, []),
    ],
)
def test_what_a_post_says_brings_it_before_a_person(
    take_in: Callable[..., dict[str, list[str]]], body: str, reasons: list[str]
) -> None:
    assert take_in(record("p1", body)).get("p1", []) == reasons


def test_an_answer_closes_the_flag_of_the_question(
    take_in: Callable[..., dict[str, list[str]]], database: Database, own_community: CommunityRow
) -> None:
    assert take_in(record("q", ASKS, thread_id="t")) == {"q": ["unanswered_question"]}
    assert take_in(record("a", ANSWERS, thread_id="t", parent_id="q", minutes=9)) == {}
    with database.transaction() as session:
        (flag,) = rows_of(session, own_community)
    assert (flag.post_id, flag.status, flag.closed_reason) == ("q", "closed", ANSWERED)


def test_a_question_waits_again_when_its_answer_is_deleted(
    take_in: Callable[..., dict[str, list[str]]], database: Database, models: Models, own_community: CommunityRow
) -> None:
    take_in(record("q", ASKS, thread_id="t"))
    assert take_in(record("a", ANSWERS, thread_id="t", parent_id="q", minutes=9)) == {}
    with database.transaction() as session:
        delete_post(session, own_community, "a", at=NOW)
    judge_posts(database, models, own_community.id, ["a"], now=NOW)
    with database.transaction() as session:
        assert open_reasons(session, own_community) == {"q": ["unanswered_question"]}


def test_thanks_are_no_answer(take_in: Callable[..., dict[str, list[str]]]) -> None:
    take_in(record("q", ASKS, thread_id="t"))
    assert take_in(record("a", "Bedankt!", thread_id="t", parent_id="q", minutes=9)) == {"q": ["unanswered_question"]}


def test_quoted_words_do_not_count_against_the_one_who_quotes(
    take_in: Callable[..., dict[str, list[str]]], database: Database, own_community: CommunityRow
) -> None:
    """Regression 5 (sumo#3241): quoted text from another post does not change the quoter's score."""
    flags = take_in(
        record("insult", INSULT),
        record("bare", SOUP),
        record("markdown", f"> {INSULT}\n\n{SOUP}"),
        {**record("html", html=f"<blockquote><p>{INSULT}</p></blockquote><p>{SOUP}</p>"), "text": None},
    )
    assert flags == {"insult": ["toxic"]}
    with database.transaction() as session:
        scores = scores_of(session, own_community)
    assert scores["markdown"].signals == scores["html"].signals == scores["bare"].signals != scores["insult"].signals


@pytest.mark.parametrize(
    ("body", "language"),
    [
        pytest.param(CZECH, "cs", id="another language"),
        pytest.param("12345 67 :) https://winkel.example/9", UNKNOWN, id="no words of any language"),
        pytest.param(f"> {INSULT}", UNKNOWN, id="no words"),
    ],
)
def test_a_language_that_is_not_the_communitys_is_not_passed_off_as_it(
    take_in: Callable[..., dict[str, list[str]]],
    database: Database,
    models: Models,
    own_community: CommunityRow,
    body: str,
    language: str,
) -> None:
    """Regression 15: unsupported or mixed language is reported as such, not scored as English."""
    take_in(record("p1", body, language="en"))
    with database.transaction() as session:
        score = scores_of(session, own_community)["p1"]
        reasons = [reason for row in rows_of(session, own_community) for reason in row.reasons]
    assert score.language == language
    assert models.heads.threshold("question", language).basis != "validated"
    for reason in reasons:
        assert reason["evidence"].get("language", language) == language


def test_a_post_without_words_is_read_and_waits_no_more(
    take_in: Callable[..., dict[str, list[str]]], database: Database, own_community: CommunityRow
) -> None:
    assert take_in(record("p1", f"> {INSULT}")) == {}
    with database.transaction() as session:
        score, post = scores_of(session, own_community)["p1"], posts_of(session, own_community)["p1"]
    assert (score.vector, score.signals, post.waiting_since) == (None, [None] * len(SIGNALS), None)


def test_the_same_work_again_changes_nothing(
    take_in: Callable[..., dict[str, list[str]]], database: Database, models: Models, own_community: CommunityRow
) -> None:
    """A job whose worker was killed is done again."""
    take_in(record("p1", UNHAPPY), record("p2", INSULT))

    def everything() -> Any:
        with database.transaction() as session:
            scores = scores_of(session, own_community).values()
            events = [event.id for event in events_after(session, own_community.id, BEGINNING)]
            return [(score.post_id, score.scored_at, score.judged_at) for score in scores], events

    before = everything()
    assert score_waiting(database, models, own_community.id, ["p1", "p2"]) == 0
    judge_posts(database, models, own_community.id, ["p1", "p2"], now=NOW)
    assert everything() == before


def test_words_that_change_while_they_are_read_keep_no_old_scores(
    database: Database, models: Models, own_community: CommunityRow
) -> None:
    store(database, own_community, record("p1", INSULT), record("p2"))
    edited = record("p1", SOUP, updated_at=NOW.isoformat())
    encoder = Interrupted(models.encoder, lambda: store(database, own_community, edited))
    score_waiting(database, Models(encoder, models.heads), own_community.id, ["p1", "p2"])
    judge_posts(database, models, own_community.id, ["p1", "p2"], now=NOW)
    with database.transaction() as session:
        assert set(scores_of(session, own_community)) == {"p2"}
        assert open_reasons(session, own_community) == {}
        assert posts_of(session, own_community)["p1"].waiting_since is not None
    assert score_waiting(database, models, own_community.id, ["p1"]) == 1


def test_an_edit_takes_the_old_reasons_out_of_the_queue(
    take_in: Callable[..., dict[str, list[str]]], database: Database, own_community: CommunityRow
) -> None:
    assert take_in(record("p1", INSULT)) == {"p1": ["toxic"]}
    assert take_in(record("p1", ADVERTISES, updated_at=NOW.isoformat())) == {"p1": ["spam"]}
    with database.transaction() as session:
        rows = rows_of(session, own_community)
        assert [(row.revision, row.status, row.closed_reason) for row in rows] == [
            (1, "closed", EDITED),
            (2, "open", None),
        ]


def test_a_post_that_is_deleted_while_it_is_read_is_not_flagged(
    database: Database, models: Models, own_community: CommunityRow
) -> None:
    store(database, own_community, record("p1", INSULT))

    def delete() -> None:
        with database.transaction() as session:
            delete_post(session, own_community, "p1", at=NOW)

    score_waiting(database, Models(Interrupted(models.encoder, delete), models.heads), own_community.id, ["p1"])
    judge_posts(database, models, own_community.id, ["p1"], now=NOW)
    with database.transaction() as session:
        assert open_reasons(session, own_community) == {}


def test_numbers_that_are_none_are_no_scores(database: Database, models: Models, own_community: CommunityRow) -> None:
    """Regression 8: a scorer that returns rubbish leaves the post unscored, never clean."""
    store(database, own_community, record("p1", INSULT))
    with pytest.raises(ScoresUnusable):
        score_waiting(database, Models(Rubbish(models.encoder, lambda: None), models.heads), own_community.id, ["p1"])
    judge_posts(database, models, own_community.id, ["p1"], now=NOW)
    with database.transaction() as session:
        assert scores_of(session, own_community) == {}
        assert posts_of(session, own_community)["p1"].waiting_since is not None


def test_members_of_staff_are_never_waiting_customers(take_in: Callable[..., dict[str, list[str]]]) -> None:
    assert take_in(record("p1", ASKS, author_id="s1"), record("p2", UNHAPPY, author_id="s1")) == {}


def test_there_is_no_fit_before_the_first(database: Database, models: Models, own_community: CommunityRow) -> None:
    with database.transaction() as session:
        assert load_fit(session, own_community.id, models.version) is None


def test_a_flag_names_its_sentence_and_keeps_it_when_the_thread_is_judged_again(
    take_in: Callable[..., dict[str, list[str]]], database: Database, models: Models, own_community: CommunityRow
) -> None:
    take_in(record("p1", f"{INSULT} Ik zie je morgen wel weer."))
    with database.transaction() as session:
        (row,) = rows_of(session, own_community)
        before, changed_at = row.reasons, row.updated_at
    (named,) = before[0]["evidence"]["sentences"]
    assert (named["begin"], named["end"]) == (0, len(INSULT))
    assert named["log_odds_drop"] > 0
    assert "text" not in named
    judge_posts(database, models, own_community.id, ["p1"], now=NOW + timedelta(hours=1))
    with database.transaction() as session:
        (row,) = rows_of(session, own_community)
        assert (row.reasons, row.updated_at) == (before, changed_at)


def test_a_flag_on_one_sentence_names_none(
    take_in: Callable[..., dict[str, list[str]]], database: Database, own_community: CommunityRow
) -> None:
    take_in(record("p1", INSULT))
    with database.transaction() as session:
        evidence = rows_of(session, own_community)[0].reasons[0]["evidence"]
    assert (evidence["sentences"], evidence["sentences_reason"]) == (None, ONE_SENTENCE)
