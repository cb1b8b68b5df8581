"""Tolerant NMEA 0183: RMC (place, speed, course, time) and GGA (altitude), as dashcams really write it.

A wrong checksum is no reason to drop a line (cameras get it wrong), a missing `$` neither. What the
fields say is checked instead.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from stages.footage.fix import Fix, degrees, moment

#: Sentences read from one source.
MAX_SENTENCES = 200_000

_LINE = re.compile(r"(?:\[(\d{10,16})\])?\$?(?<![A-Z])G[A-Z]?(RMC|GGA),([^\r\n$\[]{5,120})", re.ASCII)
_KNOT = 1.852


def fixes(text: str) -> list[Fix]:
    """Every RMC of a text, in order, with the altitude of the GGA of the same second.

    A `[unix_ms]` in front of the lines ties them to the video: `seconds` counts from the first one.
    Sentences without a fix come back without a position.
    """
    return list(_fixes(_sentences(text)))


def _sentences(text: str) -> Iterator[tuple[str | None, str, list[str]]]:
    for count, match in enumerate(_LINE.finditer(text)):
        if count >= MAX_SENTENCES:
            return
        yield match[1], match[2], match[3].split("*")[0].split(",")


def _fixes(sentences: Iterable[tuple[str | None, str, list[str]]]) -> Iterator[Fix]:
    first_ms: int | None = None
    waiting: tuple[str, Fix] | None = None  # an RMC whose GGA may follow it
    height: tuple[str, float | None] | None = None  # a GGA whose RMC may follow it
    for stamp, kind, fields in sentences:
        clock = _field(fields, 0)[:6]
        if stamp is not None and first_ms is None:
            first_ms = int(stamp)
        if kind == "GGA":
            height = clock, _number(_field(fields, 8))
            if waiting is not None and waiting[0] == clock:
                yield _raised(waiting[1], height[1])
                waiting = height = None
            continue
        if waiting is not None:
            yield waiting[1]
        fix = _rmc(fields)
        if stamp is not None and first_ms is not None:
            fix = fix._replace(seconds=(int(stamp) - first_ms) / 1000)
        waiting = clock, fix
        if height is not None and height[0] == clock:
            yield _raised(fix, height[1])
            waiting = height = None
    if waiting is not None:
        yield waiting[1]


def _raised(fix: Fix, altitude: float | None) -> Fix:
    high = altitude is not None and abs(altitude) < 10_000
    return fix._replace(altitude=altitude) if fix.valid and high else fix


def _rmc(fields: list[str]) -> Fix:
    """hhmmss.ss, A|V, ddmm.mm, N|S, dddmm.mm, E|W, knots, course, ddmmyy."""
    clock, date = _field(fields, 0), _field(fields, 8)
    when = None
    if re.match(r"[0-9]{6}", clock) and re.fullmatch(r"[0-9]{6}", date):
        when = moment(
            int(date[4:6]), int(date[2:4]), int(date[:2]), int(clock[:2]), int(clock[2:4]), int(clock[4:6])
        )
    lat = _coordinate(_field(fields, 2), _field(fields, 3), "NS")
    lon = _coordinate(_field(fields, 4), _field(fields, 5), "EW")
    if _field(fields, 1) != "A" or lat is None or lon is None:
        return Fix(time=when)
    knots, course = _number(_field(fields, 6)), _number(_field(fields, 7))
    return Fix(
        time=when,
        lat=lat,
        lon=lon,
        speed_kmh=knots * _KNOT if knots is not None and 0 <= knots < 600 else None,
        course=course if course is not None and 0 <= course <= 360 else None,
    )


def _field(fields: list[str], index: int) -> str:
    return fields[index].strip() if index < len(fields) else ""


def _number(text: str) -> float | None:
    return float(text) if re.fullmatch(r"-?[0-9]{1,9}(\.[0-9]{0,12})?", text) else None


def _coordinate(text: str, hemisphere: str, sides: str) -> float | None:
    value = _number(text)
    if value is None or value < 0 or hemisphere not in sides or not hemisphere:
        return None
    found = degrees(value)
    if not found <= (90 if sides == "NS" else 180):
        return None
    return 0.0 - found if hemisphere == sides[1] else found
