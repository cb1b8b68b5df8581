"""`/map`: every route and sighting, by box and date."""

from __future__ import annotations

from typing import Any

from litestar import Response, get

from server import views
from server.catalogue import Area
from server.mapping import map_face
from server.pages import data, page
from server.params import AnyRequest, Query
from server.routes.webui import area_of
from server.search import day
from server.services import of
from server.sqlite_map import Dot, Line, MapWish, extent, read_map
from stages.errors import BadInput

_WORLD = Area(-90, -180, 90, 180)


@get("/map")
async def the_map(request: AnyRequest) -> Response[bytes]:
    """The page; its script asks for what lies in the box that is shown."""
    services, query = of(request), Query(request)
    trouble, asked = "", {name: query.text(name) or "" for name in ("date_from", "date_to", "bbox")}
    try:
        wish = _wish(query)
    except BadInput as error:
        trouble, wish = str(error), None
        asked = dict.fromkeys(asked, "")
    box = _sides(wish.area) if wish and asked["bbox"] else await services.database.read(extent)
    face = map_face(services.settings)
    return page(
        request, "map.html", images=face.images, asked=asked, trouble=trouble, extent=box or [], face=face
    )


@get("/data/map")
async def map_data(request: AnyRequest) -> Response[bytes]:
    """The newest routes and sightings in a box (`bbox`) and on local days (`date_from`, `date_to`)."""
    wish = _wish(Query(request))
    found = await of(request).database.read(lambda connection: read_map(connection, wish))
    shown = {
        "routes": [_line(each) for each in found.routes],
        "more_routes": found.more_routes,
        "sightings": [_dot(each) for each in found.sightings],
        "more_sightings": found.more_sightings,
    }
    return data(request, shown)


def _line(each: Line) -> dict[str, Any]:
    return {"video_id": each.video_id, "start": each.start, "channel": each.channel, "line": each.points}


def _dot(each: Dot) -> dict[str, Any]:
    return {
        "plate": each.plate,
        "name": each.name,
        "at": [each.lat, each.lon],
        "time": each.timestamp,
        "video_id": each.video_id,
        "seconds": each.seconds,
        "confirmed": each.confirmed,
        "crop": views.crop_url(each.crop),
    }


def _wish(query: Query) -> MapWish:
    """What is asked for; without a box the world. A box over the date line is as wide as the world."""
    area = area_of(query) or _WORLD
    south, north = sorted((area.south, area.north))
    west, east = (area.west, area.east) if area.west <= area.east else (-180.0, 180.0)
    return MapWish(
        area=Area(south, west, north, east),
        date_from=day(query.text("date_from"), "date_from"),
        date_to=day(query.text("date_to"), "date_to"),
    )


def _sides(area: Area) -> list[float]:
    return [area.south, area.west, area.north, area.east]


ROUTES = [the_map, map_data]
