"""One bar on a terminal, and nothing elsewhere."""

from __future__ import annotations

import sys
from types import TracebackType

from dashcam_cli.output import printable


class Bar:
    """`with Bar("cutting") as tell: tell(0.5, "what")`: fractions of the whole, and a word beside."""

    def __init__(self, what: str) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self._what = what
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
            disable=not sys.stderr.isatty(),
        )

    def __enter__(self) -> Bar:
        self._progress.start()
        self._task = self._progress.add_task(self._what, total=1.0)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def __call__(self, fraction: float, note: str = "") -> None:
        """Tell how far it is."""
        from rich.markup import escape

        words = f"{self._what}, {printable(note)}" if note else self._what
        self._progress.update(self._task, completed=fraction, description=escape(words[:60]))
