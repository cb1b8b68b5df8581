"""The shapes of v1: exactly the printed keys, in the printed order; more only when asked for."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

import msgspec

from server.catalogue import Found, Video
from server.face import Face
from server.quarantine import DRAIN
from server.queue import log_of, reason_of
from server.store import Device, Quarantine, Row
from stages.errors import BadInput
from stages.sighting import RoutePoint

Raw = msgspec.Raw
V1 = Face("/api/v1/")


def _raw(text: str) -> Raw:
    return Raw(text.encode())


def task(row: Row, expand: Iterable[str] = (), face: Face = V1) -> dict[str, Any]:
    """A task as printed; `expand` adds keys of ours."""
    view: dict[str, Any] = {
        "task_id": row.task_id,
        "task_type": row.task_type,
        "state": row.state,
        "created_at": face.stamp(row.created_at),
        "completed_at": face.stamp(row.completed_at),
        "video_id": row.video_id,
        "inputs": _raw(row.inputs),
        "outputs": _raw(row.outputs),
        "metadata": _raw(row.metadata),
        "device_capabilities_required": _raw(row.needs),
    }
    for name in expand:
        view[name] = face.stamp(row.run_at) if name == "retry_at" else TASK_MORE[name](row)
    return view


TASK_MORE: dict[str, Any] = {
    "phase": lambda row: row.phase,
    "lease": lambda row: row.lease,
    "device": lambda row: row.device,
    "failures": lambda row: row.failures,
    "crashes": lambda row: row.crashes,
    "lost": lambda row: row.lost,
    "error": lambda row: reason_of(row.error),
    "log": lambda row: log_of(row.error),
    "priority": lambda row: row.priority,
    "parent_id": lambda row: row.parent_id,
    "root_id": lambda row: row.root_id,
    "retry_at": lambda row: row.run_at,
    "resolved_inputs": lambda row: _raw(row.resolved or row.inputs),
}


def leased(row: Row, face: Face = V1) -> dict[str, Any]:
    """A claimed task as a named worker gets it: with its fence, and inputs from the catalogue."""
    view = task(row, ("phase", "lease", "failures"), face)
    view["inputs"] = _raw(row.resolved or row.inputs)
    return view


def device(each: Device, running: int, online: bool, face: Face = V1) -> dict[str, Any]:
    """A device as printed."""
    return {
        "device_id": each.device_id,
        "hostname": each.hostname,
        "device_type": each.device_type,
        "status": each.status if online else "offline",
        "last_heartbeat": face.stamp(each.last_heartbeat),
        "tasks_running": running,
        "capabilities": _raw(each.capabilities),
    }


def quarantines(every: Iterable[Quarantine], hostname: str, face: Face = V1) -> list[dict[str, Any]]:
    """The types of which a device gets no tasks, since when and why."""
    return [
        {"task_type": each.task_type, "since": face.stamp(each.since), "why": each.why}
        for each in every
        if each.device == hostname and each.task_type != DRAIN
    ]


def _prefixed(prefix: str, video_id: str) -> str:
    return f"{prefix}{video_id}/"


def video(each: Video, prefix: str, *, whole: bool = False, face: Face = V1) -> dict[str, Any]:
    """A clip as listed (date only), or as shown whole (date and time)."""
    start = face.local(each.start_local, each.utc_offset_seconds)
    return {
        "video_id": each.video_id,
        "filename": each.filename,
        "date_recorded": start and (start if whole or face.v2 else start[:10]),
        "duration_seconds": _short(each.duration_seconds),
        "total_frames": each.total_frames or 0,
        "detections_count": each.detections_count or 0,
        "plates_found": each.plates_found or 0,
        "status": each.status,
        "archive_path": _prefixed(prefix, each.video_id) if _archive_stands(each) else None,
    }


def _archive_stands(each: Video) -> bool:
    """An empty path says that a retention rule has removed it."""
    return each.archived and each.archive_path != ""


def _short(seconds: float | None) -> float | int | None:
    """Whole seconds as an integer, as printed; others to the millisecond."""
    if seconds is None:
        return None
    return int(seconds) if seconds == int(seconds) else round(seconds, 3)


def video_whole(
    each: Video, prefix: str, route: list[RoutePoint], clock: Any, sightings: list[Found], face: Face = V1
) -> dict[str, Any]:
    """A clip with its route and its plates. `clock` turns seconds of the clip into local time."""
    view = video(each, prefix, whole=True, face=face)
    view["gps_route"] = [
        {
            "lat": point.lat,
            "lon": point.lon,
            "timestamp": face.local(clock(point.seconds), each.utc_offset_seconds),
        }
        for point in route
    ]
    view["timeline"] = {
        "plates": [
            {"frame": seen.frame_number, "plate": seen.plate, "confidence": seen.confidence}
            for seen in sightings
        ]
    }
    return view


def plate(seen: Found, prefix: str, expand: Iterable[str] = (), face: Face = V1) -> dict[str, Any]:
    """A sighting as printed; `expand` adds keys of ours."""
    thumbnail = f"{_prefixed(prefix, seen.video_id)}plates/{seen.plate}_thumb.jpg" if seen.archived else None
    view: dict[str, Any] = {
        "video_id": seen.video_id,
        "plate_text": seen.plate,
        "confidence": seen.confidence,
        "frame_number": seen.frame_number,
        "timestamp": face.local(seen.timestamp, seen.utc_offset_seconds),
        "location": None if seen.lat is None else {"lat": seen.lat, "lon": seen.lon},
        "thumbnail_url": thumbnail,
    }
    for name in expand:
        view[name] = PLATE_MORE[name](seen)
    return view


def crop_url(digest: str | None) -> str | None:
    """Our own route to a small picture."""
    return None if digest is None else f"/media/{digest}.jpg"


#: What `expand` can add to a whole clip.
VIDEO_MORE = ("facts", "media", "sightings", "files", "route", "trip", "protected")
PLATE_MORE: dict[str, Any] = {
    "confirmed": lambda seen: seen.confirmed,
    "first_seconds": lambda seen: seen.first_seconds,
    "last_seconds": lambda seen: seen.last_seconds,
    "candidates": lambda seen: _raw(seen.candidates),
    "reads": lambda seen: seen.reads,
    "agreeing": lambda seen: seen.agreeing,
    "media": lambda seen: crop_url(seen.crop),
    "track": lambda seen: seen.track,
    "box": lambda seen: None if seen.box is None else _raw(seen.box),
    "utc_offset_seconds": lambda seen: seen.utc_offset_seconds,
    "sighting_id": lambda seen: seen.sighting_id,
    "read_as": lambda seen: seen.read_plate,
}


def expansion(texts: Iterable[str], known: Iterable[str]) -> tuple[str, ...]:
    """The names in `?expand=a,b`, checked."""
    names = [name for text in texts for name in text.split(",") if name]
    allowed = list(known)
    for name in names:
        if name not in allowed:
            near = difflib.get_close_matches(name, allowed, n=1)
            hint = f"; did you mean {near[0]}?" if near else f"; known: {', '.join(allowed)}"
            raise BadInput(f"expand does not know {name[:40]!r}{hint}", [("expand", f"unknown: {name[:40]}")])
    return tuple(dict.fromkeys(names))
