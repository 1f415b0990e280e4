from dataclasses import replace

import numpy as np
import pytest

from moderation.decided_posts import NOTHING_DECIDED, DecidedPosts
from moderation.purpose import (
    ONE_KIND_CEILING,
    LengthFreeScale,
    PurposeTexts,
    RobustScale,
    fit_purpose,
    judge_purpose,
    oddness,
)
from moderation.relevance import measure_relevance
from tests.moderation.topic_corpus import DIM, corpus_of, talk

NO_TEXT = PurposeTexts.none(DIM)


@pytest.fixture(scope="module")
def corpus():
    return corpus_of(talk(200, hours=1))


def test_a_few_posts_are_measured_against_the_purpose_text_alone():
    """From the first day on: nearer to the text is less likely outside, and nobody is flagged by the text alone."""
    few = corpus_of(talk(9))
    billing, lounge = few.vectors[:1], few.vectors[2:3]
    p = judge_purpose(fit_purpose(few, PurposeTexts(billing, np.r_[lounge, few.vectors[1:2]])), few)
    assert p[0::3].max() < min(p[1::3].min(), p[2::3].min())
    assert p.max() <= ONE_KIND_CEILING
    assert fit_purpose(few, NO_TEXT) is None


def test_without_a_purpose_text_few_posts_have_a_reason():
    found = measure_relevance(corpus_of(talk(9)), NO_TEXT)
    assert set(found.off_purpose_reasons) == {"too few posts to know the purpose"}
    assert found.placements == (None,) * 9


def test_posts_that_people_put_outside_draw_no_cloud(corpus):
    """Forty posts about the lounge are normal until people say that they are not."""
    lounge = frozenset(post.id for row, post in enumerate(corpus.posts) if row % 3 == 2 and row < 150)
    before, after = (_odd(corpus, DecidedPosts(outside=out)) for out in (frozenset(), lounge))
    assert after[2::3].mean() > before[2::3].mean() + 1


def test_one_decision_that_a_post_belongs_speaks_for_those_like_it_and_for_no_others(corpus):
    before, after = (
        _odd(corpus, decided) for decided in (NOTHING_DECIDED, DecidedPosts(inside=frozenset({"en00002"})))
    )
    moved = after - before
    assert corpus.posts[2].id == "en00002"
    assert np.median(moved[2::3]) < -1
    assert np.median(moved[0::3]) > np.median(moved[2::3]) + 1


def test_a_fit_with_decisions_reads_the_same_after_it_was_stored(corpus):
    decided = DecidedPosts(inside=frozenset({"en00002"}), outside=frozenset({"en00004"}))
    fit = fit_purpose(corpus, NO_TEXT, decided=decided)
    assert fit.decided_belong.tolist() == [True, False]
    assert fit.decided_vectors.shape == (2, DIM)


def _odd(corpus, decided):
    return oddness(fit_purpose(corpus, NO_TEXT, decided=decided), corpus).odd


def test_length_alone_makes_no_post_odd():
    rng = np.random.default_rng(0)
    n_words = rng.integers(5, 200, size=400)
    numbers = -2 * np.log1p(n_words) + 0.3 * rng.normal(size=400)
    z = LengthFreeScale.of(numbers, n_words).z(numbers, n_words)
    assert abs(np.corrcoef(z, np.log(n_words))[0, 1]) < 0.5
    assert abs(np.corrcoef(RobustScale.of(numbers).z(numbers), np.log(n_words))[0, 1]) > 0.9


def test_a_scale_reads_back_as_it_was_stored():
    rng = np.random.default_rng(1)
    numbers, n_words = rng.normal(size=60), rng.integers(1, 50, size=60)
    scale = LengthFreeScale.of(numbers, n_words)
    assert LengthFreeScale.from_array(scale.as_array()) == scale


def test_a_language_with_few_posts_is_not_strange_for_its_words(corpus):
    dutch = [
        (replace(post, id=f"nl {post.id}", thread_id=f"nl {post.thread_id}"), v) for post, v in talk(5, language="nl")
    ]
    mixed = corpus_of([*talk(200, hours=1), *dutch])
    fit = fit_purpose(mixed, NO_TEXT)
    assert fit.languages.tolist() == ["en"]
    by_words = oddness(fit, mixed).kinds[1]
    assert (by_words[[row for row, post in enumerate(mixed.posts) if post.language == "nl"]] == 0).all()


def test_the_order_of_deleted_and_empty_posts_changes_nobody_else(corpus):
    deleted = replace(corpus.posts[10], deleted_at=corpus.posts[10].created_at)
    without = replace(corpus, posts=(*corpus.posts[:10], deleted, *corpus.posts[11:]))
    p = judge_purpose(fit_purpose(without, NO_TEXT), without)
    assert np.isnan(p[10])
    assert np.isfinite(np.delete(p, 10)).all()
