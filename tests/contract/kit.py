"""What the tests of the contract say in one word."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

from server.store import Entry, Filter, Needs, Row, Store, Tx, Want
from stages.task import Phase

T = TypeVar("T")


def do(store: Store, operation: Callable[[Tx], T]) -> T:
    """Run one transaction, wait until it is kept."""
    return store.transact(operation).result(timeout=30)


def read(reading: Coroutine[Any, Any, T]) -> T:
    """Wait for a read."""
    return asyncio.run(reading)


def put(tx: Tx, needs: str = "{}", places: str = "[]", **columns: Any) -> Row:
    """Keep a new task within a transaction."""
    usual: dict[str, Any] = {
        "task_type": "INGEST_VIDEO",
        "phase": Phase.READY,
        "created_at": 1000,
        "video_id": None,
        "inputs": "[]",
        "outputs": "[]",
        "metadata": "{}",
        "resolved": None,
        "priority": 2,
    }
    return tx.insert(Entry(**usual | {"needs": needs, "needs_id": tx.intern(needs, places)} | columns))


def new(store: Store, **columns: Any) -> Row:
    """Keep a new task in a transaction of its own."""
    return do(store, lambda tx: put(tx, **columns))


def change(store: Store, row: Row, **columns: Any) -> Row:
    """Change a task in a transaction of its own."""
    return do(store, lambda tx: tx.update(row, **columns))


def every(needs: Sequence[Needs]) -> list[int]:
    """Satisfies all needs."""
    return [each.needs_id for each in needs]


def want(limit: int = 100, satisfied: Callable[[Sequence[Needs]], list[int]] = every, **more: Any) -> Want:
    """What a claim may take: anything, unless told otherwise."""
    return Want(types=more.pop("types", ()), satisfied=satisfied, limit=limit, **more)


def candidates(store: Store, wanted: Want | None = None) -> list[int]:
    """The numbers of the tasks that a claim would take, in order; reading must say the same."""
    wanted = wanted or want()
    found = [row.task_id for row in do(store, lambda tx: tx.candidates(wanted))]
    assert [row.task_id for row in read(store.peek(wanted))] == found
    return found


def listed(store: Store, **which: Any) -> list[int]:
    """The numbers of the tasks of a listing, in order."""
    return [row.task_id for row in read(store.page(Filter(**which)))]


class Oops(Exception):
    """What goes wrong on purpose."""


def spoiled(store: Store, operation: Callable[[Tx], object]) -> None:
    """Run a transaction that does its work and then fails; the failure must come back as it is."""

    def run(tx: Tx) -> None:
        operation(tx)
        raise Oops

    error = store.transact(run).exception(timeout=30)
    assert isinstance(error, Oops), error


def refused(store: Store, operation: Callable[[Tx], object]) -> Exception:
    """Run a transaction that must fail; what it failed with."""
    error = store.transact(operation).exception(timeout=30)
    assert isinstance(error, Exception), "it was taken"
    return error
