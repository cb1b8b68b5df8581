"""A database with our tables and nothing in them, made once: making them takes longer than most tests."""

import functools
import sqlite3
from pathlib import Path

from server.schema import migrate


@functools.cache
def _image() -> bytes:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrate(connection)
    image = connection.serialize()
    connection.close()
    return image


def put_tables(path: Path) -> Path:
    """Write such a database where there is none yet."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        path.write_bytes(_image())
    return path
