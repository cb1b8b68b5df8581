"""Waiting polls, woken by the commit that made a task claimable: one poller for each task, no herd."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable

from server.matching import missing
from server.store import Needs
from stages.device import Capabilities
from stages.task import Phase

#: A task that became claimable: its number, its type, its phase, what a device needs for it.
News = tuple[int, str, str, Needs]


class Waiter:
    """One poll that waits. `wake` is set when something for it may be there; `news` says what, and
    `looked_at` what it was woken for when it last began to look.
    """

    def __init__(
        self, types: tuple[str, ...], capabilities: Capabilities | None, phases: tuple[Phase, ...]
    ) -> None:
        self.types = types
        self.capabilities = capabilities
        self.phases = phases
        self.wake = asyncio.Event()
        self.news: list[News] = []
        self.looked_at: list[News] = []
        #: Types that its device gets none of just now.
        self.barred: set[str] = set()

    def wants(self, task_type: str, phase: str, needs: Needs) -> bool:
        """Whether it could take such a task."""
        if phase not in self.phases or task_type in self.barred:
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
        """Start to wait, and look: what comes from now on sets `wake`."""
        waiter.wake.clear()
        waiter.looked_at, waiter.news = waiter.news, []
        self._waiting[waiter] = None

    def leave(self, waiter: Waiter) -> None:
        """Stop waiting."""
        self._waiting.pop(waiter, None)

    def announce(self, ready: Iterable[News]) -> None:
        """Tasks became claimable: wake one poll for each."""
        for each in ready:
            _, task_type, phase, needs = each
            chosen = next((waiter for waiter in self._waiting if waiter.wants(task_type, phase, needs)), None)
            if chosen is not None:
                del self._waiting[chosen]
                chosen.news.append(each)
                chosen.wake.set()

    def pass_on(self, gone: Waiter, found: Collection[int] | None) -> None:
        """A poll goes away; what it was woken for and did not take is for somebody else.

        `found`: the tasks that its last look gave it; empty: there were none; None: it did not finish.
        """
        self.leave(gone)
        left = gone.news if found is not None and not found else [*gone.looked_at, *gone.news]
        if left:
            self.announce([each for each in left if each[0] not in (found or ())])

    def look_again(self) -> None:
        """A device may have more than before: every poll looks, and goes on waiting if there is nothing."""
        for waiter in list(self._waiting):
            del self._waiting[waiter]
            waiter.wake.set()

    def wake_all(self) -> None:
        """The server stops: let everyone go."""
        for waiter in list(self._waiting):
            waiter.wake.set()
        self._waiting.clear()
