"""How plates are compared and looked for."""

from __future__ import annotations

import math
import sqlite3
from datetime import date, timedelta
from typing import Any

from server.catalogue import Area, PlateFilter
from server.folding import WILD, pattern
from server.folding import fold as fold
from server.folding import normal as normal
from server.similar import Similar as Similar
from server.sql import SQL
from stages.errors import BadInput

MATCHES = ("partial", "exact", "similar")
_METRES_PER_DEGREE = 111_320.0


def plates_query(
    connection: sqlite3.Connection, which: PlateFilter, similar: Similar
) -> tuple[str, dict[str, Any]] | None:
    """The statement for a search and its values; None when nothing can match."""
    found = plate_conditions(connection, which, similar)
    return None if found is None else (SQL["plates"].format(conditions=found[0]), found[1])


def plate_conditions(
    connection: sqlite3.Connection, which: PlateFilter, similar: Similar
) -> tuple[str, dict[str, Any]] | None:
    """What a search asks of sightings `s`, and its values; None when nothing can match."""
    values: dict[str, Any] = {"limit": which.limit, "offset": which.offset}
    conditions = ["1"]
    if which.text:
        found = _by_text(connection, which, similar, values)
        if found is None:
            return None
        conditions.append(found)
    for name, condition in (
        ("date_from", "s.timestamp >= :date_from"),
        ("date_to", "s.timestamp < :date_to"),
        ("confirmed", "s.confirmed = :confirmed"),
        ("video_id", "s.video_id = :video_id"),
    ):
        value = next_day(which.date_to) if name == "date_to" else getattr(which, name)
        if value is not None:
            values[name] = value
            conditions.append(condition)
    if which.area is not None:
        conditions.append(_in_area(which.area, values))
    return " AND ".join(conditions[1:] or conditions), values


def _by_text(
    connection: sqlite3.Connection, which: PlateFilter, similar: Similar, values: dict[str, Any]
) -> str | None:
    text = normal(which.text)
    if which.match == "similar":
        ids = similar.ids(connection, text) if text else []
        return f"s.plate_id IN ({','.join(map(str, ids))})" if ids else None  # numbers of our own
    if which.match == "exact":
        values["text"] = text
        return "s.plate_id = (SELECT plate_id FROM plate WHERE text = :text)"
    if any(wild in which.text for wild in WILD):
        values["glob"] = pattern(which.text)
        return "s.plate_id IN (SELECT plate_id FROM plate WHERE text GLOB :glob)"
    if not text:
        return None
    values["text"] = text
    if len(text) < 3:  # a trigram index cannot answer; there are few distinct plates
        return "s.plate_id IN (SELECT plate_id FROM plate WHERE instr(text, :text) > 0)"
    values["fragment"] = f'text : "{text}"'  # quoted: letters and digits, never a query language
    return "s.plate_id IN (SELECT rowid FROM plate_fts WHERE plate_fts MATCH :fragment)"


def _in_area(area: Area, values: dict[str, Any]) -> str:
    values |= {"south": area.south, "north": area.north, "west": area.west, "east": area.east}
    between = "s.lat BETWEEN :south AND :north AND "
    if area.west > area.east:
        return between + "(s.lon >= :west OR s.lon <= :east)"
    # The tree rounds to 32 bits and outwards: it narrows, the columns decide.
    near = (
        "SELECT sighting_id FROM sighting_place "
        "WHERE south <= :north AND north >= :south AND west <= :east AND east >= :west"
    )
    return f"s.sighting_id IN ({near}) AND {between}s.lon BETWEEN :west AND :east"


def around(lat: float, lon: float, metres: float) -> Area:
    """The box around a circle."""
    high = metres / _METRES_PER_DEGREE
    wide = high / max(math.cos(math.radians(min(abs(lat) + high, 89.9))), 1e-3)
    if wide >= 180:
        return Area(max(-90.0, lat - high), -180.0, min(90.0, lat + high), 180.0)
    west, east = lon - wide, lon + wide
    west, east = (west + 360 if west < -180 else west), (east - 360 if east > 180 else east)
    return Area(max(-90.0, lat - high), west, min(90.0, lat + high), east)


def day(text: str | None, name: str) -> str | None:
    """A date `YYYY-MM-DD` (a time after it is cut off), checked."""
    if text is None or text == "":
        return None
    try:
        return date.fromisoformat(text[:10]).isoformat()
    except ValueError:
        message = f"{name} must be a date like 2024-01-15, got {text[:40]!r}"
        raise BadInput(message, [(name, "not a date like 2024-01-15")]) from None


def next_day(text: str | None) -> str | None:
    """The day after, so that a range up to it includes the whole last day."""
    if text is None:
        return None
    try:
        return (date.fromisoformat(text) + timedelta(days=1)).isoformat()
    except OverflowError:
        return None
