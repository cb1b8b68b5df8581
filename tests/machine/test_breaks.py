"""The machine is worth something: a server that breaks one promise does not get through."""

from typing import Any

import msgspec
import pytest

from server.dispatch import Dispatcher
from tests.machine.system import System
from tests.machine.test_machine import ABLE, QueueMachine, some_bodies


class Unfenced(Dispatcher):
    """Takes every completion, under whatever lease."""

    async def complete(self, task_id: int, what: Any) -> Any:
        """Finish a task."""
        return await super().complete(task_id, msgspec.structs.replace(what, lease=None))


class Hiding(Dispatcher):
    """Never brings back what has backed off."""

    async def tick(self) -> None:
        """Take back expired leases only."""
        for lease in self.leases.expired():
            await self._lose(lease.task_id, lease.number)


class Unfair(Dispatcher):
    """Begins with the last of all tasks."""

    async def _take(self, claim: Any) -> Any:
        want = self._want(msgspec.structs.replace(claim, limit=1 << 40), self.matcher)

        def take(tx: Any) -> Any:
            found = tx.candidates(want)[::-1][: claim.limit]
            names = {"device": claim.worker, "session": claim.session, "run_at": None}
            return [tx.update(row, phase="leased", lease=row.lease + 1, **names) for row in found]

        rows = await self._change("claimed", take)
        for row in rows:
            self.leases.hold(row, self._length(claim.worker, claim.lease_seconds))
        return rows


class Forgetful(Dispatcher):
    """Does not give a claim again whose answer was lost."""

    async def _offer_again(self, _: Any) -> Any:
        return []


def claim(machine: QueueMachine, dropped: int = 0, fate: str = "keep") -> None:
    """A worker asks for one task."""
    machine.claim("rtx", ABLE, (), 1, None, dropped, fate)


def late(machine: QueueMachine) -> None:
    """A lease runs out, then its holder comes."""
    claim(machine)
    machine.pass_time(201.0, 0)
    machine.come_late(0, None)


#: Which promise each breaks, as the shortest story that Hypothesis would tell of it.
STORIES = {
    Unfenced: late,
    Hiding: lambda machine: claim(machine, fate="backs off"),
    Unfair: claim,
    Forgetful: lambda machine: claim(machine, dropped=2),
}


def tell(kind: type[Dispatcher], story: Any) -> None:
    """Play a story on a machine with two tasks, and look as the machine does after each step."""

    class Broken(System):
        pass

    class Machine(QueueMachine):
        system_of = Broken

    Broken.kind = kind
    machine = Machine()
    try:
        machine.create(some_bodies()[:1] * 2, None, False)
        story(machine)
        machine.nothing_is_lost_or_held_twice_or_published_twice()
        machine.the_oracle_agrees()
        machine.nothing_claimable_is_hidden()
    finally:
        machine.teardown()


@pytest.mark.parametrize("kind", STORIES)
def test_a_broken_promise_is_caught(kind: type[Dispatcher]):
    """The story passes with the server as it is, and not with the broken one."""
    tell(Dispatcher, STORIES[kind])
    with pytest.raises(AssertionError):
        tell(kind, STORIES[kind])
