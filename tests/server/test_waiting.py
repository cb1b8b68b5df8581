"""Polls that wait: one wakes for each task, the others sleep on, and nobody comes back in step."""

import asyncio

import pytest

from config.settings import QueueSettings
from server import dispatch
from server.dispatch import Claim, Dispatcher
from server.queue import Ask
from server.schema import migrate
from server.sqlite import Database
from server.sqlite_store import SqliteStore
from stages.task import TaskType

POLLS = 1000


class Counting(SqliteStore):
    """The real store, with a count of its transactions."""

    transactions = 0

    async def atransact(self, operation, **how):
        """One transaction."""
        self.transactions += 1
        return await super().atransact(operation, **how)


@pytest.fixture
def store(tmp_path):
    """An empty store on a real file."""
    database = Database(tmp_path / "q.sqlite")
    database.write(migrate).result()
    yield Counting(database)
    database.close()


def poll(number, **more):
    """What one of many idle workers asks."""
    capabilities = {"cpu_cores": 4} | more
    return Claim(worker=f"w{number}", session=f"s{number}", capabilities=capabilities, wait=600)


async def settled(store):
    """Wait until nothing happens any more; how many transactions there were."""
    before = -1
    while before != store.transactions:
        before = store.transactions
        for _ in range(20):
            await asyncio.sleep(0.005)
    return store.transactions


@pytest.mark.slow
def test_idle_polls_cost_nothing_and_one_wakes(store, monkeypatch):
    """With a thousand polls waiting a task wakes one of them, one that nobody can do wakes none."""
    monkeypatch.setattr(dispatch, "_LOOK_AGAIN", 600.0)

    async def story():
        dispatcher = Dispatcher(store, QueueSettings())
        await dispatcher.start()
        waiting = [asyncio.ensure_future(dispatcher.claim(poll(n))) for n in range(POLLS - 1)]
        waiting.append(asyncio.ensure_future(dispatcher.claim(poll(POLLS, gpu_vram_gb=24))))
        idle = await settled(store)
        assert dispatcher.wakeups.waiting == POLLS
        assert await settled(store) == idle
        await dispatcher.create([Ask(task_type=TaskType.INGEST_VIDEO)])
        assert await settled(store) == idle + 2  # the creation, and one claim
        await dispatcher.create([Ask(task_type=TaskType.INGEST_VIDEO, needs={"gpu_vram_gb": 8})])
        assert await settled(store) == idle + 4
        assert waiting[-1].done()
        await dispatcher.create([Ask(task_type=TaskType.INGEST_VIDEO, needs={"has_coral_tpu": True})])
        assert await settled(store) == idle + 5
        await dispatcher.create([Ask(task_type=TaskType.INGEST_VIDEO)] * 10)
        await settled(store)
        given = [row.task_id for each in waiting if each.done() for row in each.result()]
        assert len(given) == len(set(given)) == 12
        assert dispatcher.wakeups.waiting == POLLS - 12
        dispatcher.stop()
        await asyncio.gather(*waiting)

    asyncio.run(story())


def test_nobody_looks_again_in_step(monkeypatch):
    """What came together does not come back together."""
    pauses = sorted(dispatch._look_again() for _ in range(200))
    assert pauses[-1] - pauses[0] > 0.3 * dispatch._LOOK_AGAIN
    assert pauses[-1] < 25
    assert pauses[0] > 5
