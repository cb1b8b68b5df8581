"""A GPS log looked at without the clip that it belongs to: told by what it holds, not by its name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from stages.errors import BadInput
from stages.footage.fix import Fix
from stages.footage.gps import ddpai, mai, nmea
from stages.footage.gps.escort import escort_log
from stages.footage.gps.gopro import payload_fixes
from stages.footage.gps.gpx import parse_gpx
from stages.footage.gps.log import GpsLog
from stages.footage.gps.srt import srt_log
from stages.footage.route import build
from stages.footage.timing import timed
from stages.sighting import RoutePoint

_BYTES = 64 << 20


def log_alone(path: Path) -> tuple[GpsLog, list[RoutePoint]] | None:
    """A log and its route, `seconds` from its first fix; None for a file that is no log known here.

    Raises OSError only.
    """
    try:
        log = _log(path)
    except BadInput:
        return None
    if log is None or not log.fixes:
        return None
    fixes = timed(log.fixes)
    return log._replace(fixes=fixes), build(fixes)


def _log(path: Path) -> GpsLog | None:
    with path.open("rb") as file:
        data = file.read(_BYTES)
    if data[:4] == b"DEVC":
        return GpsLog("GoPro", list(_payloads(data)))
    if data.startswith(mai.LOG_MARK):
        return mai.whole_log(data.decode("latin-1"))
    if data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<":
        return GpsLog("GPX", parse_gpx(data, path.name))
    if (archive := ddpai.archive_log(path)).fixes:
        return archive
    text = data.decode("latin-1").removeprefix("\xef\xbb\xbf")
    if "-->" in text[:4096]:
        return srt_log(text)
    log = ddpai.parse(text) if ddpai.marked(text) else _sentences(text)
    return log if log.fixes else escort_log(text)


def _sentences(text: str) -> GpsLog:
    return GpsLog("NMEA", nmea.fixes(text))


def _payloads(data: bytes) -> Iterator[Fix]:
    """The fixes of GoPro payloads one after the other, a second each."""
    at = second = 0
    while data[at : at + 4] == b"DEVC" and at + 8 <= len(data):
        size = 8 + -(-data[at + 5] * int.from_bytes(data[at + 6 : at + 8], "big") // 4) * 4
        found = payload_fixes(data[at : at + size]) or []
        for place, fix in enumerate(found):
            yield fix._replace(seconds=second + place / len(found))
        at, second = at + size, second + 1
