"""Cells of CSV files that people open in a spreadsheet."""

import csv
from collections.abc import Iterable, Sequence
from io import StringIO

_BEGINS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def write_csv(head: Sequence[str], rows: Iterable[Sequence[str | int | float | None]]) -> str:
    """A CSV file (RFC 4180) with a line of column names; None is an empty cell.

    Text that a spreadsheet would run as a formula gets an apostrophe in front (OWASP, CSV injection); numbers stay.
    """
    file = StringIO()
    writer = csv.writer(file)
    writer.writerow(head)
    for row in rows:
        writer.writerow([safe_text(cell) if isinstance(cell, str) else cell for cell in row])
    return file.getvalue()


def safe_text(cell: str) -> str:
    """The text as no spreadsheet runs it; text that was made safe or needs it not stays as it is."""
    return f"'{cell}" if cell.lstrip(" ").startswith(_BEGINS_A_FORMULA) else cell
