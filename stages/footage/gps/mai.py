"""70mai: the `GPS ` box of the Pro (2019 to 2021), and the log that newer cameras keep for a whole card."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from pathlib import PurePath
from statistics import median
from typing import BinaryIO, NamedTuple

from stages.errors import BadInput
from stages.footage.boxes import Box, payload
from stages.footage.fix import Fix, degrees
from stages.footage.gps.log import GpsLog
from stages.footage.gps.records import placed
from stages.footage.names import read_name

#: What a card's log begins with.
LOG_MARK = b"$V02"
MAX_ROWS = 200_000

_RECORD = 36
_BOX = _RECORD * 20_000
_FASTEST = 400_000  # metres an hour
_BEHIND = timedelta(hours=8)  # the log's clock is that far behind UTC, wherever the camera is
_NEIGHBOURS = timedelta(hours=1)
_FOLLOWS = 5.0  # seconds between the rows of two clips that were recorded in one go
_CORE = re.compile(r"20\d{6}-\d{6}(?:-\d{1,9})?", re.ASCII)
_ROW = re.compile(
    r"(\d{9,11}),([AV]),(-?\d{1,3}\.\d{1,9}),(-?\d{1,3}\.\d{1,9}),(-?\d{1,6}),(\d{1,6}),"
    r"-?\d{1,6},-?\d{1,6},-?\d{1,6},([^,\s]{1,80})(?:,[^,\s]{0,80}){3}",
    re.ASCII,
)


def box_log(file: BinaryIO, box: Box) -> GpsLog | None:
    """The 36-byte records of a `GPS ` box; None when it holds none. They have seconds and no clock."""
    data = payload(file, box, _BOX)
    fixes = [fix for (record,) in struct.iter_unpack(f"{_RECORD}s", _whole(data)) if (fix := _record(record))]
    return GpsLog("70mai GPS box", fixes) if fixes else None


def _whole(data: bytes) -> bytes:
    return data[: len(data) // _RECORD * _RECORD]


def _record(data: bytes) -> Fix | None:
    """u32: here, has a fix, second, metres an hour; N|S, u32 latitude, E|W, u32 longitude (DDMM.MMM).

    None for an unused record and for one that cannot be: a flipped bit in a coordinate is a wrong place.
    """
    here, fixed, second, speed, north, lat, east, lon = struct.unpack_from("<4IcIcI", data)
    if here != 1 or fixed not in (0, 1) or second > 86_400:
        return None
    if not fixed:
        return Fix(seconds=second)
    if north not in b"NS" or east not in b"EW" or speed > _FASTEST:
        return None
    fix = placed(None, degrees(lat / 1e3), degrees(lon / 1e3), north + east, speed / 1e3)
    return fix._replace(seconds=second) if fix.valid else None


class _Row(NamedTuple):
    """One line of a card's log: UTC, the clip that it was written for, the fix."""

    time: datetime
    clip: str
    fix: Fix


@lru_cache(maxsize=1024)
def core(name: str) -> str:
    """What stays the same in a clip's name when firmware or app change its ends: `20240509-134909-000016`."""
    found = _CORE.search(PurePath(name).stem)
    return found[0] if found else ""


def card_log(text: str, clip: str) -> GpsLog:
    """The fixes of one clip in a card's `GPSData*.txt`, with `seconds`; none when it is not in there.

    Lines that the camera broke are passed over. Raises BadInput when the text is no such log.
    """
    if not text.startswith(LOG_MARK.decode()):
        raise BadInput("it is no GPS log of a 70mai camera: it does not begin with $V02")
    rows = list(_rows(text))
    wanted = core(clip)
    mine = [row for row in rows if row.clip == wanted] if wanted else []
    if not mine:
        return GpsLog("70mai GPSData")
    start = _start(rows, wanted) or mine[0].time
    fixes = [row.fix._replace(seconds=(row.time - start).total_seconds()) for row in mine]
    return GpsLog("70mai GPSData", fixes)


def whole_log(text: str) -> GpsLog:
    """The fixes of all clips of a card's log, in order, without `seconds`."""
    return GpsLog("70mai GPSData", [row.fix for row in _rows(text)])


def _rows(text: str) -> Iterator[_Row]:
    for count, line in enumerate(text.splitlines()):
        if count > MAX_ROWS:
            return
        if (match := _ROW.fullmatch(line.strip())) and (row := _row(match)):
            yield row


def _row(match: re.Match[str]) -> _Row | None:
    """Unix time (eight hours behind), A|V, degrees, course * 100, cm/s, g * 100 three times, the clip."""
    time = datetime.fromtimestamp(int(match[1]), UTC).replace(tzinfo=None) + _BEHIND
    if not 2010 <= time.year < 2100:
        return None
    fix = Fix(time=time)
    lat, lon = float(match[3]), float(match[4])
    if match[2] == "A":
        sides = (b"S" if lat < 0 else b"N") + (b"W" if lon < 0 else b"E")
        fix = placed(time, abs(lat), abs(lon), sides, int(match[6]) * 0.036, int(match[5]) / 100)
    return _Row(time, core(match[7]), fix)


def _start(rows: list[_Row], wanted: str) -> datetime | None:
    """When a clip began by the receiver's clock: what its name says, less what that clock is off by.

    Off by how much is told by neighbours whose rows follow another clip's at once: such a clip began with
    its first row, while one after a cold start began before it. None when the name has no time.
    """
    named = _named(wanted)
    if named is None:
        return None
    off = [
        (now - row.time).total_seconds()
        for last, row in pairwise(rows)
        if row.clip != last.clip
        and last.clip
        and 0 <= (row.time - last.time).total_seconds() <= _FOLLOWS
        and (now := _named(row.clip)) is not None
        and abs(now - named) <= _NEIGHBOURS
    ]
    return named - timedelta(seconds=median(off)) if off else None


def _named(core_name: str) -> datetime | None:
    return read_name(f"NO{core_name}.MP4").recorded_local if core_name else None
