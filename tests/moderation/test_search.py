from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import cast, func, update
from sqlalchemy.dialects.postgresql import REGCONFIG
from sqlalchemy.orm import Session

from models.encoder import Encoder
from moderation.incoming import DICTIONARIES
from moderation.search import (
    SNIPPET_CHARACTERS,
    Found,
    Query,
    SearchFilter,
    make_snippet,
    search_posts,
)
from moderation.tables import CommunityRow, PostRow, ScoreRow

POSTED_AT = datetime(2026, 11, 20, 10, tzinfo=UTC)
MODEL = "model-1"
EVERYTHING = SearchFilter()


def encode(encoder: Encoder, text: str) -> Any:
    return next(iter(encoder.encode([text]))).vectors[0]


class Shelf:
    """A small community to look in."""

    def __init__(self, session: Session, community: CommunityRow, encoder: Encoder) -> None:
        self.session, self.community, self.encoder = session, community, encoder

    def put(
        self, post_id: str, text: str, *, language: str = "nl", thread_id: str | None = None, **fields: Any
    ) -> None:
        scores = {name: fields.pop(name) for name in ("topic_id", "model_version") if name in fields}
        post = {
            "thread_id": thread_id or f"thread of {post_id}",
            "created_at": POSTED_AT,
            "role": "member",
            "kind": "post",
            "is_html": False,
            "likes": 0,
            "accepted": False,
            "content_hash": "c",
            "words_hash": "w",
        }
        self.session.add(PostRow(community_id=self.community.id, id=post_id, text=text, **{**post, **fields}))
        self.session.flush()
        dictionary = cast(DICTIONARIES.get(language, "simple"), REGCONFIG)
        self.session.add(
            ScoreRow(
                community_id=self.community.id,
                post_id=post_id,
                words_hash="w",
                language=language,
                n_words=len(text.split()),
                vector=encode(self.encoder, text),
                signals=[None] * 8,
                words=func.to_tsvector(dictionary, text),
                **{"model_version": MODEL, **scores},
            )
        )
        self.session.flush()

    def find(
        self,
        words: str,
        wanted: SearchFilter = EVERYTHING,
        *,
        after: tuple[float, str] | None = None,
        limit: int = 20,
    ) -> list[Found]:
        query = Query(words, encode(self.encoder, words))
        return search_posts(
            self.session, self.community.id, query, wanted, model_version=MODEL, after=after, limit=limit
        )

    def ids(self, words: str, wanted: SearchFilter = EVERYTHING) -> list[str]:
        return [found.post.id for found in self.find(words, wanted)]


@pytest.fixture
def shelf(session: Session, community: CommunityRow, encoder: Encoder) -> Shelf:
    return Shelf(session, community, encoder)


def test_a_post_is_found_by_what_it_means(shelf: Shelf) -> None:
    shelf.put("delivery", "My parcel has not arrived and nobody tells me where it is.", language="en")
    shelf.put("recipe", "Bake the cake for an hour and let it cool down.", language="en")
    best = shelf.find("package still missing")[0]
    assert (best.post.id, best.has_words) == ("delivery", False)
    assert best.cosine is not None
    assert best.cosine > 0.5


@pytest.mark.parametrize(
    ("language", "text", "words"),
    [
        ("nl", "De klantenkaarten werken niet meer", "klantenkaart"),
        ("en", "The vouchers were cancelled", "voucher cancel"),
        ("de", "Die Gutscheine sind abgelaufen", "Gutschein"),
        ("unknown", "Frobnicator kaput", "frobnicator"),
    ],
)
def test_words_are_found_in_their_other_forms(shelf: Shelf, language: str, text: str, words: str) -> None:
    shelf.put("p1", text, language=language)
    (found,) = shelf.find(words)
    assert (found.has_words, found.language) == (True, language)


def test_the_dictionary_of_another_language_is_not_used(shelf: Shelf) -> None:
    """The English stem of "vouchers" finds an English post, not a Dutch one that says "vouchering"."""
    shelf.put("english", "The vouchers were cancelled", language="en")
    shelf.put("other", "vouchers", language="unknown")
    by_words = {found.post.id: found.has_words for found in shelf.find("voucher")}
    assert by_words == {"english": True, "other": False}


def test_a_post_with_the_words_comes_before_one_that_means_about_the_same(shelf: Shelf) -> None:
    shelf.put("near", "Mijn punten zijn weg", language="nl")
    shelf.put("exact", "Foutcode E4711 op de kassa", language="nl")
    assert shelf.ids("E4711")[0] == "exact"


def test_a_minus_leaves_words_out(shelf: Shelf) -> None:
    shelf.put("a", "punten verlopen in maart")
    shelf.put("b", "punten verlopen in april")
    by_words = {found.post.id: found.has_words for found in shelf.find("punten -april")}
    assert by_words == {"a": True, "b": False}


