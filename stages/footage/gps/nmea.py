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
    """Every RMC of a text, in order, with the altitude of the GGA beside it.

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
    altitude: float | None = None
    waiting: Fix | None = None  # an RMC whose GGA may follow it
    for stamp, kind, fields in sentences:
        if stamp is not None and first_ms is None:
            first_ms = int(stamp)
        if kind == "GGA":
            altitude = _number(_field(fields, 8))
            if waiting is not None:
                yield waiting._replace(altitude=altitude if waiting.valid else None)
                waiting, altitude = None, None
            continue
        if waiting is not None:
            yield waiting
        waiting = _rmc(fields)
        if stamp is not None and first_ms is not None:
            waiting = waiting._replace(seconds=(int(stamp) - first_ms) / 1000)
        if altitude is not None:
            yield waiting._replace(altitude=altitude if waiting.valid else None)
            waiting, altitude = None, None
    if waiting is not None:
        yield waiting


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
    knots = _number(_field(fields, 6))
    return Fix(
        time=when,
        lat=lat,
        lon=lon,
        speed_kmh=None if knots is None or knots < 0 else knots * _KNOT,
        course=_number(_field(fields, 7)),
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
    return -found if hemisphere == sides[1] else found
