"""LigoGPS tables behind the end of a clip, MP4 or transport stream: plain text beside a scrambled twin."""

from __future__ import annotations

import re
from pathlib import Path

from stages.footage.boxes import boxes, payload
from stages.footage.container import Container
from stages.footage.fix import Fix
from stages.footage.gps import ligo
from stages.footage.gps.log import GpsLog
from stages.footage.gps.texts import line

_BYTES = 8 << 20  # a minute takes 16 kB
_LEAST = 40
_MAGIC = re.compile(rb"[A-Z]{4}GPSINFO")
_MARK = re.compile(rb"(?:SKIP|skip)[A-Z]{4}GPSINFO")
_ENDS = (b"####", b"&&&&")
_NAME = "LigoGPS trailer"


def trailer_log(path: Path, container: Container, duration: float | None) -> GpsLog | None:  # noqa: ARG001
    """What lies behind the clip's last box or packet; refused when only the scrambled table is there.

    Its times are the camera's local clock.
    """
    start = _end(path, container)
    if start is None or container.size_bytes - start < _LEAST:
        return None
    with path.open("rb") as file:
        file.seek(start)
        data = file.read(_BYTES)
    tables = [match.end() for match in _MARK.finditer(data)]
    if not tables:
        return None
    fixes: list[Fix] = []
    for at in tables:
        fixes = fixes or _table(data, at - len(ligo.MAGIC) + ligo.HEADER)
    times = [fix.time for fix in fixes if fix.time is not None]
    if not times:
        scrambled = any(data[at - len(ligo.MAGIC) + ligo.HEADER :][:4] == b"####" for at in tables)
        return GpsLog(_NAME, refused=ligo.SCRAMBLED if scrambled else "")
    tied = [fix._replace(seconds=(fix.time - times[0]).total_seconds()) if fix.time else fix for fix in fixes]
    return GpsLog(_NAME, tied, local_clock=True)


def _end(path: Path, container: Container) -> int | None:
    """Where the clip ends and a trailer may begin."""
    if container.kind == "mpegts":
        return container.media[0].size if container.media else None
    if container.kind != "mp4":
        return None
    end = None
    with path.open("rb") as file:
        for box in boxes(file, 0, container.size_bytes, most=200_000):
            # A table begins like a box.
            if box.kind in (b"SKIP", b"skip") and _MAGIC.match(payload(file, box, 16)):
                return box.start
            end = box.end
    return end


def _table(data: bytes, at: int) -> list[Fix]:
    """The records of a plain table; empty for a scrambled one. Blank and broken records are passed over."""
    fixes: list[Fix] = []
    while at + 8 <= len(data) and data[at : at + 4] not in _ENDS:
        fix = line(data[at : at + ligo.RECORD].decode("latin-1"))
        if fix is not None:
            fixes.append(fix)
        at += ligo.RECORD
    return fixes
