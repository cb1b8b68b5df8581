"""`store.py` over SQLite."""

from __future__ import annotations

import heapq
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import lru_cache
from typing import Any, TypeVar

import msgspec

from server.catalogue import Catalogue
from server.sql import SQL
from server.sqlite import Database
from server.sqlite_catalogue import SqliteCatalogue
from server.sqlite_known import Blame, NeedsTable, Starved, rows
from server.store import STATE_OF, Count, Device, Entry, Filter, Needs, Quarantine, Row, Strike, Tx, Want
from stages.device import PLACES
from stages.errors import NotFound, StaleLease
from stages.task import Phase, TaskType

T = TypeVar("T")

_PROBES = {Phase.READY: SQL["probe_ready"], Phase.NO_INPUT: SQL["probe_no_input"]}
#: As plain text: SQLite's module looks for an adapter of anything else, each time.
_TYPES = tuple(each.value for each in TaskType)
#: Probes in one statement; SQLite takes 500 terms.
_AT_ONCE = 200
#: What the table gives a new task in the columns that `Entry` does not have.
_NEW: dict[str, Any] = {
    "completed_at": None, "lease": 0, "device": None, "session": None, "failures": 0, "crashes": 0, "lost": 0,
    "delays": 0, "vanished": "[]", "run_at": None, "error": None, "answer": None, "published": None,
}  # fmt: skip


def tasks(cursor: sqlite3.Cursor) -> list[Row]:
    """Every row of a cursor over whole tasks; `NeedsTable` has seen that the columns are those of `Row`."""
    return [Row(*values) for values in cursor.fetchall()]


@lru_cache(256)
def _update(columns: tuple[str, ...]) -> str:
    """`columns` are fields of `Row`: replacing them has seen to that."""
    assignments = ", ".join(f"{name} = ?" for name in columns)
    return f"UPDATE task SET {assignments} WHERE task_id = ? AND lease = ? AND phase = ?"  # noqa: S608


class SqliteTx:
    """One transaction (`store.Tx`)."""

    def __init__(
        self, connection: sqlite3.Connection, needs: NeedsTable, blame: Blame, starved: Starved
    ) -> None:
        self.connection = self._connection = connection
        self._needs = needs
        self._blame = blame
        self._starved = starved
        self.catalogue: Catalogue = SqliteCatalogue(connection)

    def get(self, task_id: int) -> Row | None:
        """A task by its number."""
        found = tasks(self._connection.execute(SQL["get_task"], {"task_id": task_id}))
        return found[0] if found else None

    def insert(self, entry: Entry) -> Row:
        """Keep a new task."""
        values = msgspec.structs.asdict(entry)
        values["state"] = STATE_OF[Phase(entry.phase)]
        if entry.phase == Phase.NO_INPUT:
            self._starved.forget()
        number = self._connection.execute(SQL["insert_task"], values).lastrowid
        assert number is not None
        values["root_id"] = number if entry.root_id is None else entry.root_id
        return Row(task_id=number, **_NEW, **values)

    def update(self, row: Row, **columns: Any) -> Row:
        """Change a task that was read as `row`, and only if it still is that."""
        if "phase" in columns:
            columns["state"] = STATE_OF[Phase(columns["phase"])]
            if columns["phase"] == Phase.NO_INPUT:
                self._starved.forget()
        # What it is afterwards is known, so nothing is read back.
        changed = msgspec.structs.replace(row, **columns)
        # A column that is written, even with what it holds, has every index that it is in written as well.
        new = {name: value for name, value in columns.items() if getattr(row, name) != value}
        new = new or {"lease": row.lease}
        values = (*new.values(), row.task_id, row.lease, row.phase)
        if self._connection.execute(_update(tuple(new)), values).rowcount == 0:
            raise StaleLease(f"Task {row.task_id} changed meanwhile; nothing was done")
        return changed

    def candidates(self, want: Want) -> list[Row]:
        """Tasks that may be claimed, in order."""
        return probe(self._connection, self._needs.all(self._connection), want)

    def intern(self, needs: str, places: str) -> int:
        """The number of a set of needs."""
        return self._needs.intern(self._connection, needs, places)

    def due(self, now: int, horizon: int | None = None) -> list[Row]:
        """Tasks that have backed off long enough, or until later than `horizon`."""
        found = rows(self._connection.execute(SQL["due_tasks"], {"now": now}), Row)
        if horizon is not None:
            found += rows(self._connection.execute(SQL["far_tasks"], {"horizon": horizon}), Row)
        return found

    def waiting_for(self, video_id: str) -> list[Row]:
        """Tasks of a clip that wait for its files."""
        return [Row(*values) for values in self._starved.waiting_for(self._connection, video_id)]

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
        self._blame.forget()
        for name in ("forget_device_strikes", "forget_device_quarantines"):
            self._connection.execute(SQL[name], {"hostname": hostname})
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

    def knows_device(self, hostname: str) -> bool:
        """Whether a device ever spoke."""
        return self._connection.execute(SQL["device"], {"hostname": hostname}).fetchone() is not None

    def strikes(self, task_type: str) -> list[Strike]:
        """The strikes of a type, oldest first."""
        return self._blame.strikes(self._connection, task_type)

    def put_strike(self, device: str, task_type: str, task_id: int, error: str, now: int) -> None:
        """Note a failure of a device."""
        values = {"device": device, "task_type": task_type, "task_id": task_id, "error": error, "now": now}
        self._blame.forget()
        self._connection.execute(SQL["put_strike"], values)

    def tell_strikes(self, task_type: str) -> None:
        """Another device completed a task of the type after every strike that there is."""
        self._blame.forget()
        self._connection.execute(SQL["tell_strikes"], {"task_type": task_type})

    def drop_strikes(self, device: str, task_type: str) -> None:
        """Forget a device's strikes of a type."""
        self._blame.forget()
        self._connection.execute(SQL["drop_strikes"], {"device": device, "task_type": task_type})

    def quarantines(self, device: str | None = None) -> list[Quarantine]:
        """The quarantines of a device, or all."""
        return self._blame.quarantines(self._connection, device)

    def put_quarantine(self, device: str, task_type: str, now: int, why: str) -> None:
        """Give a device no more tasks of a type."""
        values = {"device": device, "task_type": task_type, "now": now, "why": why}
        self._blame.forget()
        self._connection.execute(SQL["put_quarantine"], values)

    def drop_quarantine(self, device: str, task_type: str) -> None:
        """End a quarantine, if there is one."""
        self._blame.forget()
        self._connection.execute(SQL["drop_quarantine"], {"device": device, "task_type": task_type})


