"""Vantrue N2S: a `gpmd` track of records that begin with FMAS. Layout as ExifTool reads it."""

from __future__ import annotations

import re
import struct

from stages.footage.fix import Fix, moment
from stages.footage.gps.layout import Layout
from stages.footage.gps.samples import Track

_MPH = 1.609344


def _fits(track: Track) -> bool:
    return track.format == b"gpmd"


def decode(data: bytes) -> list[Fix] | None:
    """Date at 0x60, status and sides 0x78, longitude 0x7b, latitude 0x80 (degrees, minutes, seconds)."""
    if data[:8] != b"FMAS\0\0\0\0" or data[0x50:0x54] != b"SAMM" or len(data) < 160:
        return None
    year, *rest = struct.unpack_from("<H5B", data, 0x60)
    when = moment(year, *rest)
    status, east, north = data[0x78:0x79], data[0x79:0x7A], data[0x7A:0x7B]
    lon_deg, lon_min, lon_sec = struct.unpack_from("<BBxH", data, 0x7B)
    lat_deg, lat_min, lat_sec, speed, course = struct.unpack_from("<BB3H", data, 0x80)
    if status != b"A" or not re.fullmatch(rb"[EW][NS]", east + north) or max(lon_min, lat_min) > 59:
        return [Fix(time=when)]
    fix = Fix(
        time=when,
        lat=(lat_deg + (lat_min + lat_sec / 6000) / 60) * (-1 if north == b"S" else 1),
        lon=(lon_deg + (lon_min + lon_sec / 6000) / 60) * (-1 if east == b"W" else 1),
        speed_kmh=speed * _MPH,
        course=float(course) if course <= 360 else None,
    )
    return [fix if fix.valid else Fix(time=when)]


LAYOUT = Layout("Vantrue N2S", _fits, decode)
