"""The store as a model in memory: what every backend must do, as plainly as it can be said.

It is the oracle of `tests/machine`, and runs the same contract as the backends. It is for tests only:
nothing of it reaches a disk.
"""

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import msgspec

from server.store import STATE_OF, Count, Device, Entry, Filter, Needs, Quarantine, Row, Strike, Want
from stages.errors import NotFound, StaleLease
from stages.task import FileRef, Phase, State, TaskType

#: How many tasks `due` gives at once, as the SQLite store does.
DUE_AT_ONCE = 500


class Tables:
    """All that is kept. Rows are frozen, so copying the tables keeps them as they were."""

    def __init__(self) -> None:
        self.tasks: dict[int, Row] = {}
        self.needs: dict[tuple[str, str], int] = {}
        self.devices: dict[str, Device] = {}
        self.keys: dict[str, tuple[str, list[int], int]] = {}
        self.files: dict[tuple[str, str], list[dict[str, Any]]] = {}
        self.strikes: dict[int, Strike] = {}
        self.quarantines: dict[tuple[str, str], Quarantine] = {}
        self.last_task = self.last_device = self.last_strike = self.last_quarantine = 0

    def copy(self) -> "Tables":
        """The same tables, apart from now on."""
        other = Tables()
        other.__dict__ = {
            name: value.copy() if isinstance(value, dict) else value for name, value in self.__dict__.items()
        }
        return other


class MemoryCatalogue:
    """As much of `catalogue.Catalogue` as the queue asks: the files of a clip."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def expect(self, video_id: str, now: int, fingerprint: str | None = None) -> None:
        """A task names this clip."""

    def learn(self, video_id: str, task_type: str, learned: Any, _: int) -> None:
        """Take in what a completed task said: new files replace that stage's earlier ones."""
        if learned.outputs:
            refs: dict[tuple[str, str], dict[str, Any]] = {}
            for ref in learned.outputs:  # a file that is named twice: the later word, in the later place
                refs.pop((ref["device"], ref["path"]), None)
                refs[ref["device"], ref["path"]] = ref
            self._tables.files.pop((video_id, task_type), None)
            self._tables.files[video_id, task_type] = list(refs.values())

    def files(self, video_id: str) -> list[tuple[str, FileRef]]:
        """The known files of a clip, the raw clip first."""
        found = [
            (task_type, msgspec.convert(ref, FileRef))
            for (clip, task_type), refs in self._tables.files.items()
            if clip == video_id
            for ref in refs
        ]
        return sorted(found, key=lambda file: file[0] != TaskType.INGEST_VIDEO)


