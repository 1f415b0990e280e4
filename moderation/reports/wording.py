"""How the report speaks: its sentences, numbers, dates and durations in the reader's language."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_datetime
from babel.lists import format_list
from babel.numbers import format_decimal, format_percent

REPORT_LANGUAGES = ("nl", "en")

MINUTE_SECONDS, HOUR_SECONDS, DAY_SECONDS = 60, 3600, 86_400
MONTH_DAYS, YEAR_DAYS = 30.44, 365.25
_LOCALES = {"nl": "nl_NL", "en": "en_GB"}


@cache
def messages(language: str) -> Mapping[str, str | list[str]]:
    """Every text of one language by its key: a sentence, or a pair for one and for any other number."""
    return tomllib.loads((files("moderation.reports") / "messages" / f"{language}.toml").read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Wording:
    """One language and one time zone.

    Attributes
    ----------
    language : one of `REPORT_LANGUAGES`.
    timezone : IANA name of the zone in which times are shown.
    """

    language: str
    timezone: str

    def say(self, key: str, **figures: str) -> str:
        """A sentence with its blanks filled in; figures are already in words."""
        sentence = messages(self.language)[key]
        assert isinstance(sentence, str), f"{key} needs a number: use count()"
        return sentence.format(**figures)

    def count(self, key: str, n: int, **figures: str) -> str:
        """A sentence that agrees with a number; `{n}` in it is the number."""
        pair = messages(self.language)[key]
        assert isinstance(pair, list), f"{key} takes no number: use say()"
        one, many = pair
        return (one if n == 1 else many).format(n=self.number(n), **figures)

    def number(self, number: float, *, decimals: int = 0) -> str:
        """A number with the thousands and decimals of the language."""
        return str(format_decimal(round(number, decimals), format=_number_form(decimals), locale=self._locale))

    def share(self, share: float) -> str:
        """A share in [0, 1] as a percentage; a decimal only below 1 %."""
        if 0 < share < 0.0005:
            return self.say("share.tiny", share=self._percent(0.001, "0.0%"))
        return self._percent(share, "0.0%" if 0 < share < 0.00995 else "0%")

    def between(self, low: float, high: float) -> str:
        """An interval of shares in words."""
        return self.say("share.between", low=self.share(low), high=self.share(high))

    def span(self, share: float, low: float, high: float) -> str:
        """A share with its interval, short enough for a table: "9% (4–22%)"; "0%" where the interval is a point."""
        said = self.share(share)
        if self.share(low) == self.share(high):
            return said
        bounds = self.share(low).removesuffix("%"), self.share(high)
        return self.say("share.with_interval", share=said, low=bounds[0], high=bounds[1])

    def likelihood(self, probability: float) -> str:
        """How sure a signal is, in words instead of a percentage that looks more exact than it is."""
        return self.say("likelihood.very" if probability >= 0.9 else "likelihood" if probability >= 0.7 else "possibly")

    def duration(self, seconds: float) -> str:
        """A time span in at most two units, as people say it."""
        parts = [self.count(f"unit.{unit}", n) for unit, n in _parts(seconds)]
        return self.listed(parts) if parts else self.say("duration.moment")

    def day(self, moment: datetime) -> str:
        """The date in the community's time zone."""
        return self.long_date(self._local(moment).date())

    def long_date(self, day: date) -> str:
        """A day: "27 July 2026"."""
        return str(format_date(day, "d MMMM y", locale=self._locale))

    def short_date(self, day: date) -> str:
        """A day beside a chart: "27 Jul"."""
        return str(format_date(day, "d MMM", locale=self._locale))

    def month(self, day: date) -> str:
        """The month of a day: "July 2026"."""
        return str(format_date(day, "MMMM y", locale=self._locale))

    def short_month(self, day: date) -> str:
        """The month of a day beside a chart: "Jul 2026"."""
        return str(format_date(day, "MMM y", locale=self._locale))

    def minute(self, moment: datetime) -> str:
        """Date and time of day in the community's time zone."""
        return str(format_datetime(self._local(moment), "d MMMM y, HH:mm", locale=self._locale))

    def days(self, first: datetime, last: datetime) -> str:
        """A range of days, first and last included; one day where both fall on the same."""
        start, end = self._local(first).date(), self._local(last).date()
        if start == end:
            return self.long_date(start)
        form = "d MMMM" if start.year == end.year else "d MMMM y"
        first_day = str(format_date(start, form, locale=self._locale))
        return self.say("days.range", first=first_day, last=self.long_date(end))

    def listed(self, parts: Sequence[str]) -> str:
        """A list as people say it, with "and" before the last."""
        return str(format_list(list(parts), locale=self._locale))

    def language_name(self, code: str) -> str:
        """The name of a language; what has no name, or was not recognised, is said in words."""
        name = Locale.parse(self._locale).languages.get(code)
        return str(name) if name else self.say("language.unknown")

    @property
    def _locale(self) -> str:
        return _LOCALES[self.language]

    def _local(self, moment: datetime) -> datetime:
        return moment.astimezone(ZoneInfo(self.timezone))

    def _percent(self, share: float, form: str) -> str:
        return str(format_percent(share, format=form, locale=self._locale))


def read_moment(written: str) -> datetime:
    """Read a time of the files (RFC 3339) as aware UTC."""
    return datetime.fromisoformat(written).astimezone(UTC)


def _number_form(decimals: int) -> str:
    return "#,##0" + ("." + "0" * decimals if decimals else "")


def _parts(seconds: float) -> list[tuple[str, int]]:
    """The units a span is told in: the largest that fits and, where it still matters, the next one."""
    minutes = round(seconds / MINUTE_SECONDS)
    hours = round(seconds / HOUR_SECONDS)
    days = round(seconds / DAY_SECONDS)
    if minutes < 60:
        return _nonzero(("minute", minutes))
    if minutes < 6 * 60:
        return _nonzero(("hour", minutes // 60), ("minute", minutes % 60))
    if hours < 24:
        return [("hour", hours)]
    if hours < 7 * 24:
        return _nonzero(("day", hours // 24), ("hour", hours % 24))
    if days < 60:
        return [("day", days)]
    if days < 2 * YEAR_DAYS:
        return [("month", round(days / MONTH_DAYS))]
    return [("year", round(days / YEAR_DAYS))]


def _nonzero(*parts: tuple[str, int]) -> list[tuple[str, int]]:
    return [part for part in parts if part[1]]
