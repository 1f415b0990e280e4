"""Members: what they contributed, who is left out of statistics, who was erased."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from api.schemas.findings import Findings
from moderation.erasure import Erasure


class MemberLineView(BaseModel):
    """What one member contributed in the period."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "author_id": "u88",
                    "from": "2026-01-01T00:00:00+00:00",
                    "to": "2026-04-01T00:00:00+00:00",
                    "counted": {
                        "n_answers": 12,
                        "n_episodes_corrected": 2,
                        "n_ideas_supported": 1,
                        "n_newcomers_welcomed": 3,
                        "n_accepted_answers": 4,
                    },
                    "weighted": {
                        "n_answers": 10.33,
                        "n_episodes_corrected": 2.0,
                        "n_ideas_supported": 1.0,
                        "n_newcomers_welcomed": 3.0,
                        "n_accepted_answers": 4.0,
                    },
                    "lowered": {"same_thread": 3},
                    "post_ids": ["p17", "p81"],
                }
            ]
        }
    )

    author_id: str
    since: datetime | None = Field(alias="from", description="Null = from the beginning.")
    until: datetime | None = Field(alias="to", description="Null = up to the newest post that was looked at.")
    counted: dict[str, int | None] = Field(description="Null where the data are too short to know who is new.")
    weighted: dict[str, float | None] = Field(
        description="The same once repeats, rings and second accounts count less."
    )
    lowered: dict[str, int] = Field(description="How many contributions count for less, by reason.")
    post_ids: list[str] = Field(description="The posts that they rest on.")


class MemberPageView(Findings):
    """Some members, by id."""

    n_members: int = Field(description="All members that are counted.")
    left_out: dict[str, int] = Field(description="Who is not counted, and why.")
    needs_a_look: dict[str, Any] = Field(description="Exchanges that a person may want to look at, with their figures.")
    items: list[MemberLineView]
    next_cursor: str | None


class MemberView(Findings):
    """What one member contributed, with every post that shows it, and the mixture of interests."""

    member: dict[str, Any]


class LeftOutView(BaseModel):
    """Who is in no member statistics, at their own wish."""

    author_ids: list[str]


class ErasureView(BaseModel):
    """What was erased; nothing in it is about the person."""

    erasure_id: int
    erased_at: datetime
    n_posts: int
    rows_deleted: dict[str, int] = Field(description="Other rows that were deleted, by table.")
    rows_changed: dict[str, int] = Field(description="Other rows that something was taken out of, by table.")
    named_in_post_ids: list[str] = Field(
        description="Posts of others in which the name still stands, as a name or as an ordinary word; for a person "
        "to read. Not kept anywhere."
    )

    @classmethod
    def of(cls, erasure: Erasure) -> "ErasureView":
        """An erasure as it was done."""
        return cls(
            erasure_id=erasure.id,
            erased_at=erasure.erased_at,
            n_posts=erasure.n_posts,
            rows_deleted=erasure.rows_deleted,
            rows_changed=erasure.rows_changed,
            named_in_post_ids=erasure.named_in_post_ids,
        )
