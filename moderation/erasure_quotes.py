"""What other members' posts repeat of a person who is erased: quotes and mentions are taken out, the rest is listed.

Whole lines that the person wrote, "@name", and the name over a quotation can be told without a doubt. A name that just
stands in somebody's sentence cannot: "mark" and "roos" are words as well. Those posts are named, for a person to read.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

from moderation.erasure_scrub import REDACTED
from moderation.posts import Post

MIN_LINE = 25
"""Characters; shorter lines ("Bedankt voor de hulp!") are anybody's."""
MIN_QUOTE = 10
"""Characters of a line that is marked as a quotation."""
_SPACES = re.compile(r"\s+")
_MARKS = re.compile(r"^[\s>]+")


@dataclass(frozen=True)
class Words:
    """What a person wrote and was called.

    Attributes
    ----------
    names : as they stood with the posts.
    texts : titles and texts of the posts.
    """

    names: frozenset[str]
    texts: tuple[str, ...]

    def taken_out_of(self, post: Post) -> Post:
        """The post of somebody else without what it repeats; the same object if it repeats nothing."""
        text = self._without(post.text)
        title = None if post.title is None else self._without(post.title)
        return post if (text, title) == (post.text, post.title) else replace(post, text=text, title=title)

    def names_in(self, post: Post) -> bool:
        """Whether a name still stands in a post."""
        said = f"{post.title or ''}\n{post.text}"
        return self._name is not None and self._name.search(said) is not None

    def _without(self, text: str) -> str:
        lines = [self._without_line(line) for line in text.split("\n")]
        kept = "\n".join(line for line in lines if line is not None)
        for pattern in self._callings:
            kept = pattern.sub(lambda found: found.group(0).replace(found.group("name"), REDACTED), kept)
        return kept

    def _without_line(self, line: str) -> str | None:
        """A line that holds what the person wrote, without it; None = nothing else was in it."""
        plain, is_quoted = _plain(line), line.lstrip().startswith(">")
        if plain in self._lines or (is_quoted and len(plain) >= MIN_QUOTE and plain in self._everything):
            return None
        if is_quoted:
            for repeated in self._by_length:
                plain = plain.replace(repeated, REDACTED)
            return f"> {plain}" if REDACTED in plain else line
        return line

    @cached_property
    def _everything(self) -> str:
        return "\n".join(_plain(text) for text in self.texts)

    @cached_property
    def _lines(self) -> frozenset[str]:
        lines = (_plain(line) for text in self.texts for line in (*text.split("\n"), text))
        return frozenset(line for line in lines if len(line) >= MIN_LINE)

    @cached_property
    def _by_length(self) -> list[str]:
        return sorted(self._lines, key=lambda line: (-len(line), line))

    @cached_property
    def _alternatives(self) -> str:
        known = sorted(
            {name.strip() for name in self.names if len(name.strip()) > 1}, key=lambda name: (-len(name), name)
        )
        return "|".join(re.escape(name) for name in known)

    @cached_property
    def _name(self) -> re.Pattern[str] | None:
        if not self._alternatives:
            return None
        return re.compile(rf"(?<!\w)(?:{self._alternatives})(?!\w)", re.IGNORECASE)

    @cached_property
    def _callings(self) -> tuple[re.Pattern[str], ...]:
        """The ways of calling somebody by name that are nothing else."""
        if not self._alternatives:
            return ()
        name = rf"(?P<name>{self._alternatives})"
        wrote = "wrote|writes|said|says|schreef|schrijft|zei|schrieb|schreibt|sagte|a écrit|écrit|escribió"
        return (
            re.compile(rf"@{name}(?!\w)", re.IGNORECASE),
            re.compile(rf"\[quote=[\"']?{name}(?!\w)", re.IGNORECASE),
            re.compile(rf"^.{{0,80}}(?<!\w){name}(?!\w) (?:{wrote})\b.{{0,80}}:\s*$", re.IGNORECASE | re.MULTILINE),
        )


def words_of(texts: Iterable[str]) -> set[str]:
    """The casefolded words of some texts."""
    return {word.casefold() for text in texts for word in re.findall(r"\w+", text)}


def _plain(line: str) -> str:
    return _SPACES.sub(" ", _MARKS.sub("", line)).strip()
