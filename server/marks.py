"""What people say of plates: corrections, notes, names; and all that is known of one plate."""

from __future__ import annotations

import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import date, timedelta
from typing import Any, TypeVar

import msgspec

from server.catalogue import Found
from server.corrections import Correction
from server.folding import normal
from server.queue import MICRO
from server.sql import SQL
from server.sqlite import Database
from server.sqlite_catalogue import found
from server.sqlite_corrections import SqliteCorrections, correction_from
from stages.errors import NotFound

T = TypeVar("T")

#: Sightings of a plate are counted so far, and so many of the newest are looked into.
COUNTED, LOOKED_INTO = 10_000, 200
_DAYS = 370
_POINTS = 1000


class KnownPlate(msgspec.Struct, frozen=True, kw_only=True):
    """A plate with a name. `since` in microseconds."""

    plate: str
    name: str
    kind: str
    since: int


class PlateBook(msgspec.Struct, frozen=True, kw_only=True):
    """All that is known of a plate. `count` goes up to `COUNTED`; `confirmed`: how many of the newest are.

    `newest`: its newest sightings; `read_as`: what those that were corrected read, with how many;
    `runners_up`: other readings of the newest ones, with how many; `days`: sightings by local day.
    """

    plate: str
    count: int
    confirmed: int
    first: str | None
    last: str | None
    known: KnownPlate | None
    note: str
    newest: list[Found]
    best: Found | None
    read_as: list[tuple[str, int]]
    runners_up: list[tuple[str, int]]
    days: list[tuple[str, int]]
    corrections: list[Correction]


