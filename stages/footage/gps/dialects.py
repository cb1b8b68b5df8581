"""What the bytes of a `freeGPS ` block mean, one small function per dialect. Add a row to `DIALECTS`.

Offsets count from the block's size field; the literal lies at +4. Little endian unless said. A function
returns None when the block is not of its dialect, and a fix without position when the receiver had none.
The layouts are facts gathered from ExifTool's QuickTimeStream (the T numbers are its `GPSType`).
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from stages.footage.fix import Fix, degrees, moment
from stages.footage.gps import nmea

_KNOT = 1.852


class Dialect(NamedTuple):
    """One layout. `refused`: it is recognised, and its positions must not be used; the sentence says why."""

    name: str
    read: Callable[[bytes], list[Fix] | None]
    local_clock: bool = False
    refused: str = ""


def _sided(block: bytes, at: int) -> bool:
    """Whether status and hemispheres stand at `at`: A with N or S and E or W; V with those or zeros."""
    status, north, east = block[at : at + 1], block[at + 1 : at + 2], block[at + 2 : at + 3]
    if status == b"A":
        return north in (b"N", b"S") and east in (b"E", b"W")
    return status == b"V" and north in (b"N", b"S", b"\0", b" ") and east in (b"E", b"W", b"\0", b" ")


def _fix(
    when: datetime | None,
    lat: float,
    lon: float,
    sides: bytes,
    speed: float = math.nan,
    course: float = math.nan,
) -> Fix:
    """A fix from unsigned degrees and the letters N|S E|W; without a position when they lie off the earth."""
    if not (0 <= lat <= 90 and 0 <= lon <= 180):
        return Fix(time=when)
    return Fix(
        time=when,
        lat=-lat if sides[:1] == b"S" else lat,
        lon=-lon if sides[1:2] == b"W" else lon,
        speed_kmh=speed if 0 <= speed < 1000 else None,
        course=course % 360 if -360 <= course <= 720 else None,
    )


def _record(block: bytes, at: int, *, plain: bool = False) -> list[Fix] | None:
    """The common record: hour min sec year month day (u32), A|V N|S E|W 0, lat lon speed course (f32).

    `plain`: coordinates are signed-less degrees and speed is km/h; else DDMM.MMMM and knots.
    """
    if len(block) < at + 44 or not _sided(block, at + 24):
        return None
    hour, minute, second, year, month, day = struct.unpack_from("<6I", block, at)
    if hour > 23 or minute > 59 or second > 60 or month > 12 or day > 31 or year > 2100:
        return None
    when = moment(year, month, day, hour, minute, second)
    if block[at + 24 : at + 25] == b"V":
        return [Fix(time=when)]
    lat, lon, speed, course = struct.unpack_from("<4f", block, at + 28)
    sides = block[at + 25 : at + 27]
    if plain:
        return [_fix(when, lat, lon, sides, speed, course)]
    return [_fix(when, degrees(lat), degrees(lon), sides, speed * _KNOT, course)]


def _t3(block: bytes) -> list[Fix] | None:
    """Viofo A119 V3, A129 Plus, A229, A119 Mini 2."""
    return _record(block, 0x10) if block[0x25:0x28] == b"\0\0\0" else None


def _t4(block: bytes) -> list[Fix] | None:
    """E-ACE: as T3, but the coordinates are encrypted text."""
    if not _sided(block, 0x28) or not re.fullmatch(rb"[A-Za-z0-9+/]{8,}={0,2}\0+", block[0x2C:0x40]):
        return None
    return []


def _t17(block: bytes) -> list[Fix] | None:
    """The classic: Viofo A119 and A129, SilverStone, 2E."""
    return _record(block, 0x30)


def _t17c(block: bytes) -> list[Fix] | None:
    """Transcend body camera: T17 in plain degrees, told by its size field."""
    if block[:4] != b"\x00\x00\x40\x00" or len(block) < 0x54:
        return None
    lat, lon = struct.unpack_from("<2f", block, 0x4C)
    return _record(block, 0x30, plain=True) if 0 <= lat <= 90 and 0 <= lon <= 180 else None


def _t8(block: bytes) -> list[Fix] | None:
    """Akaso V1, Redtiger F7N: looks like T17 with a fix at latitude 0.0."""
    fixed = block[0x48:0x49] == b"A" and _sided(block, 0x48)
    return [] if fixed and block[0x4C:0x50] == b"\0\0\0\0" else None


def _kenwood(block: bytes) -> list[Fix] | None:
    """Kenwood: the common record at 0x40, with the full year."""
    return _record(block, 0x40) if block[0x55:0x58] == b"\0\0\0" else None


def _t1(block: bytes) -> list[Fix] | None:
    """Azdome, EEEkit: text under XOR 0xAA."""
    if block[18:26] != b"\xaa\xaa\xf2\xe1\xf0\xee\x54\x54":
        return None
    text = bytes(byte ^ 0xAA for byte in block[18 : 18 + 257])
    stamp = re.match(rb"(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)", text[8:22])
    when = moment(*map(int, stamp.groups())) if stamp else None
    place = re.search(rb"([NS])(\d{8})([EW])(\d{9})", text)
    if place is None:
        return [Fix(time=when)]
    lat, lon = degrees(int(place[2]) / 1e4), degrees(int(place[4]) / 1e4)
    return [_fix(when, lat, lon, place[1] + place[3])]


def _t2(block: bytes) -> list[Fix] | None:
    """Nextbase 512GW, Vantrue N2X and N4: NMEA inside."""
    if not re.search(rb"\$G[A-Z]RMC,", block):
        return None
    return nmea.fixes(block.decode("latin-1"))[:1]


def _t7(block: bytes) -> list[Fix] | None:
    """NMEA with 16 added to each byte."""
    if block[60:67] != b"4W`b]S<":
        return None
    return nmea.fixes(bytes(b - 16 if b >= 16 else b for b in block[60:400]).decode("latin-1"))[:1]


def _t6(block: bytes) -> list[Fix] | None:
    """Akaso: hour min sec at 48, place from 60, date at 88."""
    if len(block) < 100 or block[60:64] != b"A\0\0\0":
        return None
    hour, minute, second = struct.unpack_from("<3I", block, 48)
    lat, lon, speed, course = (struct.unpack_from("<f", block, at)[0] for at in (64, 72, 80, 84))
    year, month, day = struct.unpack_from("<3I", block, 88)
    if max(hour, minute, second, month, day) > 60 or year > 2100:
        return None
    course += 180 if block[16:20] == b"x.xx" else 0
    sides = block[68:69] + block[76:77]
    when = moment(year, month, day, hour, minute, second)
    return [_fix(when, degrees(lat), degrees(lon), sides, speed, course)]


def _t10(block: bytes) -> list[Fix] | None:
    """Vantrue S1: status at 64, then the date, and longitude before latitude."""
    if len(block) < 112 or block[48:58] != b"horsontech" or not _sided(block, 64):
        return None
    year, month, day, hour, minute, second = struct.unpack_from("<6I", block, 68)
    if max(month, day, hour, minute, second) > 60 or year > 2100:
        return None
    when = moment(year, month, day, hour, minute, second)
    if block[64:65] == b"V":
        return [Fix(time=when)]
    lon, lat, speed, course, altitude = struct.unpack_from("<5f", block, 92)
    fix = _fix(when, degrees(lat), degrees(lon), block[65:67], speed * _KNOT, course)
    return [fix._replace(altitude=altitude if fix.valid and abs(altitude) < 10_000 else None)]


def _t13(block: bytes) -> list[Fix] | None:
    """INNOVV: 32-byte records from 16, without a clock."""
    fixes = []
    for at in range(16, min(len(block) - 19, 16 + 32 * 8), 32):
        if not _sided(block, at) or block[at + 3] != 0:
            break
        lat, lon, speed, course = struct.unpack_from("<4f", block, at + 4)
        valid = block[at : at + 1] == b"A"
        sides = block[at + 1 : at + 3]
        fixes.append(_fix(None, degrees(lat), degrees(lon), sides, speed * _KNOT, course) if valid else Fix())
    return fixes or None


def _t14(block: bytes) -> list[Fix] | None:
    """XBHT: date and time in bytes from 17, then the place as DDMM.MMMM in ten-thousandths; km/h."""
    if len(block) < 48 or not _sided(block, 24) or block[23] > 9:
        return None
    year, month, day, hour, minute, second = block[17:23]
    when = moment(year, month, day, hour, minute, second)
    if when is None:
        return None
    if block[24:25] == b"V":
        return [Fix(time=when)]
    lat, lon, _, speed = struct.unpack_from("<4I", block, 32)
    return [_fix(when, degrees(lat / 1e4), degrees(lon / 1e4), block[25:27], speed)]


def _t18(block: bytes) -> list[Fix] | None:
    """XGODY: readable text; what it calls km/h are knots."""
    text = block[16:272].split(b"\0")[0].decode("latin-1")
    found = re.match(
        r"normal:(\d{4})/(\d\d)/(\d\d) (\d\d):(\d\d):(\d\d) "
        r"([NS]):(\d{1,2}\.\d{1,9}) ([EW]):(\d{1,3}\.\d{1,9}) (\d{1,3}(?:\.\d+)?) km/h",
        text,
        re.ASCII,
    )
    if found is None:
        return None
    when = moment(*(int(found[i]) for i in range(1, 7)))
    course = re.search(r" A:(\d{1,3}(?:\.\d{1,4})?)(?: |$)", text, re.ASCII)
    sides = (found[7] + found[9]).encode()
    return [
        _fix(
            when,
            float(found[8]),
            float(found[10]),
            sides,
            float(found[11]) * _KNOT,
            float(course[1]) if course else math.nan,
        )
    ]


def _t19(block: bytes) -> list[Fix] | None:
    """70mai A810, M500: a block per video frame, no clock; DDMM.MMMMM in hundred-thousandths, km/h."""
    if len(block) < 53 or block[30:31] not in (b"A", b"V") or block[51:53] != b"VV":
        return None
    if block[30:31] == b"V":
        return [Fix()]
    lat, lon, course, speed = struct.unpack_from("<4i", block, 31)
    sides = (b"S" if lat < 0 else b"N") + (b"W" if lon < 0 else b"E")
    return [_fix(None, degrees(abs(lat) / 1e5), degrees(abs(lon) / 1e5), sides, speed, course)]


def _t20(block: bytes) -> list[Fix] | None:
    """Nextbase 512G: 32-byte big-endian records from 48."""
    fixes = []
    for at in range(48, min(len(block) - 22, 48 + 32 * 32), 32):
        if block[at : at + 2] != b"$S":
            break
        speed, course, year = struct.unpack_from(">HhH", block, at + 2)
        month, day, hour, minute = block[at + 8 : at + 12]
        tenths = struct.unpack_from(">H", block, at + 12)[0]
        lat, lon = struct.unpack_from(">ii", block, at + 15)
        when = moment(year, month, day, hour, minute, tenths // 10)
        sides = (b"S" if lat < 0 else b"N") + (b"W" if lon < 0 else b"E")
        place = abs(lat) / 1e7, abs(lon) / 1e7
        fixes.append(_fix(when, *place, sides, speed * 0.036, course / 100) if any(place) else Fix(time=when))
    return fixes or None


_ENCRYPTED = "its GPS positions are encrypted by the camera; they cannot be read and are left out"

#: Tried in this order: those with a telling mark first, then those told by where the status stands.
DIALECTS: tuple[Dialect, ...] = (
    Dialect("freeGPS T1 (Azdome)", _t1),
    Dialect("freeGPS T18 (XGODY)", _t18),
    Dialect("freeGPS T10 (Vantrue S1)", _t10),
    Dialect("freeGPS T7", _t7),
    Dialect("freeGPS T2 (NMEA)", _t2),
    Dialect("freeGPS T20 (Nextbase)", _t20),
    Dialect("freeGPS T19 (70mai)", _t19),
    Dialect("freeGPS T4 (E-ACE)", _t4, refused=_ENCRYPTED),
    Dialect("freeGPS T8 (encrypted)", _t8, refused=_ENCRYPTED),
    Dialect("freeGPS T3", _t3),
    Dialect("freeGPS T17c (Transcend)", _t17c),
    Dialect("freeGPS T17", _t17),
    Dialect("freeGPS T6 (Akaso)", _t6),
    Dialect("freeGPS T13 (INNOVV)", _t13),
    Dialect("freeGPS T14 (XBHT)", _t14),
    Dialect("freeGPS (Kenwood)", _kenwood, local_clock=True),
)
