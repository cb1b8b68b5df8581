"""Lists of clips for pages: newest first, a page at a time, at the same cost wherever in the archive."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from typing import Any

import msgspec

from server.catalogue import Area
from server.search import next_day
from server.sql import SQL
from server.sqlite import Database

#: Looking through all clips for their channels takes longer than all else; it is done this seldom (seconds).
_FRESH = 30.0
#: Where a list is walked: along the clips, or along their routes, whose index has their boxes.
_CLIPS = "clip"
_ROUTES = "route_line l INDEXED BY route_line_newest CROSS JOIN clip ON clip.video_id = l.video_id"
#: Where few routes are, they are looked up by their place instead, and sorted.
_PLACED = (
    "route_place r CROSS JOIN route_line l ON l.line_id = r.line_id "
    "CROSS JOIN clip ON clip.video_id = l.video_id"
)
_FEW = 3000
_GAVE_UP = "(SELECT video_id FROM task WHERE state = 'failed' AND phase = 'gave_up' AND video_id IS NOT NULL)"
_LEASED = "(SELECT video_id FROM task WHERE phase = 'leased' AND video_id IS NOT NULL)"
_OPEN = f"clip.archived = 0 AND clip.video_id NOT IN {_GAVE_UP}"
#: As `Listed.status` has it. What the index of the list knows goes first.
_STATUS = {
    "queued": f"{_OPEN} AND clip.video_id NOT IN {_LEASED} AND clip.tasks_done = 0",
    "processing": f"{_OPEN} AND (clip.video_id IN {_LEASED} OR clip.tasks_done > 0)",
    "processed": "clip.archived = 1",
    "failed": f"clip.archived = 0 AND clip.video_id IN {_GAVE_UP}",
}
#: What a clip can be, in the order of its way.
STATUSES = tuple(_STATUS)


class ClipFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which clips a list shows; None = any, no channels = all. Dates are local days, inclusive.

    `status`: one of `STATUSES`. `before`: what follows that place in the list, as `Listed.place` names it.
    """

    date_from: str | None = None
    date_to: str | None = None
    channels: tuple[str, ...] = ()
    mode: str | None = None
    plates: bool | None = None
    status: str | None = None
    area: Area | None = None
    before: tuple[str | None, int, str] | None = None
    limit: int = 60


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """A clip in a list. `trip`: the same number for clips of one trip; `removed`: its archive is gone."""

    start_local: str | None
    created_at: int
    video_id: str
    filename: str | None
    duration_seconds: float | None
    plates: int
    poster: str | None
    channel: str | None
    mode: str | None
    archived: bool
    removed: bool | None
    tasks_done: int
    failed: bool
    running: bool
    locked: bool | None
    protected: bool
    trip: int | None

    @property
    def place(self) -> tuple[str | None, int, str]:
        """Where it stands."""
        return self.start_local, self.created_at, self.video_id

    @property
    def status(self) -> str:
        """As the API says it: queued, processing, processed or failed."""
        if self.archived:
            return "processed"
        if self.failed:
            return "failed"
        return "processing" if self.tasks_done or self.running else "queued"


