"""Everything that a clip says about itself, read with the standard library alone."""

from __future__ import annotations

from pathlib import Path, PurePath

import msgspec

from stages.footage.clock import ClipTime, Others, settle
from stages.footage.container import Container, walk
from stages.footage.gps.log import GpsLog
from stages.footage.identity import fingerprint, video_id
from stages.footage.names import NameFacts, read_name, told_apart
from stages.footage.route import build
from stages.footage.way import clip_gps, foreign_log
from stages.sighting import RoutePoint


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
    duration_seconds: float | None = None
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
    others: Others = lambda _: None,
) -> ClipDescription:
    """Describe a clip, damaged ones too: `container.state` says what is wrong.

    `relative` is its path below the card's or place's root, because folders tell (locked, parking).
    `duration` in seconds, where a video library knows better than the container. `others`: what the camera's
    other clips say of its clock (`neighbours.py`). Raises OSError when the file cannot be read, SettingsError
    for an unknown `time_zone`.
    """
    stat = path.stat()
    content = fingerprint(path)
    container, camera = walk(path), read_name(relative or path)
    seconds = duration or container.duration_seconds
    gps = clip_gps(path, camera, container, seconds)
    when = settle(
        camera,
        container,
        gps.fixes,
        modified=stat.st_mtime,
        time_zone=time_zone,
        gps_is_local=gps.local_clock,
        sidecar=gps.beside,
        others=others,
    )
    # No bound by the clip's length: what its own log says too much harms nobody, and a header can be wrong.
    route = build(gps.fixes, to_utc_seconds=when.gps_to_utc_seconds)
    doubts = _lost(gps, route)
    source = gps.dialect if route else None
    if not route and (track := foreign_log(path, when, seconds)):
        route = build(track.fixes, duration=seconds)
        source = track.dialect if route else None
    told = (container.reason, gps.refused, *gps.warnings, doubts, *when.warnings, camera.warning)
    return ClipDescription(
        filename=path.name,
        size_bytes=stat.st_size,
        modified=stat.st_mtime,
        video_id=video_id(camera, container, content),
        fingerprint=content,
        container=container,
        camera=told_apart(camera, path.stem, novatek=_is_novatek(container, gps)),
        time=when,
        duration_seconds=seconds,
        route=route,
        route_source=source,
        route_refused=gps.refused,
        warnings=[text[:250] for text in told if text],
    )


def _is_novatek(container: Container, gps: GpsLog) -> bool:
    return bool(container.gps_table) or container.kind == "mpegts" or gps.dialect.startswith("freeGPS")


def _lost(gps: GpsLog, route: list[RoutePoint]) -> str:
    """What to say when a log has positions and none of them could be believed."""
    if route or gps.refused or not gps.placed:
        return ""
    count = sum(fix.valid for fix in gps.fixes)
    return f"its GPS positions ({count}) contradict each other or are out of date; none was believed"
