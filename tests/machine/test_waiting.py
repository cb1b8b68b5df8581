"""A waiting poll hears of every task that it could do, in the narrowest of moments."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from server.dispatch import Claim, Dispatcher
from server.queue import Ask, Completion
from stages.task import Phase, TaskType
from tests.contract.memory import MemoryStore
from tests.machine.system import SETTINGS

PROMPT = 3.0


class Slow(MemoryStore):
    """Answers a transaction only when it is let go: what happens until then happens in between."""

    def __init__(self) -> None:
        super().__init__()
        self.hold: asyncio.Event | None = None

    async def atransact(self, operation: Any, **how: Any) -> Any:
        """Run it now, answer later."""
        hold, value = self.hold, await super().atransact(operation, **how)
        if hold is not None:
            await hold.wait()
        return value


def run(work: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine to its end."""
    return asyncio.run(work)


async def settle() -> None:
    """Let everyone do what can be done now."""
    for _ in range(20):
        await asyncio.sleep(0)


def ask(kind: TaskType = TaskType.INGEST_VIDEO, **more: Any) -> Ask:
    """A task to be made."""
    return Ask(task_type=kind, **more)


def test_a_wake_up_that_meets_a_busy_poll_goes_to_the_next():
    """The first poll is about to return with one task when it is woken for another: the second one gets that."""

    async def story() -> None:
        store = Slow()
        dispatcher = Dispatcher(store, SETTINGS)
        await dispatcher.create([ask()])
        store.hold = asyncio.Event()
        first = asyncio.ensure_future(dispatcher.claim(Claim(worker="a", wait=30)))
        await settle()
        held, store.hold = store.hold, None
        second = asyncio.ensure_future(dispatcher.claim(Claim(worker="b", wait=30)))
        await settle()
        await dispatcher.create([ask()])
        held.set()
        (one,) = await asyncio.wait_for(first, PROMPT)
        (two,) = await asyncio.wait_for(second, PROMPT)
        assert (one.task_id, two.task_id) == (1, 2)

    run(story())


def test_who_is_woken_for_one_task_and_takes_another_tells_the_next():
    """The first poll could do both and takes the older one: the other one is for who can do that only."""

    async def story() -> None:
        store = Slow()
        dispatcher = Dispatcher(store, SETTINGS)
        await dispatcher.create([ask(needs={"a": 1}), ask(needs={"b": 1})])
        await dispatcher.cancel(1)
        await dispatcher.cancel(2)
        both = asyncio.ensure_future(
            dispatcher.claim(Claim(worker="both", capabilities={"a": 1, "b": 1}, wait=30))
        )
        await settle()
        only = asyncio.ensure_future(dispatcher.claim(Claim(worker="only", capabilities={"b": 1}, wait=30)))
        await settle()
        # The second task comes back and wakes the first poll; before it looks, the first task is back too.
        store.hold = asyncio.Event()
        back = [asyncio.ensure_future(dispatcher.retry(task_id)) for task_id in (2, 1)]
        await settle()
        store.hold.set()
        store.hold = None
        (one,) = await asyncio.wait_for(both, PROMPT)
        (two,) = await asyncio.wait_for(only, PROMPT)
        assert (one.task_id, two.task_id) == (1, 2)
        await asyncio.gather(*back)

    run(story())


def test_the_one_that_is_woken_can_reach_the_source():
    """An ingest that looks for its file on a card wakes the poll that reaches the card, not the one before it."""

    async def story() -> None:
        dispatcher = Dispatcher(MemoryStore(), SETTINGS)
        await dispatcher.heartbeat("near", "w", "idle", {"places": ["card"]}, [])
        far = asyncio.ensure_future(
            dispatcher.claim(Claim(worker="far", capabilities={"places": ["nas"]}, wait=30))
        )
        near = asyncio.ensure_future(
            dispatcher.claim(Claim(worker="near", capabilities={"places": ["card"]}, wait=30))
        )
        await settle()
        await dispatcher.create([ask(metadata={"source": "card"})])
        (row,) = await asyncio.wait_for(near, PROMPT)
        assert row.device == "near"
        assert not far.done()
        far.cancel()
        await asyncio.gather(far, return_exceptions=True)

    run(story())


def test_follow_up_tasks_without_input_wake_who_may_have_them():
    """Tasks that wait for their clip are given to people who name no worker, also while these wait."""

    async def story() -> None:
        dispatcher = Dispatcher(MemoryStore(), SETTINGS)
        await dispatcher.create([ask()])
        await dispatcher.claim(Claim(worker="a"))
        person = asyncio.ensure_future(dispatcher.claim(Claim(wait=30)))
        await settle()
        await dispatcher.complete(
            1, Completion(lease=1, new_tasks=[ask(TaskType.ARCHIVE_VIDEO, video_id="v")])
        )
        (row,) = await asyncio.wait_for(person, PROMPT)
        assert (row.task_id, row.task_type) == (2, TaskType.ARCHIVE_VIDEO)

    run(story())


def test_a_claim_that_is_broken_off_runs_out():
    """A caller that goes away while its claim is written: the task comes back when that lease is over."""

    async def story() -> None:
        store, passed = Slow(), [0.0]
        dispatcher = Dispatcher(store, SETTINGS, lambda: 1000.0, lambda: passed[0])
        await dispatcher.create([ask()])
        store.hold = asyncio.Event()
        claim = asyncio.ensure_future(dispatcher.claim(Claim(worker="a")))
        await settle()
        store.hold = None
        claim.cancel()
        await asyncio.gather(claim, return_exceptions=True)
        await settle()
        passed[0] = 1000.0
        await dispatcher.tick()
        row = await store.get(1)
        assert row is not None
        assert (row.phase, row.lost) == (Phase.READY, 1)

    run(story())
