"""What may be removed and what was: protected clips, files that `dashcam prune` asks about, unmarked plates.

The server decides nothing about files and touches none; it says what is in the way, and forgets what is gone.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from server.media import Media
from server.queue import MICRO
from server.sql import SQL
from server.sqlite import Database
from server.sqlite_encounters import SqliteEncounters
from server.sqlite_known import rows
from stages.errors import NotFound
from stages.task import TaskType

#: The class of what each stage leaves.
KINDS = {
    TaskType.INGEST_VIDEO: "raw",
    TaskType.PREPROCESS_VIDEO: "preproc",
    TaskType.HEAVY_PROCESS_VIDEO: "heavy",
    TaskType.ARCHIVE_VIDEO: "archive",
}
TYPES = {kind: task_type for task_type, kind in KINDS.items()}
HOWS = ("removed", "gone")
_BATCH = 1000
_DAY = 86_400 * MICRO
Text = Annotated[str, Meta(max_length=4096)]
Name = Annotated[str, Meta(min_length=1, max_length=255)]


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """A catalogued file. `spared`: locked by the camera, or an event. `busy`: the task that is in the way."""

    number: int
    video_id: str
    task_type: str
    device: str
    path: str
    filename: str | None
    start_utc: str | None
    created_at: int
    spared: bool
    protected: bool
    archived: bool
    archive_device: str | None
    archive_path: str | None
    busy: str | None


class Gone(msgspec.Struct, frozen=True, kw_only=True):
    """A file or folder that is no longer there. `paths`: its rows in the catalogue; `path`: what was removed.

    `how`: `removed` (by a rule) or `gone` (somebody else did it).
    """

    video_id: Name
    kind: Name
    device: Name
    path: Text
    paths: Annotated[list[Text], Meta(max_length=100)] = []
    size_bytes: Annotated[int, Meta(ge=0, le=1 << 53)] = 0
    reason: Annotated[str, Meta(max_length=500)] = ""
    how: str = "removed"


class Removal(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the deletion log. `video_id` None: it was about no single clip."""

    removal_id: int
    removed_at: int
    video_id: str | None
    kind: str
    device: str
    path: str
    size_bytes: int
    reason: str
    how: str
    host: str


