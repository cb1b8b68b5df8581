"""Records of many makers' GPS tracks, as bytes."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from datetime import datetime

from tests.stages.clips import box


def cue(text: str | bytes) -> bytes:
    """A subtitle: the length of the text, then the text."""
    data = text.encode() if isinstance(text, str) else text
    return struct.pack(">H", len(data)) + data


def gpmf(key: bytes, kind: str, size: int, rows: Sequence[bytes] | bytes) -> bytes:
    """One GPMF item; `kind` "" for one that holds others."""
    data = rows if isinstance(rows, bytes) else b"".join(rows)
    if not kind:
        size, count = (4, len(data) // 4)
    else:
        count = len(data) // size
    head = struct.pack(">4scBH", key, kind.encode() or b"\0", size, count)
    return head + data + bytes(-len(data) % 4)


def gps5(
    places: Sequence[tuple[float, ...]],
    *,
    lock: int = 3,
    dilution: int = 150,
    clock: str = "240115113456.000",
) -> bytes:
    """A GPS5 stream; each place is latitude, longitude, altitude in m and speed in m/s."""
    scale = (10_000_000, 10_000_000, 1000, 1000, 100)
    return gpmf(
        b"STRM",
        "",
        0,
        gpmf(b"STNM", "c", 1, b"GPS (Lat., Long., Alt., 2D speed, 3D speed)")
        + gpmf(b"GPSF", "L", 4, struct.pack(">I", lock))
        + gpmf(b"GPSU", "U", 16, clock.encode())
        + gpmf(b"GPSP", "S", 2, struct.pack(">H", dilution))
        + gpmf(b"SCAL", "l", 4, struct.pack(">5i", *scale))
        + gpmf(
            b"GPS5",
            "l",
            20,
            [
                struct.pack(">5i", *(round(v * s) for v, s in zip((*p, p[3]), scale, strict=True)))
                for p in places
            ],
        ),
    )


def gps9(places: Sequence[tuple[float, ...]]) -> bytes:
    """A GPS9 stream; each place is lat, lon, altitude, speed, days, seconds, dilution and lock."""
    scale = (10_000_000, 10_000_000, 1000, 1000, 100, 1, 1000, 100, 1)
    rows = []
    for place in places:
        values = (*place[:4], place[3], *place[4:])
        rows.append(struct.pack(">7iHH", *(round(v * s) for v, s in zip(values, scale, strict=True))))
    return gpmf(
        b"STRM",
        "",
        0,
        gpmf(b"TYPE", "c", 1, b"lllllllSS")
        + gpmf(b"SCAL", "l", 4, struct.pack(">9i", *scale))
        + gpmf(b"GPS9", "?", 32, rows),
    )


def device(*streams: bytes) -> bytes:
    """One payload: a device with its streams, after another sensor's."""
    other = gpmf(
        b"STRM",
        "",
        0,
        gpmf(b"SCAL", "s", 2, struct.pack(">h", 418)) + gpmf(b"ACCL", "s", 6, struct.pack(">6h", *range(6))),
    )
    return gpmf(
        b"DEVC",
        "",
        0,
        gpmf(b"DVID", "L", 4, bytes(4)) + gpmf(b"DVNM", "c", 1, b"Camera") + other + b"".join(streams),
    )


def vueroid(
    lat: float = 5030.0,
    lon: float = 3015.0,
    *,
    sides: tuple[int, int] = (1, 1),
    speed: float = 27.0,
    clock: int = 1_773_568_800,  # 2026-03-15 10:00
    altitude: int = 55,
) -> bytes:
    """A sample of a Vueroid."""
    return bytes(0x28) + struct.pack("<3fBBH3fI", 0.6, 0, 0.2, *sides, altitude, speed, lat, lon, clock)


NO_FIX = bytes.fromhex("0000e0ffffffef41")


def sigmastar(
    lat: float,
    lon: float,
    clock: tuple[int, int, int, int] = (15, 17, 39, 51),
    *,
    flags: int = 0x057E,
    speed: int = 20,
    course: int = 38,
    size: int = 40,
) -> bytes:
    """A sample of a Neoline (40 bytes) or an iBox (32)."""
    return struct.pack("<ddiHH8B", lat, lon, 300, speed, flags, *clock, course, 1, 1, 0).ljust(size, b"\0")


def wolfbox(
    lat: float,
    lon: float,
    clock: datetime,
    *,
    dated: bool,
    knots: float = 20.0,
    course: float = 92.0,
    status: int = 1,
) -> bytes:
    """A sample of a Wolfbox, with the date (G900) or without."""
    data = bytearray(248)
    lat_at, lon_at, time_at = (0xB0, 0xC0, 0xA0) if dated else (0x28, 0x38, 0x10)
    struct.pack_into("<qq", data, lat_at, round(lat * 100_000), 100_000)
    struct.pack_into("<qq", data, lon_at, round(lon * 100_000), 100_000)
    struct.pack_into("<qqqq", data, 0x48, round(knots * 100), 100, round(course * 100), 100)
    struct.pack_into("<3I", data, time_at, clock.hour, clock.minute, clock.second)
    if dated:
        struct.pack_into("<3I", data, 0x68, clock.day, clock.month, clock.year)
    else:
        data[0] = status
    return bytes(data)


#: A Vantrue N2S record as ExifTool's source prints it.
FMAS = bytes.fromhex(
    "464d4153000000000000000000000000" + "00" * 32 + "0208010806080204070206000000000000000000000000004f464e494d4d4153"
    "53414d4d010000000000000000000000e5070918080022000200 0000a1828abf89238ebd0b2c30bc41574e51160 0a10129262 70c4b004900".replace(" ", "")
    + "00" * 17 + "52" + "00" * 6
)  # fmt: skip

GARMIN = bytes.fromhex("9b630f8d637440ec8204bc5ff5091728")


def garmin(*records: tuple[datetime, float, float, int]) -> bytes:
    """DriveAssist 51's box: moment, latitude, longitude, miles an hour."""
    rows = [
        struct.pack(
            ">IH6xii",
            int((when - datetime(1904, 1, 1)).total_seconds()),  # noqa: DTZ001
            speed,
            *(max(-0x80000000, round(value * 0x80000000 / 180)) for value in (lat, lon)),
        )
        for when, lat, lon, speed in records
    ]
    return box(b"uuid", GARMIN, bytes(17), *rows)
