"""What members contributed in a period, for a loyalty programme's points and status.

The fields stay as they are from version to version. What counts for which points is the programme's to decide: counted
and weighted numbers stand side by side, with the posts that they rest on.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from moderation.contributions import COUNT_OF
from moderation.csv_cells import write_csv
from moderation.errors import FindingsMissing
from moderation.reports.wording import read_moment


@dataclass(frozen=True)
class Period:
    """From when on, and before when, a contribution was made; None = from the beginning, or up to now."""

    since: datetime | None = None
    until: datetime | None = None

    def holds(self, at: datetime) -> bool:
        """Whether a moment lies in it; its end does not."""
        return (self.since is None or at >= self.since) and (self.until is None or at < self.until)


@dataclass(frozen=True)
class MemberLine:
    """One member's contributions in a period.

    Attributes
    ----------
    counted, weighted : by the names in `moderation.contributions.COUNT_OF`; None = not known in data so short.
    lowered : how many contributions count for less, by reason.
    post_ids : of the contributions, in time order.
    """

    author_id: str
    period: Period
    counted: Mapping[str, int | None]
    weighted: Mapping[str, float | None]
    lowered: Mapping[str, int]
    post_ids: Sequence[str]

    def as_json(self) -> dict[str, Any]:
        """The line as the API gives it."""
        return {
            "author_id": self.author_id,
            "from": _iso(self.period.since),
            "to": _iso(self.period.until),
            "counted": dict(self.counted),
            "weighted": dict(self.weighted),
            "lowered": dict(self.lowered),
            "post_ids": list(self.post_ids),
        }


COLUMNS = (
    "author_id",
    "from",
    "to",
    *(column for name in COUNT_OF.values() for column in (name, f"{name}_weighted")),
    "lowered",
    "post_ids",
)


def member_lines(
    members: Mapping[str, Any], period: Period, *, left_out: Collection[str] = (), after: str | None = None
) -> list[MemberLine]:
    """Every member by id, those without a contribution in the period among them.

    Parameters
    ----------
    members : contents of members.json.
    left_out : author ids of those who are left out since it was written.
    after : only those that come after this author id.

    Raises
    ------
    FindingsMissing
        It is of a version that did not list contributions.
    """
    entries = [
        entry
        for entry in members["members"]
        if entry["author_id"] not in left_out and (after is None or entry["author_id"] > after)
    ]
    return [_line(entry, period) for entry in sorted(entries, key=lambda entry: entry["author_id"])]


def lines_csv(lines: Sequence[MemberLine]) -> str:
    """The lines as a CSV file with the columns of `COLUMNS`; ids and reasons of one cell are parted by spaces."""
    return write_csv(COLUMNS, (_cells(line) for line in lines))


def without_left_out(entry: Mapping[str, Any], left_out: Collection[str]) -> dict[str, Any]:
    """A member's entry in which nobody is named who is left out since it was written."""
    if "contributions" not in entry:
        return dict(entry)
    return {
        **entry,
        "contributions": [
            {**each, "to_author_id": None} if each["to_author_id"] in left_out else each
            for each in entry["contributions"]
        ],
    }


def _line(entry: Mapping[str, Any], period: Period) -> MemberLine:
    if "contributions" not in entry:
        raise FindingsMissing("contributions of members", None)
    made = [each for each in entry["contributions"] if period.holds(read_moment(each["at"]))]
    known = {name: entry[name] is not None for name in COUNT_OF.values()}
    of_kind = {name: [each["weight"] for each in made if each["kind"] == kind] for kind, name in COUNT_OF.items()}
    return MemberLine(
        author_id=entry["author_id"],
        period=period,
        counted={name: len(weights) if known[name] else None for name, weights in of_kind.items()},
        weighted={name: round(sum(weights, 0.0), 2) if known[name] else None for name, weights in of_kind.items()},
        lowered=dict(sorted(Counter(reason for each in made for reason in each["lowered_by"]).items())),
        post_ids=list(dict.fromkeys(each["post_id"] for each in made)),
    )


def _cells(line: MemberLine) -> list[str | int | float | None]:
    counts = [cell for name in COUNT_OF.values() for cell in (line.counted[name], line.weighted[name])]
    lowered = " ".join(f"{reason}:{n}" for reason, n in line.lowered.items())
    return [
        line.author_id,
        _iso(line.period.since),
        _iso(line.period.until),
        *counts,
        lowered,
        " ".join(line.post_ids),
    ]


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
