"""One SQLite file: a writer thread with group commit, and read-only connections, one per reading thread.

The writer is the only connection that writes and the only checkpointer, so SQLite's locks are never
contended and its WAL-reset bug (before 3.51.3) cannot be hit. It drains its queue, wraps each operation
in a savepoint, commits the lot once with `synchronous=FULL`, and only then answers everyone: an answered
operation is on the disk.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from stages.errors import DashcamError, SettingsError, Unavailable

T = TypeVar("T")
Operation = Callable[[sqlite3.Connection], T]
_Queued = tuple[Callable[[sqlite3.Connection], Any], Future[Any]]

#: Operations in one commit at most.
GROUP = 256
_READERS = 4
_IDLE_SECONDS = 2.0
_NETWORK = {
    "nfs",
    "nfs4",
    "cifs",
    "smb",
    "smb2",
    "smb3",
    "smbfs",
    "fuse.sshfs",
    "9p",
    "afs",
    "ncpfs",
    "glusterfs",
    "ceph",
}


class Database:
    """An open database file. `close` waits for what is queued."""

    def __init__(self, path: Path) -> None:
        refuse_network_disk(path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SettingsError(f"the home {path.parent} cannot be made: {error.strerror}") from error
        self.path = path
        self._lock = hold_alone(path.with_suffix(".lock"))
        self._queue: queue.SimpleQueue[_Queued | None] = queue.SimpleQueue()
        self._closed = False
        try:
            self._writer = _connect(path)
        except sqlite3.Error as error:
            raise SettingsError(f"the database {path} cannot be opened: {error}") from error
        self.on_rollback: list[Callable[[], None]] = []
        self._thread = threading.Thread(target=self._write_loop, name="sqlite-writer", daemon=True)
        self._readers = ThreadPoolExecutor(_READERS, thread_name_prefix="sqlite-reader")
        self._local = threading.local()
        self._opened: list[sqlite3.Connection] = []
        self._thread.start()

    # -- writing ---------------------------------------------------------------------------------

    def write(self, operation: Operation[T]) -> Future[T]:
        """Queue an operation. The future resolves after the commit that holds it."""
        future: Future[T] = Future()
        if self._closed:
            future.set_exception(Unavailable("the server is stopping; try again in a moment"))
        else:
            self._queue.put((operation, future))
        return future

    async def awrite(self, operation: Operation[T]) -> T:
        """As `write`, for coroutines. What was queued runs even if the caller goes away."""
        return await asyncio.shield(asyncio.wrap_future(self.write(operation)))

    def _write_loop(self) -> None:
        changes, changed_at = 0, None
        while True:
            try:
                first = self._queue.get(timeout=None if changed_at is None else _IDLE_SECONDS)
                if first is None:
                    return
                self._commit(self._group(first))
            except queue.Empty:
                pass
            now = time.monotonic()
            if self._writer.total_changes != changes:
                changes, changed_at = self._writer.total_changes, now
            elif changed_at is not None and now - changed_at >= _IDLE_SECONDS:
                self._checkpoint()
                changed_at = None

    def _group(self, first: _Queued) -> list[_Queued]:
        """`first` and whatever else waits, for one commit."""
        group = [first]
        while len(group) < GROUP:
            try:
                item = self._queue.get_nowait()
            except queue.Empty:
                break
            if item is None:
                self._queue.put(None)
                break
            group.append(item)
        return group

    def _checkpoint(self) -> None:
        """Nobody wrote for a while: fold the WAL into the file, so that an idle home is small."""
        with contextlib.suppress(sqlite3.Error):  # a reader in the way, a full disk: later is soon enough
            self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _commit(self, group: list[_Queued]) -> None:
        answers: list[tuple[Future[Any], Any, BaseException | None]] = []
        try:
            self._writer.execute("BEGIN IMMEDIATE")
            for operation, future in group:
                answers.append((future, *self._one(operation)))
            self._writer.execute("COMMIT")
        except sqlite3.Error as error:
            # Disk full, an I/O error: nothing of this group is on the disk, and everyone is told so.
            self._undo()
            trouble = Unavailable(f"the database could not be written: {error}; nothing of this was kept")
            answers = [(future, None, trouble) for _, future in group]
        for future, value, failure in answers:
            if failure is None:
                future.set_result(value)
            else:
                future.set_exception(failure)

    def _one(self, operation: Operation[Any]) -> tuple[Any, BaseException | None]:
        """Run one operation in a savepoint of its own, so that it fails alone."""
        self._writer.execute("SAVEPOINT one")
        failure: Exception
        try:
            value = operation(self._writer)
        except DashcamError as error:
            value, failure = None, error
        except sqlite3.OperationalError:
            raise  # the file itself is in trouble: the whole group fails
        except Exception as error:  # noqa: BLE001  # the writer thread must survive any operation
            value, failure = None, error
        else:
            self._writer.execute("RELEASE one")
            return value, None
        self._writer.execute("ROLLBACK TO one")
        self._writer.execute("RELEASE one")
        for hook in self.on_rollback:
            hook()
        return value, failure

    def _undo(self) -> None:
        for hook in self.on_rollback:
            hook()
        if self._writer.in_transaction:
            self._writer.execute("ROLLBACK")

    # -- reading ---------------------------------------------------------------------------------

    async def read(self, operation: Operation[T]) -> T:
        """Run a reading operation on one of the reader threads."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._readers, self.read_now, operation)

    def read_now(self, operation: Operation[T]) -> T:
        """As `read`, in the calling thread."""
        connection = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = _connect(self.path, read_only=True)
            self._opened.append(connection)
        try:
            return operation(connection)
        except sqlite3.Error as error:
            raise Unavailable(f"the database could not be read: {error}") from error

    def close(self) -> None:
        """Finish what is queued, tidy the file and let go of it."""
        if self._closed:
            return
        self._closed = True
        self._queue.put(None)
        self._thread.join()
        self._readers.shutdown(wait=True)
        for connection in self._opened:
            connection.close()
        self._writer.execute("PRAGMA optimize")
        self._writer.close()
        self._lock.close()


