"""The map over SQLite: routes as short lines, and what lies in a box, newest first, at a bounded cost.

Of a box in which little lies all is gathered by the R*Tree and sorted. Of one in which much lies the newest
are found by walking back from now. Where that finds too little (much lies there, and all of it is old), what
the tree gives first stands in; then the answer says that there is more.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

import msgspec

from server.catalogue import Area
from server.search import next_day
from server.simplify import flat, thinned
from server.sql import SQL
from stages.sighting import RoutePoint

#: Points of a route on the map of all routes; metres that do not matter there.
LINE_POINTS, _TOLERANCE = 40, 4.0
#: Routes and sightings in one answer.
MOST_LINES, MOST_SIGHTINGS = 300, 600
#: So many in a box are simply sorted; so many are walked over to find the newest.
_SORTED, _WALKED = 4000, 30_000
#: The map opens on what so many of the newest clips and sightings span.
_LATEST = 50
_BACKFILL = 200


class MapWish(msgspec.Struct, frozen=True, kw_only=True):
    """What a map shows: a box, and local days (inclusive)."""

    area: Area
    date_from: str | None = None
    date_to: str | None = None


class Line(msgspec.Struct, frozen=True):
    """A clip's route, short."""

    video_id: str
    start: str | None
    points: msgspec.Raw
    channel: str | None


class Dot(msgspec.Struct, frozen=True, array_like=True):
    """A sighting on the map; `name` is that of a known plate."""

    sighting_id: int
    plate: str
    lat: float
    lon: float
    timestamp: str | None
    video_id: str
    seconds: float | None
    confirmed: bool
    crop: str | None
    name: str | None = None


class Shown(msgspec.Struct, frozen=True):
    """What lies in a box; `more_*`: not all of it."""

    routes: list[Line]
    more_routes: bool
    sightings: list[Dot]
    more_sightings: bool


def put_line(connection: sqlite3.Connection, video_id: str, points: Sequence[RoutePoint]) -> None:
    """Keep the line of a clip's route in the place of an earlier one."""
    connection.execute(SQL["drop_line"], {"video_id": video_id})
    if points:
        connection.execute(SQL["put_line"], {"video_id": video_id, **line_of(points)})


def line_of(points: Sequence[RoutePoint]) -> dict[str, Any]:
    """A route's box, and its line as JSON: `[[lat, lon], ...]`."""
    middle = points[0].lat
    shape = [flat(point.lat, point.lon, middle) for point in points]
    chosen = [points[i] for i in thinned(shape, LINE_POINTS, _TOLERANCE)]
    lats, lons = [point.lat for point in chosen], [point.lon for point in chosen]
    line = [[round(point.lat, 5), round(point.lon, 5)] for point in chosen]
    return {
        "south": min(lats),
        "north": max(lats),
        "west": min(lons),
        "east": max(lons),
        "points": msgspec.json.encode(line).decode(),
    }


def unlined(connection: sqlite3.Connection, after: str) -> list[tuple[str, dict[str, Any]]]:
    """Some clips whose route has no line yet, with it: from before there was a map."""
    found = connection.execute(SQL["unlined_routes"], {"after": after, "limit": _BACKFILL}).fetchall()
    return [(name, line_of(msgspec.json.decode(text, type=list[RoutePoint]))) for name, text in found]


def put_lines(connection: sqlite3.Connection, lines: list[tuple[str, dict[str, Any]]]) -> None:
    """Keep these, of clips that have none meanwhile."""
    for video_id, line in lines:
        connection.execute(SQL["drop_line"], {"video_id": video_id})
        connection.execute(SQL["put_line"], {"video_id": video_id, **line})


def read_map(connection: sqlite3.Connection, wish: MapWish) -> Shown:
    """What lies in a box, newest first."""
    values = {
        **{name: getattr(wish.area, name) for name in ("south", "north", "west", "east")},
        "date_from": wish.date_from,
        "until": next_day(wish.date_to),
    }
    lines, more_lines = _numbers(connection, "lines", values, MOST_LINES)
    dots, more_dots = _numbers(connection, "sightings", values, MOST_SIGHTINGS)
    routes = [
        Line(name, start, msgspec.Raw(points.encode()), channel)
        for name, start, points, channel in connection.execute(SQL["lines_of"], {"numbers": _json(lines)})
    ]
    found = connection.execute(SQL["sightings_on_map"], values | {"numbers": _json(dots)})
    sightings = [msgspec.convert(row, Dot, strict=False) for row in found]
    return Shown(routes, more_lines, sightings, more_dots)


def _numbers(
    connection: sqlite3.Connection, what: str, values: dict[str, Any], most: int
) -> tuple[list[int], bool]:
    """The newest of what lies in a box, and whether there is more."""
    values = values | {"limit": most + 1, "gathered": _SORTED, "walked": _WALKED}

    def ask(name: str) -> list[int]:
        return [row[0] for row in connection.execute(SQL[name].format(dates=dates), values)]

    column = "start_local" if what == "lines" else "timestamp"
    signs = (("date_from", ">="), ("until", "<"))
    dates = "".join(f" AND {column} {sign} :{name}" for name, sign in signs if values[name] is not None)
    near = connection.execute(SQL[f"{what}_near"], values | {"limit": _SORTED + 1}).fetchone()[0]
    if near <= _SORTED:
        found = ask(f"{what}_gathered")
        return found[:most], len(found) > most
    found = ask(f"{what}_walked_over")
    if len(found) > most or ask(f"{what}_dated")[0] < _WALKED:
        return found[:most], len(found) > most
    return list(dict.fromkeys([*found, *ask(f"{what}_gathered")]))[:most], True


def extent(connection: sqlite3.Connection) -> list[float] | None:
    """South, west, north, east of the newest routes and sightings; None when nothing has a place."""
    boxes = [
        connection.execute(SQL[name], {"limit": _LATEST}).fetchone()
        for name in ("extent", "extent_of_sightings")
    ]
    known = [box for box in boxes if box[0] is not None]
    if not known:
        return None
    south, west, north, east = zip(*known, strict=True)
    return [min(south), min(west), max(north), max(east)]


def _json(numbers: list[int]) -> str:
    return msgspec.json.encode(numbers).decode()
