"""What this host has looked at, copied and not yet handed in: a small SQLite file in the home.

It saves reading: what a clip is and whether the server has it is asked of the clip and of the server. Losing
the file costs time and nothing else, except for clips that were copied while the server was away; those are
found again on the card or in their place.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from dashcam_cli import platform
from dashcam_cli.intake import Clip
from dashcam_cli.scan import Found
from stages.errors import PlaceFull, SettingsError

FILE = "intake.sqlite"
_TABLES = """
CREATE TABLE IF NOT EXISTS looked (
    root TEXT NOT NULL, below TEXT NOT NULL, size INTEGER NOT NULL, modified INTEGER NOT NULL,
    sample BLOB NOT NULL, clip BLOB NOT NULL, urgent INTEGER NOT NULL, start TEXT NOT NULL,
    fingerprint TEXT NOT NULL, run INTEGER NOT NULL, done INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (root, below)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS kept (
    fingerprint TEXT PRIMARY KEY, device TEXT NOT NULL, path TEXT NOT NULL, size INTEGER NOT NULL,
    handed INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS waiting (id INTEGER PRIMARY KEY, fingerprint TEXT UNIQUE, task BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS pulled (
    camera TEXT NOT NULL, path TEXT NOT NULL, mark TEXT NOT NULL, PRIMARY KEY (camera, path)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS run (number INTEGER NOT NULL);
"""
_SAMPLE = 4096


class KeptCopy(NamedTuple):
    """A clip that this host copied into a place; `handed`: the server has its task."""

    device: str
    path: str
    size: int
    handed: bool


class _Facts(msgspec.Struct, frozen=True):
    """A `Clip` without its path."""

    video_id: str
    fingerprint: str
    priority: str
    warning: str
    problem: str
    start: datetime | None


class Ledger:
    """One open ledger. What was copied and what waits is on the disk when the method returns.

    Raises PlaceFull when the file cannot be written.
    """

    def __init__(self, home: Path) -> None:
        self._path = home / FILE
        try:
            home.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(self._path, isolation_level=None, timeout=30)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            self._db.executescript(_TABLES)
            self.run = self._next_run()
        except (sqlite3.Error, OSError) as error:
            raise SettingsError(
                f"{self._path} cannot be used: {error}; if it is damaged, remove it, it is made anew"
            ) from error

    def _next_run(self) -> int:
        self._db.execute("BEGIN IMMEDIATE")
        row = self._db.execute("SELECT max(number) FROM run").fetchone()
        number = int(row[0] or 0) + 1
        self._db.execute("DELETE FROM run")
        self._db.execute("INSERT INTO run VALUES (?)", (number,))
        self._db.execute("COMMIT")
        return number

    def close(self) -> None:
        """Close the file; what was not committed is forgotten."""
        self._db.close()

    def _do(self, sql: str, values: tuple[Any, ...] = ()) -> sqlite3.Cursor:
        try:
            return self._db.execute(sql, values)
        except sqlite3.Error as error:
            raise PlaceFull(f"{self._path} cannot be used: {error}") from error

    @contextmanager
    def _together(self) -> Iterator[None]:
        """Changes that are made all or not at all, and are on the disk afterwards."""
        self.commit()
        self._do("BEGIN IMMEDIATE")
        try:
            with self._db:  # commits, or takes all back
                yield
        except sqlite3.Error as error:
            raise PlaceFull(f"{self._path} cannot be used: {error}") from error

    # -- what was looked at ----------------------------------------------------------------------

    def begin(self) -> None:
        """Gather the following looks; `commit` puts them on the disk together."""
        if not self._db.in_transaction:
            self._do("BEGIN IMMEDIATE")

    def commit(self) -> None:
        """Put what was gathered on the disk."""
        if self._db.in_transaction:
            self._do("COMMIT")

    def seen(self, root: str, found: Found) -> Clip | None:
        """What an earlier look found, if the file is as it was: size, time and a sample from its middle.

        The sample is there for cameras whose clock is dead and whose files have all one size. Raises OSError.
        """
        row = self._do(
            "SELECT sample, clip FROM looked WHERE root = ? AND below = ? AND size = ? AND modified = ?",
            (root, found.below, found.size, found.modified),
        ).fetchone()
        if row is None or row[0] != sample(found.path, found.size):
            return None
        self._do("UPDATE looked SET run = ? WHERE root = ? AND below = ?", (self.run, root, found.below))
        return _unpack(row[1], found.path)

    def note(self, root: str, found: Found, clip: Clip) -> None:
        """Remember what a look found. Raises OSError."""
        self._do(
            "INSERT OR REPLACE INTO looked"
            " (root, below, size, modified, sample, clip, urgent, start, fingerprint, run)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                root, found.below, found.size, found.modified, sample(found.path, found.size), _pack(clip),
                clip.priority == "high", clip.start.isoformat() if clip.start else "", clip.fingerprint,
                self.run,
            ),
        )  # fmt: skip

    def found(self, root: str) -> Iterator[tuple[Found, Clip]]:
        """What this run found below a root: locked and event clips first, the newest first."""
        rows = self._do(
            "SELECT clip, below, size, modified FROM looked WHERE root = ? AND run = ?"
            " ORDER BY urgent DESC, start DESC, below",
            (root, self.run),
        )
        for data, below, size, modified in rows:
            path = Path(root) / below
            if clip := _unpack(data, path):
                yield Found(path, below, size, modified), clip

    def done(self, root: str, found: Found) -> bool:
        """Whether nothing is left to do for a file that is as it was."""
        row = self._do(
            "SELECT done FROM looked WHERE root = ? AND below = ? AND size = ? AND modified = ?",
            (root, found.below, found.size, found.modified),
        ).fetchone()
        return row is not None and bool(row[0])

    def finish(self, root: str, found: Found) -> None:
        """Nothing is left to do for a file unless it changes."""
        self._do(
            "INSERT INTO looked"
            " (root, below, size, modified, sample, clip, urgent, start, fingerprint, run, done)"
            " VALUES (?, ?, ?, ?, x'', x'', 0, '', '', 0, 1)"
            " ON CONFLICT DO UPDATE SET size = excluded.size, modified = excluded.modified, done = 1",
            (root, found.below, found.size, found.modified),
        )

    # -- what was copied, and what waits ---------------------------------------------------------

    def copy_of(self, fingerprint: str) -> KeptCopy | None:
        """The copy that this host made of a content."""
        row = self._do(
            "SELECT device, path, size, handed FROM kept WHERE fingerprint = ?", (fingerprint,)
        ).fetchone()
        return KeptCopy(row[0], row[1], row[2], bool(row[3])) if row else None

    def keep(
        self,
        fingerprint: str,
        copy: KeptCopy,
        task: dict[str, Any] | None,
        source: tuple[str, Found] | None = None,
    ) -> None:
        """A clip is in its place; its task, if it has one, waits to be handed in.

        `source`: the root and the file that it was copied from; nothing is left to do there.
        """
        with self._together():
            if source is not None:
                self.finish(*source)
            self._do("INSERT OR REPLACE INTO kept VALUES (?, ?, ?, ?, ?)", (fingerprint, *copy))
            if task is not None:
                self._do(
                    "INSERT OR REPLACE INTO waiting (fingerprint, task) VALUES (?, ?)",
                    (fingerprint, msgspec.json.encode(task)),
                )

    def hand(self, root: str, found: Found, clip: Clip, task: dict[str, Any]) -> None:
        """A clip that stays where it lies: its task waits, and nothing is left to do for the file."""
        with self._together():
            self.note(root, found, clip)
            self._do(
                "INSERT OR IGNORE INTO waiting (fingerprint, task) VALUES (?, ?)",
                (clip.fingerprint, msgspec.json.encode(task)),
            )
            self.finish(root, found)

    def waiting(self, limit: int) -> list[tuple[str, dict[str, Any]]]:
        """The tasks that wait, in order; at most `limit`."""
        rows = self._do("SELECT fingerprint, task FROM waiting ORDER BY id LIMIT ?", (limit,))
        return [(fingerprint, msgspec.json.decode(task, type=dict[str, Any])) for fingerprint, task in rows]

    def count_waiting(self) -> int:
        """How many tasks wait."""
        return int(self._do("SELECT count(*) FROM waiting").fetchone()[0])

    def handed(self, fingerprints: Iterable[str]) -> None:
        """The server has these."""
        with self._together():
            for fingerprint in fingerprints:
                self._do("DELETE FROM waiting WHERE fingerprint = ?", (fingerprint,))
                self._do("UPDATE kept SET handed = 1 WHERE fingerprint = ?", (fingerprint,))

    # -- cameras ---------------------------------------------------------------------------------

    def pulled(self, camera: str, path: str) -> str | None:
        """The mark (size and time) under which a camera's file was fetched."""
        row = self._do("SELECT mark FROM pulled WHERE camera = ? AND path = ?", (camera, path)).fetchone()
        return str(row[0]) if row else None

    def note_pulled(self, camera: str, path: str, mark: str) -> None:
        """A camera's file was fetched."""
        self._do("INSERT OR REPLACE INTO pulled VALUES (?, ?, ?)", (camera, path, mark))


def _pack(clip: Clip) -> bytes:
    return msgspec.json.encode(_Facts(*(getattr(clip, field) for field in _Facts.__struct_fields__)))


def _unpack(data: bytes, path: Path) -> Clip | None:
    try:
        facts = msgspec.json.decode(data, type=_Facts)
    except msgspec.DecodeError:  # an older version's: look again
        return None
    return Clip(path=path, **msgspec.structs.asdict(facts))


def sample(path: Path, size: int) -> bytes:
    """A short hash of a few kB from the middle of a file. Raises OSError."""
    with path.open("rb") as file:
        file.seek(size // 2)
        return hashlib.blake2b(file.read(_SAMPLE), digest_size=16).digest()


def home_number(home: Path, use: str) -> int:
    """18 digits for this home and use: they name unfinished copies, so that nobody else's are touched."""
    text = f"{platform.host_name()}\n{home.absolute()}\n{use}"
    return 10**17 + int.from_bytes(hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=6).digest())
