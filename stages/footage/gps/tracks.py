"""GPS fixes in a track of their own: every layout of samples that is known. Add a row to `LAYOUTS`."""

from __future__ import annotations

from itertools import chain, islice
from pathlib import Path
from typing import BinaryIO

from stages.footage.container import Container
from stages.footage.gps import camm, cues, gopro, ligo_tracks, rvmi, sigmastar, vantrue, vueroid, wolfbox
from stages.footage.gps.layout import Clip, Layout
from stages.footage.gps.log import GpsLog
from stages.footage.gps.samples import Purse, Track, samples, tracks

#: Asked in this order about each track that can be of theirs.
LAYOUTS: tuple[Layout, ...] = (
    gopro.LAYOUT,
    *wolfbox.LAYOUTS,
    vantrue.LAYOUT,
    camm.LAYOUT,
    vueroid.LAYOUT,
    *sigmastar.LAYOUTS,
    *ligo_tracks.LAYOUTS,
    rvmi.LAYOUT,
    *cues.LAYOUTS,
)

_PRICE = 2048  # what a void fix costs of what may be read of the clip's other tracks
_LOOK = 100  # samples of a track that are looked at before it is taken for something else


def track_log(path: Path, container: Container, duration: float | None) -> GpsLog | None:
    """The fixes of the first track that has positions, `seconds` by the sample table."""
    if container.kind != "mp4" or not container.has_index:
        return None
    clip, purse, void = Clip(path, container, duration), Purse(), None
    with path.open("rb") as file:
        for track in tracks(file):
            log = _log(file, track, clip, purse)
            if log is not None and (log.placed or log.refused):
                return log
            void = void or log
            purse.left -= _PRICE * len(log.fixes) if log else 0
    return void


def _log(file: BinaryIO, track: Track, clip: Clip, purse: Purse) -> GpsLog | None:
    rows = [layout for layout in LAYOUTS if layout.fits(track)]
    if not rows:
        return None
    every = samples(file, track, purse)
    head = list(islice(every, _LOOK))
    layout = next((row for row in rows if any(row.decode(each.data) is not None for each in head)), None)
    return layout.read(chain(head, every), clip) if layout else None
