"""What a reader of GPS fixes gives back, and what it is: the seam that every layout stands behind."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple, Protocol

from stages.footage.container import Container
from stages.footage.fix import Fix


class GpsLog(NamedTuple):
    """The fixes of one source, in order; `seconds` is set where the source ties a fix to the video.

    `dialect` names layout or file. `local_clock`: the fixes' times are the camera's own clock, not UTC.
    `refused` is a sentence when positions are there that must not be used. `warnings` are sentences.
    `beside`: the first time, as written, in a file beside the clip.
    """

    dialect: str
    fixes: Sequence[Fix] = ()
    local_clock: bool = False
    refused: str = ""
    warnings: tuple[str, ...] = ()
    beside: datetime | None = None

    @property
    def placed(self) -> bool:
        """Whether any fix has a position."""
        return any(fix.valid for fix in self.fixes)


class Reader(Protocol):
    """Reads one family of layouts from a clip.

    `container` is the walk of that file, `duration` the clip's length in seconds where it is known. Returns
    None when the clip has nothing of that family; a log without valid fixes when it has but never saw the
    sky. Reads a bounded part of the file whatever it claims; raises OSError only.
    """

    def __call__(self, path: Path, container: Container, duration: float | None) -> GpsLog | None:
        """Read the clip."""
        ...
