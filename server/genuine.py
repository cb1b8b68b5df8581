"""Whether a database that somebody hands us has the tables of a dashcam, and what else is in it.

A file from outside may carry triggers and views of its own: what they do would be done by our statements.
"""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

import msgspec

from server.schema import applied_steps, build
from stages.errors import BadInput

_TABLES = "SELECT name, strict FROM pragma_table_list WHERE schema = 'main' AND type IN ('table', 'virtual')"
_COLUMNS = 'SELECT name, type, "notnull", pk FROM pragma_table_xinfo(?)'
_ACTIVE = "SELECT type, name, sql FROM sqlite_schema WHERE type IN ('trigger', 'view')"
_USED_UP = "SELECT 1 FROM sqlite_sequence WHERE typeof(seq) <> 'integer' OR seq NOT BETWEEN 0 AND (1 << 60)"

#: Text that is read as JSON, of tables that there always were.
_JSON = {
    "task": ("inputs", "outputs", "metadata", "needs"),
    "clip": ("facts",),
    "said": ("facts",),
    "file": ("ref",),
}


def refuse_others(connection: sqlite3.Connection, path: Path, own: dict[str, str]) -> None:
    """Raises `BadInput` when a table is not as the migrations that the file names make it.

    `own`: tables beside those that may be there, by name, with the statement that makes them.
    """
    if not applied_steps(connection):
        raise BadInput(f"{path} is not a dashcam database")
    there = _tables(connection)
    with contextlib.closing(_model(connection, [own[name] for name in own if name in there])) as model:
        for name, strict in _tables(model).items():
            if there.get(name) != strict or _columns(connection, name) != _columns(model, name):
                raise BadInput(f"{path} is damaged: its table {name} is not as a dashcam makes it")
    if connection.execute(_USED_UP).fetchone() is not None:
        raise BadInput(f"{path} is damaged: the numbers that it gives to new rows are none")
    try:  # with the decoder that each claim uses: it goes less deep than SQLite's
        for texts in connection.execute("SELECT needs, places FROM needs"):
            _ = [msgspec.json.decode(text, type=kind) for text, kind in zip(texts, (dict, list), strict=True)]
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadInput(f"{path} is damaged: a row of its table needs cannot be read") from error
    for name, columns in _JSON.items():
        valid = " AND ".join(f"json_valid({column})" for column in columns)
        if connection.execute(f"SELECT 1 FROM {name} WHERE NOT ({valid}) LIMIT 1").fetchone() is not None:  # noqa: S608
            raise BadInput(f"{path} is damaged: a row of its table {name} cannot be read")


def drop_others(connection: sqlite3.Connection) -> None:
    """Remove triggers and views that no migration made; those that should be there are put back."""
    with contextlib.closing(_model(connection, [])) as model:
        wanted = set(model.execute(_ACTIVE).fetchall())
    there = set(connection.execute(_ACTIVE).fetchall())
    connection.execute("BEGIN")
    for kind, name, _ in there - wanted:
        quoted = '"' + name.replace('"', '""') + '"'
        connection.execute(f"DROP {kind} IF EXISTS {quoted}")
    for _, _, sql in wanted - there:
        connection.execute(sql)
    connection.execute("COMMIT")


def _model(connection: sqlite3.Connection, more: list[str]) -> sqlite3.Connection:
    model = sqlite3.connect(":memory:", isolation_level=None)
    build(model, applied_steps(connection))
    for statement in more:
        model.execute(statement)
    return model


def _tables(connection: sqlite3.Connection) -> dict[str, int]:
    return {name: strict for name, strict in connection.execute(_TABLES) if not name.startswith("sqlite_")}


def _columns(connection: sqlite3.Connection, table: str) -> list[tuple[str, str, int, int]]:
    return connection.execute(_COLUMNS, (table,)).fetchall()