def _connect(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    # Each connection stays in one thread; only closing happens elsewhere, when that thread is gone.
    if read_only:
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None, check_same_thread=False
        )
        connection.execute("PRAGMA query_only=ON")
        connection.execute("PRAGMA cache_size=-65536")
    else:
        connection = sqlite3.connect(
            path, isolation_level=None, check_same_thread=False, cached_statements=256
        )
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("PRAGMA journal_size_limit=67108864")
    connection.execute("PRAGMA busy_timeout=5000")
    connection.execute("PRAGMA temp_store=MEMORY")
    connection.execute("PRAGMA mmap_size=0")
    return connection


def hold_alone(path: Path) -> sqlite3.Connection:
    """Hold `path` for this process until it ends, however it ends; a second holder is refused.

    SQLite's own file lock serves on every system and falls with the process.
    """
    try:
        connection = sqlite3.connect(path, isolation_level=None, timeout=0, check_same_thread=False)
    except sqlite3.Error as error:
        raise SettingsError(f"{path} cannot be opened: {error}; is the home writable?") from error
    try:
        connection.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError as error:
        connection.close()
        if "locked" not in str(error):
            raise SettingsError(f"{path} cannot be used: {error}; is the home writable?") from error
        raise SettingsError(
            f"another dashcam server has {path.parent} open; stop it, or give this one another --home"
        ) from error
    return connection


def refuse_network_disk(path: Path, mounts: Path = Path("/proc/mounts")) -> None:
    """SQLite's locks do not hold over NFS or SMB, and databases there do break."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return  # no such list on this system
    best = ("", "")
    for line in lines:
        point, kind = [*line.split(" "), "", "", ""][1:3]
        point = point.replace("\\040", " ")
        if path.absolute().is_relative_to(point) and len(point) >= len(best[0]):
            best = (point, kind)
    if best[1] in _NETWORK:
        raise SettingsError(
            f"the database cannot lie on a network disk ({best[0]} is {best[1]}); "
            "give a folder on a local disk with --home, files may stay on the network"
        )
