"""How many tasks there are, by type, phase and needs: counted once, then kept up by what transactions change.

Counting a million tasks takes a second, and triggers that count cost each change of a task a tenth more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable

from server.journal import Change
from server.store import Row

#: Type, phase, number of the needs.
Key = tuple[str, str, int]


class Tally:
    """One per server. Used by the event loop only."""

    def __init__(self) -> None:
        self._counts: Counter[Key] | None = None

    def note(self, changes: Iterable[Change]) -> None:
        """What a transaction changed. Called as soon as that is on the disk, in the order of transactions."""
        if self._counts is None:
            return
        for each in changes:
            if each.before is not None:
                self._counts[_key(each.before)] -= 1
            self._counts[_key(each.row)] += 1

    def forget(self) -> None:
        """Tasks were changed that nobody told of: count them next time."""
        self._counts = None

    async def known(self, count: Callable[[], Awaitable[dict[Key, int]]]) -> dict[Key, int]:
        """The counts that are not 0. `count` counts inside a transaction of the writing connection, whose
        answer therefore comes between the answers of those before it and those after it.
        """
        if self._counts is None:
            found = await count()
            self._counts = Counter(found)
        return {key: number for key, number in self._counts.items() if number}


def _key(row: Row) -> Key:
    return row.task_type, row.phase, row.needs_id
