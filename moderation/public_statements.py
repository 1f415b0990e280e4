"""Where members say that they live and which language they speak, in their own public posts: plain patterns, quoted.

Nothing is guessed from names, times of the day, or the language that somebody writes in. A place counts only where
several members name it.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from moderation.corpus import Corpus

Kind = Literal["place", "language"]

#: Members who must have named the same place or language.
MIN_MEMBERS = 3
MAX_QUOTE_CHARACTERS = 200

_NAME = r"(?P<name>(?:Den |De |'s-|Sint |New |San |St\.? )?[A-ZÀ-Þ][\wÀ-ÿ'’-]{2,}(?: (?:aan|op|bij) [A-Z][\w-]+)?)"
_PLACES = tuple(
    re.compile(pattern.replace("NAME", _NAME))
    for pattern in (
        r"\b(?:[Ii]k|[Ww]ij|[Ww]e) (?:woon|wonen|zit|zitten)(?: zelf| ook| hier| al \w+ jaar| net)* (?:in|bij|te) NAME",
        r"\b(?:[Ii]k kom|[Ww]ij komen|[Ww]e komen|[Ii]k ben)(?: zelf| ook)? uit NAME",
        r"\b(?:[Bb]ij ons|[Hh]ier bij ons|[Hh]ier) in NAME",
        r"\bI(?:'m| am|’m)(?: also| living| based)* (?:in|from|near) NAME",
        r"\b(?:I|[Ww]e)(?: also)? live (?:in|near|outside) NAME",
        r"\b[Hh]ere in NAME",
    )
)
_LANGUAGE = r"(?P<name>Nederlands|Engels|Frans|Duits|Spaans|Dutch|English|French|German|Spanish|Flemish|Vlaams)"
_LANGUAGES = tuple(
    re.compile(pattern.replace("NAME", _LANGUAGE))
    for pattern in (
        r"\b[Ii]k spreek (?:alleen |ook |zelf |gewoon |vooral )*NAME",
        r"\b[Mm]ijn moedertaal is (?:het )?NAME",
        r"\bI (?:only |also |mostly )*speak (?:only )?NAME",
        r"\b[Mm]y (?:first language|mother tongue|native language) is NAME",
    )
)
#: Capitalised after "in" and no place; products and shops are left to the count of members.
_NO_PLACE = frozenset(
    {"januari", "februari", "maart", "april", "mei", "juni", "juli", "augustus", "september", "oktober", "november"}
    | {"december", "january", "february", "march", "may", "june", "july", "august", "october", "kerst", "pasen"}
    | {"christmas", "easter", "maandag", "dinsdag", "woensdag", "donderdag", "vrijdag", "zaterdag", "zondag", "monday"}
    | {"tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "general", "fact", "case", "addition"}
)
_CODE_OF = {
    "nederlands": "nl", "dutch": "nl", "vlaams": "nl", "flemish": "nl", "engels": "en", "english": "en", "frans": "fr",
    "french": "fr", "duits": "de", "german": "de", "spaans": "es", "spanish": "es",
}  # fmt: skip


@dataclass(frozen=True)
class Statement:
    """What one member said in one post.

    Attributes
    ----------
    name : the place as written, or the code of the language.
    quote : the sentence around it, at most 200 characters.
    """

    kind: Kind
    name: str
    author_id: str
    post_id: str
    quote: str


def read_statements(corpus: Corpus, rows: Iterable[int]) -> list[Statement]:
    """What members said of themselves in some of their posts, in order; quotes of others do not count."""
    said = []
    for row in rows:
        author_id, words = corpus.posts[row].author_id, corpus.readings[row].words
        if author_id is None:
            continue
        for kind, name, quote in _statements_in(words):
            said.append(Statement(kind, name, author_id, corpus.posts[row].id, quote))
    return said


def shared_statement(statements: Iterable[Statement], kind: Kind) -> list[Statement]:
    """The first statement of each member who named what most members named; empty where fewer than three did."""
    first: dict[str, dict[str, Statement]] = {}
    for statement in statements:
        if statement.kind == kind:
            first.setdefault(statement.name.casefold(), {}).setdefault(statement.author_id, statement)
    most = min(first.items(), key=lambda item: (-len(item[1]), item[0]), default=None)
    if most is None or len(most[1]) < MIN_MEMBERS:
        return []
    return list(most[1].values())


def _statements_in(words: str) -> Iterable[tuple[Kind, str, str]]:
    for pattern in _PLACES:
        for found in pattern.finditer(words):
            if found["name"].casefold() not in _NO_PLACE and not found["name"].isupper():
                yield "place", found["name"], _quote(words, found)
    for pattern in _LANGUAGES:
        for found in pattern.finditer(words):
            yield "language", _CODE_OF[found["name"].casefold()], _quote(words, found)


def _quote(words: str, found: re.Match[str]) -> str:
    """The sentence that holds the match."""
    start = max(words.rfind(end, 0, found.start()) for end in ".!?\n") + 1
    ends = [place for end in ".!?\n" if (place := words.find(end, found.end())) >= 0]
    sentence = " ".join(words[start : min(ends, default=len(words)) + 1].split())
    return sentence if len(sentence) <= MAX_QUOTE_CHARACTERS else f"{sentence[:MAX_QUOTE_CHARACTERS].rstrip()}…"