class Marks:
    """One per server. The clock is a parameter, so that tests need not wait."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock

    async def change(self, verb: Callable[[SqliteCorrections, int], Correction]) -> Correction:
        """Make a correction or take one back: `verb` gets the corrections of a transaction, and the time."""
        now = int(self._clock() * MICRO)
        return await self._database.awrite(lambda connection: verb(SqliteCorrections(connection), now))

    async def corrections(
        self, plate: str | None, video_id: str | None, limit: int, offset: int
    ) -> list[Correction]:
        """What was corrected, newest first; of one plate, or in one clip."""
        values = {"plate": plate, "video_id": video_id, "limit": limit, "offset": offset}
        return await self._rows("corrections", correction_from, **values)

    async def count_corrections(self, plate: str | None, video_id: str | None) -> int:
        """How many there are, on all pages."""
        return await self._count("count_corrections", plate=plate, video_id=video_id)

    async def note(self, plate: str, text: str) -> None:
        """Write a note on a plate; an empty one removes it."""
        await self._write("put_note" if text else "drop_note", plate=plate, text=text)

    async def name(self, plate: str, name: str, kind: str) -> KnownPlate:
        """Give a plate a name and a group; lists leave it out from now on."""
        await self._write("put_known_plate", plate=plate, name=name, kind=kind)
        return (await self._rows("known_plate", known_from, plate=plate))[0]

    async def unname(self, plate: str) -> KnownPlate:
        """A plate has no name any more. Raises `NotFound`."""
        was = await self._rows("known_plate", known_from, plate=plate)
        if not was:
            raise NotFound(f"Plate {plate[:40]} has no name")
        await self._write("drop_known_plate", plate=plate)
        return was[0]

    async def known(self, limit: int, offset: int) -> list[KnownPlate]:
        """Plates with a name, by group."""
        return await self._rows("known_plates", known_from, limit=limit, offset=offset)

    async def count_known(self) -> int:
        """How many there are."""
        return await self._count("count_known_plates")

    async def names(self, plates: Iterable[str]) -> dict[str, KnownPlate]:
        """Which of these plates have a name."""
        asked = msgspec.json.encode(sorted(set(plates))).decode()
        return {each.plate: each for each in await self._rows("names_of_plates", known_from, plates=asked)}

    async def book(self, text: str) -> PlateBook | None:
        """All that is known of a plate; None when nothing is."""
        return await self._database.read(lambda connection: _book(connection, normal(text)))

    async def points(self, text: str) -> list[tuple[Any, ...]]:
        """Where a plate was seen, newest first: sighting, clip, local time, seconds of it, lat, lon."""
        return await self._database.read(lambda connection: _points(connection, normal(text)))

    async def _rows(self, statement: str, make: Callable[[tuple[Any, ...]], T], **values: Any) -> list[T]:
        return await self._database.read(
            lambda c: [make(row) for row in c.execute(SQL[statement], values).fetchall()]
        )

    async def _count(self, statement: str, **values: Any) -> int:
        return await self._database.read(lambda c: int(c.execute(SQL[statement], values).fetchone()[0]))

    async def _write(self, statement: str, **values: Any) -> int:
        values["now"] = int(self._clock() * MICRO)
        return await self._database.awrite(lambda c: c.execute(SQL[statement], values).rowcount)


def known_from(row: tuple[Any, ...]) -> KnownPlate:
    """A known plate from its row."""
    return KnownPlate(**dict(zip(KnownPlate.__struct_fields__, row, strict=True)))


def _book(connection: sqlite3.Connection, plate: str) -> PlateBook | None:
    def all_of(name: str, **values: Any) -> list[tuple[Any, ...]]:
        return connection.execute(SQL[name], values).fetchall()

    row = connection.execute(SQL["plate_by_text"], {"text": plate}).fetchone()
    number = -1 if row is None else row[0]
    count = all_of("count_of_plate", plate_id=number, most=COUNTED + 1)[0][0]
    known = [known_from(each) for each in all_of("known_plate", plate=plate)]
    note = all_of("note_of_plate", plate=plate)
    corrections = [correction_from(each) for each in all_of("corrections_of_plate", plate=plate)]
    if not (count or known or note or corrections):
        return None
    first, last = all_of("span_of_plate", plate_id=number)[0]
    newest = found(connection, SQL["newest_of_plate"], {"plate_id": number, "limit": LOOKED_INTO})
    days = {"plate_id": number, "since": _since(last), "most": COUNTED}
    return PlateBook(
        plate=plate,
        count=count,
        confirmed=sum(seen.confirmed for seen in newest),
        first=first,
        last=last,
        known=known[0] if known else None,
        note=note[0][0] if note else "",
        newest=newest,
        best=max(newest, key=_goodness, default=None),
        read_as=[(text, many) for text, many in all_of("read_otherwise", plate_id=number)],
        runners_up=_runners_up(newest, plate),
        days=[(day, many) for day, many in all_of("days_of_plate", **days)],
        corrections=corrections,
    )


def _goodness(seen: Found) -> tuple[Any, ...]:
    """A picture first, then how sure the reading is."""
    return seen.crop is not None, seen.read_plate is None, seen.confirmed, seen.confidence, seen.sighting_id


def _runners_up(newest: list[Found], plate: str) -> list[tuple[str, int]]:
    counted: Counter[str] = Counter()
    for seen in newest:
        counted.update({text for text, _ in candidates(seen)} - {plate})
    return counted.most_common(12)


def candidates(seen: Found) -> list[tuple[str, float]]:
    """The other readings of a sighting, each with its share of the votes, best first."""
    out = []
    for each in msgspec.json.decode(seen.candidates):
        if isinstance(each, dict) and isinstance(each.get("plate"), str):
            sure = each.get("confidence")
            out.append((normal(each["plate"]), float(sure) if isinstance(sure, int | float) else 0.0))
    return out


def _since(last: str | None) -> str:
    """A year before the last day."""
    try:
        return (date.fromisoformat((last or "")[:10]) - timedelta(days=_DAYS)).isoformat()
    except (ValueError, OverflowError):
        return ""


def _points(connection: sqlite3.Connection, plate: str) -> list[tuple[Any, ...]]:
    row = connection.execute(SQL["plate_by_text"], {"text": plate}).fetchone()
    if row is None:
        return []
    values = {"plate_id": row[0], "limit": _POINTS}
    return connection.execute(SQL["points_of_plate"], values).fetchall()
