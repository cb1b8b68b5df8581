"""Subtitles beside the clip that tell where it was: DJI's brackets, older ones, and NMEA."""

from __future__ import annotations

import re
from collections.abc import Iterator

from stages.errors import BadInput
from stages.footage.fix import Fix, moment
from stages.footage.gps import nmea
from stages.footage.gps.log import GpsLog
from stages.footage.gps.records import placed

MAX_CUES = 200_000

_TIMES = re.compile(r"(\d{1,3}):(\d\d):(\d\d)[,.](\d{1,3})\s*-->", re.ASCII)
_NUMBER = r"([-+]?\d{1,4}(?:\.\d{1,12})?)"
_LAT = re.compile(rf"\[\s*latitude\s*:\s*{_NUMBER}", re.ASCII | re.IGNORECASE)
#: DJI spells it both ways.
_LON = re.compile(rf"\[\s*longt?itude\s*:\s*{_NUMBER}", re.ASCII | re.IGNORECASE)
_GPS = re.compile(rf"GPS\s*\(\s*{_NUMBER}\s*,\s*{_NUMBER}(?:\s*,\s*{_NUMBER}M?)?\s*\)", re.ASCII)
_HIGH = re.compile(rf"(?:abs_alt|\[\s*altitude)\s*:\s*{_NUMBER}", re.ASCII | re.IGNORECASE)
_DATE = re.compile(r"(20\d\d)[-.](\d\d)[-.](\d\d)[ T](\d\d):(\d\d):(\d\d)", re.ASCII)


def srt_log(text: str) -> GpsLog:
    """One fix for each cue that has a place; its time is the camera's own clock, where a cue shows one.

    Raises BadInput when the text has no cues.
    """
    cues = list(_cues(text))
    if not cues:
        raise BadInput("it holds no subtitles")
    fixes: list[Fix] = []
    utc = False
    for seconds, body in cues:
        sentences = nmea.fixes(body)
        utc = utc or bool(sentences)
        found = sentences or [fix for fix in [_fix(body)] if fix is not None]
        fixes += [fix._replace(seconds=seconds) for fix in found]
    return GpsLog("SRT beside the clip", fixes, local_clock=not utc and any(fix.time for fix in fixes))


def _cues(text: str) -> Iterator[tuple[float, str]]:
    starts = list(zip(_TIMES.finditer(text), range(MAX_CUES), strict=False))
    for i, (match, _) in enumerate(starts):
        end = starts[i + 1][0].start() if i + 1 < len(starts) else len(text)
        hours, minutes, seconds = int(match[1]), int(match[2]), int(match[3])
        yield hours * 3600 + minutes * 60 + seconds + float(f"0.{match[4]}"), text[match.end() : end][:4096]


def _fix(body: str) -> Fix | None:
    place = _place(body)
    if place is None:
        return None
    lat, lon, high = place
    date = _DATE.search(body)
    when = moment(*(int(date[i]) for i in range(1, 7))) if date else None
    sides = (b"S" if lat < 0 else b"N") + (b"W" if lon < 0 else b"E")
    fix = placed(when, abs(lat), abs(lon), sides)
    if not fix.valid:  # DJI writes 0, 0 without a fix
        return Fix(time=when)
    found = _HIGH.search(body)
    high = float(found[1]) if found else high
    return fix._replace(altitude=high if high is not None and abs(high) < 10_000 else None)


def _place(body: str) -> tuple[float, float, float | None] | None:
    """Latitude, longitude and, where it stands with them, altitude."""
    lat, lon = _LAT.search(body), _LON.search(body)
    if lat and lon:
        return float(lat[1]), float(lon[1]), None
    found = _GPS.search(body)
    if found is None:
        return None
    first, second = float(found[1]), float(found[2])
    # Longitude comes first; a second number that is no latitude says that this one has it the other way.
    if abs(second) > 90 >= abs(first):
        first, second = second, first
    return second, first, float(found[3]) if found[3] and "." in found[3] else None
