"""Where a clip's fixes come from, best first: inside it, beside it, from the front clip of the same moment,
from somebody's track of the same time.
"""

from __future__ import annotations

from pathlib import Path

from stages.footage import sidecars
from stages.footage.clock import ClipTime
from stages.footage.container import Container, walk
from stages.footage.fix import Fix
from stages.footage.gps.inside import read_inside
from stages.footage.gps.log import GpsLog
from stages.footage.names import NameFacts, read_name
from stages.footage.siblings import front_of
from stages.footage.timing import timed

_SLACK = 60.0  # seconds by which a track beside the clip may outlast it and still be its own


def clip_gps(path: Path, name: NameFacts, container: Container, duration: float | None) -> GpsLog:
    """What belongs to the clip, and for a rear or interior clip without positions its front clip's.

    Every fix has `seconds`. Raises OSError when the clip itself cannot be read.
    """
    own = own_gps(path, container, duration)
    if own.placed or own.refused:
        return own
    front = _front_gps(path, name)
    if front is None:
        return own
    return front._replace(warnings=(*own.warnings, *front.warnings), beside=own.beside)


def own_gps(path: Path, container: Container, duration: float | None) -> GpsLog:
    """What belongs to the clip: inside it, else in a log beside it. Every fix has `seconds`.

    Without any the log is empty; `refused` and `warnings` say what was left out. Raises OSError.
    """
    inside = read_inside(path, container, duration)
    if inside and inside.placed:
        return inside._replace(fixes=timed(inside.fixes, duration))
    found = inside or GpsLog("")
    log, complaints = sidecars.read_log(path)
    warnings = (*found.warnings, *complaints)
    if log is None:
        return found._replace(fixes=timed(found.fixes, duration), warnings=warnings)
    first = next((fix.time for fix in log.fixes if fix.time is not None), log.beside)
    return log._replace(
        fixes=_its_own(timed(log.fixes, duration), log.dialect, duration),
        beside=first,
        refused=log.refused or found.refused,
        warnings=(*warnings, *log.warnings),
    )


def _front_gps(path: Path, name: NameFacts) -> GpsLog | None:
    """The positions of the front clip of the same moment, on this clip's clock."""
    front = front_of(path, name)
    if front is None:
        return None
    try:
        container = walk(front)
        log = own_gps(front, container, container.duration_seconds)
    except OSError:
        return None  # this clip can be read all the same
    if not log.placed:
        return None
    begun = read_name(front).recorded_local
    apart = (begun - name.recorded_local).total_seconds() if begun and name.recorded_local else 0.0
    fixes = [fix._replace(seconds=(fix.seconds or 0.0) + apart) for fix in log.fixes]
    return log._replace(dialect=f"{log.dialect}, of {front.name[:80]}", fixes=fixes)


def foreign_log(path: Path, when: ClipTime, duration: float | None) -> GpsLog | None:
    """A GPX track in the same folder that covers the clip's time, with `seconds`."""
    if when.start_utc is None or when.time_source == "header" or not duration:
        return None
    return sidecars.track_of_time(path, when.start_utc.replace(tzinfo=None), duration)


def _its_own(fixes: list[Fix], dialect: str, duration: float | None) -> list[Fix]:
    """A GPX file that begins with the clip is its own; a much longer one is the track of somebody's phone."""
    if not dialect.startswith("GPX"):
        return fixes
    last = max((fix.seconds or 0.0 for fix in fixes), default=0.0)
    return [] if duration is not None and last > duration + _SLACK else fixes
