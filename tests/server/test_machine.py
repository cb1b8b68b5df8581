"""The queue as a state machine: whatever happens in whatever order, its promises hold."""

import asyncio
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from config.settings import QueueSettings
from server.dispatch import Claim, Dispatcher
from server.queue import Ask, Completion, Setback
from server.schema import migrate
from server.sqlite import Database
from server.sqlite_store import SqliteStore
from server.store import Filter
from stages.errors import Conflict, StaleLease
from stages.task import Phase, TaskType

PICK = st.integers(0, 10**6)
LEASE_SECONDS = 200.0


class QueueMachine(RuleBasedStateMachine):
    """Knows of each task what was promised: who may finish it, whether it is done, what it published."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.now = 1000.0
        self.done: dict[int, int] = {}
        self.leases: dict[int, int] = {}
        self.old: list[tuple[int, int]] = []
        self.ended: set[int] = set()
        self.count = 0
        self.open()

    def open(self) -> None:
        self.database = Database(Path(self.folder.name) / "q.sqlite")
        self.database.write(migrate).result()
        self.store = SqliteStore(self.database)
        self.dispatcher = Dispatcher(self.store, QueueSettings(), lambda: self.now, lambda: self.now)
        asyncio.run(self.dispatcher.start())

    def teardown(self) -> None:
        self.database.close()
        self.folder.cleanup()

    def pick(self, items, number):
        items = sorted(items)
        return items[number % len(items)]

    @rule(amount=st.integers(1, 3), gpu=st.booleans())
    def create(self, amount, gpu):
        """New tasks are numbered on and are all there."""
        needs = {"gpu": 1} if gpu else {}
        rows = asyncio.run(
            self.dispatcher.create([Ask(task_type=TaskType.INGEST_VIDEO, needs=needs)] * amount)
        )
        assert [row.task_id for row in rows] == list(range(self.count + 1, self.count + amount + 1))
        self.count += amount

    @rule(gpu=st.booleans(), limit=st.integers(1, 3))
    def claim(self, gpu, limit):
        """A claim gives only free tasks, each with a lease higher than any before; it hides nothing."""
        capabilities = {"gpu": 1} if gpu else {}
        free = {row.task_id for row in self.rows() if row.phase == Phase.READY and (gpu or row.needs == "{}")}
        rows = asyncio.run(self.dispatcher.claim(Claim(worker="w", capabilities=capabilities, limit=limit)))
        assert len(rows) == min(limit, len(free))
        for row in rows:
            assert row.task_id in free
            assert row.task_id not in self.leases
            assert all(row.lease > lease for task_id, lease in self.old if task_id == row.task_id)
            self.leases[row.task_id] = row.lease
        roots = [(row.priority, row.root_id, row.task_id) for row in rows]
        assert roots == sorted(roots)

    @precondition(lambda self: self.leases)
    @rule(number=PICK, children=st.integers(0, 2))
    def complete(self, number, children):
        """The holder's completion is taken and publishes what it says, once."""
        task_id = self.pick(self.leases, number)
        lease = self.leases.pop(task_id)
        new = [Ask(task_type=TaskType.INGEST_VIDEO)] * children
        what = Completion(lease=lease, new_tasks=new)
        first = asyncio.run(self.dispatcher.complete(task_id, what))
        again = asyncio.run(self.dispatcher.complete(task_id, what))
        assert first.answer == again.answer
        assert first.answer["new_tasks_created"] == children
        self.done[task_id] = children
        self.count += children

    @precondition(lambda self: self.old)
    @rule(number=PICK)
    def stale(self, number):
        """A lease that ended ends nothing any more."""
        task_id, lease = self.pick(self.old, number)
        what = Completion(lease=lease, new_tasks=[Ask(task_type=TaskType.INGEST_VIDEO)])
        for late in (
            self.dispatcher.complete(task_id, what),
            self.dispatcher.fail(task_id, lease, Setback(kind="failed", error="late")),
            self.dispatcher.release(task_id, lease),
        ):
            try:
                asyncio.run(late)
            except StaleLease:
                continue
            raise AssertionError("a stale lease was taken")

    @precondition(lambda self: self.count > len(self.done))
    @rule(number=PICK)
    def persons_word(self, number):
        """A completion without a lease works from any state and revokes the holder."""
        task_id = self.pick({row.task_id for row in self.rows()} - self.done.keys(), number)
        asyncio.run(self.dispatcher.complete(task_id, Completion()))
        self.drop(task_id)
        self.ended.discard(task_id)
        self.done[task_id] = 0

    @precondition(lambda self: self.leases)
    @rule(number=PICK, kind=st.sampled_from(["failed", "crashed", "absent", "release"]), retry=st.booleans())
    def fail(self, number, kind, retry):
        """The holder gives the task back in one way or another."""
        task_id = self.pick(self.leases, number)
        lease = self.leases[task_id]
        if kind == "release":
            row = asyncio.run(self.dispatcher.release(task_id, lease))
        else:
            row = asyncio.run(
                self.dispatcher.fail(task_id, lease, Setback(kind=kind, error="e", retry=retry))
            )
        self.drop(task_id)
        if row.phase == Phase.GAVE_UP:
            self.ended.add(task_id)

    @precondition(lambda self: self.count)
    @rule(number=PICK)
    def cancel(self, number):
        """Cancelling ends what is not done."""
        task_id = self.pick(range(1, self.count + 1), number)
        try:
            asyncio.run(self.dispatcher.cancel(task_id))
        except Conflict:
            assert task_id in self.done
        else:
            self.drop(task_id)
            self.ended.add(task_id)

    @precondition(lambda self: self.ended)
    @rule(number=PICK)
    def retry(self, number):
        """Retrying brings back what had ended without being done."""
        task_id = self.pick(self.ended, number)
        assert asyncio.run(self.dispatcher.retry(task_id)).phase == Phase.READY
        self.ended.discard(task_id)

    @rule(seconds=st.sampled_from([1.0, 150.0, LEASE_SECONDS + 1, 4000.0]), renew=st.booleans())
    def pass_time(self, seconds, renew):
        """Time passes; leases that were not renewed in time are lost."""
        from stages.device import HeldLease

        if renew:
            held = [HeldLease(task_id, lease) for task_id, lease in self.leases.items()]
            orders = asyncio.run(self.dispatcher.orders(held))
            assert orders.lost == orders.cancel == []
        self.now += seconds
        asyncio.run(self.dispatcher.tick())
        for row in self.rows():
            if row.task_id in self.leases and row.phase != Phase.LEASED:
                self.drop(row.task_id)
                if row.phase == Phase.GAVE_UP:
                    self.ended.add(row.task_id)

    @rule()
    def restart(self):
        """The server starts again on the same file."""
        self.database.close()
        self.open()

    def drop(self, task_id):
        lease = self.leases.pop(task_id, None)
        if lease is not None:
            self.old.append((task_id, lease))

    def rows(self):
        return asyncio.run(self.store.page(Filter(limit=1000)))

    @invariant()
    def nothing_is_lost_or_held_twice(self):
        """Everything acknowledged is there, done stays done, and held means held by us."""
        rows = {row.task_id: row for row in self.rows()}
        assert len(rows) == self.count
        assert {t for t, row in rows.items() if row.phase == Phase.DONE} == self.done.keys()
        assert {t: row.lease for t, row in rows.items() if row.phase == Phase.LEASED} == self.leases
        children = dict.fromkeys(self.done, 0)
        for row in rows.values():
            if row.parent_id is not None:
                children[row.parent_id] += 1
        assert children == self.done


TestQueue = pytest.mark.slow(QueueMachine.TestCase)
TestQueue.settings = settings(
    max_examples=25, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)
