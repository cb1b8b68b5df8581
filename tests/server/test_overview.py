"""What pages tell of the queue: counts that are kept, reasons, devices; and draining a device."""

import asyncio
import random
import time

import msgspec
import pytest

from config.settings import LimitSettings
from server.overview import overview
from server.queue import Ask
from server.upkeep import Upkeep
from stages.task import TaskType

HEAVY = "HEAVY_PROCESS_VIDEO"
PLACES = {"places": ["nas"]}


@pytest.fixture
def settings(settings):
    """Settings without limits: these tests ask for more than a person does in a minute."""
    return msgspec.structs.replace(settings, limits=LimitSettings(requests_per_minute=0, connections=0))


@pytest.fixture
def counted(client):
    """`counted()` is what is kept, beside what counting finds."""
    services = client.app.state.services
    tally = services.dispatcher.tally
    times = []

    def count(connection):
        times.append(1)
        found = "SELECT task_type, phase, needs_id, count(*) FROM task GROUP BY 1, 2, 3"
        return {row[:3]: row[3] for row in connection.execute(found)}

    def both():
        kept = client.blocking_portal.call(tally.known, lambda: services.database.awrite(count))
        asked = len(times)
        found = client.blocking_portal.call(services.database.read, count)
        del times[asked:]
        return kept, found

    both.times = times
    return both


def task(api, **more):
    """A new task's number."""
    return api(
        "POST", "/tasks", {"task_type": HEAVY, "inputs": [{"device": "nas", "path": "/a"}]} | more
    ).json()["task_id"]


def claim(api, device, session="s"):
    """What a device gets."""
    return api("POST", f"/tasks/pending?worker={device}&session={session}", PLACES).json()


def test_counts_are_kept_whatever_happens(api, counted):
    """Created, claimed, completed, failed, cancelled, retried, changed: what is kept is what is there."""
    dice, held = random.Random(5), []
    for step in range(150):
        what = dice.choice(
            ["make", "make", "claim", "complete", "fail", "cancel", "retry", "amend", "follow"]
        )
        number = dice.randrange(1, 40)
        if what == "make":
            task(
                api,
                device_capabilities_required={"cpu_cores": dice.randrange(3)} if dice.random() < 0.5 else {},
            )
        elif what == "claim":
            held += claim(api, "w", str(step))
        elif what in ("complete", "fail") and held:
            mine = held.pop()
            body = {"lease": mine["lease"], "error": "x", "retry": dice.random() < 0.5}
            api("POST", f"/tasks/{mine['task_id']}/{what}", body)
        elif what == "follow":
            api("POST", f"/tasks/{number}/complete", {"new_tasks": [{"task_type": "ARCHIVE_VIDEO"}]})
        elif what == "amend":
            api("PATCH", f"/tasks/{number}", {"device_capabilities_required": {"gpu": True}})
        else:
            api("POST", f"/tasks/{number}/{what}")
        kept, found = counted()
        assert kept == found
    assert len(found) > 5
    assert len(counted.times) == 1


def test_removed_tasks_are_not_counted(api, client, counted):
    """Nor those that upkeep removes, a year later."""
    api("POST", f"/tasks/{task(api)}/complete")
    assert list(counted()[0].values()) == [1]
    services = client.app.state.services
    late = Upkeep(
        services.database,
        services.settings,
        clock=lambda: time.time() + 366 * 86_400,
        removed=services.dispatcher.tally.forget,
    )
    assert client.blocking_portal.call(late.tidy) == 1
    assert counted() == ({}, {})


def test_a_change_whose_caller_went_away_is_counted(client, counted):
    """It is kept, and told to nobody: the tasks are counted anew."""
    assert counted() == ({}, {})
    dispatcher = client.app.state.services.dispatcher

    async def leave():
        asking = asyncio.ensure_future(dispatcher.create([Ask(task_type=TaskType.INGEST_VIDEO)]))
        await asyncio.sleep(0)
        asking.cancel()
        await asyncio.wait([asking])

    client.blocking_portal.call(leave)
    kept, found = counted()
    assert kept == found
    assert list(found.values()) == [1]


def test_overview_says_what_waits_and_runs(api, client):
    """Groups with their reasons, leases with their progress, devices with what they refuse."""
    for _ in range(3):
        task(api, device_capabilities_required={"gpu_vram_gb": 8})
    running = task(api)
    api("POST", "/devices/heartbeat", {"hostname": "w", "device_type": "gpu", "capabilities": PLACES})
    lease = claim(api, "w")[0]["lease"]
    held = [{"task_id": running, "lease": lease, "progress": 0.25, "note": "frame 10"}]
    api("POST", "/devices/heartbeat", {"hostname": "w", "device_type": "gpu", "held": held})
    now = client.blocking_portal.call(overview, client.app.state.services)
    assert now.tasks[HEAVY] == {"waiting": 3, "running": 1}
    assert [(each.tasks, "gpu_vram_gb >= 8" in each.why) for each in now.waiting] == [(3, True)]
    assert 0 <= now.waiting[0].seconds < 60
    assert [(each.row.task_id, each.progress, each.note) for each in now.running] == [
        (running, 0.25, "frame 10")
    ]
    assert [(host.device.hostname, host.status, host.running) for host in now.hosts] == [("w", "online", 1)]
    page = client.get("/queue").text
    assert "frame 10" in page
    assert 'value="0.250"' in page


