"""`store.py` over SQLite."""

from __future__ import annotations

import heapq
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, TypeVar

import msgspec

from server.catalogue import Catalogue
from server.sql import SQL
from server.sqlite import Database
from server.sqlite_catalogue import SqliteCatalogue
from server.store import STATE_OF, Count, Device, Entry, Filter, Needs, Row, Tx, Want
from stages.device import PLACES
from stages.errors import StaleLease
from stages.task import Phase, TaskType

T = TypeVar("T")

_PROBES = {Phase.READY: SQL["probe_ready"], Phase.NO_INPUT: SQL["probe_no_input"]}
_COLUMNS = set(Row.__struct_fields__)


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
            self._ids, self._list = {}, []
            for number, needs, places in connection.execute(SQL["all_needs"]):
                self._add(self._ids, number, needs, places)
        return self._ids

    def _add(self, ids: dict[tuple[str, str], int], number: int, needs: str, places: str) -> None:
        ids[needs, places] = number
        self._list.append(Needs(number, msgspec.json.decode(needs), msgspec.json.decode(places)))


class SqliteTx:
    """One transaction (`store.Tx`)."""

    def __init__(self, connection: sqlite3.Connection, needs: NeedsTable) -> None:
        self._connection = connection
        self._needs = needs
        self.catalogue: Catalogue = SqliteCatalogue(connection)

    def get(self, task_id: int) -> Row | None:
        """A task by its number."""
        found = rows(self._connection.execute(SQL["get_task"], {"task_id": task_id}), Row)
        return found[0] if found else None

    def insert(self, entry: Entry) -> Row:
        """Keep a new task."""
        values = msgspec.structs.asdict(entry) | {"state": STATE_OF[Phase(entry.phase)]}
        return rows(self._connection.execute(SQL["insert_task"], values), Row)[0]

    def update(self, row: Row, **columns: Any) -> Row:
        """Change a task that was read as `row`, and only if it still is that."""
        assert columns.keys() <= _COLUMNS
        if "phase" in columns:
            columns["state"] = STATE_OF[Phase(columns["phase"])]
        assignments = ", ".join(f"{name} = :{name}" for name in columns)
        cursor = self._connection.execute(
            f"UPDATE task SET {assignments} "  # noqa: S608  # names were checked, values are bound
            "WHERE task_id = :_id AND lease = :_lease AND phase = :_phase RETURNING *",
            columns | {"_id": row.task_id, "_lease": row.lease, "_phase": row.phase},
        )
        changed = rows(cursor, Row)
        if not changed:
            raise StaleLease(f"Task {row.task_id} changed meanwhile; nothing was done")
        return changed[0]

    def candidates(self, want: Want) -> list[Row]:
        """Tasks that may be claimed, in order."""
        return probe(self._connection, self._needs.all(self._connection), want)

    def intern(self, needs: str, places: str) -> int:
        """The number of a set of needs."""
        return self._needs.intern(self._connection, needs, places)

    def due(self, now: int) -> list[Row]:
        """Tasks that have backed off long enough."""
        return rows(self._connection.execute(SQL["due_tasks"], {"now": now}), Row)

    def waiting_for(self, video_id: str) -> list[Row]:
        """Tasks of a clip that wait for its files."""
        return rows(self._connection.execute(SQL["waiting_for"], {"video_id": video_id}), Row)

    def leased(self, device: str | None = None) -> list[Row]:
        """Tasks under lease."""
        if device is None:
            return rows(self._connection.execute(SQL["leased_tasks"]), Row)
        return rows(self._connection.execute(SQL["leased_by"], {"device": device}), Row)

    def places(self) -> set[str]:
        """The places that devices say they can reach."""
        found: set[str] = set()
        for (text,) in self._connection.execute(SQL["all_capabilities"]):
            stated = msgspec.json.decode(text).get(PLACES)
            found |= {each for each in stated if isinstance(each, str)} if isinstance(stated, list) else set()
        return found

    def recall(self, key: str) -> tuple[str, list[int]] | None:
        """The body and the tasks of an earlier request with this key."""
        row = self._connection.execute(SQL["recall_key"], {"key": key}).fetchone()
        return None if row is None else (row[0], msgspec.json.decode(row[1]))

    def remember(self, key: str, body: str, task_ids: list[int], now: int, before: int) -> None:
        """Note a request's key, and forget old ones."""
        ids = msgspec.json.encode(task_ids).decode()
        self._connection.execute(SQL["forget_keys"], {"before": before})
        self._connection.execute(SQL["remember_key"], {"key": key, "body": body, "task_ids": ids, "now": now})

    def delete_device(self, hostname: str) -> bool:
        """Forget a device."""
        return bool(self._connection.execute(SQL["delete_device"], {"hostname": hostname}).fetchall())

    def put_device(
        self, hostname: str, device_type: str, status: str, capabilities: str | None, now: int
    ) -> Device:
        """Note that a device spoke."""
        values = {
            "hostname": hostname,
            "device_type": device_type,
            "status": status,
            "capabilities": capabilities,
            "now": now,
        }
        found = rows(self._connection.execute(SQL["update_device"], values), Device)
        # Not an upsert: that would use up a number with every heartbeat.
        return found[0] if found else rows(self._connection.execute(SQL["insert_device"], values), Device)[0]


