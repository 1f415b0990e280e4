"""What a community says about itself: its languages, staff, opening hours and spaces."""

import difflib
import tomllib
from pathlib import Path
from typing import Annotated, Literal, NoReturn
from zoneinfo import ZoneInfo, available_timezones

import holidays as public_holidays
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic_core import ErrorDetails

from models.languages import known_languages
from moderation.errors import CommunityFileInvalid
from moderation.opening_hours import WEEKDAYS, parse_hours

_Text = Annotated[str, Field(min_length=1)]


class Space(BaseModel):
    """One category, subforum or board, and what it is for."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    slug: _Text
    name: _Text
    purpose: str | None = None


class Community(BaseModel):
    """The settings of one community; without a file, what holds for most.

    Attributes
    ----------
    languages : ISO 639-1 codes that members write in.
    timezone : IANA name; opening hours and hours of the week are in it.
    purpose : what the community is for, in a paragraph; None = learned from the posts.
    staff : author ids of those who answer for the organisation.
    review_budget_per_day : how many posts people can look at in a day.
    channel : the community itself, or another channel to compare it with.
    opening_hours : by weekday "mon" to "sun", as `moderation.opening_hours.open_stretches` reads them; a day that is
        left out is closed, an empty table means that no hours are known.
    holidays : country, or country and part ("NL", "DE-BY"), whose public holidays are closed; None = no holidays.
    alarm_authors : so many members who join in a complaint within 24 hours raise an alarm.
    target_hours : an unhappy member should have an answer within so many hours, outside opening hours not counted;
        None = 8 opening hours, or 24 hours where no opening hours are known.
    digest_hour : from this hour of the day, in `timezone`, the daily digest is sent.
    watched_since : before this moment only threads that still waited for an answer were imported; waiting times then
        count from this moment on for those. None = the whole history was imported.
    compared_with : slug of the community that this one is compared with, one of the two an outside channel; both have
        to name each other.
    not_asked : author ids of members who do not want to be suggested as the one to answer.
    left_out : author ids of members who want to be in no member statistics at all; see `moderation.left_out`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = ""
    languages: tuple[str, ...] = ("nl", "en")
    timezone: str = "Europe/Amsterdam"
    purpose: str | None = None
    staff: tuple[_Text, ...] = ()
    review_budget_per_day: int = Field(default=40, ge=1, strict=True)
    channel: Literal["inside", "outside"] = "inside"
    opening_hours: dict[str, str] = Field(default_factory=dict)
    holidays: str | None = None
    spaces: tuple[Space, ...] = ()
    alarm_authors: int = Field(default=3, ge=2, le=1000, strict=True)
    target_hours: float | None = Field(default=None, gt=0, le=240)
    digest_hour: int = Field(default=8, ge=0, le=23, strict=True)
    watched_since: AwareDatetime | None = None
    compared_with: str | None = None
    not_asked: tuple[_Text, ...] = ()
    left_out: tuple[_Text, ...] = ()

    @field_validator("languages")
    @classmethod
    def _check_languages(cls, languages: tuple[str, ...]) -> tuple[str, ...]:
        if not languages:
            raise ValueError('name at least one language, such as ["nl", "en"]')
        for code in languages:
            if code not in known_languages():
                raise ValueError(f'{code!r} is not an ISO 639-1 code of a known language; use codes such as "nl"')
        return tuple(dict.fromkeys(languages))

    @field_validator("timezone")
    @classmethod
    def _check_timezone(cls, timezone: str) -> str:
        if timezone not in available_timezones():
            _refuse_unknown(timezone, sorted(available_timezones()), "time zone")
        return ZoneInfo(timezone).key

    @field_validator("opening_hours")
    @classmethod
    def _check_hours(cls, hours: dict[str, str]) -> dict[str, str]:
        for day, stretches in hours.items():
            if day not in WEEKDAYS:
                _refuse_unknown(day, WEEKDAYS, "weekday")
            try:
                parse_hours(stretches)
            except CommunityFileInvalid as error:
                raise ValueError(str(error).removeprefix("opening_hours: ")) from error
        return {day: hours[day] for day in WEEKDAYS if day in hours}

    @field_validator("holidays")
    @classmethod
    def _check_holidays(cls, region: str | None) -> str | None:
        if region is None:
            return None
        country, _, part = region.partition("-")
        parts = public_holidays.list_supported_countries()
        if country not in parts:
            _refuse_unknown(country, sorted(parts), "country")
        if part and part not in parts[country]:
            _refuse_unknown(part, sorted(parts[country]), f"part of {country}")
        return region

    @field_validator("spaces")
    @classmethod
    def _check_spaces(cls, spaces: tuple[Space, ...]) -> tuple[Space, ...]:
        slugs = [space.slug for space in spaces]
        twice = next((slug for slug in slugs if slugs.count(slug) > 1), None)
        if twice is not None:
            raise ValueError(f"{twice!r} is the slug of two spaces; give each its own")
        return spaces


def load_community(path: Path) -> Community:
    """Read a community's settings from its TOML file.

    Raises
    ------
    CommunityFileInvalid
        The file is missing or no TOML, a key is unknown or its value cannot be used; the first mistake is named.
    """
    try:
        settings = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise CommunityFileInvalid(f"{path} cannot be read ({error.strerror}); check its name") from error
    except UnicodeDecodeError as error:
        raise CommunityFileInvalid(f"{path} is not UTF-8; save it as UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise CommunityFileInvalid(f"{path} is not TOML: {error}") from error
    try:
        return Community.model_validate(settings)
    except ValidationError as error:
        raise CommunityFileInvalid(f"{path}: {_first_mistake(error.errors(include_url=False)[0])}") from error


def _first_mistake(mistake: ErrorDetails) -> str:
    key = ".".join(str(part) for part in mistake["loc"])
    if mistake["type"] == "extra_forbidden":
        known = Space.model_fields if len(mistake["loc"]) > 1 else Community.model_fields
        return f"{key} is not a known key; did you mean {_nearest(str(mistake['loc'][-1]), list(known))!r}?"
    return f"{key}: {mistake['msg'].removeprefix('Value error, ')}"


def _refuse_unknown(given: str, known: list[str] | tuple[str, ...], what: str) -> NoReturn:
    raise ValueError(f"{given!r} is not a known {what}; did you mean {_nearest(given, known)!r}?")


def _nearest(given: str, known: list[str] | tuple[str, ...]) -> str:
    """The known word most like the given one, whatever the case."""
    by_lower = {word.lower(): word for word in known}
    return by_lower[difflib.get_close_matches(given.lower(), by_lower, n=1, cutoff=0.0)[0]]
