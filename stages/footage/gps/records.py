"""What many binary layouts share: how a fix's letters and numbers are read and believed."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable
from datetime import datetime
from itertools import pairwise
from statistics import median

from stages.footage.fix import Fix, degrees, moment
from stages.footage.route import distance

KNOT = 1.852  # km/h

_NONE = b"NSEW\0 0"  # what stands for the hemispheres while there is no fix
_MOVING = 10.0  # km/h below which the way between two fixes says nothing of the speed


def sided(block: bytes, at: int) -> bool:
    """Whether status and hemispheres stand at `at`: A with N|S and E|W, or V with those or none."""
    status, north, east = block[at : at + 1], block[at + 1 : at + 2], block[at + 2 : at + 3]
    if status == b"A":
        return north in (b"N", b"S") and east in (b"E", b"W")
    if status == b"V":
        return bool(north) and north in _NONE and bool(east) and east in _NONE
    return block[at : at + 3] == b" 00"  # Viofo's A119 Mini 2 before its first fix


def placed(
    when: datetime | None,
    lat: float,
    lon: float,
    sides: bytes,
    speed: float = math.nan,
    course: float = math.nan,
) -> Fix:
    """A fix from unsigned degrees and the letters N|S E|W; without a position when they lie off the earth.

    `speed` in km/h, `course` in degrees; both are left out where they cannot be.
    """
    if not (0 <= lat <= 90 and 0 <= lon <= 180):
        return Fix(time=when)
    return Fix(
        time=when,
        lat=0.0 - lat if sides[:1] == b"S" else lat,
        lon=0.0 - lon if sides[1:2] == b"W" else lon,
        speed_kmh=speed if 0 <= speed < 1000 else None,
        course=course % 360 if -360 <= course <= 720 else None,
    )


def clocked(values: Iterable[int]) -> bool:
    """Whether hour, minute, second, year, month, day can be a clock's, a dead one's too."""
    hour, minute, second, year, month, day = values
    return hour < 24 and minute < 60 and second <= 60 and year <= 2100 and month <= 12 and day <= 31


def record(block: bytes, at: int, *, plain: bool = False) -> list[Fix] | None:
    """Novatek's record: hour minute second year month day (u32), A|V N|S E|W 0, lat lon speed course (f32).

    `plain`: coordinates are degrees and speed is km/h; else DDMM.MMMM and knots. None when none lies there.
    """
    if len(block) < at + 44 or not sided(block, at + 24):
        return None
    hour, minute, second, year, month, day = clock = struct.unpack_from("<6I", block, at)
    if not clocked(clock):
        return None
    when = moment(year, month, day, hour, minute, second)
    if block[at + 24 : at + 25] != b"A":
        return [Fix(time=when)] if when or block[at + 24 : at + 25] == b"V" else None
    lat, lon, speed, course = struct.unpack_from("<4f", block, at + 28)
    sides = block[at + 25 : at + 27]
    if plain:
        return [placed(when, lat, lon, sides, speed, course)]
    return [placed(when, degrees(lat), degrees(lon), sides, speed * KNOT, course)]


def speed_ratio(fixes: Iterable[Fix], at_least: int = 3) -> float | None:
    """The speed that the positions tell over the speed that the fixes state: their median.

    Needs `seconds` and speeds. A camera that writes each fix several times is read by its changes. None where
    fewer than `at_least` steps were driven at speed.
    """
    kept: list[Fix] = []
    for fix in fixes:
        if fix.lat is None or fix.lon is None or fix.seconds is None or fix.speed_kmh is None:
            continue
        if not kept or (fix.lat, fix.lon) != (kept[-1].lat, kept[-1].lon):
            kept.append(fix)
    ratios = [ratio for last, fix in pairwise(kept) if (ratio := _step_ratio(last, fix)) is not None]
    return median(ratios) if len(ratios) >= at_least else None


def _step_ratio(last: Fix, fix: Fix) -> float | None:
    if last.lat is None or last.lon is None or fix.lat is None or fix.lon is None:
        return None
    took = (fix.seconds or 0.0) - (last.seconds or 0.0)
    stated = ((fix.speed_kmh or 0.0) + (last.speed_kmh or 0.0)) / 2
    if not 0 < took <= 5 or stated < _MOVING:
        return None
    return distance(last.lat, last.lon, fix.lat, fix.lon) / took * 3.6 / stated
