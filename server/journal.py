"""What a transaction changed, noted while it runs, so that it can be told once it is on the disk."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import msgspec

from server.store import Entry, Row, Tx
from stages.task import Phase

T = TypeVar("T")

#: Every word for what can happen to a task.
EVENTS = (
    "created", "ready", "claimed", "completed", "failed", "backing_off", "released", "lost", "cancelled",
    "retried", "amended",
)  # fmt: skip


class Change(msgspec.Struct, frozen=True):
    """One row that a transaction made or changed. `before`: as it was; None: it is new."""

    before: Row | None
    row: Row

    def word(self, otherwise: str) -> str:
        """What happened, as listeners read it; `otherwise` where the phases alone do not say it."""
        after = self.row.phase
        if self.before is None:
            return "created"
        if after == Phase.GAVE_UP:
            return "failed"
        if after == Phase.BACKING_OFF:
            return "backing_off"
        if self.before.phase == Phase.NO_INPUT and after == Phase.READY:
            return "ready"
        return otherwise


class Journal:
    """A transaction that notes what it makes and changes; all else is the real one's."""

    def __init__(self, tx: Tx) -> None:
        self._tx = tx
        self.changes: list[Change] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tx, name)

    def insert(self, entry: Entry) -> Row:
        """Keep a new task."""
        row = self._tx.insert(entry)
        self.changes.append(Change(None, row))
        return row

    def update(self, row: Row, **columns: Any) -> Row:
        """Change a task."""
        changed = self._tx.update(row, **columns)
        self.changes.append(Change(row, changed))
        return changed


def journalled(operation: Callable[[Tx], T]) -> Callable[[Tx], tuple[T, list[Change]]]:
    """`operation`, also returning what it changed, in order."""

    def run(tx: Tx) -> tuple[T, list[Change]]:
        journal = Journal(tx)
        return operation(cast(Tx, journal)), journal.changes

    return run