def test_a_drained_device_gets_nothing_more(api):
    """It keeps what it holds, is ordered to drain, and the queue says so; others work on; the end ends it."""
    for device in ("one", "two"):
        api("POST", "/devices/heartbeat", {"hostname": device, "device_type": "gpu", "capabilities": PLACES})
    for _ in range(3):
        task(api, device_capabilities_required=PLACES)
    first = claim(api, "one")[0]
    assert api("POST", "/devices/one/drain").json() == {
        "message": "Device one gets no more tasks",
        "draining": True,
    }
    assert claim(api, "one", "s2") == []
    beat = {
        "hostname": "one",
        "device_type": "gpu",
        "held": [{"task_id": first["task_id"], "lease": first["lease"]}],
    }
    orders = api("POST", "/devices/heartbeat", beat).json()["orders"]
    assert (orders["drain"], orders["lost"], orders["examine"]) == (True, [], {})
    assert api("GET", "/devices/one?expand=draining,quarantine").json()["draining"] is True
    assert api("GET", "/devices/one?expand=draining,quarantine").json()["quarantine"] == []
    queue = api("GET", "/queue").json()
    assert "one takes none: it is drained since" in queue["waiting"][0]["why"]
    assert queue["quarantined"] == []
    assert len(claim(api, "two")) == 1
    assert api("POST", "/devices/one/clear").json()["cleared"] == []
    assert claim(api, "one", "s3") == []
    assert api("POST", f"/tasks/{first['task_id']}/complete", {"lease": first["lease"]}).status_code == 200
    assert api("POST", "/devices/one/drain", {"drain": False}).json()["draining"] is False
    assert len(claim(api, "one", "s4")) == 1


def test_draining_is_asked_for_in_words_that_are_known(api):
    """Nobody: 404. No boolean: 400. Twice the same is the same."""
    assert api("POST", "/devices/nobody/drain").status_code == 404
    assert api("POST", "/devices/nobody/drain", {"drain": False}).status_code == 404
    api("POST", "/devices/heartbeat", {"hostname": "one", "device_type": "gpu"})
    assert api("POST", "/devices/one/drain", {"drain": "yes"}).status_code == 400
    for _ in range(2):
        assert api("POST", "/devices/one/drain", {"drain": True}).status_code == 200
    for _ in range(2):
        assert api("POST", "/devices/one/drain", {"drain": False}).status_code == 200


def test_the_chain_of_a_clip(api, client):
    """Every task of a clip in the order in which they were made, with the reason of what gave up."""
    first = task(api, video_id="v", task_type="INGEST_VIDEO")
    api("POST", f"/tasks/{first}/complete", {"new_tasks": [{"task_type": "PREPROCESS_VIDEO"}]})
    lost = task(api, video_id="v")
    task(api, video_id="other")
    held = next(
        each for each in api("POST", "/tasks/pending?limit=9", PLACES).json() if each["task_id"] == lost
    )
    body = {
        "lease": api("GET", f"/tasks/{lost}?expand=lease").json()["lease"],
        "error": "CUDA is gone\nline 1\nline 2",
        "retry": False,
    }
    assert api("POST", f"/tasks/{held['task_id']}/fail", body).status_code == 200
    page = client.get("/queue?video=v").text
    assert page.index(f'id="task-{first}"') < page.index(f'id="task-{lost}"')
    assert page.count('<li class="task"') == 3
    assert '<p class="why">CUDA is gone</p>' in page
    assert "line 1\nline 2</pre>" in page
    listed = client.get("/queue?state=failed").text
    assert f'data-act="POST /api/v1/tasks/{lost}/retry"' in listed


def test_the_logs_tail_is_kept_beside_the_reason(api, client):
    """Asked for apart; the last of a long one; without characters that are none for people; quarantine is not told it."""
    number = task(api)
    lease = claim(api, "w")[0]["lease"]
    log = "x" * 5000 + "\nERROR cudaMalloc\x1b[31m failed\x00"
    body = {"lease": lease, "error": "CUDA is\x1e gone", "retry": False, "log": log}
    ended = api("POST", f"/tasks/{number}/fail", body).json()
    assert ended["error"] == "CUDA is gone"
    told = api("GET", f"/tasks/{number}?expand=error,log").json()
    assert told["error"] == "CUDA is gone"
    assert told["log"].endswith("x\nERROR cudaMalloc[31m failed")
    assert len(told["log"]) == 4000
    assert [each["error"] for each in api("GET", "/failures").json()] == ["CUDA is gone"]
    assert "cudaMalloc[31m failed</pre>" in client.get("/queue").text
    assert api("POST", f"/tasks/{task(api)}/fail", {"lease": 0, "log": 5}).status_code == 400


def test_a_setback_without_a_log_has_none(api):
    """Nothing is made up."""
    number = task(api)
    lease = claim(api, "w")[0]["lease"]
    api("POST", f"/tasks/{number}/fail", {"lease": lease, "error": "two\nlines"})
    told = api("GET", f"/tasks/{number}?expand=error,log").json()
    assert (told["error"], told["log"]) == ("two\nlines", None)
