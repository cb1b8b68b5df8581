"""GPS logs that cameras put into boxes of their own at the top of an MP4, one row per kind of box."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from stages.footage.boxes import Box, boxes, payload
from stages.footage.container import Container
from stages.footage.gps import blackvue, mai, navitel, nmea
from stages.footage.gps.log import GpsLog

_MOST = 4096  # boxes looked at; a log lies among the first or behind the index
_FREE = 32  # `free` boxes that are opened


def box_log(path: Path, container: Container, duration: float | None) -> GpsLog | None:  # noqa: ARG001
    """The first box that gives a position or a refusal; else the first that was a log at all."""
    if container.kind != "mp4" or container.fragmented:
        return None
    void: GpsLog | None = None
    with path.open("rb") as file:
        for log in _logs(file, container.size_bytes):
            if log.placed or log.refused:
                return log
            void = void or log
    return void


def _logs(file: BinaryIO, size: int) -> list[GpsLog]:
    logs, begun, opened = [], b"", 0
    for box in list(boxes(file, 0, size, most=_MOST)):
        log = None
        if box.kind == b"IDIT":
            begun = payload(file, box, 32)
        elif box.kind == b"free" and opened < _FREE and box.end - box.offset > 16:
            opened += 1
            log = blackvue.free_log(file, box)
        elif box.kind == b"GPS ":
            log = mai.box_log(file, box)
        elif box.kind == b"gps0":
            log = navitel.gps0_log(file, box, begun)
        elif box.kind == b"udat":
            log = _text_log(file, box)
        if log is not None:
            logs.append(log)
    return logs


def _text_log(file: BinaryIO, box: Box) -> GpsLog | None:
    """NMEA under the name `udat`, as players and some cameras leave it."""
    fixes = nmea.fixes(payload(file, box, blackvue.MAX_BYTES).decode("latin-1"))
    return GpsLog("udat (NMEA)", fixes) if fixes else None
