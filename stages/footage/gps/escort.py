"""Escort M2: a line for each second in a `.map` file beside the clip."""

from __future__ import annotations

import re

from stages.errors import BadInput
from stages.footage.fix import Fix, degrees, moment
from stages.footage.gps.log import GpsLog
from stages.footage.gps.records import placed

MAX_LINES = 200_000

_LINE = re.compile(
    r"([AV]),(\d{6}),(\d{6}),(\d{1,4}\.\d{1,9}),([NS]),(\d{1,5}\.\d{1,9}),([EW]),(\d{1,4}(?:\.\d{1,4})?),"
    r"[^;,]{1,20},[^;,]{1,20},[^;,]{1,20};?",
    re.ASCII,
)


def escort_log(text: str) -> GpsLog:
    """`A,DDMMYY,hhmmss,ddmm.mmmm,N,dddmm.mmmm,W,km/h,x,y,z;` in UTC; broken lines are passed over.

    Raises BadInput when no line is one.
    """
    matches = [_LINE.fullmatch(line.strip()) for line in text.splitlines()[:MAX_LINES]]
    fixes = [fix for match in matches if match and (fix := _fix(match)) is not None]
    if not fixes:
        raise BadInput("it is no Escort log")
    return GpsLog("Escort beside the clip", fixes)


def _fix(match: re.Match[str]) -> Fix | None:
    date, clock = match[2], match[3]
    when = moment(
        int(date[4:6]), int(date[2:4]), int(date[:2]), int(clock[:2]), int(clock[2:4]), int(clock[4:6])
    )
    if when is None:
        return None
    if match[1] == "V":
        return Fix(time=when)
    lat, lon = degrees(float(match[4])), degrees(float(match[6]))
    return placed(when, lat, lon, (match[5] + match[7]).encode(), float(match[8]))
