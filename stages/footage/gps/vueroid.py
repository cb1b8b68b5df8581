"""Vueroid: a `tvxt` track with 72 bytes twenty times a second; the last sample of a clip is all zeros.

Layout by reverse engineering (dashcamigo's format notes). The clock is the camera's own.
"""

from __future__ import annotations

import math
import struct
from datetime import datetime, timedelta

from stages.footage.fix import Fix, degrees
from stages.footage.gps.layout import Clip, Layout
from stages.footage.gps.log import GpsLog
from stages.footage.gps.samples import Track

_SIZE = 72
_UNIX_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001


def _fits(track: Track) -> bool:
    return track.handler in (b"tvxt", b"txet") or (track.handler == b"meta" and track.format == b"mp4s")


def decode(data: bytes) -> list[Fix] | None:
    """North and east (u8), altitude (u16), speed km/h, latitude and longitude DDMM.MMMM (f32), time (u32)."""
    if len(data) != _SIZE or any(data[:0x28]):
        return None
    north, east, altitude, speed, lat, lon, clock = struct.unpack_from("<BBH3fI", data, 0x34)
    when = _UNIX_EPOCH + timedelta(seconds=clock)
    time = when if 2010 <= when.year < 2100 else None
    if not (lat > 0 or lon > 0) or lat < 0 or lon < 0 or north > 1 or east > 1:
        return [Fix(time=time)]
    fix = Fix(
        time=time,
        lat=degrees(lat) * (1 if north else -1) if math.isfinite(lat) else None,
        lon=degrees(lon) * (1 if east else -1) if math.isfinite(lon) else None,
        speed_kmh=speed if 0 <= speed < 1000 else None,
        altitude=float(altitude),
    )
    return [fix if fix.valid else Fix(time=time)]


def _finish(name: str, fixes: list[Fix], clip: Clip) -> GpsLog:  # noqa: ARG001
    return GpsLog(name, fixes, local_clock=True)


LAYOUT = Layout("Vueroid", _fits, decode, _finish)
