"""Progress of a one-box run: a bar per task on a terminal, silence elsewhere."""

from __future__ import annotations

import sys
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from dashcam_cli.output import printable
from stages.task import Task

_WORDS = {
    "INGEST_VIDEO": "ingest",
    "PREPROCESS_VIDEO": "preprocess",
    "HEAVY_PROCESS_VIDEO": "plates",
    "ARCHIVE_VIDEO": "archive",
}


class Bars:
    """A watcher (`loop.Watcher`) that draws bars on stderr."""

    def __init__(self) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[note]}"),
            console=Console(stderr=True),
            disable=not sys.stderr.isatty(),
        )
        self._bars: dict[int, TaskID] = {}

    def __enter__(self) -> Bars:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def started(self, task: Task) -> None:
        """A bar for the task."""
        word = _WORDS.get(task.task_type, str(task.task_type))
        name = printable(str(task.metadata.get("filename") or task.video_id or task.task_id))
        label = f"{word:<10} {name[:40]}".replace("[", "(")
        self._bars[task.task_id] = self._progress.add_task(label, total=1.0, note="")

    def progressed(self, task: Task, fraction: float, note: str) -> None:
        """Move it."""
        self._progress.update(
            self._bars[task.task_id], completed=fraction, note=printable(note)[:40].replace("[", "(")
        )

    def ended(self, task: Task, outcome: str, error: str, seconds: float) -> None:
        """Finish it."""
        del seconds  # the bar shows them
        shown = "" if outcome == "done" else f"{outcome}: {printable(error)[:60]}".replace("[", "(")
        self._progress.update(self._bars.pop(task.task_id), completed=1.0, note=shown)