class Forgotten(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the plates that nobody marked."""

    sightings: int
    plates: int
    days: float


class Retention:
    """One per server. The clock is a parameter, so that tests need not wait."""

    def __init__(self, database: Database, media: Media, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._media = media
        self._clock = clock

    def _now(self) -> int:
        return int(self._clock() * MICRO)

    # -- protection ----------------------------------------------------------------------------

    async def protect(self, video_id: str, on: bool) -> int | None:
        """Protect a clip, or no longer; since when it is. Raises `NotFound`."""
        now = self._now()

        def change(connection: sqlite3.Connection) -> int | None:
            values = {"video_id": video_id}
            if connection.execute(SQL["knows_clip"], values).fetchone() is None:
                raise NotFound(f"Video {video_id[:128]} not found")
            if on:
                connection.execute(SQL["protect"], values | {"now": now})
            else:
                connection.execute(SQL["unprotect"], values)
            return _since(connection, video_id)

        return await self._database.awrite(change)

    async def protected(self, video_id: str) -> int | None:
        """Since when a clip is protected; None when it is not."""
        return await self._database.read(lambda connection: _since(connection, video_id))

    # -- files ---------------------------------------------------------------------------------

    async def held(
        self, places: list[str], kinds: list[str], videos: list[str], after: int, limit: int
    ) -> list[Held]:
        """Files in these places, of these classes and clips (none = of all), by number, above `after`."""
        values = {
            "places": _json(places),
            "task_types": _json([TYPES[kind] for kind in kinds]),
            "videos": _json(videos) if videos else None,
            "after": after,
            "limit": limit,
        }

        def read(connection: sqlite3.Connection) -> list[Held]:
            found: list[dict[str, Any]] = rows(connection.execute(SQL["held_files"], values), dict)
            return [msgspec.convert(each, Held, strict=False) for each in found]

        return await self._database.read(read)

    async def removed(self, files: list[Gone], host: str) -> int:
        """Forget files that are no longer there, and log it; how many were known. A repeat does nothing."""
        now = self._now()
        return await self._database.awrite(
            lambda connection: sum(_forget(connection, each, host, now) for each in files)
        )

    async def removals(self, video_id: str | None, limit: int, offset: int) -> list[Removal]:
        """The deletion log, newest first."""
        values = {"video_id": video_id, "limit": limit, "offset": offset}
        return await self._database.read(lambda c: rows(c.execute(SQL["removals"], values), Removal))

    async def count_removals(self, video_id: str | None) -> int:
        """How many rows the log has."""
        values = {"video_id": video_id}
        return await self._database.read(
            lambda c: int(c.execute(SQL["count_removals"], values).fetchone()[0])
        )

    # -- plates --------------------------------------------------------------------------------

    async def forget_plates(self, days: float, *, spared: bool, dry_run: bool, host: str) -> Forgotten:
        """Forget sightings that are older than `days` and of plates that nobody named, watches or corrected.

        Those of protected clips stay; those of locked and event clips too, unless `spared`.
        """
        which = self._unmarked(days, spared)
        if dry_run:
            return await self._database.read(lambda connection: _counted(connection, which, days))
        sightings, plates, gone = 0, set[int](), _BATCH
        while gone == _BATCH:
            gone, seen = await self._database.awrite(lambda connection: _drop(connection, which))
            sightings, plates = sightings + gone, plates | seen
        if sightings:
            reason = f"{sightings} sightings, more than {days:g} days old, of plates that nobody marked"
            await self._database.awrite(lambda c: _note_plates(c, reason, host, self._now()))
        await self._drop_pictures()
        return Forgotten(sightings=sightings, plates=len(plates), days=days)

    def _unmarked(self, days: float, spared: bool) -> dict[str, Any]:
        now = self._now()
        before = max(0, now - int(days * _DAY))
        return {
            "before": before,
            "before_text": _text(before),
            "now_text": _text(now),
            "spared": spared,
            "limit": _BATCH,
        }

    async def _drop_pictures(self) -> None:
        """Remove the crops that nothing names any more; what cannot go now is tried again the next time."""
        found = await self._database.read(lambda connection: _dropped(connection, ""))
        while found:
            await asyncio.to_thread(self._drop_unnamed, found)
            last = found[-1][0]
            found = await self._database.read(lambda connection: _dropped(connection, last))  # noqa: B023

    def _drop_unnamed(self, found: list[tuple[str, int]]) -> None:
        done = [digest for digest, named in found if named or self._media.drop(digest)]
        self._database.write(lambda connection: _forget_dropped(connection, done)).result()


def _since(connection: sqlite3.Connection, video_id: str) -> int | None:
    found = connection.execute(SQL["protected_since"], {"video_id": video_id}).fetchone()
    return None if found is None else int(found[0])


def _forget(connection: sqlite3.Connection, gone: Gone, host: str, now: int) -> int:
    key = {"video_id": gone.video_id, "task_type": TYPES[gone.kind], "device": gone.device}
    known = [connection.execute(SQL["drop_file"], key | {"path": path}).fetchall() for path in gone.paths]
    if not any(known):
        return 0
    if TYPES[gone.kind] == TaskType.ARCHIVE_VIDEO:
        connection.execute(SQL["no_archive"], {"video_id": gone.video_id})
    values = msgspec.structs.asdict(gone) | {"now": now, "host": host}
    del values["paths"]
    connection.execute(SQL["note_removal"], values)
    return 1


def _counted(connection: sqlite3.Connection, which: dict[str, Any], days: float) -> Forgotten:
    statement = f"SELECT count(*), count(DISTINCT plate_id) FROM ({SQL['unmarked_sightings']})"  # noqa: S608  # our own
    sightings, plates = connection.execute(statement, which | {"limit": -1}).fetchone()
    return Forgotten(sightings=sightings, plates=plates, days=days)


def _drop(connection: sqlite3.Connection, which: dict[str, Any]) -> tuple[int, set[int]]:
    """Drop some sightings, the plates that were seen only there, and remember their pictures."""
    found = connection.execute(SQL["unmarked_sightings"], which).fetchall()
    for sighting_id, _, crop in found:
        connection.execute(SQL["drop_sighting"], {"sighting_id": sighting_id})
        if crop is not None:
            connection.execute(SQL["drop_picture"], {"hash": crop})
    SqliteEncounters(connection).renew()
    plates = {plate_id for _, plate_id, _ in found}
    for plate_id in plates:
        connection.execute(SQL["drop_unseen_plate"], {"plate_id": plate_id})
    return len(found), plates


def _note_plates(connection: sqlite3.Connection, reason: str, host: str, now: int) -> None:
    """The log says how many, never which: else they would not be gone."""
    values = {"video_id": None, "kind": "plates", "device": "", "path": "", "size_bytes": 0}
    more = {"now": now, "reason": reason, "how": "removed", "host": host}
    connection.execute(SQL["note_removal"], values | more)


def _dropped(connection: sqlite3.Connection, after: str) -> list[tuple[str, int]]:
    return connection.execute(SQL["dropped_pictures"], {"after": after, "limit": _BATCH}).fetchall()


def _forget_dropped(connection: sqlite3.Connection, done: list[str]) -> None:
    for digest in done:
        connection.execute(SQL["forget_dropped"], {"hash": digest})


def _text(micros: int) -> str:
    return datetime.fromtimestamp(micros / MICRO, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
