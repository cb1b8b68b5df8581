"""Plates that the heavy stage saw: its `detections.json` as looks at plates."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from stages.export.zones import Spot
from stages.vision.boxes import Box

_MOST_BYTES = 256 << 20
_Side = Annotated[float, Meta(ge=-1e6, le=1e6)]
_Box = tuple[_Side, _Side, _Side, _Side]


class _Read(msgspec.Struct):
    plate: str = ""
    characters: list[float] = []
    box: _Box = (0.0, 0.0, 0.0, 0.0)
    score: float = 0.0
    height: float = 0.0


class _Glimpse(msgspec.Struct):
    box: _Box


class _Look(msgspec.Struct):
    seconds: float
    box: _Box
    read: _Read | None = None
    glimpse: _Glimpse | None = None


class _Track(msgspec.Struct):
    label: str = ""
    looks: list[_Look] = []


class _Report(msgspec.Struct):
    tracks: list[_Track] = []


def read_known(path: Path) -> list[list[Spot]]:
    """Each track's looks at its plate, in order of time; boxes in pixels of the source clip, upright.

    Raises OSError, and ValueError when the file is none of ours.
    """
    if path.stat().st_size > _MOST_BYTES:
        raise ValueError("it is too large to be a report of ours")
    try:
        report = msgspec.json.decode(path.read_bytes(), type=_Report)
    except msgspec.DecodeError as error:
        raise ValueError(str(error)) from error
    found = (list(_spots(track)) for track in report.tracks)
    return [sorted(spots, key=lambda spot: spot.seconds) for spots in found if spots]


def _spots(track: _Track) -> Iterator[Spot]:
    """A vehicle's plate is where it was seen; on looks without it, at the same part of the vehicle."""
    reads = [(look.seconds, look.box, look.read) for look in track.looks if look.read]
    # Of a look at the plate alone nobody can tell where on the vehicle it is.
    reads = [each for each in reads if each[1] != each[2].box] or reads
    for look in track.looks:
        if not math.isfinite(look.seconds):
            continue
        if look.read:
            yield Spot(look.seconds, look.read.box, look.read.plate, _weight(look.read))
        elif look.glimpse:
            yield Spot(look.seconds, look.glimpse.box)
        elif track.label == "plate" and not reads:
            yield Spot(look.seconds, look.box)
        elif reads:
            _, vehicle, read = min(reads, key=lambda each: abs(each[0] - look.seconds))
            yield Spot(look.seconds, _same_part(vehicle, read.box, look.box))


def _weight(read: _Read) -> float:
    """As `stages.vision.looks.Read.weight`."""
    weakest = min(read.characters, default=0.0)
    return max(1e-6, weakest * read.score * min(1.0, max(0.1, read.height / 24)))


def _same_part(vehicle: Box, plate: Box, now: Box) -> Box:
    """Where the plate is on a vehicle that is seen at `now`."""
    wide, high = max(1.0, vehicle[2] - vehicle[0]), max(1.0, vehicle[3] - vehicle[1])
    across, down = (now[2] - now[0]) / wide, (now[3] - now[1]) / high
    left, top = now[0] + (plate[0] - vehicle[0]) * across, now[1] + (plate[1] - vehicle[1]) * down
    return left, top, left + (plate[2] - plate[0]) * across, top + (plate[3] - plate[1]) * down
