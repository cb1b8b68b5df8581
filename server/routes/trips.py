"""`/trips`: clips that were recorded in one go; people join and split them, and take that back."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import Any

from litestar import Response, delete, get, post
from litestar.params import FromPath

from server import params
from server.asks import known_only
from server.catalogue import Trip, TripClip, TripEdit, TripFilter
from server.errors import answer
from server.face import Face
from server.params import AnyRequest, Query
from server.queue import MICRO
from server.search import day
from server.services import Services, of
from stages.errors import NotFound

MAX_LISTED = 1000
MAX_MERGED = 100
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  # the camera's clock has no zone


@get("/trips")
async def list_trips(request: AnyRequest) -> Response[bytes]:
    """Trips, newest first."""
    query = Query(request)
    limit, offset = query.page(50, MAX_LISTED)
    which = TripFilter(
        camera=query.text("camera"),
        date_from=day(query.text("date_from"), "date_from"),
        date_to=day(query.text("date_to"), "date_to"),
        limit=limit,
        offset=offset,
    )
    strangers, trips, face = query.unknown(), of(request).trips, query.face
    found = await trips.trips(which)
    total = await trips.count_trips(which) if face.v2 else 0
    return answer(
        200, face.envelope([trip_view(each, face) for each in found], total, limit, offset), strangers
    )


@get("/trips/{trip_id:str}")
async def get_trip(request: AnyRequest, trip_id: FromPath[str]) -> Response[bytes]:
    """One trip with its moments; the name of any of its clips leads to it."""
    query = params.nothing_asked(request)
    view = await _whole(of(request), trip_id, query.face)
    return answer(200, query.face.one(view), query.strangers)


@post("/trips/merge", status_code=200)
async def merge_trips(request: AnyRequest) -> Response[bytes]:
    """Make trips of one camera one."""
    query, services = params.nothing_asked(request), of(request)
    body = await _body(request, query.face, {"trip_ids"})
    named = params.convert(body.get("trip_ids"), list[str], "trip_ids")
    if len(named) > MAX_MERGED:
        params.bad("trip_ids", f"may name {MAX_MERGED} trips at most")
    ids = [str(params.video_id(each, "trip_ids")) for each in named]
    edit = await services.store.atransact(lambda tx: tx.catalogue.merge_trips(ids, _now()))
    shown = {"edit": edit_view(edit, query.face), "trip": await _whole(services, ids[0], query.face)}
    return answer(200, query.face.one(shown), query.strangers)


@post("/trips/{trip_id:str}/split", status_code=200)
async def split_trip(request: AnyRequest, trip_id: FromPath[str]) -> Response[bytes]:
    """Let another trip begin with a clip of this one."""
    query, services = params.nothing_asked(request), of(request)
    body = await _body(request, query.face, {"video_id"})
    video_id = params.video_id(params.convert(body.get("video_id"), str, "video_id"))
    before = await _whole(services, trip_id, query.face)
    edit = await services.store.atransact(lambda tx: tx.catalogue.split_trip(trip_id, str(video_id), _now()))
    both = [await _whole(services, name, query.face) for name in (before["trip_id"], str(video_id))]
    shown = {"edit": edit_view(edit, query.face), "trips": both}
    return answer(200, query.face.one(shown), query.strangers)


@get("/trips/edits")
async def list_trip_edits(request: AnyRequest) -> Response[bytes]:
    """What people said of trips, newest first."""
    query = Query(request)
    limit, offset = query.page(100, MAX_LISTED)
    strangers, trips, face = query.unknown(), of(request).trips, query.face
    found = await trips.trip_edits(limit, offset)
    total = await trips.count_trip_edits() if face.v2 else 0
    return answer(
        200, face.envelope([edit_view(each, face) for each in found], total, limit, offset), strangers
    )


@delete("/trips/edits/{edit_id:str}", status_code=200)
async def undo_trip_edit(request: AnyRequest, edit_id: FromPath[str]) -> Response[bytes]:
    """Take a merge or a split back."""
    query = params.nothing_asked(request)
    number = params.number_in_path(edit_id, "Edit")
    store = of(request).store
    edit = await store.atransact(lambda tx: tx.catalogue.undo_trip_edit(number, _now()))
    return answer(200, query.face.one(edit_view(edit, query.face)), query.strangers)


async def _body(request: AnyRequest, face: Face, known: set[str]) -> dict[str, Any]:
    body = await params.object_body(request)
    if face.v2:
        known_only(body, known, "")
    return body


async def _whole(services: Services, trip_id: str, face: Face) -> dict[str, Any]:
    found = await services.trips.trip(trip_id)
    if found is None:
        raise NotFound(f"Trip {trip_id[:128]} not found")
    trip, groups, edits = found
    shown = [
        {"start": face.local(group[0].start_local, group[0].utc_offset_seconds),
         "clips": [_clip(each, face) for each in group]}
        for group in groups
    ]  # fmt: skip
    return trip_view(trip, face) | {"moments": shown, "edits": edits}


def trip_view(each: Trip, face: Face) -> dict[str, Any]:
    """A trip as it is listed."""
    return {
        "trip_id": each.trip_id,
        "camera": each.camera,
        "camera_name": each.camera_name,
        "mode": each.mode,
        "start": face.local(camera_time(each.starts), each.utc_offset_seconds),
        "end": face.local(camera_time(each.ends), each.utc_offset_seconds),
        "start_utc": each.start_utc,
        "utc_offset_seconds": each.utc_offset_seconds,
        "duration_seconds": round(each.ends - each.starts, 3),
        "channels": each.channels,
        "clips_count": each.clips,
        "distance_m": None if each.metres is None else round(each.metres),
        "plates_found": each.plates_found,
    }


def _clip(each: TripClip, face: Face) -> dict[str, Any]:
    return {
        "video_id": each.video_id,
        "channel": each.channel or None,
        "filename": each.filename,
        "start": face.local(each.start_local, each.utc_offset_seconds),
        "duration_seconds": each.duration_seconds,
        "mode": each.mode,
        "locked": bool(each.locked),
    }


def edit_view(each: TripEdit, face: Face) -> dict[str, Any]:
    """An edit; what was not said of it is left out."""
    said = {"trip_ids": each.trip_ids, "trip_id": each.trip_id, "video_id": each.video_id}
    return {
        "edit_id": each.edit_id,
        "kind": each.kind,
        **{name: value for name, value in said.items() if value is not None},
        "made_at": face.stamp(each.made_at),
        "undone_at": face.stamp(each.undone_at),
    }


def camera_time(seconds: float) -> str | None:
    """Seconds since 1970 by a camera's clock as text; None beyond the calendar."""
    try:
        return (_EPOCH + timedelta(seconds=seconds)).isoformat(timespec="seconds")
    except OverflowError:
        return None


def _now() -> int:
    return int(time.time() * MICRO)


ROUTES = [list_trips, get_trip, merge_trips, split_trip, list_trip_edits, undo_trip_edit]
