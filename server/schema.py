"""The tables, as migrations that run once each: `migrations/NNNN_name.sql`, in the order of their numbers.

Forward only; an older program refuses a newer file. What SQL alone cannot say stands in `_AROUND`.
"""

from __future__ import annotations

import importlib
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from server.sqlite_runners_up import keep_all
from stages.errors import SettingsError

_FOLDER = Path(__file__).with_name("migrations")
SET = "dashcam"


def migrate(connection: sqlite3.Connection) -> None:
    """Bring a database up to this program; refuses one that a newer program wrote."""
    if newer := newer_steps(connection):
        raise SettingsError(
            f"this database was written by a newer dashcam (it has {', '.join(newer)}); update this one, "
            "restore a backup from before (dashcam restore), or give another --home"
        )
    sqlite_utils = _sqlite_utils()
    migrations = sqlite_utils.Migrations(SET)
    for name, step in STEPS:
        migrations(name=name)(step)
    migrations.apply(sqlite_utils.Database(connection))


def build(connection: sqlite3.Connection, names: set[str]) -> None:
    """Make the tables that a database has which went through these migrations, in an empty one."""
    database = _sqlite_utils().Database(connection)
    for name, step in STEPS:
        if name in names:
            step(database)


def applied_steps(connection: sqlite3.Connection) -> set[str]:
    """The migrations that a database went through; none for a new one."""
    table = "SELECT 1 FROM sqlite_schema WHERE name = '_sqlite_migrations'"
    if connection.execute(table).fetchone() is None:
        return set()
    found = connection.execute("SELECT name FROM _sqlite_migrations WHERE migration_set = ?", (SET,))
    return {str(name) for (name,) in found.fetchall()}


def newer_steps(connection: sqlite3.Connection) -> list[str]:
    """The migrations that only a newer program knows."""
    return sorted(applied_steps(connection) - {name for name, _ in STEPS})


def missing_steps(connection: sqlite3.Connection) -> list[str]:
    """What `migrate` would do to a database that has something in it; nothing for a new one."""
    done = applied_steps(connection)
    return [name for name, _ in STEPS if name not in done] if done else []


def raise_numbers(connection: sqlite3.Connection) -> None:
    """Let leases and new tasks have numbers that nobody can hold from another time of this queue.

    For a database that takes the place of another one: what a worker still has in hand from there must be
    refused (409, 404), not taken for something that happens to have the same number.
    """
    connection.execute("UPDATE task SET lease = lease + 1000 WHERE state <> 'complete'")
    found = connection.execute("SELECT max(seq) FROM sqlite_sequence WHERE name = 'task'").fetchone()[0]
    raise_task_numbers(connection, (found or 0) + 1)


def raise_task_numbers(connection: sqlite3.Connection, above: int) -> None:
    """Let new tasks have far higher numbers than `above`, unless they have higher ones already."""
    found = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'task'").fetchone()
    if not above or (found and found[0] >= above):
        return
    connection.execute("DELETE FROM sqlite_sequence WHERE name = 'task'")
    connection.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('task', ?)", (above + 1_000_000,))


def _step(name: str, database: Any) -> None:
    """One migration, inside the transaction that was begun for it."""
    before, after = _AROUND.get(name, (None, None))
    if before is not None:
        before(database)
    # Not executescript: that would commit behind the migration's transaction.
    statement = ""
    for line in (_FOLDER / f"{name}.sql").read_text(encoding="utf-8").splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            database.execute(statement)
            statement = ""
    if after is not None:
        after(database)


def _index_fragments(database: Any) -> None:
    """Distinct plate texts by their trigrams (until 0014)."""
    database["plate"].enable_fts(
        ["text", "folded"], fts_version="FTS5", tokenize="trigram", create_triggers=True
    )


def _drop_fragments(database: Any) -> None:
    """Nothing asks the index of trigrams any more."""
    database["plate"].disable_fts()


def _keep_runners_up(database: Any) -> None:
    """Sightings that are there are found by their other readings, too."""
    keep_all(database.conn)


_Step = Callable[[Any], None]
#: What is done before and after a migration's SQL, with sqlite-utils.
_AROUND: dict[str, tuple[_Step | None, _Step | None]] = {
    "0002_catalogue": (None, _index_fragments),
    "0014_plate_index": (_drop_fragments, None),
    "0017_runners_up": (None, _keep_runners_up),
}
STEPS: list[tuple[str, _Step]] = [
    (path.stem, partial(_step, path.stem)) for path in sorted(_FOLDER.glob("*.sql"))
]


def _sqlite_utils() -> Any:
    """sqlite-utils, without the NumPy and pandas that it would load to know their number types.

    The server has no use for them, and on a one-box install they are there.
    """
    with _hidden("numpy", "pandas"):
        return importlib.import_module("sqlite_utils")


@contextmanager
def _hidden(*names: str) -> Iterator[None]:
    hide = [name for name in names if name not in sys.modules]
    for name in hide:
        sys.modules[name] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        for name in hide:
            del sys.modules[name]
