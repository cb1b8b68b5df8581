"""One SQLite file: a writer thread with group commit, and read-only connections, one per reading thread.

The writer is the only connection that writes and the only checkpointer, so SQLite's locks are never
contended and its WAL-reset bug (before 3.51.3) cannot be hit. It drains its queue, runs the operations,
commits the lot once with `synchronous=FULL`, and only then answers everyone: an answered operation is on
the disk. When an operation fails that had changed something, the lot is run again with a savepoint for each.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import re
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from stages.errors import DashcamError, DatabaseDamaged, SettingsError, Unavailable

T = TypeVar("T")
Operation = Callable[[sqlite3.Connection], T]
#: A thread waits for a `Future`, a coroutine for a future of its loop.
_Waiting = Future[Any] | asyncio.Future[Any]
_Queued = tuple[Callable[[sqlite3.Connection], Any], _Waiting]
_Answer = tuple[_Waiting, Any, BaseException | None]

#: Operations in one commit at most.
GROUP = 256
_READERS = 4
_IDLE_SECONDS = 2.0
_GIVE_WAY_SECONDS = 0.02
_FEW, _GATHER_SECONDS, _GATHER_STEP = 4, 0.01, 0.001
_STOPPING = "the server is stopping; try again in a moment"
_ESCAPED = re.compile(r"\\([0-7]{3})")
#: As /proc/mounts names them; those of FUSE there begin with "fuse.".
_NETWORK = {
    "9p", "afs", "beegfs", "ceph", "ceph-fuse", "cephfs", "cifs", "coda", "curlftpfs", "davfs", "davfs2",
    "glusterfs", "goofys", "gpfs", "gvfsd-fuse", "juicefs", "lustre", "mfs", "moosefs", "ncpfs", "nfs",
    "nfs4", "rclone", "s3fs", "smb", "smb2", "smb3", "smbfs", "smbnetfs", "sshfs", "vboxsf", "vmhgfs",
    "vmhgfs-fuse",
}  # fmt: skip


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
        self._turn = _Turn()
        self._gathered = 0
        try:
            self._writer = _connect(path)
        except sqlite3.Error as error:
            self._lock.close()
            if damages(error):
                raise DatabaseDamaged(f"the database {path} is damaged: {error}") from error
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
            future.set_exception(Unavailable(_STOPPING))
        else:
            self._queue.put((operation, future))
        return future

    async def awrite(self, operation: Operation[T]) -> T:
        """As `write`, for coroutines. What was queued runs even if the caller goes away."""
        if self._closed:
            raise Unavailable(_STOPPING)
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._queue.put((operation, future))
        self._turn.give_way()
        return await future

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
        self._let_gather()
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
        self._gathered = len(group)
        return group

    def _let_gather(self) -> None:
        """Where the last commit had several operations, wait while more keep coming: those who were answered
        by it ask again. A single client waits for nobody.
        """
        until = time.monotonic() + _GATHER_SECONDS
        while self._gathered > _FEW and time.monotonic() < until:
            size = self._queue.qsize()
            time.sleep(_GATHER_STEP)
            if self._queue.qsize() == size:
                return

    def _checkpoint(self) -> None:
        """Nobody wrote for a while: fold the WAL into the file, so that an idle home is small."""
        with contextlib.suppress(sqlite3.Error):  # a reader in the way, a full disk: later is soon enough
            self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _commit(self, group: list[_Queued]) -> None:
        try:
            answers = self._together(group) or self._one_by_one(group)
        except sqlite3.Error as error:
            # Disk full, an I/O error: nothing of this group is on the disk, and everyone is told so.
            self._undo()
            trouble = Unavailable(f"the database could not be written: {error}; nothing of this was kept")
            answers = [(future, None, trouble) for _, future in group]
        _tell(answers)

    def _together(self, group: list[_Queued]) -> list[_Answer] | None:
        """Run operations as one transaction; None, and nothing is kept, when one failed that had changed
        something: then each needs a savepoint. Most fail before they change anything, if they fail.
        """
        answers: list[_Answer] = []
        self._writer.execute("BEGIN IMMEDIATE")
        with self._turn:
            if not self._run(group, answers):
                return None
        self._writer.execute("COMMIT")
        return answers

    def _run(self, group: list[_Queued], answers: list[_Answer]) -> bool:
        for operation, future in group:
            before = self._writer.total_changes
            try:
                answers.append((future, operation(self._writer), None))
            except DashcamError as error:
                if self._writer.total_changes != before:
                    self._undo()
                    return False
                answers.append((future, None, error))
            except sqlite3.OperationalError:
                raise  # the file itself is in trouble: the whole group fails
            except Exception:  # noqa: BLE001  # the writer thread must survive any operation
                self._undo()
                return False
        return True

    def _one_by_one(self, group: list[_Queued]) -> list[_Answer]:
        answers: list[_Answer] = []
        self._writer.execute("BEGIN IMMEDIATE")
        for operation, future in group:
            answers.append((future, *self._one(operation)))
        self._writer.execute("COMMIT")
        return answers

    def _one(self, operation: Operation[Any]) -> tuple[Any, BaseException | None]:
        """Run one operation in a savepoint of its own, so that it fails alone."""
        self._writer.execute("SAVEPOINT one")
        failure: Exception
        try:
            value = operation(self._writer)
        except sqlite3.OperationalError:
            raise  # as above
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
        self._queue.put(None)
        self._thread.join()
        self._readers.shutdown(wait=True)
        for connection in self._opened:
            connection.close()
        with contextlib.suppress(
            sqlite3.Error
        ):  # a damaged file, a full disk: it must be let go of all the same
            self._writer.execute("PRAGMA optimize")
        self._writer.close()
        self._lock.close()


def damages(error: BaseException) -> bool:
    """Whether an error of SQLite says that the file itself is no longer whole."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class _Turn:
    """Held by the writer while it runs the operations of a group, so that the event loop waits for it.

    Python runs one thread at a time. Each statement lets go of that right, and a busy loop keeps it for
    milliseconds: without this the writer would crawl whenever there is much to do. The disk is waited for
    outside of it. A long group is waited for once, and not to its end.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._long = False

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._long = False
        self._lock.release()

    def give_way(self) -> None:
        """Let a group that is being run come to its end, for a moment at most."""
        if not self._lock.locked() or self._long:
            return
        if self._lock.acquire(timeout=_GIVE_WAY_SECONDS):
            self._lock.release()
        else:
            self._long = True


def _tell(answers: list[_Answer]) -> None:
    """Answer everyone of a group; an event loop is woken once for all that wait in it."""
    loops: dict[asyncio.AbstractEventLoop, list[_Answer]] = {}
    for answer in answers:
        if isinstance(answer[0], Future):
            _settle([answer])
        else:
            loops.setdefault(answer[0].get_loop(), []).append(answer)
    for loop, theirs in loops.items():
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(_settle, theirs)


def _settle(answers: list[_Answer]) -> None:
    for future, value, failure in answers:
        if future.done():
            continue  # the caller went away meanwhile
        if failure is None:
            future.set_result(value)
        else:
            future.set_exception(failure)


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


def refuse_network_disk(path: Path, mounts: Path = Path("/proc/mounts")) -> None:
    """SQLite's locks do not hold over NFS, SMB or a FUSE mount of another host, and databases there do break.

    Links are followed; a folder that is mounted once more (bind) counts as what it is of.
    """
    real = path.resolve()
    if real.drive.startswith("\\\\"):
        _refuse(real.drive, "a share")
    try:
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return  # no such list on this system
    best = ("", "")
    for line in lines:
        point, kind = [*line.split(" "), "", "", ""][1:3]
        point = _ESCAPED.sub(lambda found: chr(int(found[1], 8)), point)
        if real.is_relative_to(point) and len(point) >= len(
            best[0]
        ):  # of two in one place the later is on top
            best = (point, kind)
    if best[1].removeprefix("fuse.") in _NETWORK:
        _refuse(best[0], best[1])


def _refuse(where: str, kind: str) -> None:
    raise SettingsError(
        f"the database cannot lie on a network disk ({where} is {kind}); "
        "give a folder on a local disk with --home, files may stay on the network"
    )
