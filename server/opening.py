"""Opening a home's database: after a hard stop it is looked through, before an upgrade it is saved."""

from __future__ import annotations

import logging
import sqlite3
import time
from pathlib import Path

from server import backup
from server.schema import migrate, missing_steps
from server.sqlite import Database, damages
from stages.errors import DashcamError, DatabaseDamaged, SettingsError

log = logging.getLogger("dashcam.server")

#: Name and place of the database in a home.
DATABASE = "dashcam.sqlite"
BACKUPS = "backups"
#: Beside a database that has still to be looked through.
UNCHECKED = "-unchecked"
#: How the copies made before an upgrade are named, and how many of them are kept.
_BEFORE, _BEFORE_KEPT = "before-", 2


def backup_folder(home: Path, named: str) -> Path:
    """Where a home's backups go."""
    return Path(named).expanduser() if named else home / BACKUPS


def open_database(home: Path, backups: Path) -> Database:
    """The database of a home, whole and of this program's schema.

    Raises `SettingsError`: another server has it, it is on a network disk, of a newer program, could not be
    saved before an upgrade; `DatabaseDamaged`: it is not whole, with what puts it right.
    """
    path = home / DATABASE
    unchecked = Path(f"{path}{UNCHECKED}")
    # Closed in order it leaves no journal; one that was found damaged is looked through until it is whole.
    unclean = Path(f"{path}-wal").exists() or unchecked.exists()
    try:
        database = Database(path)
    except DatabaseDamaged as error:
        raise _damaged(str(error), home, backups) from error
    try:
        if unclean:
            unchecked.touch()
            _look_through(database)
            unchecked.unlink(missing_ok=True)
        _save_before_upgrade(database, backups)
        database.write(migrate).result()
    except sqlite3.DatabaseError as error:
        database.close()
        if damages(error):
            raise _damaged(f"the database {path} is damaged: {error}", home, backups) from error
        raise SettingsError(f"the database {path} cannot be used: {error}") from error
    except DatabaseDamaged as error:
        database.close()
        raise _damaged(str(error), home, backups) from error
    except (DashcamError, OSError):
        database.close()
        raise
    return database


def newest(folder: Path) -> Path | None:
    """The newest backup in a folder, by its time."""
    try:
        found = [each for each in folder.glob("*.sqlite") if each.is_file() and each.name != DATABASE]
        return max(found, key=lambda each: each.stat().st_mtime, default=None)
    except OSError:
        return None


def _look_through(database: Database) -> None:
    began = time.monotonic()
    found = database.write(lambda c: c.execute("PRAGMA quick_check(1)").fetchone()[0]).result()
    if found != "ok":
        raise DatabaseDamaged(f"the database {database.path} is damaged: {' '.join(found.split())}")
    log.info("the last stop was not an orderly one; the database is whole (%.1f s)", time.monotonic() - began)


def _save_before_upgrade(database: Database, backups: Path) -> None:
    """A way back: what a migration changes cannot be changed back."""
    steps = database.write(missing_steps).result()
    if not steps:
        return
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    # A disk that is away is no reason not to start, nor to make its folder below its mount point.
    folder = backups if backups.exists() else database.path.parent / BACKUPS
    target = folder / f"{_BEFORE}{steps[0]}-{stamp}.sqlite"
    try:
        backup.save(database.path, target, None)
    except DashcamError as error:
        raise SettingsError(
            f"the database was not upgraded, since it could not be saved before: {error}; "
            f"make room in {folder}, or name another folder in [backup]; nothing was changed"
        ) from error
    log.info("the database was saved as %s before it is upgraded (%s)", target, ", ".join(steps))
    thin_out(target, list(folder.glob(f"{_BEFORE}*.sqlite")), _BEFORE_KEPT)


def thin_out(made: Path, others: list[Path], keep: int) -> None:
    """Remove all but the newest of some files beside the one just made, which stays whatever the clock says;
    what cannot be removed now is tried the next time.
    """
    aged = sorted((each for each in others if each != made), key=_age, reverse=True)
    for each in aged[keep - 1 :]:
        try:
            each.unlink(missing_ok=True)
        except OSError as error:
            log.warning("the old backup %s could not be removed: %s", each, error)


def _age(path: Path) -> float:
    try:
        return path.lstat().st_mtime  # a link that leads nowhere has an age too
    except OSError:
        return 0.0


def _damaged(what: str, home: Path, backups: Path) -> DatabaseDamaged:
    copy = newest(backups)
    if copy is None:
        mend = (
            f"there is no backup in {backups}; move the file away, and let dashcam rebuild --home {home} "
            "make a new catalogue from the archives"
        )
    else:
        made = time.strftime("%Y-%m-%d %H:%M", time.gmtime(copy.stat().st_mtime))
        mend = (
            f"the newest backup is of {made} UTC; put it back with: dashcam restore {copy} --home {home} "
            "(the damaged file is kept)"
        )
    return DatabaseDamaged(f"{what.removesuffix('.')}; {mend}")
