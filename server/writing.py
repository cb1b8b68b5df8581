"""The one writer of a database: operations in groups, one commit for a group, and only then the answers.

Python runs one thread at a time, so a writer thread and a busy event loop stand in each other's way with
every statement. Brief operations of coroutines therefore run on the event loop itself, and only their commit,
which waits for the disk, is left to the writer thread; the loop gathers the next group meanwhile. All other
operations run whole in that thread, with whatever brief ones wait just then. `_busy` is whose turn it is:
whoever sets it has the connection, from `BEGIN` until the commit is over.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Any

from stages.errors import DashcamError, Unavailable

Operation = Callable[[sqlite3.Connection], Any]
#: A thread waits for a `Future`, a coroutine for a future of its loop.
Waiting = Future[Any] | asyncio.Future[Any]
Queued = tuple[Operation, Waiting]
Answer = tuple[Waiting, Any, BaseException | None]

#: Operations in one commit at most: in the thread, and on the event loop, which does nothing else meanwhile.
GROUP, ON_LOOP = 256, 64
_IDLE_SECONDS = 2.0
#: After a group of more than a few, those who were answered by it ask again: the next one waits for them.
_FEW, _GATHER_STEP, _GATHER_LOOKS = 4, 0.001, 20


class Writer:
    """Runs operations on a connection. `on_rollback` is called when something was taken back."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.on_rollback: list[Callable[[], None]] = []
        self._connection = connection
        self._lock = threading.Lock()  # for what follows, never held while something runs
        self._stopped = False
        self._busy = False
        self._whole: deque[Queued] = deque()
        self._brief: deque[Queued] = deque()
        self._asked: asyncio.AbstractEventLoop | None = None  # where `_begin` is to come
        self._waits: asyncio.AbstractEventLoop | None = None  # where brief ones wait for their turn
        self._last = 0  # operations in the last group
        self._untidy = False  # something was written since the WAL was folded into the file
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="sqlite-writer", daemon=True)
        self._thread.start()

    def put(self, operation: Operation, future: Waiting) -> None:
        """Run an operation in the writer thread. Raises Unavailable after `stop`."""
        with self._lock:
            self._refuse_late()
            self._whole.append((operation, future))
            if not self._busy:
                self._busy = True
                self._jobs.put(self._run_whole)

    def put_brief(self, operation: Operation, future: asyncio.Future[Any]) -> None:
        """Run an operation of a few statements on the event loop, which is the caller. Raises as `put`."""
        loop = future.get_loop()
        with self._lock:
            self._refuse_late()
            self._brief.append((operation, future))
            if self._busy:
                self._waits = loop
                return
        self._soon(loop)

    def stop(self) -> None:
        """Finish what is queued, and end the thread."""
        with self._lock:
            self._stopped = True
            self._whole.extend(self._brief)
            self._brief.clear()
            if self._whole and not self._busy:
                self._busy = True
                self._jobs.put(self._run_whole)
        self._jobs.put(None)
        self._thread.join()

    def _refuse_late(self) -> None:
        if self._stopped:
            raise Unavailable("the server is stopping; try again in a moment")

    # -- on the event loop -----------------------------------------------------------------------

    def _soon(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin a group before long, unless that is to come already."""
        if self._asked is loop or not self._brief:
            return
        self._asked = loop
        if self._last > _FEW:
            loop.call_later(_GATHER_STEP, self._gather, loop, len(self._brief), 1)
        else:
            loop.call_soon(self._begin, loop)

    def _gather(self, loop: asyncio.AbstractEventLoop, seen: int, looks: int) -> None:
        """Wait while more keep coming."""
        if seen < len(self._brief) < ON_LOOP and looks < _GATHER_LOOKS:
            loop.call_later(_GATHER_STEP, self._gather, loop, len(self._brief), looks + 1)
        else:
            self._begin(loop)

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        """Run the statements of a group, and leave its commit to the thread."""
        with self._lock:
            self._asked = None
            if self._busy:
                self._waits = loop
                return
            group = [self._brief.popleft() for _ in range(min(ON_LOOP, len(self._brief)))]
            if not group:
                return
            self._busy = True
            self._waits = loop if self._brief else None
        before = self._connection.total_changes
        answers = _failed(group, Unavailable("the server was interrupted; nothing of this was kept"))
        try:
            answers = self._run(group)
        finally:
            if self._connection.total_changes == before:
                self._finish(answers)  # nothing to write: the disk need not be waited for
            else:
                self._jobs.put(partial(self._finish, answers))

    # -- in the thread ---------------------------------------------------------------------------

    def _work(self) -> None:
        """Do one job after another. Nobody else does anything while it is their turn."""
        changes, stopping = 0, False
        while True:
            try:
                job = self._jobs.get(timeout=_IDLE_SECONDS if self._untidy else None)
            except queue.Empty:
                with self._lock:
                    if self._busy:
                        continue
                    self._busy = True
                job = self._tidy
            if job is None:
                stopping = True
            else:
                job()
            if self._connection.total_changes != changes:
                changes, self._untidy = self._connection.total_changes, True
            with self._lock:
                if stopping and not self._busy:
                    return

    def _run_whole(self) -> None:
        with self._lock:
            group = [
                each.popleft()
                for each in (self._brief, self._whole)  # what looks at everything sees those before it
                for _ in range(min(GROUP // 2, len(each)))
            ]
        self._finish(self._run(group))

    def _finish(self, answers: list[Answer]) -> None:
        """Commit the group that was run, answer everyone, and pass the turn on."""
        try:
            if self._connection.in_transaction:
                self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            self._undo()
            answers = _failed(answers, _trouble(error))
        self._last = len(answers)
        self._pass_on()
        _tell(answers)
        self._call_next()

    def _tidy(self) -> None:
        """Nobody wrote for a while: fold the WAL into the file, so that an idle home is small.

        A reader in the way is not waited for: whoever writes would wait as well. Later is soon enough.
        """
        self._untidy = False
        with contextlib.suppress(sqlite3.Error):  # a full disk
            (patience,) = self._connection.execute("PRAGMA busy_timeout").fetchone()
            self._connection.execute("PRAGMA busy_timeout=0")
            try:
                busy, *_ = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
                self._untidy = bool(busy)
            finally:
                self._connection.execute(f"PRAGMA busy_timeout={patience}")
        self._pass_on()
        self._call_next()

    def _pass_on(self) -> None:
        with self._lock:
            self._busy = bool(self._whole)
            if self._busy:
                self._jobs.put(self._run_whole)
            elif self._stopped:
                self._jobs.put(None)  # `stop` came in the middle of a group that the thread had no part in

    def _call_next(self) -> None:
        with self._lock:
            loop, self._waits = self._waits, None
        if loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(self._soon, loop)

    # -- a group ---------------------------------------------------------------------------------

    def _run(self, group: list[Queued]) -> list[Answer]:
        """Run operations as one transaction, which stays open. When one fails that had changed something,
        they are run again with a savepoint for each; most fail before they change anything, if they fail.
        """
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            answers = self._together(group)
            if answers is None:
                self._connection.execute("BEGIN IMMEDIATE")
                answers = [(future, *self._one(operation)) for operation, future in group]
        except sqlite3.Error as error:  # a full disk, an I/O error: nothing of this group is on the disk
            self._undo()
            return _failed(group, _trouble(error))
        except BaseException:  # Ctrl-C, on the event loop
            self._undo()
            raise
        return answers

    def _together(self, group: list[Queued]) -> list[Answer] | None:
        answers: list[Answer] = []
        for operation, future in group:
            before = self._connection.total_changes
            try:
                answers.append((future, operation(self._connection), None))
            except DashcamError as error:
                if self._connection.total_changes != before:
                    self._undo()
                    return None
                answers.append((future, None, error))
            except sqlite3.OperationalError:
                raise  # the file itself is in trouble: the whole group fails
            except Exception:  # noqa: BLE001  # the writer must survive any operation
                self._undo()
                return None
        return answers

    def _one(self, operation: Operation) -> tuple[Any, BaseException | None]:
        """Run one operation in a savepoint of its own, so that it fails alone."""
        self._connection.execute("SAVEPOINT one")
        failure: Exception
        try:
            value = operation(self._connection)
        except sqlite3.OperationalError:
            raise  # as above
        except Exception as error:  # noqa: BLE001  # the writer must survive any operation
            value, failure = None, error
        else:
            self._connection.execute("RELEASE one")
            return value, None
        self._connection.execute("ROLLBACK TO one")
        self._connection.execute("RELEASE one")
        for hook in self.on_rollback:
            hook()
        return value, failure

    def _undo(self) -> None:
        for hook in self.on_rollback:
            hook()
        if self._connection.in_transaction:
            with contextlib.suppress(sqlite3.Error):  # then the next group cannot begin, and tries this again
                self._connection.execute("ROLLBACK")


def _trouble(error: sqlite3.Error) -> Unavailable:
    return Unavailable(f"the database could not be written: {error}; nothing of this was kept")


def _failed(group: Sequence[Queued | Answer], why: Exception) -> list[Answer]:
    """The answers of a group of which nothing was kept."""
    return [(each[1] if len(each) == 2 else each[0], None, why) for each in group]


def _tell(answers: list[Answer]) -> None:
    """Answer everyone of a group; an event loop is woken once for all that wait in it."""
    loops: dict[asyncio.AbstractEventLoop, list[Answer]] = {}
    for answer in answers:
        if isinstance(answer[0], Future):
            _settle([answer])
        else:
            loops.setdefault(answer[0].get_loop(), []).append(answer)
    for loop, theirs in loops.items():
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(_settle, theirs)


def _settle(answers: list[Answer]) -> None:
    for future, value, failure in answers:
        if future.done():
            continue  # the caller went away meanwhile
        if failure is None:
            future.set_result(value)
        else:
            future.set_exception(failure)
