"""A `stages.stage.Work` of a few lines for tests: real places below a folder, progress kept in a list."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from stages.errors import Cancelled
from stages.files import MARKER, HostPlaces, Place


def kept_place(root: Path, name: str, *, prefix: str = "") -> Place:
    """A kept place that is there: the folder is made and marked."""
    root.mkdir(parents=True, exist_ok=True)
    (root / MARKER).write_text(name, encoding="utf-8")
    return Place(name=name, root=str(root), prefix=prefix)


class TestWork:
    """Implements `stages.stage.Work`; `notes` holds every (fraction, note) that was told."""

    __test__ = False  # its name starts with Test, and it is none

    def __init__(
        self,
        settings: Any,
        places: dict[str, Place],
        scratch: Path,
        models: Path | None = None,
        cancel_after: int | None = None,
    ) -> None:
        scratch.mkdir(parents=True, exist_ok=True)
        self.settings = settings
        self.places = HostPlaces(places)
        self.scratch = scratch
        self.models = models if models is not None else scratch / "no-models"
        self.notes: list[tuple[float, str]] = []
        self._cancel_after = cancel_after

    def progress(self, fraction: float, note: str = "") -> None:
        """Keep what was told; raises `Cancelled` after `cancel_after` calls."""
        assert 0 <= fraction <= 1, f"progress {fraction} is outside 0..1"
        self.notes.append((fraction, note))
        if self._cancel_after is not None and len(self.notes) > self._cancel_after:
            raise Cancelled("the task was taken back")
