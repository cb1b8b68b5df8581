"""Garmin DriveAssist 51: all positions of a clip in one `uuid` box of the movie. Layout as ExifTool reads it.

Newer Garmin cameras write subtitles (`cues.py`).
"""

from __future__ import annotations

import struct
from datetime import datetime, timedelta
from pathlib import Path

from stages.footage.boxes import inside, payload
from stages.footage.container import Container
from stages.footage.fix import Fix
from stages.footage.gps.log import GpsLog
from stages.footage.gps.samples import movie

_NAME = bytes.fromhex("9b630f8d637440ec8204bc5ff5091728")
_FIRST = 33  # where the records begin in the box, the name included
_RECORD = 20
_MOST = 1 << 20
_MPH = 1.609344
_EPOCH = datetime(1904, 1, 1)  # noqa: DTZ001


def garmin_box_log(path: Path, container: Container, duration: float | None) -> GpsLog | None:  # noqa: ARG001
    """Time (u32 since 1904), speed in mph (u16 at 4), latitude and longitude at 12 and 16 (180/2^31)."""
    if container.kind != "mp4" or not container.has_index:
        return None
    with path.open("rb") as file:
        found = movie(file)
        for box in inside(file, found) if found else ():
            if box.kind == b"uuid" and payload(file, box, 16) == _NAME:
                return GpsLog("Garmin box", _fixes(payload(file, box, _MOST)))
    return None


def _fixes(data: bytes) -> list[Fix]:
    fixes = []
    first: int | None = None
    for at in range(_FIRST, len(data) - _RECORD + 1, _RECORD):
        clock, speed, lat, lon = struct.unpack_from(">IH6xii", data, at)
        when = _EPOCH + timedelta(seconds=clock)
        time = when if 2010 <= when.year < 2100 else None
        first = clock if first is None and time else first
        fix = Fix(
            time=time,
            lat=lat * 180 / 0x80000000,
            lon=lon * 180 / 0x80000000,
            speed_kmh=speed * _MPH,
            seconds=float(clock - first) if first is not None else None,
        )
        fixes.append(fix if fix.valid else Fix(time=time, seconds=fix.seconds))
    return fixes
