"""RVMI tracks, as Datakam's RegistratorViewer exports them. Layout as ExifTool reads it; without a clock."""

from __future__ import annotations

import struct

from stages.footage.fix import Fix
from stages.footage.gps.layout import Layout
from stages.footage.gps.samples import Track


def _fits(track: Track) -> bool:
    return track.format == b"RVMI"


def decode(data: bytes) -> list[Fix] | None:
    """`gReV`: latitude, longitude (1e-6 degrees), four bytes, speed (0.1 km/h), course (2 degrees).

    `sReV` is the acceleration and `tReV` stands once at the start: no positions.
    """
    if data[:4] in (b"sReV", b"tReV"):
        return []
    if data[:4] != b"gReV" or len(data) < 20:
        return None
    lat, lon, _, speed, course = struct.unpack_from("<iiihH", data, 4)
    fix = Fix(
        lat=lat / 1e6,
        lon=lon / 1e6,
        speed_kmh=speed / 10 if speed >= 0 else None,
        course=float(course * 2) if course <= 180 else None,
    )
    return [fix if fix.valid else Fix()]


LAYOUT = Layout("RVMI", _fits, decode)
