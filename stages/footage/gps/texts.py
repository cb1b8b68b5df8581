"""Blocks that hold text: plain, shifted, or under a fixed mask. The T numbers are ExifTool's `GPSType`."""

from __future__ import annotations

import math
import re

from stages.footage.fix import Fix, degrees, moment
from stages.footage.gps import nmea
from stages.footage.gps.records import KNOT, placed

#: What text under XOR 0xAA begins with: two zeros, XKZD and two 0xFE.
MASKED = b"\xaa\xaa\xf2\xe1\xf0\xee\x54\x54"

_LINE = re.compile(
    r"(20\d\d)/(\d{1,2})/(\d{1,2}) (\d{1,2}):(\d{1,2}):(\d{1,2})\s+"
    r"([NS?]):(-?)(\d{1,5}\.\d{1,9})\s+([EW?]):(-?)(\d{1,5}\.\d{1,9})\s+(\d{1,3}(?:\.\d{1,4})?)",
    re.ASCII,
)
_COURSE = re.compile(r"\bA:(\d{1,3}(?:\.\d{1,4})?)", re.ASCII)


def masked(data: bytes) -> list[Fix]:
    """Text under XOR 0xAA that begins with `MASKED`: date and time, then place and speed (km/h)."""
    text = bytes(byte ^ 0xAA for byte in data[:257])
    stamp = re.match(rb"(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)", text[8:22])
    when = moment(*map(int, stamp.groups())) if stamp else None
    place = re.search(rb"([NS])(\d{8})([EW])(\d{9})(?:(\d{8})|[-+]\d{4}(\d{3}))?", text[22:90])
    if place is None:
        return [Fix(time=when)]
    speed = float(place[5] or place[6] or "nan")
    lat, lon = degrees(int(place[2]) / 1e4), degrees(int(place[4]) / 1e4)
    return [placed(when, lat, lon, place[1] + place[3], speed)]


def t1(block: bytes) -> list[Fix] | None:
    """Azdome, EEEkit: text under XOR 0xAA."""
    return masked(block[18:]) if block[18:26] == MASKED else None


def t2(block: bytes) -> list[Fix] | None:
    """Nextbase 512GW, Vantrue N2X and N4 (T15): NMEA inside."""
    if not re.search(rb"\$G[A-Z]RMC,", block):
        return None
    return nmea.fixes(block.decode("latin-1"))[:1] or None


def t7(block: bytes) -> list[Fix] | None:
    """NMEA with 16 added to each byte (T9, EACHPAI, too)."""
    if block[60:67] != b"4W`b]S<":
        return None
    shifted = bytes(byte - 16 if byte >= 16 else byte for byte in block[60:400])
    return nmea.fixes(shifted.decode("latin-1"))[:1] or None


def t18(block: bytes) -> list[Fix] | None:
    """XGODY: readable text; what it calls km/h are knots."""
    text = block[16:272].split(b"\0")[0]
    if not re.match(rb"[a-z]{1,16}:20\d\d/", text):
        return None
    fix = line(text.decode("latin-1"), knots=True)
    return None if fix is None else [fix]


def line(text: str, *, knots: bool = False) -> Fix | None:
    """`2024/05/22 02:54:29 N:42.382470 W:83.389570 53.6 km/h x:... A:269.2`: the line of many makers.

    `knots`: the speed is in knots whatever the line says. A question mark for a hemisphere says that there
    is no fix. None when the text holds no such line.
    """
    found = _LINE.search(text)
    if found is None:
        return None
    when = moment(*(int(found[i]) for i in range(1, 7)))
    if "?" in (found[7], found[10]):
        return Fix(time=when)
    sides = (("S" if found[8] else found[7]) + ("W" if found[11] else found[10])).encode()
    course = _COURSE.search(text, found.end())
    speed = float(found[13]) * (KNOT if knots else 1)
    lat, lon = float(found[9]), float(found[12])
    if lat >= 100:  # some write DDMM.MMMM here
        lat, lon = degrees(lat), degrees(lon)
    return placed(when, lat, lon, sides, speed, float(course[1]) if course else math.nan)
