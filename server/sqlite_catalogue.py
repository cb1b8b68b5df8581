"""`catalogue.py` over SQLite: writing inside the queue's transactions, reading on the reader threads."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import Any

import msgspec

from server.area_page import area_page
from server.catalogue import Found, Learned, PlateFilter, Seen, TripEdit, Video, VideoFilter
from server.near_page import near_page
from server.plate_index import PlateIndex, one_state
from server.plate_page import page
from server.search import fitting, fold, next_day, normal, plate_conditions
from server.sql import SQL
from server.sqlite import Database
from server.sqlite_corrections import SqliteCorrections
from server.sqlite_encounters import SqliteEncounters
from server.sqlite_map import put_line
from server.sqlite_runners_up import keep
from server.sqlite_said import put_clip
from server.sqlite_trip_edits import SqliteTripEdits
from server.sqlite_watches import SqliteWatches
from server.trips import length
from stages.errors import Unavailable
from stages.sighting import RoutePoint
from stages.task import FileRef


class SqliteCatalogue:
    """The writing half (`catalogue.Catalogue`)."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def expect(self, video_id: str, now: int, fingerprint: str | None = None) -> None:
        """A task names this clip."""
        values = {"video_id": video_id, "now": now, "fingerprint": fingerprint}
        self._connection.execute(SQL["expect_clip"], values)

    def files(self, video_id: str) -> list[tuple[str, FileRef]]:
        """The known files of a clip, raw clip first."""
        found = self._connection.execute(SQL["files_of"], {"video_id": video_id})
        return [(task_type, msgspec.json.decode(ref, type=FileRef)) for task_type, ref in found.fetchall()]

    def learn(self, video_id: str, task_type: str, learned: Learned, now: int) -> None:
        """Take in what a completed task said."""
        if learned.outputs:
            self._put_files(video_id, task_type, learned.outputs)
        if learned.route is not None:
            points = msgspec.json.encode(learned.route).decode()
            metres = length(learned.route) if learned.route else None
            self._run("put_route", video_id=video_id, dialect=learned.dialect, points=points, metres=metres)
            put_line(self._connection, video_id, learned.route)
        if learned.sightings is not None:
            self._put_sightings(video_id, learned.sightings)
        put_clip(self._connection, video_id, task_type, learned, now)
        if learned.sightings is not None or learned.facts is not None:
            SqliteEncounters(self._connection).renew()
        if learned.sightings:
            SqliteWatches(self._connection).look_at(video_id, now)

    def merge_trips(self, trip_ids: list[str], now: int) -> TripEdit:
        """Make trips of one camera one."""
        return SqliteTripEdits(self._connection).merge(trip_ids, now)

    def split_trip(self, trip_id: str, video_id: str, now: int) -> TripEdit:
        """Let another trip begin with a clip."""
        return SqliteTripEdits(self._connection).split(trip_id, video_id, now)

    def undo_trip_edit(self, edit_id: int, now: int) -> TripEdit:
        """Take a merge or a split back."""
        return SqliteTripEdits(self._connection).undo(edit_id, now)

    def _run(self, name: str, **values: Any) -> sqlite3.Cursor:
        return self._connection.execute(SQL[name], values)

    def _put_files(self, video_id: str, task_type: str, outputs: list[dict[str, Any]]) -> None:
        self._run("drop_files", video_id=video_id, task_type=task_type)
        for ref in outputs:
            text = msgspec.json.encode(ref).decode()
            self._run(
                "put_file",
                video_id=video_id,
                task_type=task_type,
                device=ref["device"],
                path=ref["path"],
                ref=text,
            )

    def _put_sightings(self, video_id: str, sightings: list[Seen]) -> None:
        corrections = SqliteCorrections(self._connection)
        corrections.forget(video_id)
        self._run("drop_sightings", video_id=video_id)
        for seen in sightings:
            values = msgspec.structs.asdict(seen)
            plate = normal(values.pop("plate"))
            made = self._run("insert_sighting", video_id=video_id, plate_id=self._plate(plate), **values)
            keep(self._connection, int(made.fetchall()[0][0]), seen.candidates)
        corrections.apply(video_id)

    def _plate(self, text: str) -> int:
        found = self._run("plate_by_text", text=text).fetchone()
        if found is None:
            found = self._run("insert_plate", text=text, folded=fold(text)).fetchall()[0]
        return int(found[0])


