"""Verified copies of a home's database, and the way back.

A copy is one SQLite file: the database as one transaction saw it, and (unless left out) the pictures that its
catalogue names, in a table of their own. It is written as `<name>.part`, checked, flushed and renamed: what
bears a backup's name is whole. The home's key and settings are secrets of its host and are not in it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from server.genuine import drop_others, refuse_others
from server.media import Media
from server.schema import newer_steps, raise_numbers
from server.sqlite import hold_alone
from stages.errors import BadInput, Conflict, SettingsError, Unavailable

PART = ".part"
_MADE = "backup_made"
_PICTURES = "backup_picture"
_TABLES = {
    _MADE: f"CREATE TABLE {_MADE} (made_at INTEGER NOT NULL, pictures INTEGER NOT NULL) STRICT",
    _PICTURES: f"CREATE TABLE {_PICTURES} (hash TEXT PRIMARY KEY, jpeg BLOB NOT NULL) STRICT",
}
_NAMED = (
    "SELECT crop FROM sighting WHERE crop IS NOT NULL UNION SELECT poster FROM clip WHERE poster IS NOT NULL"
)
_COUNTS = {"clips": "clip", "sightings": "sighting", "tasks": "task"}
#: Room beside what the copy itself takes (bytes): its journal, and what others write meanwhile.
_SPARE = 32 << 20
_MICRO = 1_000_000
#: The year 10,000 (µs since 1970).
_NEVER = 253_402_300_800 * _MICRO


class Copy(msgspec.Struct, frozen=True, kw_only=True):
    """What a backup holds. `made_at`: µs since 1970; None: a database file as it lay in some home."""

    file: str
    size_bytes: int
    made_at: int | None
    clips: int
    sightings: int
    tasks: int
    pictures: int


class Restored(msgspec.Struct, frozen=True, kw_only=True):
    """What `restore` did. `former`: where the database that stood there lies now; None: there was none."""

    copy: Copy
    former: str | None


def save(database: Path, target: Path, media: Path | None) -> Copy:
    """Copy a database, live or not, to a new file; `media`: the folder of pictures that come along.

    Raises `Conflict` (the file exists), `Unavailable` (not enough room, an error of the disk), `BadInput`
    (the copy did not pass its check: the database itself is damaged). Then nothing of it is left.
    """
    if target.exists():
        raise Conflict(f"{target} exists; give a name that is free")
    part = target.with_name(target.name + PART)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        part.unlink(missing_ok=True)
        _room(target.parent, _size(database))
        part.touch(exist_ok=False)  # as in `examine`: the system says why it cannot be made
        _copy(database, part, live=True)
        with _written(part) as copy:
            for statement in _TABLES.values():
                copy.execute(statement)
            taken = _take_pictures(copy, Media(media), target.parent) if media is not None else 0
            copy.execute(f"INSERT INTO {_MADE} VALUES (?, ?)", (int(time.time() * _MICRO), taken))  # noqa: S608
            _check(copy, part, deep=True)
        flush(part)
        found = examine(part, deep=False)
        part.replace(target)
        flush(target.parent)
    except (sqlite3.Error, OSError) as error:
        raise Unavailable(
            f"the backup {target} could not be written: {error}; nothing of it was kept"
        ) from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
    return msgspec.structs.replace(found, file=str(target))


def examine(path: Path, *, deep: bool = True) -> Copy:
    """What a backup (or the database file of a stopped home) holds, once it passed its check.

    Raises `BadInput` for what is damaged, of another program or of a newer dashcam.
    """
    if not path.is_file():
        raise BadInput(f"there is no file {path}")
    try:
        path.open("rb").close()  # SQLite says of one that may not be read only that it cannot be opened
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}") from error
    try:
        with contextlib.closing(_reader(path)) as connection:
            if deep:
                _check(connection, path, deep=False)
                refuse_others(connection, path, _TABLES)
            return _about(connection, path)
    except sqlite3.Error as error:
        raise BadInput(f"{path} is no whole database: {error}") from error


def restore(file: Path, home: Path, name: str) -> Restored:
    """Put a backup in the place of a home's database `name`; that one is kept beside it.

    At every moment the home has one whole database. Raises `SettingsError` while a server has the home open,
    `BadInput` for a file that does not pass its check, `Unavailable` for trouble with the disk.
    """
    home.mkdir(parents=True, exist_ok=True)
    database = home / name
    held = _held(database)
    part = home / f"{name}.restore{PART}"
    try:
        for left in home.glob(f"{database.stem}-before-restore-*{PART}"):  # of one that was cut off
            left.unlink()
        found = examine(file)
        _prepare(file, part, home / "media")
        former = _set_aside(database)
        part.replace(database)
        flush(home)
        Path(f"{database}-unchecked").unlink(missing_ok=True)  # that was said of the other one
    except (sqlite3.Error, OSError) as error:
        raise Unavailable(f"{file} could not be restored: {error}; the home is as it was") from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        held.close()
    return Restored(copy=found, former=str(former) if former else None)


def _held(database: Path) -> sqlite3.Connection:
    try:
        return hold_alone(database.with_suffix(".lock"))
    except SettingsError as error:
        if "locked" in str(error.__cause__):
            home = database.parent
            raise SettingsError(
                f"a dashcam server has {home} open; stop it, restore, then start it again"
            ) from error
        raise


def _prepare(file: Path, part: Path, media: Path) -> None:
    """The backup as a database beside the one that it replaces; its pictures go to their folder."""
    part.unlink(missing_ok=True)
    _room(part.parent, 2 * _size(file))
    _copy(file, part)
    with _written(part) as copy:
        drop_others(copy)
        if _has(copy, _PICTURES):
            pictures = Media(media)
            for digest, jpeg in copy.execute(f"SELECT hash, jpeg FROM {_PICTURES}"):  # noqa: S608
                if pictures.keep(jpeg) != digest:
                    raise BadInput(
                        f"{file} holds a picture that is not the one it is named for; it was changed"
                    )
            copy.execute(f"DROP TABLE {_PICTURES}")
            copy.execute(f"DROP TABLE IF EXISTS {_MADE}")
            copy.execute("VACUUM")
        # Workers may still hold tasks of the time after the backup: nothing of theirs may fit what comes now.
        raise_numbers(copy)
        _check(copy, part, deep=True)
    flush(part)


def _set_aside(database: Path) -> Path | None:
    """Give the database a second name, so that it is never without one; its journal is folded in first."""
    if not database.exists():
        return None
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    former = database.with_name(f"{database.stem}-before-restore-{stamp}{database.suffix}")
    number = 1
    while former.exists():
        former = database.with_name(f"{database.stem}-before-restore-{stamp}-{number}{database.suffix}")
        number += 1
    with contextlib.suppress(sqlite3.Error), contextlib.closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    try:
        os.link(database, former)
    except OSError:  # a disk without hard links; nobody has the file open
        part = former.with_name(former.name + PART)
        shutil.copyfile(database, part)
        flush(part)
        part.replace(former)
    journal = Path(f"{database}-wal")
    if journal.exists():  # damaged, so it could not be folded in: it belongs to that file and to no other
        journal.replace(f"{former}-wal")
    Path(f"{database}-shm").unlink(missing_ok=True)
    flush(database.parent)
    return former


def _check(connection: sqlite3.Connection, path: Path, *, deep: bool) -> None:
    """Raises `BadInput`. `deep`: the search indexes too, for which the file must be writable."""
    found = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if found != "ok":
        raise BadInput(f"{path} is damaged: {' '.join(found.split())}")
    if connection.execute("PRAGMA foreign_key_check").fetchone() is not None:
        raise BadInput(f"{path} is damaged: rows name others that are not there")
    if not _has(connection, "task") or not _has(connection, "clip"):
        raise BadInput(f"{path} is not a dashcam database")
    if newer := newer_steps(connection):
        raise BadInput(f"{path} is of a newer dashcam (it has {', '.join(newer)}); update this one first")
    if deep and _has(connection, "plate_fts"):
        connection.execute("INSERT INTO plate_fts (plate_fts) VALUES ('integrity-check')")


def _about(connection: sqlite3.Connection, path: Path) -> Copy:
    made = None
    if _has(connection, _MADE):
        made = connection.execute(f"SELECT max(made_at) FROM {_MADE}").fetchone()[0]  # noqa: S608
    if made is not None and not 0 <= made < _NEVER:
        raise BadInput(f"{path} is damaged: it says that it was made at no time there is")
    counted = {
        key: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608
        for key, table in {**_COUNTS, "pictures": _PICTURES}.items()
        if _has(connection, table)
    }
    return Copy(file=str(path), size_bytes=path.stat().st_size, made_at=made, **({"pictures": 0} | counted))


def _has(connection: sqlite3.Connection, table: str) -> bool:
    found = connection.execute("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?", (table,))
    return found.fetchone() is not None


def _reader(path: Path, *, live: bool = False) -> sqlite3.Connection:
    # A file without a journal changes no more: it needs no lock, which network disks may not give.
    still = "" if live or Path(f"{path}-wal").exists() else "&immutable=1"
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro{still}", uri=True, isolation_level=None)


@contextlib.contextmanager
def _written(part: Path) -> Iterator[sqlite3.Connection]:
    """A new file that nobody else knows: no locks, and nothing is flushed before the end."""
    connection = sqlite3.connect(f"{part.absolute().as_uri()}?nolock=1", uri=True, isolation_level=None)
    try:
        connection.execute("PRAGMA synchronous=OFF")
        yield connection
    finally:
        connection.close()


def _copy(source: Path, part: Path, *, live: bool = False) -> None:
    """One file, without a journal beside it: it can be read from any disk, and copied."""
    with contextlib.closing(_reader(source, live=live)) as reader, _written(part) as copy:
        reader.backup(copy)  # in one step: others may write meanwhile, and the copy does not begin anew
    with part.open(
        "r+b"
    ) as file:  # the two bytes that say WAL; SQLite cannot change them where it may not lock
        file.seek(18)
        file.write(b"\x01\x01")


def _take_pictures(copy: sqlite3.Connection, media: Media, folder: Path) -> int:
    taken = 0
    copy.execute("BEGIN")
    for (digest,) in copy.execute(_NAMED).fetchall():
        picture = media.read(digest)
        if picture is None:
            continue  # a picture that is gone from the home is no reason to have no backup
        copy.execute(f"INSERT INTO {_PICTURES} VALUES (?, ?)", (digest, picture))  # noqa: S608
        taken += 1
        if taken % 1000 == 0:
            _room(folder, 0)
    copy.execute("COMMIT")
    return taken


def _size(database: Path) -> int:
    return sum(each.stat().st_size for each in (database, Path(f"{database}-wal")) if each.exists())


def _room(folder: Path, size: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < size + _SPARE:
        raise Unavailable(
            f"there is not enough room in {folder}: {(size + _SPARE) / 1e6:.0f} MB are needed and "
            f"{free / 1e6:.0f} MB free"
        )


def flush(path: Path) -> None:
    """A file's bytes, or a folder's names, onto the disk."""
    if path.is_dir() and os.name != "posix":
        return
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR | getattr(os, "O_BINARY", 0))
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
