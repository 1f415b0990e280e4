"""How a long job shows itself: a bar per stage on a terminal, plain lines anywhere else."""

import sys
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

STAGE_NAMES = {
    "read": "Reading posts",
    "encode": "Encoding posts",
    "signals": "Scoring signals and relevance",
    "topics": "Finding topics",
    "drift": "Measuring drift",
    "splits": "Looking for splits",
    "response_times": "Measuring response times",
    "report": "Writing the report",
}
LINE_EVERY_SHARE = 0.1
"""Without a terminal a long stage writes a line for each tenth that is done."""


class BarProgress:
    """One rich bar per stage, on standard error so that standard output stays clean."""

    def __init__(self, console: Console) -> None:
        self._bars = Progress(
            SpinnerColumn(),
            TextColumn("{task.description:<30}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
        )
        self._task: TaskID | None = None
        self._bars.start()

    def start(self, stage: str, total: int | None) -> None:
        """Begin a stage of `total` units, or of unknown length."""
        self._task = self._bars.add_task(STAGE_NAMES[stage], total=total)

    def advance(self, n_done: int) -> None:
        """Count finished units of the running stage."""
        if self._task is not None:
            self._bars.advance(self._task, n_done)

    def finish(self, stage: str, seconds: float) -> None:
        """End the stage."""
        if self._task is not None:
            task = next(task for task in self._bars.tasks if task.id == self._task)
            total = task.total or 1
            self._bars.update(self._task, total=total, completed=total)

    def note(self, line: str) -> None:
        """Show one line."""
        self._bars.console.print(line, highlight=False)

    def close(self) -> None:
        """Leave the terminal as it was."""
        self._bars.stop()


class LineProgress:
    """Plain lines, for logs and pipes."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._total: int | None = None
        self._n_done = 0
        self._next_line_at = 0.0
        self._stage = ""

    def start(self, stage: str, total: int | None) -> None:
        """Begin a stage of `total` units, or of unknown length."""
        self._stage, self._total, self._n_done = STAGE_NAMES[stage], total, 0
        self._next_line_at = LINE_EVERY_SHARE
        self.note(f"{self._stage}…" if total is None else f"{self._stage}: {total:,} texts…")

    def advance(self, n_done: int) -> None:
        """Count finished units of the running stage."""
        self._n_done += n_done
        if self._total and self._n_done / self._total >= self._next_line_at:
            self.note(f"{self._stage}: {self._n_done:,} of {self._total:,}")
            self._next_line_at = self._n_done / self._total + LINE_EVERY_SHARE

    def finish(self, stage: str, seconds: float) -> None:
        """End the stage."""
        self.note(f"{STAGE_NAMES[stage]}: done in {seconds:.1f} s")

    def note(self, line: str) -> None:
        """Show one line."""
        self._stream.write(line + "\n")
        self._stream.flush()

    def close(self) -> None:
        """Nothing is held open."""


def open_progress() -> BarProgress | LineProgress:
    """Open the progress display that fits standard error."""
    if sys.stderr.isatty():
        return BarProgress(Console(stderr=True))
    return LineProgress(sys.stderr)
