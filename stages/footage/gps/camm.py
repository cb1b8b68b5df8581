"""Google's Camera Motion Metadata (CAMM): data packets of many types, 5 and 6 hold positions.

Written from the specification at developers.google.com/streetview/publish/camm-spec. Little endian.
"""

from __future__ import annotations

import math
import struct
from datetime import datetime, timedelta

from stages.footage.fix import Fix
from stages.footage.gps import nmea
from stages.footage.gps.layout import Clip, Layout
from stages.footage.gps.log import GpsLog
from stages.footage.gps.samples import Track

#: Bytes of each type's packet, behind two reserved ones and the type.
_SIZES = {0: 12, 1: 8, 2: 12, 3: 12, 4: 12, 5: 24, 6: 56, 7: 12}
_GPS_EPOCH = datetime(1980, 1, 6)  # noqa: DTZ001
_UNIX_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001
_STANDING = 0.5  # m/s below which the direction of movement means nothing


def _fits(track: Track) -> bool:
    return b"camm" in (track.format, track.handler)


def decode(data: bytes) -> list[Fix] | None:
    """The positions of a sample, which can hold several packets. None when it holds no packet.

    Times count from the GPS epoch, as they should; `finish` knows better.
    """
    if data[:1] == b"X" and b"$G" in data:  # a dashcam that puts text here
        return nmea.fixes(data[:4096].decode("latin-1"))
    fixes, at, packets = [], 0, 0
    while at + 4 <= len(data):
        (kind,) = struct.unpack_from("<H", data, at + 2)
        size = _SIZES.get(kind)
        if size is None or at + 4 + size > len(data):
            break
        if kind in (5, 6):
            fixes.append(_simple(data, at + 4) if kind == 5 else _full(data, at + 4))
        packets += 1
        at += 4 + size
    return fixes if packets else None


def _simple(data: bytes, at: int) -> Fix:
    """Type 5: latitude, longitude, altitude."""
    lat, lon, altitude = struct.unpack_from("<3d", data, at)
    fix = Fix(lat=lat, lon=lon, altitude=_sane(altitude))
    return fix if fix.valid else Fix()


def _full(data: bytes, at: int) -> Fix:
    """Type 6: time, kind of fix (0: none), place, altitude, accuracies, velocity east, north and up."""
    clock, lock, lat, lon, altitude, _, _, east, north, _, _ = struct.unpack_from("<dI2d7f", data, at)
    when = _time(_GPS_EPOCH, clock)
    if lock < 2:
        return Fix(time=when)
    speed = math.hypot(east, north)
    fix = Fix(
        time=when,
        lat=lat,
        lon=lon,
        altitude=_sane(altitude),
        speed_kmh=speed * 3.6 if speed < 1000 else None,
        course=math.degrees(math.atan2(east, north)) % 360 if _STANDING <= speed < 1000 else None,
    )
    return fix if fix.valid else Fix(time=when)


def _sane(altitude: float) -> float | None:
    return altitude if abs(altitude) < 100_000 else None


def _time(epoch: datetime, seconds: float) -> datetime | None:
    if not 0 <= seconds < 4e9:  # NaN compares false
        return None
    when = epoch + timedelta(milliseconds=round(seconds * 1000))
    return when if 2010 <= when.year < 2100 else None


def _finish(name: str, fixes: list[Fix], clip: Clip) -> GpsLog:
    """Of positions told twice the full ones are kept; and a clock that counts from 1970 is recognised.

    Such a clock, read as counting from 1980, lies ten years in the future of the file itself.
    """
    if any(fix.valid and fix.time for fix in fixes):
        fixes = [fix for fix in fixes if fix.time]
    first = next((fix.time for fix in fixes if fix.time), None)
    known = (clip.container.created, _time(_UNIX_EPOCH, clip.path.stat().st_mtime))
    latest = max((when for when in known if when), default=None)
    late = _GPS_EPOCH - _UNIX_EPOCH
    if first and latest and first - latest > late / 2:
        fixes = [fix._replace(time=fix.time - late if fix.time else None) for fix in fixes]
    return GpsLog(name, fixes)


LAYOUT = Layout("CAMM", _fits, decode, _finish)
