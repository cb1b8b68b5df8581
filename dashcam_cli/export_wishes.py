"""What a person asks `dashcam export` for, and what comes of it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

from stages.errors import BadInput
from stages.export.facts import Clip


class Wishes(NamedTuple):
    """The options as they were given. `output` names the file or folder, `to_dir` the folder it goes to."""

    video_id: str | None = None
    trip: str | None = None
    begin: str | None = None
    end: str | None = None
    channel: str | None = None
    to_dir: Path | None = None
    output: Path | None = None
    blur: bool = False
    spared: tuple[str, ...] = ()
    audio: bool = False
    keep_metadata: bool = False
    every_frame: bool = False
    check_film: bool = True
    gpx: bool = False
    evidence: bool = False
    zipped: bool = False
    archive: bool = False
    as_json: bool = False

    def check(self) -> None:
        """Raises BadInput when they do not go together."""
        if (self.video_id is None) == (self.trip is None):
            raise BadInput("name one clip by its VIDEO_ID, or a trip with --trip")
        if self.output is not None and self.to_dir is not None:
            raise BadInput("choose one of -o and --to-dir")
        if self.evidence and (self.blur or self.archive):
            raise BadInput("evidence is the original, whole: it goes neither with --blur nor with --archive")
        if self.zipped and not self.evidence:
            raise BadInput("--zip goes with --evidence")
        alone = {
            "--except": bool(self.spared),
            "--audio": self.audio,
            "--keep-metadata": self.keep_metadata,
            "--every-frame": self.every_frame,
            "--no-check": not self.check_film,
        }
        for option, given in alone.items():
            if given and not self.blur:
                raise BadInput(f"{option} goes with --blur")
        if self.channel is not None and self.trip is None:
            raise BadInput("--channel chooses among a trip's clips; a single clip has one channel")


class Piece(NamedTuple):
    """Part of a clip, in seconds from its start; `end` None = to its end."""

    clip: Clip
    begin: float
    end: float | None


class Chosen(NamedTuple):
    """What is taken of one channel: pieces of clips, and which seconds of its time they are."""

    pieces: list[Piece]
    begin: float
    end: float | None


def stem_of(clip: Clip, begin: float = 0.0) -> str:
    """A file name by the camera's clock, `2026-06-01_162734`, else by the clip's name."""
    start = clip.start_local
    if start is None:
        return clip.video_id
    return f"{start + timedelta(seconds=int(begin)):%Y-%m-%d_%H%M%S}"


class Done(NamedTuple):
    """One thing that was written: `kind` is `video`, `gpx` or `evidence`; `more` is for programs."""

    path: Path
    kind: str
    clips: list[str]
    more: dict[str, Any]

    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        return {"path": str(self.path), "kind": self.kind, "clips": self.clips, **self.more}
