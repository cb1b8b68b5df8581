"""What the writing connection asks all the time, kept in memory by whoever has it (`writing.py`)."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import msgspec

from server.sql import SQL
from server.store import Needs, Quarantine, Row, Strike

T = TypeVar("T")


def rows(cursor: sqlite3.Cursor, kind: Callable[..., T]) -> list[T]:
    """Every row of a cursor as `kind`, by column names."""
    names = [column[0] for column in cursor.description]
    return [kind(**dict(zip(names, values, strict=True))) for values in cursor.fetchall()]


class NeedsTable:
    """The interned needs, kept in memory by the thread that reads them from its connection."""

    def __init__(self) -> None:
        self._ids: dict[tuple[str, str], int] | None = None
        self._list: list[Needs] = []

    def forget(self) -> None:
        """A transaction was rolled back: read them again next time."""
        self._ids = None

    def all(self, connection: sqlite3.Connection) -> list[Needs]:
        """Every set of needs there is."""
        self._load(connection)
        return self._list

    def intern(self, connection: sqlite3.Connection, needs: str, places: str) -> int:
        """The number of a set, a new one when it was never seen."""
        ids = self._load(connection)
        found = ids.get((needs, places))
        if found is None:
            found = connection.execute(SQL["insert_needs"], {"needs": needs, "places": places}).fetchall()[0][
                0
            ]
            self._add(ids, found, needs, places)
        return found

    def _load(self, connection: sqlite3.Connection) -> dict[tuple[str, str], int]:
        if self._ids is None:
            columns = tuple(row[1] for row in connection.execute("PRAGMA table_info(task)"))
            assert columns == Row.__struct_fields__, "Row and the table task differ"
            self._ids, self._list = {}, []
            for number, needs, places in connection.execute(SQL["all_needs"]):
                self._add(self._ids, number, needs, places)
        return self._ids

    def _add(self, ids: dict[tuple[str, str], int], number: int, needs: str, places: str) -> None:
        ids[needs, places] = number
        self._list.append(Needs(number, msgspec.json.decode(needs), msgspec.json.decode(places)))


class Starved:
    """Whether any task waits for its clip's files, kept in memory: mostly none does, and
    every completion asks.
    """

    def __init__(self) -> None:
        self._none = False

    def forget(self) -> None:
        """A task may have begun to wait: ask again."""
        self._none = False

    def waiting_for(self, connection: sqlite3.Connection, video_id: str) -> Sequence[tuple[Any, ...]]:
        """The tasks of a clip that wait for its files."""
        if self._none:
            return ()
        found = connection.execute(SQL["waiting_for"], {"video_id": video_id}).fetchall()
        self._none = not found and connection.execute(SQL["any_waits"]).fetchone() is None
        return found


class Blame:
    """The strikes and quarantines, kept in memory by whoever has the writing connection: mostly there are
    none, and every claim and completion asks.
    """

    def __init__(self) -> None:
        self._strikes: list[Strike] | None = None
        self._quarantines: list[Quarantine] | None = None

    def forget(self) -> None:
        """Something of it changed, or was taken back: read it again next time."""
        self._strikes = self._quarantines = None

    def strikes(self, connection: sqlite3.Connection, task_type: str) -> list[Strike]:
        """The strikes of a type, oldest first."""
        if self._strikes is None:
            self._strikes = rows(connection.execute(SQL["strikes"]), _strike)
        return [each for each in self._strikes if each.task_type == task_type]

    def quarantines(self, connection: sqlite3.Connection, device: str | None) -> list[Quarantine]:
        """The quarantines of a device, or all, oldest first."""
        if self._quarantines is None:
            self._quarantines = rows(connection.execute(SQL["quarantines"], {"device": None}), Quarantine)
        return [each for each in self._quarantines if device in (None, each.device)]


def _strike(**columns: Any) -> Strike:
    return Strike(**columns | {"others_did": bool(columns["others_did"])})
