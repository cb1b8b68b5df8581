"""One SQLite file: one writing connection with group commit, and read-only ones, one per reading thread.

There is only one connection that writes and checkpoints, so SQLite's locks are never contended and its
WAL-reset bug (before 3.51.3) cannot be hit. `writing.py` commits operations in groups with
`synchronous=FULL`, and only then answers everyone: an answered operation is on the disk.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from server.network_disks import refuse_network_disk
from server.writing import Writer
from stages.errors import DatabaseDamaged, SettingsError, Unavailable

T = TypeVar("T")
Operation = Callable[[sqlite3.Connection], T]

_READERS = 4


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
        self._closed = False
        try:
            self._connection = _connect(path)
        except sqlite3.Error as error:
            self._lock.close()
            if damages(error):
                raise DatabaseDamaged(f"the database {path} is damaged: {error}") from error
            raise SettingsError(f"the database {path} cannot be opened: {error}") from error
        self._writer = Writer(self._connection)
        self._readers = ThreadPoolExecutor(_READERS, thread_name_prefix="sqlite-reader")
        self._local = threading.local()
        self._opened: list[sqlite3.Connection] = []

    # -- writing ---------------------------------------------------------------------------------

    def write(self, operation: Operation[T]) -> Future[T]:
        """Queue an operation. The future resolves after the commit that holds it."""
        future: Future[T] = Future()
        try:
            self._writer.put(operation, future)
        except Unavailable as error:
            future.set_exception(error)
        return future

    async def awrite(self, operation: Operation[T], *, brief: bool = False) -> T:
        """As `write`, for coroutines. What was queued runs even if the caller goes away. `brief`: a few
        statements by indexes, which the event loop may run itself.
        """
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        (self._writer.put_brief if brief else self._writer.put)(operation, future)
        return await future

    @property
    def on_rollback(self) -> list[Callable[[], None]]:
        """Called when something was taken back, by the thread that runs operations just then."""
        return self._writer.on_rollback

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

    def reader(self) -> sqlite3.Connection:
        """A connection of its own for one long reading, with a small cache; its caller closes it."""
        connection = _connect(self.path, read_only=True)
        connection.execute("PRAGMA cache_size=-2000")
        return connection

    def close(self) -> None:
        """Finish what is queued, tidy the file and let go of it."""
        if self._closed:
            return
        self._closed = True
        self._writer.stop()
        self._readers.shutdown(wait=True)
        for connection in self._opened:
            connection.close()
        with contextlib.suppress(
            sqlite3.Error
        ):  # a damaged file, a full disk: it must be let go of all the same
            self._connection.execute("PRAGMA optimize")
        self._connection.close()
        self._lock.close()


def damages(error: BaseException) -> bool:
    """Whether an error of SQLite says that the file itself is no longer whole."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


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
        connection.execute("PRAGMA analysis_limit=400")  # bounds what `PRAGMA optimize` reads
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
