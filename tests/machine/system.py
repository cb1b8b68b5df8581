"""The queue under test on a real file, beside the same queue on the model store."""

import asyncio
import copy
import itertools
import random
import shutil
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import msgspec

from config.settings import QueueSettings
from server import queue
from server.dispatch import Dispatcher
from server.queue import Ask, Completed
from server.schema import migrate
from server.sqlite import Database
from server.sqlite_store import SqliteStore
from server.store import Filter, Row, Store
from stages.errors import DashcamError
from stages.task import Phase
from tests.contract.memory import MemoryStore
from tests.machine.model import MAX_CRASHES, MAX_FAILURES, MAX_LOST, STRIKES, Model

SETTINGS = QueueSettings(
    max_failures=MAX_FAILURES, max_crashes=MAX_CRASHES, max_lost=MAX_LOST, quarantine_failures=STRIKES
)
EVERYTHING = Filter(limit=100_000)
NAME = "queue.sqlite"
#: A waiting poll that could have something has this long to come back with it.
WAKE_SECONDS = 5.0

Call = Callable[[Dispatcher], Coroutine[Any, Any, Any]]


class System:
    """One server, killed and started as often as one likes, and its oracle."""

    #: What the server is; a machine that must fail puts a broken one here.
    kind: type[Dispatcher] = Dispatcher

    def __init__(self, folder: Path, model: Model) -> None:
        self.folder, self.model, self.starts = folder, model, 0
        self.loop = asyncio.new_event_loop()
        self.oracle = self._dispatcher(MemoryStore())
        self._open(folder / "0")
        self.run(self.server.start())

    def close(self) -> None:
        """End for good."""
        self.database.close()
        self.loop.close()

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine to its end."""
        return self.loop.run_until_complete(work)

    def _dispatcher(self, store: Store, kind: type[Dispatcher] = Dispatcher) -> Dispatcher:
        return kind(store, SETTINGS, lambda: self.model.now, lambda: self.model.passed)

    def _open(self, folder: Path) -> None:
        self.database = Database(folder / NAME)
        self.database.write(migrate).result()
        self.server = self._dispatcher(SqliteStore(self.database), self.kind)
        self.database.on_rollback.append(self.server.matcher.forget)

    # -- asking --------------------------------------------------------------------------------

    def both(self, call: Call) -> Any:
        """Ask the server and the oracle the same; they must answer alike. An error is an answer."""
        answers = []
        for dispatcher in (self.server, self.oracle):
            random.seed(0)  # pauses are jittered: alike for both
            answers.append(self.run(answer(call(dispatcher))))
        assert answers[0] == answers[1], "the server and the oracle answer differently"
        return answers[0]

    def together(self, calls: list[Call], polls: list[Call]) -> list[int]:
        """Ask the server several things at once; the order of them that explains every answer.

        `polls` wait for work. One that could have some must come back with it; the others hang up.
        """
        answers = self.run(self._at_once(calls, polls))
        asked = [*calls, *polls]
        heard = [number for number, each in enumerate(answers) if each is not None]
        rows, held = self.rows(), leases(self.server)
        for order in itertools.permutations(heard):
            other = self._dispatcher(MemoryStore())
            other.store.tables = self.oracle.store.tables
            other.leases = copy.deepcopy(self.oracle.leases)
            alike = all(calm(self.run(answer(asked[each](other)))) == calm(answers[each]) for each in order)
            if alike and calm(self.run(other.store.page(EVERYTHING))) == calm(rows) and leases(other) == held:
                other.store.tables.tasks = {row.task_id: row for row in rows}
                self.oracle.store.tables, self.oracle.leases = other.store.tables, other.leases
                return list(order)
        # What happens at once cannot be played again, so all that is needed to understand it is said here.
        for name, told in (
            ("before", self.run(self.oracle.store.page(EVERYTHING))),
            ("answers", answers),
            ("after", rows),
        ):
            print(name, *told, sep="\n  ")
        print("leases", leases(self.oracle), held, sep="\n  ")
        raise AssertionError("no order of these calls explains their answers")

    async def _at_once(self, calls: list[Call], polls: list[Call]) -> list[Any]:
        waiting = [asyncio.ensure_future(answer(poll(self.server))) for poll in polls]
        if waiting:
            await asyncio.sleep(0)
        answers = await asyncio.gather(*[answer(call(self.server)) for call in calls])
        give_up = asyncio.get_running_loop().time() + WAKE_SECONDS
        while hungry := [poll for poll, task in zip(polls, waiting, strict=True) if not task.done()]:
            found = [await poll.peek(self.server) for poll in hungry]  # type: ignore[attr-defined]
            if not any(found):  # what a poll took just now it is still to be told
                await self.server.store.atransact(lambda _: None)
                await asyncio.sleep(0.001)
                break
            assert asyncio.get_running_loop().time() < give_up, "a waiting poll was not woken"
            await asyncio.sleep(0.001)
        for task in waiting:
            if not task.done():
                task.cancel()
        late = await asyncio.gather(*waiting, return_exceptions=True)
        return [*answers, *(None if isinstance(each, asyncio.CancelledError) else each for each in late)]

    # -- starting anew -------------------------------------------------------------------------

    def restart(self, how: str) -> None:
        """Stop the server and start it on its file. `how`: "clean", "killed", or "at work" (killed in the
        middle of a transaction). A killed process leaves its files as they are at that moment.
        """
        if how == "clean":
            self.run(self.server.devices.write())
            self.run(self.oracle.devices.write())
            self.database.close()
            self._open(self.database.path.parent)
        else:
            old, new = self.database, self.folder / str(self.starts + 1)
            end = self._begin_work() if how == "at work" else (lambda: None)
            new.mkdir()
            for each in old.path.parent.glob(f"{NAME}*"):
                if not each.name.endswith("-shm"):
                    shutil.copy(each, new)
            end()
            old.close()
            shutil.rmtree(old.path.parent)
            self._open(new)
        self.starts += 1
        self.oracle = self._dispatcher(self.oracle.store)
        self.run(self.server.start())
        self.run(self.oracle.start())

    def _begin_work(self) -> Callable[[], None]:
        """Begin a transaction that makes and takes tasks; returns how to let it fail."""
        begun, over = threading.Event(), threading.Event()

        def work(tx: Any) -> None:
            asks = [Ask(task_type="INGEST_VIDEO", needs={"never": "kept"}, metadata={"long": "x" * 100_000})]
            queue.create(tx, asks * 20, 1)
            for row in tx.leased():
                tx.update(row, phase="done")
            begun.set()
            over.wait(30)
            raise InterruptedError

        future = self.server.store.transact(work)
        assert begun.wait(30)

        def end() -> None:
            over.set()
            assert isinstance(future.exception(30), InterruptedError)

        return end

    # -- looking -------------------------------------------------------------------------------

    def rows(self) -> list[Row]:
        """Every task as the server shows it."""
        return list(self.run(self.server.store.page(EVERYTHING)))


async def answer(work: Coroutine[Any, Any, Any]) -> Any:
    """What a call answers; an error is an answer too: its class and its words."""
    try:
        value = await work
    except (DashcamError, UnicodeEncodeError) as error:
        return type(error).__name__, str(error)
    if isinstance(value, Completed):  # which tasks it woke others for is not part of the answer
        return value.row, value.answer
    return value


def calm(found: Any) -> Any:
    """An answer without the length of its pause: that is jittered, and the model says how much."""
    if isinstance(found, Row):
        return msgspec.structs.replace(found, run_at=None) if found.phase == Phase.BACKING_OFF else found
    return [calm(each) for each in found] if isinstance(found, (list, tuple)) else found


def leases(dispatcher: Dispatcher) -> set[tuple[Any, ...]]:
    """Every lease that a server knows of."""
    return {
        (each.task_id, each.number, each.device, each.session, each.seconds, each.deadline)
        for each in dispatcher.leases.all()
    }
