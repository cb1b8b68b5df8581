"""Blocks built around Novatek's record: Viofo and its many kin, and those that hide positions in it.

Offsets count from the block's size field; little endian. A function returns None when a block is not of its
layout. The T numbers are ExifTool's `GPSType`.
"""

from __future__ import annotations

import re
import struct
from base64 import b64decode
from binascii import Error as NotBase64

from stages.footage.fix import Fix, degrees, moment
from stages.footage.gps.records import KNOT, placed, record, sided

_BASE64 = re.compile(rb"[A-Za-z0-9+/]{8,20}={0,2}\0*")
_PLAIN = re.compile(rb"(\d{1,5}\.\d+)\0*")
_LAT, _LON = re.compile(rb"\d{1,4}\.\d+"), re.compile(rb"\d{1,5}\.\d+")
#: What E-ACE cameras encrypt with (RC4).
_KEYS = (b"luckychip gps", *(b"customer %c%c gps" % (letter, letter) for letter in b"abcdefghijklmnopqrs"))


def t3(block: bytes) -> list[Fix] | None:
    """Viofo A119 V3, A129 Plus, A229."""
    return record(block, 0x10) if block[0x25:0x28] == b"\0\0\0" else None


def t3_late(block: bytes) -> list[Fix] | None:
    """As T3, with one word more in front: an early Viofo A119."""
    return record(block, 0x14) if block[0x29:0x2C] == b"\0\0\0" and len(block) > 0x40 else None


def t4(block: bytes) -> list[Fix] | None:
    """E-ACE: as T3, with the coordinates as text, mostly encrypted under one of twenty known keys."""
    fields = _t4_fields(block)
    place = _t4_place(fields) if fields else None
    if place is None:
        return None
    hour, minute, second, year, month, day = struct.unpack_from("<6I", block, 0x10)
    speed, course = struct.unpack_from("<2f", block, 0x54)
    when = moment(year, month, day, hour, minute, second)
    return [placed(when, degrees(place[0]), degrees(place[1]), block[0x29:0x2B], speed * KNOT, course)]


def t4_locked(block: bytes) -> list[Fix] | None:
    """E-ACE under a key that is not known."""
    return [] if _t4_fields(block) else None


def _t4_fields(block: bytes) -> tuple[bytes, bytes] | None:
    fields = block[0x2C:0x40], block[0x40:0x54]
    if len(block) < 0x5C or block[0x28:0x29] != b"A" or not sided(block, 0x28):
        return None
    for pattern in (_BASE64, _PLAIN):
        if all(pattern.fullmatch(field) for field in fields):
            return fields
    return None


def _t4_place(fields: tuple[bytes, bytes]) -> tuple[float, float] | None:
    lat, lon = (_PLAIN.fullmatch(field) for field in fields)
    if lat and lon:
        return float(lat[1]), float(lon[1])
    return next((place for key in _KEYS if (place := _t4_open(fields, key))), None)


def _t4_open(fields: tuple[bytes, bytes], key: bytes) -> tuple[float, float] | None:
    try:
        lat, lon = (_rc4(b64decode(field.rstrip(b"\0")), key) for field in fields)
    except NotBase64:
        return None
    return (float(lat), float(lon)) if _LAT.fullmatch(lat) and _LON.fullmatch(lon) else None


def _rc4(data: bytes, key: bytes) -> bytes:
    state = list(range(256))
    j = 0
    for i in range(256):
        j = (j + state[i] + key[i % len(key)]) & 0xFF
        state[i], state[j] = state[j], state[i]
    out, i, j = bytearray(), 0, 0
    for byte in data:
        i = (i + 1) & 0xFF
        j = (j + state[i]) & 0xFF
        state[i], state[j] = state[j], state[i]
        out.append(byte ^ state[(state[i] + state[j]) & 0xFF])
    return bytes(out)