def probe(connection: sqlite3.Connection, needs: Sequence[Needs], want: Want) -> list[Row]:
    """The first tasks over all satisfied needs, by one index probe for each and each type."""
    found: list[Row] = []
    for needs_id in want.satisfied(needs):
        for task_type in want.types or tuple(TaskType):
            for phase in want.phases:
                values = {"needs_id": needs_id, "task_type": task_type, "limit": want.limit}
                found += rows(connection.execute(_PROBES[phase], values), Row)
    return heapq.nsmallest(want.limit, found, key=lambda row: (row.priority, row.root_id, row.task_id))


class SqliteStore:
    """Transactions on the writer thread, reads on the others (`store.Store`)."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._needs = NeedsTable()
        database.on_rollback.append(self._needs.forget)

    def transact(self, operation: Callable[[Tx], T]) -> Future[T]:
        """Run an operation in one transaction."""
        return self.database.write(lambda connection: operation(SqliteTx(connection, self._needs)))

    async def atransact(self, operation: Callable[[Tx], T]) -> T:
        """As `transact`, for coroutines."""
        return await self.database.awrite(lambda connection: operation(SqliteTx(connection, self._needs)))

    async def get(self, task_id: int) -> Row | None:
        """A task by its number."""
        found = await self._rows("get_task", Row, task_id=task_id)
        return found[0] if found else None

    async def page(self, which: Filter) -> list[Row]:
        """Tasks in ascending order."""
        values = msgspec.structs.asdict(which)
        if which.video_id is None:
            del values["video_id"]
            return await self._rows("page_tasks", Row, **values)
        return await self._rows("page_video_tasks", Row, **values)

    async def count(self, which: Filter) -> int:
        """How many tasks a listing has, on all its pages."""
        values = {"task_type": which.task_type, "state": which.state, "video_id": which.video_id}
        counted = SQL["count_matching_tasks"]
        return await self.database.read(lambda c: int(c.execute(counted, values).fetchone()[0]))

    async def peek(self, want: Want) -> list[Row]:
        """What a claim would find."""
        return await self.database.read(lambda c: probe(c, NeedsTable().all(c), want))

    async def counts(self) -> tuple[list[Count], list[Needs]]:
        """Tasks by type, phase and needs."""

        def both(connection: sqlite3.Connection) -> tuple[list[Count], list[Needs]]:
            return rows(connection.execute(SQL["count_tasks"]), Count), NeedsTable().all(connection)

        return await self.database.read(both)

    async def failures(self, limit: int) -> list[Row]:
        """The tasks that were given up, newest first."""
        return await self._rows("failed_tasks", Row, limit=limit)

    async def devices(self, limit: int, offset: int) -> list[Device]:
        """Devices in ascending order."""
        return await self._rows("devices", Device, limit=limit, offset=offset)

    async def device(self, hostname: str) -> Device | None:
        """A device by its name."""
        found = await self._rows("device", Device, hostname=hostname)
        return found[0] if found else None

    async def _rows(self, name: str, kind: Callable[..., T], **values: Any) -> list[T]:
        return await self.database.read(lambda c: rows(c.execute(SQL[name], values), kind))
