"""The server's wall clock jumps, forwards and back: leases do not care, and nothing waits for a year that is over."""

import asyncio

import pytest

from config.settings import QueueSettings
from server.devices import silent_seconds
from server.dispatch import Claim, Dispatcher
from server.queue import Ask, Completion, Setback
from server.schema import migrate
from server.sqlite import Database
from server.sqlite_store import SqliteStore
from stages.task import Phase, TaskType

YEAR = 365 * 86400.0
DAY = 86400.0


class Clocks:
    """The wall clock, which somebody sets, and the other one, which nobody can."""

    def __init__(self):
        self.wall, self.steady = 1.8e9, 1000.0

    def passes(self, seconds):
        """Time goes by."""
        self.wall += seconds
        self.steady += seconds


@pytest.fixture
def clocks():
    """Clocks that agree so far."""
    return Clocks()


@pytest.fixture
def dispatcher(tmp_path, clocks):
    """A dispatcher on a real file."""
    database = Database(tmp_path / "q.sqlite")
    database.write(migrate).result()
    yield Dispatcher(SqliteStore(database), QueueSettings(), lambda: clocks.wall, lambda: clocks.steady)
    database.close()


def one(dispatcher, session="s"):
    """Claim the task that is there, if it can be had."""
    return asyncio.run(dispatcher.claim(Claim(worker="w", session=session, capabilities={})))


def phase(dispatcher):
    """The phase of the only task."""
    return asyncio.run(dispatcher.store.get(1)).phase


@pytest.mark.parametrize("jump", [YEAR, DAY, -DAY, -YEAR])
def test_leases_do_not_care(dispatcher, clocks, jump):
    """A lease is kept over a jump, renewed after it, and runs out when its own time is over."""
    asyncio.run(dispatcher.create([Ask(task_type=TaskType.INGEST_VIDEO)]))
    [row] = one(dispatcher)
    clocks.wall += jump
    asyncio.run(dispatcher.tick())
    assert phase(dispatcher) == Phase.LEASED
    clocks.passes(150)
    assert dispatcher.leases.renew(row.task_id, row.lease, 0.5, "")
    clocks.passes(150)
    asyncio.run(dispatcher.tick())
    assert phase(dispatcher) == Phase.LEASED
    done = asyncio.run(dispatcher.complete(row.task_id, Completion(lease=row.lease)))
    assert done.row.phase == Phase.DONE


@pytest.mark.parametrize("jump", [YEAR, DAY, -DAY, -YEAR, -2 * 3600.0])
def test_backing_off_ends(dispatcher, clocks, jump):
    """What backs off is back within the longest pause that there is, wherever the clock went, also over a restart."""
    asyncio.run(dispatcher.create([Ask(task_type=TaskType.INGEST_VIDEO)]))
    [row] = one(dispatcher)
    asyncio.run(dispatcher.fail(row.task_id, row.lease, Setback(kind="failed", error="x")))
    clocks.wall += jump
    asyncio.run(dispatcher.start())
    for _ in range(13):
        clocks.passes(300)
        asyncio.run(dispatcher.tick())
    assert phase(dispatcher) == Phase.READY
    assert one(dispatcher, "t")[0].lease == 2


@pytest.mark.parametrize("jump", [-YEAR, -DAY])
def test_silent_device_is_not_alive_for_ever(dispatcher, clocks, jump):
    """After the clock was set back a device that beats is online, and one that does not is not."""
    for name in ("living", "dead"):
        asyncio.run(dispatcher.heartbeat(name, "test", "online", {}, []))
    clocks.wall += jump
    asyncio.run(dispatcher.heartbeat("living", "test", "online", {}, []))
    clocks.passes(10)
    seen = {each.hostname: each for each in asyncio.run(dispatcher.devices.page(10, 0))}
    assert silent_seconds(seen["living"], dispatcher.now()) == pytest.approx(10, abs=1)
    assert silent_seconds(seen["dead"], dispatcher.now()) > DAY / 2
