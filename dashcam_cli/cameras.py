"""What the cameras that can be pulled from have in common."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, Protocol

from stages.footage.names import read_name


class RemoteClip(NamedTuple):
    """A clip on a camera: path below its card with slashes, target to ask for, bytes if it says the truth."""

    path: str
    target: str
    size: int | None = None
    locked: bool = False
    stamp: str = ""

    @property
    def name(self) -> str:
        """The file's name."""
        return self.path.rsplit("/", 1)[-1]

    @property
    def mark(self) -> str:
        """What changes when the camera writes another clip under this path."""
        return f"{self.size};{self.stamp}"


class Shelf(NamedTuple):
    """What a camera lists; `odd` entries were left out because of their names."""

    clips: list[RemoteClip]
    odd: int


class Camera(Protocol):
    """A maker's way of listing; all else is files by HTTP."""

    kind: str
    allowed: tuple[str, ...]

    def listing(self, ask: Ask) -> Shelf:
        """Every clip. Raises Unreachable, Refused (with what to do)."""

    def beside(self, clip: RemoteClip) -> list[str]:
        """Paths of the logs that belong to a clip; any may be missing."""

    def target(self, path: str) -> str:
        """What to ask for to get a file."""


class Ask(Protocol):
    """`CameraHttp.text`."""

    def __call__(self, target: str, limit: int) -> bytes:
        """A small answer as a whole."""


def in_order(clips: Iterable[RemoteClip]) -> list[RemoteClip]:
    """Locked and event clips first, the newest first."""

    def key(clip: RemoteClip) -> tuple[bool, str]:
        facts = read_name(clip.path)
        urgent = clip.locked or facts.locked or facts.mode in ("event", "manual", "sentry")
        return urgent, facts.recorded_local.isoformat() if facts.recorded_local else ""

    return sorted(sorted(clips), key=key, reverse=True)
