"""The backends that must keep the contract. A new one is one line in `BACKENDS`."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from server.sqlite import Database
from server.sqlite_store import SqliteStore
from server.store import Store
from tests.contract.memory import MemoryStore
from tests.tables import put_tables

#: Opens an empty store; `folder` is empty and the store's own.
Backend = Callable[[Path], AbstractContextManager[Store]]


@contextmanager
def sqlite(folder: Path, kind: type[SqliteStore] = SqliteStore) -> Iterator[Store]:
    """A real file."""
    database = Database(put_tables(folder / "contract.sqlite"))
    try:
        yield kind(database)
    finally:
        database.close()


@contextmanager
def memory(folder: Path, kind: type[MemoryStore] = MemoryStore) -> Iterator[Store]:
    """The model."""
    yield kind()


BACKENDS: dict[str, Backend] = {
    "sqlite": sqlite,
    "memory": memory,
}