class SqliteClipList:
    """Reads on the reader threads."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._kinds: tuple[float, tuple[list[str], list[str]]] | None = None

    async def clips(self, which: ClipFilter) -> tuple[list[Listed], bool]:
        """A page of clips, those without a date last, and whether more follow."""
        return await self._database.read(lambda connection: _page(connection, which))

    async def count(self, which: ClipFilter, most: int) -> int:
        """How many clips a list has, counted up to `most`."""

        def read(connection: sqlite3.Connection) -> int:
            walked, conditions, values = _conditions(connection, which)
            statement = SQL["count_clip_list"].format(walked=walked, conditions=conditions)
            return int(connection.execute(statement, values | {"most": most}).fetchone()[0])

        return await self._database.read(read)

    async def kinds(self) -> tuple[list[str], list[str]]:
        """The channels and the modes that there are; a new one is seen within half a minute."""
        if self._kinds is not None and time.monotonic() - self._kinds[0] < _FRESH:
            return self._kinds[1]
        found = await self._database.read(lambda c: c.execute(SQL["clip_kinds"]).fetchall())
        channels, modes = {row[0] for row in found}, {row[1] for row in found}
        self._kinds = time.monotonic(), (sorted(filter(None, channels)), sorted(filter(None, modes)))
        return self._kinds[1]

    async def months(self) -> list[str]:
        """The months (YYYY-MM) that have clips, newest first."""
        return [
            row[0] for row in await self._database.read(lambda c: c.execute(SQL["clip_months"]).fetchall())
        ]

    async def trip_posters(self, trips: Sequence[str]) -> dict[str, str]:
        """The pictures of trips, named by their first clips: of one of the first clips that has one, of the
        front camera if it can be.
        """

        def read(connection: sqlite3.Connection) -> dict[str, str]:
            found = {}
            for trip in trips:
                shown = connection.execute(SQL["trip_posters"], {"trip": trip}).fetchall()
                shown.sort(key=lambda each: each[0] != "front")
                if shown:
                    found[trip] = shown[0][1]
            return found

        return await self._database.read(read)


def _page(connection: sqlite3.Connection, which: ClipFilter) -> tuple[list[Listed], bool]:
    found: list[Listed] = []
    walked, conditions, values = _conditions(connection, which)
    start = "clip.start_local" if which.area is None else "l.start_local"
    for part in _parts(which, start):
        wanted = which.limit + 1 - len(found)
        if wanted <= 0:
            break
        place = dict(zip(("start", "created", "name"), which.before or (None, 0, ""), strict=True))
        statement = SQL["clip_list"].format(walked=walked, conditions=f"{conditions} AND {part}", start=start)
        cursor = connection.execute(statement, values | place | {"limit": wanted})
        names = [column[0] for column in cursor.description]
        found += [msgspec.convert(dict(zip(names, row, strict=True)), Listed, strict=False) for row in cursor]
    return found[: which.limit], len(found) > which.limit


def _parts(which: ClipFilter, start: str) -> list[str]:
    """The list in parts in whose middle an index can begin: clips with a date, then those without."""
    beyond = "(clip.created_at < :created OR (clip.created_at = :created AND clip.video_id > :name))"
    dated = which.date_from is not None or which.date_to is not None
    if which.before is None:
        parts = [f"{start} IS NOT NULL", f"{start} IS NULL"]
    elif which.before[0] is None:
        return [] if dated else [f"{start} IS NULL AND {beyond}"]
    else:
        parts = [f"{start} <= :start AND ({start} < :start OR {beyond})", f"{start} IS NULL"]
    return parts[:1] if dated else parts


def _conditions(connection: sqlite3.Connection, which: ClipFilter) -> tuple[str, str, dict[str, Any]]:
    """Along what a list is walked, what is asked of each (what is decided soonest first), and the values."""
    values: dict[str, Any] = {"mode": which.mode} | {
        f"channel_{number}": name for number, name in enumerate(which.channels)
    }
    conditions = [] if which.status is None else [_STATUS[which.status]]
    if which.channels:
        named = ", ".join(f":channel_{number}" for number in range(len(which.channels)))
        conditions.append(f"clip.channel IN ({named})")
    if which.mode is not None:
        conditions.append("clip.mode = :mode")
    if which.plates is not None:
        wanted = ">" if which.plates else "="
        conditions.append(f"coalesce(clip.plates_shown, clip.plates_found, 0) {wanted} 0")
    values |= {"date_from": which.date_from, "until": next_day(which.date_to)}
    table = "clip" if which.area is None else "l"
    if values["date_from"] is not None:
        conditions.append(f"{table}.start_local >= :date_from")
    if values["until"] is not None:
        conditions.append(f"{table}.start_local < :until")
    if which.area is None:
        return _CLIPS, " AND ".join(conditions or ["1"]), values
    values |= msgspec.structs.asdict(which.area)
    few = connection.execute(SQL["routes_near"].format(near=_near("r", which.area)), values | {"most": _FEW})
    conditions.insert(0, _near("l", which.area))
    if few.fetchone()[0] < _FEW:
        conditions.insert(0, _near("r", which.area))
        return _PLACED, " AND ".join(conditions), values
    return _ROUTES, " AND ".join(conditions), values


def _near(table: str, area: Area) -> str:
    """Boxes that meet an area, also across the date line."""
    wide = "OR" if area.west > area.east else "AND"
    high = f"{table}.south <= :north AND {table}.north >= :south"
    return f"{high} AND ({table}.west <= :east {wide} {table}.east >= :west)"
