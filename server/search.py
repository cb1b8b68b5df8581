"""How plates are compared and looked for."""

from __future__ import annotations

import math
import sqlite3
from datetime import date, timedelta
from typing import Any

import msgspec

from server.catalogue import Area, PlateFilter
from server.folding import fold as fold
from server.folding import normal as normal
from server.plate_bits import Plates
from server.plate_index import PlateIndex as PlateIndex
from server.sql import SQL
from stages.errors import BadInput

MATCHES = ("partial", "exact", "similar")
KNOWN = ("hide", "only")
_METRES_PER_DEGREE = 111_320.0
#: Sightings that are each looked at rather than everything in an area, or in a clip.
RARE = 2000
#: Other readings whose sightings are all looked up, rather than those of each sighting in turn.
FEW = 10_000


def plate_conditions(
    connection: sqlite3.Connection, which: PlateFilter, index: PlateIndex, *, tree: bool = True
) -> tuple[str, dict[str, Any]] | None:
    """What a search asks of sightings `s`, and its values; None when nothing can match. `tree`: boxes are
    looked up in the tree of places.
    """
    values: dict[str, Any] = {"limit": which.limit, "offset": which.offset}
    conditions = ["1"]
    rare = False
    if which.text:
        plates, texts = fitting(connection, which, index)
        if not plates.parts and not texts.parts:
            return None
        # What is looked up first is ours to say: SQLite cannot tell how many plates these are.
        rare = texts.count() <= FEW and _rare(connection, plates)
        looked_up = rare or (which.area is None and which.video_id is None)
        if looked_up:
            values["plates"] = _json(plates)
            fits = "s.plate_id IN (SELECT value FROM json_each(:plates))"
        else:
            values["flags"] = plates.flags
            fits = "substr(:flags, s.plate_id + 1, 1) = x'31'"
        conditions.append(f"({fits} OR {_nearly(texts, values)})" if texts.parts else fits)
    for name, condition in (
        ("date_from", "s.timestamp >= :date_from"),
        ("date_to", "s.timestamp < :date_to"),
        ("confirmed", "s.confirmed = :confirmed"),
        ("sure", "s.confidence >= :sure"),
        ("video_id", "s.video_id = :video_id"),
    ):
        value = next_day(which.date_to) if name == "date_to" else getattr(which, name)
        if value is not None:
            values[name] = value
            conditions.append(condition)
    if which.area is not None:
        conditions.append(_in_area(which.area, values, tree=tree and not rare))
    if which.known is not None:
        conditions.append(by_name(which.known))
    return " AND ".join(conditions[1:] or conditions), values


def fitting(connection: sqlite3.Connection, which: PlateFilter, index: PlateIndex) -> tuple[Plates, Plates]:
    """The plates that a search means, and the other readings: none where it does not ask for them."""
    plates = index.fitting(connection, which.text, which.match)
    if not which.candidates:
        return plates, Plates([])
    return plates, index.runners_up.fitting(connection, which.text, which.match)


def _nearly(texts: Plates, values: dict[str, Any]) -> str:
    """The condition that a sighting was nearly read as one of these texts."""
    if texts.count() <= FEW:
        values["texts"] = _json(texts)
        return (
            "s.sighting_id IN (SELECT r.sighting_id FROM runner_up r "
            "WHERE r.text_id IN (SELECT value FROM json_each(:texts)))"
        )
    values["text_flags"] = texts.flags
    return (
        "EXISTS (SELECT 1 FROM runner_up r "
        "WHERE r.sighting_id = s.sighting_id AND substr(:text_flags, r.text_id + 1, 1) = x'31')"
    )


def _rare(connection: sqlite3.Connection, plates: Plates) -> bool:
    """Whether plates have so few sightings that each of them is looked at."""
    if plates.count() > RARE:
        return False
    counting = SQL["count_sightings_of_plates"].format(dates="")
    found = connection.execute(counting, {"plates": _json(plates), "most": RARE}).fetchone()
    return int(found[0]) < RARE


def _json(plates: Plates) -> str:
    return msgspec.json.encode(plates.numbers).decode()


def _in_area(area: Area, values: dict[str, Any], *, tree: bool) -> str:
    values |= {"south": area.south, "north": area.north, "west": area.west, "east": area.east}
    between = "s.lat BETWEEN :south AND :north AND "
    if area.west > area.east:
        return between + "(s.lon >= :west OR s.lon <= :east)"
    if not tree:
        return f"{between}s.lon BETWEEN :west AND :east"
    # The tree rounds to 32 bits and outwards: it narrows, the columns decide.
    near = (
        "SELECT sighting_id FROM sighting_place "
        "WHERE south <= :north AND north >= :south AND west <= :east AND east >= :west"
    )
    return f"s.sighting_id IN ({near}) AND {between}s.lon BETWEEN :west AND :east"


def by_name(known: str) -> str:
    """The condition that hides plates with a name ("hide"), or shows them "only". They are few."""
    named = "SELECT plate_id FROM plate WHERE text IN (SELECT plate FROM known_plate)"
    return f"s.plate_id {'NOT ' if known == 'hide' else ''}IN ({named})"


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
