"""Trips for people: lists, and one whole. Reads only (`catalogue.TripList`)."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

import msgspec

from server.catalogue import Trip, TripClip, TripEdit, TripFilter
from server.search import next_day
from server.sql import SQL
from server.sqlite import Database
from server.sqlite_trip_edits import edit_from
from server.sqlite_trips import camera_seconds
from server.trips import DRIVING, PARKED, TOLERANCE, Shot, covered, moments

#: Up to so many trips at once have their plates counted where a list is of clips.
_COUNTED = 10
_ONE = {"camera": None, "first": None, "last": None, "limit": 1, "offset": 0}


class SqliteTripList:
    """Reads on the reader threads."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def trips(self, which: TripFilter) -> list[Trip]:
        """Trips, newest first."""
        values = _values(which) | {"trip": None, "limit": which.limit, "offset": which.offset}
        return await self._database.read(lambda connection: _trips(connection, values))

    async def count_trips(self, which: TripFilter) -> int:
        """How many trips a listing has, on all its pages."""
        values = _values(which)
        return await self._database.read(lambda c: int(c.execute(SQL["count_trips"], values).fetchone()[0]))

    async def numbered(self, numbers: Sequence[int]) -> dict[int, Trip]:
        """Trips by the numbers that lists of clips give them; the plates of many are not counted (0)."""

        def read(connection: sqlite3.Connection) -> dict[int, Trip]:
            values = {"trips": msgspec.json.encode(numbers).decode()}
            heads = connection.execute(SQL["trips_numbered"], values).fetchall()
            counted = len(heads) <= _COUNTED
            return dict(zip([head[0] for head in heads], _whole(connection, heads, counted), strict=True))

        return await self._database.read(read)

    async def trip(self, trip_id: str) -> tuple[Trip, list[list[TripClip]], list[int]] | None:
        """A trip by the name of any of its clips; its moments with their clips; a person's edits of it."""

        def read(connection: sqlite3.Connection) -> tuple[Trip, list[list[TripClip]], list[int]] | None:
            row = connection.execute(SQL["trip_of_clip"], {"video_id": trip_id}).fetchone()
            if row is None:
                return None
            found = _trips(connection, _ONE | {"trip": row[0]})
            clips = {
                each[0]: TripClip(**dict(zip(TripClip.__struct_fields__, each, strict=True)))
                for each in connection.execute(SQL["clips_of_trip"], {"trip": row[0]})
            }
            shots = [Shot(*each[:6]) for each in connection.execute(SQL["shots_of_trip"], {"trip": row[0]})]
            groups = [[clips[shot.video_id] for shot in group] for group in moments(shots)]
            edits = [each[0] for each in connection.execute(SQL["edits_of_trip"], {"trip": row[0]})]
            return found[0], groups, edits

        return await self._database.read(read)

    async def trip_of(self, video_id: str) -> str | None:
        """The name of the trip that a clip is of."""
        row = await self._database.read(
            lambda c: c.execute(SQL["trip_of_clip"], {"video_id": video_id}).fetchone()
        )
        return None if row is None else str(row[2])

    async def companions(self, video_id: str) -> list[tuple[str, str]]:
        """The clips of other channels that began at the same moment, with their channels."""
        values = {"video_id": video_id, "tolerance": TOLERANCE}
        found = await self._database.read(lambda c: c.execute(SQL["trip_mates"], values).fetchall())
        nearest: dict[str, str] = {}
        for name, channel in found:
            nearest.setdefault(channel, name)
        return [(name, channel) for channel, name in nearest.items()]

    async def trip_edits(self, limit: int, offset: int) -> list[TripEdit]:
        """What people said of trips, newest first."""
        values = {"limit": limit, "offset": offset}
        return await self._database.read(
            lambda c: [edit_from(row) for row in c.execute(SQL["trip_edits"], values)]
        )

    async def count_trip_edits(self) -> int:
        """How many edits there are."""
        return await self._database.read(lambda c: int(c.execute(SQL["count_trip_edits"]).fetchone()[0]))


def _values(which: TripFilter) -> dict[str, Any]:
    return {
        "camera": which.camera,
        "first": camera_seconds(which.date_from),
        "last": camera_seconds(next_day(which.date_to)),
    }


def _trips(connection: sqlite3.Connection, values: dict[str, Any]) -> list[Trip]:
    return _whole(connection, connection.execute(SQL["trips"], values).fetchall())


def _whole(connection: sqlite3.Connection, heads: list[tuple[Any, ...]], counted: bool = True) -> list[Trip]:
    numbers = msgspec.json.encode([head[0] for head in heads]).decode()
    held: dict[int, list[tuple[Shot, float | None]]] = {head[0]: [] for head in heads}
    for row in connection.execute(SQL["shots_of_trips"], {"trips": numbers}):
        held[row[0]].append((Shot(*row[1:7]), row[7]))
    plates: dict[int, int] = {}
    if counted:
        plates = dict(connection.execute(SQL["plates_of_trips"], {"trips": numbers}).fetchall())
    return [_trip(head, held[head[0]], plates.get(head[0], 0)) for head in heads]


def _trip(head: tuple[Any, ...], shots: Sequence[tuple[Shot, float | None]], plates: int) -> Trip:
    _, first, camera, camera_name, starts, ends, start_utc, offset = head
    kinds = {shot.kind for shot, _ in shots}
    return Trip(
        trip_id=first,
        camera=camera,
        camera_name=camera_name,
        starts=starts,
        ends=ends,
        start_utc=start_utc,
        utc_offset_seconds=offset,
        mode="parking" if PARKED in kinds and DRIVING not in kinds else "driving",
        channels=sorted({shot.channel for shot, _ in shots if shot.channel}),
        clips=len(shots),
        metres=covered(shots),
        plates_found=plates,
    )
