"""Heartbeats, orders, and when a device counts as gone."""

import asyncio

import pytest

from config.settings import QueueSettings
from server.dispatch import Claim, Dispatcher
from server.queue import Ask, Completion, Setback
from server.schema import migrate
from server.sqlite import Database
from server.sqlite_store import SqliteStore
from stages.device import HeldLease
from stages.errors import StaleLease
from stages.task import Phase, TaskType

BEAT = {"hostname": "jetson-1", "device_type": "jetson_coral"}


def test_heartbeat_answers_as_printed(api):
    """The answer has the printed keys; the device is listed with exactly the printed ones."""
    answer = api(
        "POST", "/devices/heartbeat", BEAT | {"capabilities": {"gpu_vram_gb": 8, "has_coral_tpu": False}}
    )
    assert list(answer.json()) == ["message", "device_id", "last_heartbeat"]
    assert answer.json()["message"] == "Heartbeat received for jetson-1"
    device = api("GET", "/devices").json()[0]
    assert list(device) == [
        "device_id", "hostname", "device_type", "status", "last_heartbeat", "tasks_running", "capabilities",
    ]  # fmt: skip
    assert device["capabilities"] == {"gpu_vram_gb": 8, "has_coral_tpu": False}
    assert api("GET", "/devices/jetson-1").json() == device


def test_omitted_capabilities_keep_the_earlier_ones(api):
    """A short heartbeat does not forget what the device has; status is echoed."""
    api("POST", "/devices/heartbeat", BEAT | {"capabilities": {"cpu_cores": 4}})
    api("POST", "/devices/heartbeat", BEAT | {"status": "busy"})
    device = api("GET", "/devices/jetson-1").json()
    assert (device["capabilities"], device["status"]) == ({"cpu_cores": 4}, "busy")


def test_tasks_running_counts_leases(api):
    """`tasks_running` is the number of leases the device holds."""
    api("POST", "/devices/heartbeat", BEAT)
    api("POST", "/tasks", {"task_type": "INGEST_VIDEO"})
    api("POST", "/tasks/pending", {}, params={"worker": "jetson-1"})
    assert api("GET", "/devices/jetson-1").json()["tasks_running"] == 1
    api("POST", "/tasks/1/complete")
    assert api("GET", "/devices/jetson-1").json()["tasks_running"] == 0


@pytest.mark.parametrize(
    "body", [{}, {"hostname": "a"}, {"hostname": 1, "device_type": "x"}, BEAT | {"capabilities": []}]
)
def test_bad_heartbeat_is_400(api, body):
    """A heartbeat without its two names is refused."""
    assert api("POST", "/devices/heartbeat", body).status_code == 400


def test_unknown_device_is_404(api):
    """As printed: `Device x not found`."""
    assert api("GET", "/devices/x").json() == {"detail": "Device x not found"}


def test_orders_name_what_was_taken_away(api):
    """A worker that holds a cancelled or unknown lease is told to stop it."""
    for _ in range(2):
        api("POST", "/tasks", {"task_type": "INGEST_VIDEO"})
        api("POST", "/tasks/pending", {}, params={"worker": "jetson-1"})
    api("POST", "/tasks/1/cancel")
    held = [{"task_id": 1, "lease": 1}, {"task_id": 2, "lease": 1}, {"task_id": 77, "lease": 3}]
    orders = api("POST", "/devices/heartbeat", BEAT | {"held": held}).json()["orders"]
    assert (orders["cancel"], orders["lost"], orders["drain"]) == ([1], [77], False)


