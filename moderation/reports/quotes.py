"""Posts as the report quotes them: the first words, who wrote them and when."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cached_property
from types import MappingProxyType

from moderation.corpus import Corpus
from moderation.reports.content import Quote
from moderation.reports.wording import Wording

N_CHARACTERS = 220
N_ANSWERED_CHARACTERS = 110
"""Of the post that is answered: enough to know what it was about."""


class Quoter:
    """Quotes posts of one corpus in one language of the report.

    Parameters
    ----------
    space_names : what the spaces of the posts are called; a space without a name is called as in the export.
    """

    def __init__(self, corpus: Corpus, wording: Wording, space_names: Mapping[str, str] = MappingProxyType({})) -> None:
        self.corpus = corpus
        self.wording = wording
        self._space_names = space_names

    def quote(self, post_id: str, note: str | None = None) -> Quote:
        """One post; `note` says why it is shown. Of a deleted post nothing is quoted but that it was deleted."""
        row = self.corpus.row_of[post_id]
        post, language = self.corpus.posts[row], self.corpus.languages[row]
        title, words = (None, self.wording.say("quote.deleted")) if post.deleted_at else self._words(row)
        return Quote(
            post_id=post.id,
            title=title,
            words=words,
            author=self.author(post.author_id, role=post.role),
            written=self.wording.minute(post.created_at),
            note=note,
            language=None if language == "unknown" or post.deleted_at else language,
        )

    def quote_in_thread(self, post_id: str, note: str | None = None) -> Quote:
        """One post with the thread and space it stands in and, of a reply, what it answers."""
        row = self.corpus.row_of[post_id]
        first_row = self.corpus.threads[self.corpus.posts[row].thread_id][0]
        answered = self._answered_row(row, first_row)
        return replace(
            self.quote(post_id, note),
            where=self._where(row, first_row),
            answers=None if answered is None else self._answered(answered),
        )

    def space_name(self, space: str) -> str:
        """What a space is called."""
        return self._space_names.get(space, space)

    def _answered_row(self, row: int, first_row: int) -> int | None:
        """The post that a post answers: its parent, or else the first of the thread; None for the first post itself."""
        if row == first_row:
            return None
        return self.corpus.row_of.get(self.corpus.posts[row].parent_id or "", first_row)

    def _answered(self, row: int) -> str:
        post = self.corpus.posts[row]
        words = self.wording.say("quote.deleted") if post.deleted_at else self._words(row)[1] or post.title or ""
        return self.wording.say(
            "quote.answers",
            author=self.author(post.author_id, role=post.role),
            words=shortened(words, N_ANSWERED_CHARACTERS),
        )

    def _where(self, row: int, first_row: int) -> str | None:
        """The title of the thread, unless the post opens it, and the space."""
        post, first = self.corpus.posts[row], self.corpus.posts[first_row]
        parts = []
        if row != first_row and first.title and not first.deleted_at:
            parts.append(self.wording.say("quoted", words=shortened(" ".join(first.title.split()), N_CHARACTERS // 2)))
        if post.space:
            parts.append(self.space_name(post.space))
        return self.wording.say("quote.where", place=" · ".join(parts)) if parts else None

    def _words(self, row: int) -> tuple[str | None, str]:
        """The title and the first words of a post."""
        post = self.corpus.posts[row]
        words = " ".join(self.corpus.readings[row].words.split()) or " ".join(post.text.split())
        title = " ".join(post.title.split()) if post.title else None
        if title is not None:
            words = words.removeprefix(title).lstrip(" .:\n")
        return shortened(title, N_CHARACTERS // 2) if title else None, shortened(words, N_CHARACTERS)

    def quotes(self, post_ids: Iterable[str]) -> tuple[Quote, ...]:
        """Several posts without notes."""
        return tuple(self.quote(post_id) for post_id in post_ids)

    def author(self, author_id: str | None, *, role: str = "member") -> str:
        """How a writer is called: the name in the newest post that has one, else the id."""
        if author_id is None:
            return self.wording.say(f"author.unknown_{role}")
        name = self._names.get(author_id) or self.wording.say("author.id", id=author_id)
        return self.wording.say("author.staff", name=name) if role == "staff" else name

    @cached_property
    def _names(self) -> dict[str, str]:
        return {post.author_id: post.author_name for post in self.corpus.posts if post.author_id and post.author_name}


def shortened(text: str, n_characters: int) -> str:
    """The text, cut at the end of a word where it is longer."""
    if len(text) <= n_characters:
        return text
    cut = text[:n_characters]
    at_word = cut.rsplit(" ", 1)[0]
    return (at_word if len(at_word) > n_characters // 2 else cut).rstrip(" ,.;:") + "…"
