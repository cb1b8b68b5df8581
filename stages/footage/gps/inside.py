"""GPS fixes inside the clip: every layout that is known, in order. Add a row to `READERS`."""

from __future__ import annotations

from pathlib import Path

from stages.footage.container import Container
from stages.footage.gps.freegps import freegps_log
from stages.footage.gps.log import GpsLog, Reader

#: Tried in this order; the first that gives a position wins.
READERS: tuple[Reader, ...] = (freegps_log,)


def read_inside(path: Path, container: Container, duration: float | None = None) -> GpsLog | None:
    """What the clip's own bytes say about the way.

    The first log with a position or a refusal; else the first that was there at all (void fixes keep their
    clock); None when the clip has no GPS data of a known layout. Raises OSError only.
    """
    void: GpsLog | None = None
    for read in READERS:
        log = read(path, container, duration)
        if log is None:
            continue
        if log.placed or log.refused:
            return log
        void = void or log
    return void
