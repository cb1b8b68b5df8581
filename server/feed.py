"""What happens to tasks, told to whoever listens. Used by the event loop only.

Every change carries a number (`seq`). The numbers rise by one, and begin with the microseconds since 1970
at which the server started, so that a number of an earlier run is never taken for one of this run. The
newest changes are kept for listeners that come back; a listener that does not keep up is dropped.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections import Counter, deque
from collections.abc import Callable
from itertools import islice

import msgspec

from server.journal import Change
from server.store import Row

#: Changes kept for those who come back, and what they may weigh together (bytes).
HISTORY = 4096
HISTORY_BYTES = 16 * 1024 * 1024
#: Messages that may wait for one listener.
ROOM = 1000
#: Listeners at the same time.
LISTENERS = 500
#: Clips that one listener may name.
CLIPS = 1000
#: Close codes (RFC 6455 and its registry).
GOING_AWAY, TOO_BIG, TRY_LATER = 1001, 1009, 1013
_MINUTE = 60


class Event(msgspec.Struct, frozen=True):
    """A change as it is told. `weight`: about how many bytes it keeps in memory."""

    seq: int
    event: str
    row: Row
    weight: int


class Listener:
    """What one connection asked for, and what waits to be sent to it."""

    def __init__(self, room: int, heaviest: int, seq: int) -> None:
        self.everything = False
        self.clips: set[str] = set()
        #: Close code and reason, once nothing more will be sent.
        self.ended: tuple[int, str] | None = None
        self._sent = seq
        self._room = self._allowed = room
        self._heaviest = heaviest
        self._weight = 0
        self._waiting: deque[Event | str] = deque()
        self._wake = asyncio.Event()

    def wants(self, row: Row) -> bool:
        """Whether it asked for this task's changes."""
        return self.everything or row.video_id in self.clips

    def put(self, item: Event | str) -> None:
        """Queue a change, or the text of an answer; ends a listener that has no room left."""
        if self.ended is not None:
            return
        self._waiting.append(item)
        self._weight += _weight(item)
        if len(self._waiting) > self._allowed or (self._weight > self._heaviest and len(self._waiting) > 1):
            again = f"come back and subscribe with since={self._sent}"
            self.end(TRY_LATER, f"too slow: {len(self._waiting)} messages waited; {again}")
        self._wake.set()

    def replay(self, events: list[Event], covers: Callable[[Row], bool], since: int) -> None:
        """Queue changes again. Those among them that wait already are not sent twice, nor out of order."""
        kept = [
            item
            for item in self._waiting
            if isinstance(item, str) or item.seq <= since or not covers(item.row)
        ]
        self._waiting = deque([*kept, *events])
        self._weight = sum(_weight(item) for item in self._waiting)
        # What was asked for is no sign of slowness; the allowance melts as it is sent.
        self._allowed = len(self._waiting) + self._room
        self._wake.set()

    @property
    def busy(self) -> bool:
        """Whether so much waits (of an earlier replay) that another replay must not be added."""
        return len(self._waiting) > self._room

    def end(self, code: int, reason: str) -> None:
        """Send nothing more but this close code; the first one counts."""
        if self.ended is None:
            self.ended = (code, reason)
            self._waiting.clear()
            self._wake.set()

    def give_up(self) -> None:
        """Nothing could be sent to it for too long."""
        self.end(TRY_LATER, "took nothing for too long")

    async def next(self) -> Event | str | None:
        """What is to be sent next, waiting for it; None when the listener ended."""
        while not self._waiting:
            if self.ended is not None:
                return None
            self._wake.clear()
            await self._wake.wait()
        item = self._waiting.popleft()
        self._weight -= _weight(item)
        self._allowed = max(self._room, self._allowed - 1)
        if not isinstance(item, str):
            self._sent = item.seq
        return item


def _weight(item: Event | str) -> int:
    return sys.getsizeof(item) if isinstance(item, str) else item.weight


