"""Texts and numbers that the database can hold."""

from typing import Annotated

from pydantic import Field

MAX_INTEGER = 2**63 - 1
NO_NUL = r"^[^\x00]*$"


def is_storable(text: str) -> bool:
    """Whether a text can be stored and sent: no NUL, no half of a character pair."""
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


StorableText = Annotated[str, Field(pattern=NO_NUL)]
"""Half a character pair is refused by the pattern as well: it is no Unicode text."""
RowId = Annotated[int, Field(ge=1, le=MAX_INTEGER)]