def probe(connection: sqlite3.Connection, needs: Sequence[Needs], want: Want) -> list[Row]:
    """The first tasks over all satisfied needs, by one index probe for each and each type and phase."""
    wanted = [
        (phase, needs_id, task_type)
        for needs_id in want.satisfied(needs)
        for task_type in want.types or _TYPES
        for phase in want.phases
    ]
    found: list[Row] = []
    for at in range(0, len(wanted), _AT_ONCE):
        part = wanted[at : at + _AT_ONCE]
        values = [value for _, needs_id, task_type in part for value in (needs_id, task_type, want.limit)]
        statement = _probes(tuple(phase for phase, _, _ in part))
        found += tasks(connection.execute(statement, [*values, want.limit]))
    if len(found) <= 1:
        return found
    return heapq.nsmallest(want.limit, found, key=lambda row: (row.priority, row.root_id, row.task_id))


@lru_cache(256)
def _probes(phases: tuple[Phase, ...]) -> str:
    """One statement for many probes: the index alone says which task is first, and only that one is read."""
    branches = " UNION ALL ".join(f"SELECT * FROM ({_PROBES[phase]})" for phase in phases)  # noqa: S608
    return SQL["probed"].format(branches=branches)


class SqliteStore:
    """Transactions on the writing connection, reads on the others (`store.Store`)."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._needs, self._blame, self._starved = NeedsTable(), Blame(), Starved()
        self._last: SqliteTx | None = None
        database.on_rollback.extend([self._needs.forget, self._blame.forget, self._starved.forget])

    def transact(self, operation: Callable[[Tx], T]) -> Future[T]:
        """Run an operation in one transaction."""
        return self.database.write(lambda connection: operation(self._tx(connection)))

    async def atransact(self, operation: Callable[[Tx], T], *, brief: bool = False) -> T:
        """As `transact`, for coroutines."""
        return await self.database.awrite(lambda connection: operation(self._tx(connection)), brief=brief)

    def _tx(self, connection: sqlite3.Connection) -> SqliteTx:
        """Of the one writing connection, which one operation has at a time."""
        if self._last is None or self._last.connection is not connection:
            self._last = SqliteTx(connection, self._needs, self._blame, self._starved)
        return self._last

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

    async def needs(self, needs_id: int) -> Needs:
        """A set of needs by its number."""
        values = {"needs_id": needs_id}
        found = await self.database.read(lambda c: c.execute(SQL["needs_of"], values).fetchone())
        if found is None:
            raise NotFound(f"Needs {needs_id} not found")
        return Needs(found[0], msgspec.json.decode(found[1]), msgspec.json.decode(found[2]))

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

    async def quarantines(self) -> list[Quarantine]:
        """All quarantines, oldest first."""
        return await self._rows("quarantines", Quarantine, device=None)

    async def _rows(self, name: str, kind: Callable[..., T], **values: Any) -> list[T]:
        return await self.database.read(lambda c: rows(c.execute(SQL[name], values), kind))