class Feed:
    """One per server: who listens, and what happened lately."""

    def __init__(
        self,
        *,
        history: int = HISTORY,
        history_bytes: int = HISTORY_BYTES,
        room: int = ROOM,
        listeners: int = LISTENERS,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.seq = int(clock() * 1_000_000)
        #: How often each thing happened, by event and task type, since the server started.
        self.counts: Counter[tuple[str, str]] = Counter()
        self.dropped = 0
        self._history: deque[Event] = deque()
        self._history_weight = 0
        self._most, self._heaviest = history, history_bytes
        self._room, self._most_listeners = room, listeners
        self._listeners: dict[Listener, None] = {}
        self._stopped = False
        self._nobody = asyncio.Event()
        self._nobody.set()
        self._monotonic = monotonic
        self._created: deque[list[int]] = deque()

    def publish(self, event: str, changes: list[Change]) -> None:
        """Tell what a transaction changed, after it was committed. Never waits."""
        for change in changes:
            self._tell(change.word(event), change.row)

    def _tell(self, event: str, row: Row) -> None:
        self.seq += 1
        told = Event(self.seq, event, row, _row_weight(row))
        self.counts[event, row.task_type] += 1
        if event == "created":
            self._note_created()
        self._history.append(told)
        self._history_weight += told.weight
        while self._history and (len(self._history) > self._most or self._history_weight > self._heaviest):
            self._history_weight -= self._history.popleft().weight
        for listener in self._listeners:
            if listener.wants(row):
                listener.put(told)

    # -- listeners -----------------------------------------------------------------------------

    @property
    def listening(self) -> int:
        """How many listeners there are."""
        return len(self._listeners)

    def join(self) -> Listener:
        """A new listener, subscribed to nothing; ended at once when there is no place for it."""
        listener = Listener(self._room, 2 * self._heaviest, self.seq)
        if self._stopped:
            listener.end(GOING_AWAY, "the server stops")
        elif len(self._listeners) >= self._most_listeners:
            listener.end(TRY_LATER, f"{self._most_listeners} listeners are connected; try again later")
        self._listeners[listener] = None
        self._nobody.clear()
        return listener

    def leave(self, listener: Listener) -> None:
        """A connection is gone."""
        if listener in self._listeners:
            del self._listeners[listener]
            self.dropped += listener.ended is not None and listener.ended[0] == TRY_LATER
        if not self._listeners:
            self._nobody.set()

    def since(self, seq: int, covers: Callable[[Row], bool]) -> list[Event] | None:
        """The changes after `seq` that `covers` takes; None when not all of them are kept any more."""
        oldest = self._history[0].seq if self._history else self.seq + 1
        if not oldest - 1 <= seq <= self.seq:
            return None
        return [each for each in islice(self._history, seq + 1 - oldest, None) if covers(each.row)]

    def stop(self) -> None:
        """The server ends: so does every listener, and nobody new is let in."""
        self._stopped = True
        for listener in self._listeners:
            listener.end(GOING_AWAY, "the server stops")

    async def goodbye(self, seconds: float) -> None:
        """Stop, and wait so long at most until every connection was told."""
        self.stop()
        try:
            await asyncio.wait_for(self._nobody.wait(), seconds)
        except TimeoutError:
            return  # somebody does not read; the server ends nonetheless

    # -- counting ------------------------------------------------------------------------------

    def _note_created(self) -> None:
        second = int(self._monotonic())
        if self._created and self._created[-1][0] == second:
            self._created[-1][1] += 1
        else:
            self._created.append([second, 1])
            self._forget(second)

    def _forget(self, second: int) -> None:
        while self._created and self._created[0][0] <= second - _MINUTE:
            self._created.popleft()

    def created_per_minute(self) -> int:
        """How many tasks were created in the last minute."""
        self._forget(int(self._monotonic()))
        return sum(count for _, count in self._created)


def _row_weight(row: Row) -> int:
    more = sum(len(text) for text in (row.resolved, row.answer, row.published, row.error) if text)
    return 1200 + len(row.inputs) + len(row.outputs) + len(row.metadata) + len(row.needs) + more
