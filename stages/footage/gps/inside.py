"""GPS fixes inside the clip: every layout that is known, in order. Add a row to `READERS`."""

from __future__ import annotations

from pathlib import Path

from stages.footage.container import Container
from stages.footage.gps.boxed import box_log
from stages.footage.gps.exiftool import exiftool_log
from stages.footage.gps.freegps import freegps_log, scattered_log
from stages.footage.gps.garmin import garmin_box_log
from stages.footage.gps.log import GpsLog, Reader
from stages.footage.gps.streams import stream_log
from stages.footage.gps.tesla import tesla_log
from stages.footage.gps.tracks import track_log
from stages.footage.gps.trailers import trailer_log

#: Tried in this order; the first that gives a position wins. Each costs next to nothing on other clips.
READERS: tuple[Reader, ...] = (
    freegps_log,
    track_log,
    garmin_box_log,
    box_log,
    trailer_log,
    tesla_log,
)
#: Tried in this order when none of those found anything at all: they look through picture and sound.
SEARCHERS: tuple[Reader, ...] = (scattered_log, stream_log)


def read_inside(
    path: Path, container: Container, duration: float | None = None, *, exiftool: bool = True
) -> GpsLog | None:
    """What the clip's own bytes say about the way.

    The first log with a position or a refusal; else the first that was there at all (void fixes keep their
    clock); None when the clip has no GPS data of a known layout. What no reader of ours knows is given to
    ExifTool where that is installed, unless `exiftool` is False. Raises OSError only.
    """
    void = None
    for readers in (READERS, SEARCHERS, (exiftool_log,) if exiftool else ()):
        for read in readers:
            log = read(path, container, duration)
            if log is None:
                continue
            if log.placed or log.refused:
                return log
            void = void or log
        if void is not None:
            return void
    return None
