"""How the pages speak: their own sentences beside the numbers, dates and spans of the report's wording."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from moderation.reports.wording import REPORT_LANGUAGES, Wording

PAGE_LANGUAGES = REPORT_LANGUAGES
LANGUAGE_COOKIE = "klankbord_language"


@cache
def page_messages(language: str) -> Mapping[str, str | list[str]]:
    """Every text of the pages in one language by its key: a sentence, or a pair for one and for any other number."""
    return tomllib.loads((files("api.pages") / "messages" / f"{language}.toml").read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Texts:
    """What the pages say in one language.

    Attributes
    ----------
    wording : numbers, dates, spans and shares in the same language and the community's time zone.
    """

    wording: Wording

    @property
    def language(self) -> str:
        """One of `PAGE_LANGUAGES`."""
        return self.wording.language

    def say(self, key: str, **figures: str) -> str:
        """A sentence with its blanks filled in; figures are already in words."""
        sentence = page_messages(self.language)[key]
        assert isinstance(sentence, str), f"{key} needs a number: use count()"
        return sentence.format(**figures)

    def count(self, key: str, n: int, **figures: str) -> str:
        """A sentence that agrees with a number; `{n}` in it is the number."""
        pair = page_messages(self.language)[key]
        assert isinstance(pair, list), f"{key} takes no number: use say()"
        one, many = pair
        return (one if n == 1 else many).format(n=self.wording.number(n), **figures)

    def knows(self, key: str) -> bool:
        """Whether there is a text of that key, for codes that come from elsewhere."""
        return key in page_messages(self.language)


def page_language(chosen: str | None, community_languages: Sequence[str]) -> str:
    """The language to show: as the reader chose, else the community's first if the pages speak it, else English."""
    wanted = [chosen, *community_languages[:1]]
    return next((language for language in wanted if language in PAGE_LANGUAGES), "en")


def texts_for(chosen: str | None, community_languages: Sequence[str] = (), timezone: str = "Europe/Amsterdam") -> Texts:
    """The texts for a reader of one community; before signing in no community is known."""
    return Texts(Wording(page_language(chosen, community_languages), timezone))
