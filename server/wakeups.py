"""Waiting polls, woken by the commit that made a task claimable: one poller for each task, no herd."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from server.matching import missing
from server.store import Needs
from stages.device import Capabilities
from stages.task import Phase


class Waiter:
    """One poll that waits. `wake` is set when something for it may be there."""

    def __init__(
        self, types: tuple[str, ...], capabilities: Capabilities | None, phases: tuple[Phase, ...]
    ) -> None:
        self.types = types
        self.capabilities = capabilities
        self.phases = phases
        self.wake = asyncio.Event()

    def wants(self, task_type: str, phase: str, needs: Needs) -> bool:
        """Whether it could take such a task."""
        if phase not in self.phases:
            return False
        if self.types and task_type not in self.types:
            return False
        return self.capabilities is None or not missing(self.capabilities, needs)


class Wakeups:
    """All waiting polls, longest waiting first. Used by the event loop only."""

    def __init__(self) -> None:
        self._waiting: dict[Waiter, None] = {}

    @property
    def waiting(self) -> int:
        """How many polls wait."""
        return len(self._waiting)

    def join(self, waiter: Waiter) -> None:
        """Start to wait."""
        waiter.wake.clear()
        self._waiting[waiter] = None

    def leave(self, waiter: Waiter) -> None:
        """Stop waiting."""
        self._waiting.pop(waiter, None)

    def announce(self, ready: Iterable[tuple[str, str, Needs]]) -> None:
        """Tasks became claimable: wake one poll for each."""
        for task_type, phase, needs in ready:
            chosen = next((waiter for waiter in self._waiting if waiter.wants(task_type, phase, needs)), None)
            if chosen is not None:
                del self._waiting[chosen]
                chosen.wake.set()

    def pass_on(self, gone: Waiter) -> None:
        """A poll was woken and went away empty-handed: another one looks instead."""
        for waiter in self._waiting:
            if not gone.types or not waiter.types or set(gone.types) & set(waiter.types):
                del self._waiting[waiter]
                waiter.wake.set()
                return

    def wake_all(self) -> None:
        """The server stops: let everyone go."""
        for waiter in list(self._waiting):
            waiter.wake.set()
        self._waiting.clear()
