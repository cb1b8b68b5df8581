"""GoPro: positions in the telemetry track (`gpmd`), some ten or eighteen of them in each second's payload.

An own reader instead of mapillary_tools: that is an application with ten dependencies, and its extractor
drops whole tracks that it finds noisy.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import datetime, timedelta

from stages.footage.fix import Fix, moment
from stages.footage.gps.gpmf import Item, rows, streams
from stages.footage.gps.layout import Layout, paced
from stages.footage.gps.samples import Track

_FIX = 2  # 2: in the plane, 3: in space
_DOP = 5.0  # GPSP counts in hundredths
_EPOCH = datetime(2000, 1, 1)  # noqa: DTZ001
_DAYS = 36525


def _fits(track: Track) -> bool:
    return track.format == b"gpmd" or track.handler == b"gpmd"


def payload_fixes(data: bytes) -> list[Fix] | None:
    """The fixes of one payload in order; None when it is no GPMF.

    GPS9 (HERO11 and later) says of each position how good it is, GPS5 once for a payload, whose clock the
    first fix then carries. Poor ones (no lock, dilution of precision over 5) come back without a position.
    """
    if data[:4] != b"DEVC":
        return None
    found = list(streams(data))
    for key, read in _READERS:
        fixes = [read(stream) for stream in found if key in stream]
        if fixes:
            # Several devices can have one: the camera's own comes first, but may be blind.
            return next((each for each in fixes if any(fix.valid for fix in each)), fixes[0])
    return []


def _gps5(stream: dict[bytes, Item]) -> list[Fix]:
    lock, dilution = _single(stream.get(b"GPSF")), _single(stream.get(b"GPSP"))
    if (lock is not None and lock < _FIX) or (dilution is not None and dilution / 100 > _DOP):
        return [Fix()]
    when = _clock(stream.get(b"GPSU"))
    found = [_fix(row) for row in rows(stream[b"GPS5"], stream.get(b"SCAL")) if len(row) >= 5]
    return [fix._replace(time=None if place else when) for place, fix in enumerate(found)]


def _gps9(stream: dict[bytes, Item]) -> list[Fix]:
    fixes = []
    for row in rows(stream[b"GPS9"], stream.get(b"SCAL"), stream.get(b"TYPE")):
        if len(row) < 9:
            continue
        days, seconds, dilution, lock = row[5:9]
        good = lock >= _FIX and dilution <= _DOP
        fixes.append(_fix(row)._replace(time=_date(days, seconds)) if good else Fix())
    return fixes


_READERS: tuple[tuple[bytes, Callable[[dict[bytes, Item]], list[Fix]]], ...] = (
    (b"GPS9", _gps9),
    (b"GPS5", _gps5),
)


def _fix(row: tuple[float, ...]) -> Fix:
    """Latitude, longitude, altitude, speed over ground in m/s."""
    lat, lon, altitude, speed = row[:4]
    fix = Fix(
        lat=lat,
        lon=lon,
        altitude=altitude if abs(altitude) < 100_000 else None,
        speed_kmh=speed * 3.6 if 0 <= speed < 1000 else None,
    )
    return fix if fix.valid else Fix()


def _single(item: Item | None) -> float | None:
    found = rows(item) if item else []
    return found[0][0] if found and found[0] else None


def _clock(item: Item | None) -> datetime | None:
    """`yymmddhhmmss.sss`, UTC."""
    found = re.match(rb"(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(?:\.(\d{1,3}))?", item.data) if item else None
    if found is None:
        return None
    when = moment(*(int(part) for part in found.groups()[:6]))
    return when + timedelta(milliseconds=int((found[7] or b"0").ljust(3, b"0"))) if when else None


def _date(days: float, seconds: float) -> datetime | None:
    """Days since 2000 and seconds since midnight, UTC."""
    if not (math.isfinite(days) and 0 <= days < _DAYS and 0 <= seconds < 86_401):
        return None
    when = _EPOCH + timedelta(days=int(days), milliseconds=round(seconds * 1000))
    return when if when.year >= 2010 else None


LAYOUT = Layout("GoPro", _fits, payload_fixes, paced)