def test_devices_are_filtered_paged_and_tagged(api, client):
    """Filters and pages; an unchanged listing is not sent twice."""
    for number in range(3):
        api(
            "POST",
            "/devices/heartbeat",
            {
                "hostname": f"h{number}",
                "device_type": f"t{number % 2}",
                "status": "busy" if number else "online",
            },
        )
    assert [d["hostname"] for d in api("GET", "/devices?device_type=t0").json()] == ["h0", "h2"]
    assert [d["hostname"] for d in api("GET", "/devices?status=busy&limit=1&offset=1").json()] == ["h2"]
    assert api("GET", "/devices?limit=1001").status_code == 400
    tag = client.get("/api/v1/devices").headers["ETag"]
    same = client.get("/api/v1/devices", headers={"If-None-Match": tag})
    assert (same.status_code, same.content) == (304, b"")
    api("POST", "/devices/heartbeat", BEAT)
    assert client.get("/api/v1/devices", headers={"If-None-Match": tag}).status_code == 200


def test_device_is_forgotten_unless_it_works(api):
    """A device that is gone can be removed; one that holds a task cannot."""
    api("POST", "/devices/heartbeat", BEAT)
    api("POST", "/tasks", {"task_type": "INGEST_VIDEO"})
    api("POST", "/tasks/pending", {}, params={"worker": "jetson-1"})
    assert api("DELETE", "/devices/jetson-1").status_code == 409
    api("POST", "/tasks/1/complete")
    assert api("DELETE", "/devices/jetson-1").status_code == 200
    assert api("GET", "/devices").json() == []
    assert api("DELETE", "/devices/jetson-1").status_code == 404