def youqing(block: bytes) -> list[Fix] | None:
    """RedTiger F7NP and kin: the clock where T17 has it, the coordinates before it."""
    if block[0x10:0x1A] != b"YOUQINGGPS" or len(block) < 0x68 or not sided(block, 0x48):
        return None
    hour, minute, second, year, month, day = struct.unpack_from("<6I", block, 0x30)
    when = moment(year, month, day, hour, minute, second)
    if block[0x48:0x49] != b"A":
        return [Fix(time=when)]
    lat, lon = struct.unpack_from("<2f", block, 0x28)
    speed, course = struct.unpack_from("<2f", block, 0x60)
    return [placed(when, degrees(lat), degrees(lon), block[0x49:0x4B], speed * KNOT, course)]


def t8(block: bytes) -> list[Fix] | None:
    """Akaso V1, RedTiger F7N: looks like T17 with a fix at latitude 0.0; the true one is encrypted."""
    fixed = block[0x48:0x49] == b"A" and sided(block, 0x48)
    return [] if fixed and block[0x4C:0x50] == b"\0\0\0\0" else None


def t16(block: bytes) -> list[Fix] | None:
    """IQS: as T17, with degrees in ten-millionths, cm/s and no course."""
    if block[0x10:0x13] != b"IQS" or block[0x45:0x48] == b"ATC" or block[0x48:0x49] != b"A":
        return None
    if len(block) < 0x5C or not sided(block, 0x48):
        return None
    hour, minute, second, year, month, day = struct.unpack_from("<6I", block, 0x30)
    lat, lon, speed = struct.unpack_from("<3i", block, 0x4C)
    when = moment(year, month, day, hour, minute, second)
    return [placed(when, abs(lat) / 1e7, abs(lon) / 1e7, block[0x49:0x4B], speed * 0.036)]


def t17(block: bytes) -> list[Fix] | None:
    """The classic: Viofo A119 and A129, A119 Mini 2, SilverStone, 2E, Street Guardian."""
    return _finer(block, record(block, 0x30))


def _finer(block: bytes, fixes: list[Fix] | None) -> list[Fix] | None:
    """Transcend's DrivePro repeats the coordinates with more digits further on, and adds the altitude."""
    if not fixes or not fixes[0].valid or len(block) < 0xB0:
        return fixes
    rough = struct.unpack_from("<2f", block, 0x4C)
    lat, lon, altitude = (struct.unpack_from("<d", block, at)[0] for at in (0x70, 0x80, 0xA0))
    if not (abs(lat - rough[0]) < 0.001 and abs(lon - rough[1]) < 0.001):
        return fixes
    fine = placed(None, degrees(lat), degrees(lon), block[0x49:0x4B])
    if not fine.valid:
        return fixes
    high = altitude if abs(altitude) < 10_000 else None
    return [fixes[0]._replace(lat=fine.lat, lon=fine.lon, altitude=high)]


def t17b(block: bytes) -> list[Fix] | None:
    """Rexing V1-4K, told by its maker box alone: T17 with the coordinates stretched and shifted."""
    fixes = record(block, 0x30, plain=True)
    if not fixes or block[0x48:0x49] != b"A":
        return fixes
    lat, lon, speed, course = struct.unpack_from("<4f", block, 0x4C)
    place = (lat - 187.982162849635) / 3, (lon - 2199.19873715495) / 2
    return [placed(fixes[0].time, *place, block[0x49:0x4B], speed * KNOT, course)]


def t17c(block: bytes) -> list[Fix] | None:
    """Transcend body camera: T17 in plain degrees, told by its size field."""
    if block[:4] != b"\x00\x00\x40\x00" or len(block) < 0x54 or block[0x48:0x49] != b"A":
        return None
    lat, lon = struct.unpack_from("<2f", block, 0x4C)
    return record(block, 0x30, plain=True) if 0 <= lat <= 90 and 0 <= lon <= 180 else None


def kenwood(block: bytes) -> list[Fix] | None:
    """Kenwood: the record behind a longer header."""
    return record(block, 0x40) if block[0x55:0x58] == b"\0\0\0" else None


def full_year(at: int, block: bytes) -> bool:
    """Whether the year at `at` is written in full: such a Kenwood writes its local time."""
    return len(block) >= at + 4 and bool(struct.unpack_from("<I", block, at)[0] >= 2000)
