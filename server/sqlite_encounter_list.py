"""Encounters for people: a page of them, by the filters of plate search. Reads only."""

from __future__ import annotations

import sqlite3
from typing import Any

import msgspec

from server.catalogue import Meeting, Met, PlateFilter
from server.plate_index import PlateIndex, one_state
from server.search import next_day, plate_conditions
from server.sql import SQL
from server.sqlite import Database
from server.sqlite_encounters import seconds_of

#: Sightings that are listed of one encounter; all of them are counted.
MOST_SIGHTINGS = 200


class SqliteEncounterList:
    """Reads on the reader threads."""

    def __init__(self, database: Database, index: PlateIndex) -> None:
        self._database = database
        self._index = index

    async def encounters(self, which: PlateFilter) -> list[Meeting]:
        """Encounters with a sighting that a search finds, newest first."""
        return await self._database.read(lambda c: read_encounters(c, which, self._index))

    async def count_encounters(self, which: PlateFilter) -> int:
        """How many there are, on all pages."""
        return await self._database.read(lambda c: _count(c, which, self._index))


def read_encounters(connection: sqlite3.Connection, which: PlateFilter, index: PlateIndex) -> list[Meeting]:
    """Encounters that a search finds, newest first."""
    with one_state(connection):
        query = _query(connection, which, index)
        return [] if query is None else _meetings(connection, connection.execute(*query).fetchall())


def _meetings(connection: sqlite3.Connection, heads: list[Any]) -> list[Meeting]:
    numbers = {"encounters": msgspec.json.encode([head[0] for head in heads]).decode()}
    clips = dict(connection.execute(SQL["encounter_counts"], numbers).fetchall())
    channels: dict[int, list[str]] = {}
    for number, channel in connection.execute(SQL["encounter_channels"], numbers):
        if isinstance(channel, str) and channel:
            channels.setdefault(number, []).append(channel)
    out = []
    for number, plate, begins, ends, count, best in heads:
        values = {"encounter_id": number, "limit": MOST_SIGHTINGS}
        met = _met(connection, "encounter_sightings", values)
        surest = next((each for each in met if each.sighting_id == best), None)
        out.append(
            Meeting(
                plate=plate,
                begins=begins,
                ends=ends,
                count=count,
                clips=clips.get(number, 0),
                channels=sorted(channels.get(number, [])),
                best=surest or _met(connection, "encounter_sighting", {"sighting_id": best})[0],
                met=met,
            )
        )
    return out


def _met(connection: sqlite3.Connection, name: str, values: dict[str, Any]) -> list[Met]:
    cursor = connection.execute(SQL[name], values)
    names = [column[0] for column in cursor.description]
    rows = (dict(zip(names, row, strict=True)) for row in cursor.fetchall())
    return [
        msgspec.convert({k: v for k, v in row.items() if k != "encounter_id"}, Met, strict=False)
        for row in rows
    ]


def _count(connection: sqlite3.Connection, which: PlateFilter, index: PlateIndex) -> int:
    with one_state(connection):
        query = _query(connection, msgspec.structs.replace(which, limit=-1, offset=0), index)
        if query is None:
            return 0
        counted = f"SELECT count(*) FROM ({query[0]})"  # noqa: S608  # our own statement
        return int(connection.execute(counted, query[1]).fetchone()[0])


def _query(
    connection: sqlite3.Connection, which: PlateFilter, index: PlateIndex
) -> tuple[str, dict[str, Any]] | None:
    """The statement and its values; None when nothing can match."""
    dateless = msgspec.structs.replace(which, date_from=None, date_to=None)
    found = plate_conditions(connection, dateless, index)
    if found is None:
        return None
    conditions, values = found
    bounds = _days(which, values)
    if conditions == "1":
        met = "1"
    elif which.text or which.area or which.video_id:
        # Few sightings: find them, then what they are of.
        met = (
            "e.encounter_id IN (SELECT m.encounter_id FROM sighting s CROSS JOIN met m USING (sighting_id) "  # noqa: S608
            f"WHERE {conditions})"  # our own words; what people give is in the values
        )
    else:
        # Most sightings: look at encounters from the newest on until the page is full.
        met = (
            "EXISTS (SELECT 1 FROM met m JOIN sighting s USING (sighting_id) "  # noqa: S608
            f"WHERE m.encounter_id = e.encounter_id AND {conditions})"
        )
    return SQL["encounters"].format(conditions=" AND ".join([*bounds, met])), values


def _days(which: PlateFilter, values: dict[str, Any]) -> list[str]:
    """The days asked for: an encounter counts for each day that it lasts, by its cameras' clocks."""
    bounds = []
    since, until = seconds_of(which.date_from), seconds_of(next_day(which.date_to))
    if since is not None:
        values["since"] = since
        bounds.append("e.local_ends >= :since")
    if until is not None:
        values["until"] = until
        bounds.append("e.local_begins < :until")
    return bounds
