"""Everything that a clip says about itself, read with the standard library alone."""

from __future__ import annotations

from pathlib import Path, PurePath

import msgspec

from stages.footage import sidecars
from stages.footage.clock import ClipTime, settle
from stages.footage.container import Container, walk
from stages.footage.fix import Fix
from stages.footage.gps.inside import read_inside
from stages.footage.gps.log import GpsLog
from stages.footage.identity import fingerprint, video_id
from stages.footage.names import NameFacts, read_name
from stages.footage.route import build
from stages.sighting import RoutePoint

_SLACK = 60.0  # seconds by which a log beside the clip may outlast it and still be its own


class ClipDescription(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a clip says: the file, its container, the camera, the time and the way it went.

    `route_source` names the layout or file that the route came from; `route_refused` says in a sentence why
    positions that are there were not used. `warnings` are sentences.
    """

    filename: str
    size_bytes: int
    modified: float
    video_id: str
    fingerprint: str
    container: Container
    camera: NameFacts
    time: ClipTime
    route: list[RoutePoint] = []
    route_source: str | None = None
    route_refused: str = ""
    warnings: list[str] = []


def describe(
    path: Path,
    *,
    time_zone: str = "",
    relative: str | PurePath | None = None,
    duration: float | None = None,
) -> ClipDescription:
    """Describe a clip, damaged ones too: `container.state` says what is wrong.

    `relative` is its path below the card's or place's root, because folders tell (locked, parking).
    `duration` in seconds, where a video library knows better than the container. Raises OSError when the
    file cannot be read, SettingsError for an unknown `time_zone`.
    """
    stat = path.stat()
    content = fingerprint(path)
    container, camera = walk(path), read_name(relative or path)
    seconds = duration or container.duration_seconds
    gps = _own_gps(path, container, seconds)
    when = settle(
        camera,
        container,
        gps.fixes,
        modified=stat.st_mtime,
        time_zone=time_zone,
        gps_is_local=gps.local_clock,
    )
    route = build(gps.fixes, duration=seconds, to_utc_seconds=when.gps_to_utc_seconds)
    source = gps.dialect if route else None
    if not route:
        route, source = _foreign_track(path, when, seconds)
    return ClipDescription(
        filename=path.name,
        size_bytes=stat.st_size,
        modified=stat.st_mtime,
        video_id=video_id(camera, container, content),
        fingerprint=content,
        container=container,
        camera=camera,
        time=when,
        route=route,
        route_source=source,
        route_refused=gps.refused,
        warnings=[text[:250] for text in _sentences(container, gps, when)],
    )


def _sentences(container: Container, gps: GpsLog, when: ClipTime) -> list[str]:
    return [text for text in (container.reason, gps.refused, *gps.warnings, *when.warnings) if text]


def _own_gps(path: Path, container: Container, duration: float | None) -> GpsLog:
    """The camera's own fixes: inside the clip, else in a log beside it."""
    inside = read_inside(path, container, duration)
    if inside and (inside.refused or inside.placed):
        return inside
    log, complaints = sidecars.read_log(path)
    if log is None:
        return (inside or GpsLog(""))._replace(warnings=tuple(complaints))
    return log._replace(fixes=_by_log(list(log.fixes), duration), warnings=tuple(complaints))


def _by_log(fixes: list[Fix], duration: float | None) -> list[Fix]:
    """A log that the camera wrote with the clip begins with it; a much longer one is somebody's track."""
    times = [fix.time for fix in fixes if fix.time is not None]
    if not times or any(fix.seconds is not None for fix in fixes):
        return fixes
    if duration is not None and (max(times) - times[0]).total_seconds() > duration + _SLACK:
        return []
    return [fix._replace(seconds=(fix.time - times[0]).total_seconds()) if fix.time else fix for fix in fixes]


def _foreign_track(path: Path, when: ClipTime, duration: float | None) -> tuple[list[RoutePoint], str | None]:
    """A GPX track in the same folder that covers the clip's time."""
    if when.start_utc is None or when.time_source == "header" or not duration:
        return [], None
    log = sidecars.track_of_time(path, when.start_utc.replace(tzinfo=None), duration)
    route = build(log.fixes, duration=duration) if log else []
    return route, log.dialect if log and route else None