class SqliteLibrary:
    """The reading half (`catalogue.Library`)."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.index = PlateIndex()

    async def videos(self, which: VideoFilter) -> list[Video]:
        """Clips, newest first."""
        return await self._videos(**_video_values(which))

    async def count_videos(self, which: VideoFilter) -> int:
        """How many clips a listing has, on all its pages."""
        everything = _video_values(which) | {"limit": -1, "offset": 0}
        counted = f"SELECT count(*) FROM ({SQL['videos']})"  # noqa: S608  # our own statement
        return await self._database.read(lambda c: int(c.execute(counted, everything).fetchone()[0]))

    async def video(self, video_id: str) -> Video | None:
        """A clip by its name."""
        anything = {"all": True, "status": None, "date_from": None, "date_to": None, "limit": 1, "offset": 0}
        found = await self._videos(video_id=video_id, **anything)
        return found[0] if found else None

    async def _videos(self, **values: Any) -> list[Video]:
        def read(connection: sqlite3.Connection) -> list[Video]:
            cursor = connection.execute(SQL["videos"], values)
            names = [column[0] for column in cursor.description]
            return [
                msgspec.convert(dict(zip(names, row, strict=True)), Video, strict=False) for row in cursor
            ]

        return await self._database.read(read)

    async def facts(self, video_id: str) -> dict[str, Any]:
        """All that is known of a clip."""
        row = await self._one("facts_of", video_id=video_id)
        return dict(msgspec.json.decode(row[0])) if row else {}

    async def route(self, video_id: str) -> list[RoutePoint]:
        """The clip's GPS fixes."""
        row = await self._one("route_of", video_id=video_id)
        return msgspec.json.decode(row[0], type=list[RoutePoint]) if row else []

    async def dialect(self, video_id: str) -> str | None:
        """Which layout or file the clip's route came from."""
        row = await self._one("dialect_of", video_id=video_id)
        return row[0] if row else None

    async def files(self, video_id: str) -> list[tuple[str, FileRef]]:
        """The known files of a clip, raw clip first."""
        return await self._database.read(lambda connection: SqliteCatalogue(connection).files(video_id))

    async def sightings(self, video_id: str) -> list[Found]:
        """The plates of a clip in order of time."""
        return await self._database.read(lambda c: found(c, SQL["sightings_of"], {"video_id": video_id}))

    async def plates(self, which: PlateFilter) -> list[Found]:
        """Sightings whose plate holds a fragment, newest first."""
        return await self._database.read(lambda connection: read_plates(connection, which, self.index))

    async def read_index(self) -> None:
        """Read the distinct plates, so that no search waits for it. If that fails, the next search tries."""
        with contextlib.suppress(Unavailable):
            await self._database.read(self.index.load)
            await self._database.read(self.index.runners_up.load)

    async def count_plates(self, which: PlateFilter) -> int:
        """How many sightings a search finds, on all its pages."""
        everything = msgspec.structs.replace(which, limit=-1, offset=0)
        return await self._database.read(lambda connection: count_plates(connection, everything, self.index))

    async def known(self, fingerprints: list[str]) -> dict[str, str]:
        """Which of these contents are known."""

        def read(connection: sqlite3.Connection) -> dict[str, str]:
            found = {}
            for fingerprint in fingerprints:
                row = connection.execute(SQL["known_fingerprint"], {"fingerprint": fingerprint}).fetchone()
                if row:
                    found[fingerprint] = row[0]
            return found

        return await self._database.read(read)

    async def pictured(self, digest: str) -> bool:
        """Whether a picture belongs to something in the catalogue."""
        return await self._one("picture_of", hash=digest) is not None

    async def _one(self, name: str, **values: Any) -> Any:
        return await self._database.read(lambda c: c.execute(SQL[name], values).fetchone())


def read_plates(connection: sqlite3.Connection, which: PlateFilter, index: PlateIndex) -> list[Found]:
    """Sightings that a search finds, newest first."""
    with one_state(connection):
        if which.text and which.area is None and which.video_id is None and which.limit >= 0:
            plates, texts = fitting(connection, which, index)
            if texts.parts:
                numbers = near_page(connection, which, plates, texts)
            else:
                numbers = page(connection, which, plates)
            listed = f"s.sighting_id IN ({','.join(map(str, numbers))})"  # numbers of our own
            return found(connection, SQL["plates"].format(conditions=listed), {"limit": -1, "offset": 0})
        if (near := area_page(connection, which, index)) is not None:
            listed = f"s.sighting_id IN ({','.join(map(str, near))})"
            return found(connection, SQL["plates"].format(conditions=listed), {"limit": -1, "offset": 0})
        asked = plate_conditions(connection, which, index)
        return [] if asked is None else found(connection, SQL["plates"].format(conditions=asked[0]), asked[1])


def count_plates(connection: sqlite3.Connection, which: PlateFilter, index: PlateIndex) -> int:
    """How many sightings a search finds."""
    with one_state(connection):
        asked = plate_conditions(connection, which, index)
        if asked is None:
            return 0
        counted = SQL["count_sightings"].format(conditions=asked[0])
        return int(connection.execute(counted, asked[1]).fetchone()[0])


def _video_values(which: VideoFilter) -> dict[str, Any]:
    return {
        "video_id": None,
        "all": which.status is not None,
        "status": None if which.status == "all" else which.status,
        "date_from": which.date_from,
        "date_to": next_day(which.date_to),
        "limit": which.limit,
        "offset": which.offset,
    }


def found(connection: sqlite3.Connection, statement: str, values: dict[str, Any]) -> list[Found]:
    """Sightings that a statement of ours selects."""
    cursor = connection.execute(statement, values)
    names = [column[0] for column in cursor.description]
    others = set(names) - set(Found.__struct_fields__)
    made = []
    for row in cursor.fetchall():
        fields = dict(zip(names, row, strict=True))
        for name in others:
            del fields[name]
        fields["confirmed"], fields["archived"] = bool(fields["confirmed"]), bool(fields["archived"])
        made.append(Found(**fields))
    return made