class Clock:
    """Time as a parameter."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


class World:
    """A dispatcher over a real database file, with its own clock."""

    def __init__(self, path, settings=None) -> None:
        self.clock = Clock()
        self.database = Database(path)
        self.database.write(migrate).result()
        self.dispatcher = Dispatcher(
            SqliteStore(self.database), settings or QueueSettings(), self.clock, self.clock
        )

    def do(self, work):
        """Run one coroutine."""
        return asyncio.run(work)

    def claim(self, worker="w"):
        """Claim one task as a worker."""
        return self.do(self.dispatcher.claim(Claim(worker=worker)))


@pytest.fixture
def world(tmp_path):
    """A world that is closed at the end."""
    made = World(tmp_path / "q.sqlite")
    made.do(made.dispatcher.create([Ask(task_type=TaskType.INGEST_VIDEO)]))
    yield made
    made.database.close()


def test_lease_lives_while_it_is_renewed_and_no_longer(world):
    """Renewals extend it; without them it is lost, and the task is ready for others without a failure."""
    row = world.claim()[0]
    held = [HeldLease(row.task_id, row.lease)]
    for _ in range(5):
        world.clock.now += 150
        assert world.do(world.dispatcher.orders(held)).lost == []
        world.do(world.dispatcher.tick())
    world.clock.now += 201
    world.do(world.dispatcher.tick())
    assert world.do(world.dispatcher.orders(held)).lost == [row.task_id]
    again = world.claim("other")[0]
    assert (again.lease, again.failures, again.lost) == (row.lease + 1, 0, 1)
    with pytest.raises(StaleLease):
        world.do(world.dispatcher.complete(row.task_id, Completion(lease=row.lease)))


def test_ten_losses_in_a_row_give_up_naming_the_devices(world):
    """A task that makes hosts vanish is given up with their names; nine are forgiven."""
    for number in range(10):
        assert world.claim(f"pc-{number % 2}"), number
        world.clock.now += 201
        world.do(world.dispatcher.tick())
    row = world.do(world.dispatcher.store.get(1))
    assert row.phase == Phase.GAVE_UP
    assert "pc-0" in row.error
    assert "pc-1" in row.error


def test_backoff_doubles_and_ends(world):
    """A failed task is not claimable before its time, and is after it; five failures give up."""
    delays = []
    for number in range(5):
        row = world.claim()[0]
        setback = Setback(kind="failed", error=f"try {number}")
        row = world.do(world.dispatcher.fail(row.task_id, row.lease, setback))
        if row.phase == Phase.BACKING_OFF:
            delays.append(row.run_at / 1e6 - world.clock.now)
            world.clock.now += delays[-1] - 1
            world.do(world.dispatcher.tick())
            assert world.claim() == []
            world.clock.now += 2
            world.do(world.dispatcher.tick())
    assert row.phase == Phase.GAVE_UP
    assert all(22 <= first <= 30 * 2**n for n, first in enumerate(delays))
    assert delays == sorted(delays)


def test_three_crashes_kill_no_fourth_worker(world):
    """A task that kills its worker three times is given up and says so."""
    for _ in range(3):
        row = world.claim()[0]
        row = world.do(
            world.dispatcher.fail(row.task_id, row.lease, Setback(kind="crashed", error="SIGSEGV"))
        )
        world.clock.now += 4000
        world.do(world.dispatcher.tick())
    assert row.phase == Phase.GAVE_UP
    assert row.error.startswith("kills its worker")


def test_restart_gives_held_leases_one_full_period(tmp_path):
    """After a restart the holder may still finish; if it is silent for a period, the task is free."""
    first = World(tmp_path / "q.sqlite")
    first.do(first.dispatcher.create([Ask(task_type=TaskType.INGEST_VIDEO)]))
    row = first.claim()[0]
    first.database.close()
    second = World(tmp_path / "q.sqlite")
    second.do(second.dispatcher.start())
    second.clock.now += 199
    second.do(second.dispatcher.tick())
    assert second.claim("thief") == []
    second.clock.now += 2
    second.do(second.dispatcher.tick())
    assert second.claim("heir")[0].lease == row.lease + 1
    second.database.close()


def test_waiting_poll_wakes_for_a_new_task(world):
    """A long poll returns the task that is created while it waits."""

    async def scene():
        await world.dispatcher.claim(Claim(worker="w"))
        poll = asyncio.create_task(world.dispatcher.claim(Claim(worker="v", wait=30)))
        await asyncio.sleep(0.05)
        assert not poll.done()
        await world.dispatcher.create([Ask(task_type=TaskType.INGEST_VIDEO)])
        return await asyncio.wait_for(poll, 5)

    assert [row.task_id for row in world.do(scene())] == [2]


def test_poller_that_hung_up_is_given_nothing(world):
    """When the caller is gone, its poll ends and the next task goes to another."""

    async def scene():
        await world.dispatcher.claim(Claim(worker="w"))
        gone = asyncio.Event()
        poll = asyncio.create_task(world.dispatcher.claim(Claim(worker="v", wait=30), gone.wait))
        await asyncio.sleep(0.05)
        gone.set()
        assert await asyncio.wait_for(poll, 5) == []
        await world.dispatcher.create([Ask(task_type=TaskType.INGEST_VIDEO)])
        return await world.dispatcher.claim(Claim(worker="x"))

    assert [row.device for row in world.do(scene())] == ["x"]


def test_ended_session_gives_its_leases_back_at_once(world):
    """A restarted worker frees what its dead predecessor held."""
    row = world.do(world.dispatcher.claim(Claim(worker="w", session="old")))[0]
    world.do(world.dispatcher.heartbeat("w", "worker", "online", None, ["old"]))
    assert world.claim("w")[0].lease == row.lease + 1


def test_repeated_heartbeat_writes_nothing(world):
    """A heartbeat that says nothing new is kept in memory; its time is shown, and written now and then."""
    beat = ("w", "worker", "online", {"cpu_cores": 2}, [])
    world.do(world.dispatcher.heartbeat(*beat))
    changes = world.database._connection.total_changes
    for _ in range(10):
        world.clock.now += 20
        world.do(world.dispatcher.heartbeat(*beat))
    assert world.database._connection.total_changes == changes
    shown = world.do(world.dispatcher.devices.get("w"))
    assert shown.last_heartbeat == int(world.clock.now * 1e6)
    world.clock.now += 120
    world.do(world.dispatcher.heartbeat(*beat))
    assert world.database._connection.total_changes == changes + 1
    world.do(world.dispatcher.heartbeat("w", "worker", "busy", None, []))
    assert world.database._connection.total_changes == changes + 2
    assert world.do(world.dispatcher.devices.get("w")).capabilities == '{"cpu_cores":2}'
