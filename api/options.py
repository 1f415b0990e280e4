"""Options that several commands take."""

from collections.abc import Sequence

import typer


def read_columns(pairs: Sequence[str] | None) -> dict[str, str] | None:
    """`FIELD=COLUMN` pairs as a mapping; None when none were given."""
    if not pairs:
        return None
    wrong = [pair for pair in pairs if "=" not in pair]
    if wrong:
        raise typer.BadParameter(f"{wrong[0]}: write FIELD=COLUMN, as in text=Body")
    return dict(pair.split("=", 1) for pair in pairs)