def test_the_best_post_speaks_for_its_thread(shelf: Shelf) -> None:
    shelf.put("a1", "Hoe laat gaan jullie open?", thread_id="a")
    shelf.put("a2", "Mijn punten zijn verlopen", thread_id="a")
    shelf.put("b1", "Punten verlopen na een jaar", thread_id="b")
    found = shelf.find("verlopen punten")
    assert {one.post.thread_id: one.n_posts for one in found} == {"a": 2, "b": 1}
    assert {one.post.id for one in found} == {"a2", "b1"}


def test_deleted_posts_are_never_found(shelf: Shelf) -> None:
    shelf.put("a", "punten verlopen", deleted_at=POSTED_AT)
    assert shelf.ids("punten verlopen") == []


def test_posts_whose_words_have_changed_are_not_found_by_the_old_ones(shelf: Shelf) -> None:
    shelf.put("a", "punten verlopen")
    shelf.session.execute(update(PostRow).values(words_hash="new").where(PostRow.community_id == shelf.community.id))
    assert shelf.ids("punten verlopen") == []


def test_scores_of_another_model_are_not_compared(shelf: Shelf) -> None:
    shelf.put("a", "punten verlopen", model_version="an older one")
    assert shelf.ids("punten verlopen") == []


def test_another_community_is_not_looked_at(shelf: Shelf) -> None:
    shelf.put("a", "punten verlopen")
    query = Query("punten", encode(shelf.encoder, "punten"))
    elsewhere = shelf.community.id + 1
    assert search_posts(shelf.session, elsewhere, query, EVERYTHING, model_version=MODEL, after=None, limit=5) == []


def test_filters_narrow(shelf: Shelf) -> None:
    shelf.put("a", "punten verlopen", space="punten", topic_id=3)
    shelf.put("b", "points expired", language="en", placed_topic_id=3, topic_id=4)
    shelf.put("c", "punten verlopen", created_at=POSTED_AT - timedelta(days=9), topic_id=4)
    assert set(shelf.ids("punten", SearchFilter(space="punten"))) == {"a"}
    assert set(shelf.ids("punten", SearchFilter(topic_id=3))) == {"a", "b"}
    assert set(shelf.ids("punten", SearchFilter(topic_id=4))) == {"c"}
    assert set(shelf.ids("punten", SearchFilter(language="en"))) == {"b"}
    assert set(shelf.ids("punten", SearchFilter(since=POSTED_AT - timedelta(days=1)))) == {"a", "b"}


def test_every_thread_comes_once_over_the_pages(shelf: Shelf) -> None:
    for number in range(9):
        shelf.put(f"p{number}", "punten verlopen", thread_id=f"t{number // 2}")
    whole = [found.post.thread_id for found in shelf.find("punten verlopen", limit=50)]
    paged: list[str] = []
    after = None
    while page := shelf.find("punten verlopen", after=after, limit=2):
        paged += [found.post.thread_id for found in page]
        after = page[-1].rank, page[-1].post.thread_id
    assert paged == whole
    assert sorted(paged) == [f"t{number}" for number in range(5)]


def test_posts_without_a_vector_are_found_by_their_words(shelf: Shelf) -> None:
    shelf.put("a", "punten verlopen")
    shelf.session.execute(update(ScoreRow).values(vector=None).where(ScoreRow.community_id == shelf.community.id))
    (found,) = shelf.find("punten")
    assert (found.cosine, found.has_words) == (None, True)


@pytest.mark.parametrize("words", ["'", '"', "&|!()", ":*", "-", "<->", "\\", "%", "a" * 500, "😀", "or or or", "- -x"])
def test_any_words_can_be_looked_for(shelf: Shelf, words: str) -> None:
    shelf.put("a", "punten verlopen")
    assert [found.post.id for found in shelf.find(words)] == ["a"]


def test_quoted_text_and_markup_are_not_in_the_snippet(shelf: Shelf) -> None:
    shelf.put("a", "<p>punten <b>verlopen</b></p><blockquote>van een ander</blockquote>", is_html=True)
    assert shelf.find("punten")[0].snippet == "punten verlopen"


def test_a_snippet_is_cut_around_the_first_word() -> None:
    text = "begin " * 100 + "de klantenkaart is zoek " + "einde " * 100
    snippet = make_snippet(text, "klantenkaarten kwijt")
    assert "klantenkaart is zoek" in snippet
    assert snippet.startswith("… begin")
    assert snippet.endswith("einde …")


def test_a_snippet_without_the_words_is_the_beginning() -> None:
    assert make_snippet("een twee drie", "vier") == "een twee drie"
    assert make_snippet("", "vier") == ""


@given(st.text(), st.text(max_size=50))
def test_a_snippet_is_short_and_from_the_text(text: str, words: str) -> None:
    snippet = make_snippet(text, words).removeprefix("… ").removesuffix(" …")
    assert len(snippet) <= SNIPPET_CHARACTERS
    assert snippet in " ".join(text.split())


def test_order_does_not_depend_on_the_order_of_the_rows(shelf: Shelf) -> None:
    for post_id in np.random.default_rng(7).permutation(12):
        shelf.put(f"p{post_id:02}", "punten verlopen")
    assert shelf.ids("punten") == [f"p{number:02}" for number in range(12)]
