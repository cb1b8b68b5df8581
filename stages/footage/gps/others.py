"""Blocks of layouts that share nothing with each other. The T numbers are ExifTool's `GPSType`.

Offsets count from the block's size field; little endian unless said.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from datetime import timedelta

from stages.footage.fix import Fix, degrees, moment
from stages.footage.gps.records import KNOT, clocked, placed, sided, speed_ratio

_LETTERS = (b"A", b"V")
_RECORDS = 64  # read from one block


def t6(block: bytes) -> list[Fix] | None:
    """Akaso, Anticlock: hour minute second at 48, place from 60, date at 88; km/h."""
    if len(block) < 100 or block[60:61] not in _LETTERS or block[61:64] != b"\0\0\0":
        return None
    hour, minute, second = struct.unpack_from("<3I", block, 48)
    year, month, day = struct.unpack_from("<3I", block, 88)
    if not clocked((hour, minute, second, year, month, day)):
        return None
    when = moment(year, month, day, hour, minute, second)
    sides = block[68:69] + block[76:77]
    if block[60:61] == b"V":
        return [Fix(time=when)] if when else None
    if not sided(b"A" + sides, 0) or block[69:72] + block[77:80] != bytes(6):
        return None
    lat, lon, speed, course = (struct.unpack_from("<f", block, at)[0] for at in (64, 72, 80, 84))
    course += 180 if block[16:20] == b"x.xx" else 0
    return [placed(when, degrees(lat), degrees(lon), sides, speed, course)]


def t10(block: bytes) -> list[Fix] | None:
    """Vantrue S1: status at 64, then the date, and longitude before latitude."""
    if len(block) < 112 or block[48:58] != b"horsontech" or not sided(block, 64):
        return None
    year, month, day, hour, minute, second = struct.unpack_from("<6I", block, 68)
    if not clocked((hour, minute, second, year, month, day)):
        return None
    when = moment(year, month, day, hour, minute, second)
    if block[64:65] != b"A":
        return [Fix(time=when)]
    lon, lat, speed, course, altitude = struct.unpack_from("<5f", block, 92)
    fix = placed(when, degrees(lat), degrees(lon), block[65:67], speed * KNOT, course)
    return [fix._replace(altitude=altitude if fix.valid and abs(altitude) < 10_000 else None)]


def t11(block: bytes) -> list[Fix] | None:
    """ATC: 52-byte records from 48, each under two keys that it carries itself.

    Every block repeats the camera's last half minute; the newest record is the block's own.
    """
    if block[0x45:0x48] != b"ATC":
        return None
    fixes = []
    for at in range(48, min(len(block) - 51, 48 + 52 * _RECORDS), 52):
        fix = _t11_record(bytearray(block[at : at + 52]))
        if fix is not None:
            fixes.append(fix)
    return sorted(fixes, key=lambda fix: str(fix.time))[-1:] or None


def _t11_record(data: bytearray) -> Fix | None:
    if data[0x15:0x18] != b"ATC" or data[0x1D:0x20] != b"001":
        return None
    first, second = data[0x14], data[0x1C]
    for place in (*range(0x15), *range(0x18, 0x1C)):
        data[place] ^= first
    for place in (0x1C, *range(0x20, 0x33)):
        data[place] ^= second
    hour, minute, sec = data[0x0D:0x10]
    year, month, day = struct.unpack_from("<HBB", data, 0x2C)
    when = moment(year, month, day, 0, minute, sec)
    if when is None or hour > 23:
        return None
    lat, lon = struct.unpack_from("<i", data, 0x10)[0], struct.unpack_from("<i", data, 0x18)[0]
    speed, course = struct.unpack_from("<ih", data, 0x20)
    altitude = struct.unpack_from("<i", data, 0x28)[0] / 1000
    fix = _signed(None, lat / 1e7, lon / 1e7, speed * 0.036, course / 100)
    # It states the hour before.
    return fix._replace(time=when + timedelta(hours=hour + 1), altitude=altitude if fix.valid else None)


def _signed(when: None, lat: float, lon: float, speed: float, course: float) -> Fix:
    sides = (b"S" if lat < 0 else b"N") + (b"W" if lon < 0 else b"E")
    return placed(when, abs(lat), abs(lon), sides, speed, course)


def t12(block: bytes) -> list[Fix] | None:
    """As T6 in doubles: status at 60, place from 64, date at 112; knots."""
    if len(block) < 124 or block[60:61] not in _LETTERS or block[61:64] != b"\0\0\0":
        return None
    hour, minute, second = struct.unpack_from("<3I", block, 48)
    year, month, day = struct.unpack_from("<3I", block, 112)
    sides = block[72:73] + block[88:89]
    if not clocked((hour, minute, second, year, month, day)) or not sided(block[60:61] + sides, 0):
        return None
    when = moment(year, month, day, hour, minute, second)
    if when is None or block[73:76] + block[89:92] != bytes(6):
        return None
    if block[60:61] == b"V":
        return [Fix(time=when)]
    lat, lon, speed, course = (struct.unpack_from("<d", block, at)[0] for at in (64, 80, 96, 104))
    return [placed(when, degrees(lat), degrees(lon), sides, speed * KNOT, course)]


def t13(block: bytes, start: int = 16) -> list[Fix] | None:
    """INNOVV: 32-byte records from 16, without a clock."""
    fixes = []
    for at in range(start, min(len(block) - 19, start + 32 * _RECORDS), 32):
        if not sided(block, at) or block[at + 3] != 0:
            break
        lat, lon, speed, course = struct.unpack_from("<4f", block, at + 4)
        valid = block[at : at + 1] == b"A"
        sides = block[at + 1 : at + 3]
        fixes.append(
            placed(None, degrees(lat), degrees(lon), sides, speed * KNOT, course) if valid else Fix()
        )
    return fixes or None


def t14(block: bytes) -> list[Fix] | None:
    """XBHT: 36-byte records from 16: date and time in bytes, then DDMM.MMMM in ten-thousandths; km/h."""
    fixes = []
    for at in range(16, min(len(block) - 29, 16 + 36 * _RECORDS), 36):
        year, month, day, hour, minute, second, tenth = block[at + 1 : at + 8]
        when = moment(year, month, day, hour, minute, second)
        if when is None or tenth > 9 or not sided(block, at + 8):
            break
        if block[at + 8 : at + 9] != b"A":
            fixes.append(Fix(time=when))
            continue
        lat, lon, _, speed = struct.unpack_from("<3IH", block, at + 16)
        sides = block[at + 9 : at + 11]
        fixes.append(placed(when, degrees(lat / 1e4), degrees(lon / 1e4), sides, speed))
    return fixes or None


def t19(block: bytes) -> list[Fix] | None:
    """70mai A810, M500: a block per video frame, without a clock; km/h.

    Coordinates come back as the block's number in ten-millionths; `settle_t19` says what it means.
    """
    if len(block) < 47 or block[30:31] not in _LETTERS:
        return None
    tag, zero, _, mirror = struct.unpack_from("<4H", block, 12)
    if block[51:53] != b"VV" and not (tag and not zero and tag == mirror):
        return None
    if block[30:31] == b"V":
        return [Fix()]
    lat, lon, course, speed = struct.unpack_from("<4i", block, 31)
    return [_signed(None, lat / 1e7, lon / 1e7, speed, course)]


def settle_t19(fixes: Sequence[Fix]) -> list[Fix]:
    """Read T19's coordinates as DDMM.MMMMM, as ExifTool does, unless the clip shows that they are degrees.

    Degrees are taken when minutes of 60 and more show up again and again, or when only they make the way
    between the fixes agree with the speeds beside them (DDMM makes it 1.67 times longer).
    """
    minutes = [_by_minutes(fix) for fix in fixes]
    placed_before = sum(fix.valid for fix in fixes)
    placed_after = sum(fix.valid for fix in minutes)
    if placed_after < 0.9 * placed_before:
        return list(fixes)
    ratio = speed_ratio(minutes)
    return list(fixes) if ratio is not None and 1.3 < ratio < 2.2 else minutes


def _by_minutes(fix: Fix) -> Fix:
    if fix.lat is None or fix.lon is None:
        return fix
    lat, lon = degrees(fix.lat * 100), degrees(fix.lon * 100)
    if math.isnan(lat) or math.isnan(lon) or abs(lat) > 90 or abs(lon) > 180:
        return fix._replace(lat=None, lon=None)
    return fix._replace(lat=lat, lon=lon)


def t20(block: bytes, start: int = 48) -> list[Fix] | None:
    """Nextbase 512G, DOD LS600W: 32-byte big-endian records from 48, degrees in ten-millionths, cm/s."""
    fixes = []
    for at in range(start, min(len(block) - 22, start + 32 * _RECORDS), 32):
        if block[at : at + 2] != b"$S":
            break
        speed, course, year = struct.unpack_from(">HhH", block, at + 2)
        month, day, hour, minute = block[at + 8 : at + 12]
        tenths = struct.unpack_from(">H", block, at + 12)[0]
        lat, lon = struct.unpack_from(">ii", block, at + 15)
        when = moment(year, month, day, hour, minute, tenths // 10)
        fix = _signed(None, lat / 1e7, lon / 1e7, speed * 0.036, course / 100)
        fixes.append(fix._replace(time=when) if fix.valid else Fix(time=when))
    return fixes or None
