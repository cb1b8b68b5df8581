"""`gps0` boxes behind the index: Navitel, iBOX, DuDuBell, VSYS; and what others put under that name."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median_low
from typing import BinaryIO

from stages.footage.boxes import Box, payload
from stages.footage.fix import Fix, degrees, moment
from stages.footage.gps.log import GpsLog
from stages.footage.gps.records import KNOT, placed, speed_ratio
from stages.footage.gps.texts import MASKED, masked

_NAME = "gps0 (Navitel)"
_RECORD = 32
_TEXT = 311
_BYTES = 1 << 20
_QUARTER = 900
_SOON = timedelta(seconds=5)
_SCRAMBLED = "its GPS positions are scrambled by the camera (Miltona); they cannot be read and are left out"


def gps0_log(file: BinaryIO, box: Box, begun: bytes) -> GpsLog | None:
    """The records of a `gps0` box; `begun` is the payload of the clip's `IDIT` box (local start), or b""."""
    data = payload(file, box, _BYTES)
    if data[44:48] == b"\x3c\x99\xa7\x3a":
        return GpsLog("gps0 (Miltona)", refused=_SCRAMBLED)
    if data[2:10] == MASKED:
        found = [masked(data[at + 2 : at + _TEXT]) for at in range(0, len(data) - _TEXT + 1, _TEXT)]
        return GpsLog("gps0 (Lamax)", [fix._replace(seconds=float(i)) for i, (fix,) in enumerate(found)])
    fixes = list(_fixes(data, start := _moment(begun)))
    if not fixes:
        return None
    return GpsLog(_NAME, _by_unit(_tied(fixes, start)))


def _moment(text: bytes) -> datetime | None:
    match = re.match(rb"(\d{4})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)", text)
    return moment(*map(int, match.groups())) if match else None


def _fixes(data: bytes, start: datetime | None) -> Iterator[Fix]:
    """f64 DDMM.MMMM twice (signed), i32 metres, u16 km/h, year - 2000, month to second (UTC), course / 2."""
    for at in range(0, len(data) - _RECORD + 1, _RECORD):
        lat, lon, altitude, speed = struct.unpack_from("<2diH", data, at)
        when = _when(data[at + 22 : at + 28], start)
        if (lat, lon) == (0.0, 0.0) and when is None:
            continue
        sides = (b"S" if lat < 0 else b"N") + (b"W" if lon < 0 else b"E")
        course = data[at + 28] * 2
        fix = placed(when, degrees(abs(lat)), degrees(abs(lon)), sides, speed, course)
        if course >= 360:
            fix = fix._replace(course=None)
        if fix.valid and abs(altitude) < 10_000:
            fix = fix._replace(altitude=float(altitude))
        yield fix


def _when(clock: bytes, start: datetime | None) -> datetime | None:
    """A record's own date; where it left year and month blank, those that bring it nearest to the start."""
    year, month, day, hour, minute, second = clock
    if month and year:
        return moment(year, month, day, hour, minute, second)
    if start is None:
        return None
    near = [start.replace(day=15) + timedelta(days=30 * step) for step in (-1, 0, 1)]
    found = [moment(day_.year, day_.month, day, hour, minute, second) for day_ in near]
    return min((when for when in found if when), key=lambda when: abs(when - start), default=None)


def _tied(fixes: list[Fix], start: datetime | None) -> list[Fix]:
    """`seconds` by the clocks: from the clip's start where that is known, else from the first record.

    Firmware mixes old records in, and stamps the first one with its local time: neither is followed by a
    record of the next seconds.
    """
    times = [fix.time for fix in fixes if fix.time is not None]
    if not times:
        return fixes
    usual = median_low(times)
    near = [time for time in times if abs(time - usual) < timedelta(minutes=10)]
    first = next((a for a, b in pairwise(near) if timedelta(0) <= b - a <= _SOON), near[0])
    if start is not None:
        # The start is local time: whole quarters of an hour from the records, and a moment before them.
        quarters = round((first - start).total_seconds() / _QUARTER)
        begun = start + timedelta(seconds=quarters * _QUARTER)
        first = begun if timedelta(0) <= first - begun <= _SOON else first
    return [
        fix._replace(seconds=(fix.time - first).total_seconds()) if fix.time is not None else fix
        for fix in fixes
    ]


def _by_unit(fixes: list[Fix]) -> list[Fix]:
    """Some firmware writes knots: then the way between the fixes is longer than the speeds would have it."""
    ratio = speed_ratio(fixes, at_least=10)
    if ratio is None or not 1.6 < ratio < 2.1:
        return fixes
    return [fix._replace(speed_kmh=fix.speed_kmh * KNOT) if fix.speed_kmh else fix for fix in fixes]
