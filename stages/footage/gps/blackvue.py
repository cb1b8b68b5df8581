"""BlackVue: NMEA lines and accelerations, in a `free` box at the top of the clip or in files beside it."""

from __future__ import annotations

import struct
from typing import BinaryIO, NamedTuple

from stages.footage.boxes import Box, inside, payload
from stages.footage.gps import nmea
from stages.footage.gps.log import GpsLog

MAX_BYTES = 8 << 20
#: Counts per g (BlackVue's own viewer and a DR550DW at rest agree).
PER_G = 128

_CHILDREN = 64


class Acceleration(NamedTuple):
    """One reading: seconds from the clip's start, and g along the camera's three axes, as it numbers them."""

    seconds: float
    y: float
    x: float
    z: float


def free_log(file: BinaryIO, box: Box) -> GpsLog | None:
    """The `gps ` child of a `free` box; None when it holds none."""
    for child in inside(file, box, most=_CHILDREN):
        if child.kind == b"gps ":
            return GpsLog("BlackVue", nmea.fixes(payload(file, child, MAX_BYTES).decode("latin-1")))
    return None


def accelerations(data: bytes) -> list[Acceleration]:
    """The readings of a `.3gf` file or a `3gf ` box: ten big-endian bytes each, up to the end mark."""
    found = []
    for stamp, y, x, z in struct.iter_unpack(">Ihhh", data[: min(len(data), MAX_BYTES) // 10 * 10]):
        if stamp == 0xFFFFFFFF:
            break
        found.append(Acceleration(stamp / 1000, y / PER_G, x / PER_G, z / PER_G))
    return found
