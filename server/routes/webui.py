"""`/webui`: clips and plates."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath

from server import params, views
from server.catalogue import Area, PlateFilter, VideoFilter
from server.errors import answer
from server.params import AnyRequest, Query
from server.search import KNOWN, MATCHES, around, day
from server.services import of
from stages.errors import NotFound

STATUSES = ("queued", "processing", "processed", "failed", "all")
MAX_LISTED = 1000
_MOST_KNOWN = 5000


@get("/webui/videos")
async def list_videos(request: AnyRequest) -> Response[bytes]:
    """Clips with at least one completed task, newest first; `status=all` lists the rest too."""
    query = Query(request)
    limit, offset = query.page(50, MAX_LISTED)
    which = VideoFilter(
        status=query.choice("status", STATUSES),
        date_from=day(query.text("date_from"), "date_from"),
        date_to=day(query.text("date_to"), "date_to"),
        limit=limit,
        offset=offset,
    )
    strangers, services = query.unknown(), of(request)
    prefix, face = services.settings.archive.public_prefix, query.face
    found = await services.library.videos(which)
    total = await services.library.count_videos(which) if face.v2 else 0
    shown = [views.video(each, prefix, face=face) for each in found]
    return answer(200, face.envelope(shown, total, limit, offset), strangers)


@get("/webui/videos/{video_id:str}")
async def get_video(request: AnyRequest, video_id: FromPath[str]) -> Response[bytes]:
    """One clip with its route and plates; `expand=facts,files,route` adds what else is known."""
    query = Query(request)
    expand = views.expansion(query.texts("expand", bare=True), views.VIDEO_MORE)
    strangers, services, face = query.unknown(), of(request), query.face
    found = await services.library.video(video_id)
    if found is None:
        raise NotFound(f"Video {video_id[:128]} not found")
    route = await services.library.route(video_id)
    sightings = await services.library.sightings(video_id)
    prefix = services.settings.archive.public_prefix
    view = views.video_whole(found, prefix, route, local_clock(found.start_local), sightings, face)
    if "facts" in expand:
        view["facts"] = await services.library.facts(video_id)
    if "media" in expand:
        view["media"] = {"poster": views.crop_url(found.poster)}
    if "sightings" in expand:
        view["sightings"] = [views.plate(seen, prefix, views.PLATE_MORE, face) for seen in sightings]
    if "files" in expand:
        known = await services.library.files(video_id)
        view["files"] = [{"task_type": task_type, "file": ref} for task_type, ref in known]
    if "trip" in expand:
        view["trip"] = {
            "trip_id": await services.trips.trip_of(video_id),
            "companions": [
                {"video_id": name, "channel": channel or None}
                for name, channel in await services.trips.companions(video_id)
            ],
        }
    if "protected" in expand:
        view["protected"] = await services.retention.protected(video_id) is not None
    if "route" in expand:
        view["route"] = {"dialect": await services.library.dialect(video_id), "points": route}
    return answer(200, face.one(view), strangers)


@get("/webui/plates")
async def search_plates(request: AnyRequest) -> Response[bytes]:
    """Sightings whose plate holds a fragment, newest first."""
    query = Query(request)
    which = plate_filter(query, 100, MAX_LISTED)
    nearly = query.choice("candidates", ("true", "false")) == "true"
    which = msgspec.structs.replace(which, candidates=nearly)
    expand = views.expansion(query.texts("expand", bare=True), views.PLATE_MORE)
    strangers, services, face = query.unknown(), of(request), query.face
    prefix = services.settings.archive.public_prefix
    found = await services.library.plates(which)
    total = await services.library.count_plates(which) if face.v2 else 0
    shown = [views.plate(seen, prefix, expand, face) for seen in found]
    return answer(200, face.envelope(shown, total, which.limit, which.offset), strangers)


def plate_filter(query: Query, default: int, most: int) -> PlateFilter:
    """Which sightings a search asks for, `default` a page unless it says so."""
    confirmed = query.choice("confirmed", ("true", "false"))
    limit, offset = query.page(default, most)
    return PlateFilter(
        text=(query.text("plate_query") or "")[:64],
        match=query.choice("match", MATCHES) or "partial",
        area=area_of(query),
        video_id=params.video_id(query.text("video_id")),
        date_from=day(query.text("date_from"), "date_from"),
        date_to=day(query.text("date_to"), "date_to"),
        confirmed=None if confirmed is None else confirmed == "true",
        known=query.choice("known", KNOWN),
        sure=query.number("min_confidence", 0, 1),
        limit=limit,
        offset=offset,
    )


def area_of(query: Query) -> Area | None:
    """`near=LAT,LON` with `radius_m` (500), or `bbox=SOUTH,WEST,NORTH,EAST`, in degrees."""
    radius = query.number("radius_m", 1, 1_000_000) or 500.0
    near, box = query.text("near"), query.text("bbox")
    point = None if near is None else _degrees("near", near, (90, 180))
    sides = None if box is None else _degrees("bbox", box, (90, 180, 90, 180))  # also when `near` goes first
    if point is not None:
        return around(point[0], point[1], radius)
    return None if sides is None else Area(*sides)


def _degrees(name: str, text: str, most: tuple[int, ...]) -> list[float]:
    try:
        values = [float(part) for part in text.split(",")]
    except ValueError:
        values = []
    if len(values) != len(most) or not all(abs(v) <= m for v, m in zip(values, most, strict=True)):
        params.bad(name, f"must be {len(most)} numbers in degrees with commas between, got {text[:60]!r}")
    return values


@post("/clips/known", status_code=200)
async def known_clips(request: AnyRequest) -> Response[bytes]:
    """Which of these contents (`fingerprints`) are known already, with the clip's name."""
    query = params.nothing_asked(request)
    body = await params.object_body(request)
    asked = params.convert(body.get("fingerprints", []), list[str], "fingerprints")
    known = await of(request).library.known(asked[:_MOST_KNOWN])
    return answer(200, query.face.one({"known": known}), query.strangers)


def local_clock(start: str | None):  # type: ignore[no-untyped-def]
    """A function from seconds of a clip to its camera's local time; None when its start is not known."""
    try:
        begin = datetime.fromisoformat(start) if start else None
    except ValueError:
        begin = None

    def at(seconds: float) -> str | None:
        if begin is None:
            return None
        try:
            return (begin + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S")
        except OverflowError:
            return None

    return at


ROUTES = [list_videos, get_video, search_plates, known_clips]