class MemoryTx:
    """One transaction (`store.Tx`)."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self.catalogue: Any = MemoryCatalogue(tables)

    def get(self, task_id: int) -> Row | None:
        """A task by its number."""
        return self._tables.tasks.get(task_id)

    def insert(self, entry: Entry) -> Row:
        """Keep a new task."""
        keepable(entry)
        self._must_know(entry.needs_id)
        if entry.parent_id is not None and entry.parent_id not in self._tables.tasks:
            raise ValueError(f"there is no task {entry.parent_id} to be a parent")
        self._tables.last_task += 1
        task_id = self._tables.last_task
        values = msgspec.structs.asdict(entry)
        values["root_id"] = task_id if entry.root_id is None else entry.root_id
        new = dict.fromkeys(("completed_at", "device", "session", "run_at", "error", "answer", "published"))
        zero = dict.fromkeys(("lease", "failures", "crashes", "lost", "delays"), 0)
        row = Row(task_id=task_id, state=STATE_OF[Phase(entry.phase)], vanished="[]", **values, **new, **zero)
        self._tables.tasks[task_id] = row
        return row

    def update(self, row: Row, **columns: Any) -> Row:
        """Change a task that was read as `row`, and only if its phase and lease are still those."""
        now = self._tables.tasks.get(row.task_id)
        if now is None or (now.phase, now.lease) != (row.phase, row.lease):
            raise StaleLease(f"Task {row.task_id} changed meanwhile; nothing was done")
        if "phase" in columns:
            columns["state"] = STATE_OF[Phase(columns["phase"])]
        changed = msgspec.structs.replace(now, **columns)
        keepable(changed)
        self._must_know(changed.needs_id)
        self._tables.tasks[row.task_id] = changed
        return changed

    def candidates(self, want: Want) -> list[Row]:
        """Tasks that may be claimed, in order."""
        able = set(want.satisfied(all_needs(self._tables)))
        found = [
            row
            for row in self._tables.tasks.values()
            if row.phase in want.phases
            and row.needs_id in able
            and (not want.types or row.task_type in want.types)
        ]
        return sorted(found, key=lambda row: (row.priority, row.root_id, row.task_id))[: want.limit]

    def intern(self, needs: str, places: str) -> int:
        """The number of a set of needs."""
        keepable([needs, places])
        return self._tables.needs.setdefault((needs, places), len(self._tables.needs) + 1)

    def due(self, now: int, horizon: int | None = None) -> list[Row]:
        """Tasks that have backed off long enough, the longest due first, and those far beyond all pauses."""
        found = [
            row
            for row in self._tables.tasks.values()
            if row.phase == Phase.BACKING_OFF and row.run_at is not None and row.run_at <= now
        ]
        far = [
            row
            for row in self._tables.tasks.values()
            if row.phase == Phase.BACKING_OFF and horizon is not None and (row.run_at or 0) > horizon
        ]
        return [
            row
            for each in (found, far)
            for row in sorted(each, key=lambda row: (row.run_at or 0, row.task_id))[:DUE_AT_ONCE]
        ]

    def waiting_for(self, video_id: str) -> list[Row]:
        """Tasks of a clip that wait for its files."""
        tasks = self._tables.tasks.values()
        return [row for row in tasks if row.video_id == video_id and row.phase == Phase.NO_INPUT]

    def leased(self, device: str | None = None) -> list[Row]:
        """Tasks under lease."""
        held = [row for row in self._tables.tasks.values() if row.phase == Phase.LEASED]
        return [row for row in held if device is None or row.device == device]

    def places(self) -> set[str]:
        """The places that devices say they can reach."""
        stated = [
            msgspec.json.decode(each.capabilities).get("places") for each in self._tables.devices.values()
        ]
        return {
            place for each in stated if isinstance(each, list) for place in each if isinstance(place, str)
        }

    def recall(self, key: str) -> tuple[str, list[int]] | None:
        """The body and the tasks of an earlier request with this key."""
        known = self._tables.keys.get(key)
        return None if known is None else (known[0], list(known[1]))

    def remember(self, key: str, body: str, task_ids: list[int], now: int, before: int) -> None:
        """Note a request's key, and forget old ones."""
        keepable([key, body])
        for old in [old for old, (_, _, at) in self._tables.keys.items() if at < before]:
            del self._tables.keys[old]
        if key in self._tables.keys:
            raise ValueError(f"key {key!r} is taken")
        self._tables.keys[key] = (body, list(task_ids), now)

    def delete_device(self, hostname: str) -> bool:
        """Forget a device, with what is held against it."""
        tables = self._tables
        tables.strikes = {n: each for n, each in tables.strikes.items() if each.device != hostname}
        tables.quarantines = {n: each for n, each in tables.quarantines.items() if each.device != hostname}
        return tables.devices.pop(hostname, None) is not None

    def put_device(
        self, hostname: str, device_type: str, status: str, capabilities: str | None, now: int
    ) -> Device:
        """Note that a device spoke."""
        known = self._tables.devices.get(hostname)
        if known is None:
            self._tables.last_device += 1
        device = Device(
            device_id=known.device_id if known else self._tables.last_device,
            hostname=hostname,
            device_type=device_type,
            status=status,
            capabilities=capabilities if capabilities is not None else known.capabilities if known else "{}",
            last_heartbeat=now,
        )
        keepable(device)
        self._tables.devices[hostname] = device
        return device

    def knows_device(self, hostname: str) -> bool:
        """Whether a device ever spoke."""
        return hostname in self._tables.devices

    def strikes(self, task_type: str) -> list[Strike]:
        """The strikes of a type, oldest first."""
        return [each for each in self._tables.strikes.values() if each.task_type == task_type]

    def put_strike(self, device: str, task_type: str, task_id: int, error: str, now: int) -> None:
        """Note a failure of a device."""
        self._tables.last_strike += 1
        strike = Strike(
            strike_id=self._tables.last_strike,
            device=device,
            task_type=task_type,
            task_id=task_id,
            error=error,
            at=now,
        )
        keepable(strike)
        self._tables.strikes[strike.strike_id] = strike

    def tell_strikes(self, task_type: str) -> None:
        """Another device completed a task of the type after every strike that there is."""
        for each in self.strikes(task_type):
            self._tables.strikes[each.strike_id] = msgspec.structs.replace(each, others_did=True)

    def drop_strikes(self, device: str, task_type: str) -> None:
        """Forget a device's strikes of a type."""
        for each in self.strikes(task_type):
            if each.device == device:
                del self._tables.strikes[each.strike_id]

    def quarantines(self, device: str | None = None) -> list[Quarantine]:
        """The quarantines of a device, or all."""
        return [each for each in self._tables.quarantines.values() if device in (None, each.device)]

    def put_quarantine(self, device: str, task_type: str, now: int, why: str) -> None:
        """Give a device no more tasks of a type."""
        if (device, task_type) in self._tables.quarantines:
            raise ValueError(f"{device} is in quarantine for {task_type} already")
        self._tables.last_quarantine += 1
        made = Quarantine(
            quarantine_id=self._tables.last_quarantine, device=device, task_type=task_type, since=now, why=why
        )
        keepable(made)
        self._tables.quarantines[device, task_type] = made

    def drop_quarantine(self, device: str, task_type: str) -> None:
        """End a quarantine, if there is one."""
        self._tables.quarantines.pop((device, task_type), None)

    def _must_know(self, needs_id: int) -> None:
        if needs_id not in self._tables.needs.values():
            raise ValueError(f"there are no needs {needs_id}")


