"""Wolfbox and Redtiger: a `gpmd` track that is not GoPro's. Numbers lie as pairs of value and scale.

Layouts as ExifTool (G900, F9) and trip-viewer (three-channel models of 2026) read them. Little endian.
"""

from __future__ import annotations

import struct
from datetime import datetime, timedelta

from stages.footage.fix import Fix, degrees, moment
from stages.footage.gps.layout import Clip, Layout
from stages.footage.gps.log import GpsLog
from stages.footage.gps.samples import Track

_KNOT = 1.852
_SCALES = frozenset(10**power for power in range(8))
_DAY = 86_400
_UNDATED = datetime(1, 1, 1)  # noqa: DTZ001


def _fits(track: Track) -> bool:
    return track.format == b"gpmd"


def dated(data: bytes) -> list[Fix] | None:
    """Speed at 0x48 (knots), course 0x58, day month year 0x68, time 0xa0, latitude 0xb0, longitude 0xc0."""
    if len(data) < 0xD0 or not _scaled(data, 0xB8, 0xC8, 0x50, 0x60):
        return None
    day, month, year = struct.unpack_from("<3I", data, 0x68)
    hour, minute, second = struct.unpack_from("<3I", data, 0xA0)
    when = moment(year, month, day, hour, minute, second) if max(month, day, hour, minute) < 61 else None
    return [_fix(data, 0xB0, 0xC0, when)]


def undated(data: bytes) -> list[Fix] | None:
    """Status at 0, time at 0x10 without a date, latitude 0x28, longitude 0x38, speed 0x48, course 0x58."""
    if len(data) < 0x68 or not _scaled(data, 0x30, 0x40, 0x50, 0x60):
        return None
    hour, minute, second = struct.unpack_from("<3I", data, 0x10)
    sane = hour < 24 and minute < 60 and second < 61
    when = _UNDATED + timedelta(hours=hour, minutes=minute, seconds=second) if sane else None
    if data[:4] == bytes(4):
        return [Fix()]
    return [_fix(data, 0x28, 0x38, when)]


def _scaled(data: bytes, *places: int) -> bool:
    """Whether powers of ten stand where the scales lie, those of the coordinates equal."""
    scales = [int.from_bytes(data[at : at + 8], "little") for at in places]
    return all(scale in _SCALES for scale in scales) and scales[0] == scales[1] >= 100


def _pair(data: bytes, at: int) -> float:
    value, scale = struct.unpack_from("<qq", data, at)
    return float(value / scale)


def _fix(data: bytes, lat_at: int, lon_at: int, when: datetime | None) -> Fix:
    speed, course = _pair(data, 0x48) * _KNOT, _pair(data, 0x58)
    fix = Fix(
        time=when,
        lat=degrees(_pair(data, lat_at)),
        lon=degrees(_pair(data, lon_at)),
        speed_kmh=speed if 0 <= speed < 1000 else None,
        course=course if 0 <= course <= 360 else None,
    )
    return fix if fix.valid else Fix(time=when)


def _finish(name: str, fixes: list[Fix], clip: Clip) -> GpsLog:
    """By the receiver's own clock: these cameras list five samples a second and write one."""
    even = clip.duration / len(fixes) if clip.duration and fixes else None
    base: tuple[datetime, float] | None = None
    placed: list[Fix] = []
    for index, fix in enumerate(fixes):
        seconds = index * even if even is not None else fix.seconds or 0.0
        if fix.time is not None:
            base = base or (fix.time, seconds)
            passed = (fix.time - base[0]).total_seconds()
            seconds = base[1] + (passed % _DAY if fix.time.year == 1 else passed)
        time = fix.time if fix.time and fix.time.year > 1 else None
        placed.append(fix._replace(seconds=seconds, time=time))
    return GpsLog(name, placed)


LAYOUTS = (Layout("Wolfbox", _fits, dated, _finish), Layout("Wolfbox (no date)", _fits, undated, _finish))
