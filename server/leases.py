"""Leases in memory: who holds which task until when. Renewing one never touches the disk.

The database knows that a task is leased and by whom; only the deadline lives here. After a restart every
held lease gets one full period of grace.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable

import msgspec

from server.store import Row

#: Deadlines that may be kept of leases that are dropped, before they are cleared out.
_SLACK = 1000


class Lease(msgspec.Struct):
    """One hold on one task. `deadline` is on the monotonic clock; `seconds` is its full length."""

    task_id: int
    number: int
    device: str | None
    session: str | None
    seconds: float
    deadline: float
    progress: float = 0.0
    note: str = ""


class Leases:
    """All held leases. Used by the event loop only."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._held: dict[int, Lease] = {}
        self._sessions: dict[str, set[int]] = {}
        self._heap: list[tuple[float, int, int]] = []

    def hold(self, row: Row, seconds: float) -> Lease:
        """Note a lease that was just given, or found at start."""
        deadline = self._monotonic() + seconds
        lease = Lease(row.task_id, row.lease, row.device, row.session, seconds, deadline)
        self.drop(row.task_id)
        self._held[row.task_id] = lease
        if row.session is not None:
            self._sessions.setdefault(row.session, set()).add(row.task_id)
        heapq.heappush(self._heap, (deadline, row.task_id, row.lease))
        if len(self._heap) > _SLACK + 4 * len(self._held):  # most were dropped long before their time
            self._heap = [(each.deadline, each.task_id, each.number) for each in self._held.values()]
            heapq.heapify(self._heap)
        return lease

    def renew(self, task_id: int, number: int, progress: float, note: str) -> bool:
        """Extend a lease by its full length; False when it is not (or no longer) held."""
        lease = self._held.get(task_id)
        if lease is None or lease.number != number:
            return False
        lease.deadline = self._monotonic() + lease.seconds
        lease.progress, lease.note = progress, note
        return True

    def holds(self, task_id: int, number: int) -> bool:
        """Whether this very lease is held."""
        lease = self._held.get(task_id)
        return lease is not None and lease.number == number

    def drop(self, task_id: int, number: int | None = None) -> None:
        """Forget a lease; with `number`, only that one."""
        lease = self._held.get(task_id)
        if lease is not None and number in (None, lease.number):
            del self._held[task_id]
            if lease.session is not None:
                theirs = self._sessions[lease.session]
                theirs.discard(task_id)
                if not theirs:
                    del self._sessions[lease.session]

    def expired(self) -> list[Lease]:
        """Leases whose time is over. They stay held until they are dropped."""
        now, out = self._monotonic(), []
        while self._heap and self._heap[0][0] <= now:
            _, task_id, number = heapq.heappop(self._heap)
            lease = self._held.get(task_id)
            if lease is None or lease.number != number:
                continue
            if lease.deadline > now:  # renewed meanwhile: look again then
                heapq.heappush(self._heap, (lease.deadline, task_id, number))
            else:
                out.append(lease)
        return out

    def retry_expiry(self, lease: Lease, seconds: float) -> None:
        """Look at a lease again soon: taking it back failed."""
        heapq.heappush(self._heap, (self._monotonic() + seconds, lease.task_id, lease.number))

    def of_session(self, session: str) -> list[Lease]:
        """What a worker's session holds, as the server knows it."""
        return [self._held[task_id] for task_id in sorted(self._sessions.get(session, ()))]

    def of_device(self, device: str) -> list[Lease]:
        """What a device holds."""
        return [lease for lease in self._held.values() if lease.device == device]

    def running(self) -> dict[str, int]:
        """How many leases each named device holds."""
        counts: dict[str, int] = {}
        for lease in self._held.values():
            if lease.device:
                counts[lease.device] = counts.get(lease.device, 0) + 1
        return counts

    def all(self) -> Iterable[Lease]:
        """Every held lease."""
        return self._held.values()
