"""What the scripts of a clip's page ask for: its clock, its lanes, its films, why, and its route as files."""

from __future__ import annotations

import asyncio
import csv
import io
from datetime import UTC, datetime
from typing import Any

from litestar import Response, get
from litestar.params import FromPath

from server import reports, views
from server.catalogue import Found, Video
from server.clockwork import beside
from server.films import films, standing
from server.pages import data
from server.params import AnyRequest, Query
from server.playback import events_of, route_of
from server.services import Services, of
from stages.errors import NotFound
from stages.export.gpx import Leg, utc_of, write_gpx

_MOST_SIGHTINGS = 2000
_LATEST = 864_000.0


@get("/data/videos/{video_id:str}")
async def video_data(request: AnyRequest, video_id: FromPath[str]) -> Response[bytes]:
    """One clip on one clock: route, events, plates, channels, neighbours. Touches no place."""
    services = of(request)
    video = await _known(services, video_id)
    facts = await services.library.facts(video_id)
    points = await services.library.route(video_id)
    way = await asyncio.to_thread(route_of, points)
    seen = await services.library.sightings(video_id)
    around = await services.database.read(lambda connection: beside(connection, video_id))
    shown = {
        "video_id": video_id,
        "start": video.start_local,
        "duration": video.duration_seconds,
        "fps": facts.get("fps"),
        "route": way.route,
        "route_fixes": len(points),
        "gaps": way.gaps,
        "speed_computed": way.computed,
        "events": events_of(facts, points, video.duration_seconds),
        "sightings": [_sighting(each) for each in seen[:_MOST_SIGHTINGS]],
        "sightings_left_out": max(0, len(seen) - _MOST_SIGHTINGS),
        "channels": around.channels,
        "before": around.before,
        "after": around.after,
    }
    return data(request, shown)


async def _known(services: Services, video_id: str) -> Video:
    video = await services.library.video(video_id)
    if video is None:
        raise NotFound(f"Video {video_id[:128]} not found")
    return video


def _sighting(seen: Found) -> dict[str, Any]:
    return {
        "sighting_id": seen.sighting_id,
        "plate": seen.plate,
        "confidence": seen.confidence,
        "confirmed": seen.confirmed,
        "first": seen.first_seconds,
        "last": seen.last_seconds,
        "lat": seen.lat,
        "lon": seen.lon,
        "crop": views.crop_url(seen.crop),
    }


@get("/data/videos/{video_id:str}/films")
async def video_films(request: AnyRequest, video_id: FromPath[str]) -> Response[bytes]:
    """Which films of a clip can be had now, and which place keeps the others."""
    services = of(request)
    video = await _known(services, video_id)
    known = films(video, await services.library.files(video_id), await services.library.facts(video_id))
    found = await asyncio.gather(*(standing(services.shelves, film) for film in known))
    return data(request, {"films": found, "says": _nothing(video, bool(known))})


def _nothing(video: Video, known: bool) -> str:
    """Why a clip has no film at all."""
    if known:
        return ""
    if video.archived and video.archive_path == "":
        return "A retention rule removed this clip and its archive; what was found in it stays."
    return "No file of this clip is known yet; it may still wait to be taken in."


@get("/data/videos/{video_id:str}/tracks")
async def video_tracks(request: AnyRequest, video_id: FromPath[str]) -> Response[bytes]:
    """The vehicles and plates that were followed, from the report in its place."""
    services = of(request)
    await _known(services, video_id)
    try:
        found = await reports.lanes(services.shelves, await services.library.files(video_id))
    except reports.NoReport as error:
        return data(request, {"tracks": [], "says": str(error)})
    return data(request, {"tracks": found, "says": ""})


@get("/data/videos/{video_id:str}/why")
async def video_why(request: AnyRequest, video_id: FromPath[str]) -> Response[bytes]:
    """Why a plate was, or was not, found: at a second (`at`), or of a text (`plate`)."""
    services, query = of(request), Query(request)
    at, plate = query.number("at", 0, _LATEST), (query.text("plate") or "").strip()[:64]
    await _known(services, video_id)
    try:
        found = await reports.why(services.shelves, await services.library.files(video_id), at, plate)
    except reports.NoReport as error:
        return data(request, {"says": [f"The report on this clip cannot be read now. {error}"], "tracks": []})
    return data(request, found)


@get("/data/videos/{video_id:str}/route.gpx")
async def video_gpx(request: AnyRequest, video_id: FromPath[str]) -> Response[bytes]:
    """The whole route as GPX."""
    services = of(request)
    video = await _known(services, video_id)
    leg = Leg(video_id, await services.library.route(video_id), await _start(services, video_id))
    text = await asyncio.to_thread(write_gpx, [leg], video.filename or video_id)
    return _file(text, "application/gpx+xml", f"{video_id}.gpx")


@get("/data/videos/{video_id:str}/route.csv")
async def video_csv(request: AnyRequest, video_id: FromPath[str]) -> Response[bytes]:
    """The whole route as a table."""
    services = of(request)
    await _known(services, video_id)
    start = await _start(services, video_id)
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\r\n")
    table.writerow(["seconds", "utc", "lat", "lon", "speed_kmh", "course", "altitude_m"])
    for p in await services.library.route(video_id):
        table.writerow([p.seconds, utc_of(p, start) or "", p.lat, p.lon, p.speed_kmh, p.course, p.altitude])
    return _file(out.getvalue(), "text/csv", f"{video_id}.csv")


async def _start(services: Services, video_id: str) -> datetime | None:
    text = (await services.library.facts(video_id)).get("start_utc")
    try:
        found = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found and found.tzinfo is None else found


def _file(text: str, kind: str, name: str) -> Response[bytes]:
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "private, no-store",
    }
    return Response(text.encode(), media_type=f"{kind}; charset=utf-8", headers=headers)


ROUTES = [video_data, video_films, video_tracks, video_why, video_gpx, video_csv]
