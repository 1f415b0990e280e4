"""Settings of a community."""

from typing import Any

from pydantic import ConfigDict, field_validator

from api.schemas.text import is_storable
from moderation.config import Community


class CommunitySettings(Community):
    """The settings of a community; the fields of the TOML file that `klankbord analyse --community` reads."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "Loyaal",
                    "purpose": "Members help each other to get the most out of their points.",
                    "languages": ["nl", "en"],
                    "timezone": "Europe/Amsterdam",
                    "staff": ["u17", "u23"],
                    "opening_hours": {"mon": "09:00-17:30", "tue": "09:00-17:30"},
                    "holidays": "NL",
                    "review_budget_per_day": 40,
                    "channel": "inside",
                    "spaces": [{"slug": "points", "name": "Points", "purpose": "Earning and spending points"}],
                }
            ]
        }
    )

    @field_validator("*", mode="before")
    @classmethod
    def _check_storable(cls, given: Any) -> Any:
        _check_texts(given)
        return given


def _check_texts(given: Any) -> None:
    if isinstance(given, str):
        if not is_storable(given):
            raise ValueError("holds a NUL character or half a character pair, which cannot be stored")
    elif isinstance(given, dict):
        for key, inner in given.items():
            _check_texts(key)
            _check_texts(inner)
    elif isinstance(given, list | tuple):
        for inner in given:
            _check_texts(inner)