def all_needs(tables: Tables) -> list[Needs]:
    """Every set of needs, decoded."""
    return [
        Needs(number, msgspec.json.decode(needs), msgspec.json.decode(places))
        for (needs, places), number in tables.needs.items()
    ]


def keepable(value: Any) -> None:
    """Raise `UnicodeEncodeError` for text that is none (lone surrogates): it cannot be written anywhere."""
    msgspec.json.encode(value)


class MemoryStore:
    """Transactions one after the other, each on a copy of the tables (`store.Store`)."""

    #: What a transaction is; broken stores put another one here.
    Tx: Callable[[Tables], Any] = MemoryTx

    def __init__(self) -> None:
        self.tables = Tables()

    def transact(self, operation: Callable[[Any], Any]) -> Future[Any]:
        """Run an operation in one transaction."""
        future: Future[Any] = Future()
        tables = self.tables.copy()
        try:
            value = operation(self.Tx(tables))
        except Exception as error:  # noqa: BLE001  # whatever it is, it is the caller's to see
            future.set_exception(error)
        else:
            self.tables = tables
            future.set_result(value)
        return future

    async def atransact(self, operation: Callable[[Any], Any], *, brief: bool = False) -> Any:
        """As `transact`, for coroutines; here all is brief."""
        del brief
        return self.transact(operation).result()

    async def get(self, task_id: int) -> Row | None:
        """A task by its number."""
        return self.tables.tasks.get(task_id)

    async def page(self, which: Filter) -> list[Row]:
        """Tasks in ascending order."""
        return self._matching(which)[which.offset :][: which.limit]

    async def count(self, which: Filter) -> int:
        """How many tasks a listing has, on all its pages."""
        return len(self._matching(which))

    async def peek(self, want: Want) -> list[Row]:
        """What a claim would find."""
        return list(self.Tx(self.tables).candidates(want))

    async def counts(self) -> tuple[list[Count], list[Needs]]:
        """Tasks by type, phase and needs; of what no longer waits, all needs together."""
        groups: dict[tuple[str, str, int], list[int]] = {}
        for row in self.tables.tasks.values():
            needs_id = row.needs_id if row.state == State.PENDING else 0
            groups.setdefault((row.task_type, row.phase, needs_id), []).append(row.created_at)
        return [Count(*kind, len(made), min(made)) for kind, made in groups.items()], all_needs(self.tables)

    async def needs(self, needs_id: int) -> Needs:
        """A set of needs by its number."""
        for each in all_needs(self.tables):
            if each.needs_id == needs_id:
                return each
        raise NotFound(f"Needs {needs_id} not found")

    async def failures(self, limit: int) -> list[Row]:
        """The tasks that were given up, newest first."""
        failed = [row for row in self.tables.tasks.values() if row.state == State.FAILED]
        return failed[::-1][:limit]

    async def devices(self, limit: int, offset: int) -> list[Device]:
        """Devices in ascending order."""
        return sorted(self.tables.devices.values(), key=lambda each: each.device_id)[offset:][:limit]

    async def device(self, hostname: str) -> Device | None:
        """A device by its name."""
        return self.tables.devices.get(hostname)

    async def quarantines(self) -> list[Quarantine]:
        """All quarantines, oldest first."""
        return list(self.tables.quarantines.values())

    def _matching(self, which: Filter) -> list[Row]:
        return [
            row
            for row in self.tables.tasks.values()
            if which.task_type in (None, row.task_type)
            and which.state in (None, row.state)
            and which.video_id in (None, row.video_id)
        ]
