"""What is known of a clip that goes out, filled by whoever asked the server. No HTTP here."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from stages.sighting import Location, RoutePoint


class Claim(msgspec.Struct, frozen=True):
    """What one source says about the clip's start."""

    source: str = ""
    value: str = ""


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """The catalogue's facts of a clip, as far as they matter here; others are passed over."""

    filename: str | None = None
    size_bytes: int | None = None
    blake2: str | None = None
    start_local: str | None = None
    start_utc: str | None = None
    utc_offset_seconds: int | None = None
    time_source: str | None = None
    time_claims: list[Claim] | None = None
    duration_seconds: float | None = None
    width: int | None = None
    height: int | None = None
    codec: str | None = None
    family: str | None = None
    channel: str | None = None
    mode: str | None = None
    locked: bool | None = None
    warnings: list[str] | None = None


class Seen(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One plate seen in the clip; `picture` is its small crop (JPEG) where there is one."""

    plate: str
    confidence: float = 0.0
    confirmed: bool = False
    frame_number: int = 0
    timestamp: str | None = None
    location: Location | None = None
    first_seconds: float | None = None
    last_seconds: float | None = None
    track: int | None = None
    box: tuple[float, float, float, float] | None = None
    reads: int = 0
    agreeing: int = 0
    candidates: list[dict[str, Any]] = []
    picture: bytes | None = None


class Clip(msgspec.Struct, frozen=True, kw_only=True):
    """One clip: its facts, and where its files can be read on this host now.

    `path`: the original, or with `small` the archive's low-resolution copy. `place` and `below` say where the
    original lies by the catalogue, `away` why that is not taken. `report`: the heavy stage's
    `detections.json`. `crops`: folders with `PLATE.jpg` at full resolution, best first.
    """

    video_id: str
    facts: Facts = Facts()
    path: Path | None = None
    small: bool = False
    place: str = ""
    below: str = ""
    away: str = ""
    route: list[RoutePoint] = []
    dialect: str | None = None
    seen: list[Seen] = []
    report: Path | None = None
    crops: list[Path] = []

    @property
    def name(self) -> str:
        """The file's name as the camera wrote it, else the clip's."""
        return self.facts.filename or self.video_id

    @property
    def start_local(self) -> datetime | None:
        """The start on the camera's clock (naive)."""
        when = _time(self.facts.start_local)
        return None if when is None else when.replace(tzinfo=None)

    @property
    def start_utc(self) -> datetime | None:
        """The start (aware, UTC)."""
        when = _time(self.facts.start_utc)
        if when is None:
            return None
        return when.astimezone(UTC) if when.tzinfo else when.replace(tzinfo=UTC)


def _time(text: str | None) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
