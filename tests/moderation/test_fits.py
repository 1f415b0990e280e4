from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moderation.assignments import DELETED, NO_WORDS, TOO_SHORT, assign_topics
from moderation.corpus import Corpus
from moderation.fits import NO_REPLIES, NOT_FITTED, Fit, apply_fit, fit_community, nearest_topics
from moderation.flags import raise_flags
from moderation.purpose import LengthFreeScale, PurposeTexts
from moderation.relevance import measure_relevance
from moderation.word_evidence import N_FOLDS, fold_of
from tests.moderation.topic_corpus import DIM, corpus_of, talk
from topics.clustering import NOTHING_SIMILAR, TOO_FEW_POSTS

NO_PURPOSE = PurposeTexts.none(DIM)
IDS = np.array([70, 12, 31])
ADVERTISEMENT = "replica watches casino bonus guaranteed crypto profit whatsapp handbags click register"
STRANGER = np.eye(DIM)[11] - 4 * np.eye(DIM)[5]


def threads_of_five(n=400, **fields):
    """Threads of five posts about one subject each, so that a reply resembles its own thread most."""

    def thread(place):
        return place // 5

    about = [np.random.default_rng([3, number]).normal(size=DIM) * 0.03 for number in range(n // 5)]
    talked = talk(
        n,
        subject_of=lambda place: thread(place) % 3,
        hours=0.5,
        **{"thread_id": lambda place: f"t{thread(place)}", **fields},
    )
    return [(post, vector + about[place // 5]) for place, (post, vector) in enumerate(talked)]


def part(corpus, rows):
    return Corpus(
        posts=tuple(corpus.posts[row] for row in rows),
        readings=tuple(corpus.readings[row] for row in rows),
        languages=tuple(corpus.languages[row] for row in rows),
        vectors=corpus.vectors[rows],
        signals=corpus.signals[rows],
        thresholds=corpus.thresholds,
    )


def fit_of(corpus, *, topic_ids=None, texts=NO_PURPOSE):
    topics = assign_topics(corpus)
    if topic_ids is not None:
        topics = replace(topics, topic_of=np.concatenate([[0], topic_ids])[topics.topic_of])
    relevance = measure_relevance(corpus, texts)
    return fit_community(corpus, topics, relevance)


def same_placed(one, other):
    for name in ("p_off_purpose", "p_off_thread", "thread_rank"):
        np.testing.assert_array_equal(getattr(one.relevance, name), getattr(other.relevance, name))
    np.testing.assert_array_equal(one.topic_cosine, other.topic_cosine)
    assert one.topic_id_of == other.topic_id_of
    assert one.unsorted_reasons == other.unsorted_reasons
    assert one.relevance.off_purpose_reasons == other.relevance.off_purpose_reasons
    assert one.relevance.off_thread_reasons == other.relevance.off_thread_reasons


@pytest.fixture(scope="module")
def everything():
    return corpus_of(threads_of_five())


@pytest.fixture(scope="module")
def earlier(everything):
    return part(everything, range(300))


@pytest.fixture(scope="module")
def later(everything):
    return part(everything, range(300, 400))


@pytest.fixture(scope="module")
def fit(earlier):
    return fit_of(earlier, topic_ids=IDS)


def test_new_posts_get_the_permanent_ids_of_the_topics_they_belong_to(earlier, later, fit):
    ids_of_subjects = [apply_fit(fit, earlier).topic_id_of[5 * subject] for subject in range(3)]
    assert sorted(ids_of_subjects) == sorted(IDS.tolist())
    placed = apply_fit(fit, later)
    is_sorted = [row for row in range(100) if placed.topic_id_of[row] is not None]
    assert len(is_sorted) >= 95
    assert all(placed.topic_id_of[row] == ids_of_subjects[(60 + row // 5) % 3] for row in is_sorted)
    assert [row for row in range(100) if placed.unsorted_reasons[row] is None] == is_sorted


def test_new_posts_come_out_as_in_a_run_over_all_posts(everything, later, fit):
    found = measure_relevance(everything, NO_PURPOSE)
    placed = apply_fit(fit, later).relevance
    assert np.abs(placed.p_off_purpose - found.p_off_purpose[300:]).mean() < 0.03
    assert placed.p_off_purpose.mean() == pytest.approx(found.p_off_purpose[300:].mean(), abs=0.03)
    np.testing.assert_allclose(placed.thread_rank, found.thread_rank[300:], atol=0.1)
    assert placed.off_purpose_reasons == found.off_purpose_reasons[300:]
    assert placed.off_thread_reasons == found.off_thread_reasons[300:]


def test_the_fitted_posts_themselves_look_no_nearer_than_new_ones(earlier, later, fit):
    def median_z(corpus):
        folds = np.array([fold_of(post.thread_id) for post in corpus.posts])
        return np.median(
            LengthFreeScale.from_array(fit.purpose.scales[0]).z(
                fit.purpose.log_distance(corpus.vectors, folds) - fit.purpose.language_medians[0, 0],
                np.array([reading.n_words for reading in corpus.readings]),
            )
        )

    assert median_z(earlier) == pytest.approx(0, abs=0.01)
    assert median_z(later) == pytest.approx(0, abs=0.4)


def test_a_new_stranger_is_off_purpose_and_can_be_flagged(everything, fit):
    talked = threads_of_five()
    stranger = (replace(talked[-1][0], id="stranger", thread_id="of its own", text=ADVERTISEMENT), STRANGER)
    corpus = corpus_of([*talked[300:], stranger])
    placed = apply_fit(fit, corpus)
    row = corpus.row_of["stranger"]
    others = np.delete(placed.relevance.p_off_purpose, row)
    assert placed.relevance.p_off_purpose[row] > 0.8 > np.nanmax(others)
    assert placed.topic_id_of[row] is None
    assert placed.unsorted_reasons[row] == NOTHING_SIMILAR
    flags = raise_flags(corpus, placed.relevance, {"episodes": [], "unanswered_questions": []})
    assert [flag.reason for flag in flags[row]] == ["off_purpose"]
    assert flags[row][0].evidence == {"outcome": "outside_purpose", "nearest_posts": []}


def test_a_reply_in_the_wrong_thread_ranks_its_own_thread_low(fit):
    talked = threads_of_five()
    moved = (replace(talked[303][0], id="moved"), talked[308][1])
    corpus = corpus_of([*talked[300:303], moved, talked[304]])
    rank = apply_fit(fit, corpus).relevance.thread_rank
    assert rank[corpus.row_of["moved"]] > 2 * np.nanmax(np.delete(rank, corpus.row_of["moved"]))


def test_a_thread_is_not_held_against_itself(earlier, fit):
    """What the fit keeps of the reply's own thread does not count."""
    middles = fit.threads.middles.copy()
    middles[fit.threads.thread_ids == "t0"] *= -1
    without = replace(fit, threads=replace(fit.threads, middles=middles))
    rank, same = (apply_fit(one, part(earlier, range(5))).relevance.thread_rank for one in (fit, without))
    np.testing.assert_array_equal(rank, same)
    assert "t0" in fit.threads.thread_ids


@settings(max_examples=20)
@given(st.sets(st.integers(0, 19), min_size=1))
def test_a_post_is_judged_the_same_whatever_is_judged_beside_it(fit_for_parts, threads):
    fit, later, placed = fit_for_parts
    rows = [row for row in range(100) if row // 5 in threads]
    alone = apply_fit(fit, part(later, rows))
    np.testing.assert_array_equal(alone.relevance.p_off_purpose, placed.relevance.p_off_purpose[rows])
    np.testing.assert_array_equal(alone.relevance.p_off_thread, placed.relevance.p_off_thread[rows])
    np.testing.assert_array_equal(alone.topic_cosine, placed.topic_cosine[rows])
    assert alone.topic_id_of == tuple(placed.topic_id_of[row] for row in rows)


@pytest.fixture(scope="module")
def fit_for_parts(earlier, later):
    fit = fit_of(earlier, texts=PurposeTexts(earlier.vectors[:2], earlier.vectors[5:20:5]))
    return fit, later, apply_fit(fit, later)


def test_a_purpose_text_moves_posts_that_resemble_it_towards_the_purpose(fit_for_parts, fit):
    _, later, with_purpose = fit_for_parts
    same_subject = [row for row in range(100) if (60 + row // 5) % 3 == 0]
    without = apply_fit(fit, later).relevance.p_off_purpose[same_subject]
    assert with_purpose.relevance.p_off_purpose[same_subject].mean() < without.mean()


def test_a_fit_reads_back_as_it_was_written(later, fit_for_parts, fit):
    for one in (fit, fit_for_parts[0], fit_of(part(later, range(30)))):
        again = Fit.from_bytes(one.to_bytes())
        same_placed(apply_fit(again, later), apply_fit(one, later))
        assert (again.purpose is None) == (one.purpose is None)


def test_a_fit_of_the_default_encoder_stays_small():
    n, dim = 400, 384
    corpus = corpus_of(threads_of_five(n))
    vectors = np.random.default_rng(0).normal(size=(n, dim)) + 3
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    wide = replace(corpus, vectors=vectors.astype(np.float32))
    assert len(fit_of(wide, texts=PurposeTexts.none(dim)).to_bytes()) < 3_000_000


def test_every_missing_answer_has_the_reason_of_the_run_over_all_posts(fit):
    talked = threads_of_five()
    first = talked[300][0]
    odd = [
        (replace(first, id="gone", deleted_at=first.created_at), talked[300][1]),
        (replace(first, id="empty", text=""), talked[300][1]),
        (replace(first, id="short", thread_id="alone", text="ok"), STRANGER),
        (replace(first, id="few words", text="the same here please"), talked[301][1]),
    ]
    corpus = corpus_of([*talked[:305], *odd])
    found, topics = measure_relevance(corpus, NO_PURPOSE), assign_topics(corpus)
    placed = apply_fit(fit, corpus)
    assert placed.relevance.off_purpose_reasons == found.off_purpose_reasons
    assert placed.relevance.off_thread_reasons == found.off_thread_reasons
    assert np.isnan(placed.relevance.p_off_purpose).tolist() == np.isnan(found.p_off_purpose).tolist()
    rows = [corpus.row_of[id_] for id_ in ("gone", "empty", "short")]
    assert [placed.unsorted_reasons[row] for row in rows] == [DELETED, NO_WORDS, TOO_SHORT]
    assert [topics.unsorted_reasons[row] for row in rows] == [DELETED, NO_WORDS, TOO_SHORT]


def test_the_nearest_topics_of_a_post_come_in_order(later, fit):
    placed = apply_fit(fit, later)
    for row in (0, 5, 10):
        nearest = nearest_topics(fit, later, row)
        assert {topic_id for topic_id, _ in nearest} == set(IDS.tolist())
        assert nearest[0] == (placed.topic_id_of[row], placed.topic_cosine[row])
        assert [cosine for _, cosine in nearest] == sorted((cosine for _, cosine in nearest), reverse=True)


def test_a_post_without_words_or_topics_to_compare_with_resembles_none(earlier, later, fit):
    wordless = replace(later, vectors=np.where(np.arange(100)[:, None] == 3, np.nan, later.vectors))
    assert nearest_topics(fit, wordless, 3) == []
    assert nearest_topics(fit_of(part(earlier, range(30))), later, 3) == []


def test_without_a_fit_nothing_is_known(later):
    placed = apply_fit(None, later)
    for reasons in (
        placed.unsorted_reasons,
        placed.relevance.off_purpose_reasons,
        placed.relevance.off_thread_reasons,
    ):
        assert reasons == (NOT_FITTED,) * 100
    assert set(placed.topic_id_of) == {None}
    assert np.isnan(placed.relevance.p_off_purpose).all()
    assert np.isnan(placed.relevance.p_off_thread).all()


def test_a_small_community_says_what_it_has_too_little_of(earlier, later):
    few = part(earlier, range(30))
    placed, found = apply_fit(fit_of(few), later), measure_relevance(few, NO_PURPOSE)
    assert set(placed.relevance.off_purpose_reasons) == set(found.off_purpose_reasons)
    assert set(placed.relevance.off_thread_reasons) == set(found.off_thread_reasons)
    assert set(placed.unsorted_reasons) == {TOO_FEW_POSTS}
    assert np.isnan(placed.relevance.p_off_purpose).all()


def test_a_community_without_a_reply_yet_cannot_tell_misplaced_ones(later):
    lonely = corpus_of(threads_of_five(200, thread_id=lambda place: f"alone {place}"))
    relevance = apply_fit(fit_of(lonely), later).relevance
    assert np.isnan(relevance.p_off_thread).all()
    assert relevance.off_thread_reasons[:2] == ("starts its thread", NO_REPLIES)


def test_a_language_that_was_not_there_is_placed_by_the_mean_of_all(later, fit):
    of_other = {(signal, "xx"): threshold for (signal, _), threshold in later.thresholds.items()}
    other = replace(later, languages=("xx",) * len(later), thresholds=of_other)
    assert set(apply_fit(fit, other).topic_id_of) <= {None, *IDS.tolist()}
    assert np.isfinite(apply_fit(fit, other).topic_cosine).all()


def test_no_posts_at_all(later, fit):
    assert apply_fit(fit, part(later, [])).topic_id_of == ()


def test_folds_of_threads_are_about_equal():
    n_threads = np.bincount([fold_of(f"thread {number}") for number in range(1000)])
    assert len(n_threads) == N_FOLDS
    assert n_threads.min() > 150
