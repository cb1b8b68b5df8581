"""A device that fails at what others do gets no more of it, until it is well or a person says so."""

import msgspec
import pytest
from litestar.testing import TestClient

from server.app import create_app

HEAVY = "HEAVY_PROCESS_VIDEO"


@pytest.fixture
def queue(api):
    """`make(n)` makes tasks, `claim(device)` claims one, `fail`, `do` end it."""
    return Queue(api)


class Queue:
    """The API as workers use it."""

    def __init__(self, api) -> None:
        self.api = api
        self.starts = 0

    def make(self, count=1, kind=HEAVY):
        inputs = [{"device": "nas", "path": "/a.mp4"}]
        for _ in range(count):
            assert self.api("POST", "/tasks", {"task_type": kind, "inputs": inputs}).status_code == 201

    def claim(self, device, kind=""):
        body = {"device_capabilities": {"places": ["nas"]}}
        self.starts += 1  # each claim is of another start: what an earlier one holds is not offered again
        wanted = f"&task_type={kind}" if kind else ""
        found = self.api("POST", f"/tasks/pending?worker={device}&session={self.starts}{wanted}", body)
        return found.json()[0] if found.json() else None

    def fail(self, device, kind="failed", *, retry=True):
        task = self.claim(device)
        body = {"lease": task["lease"], "kind": kind, "error": "CUDA is gone", "retry": retry}
        assert self.api("POST", f"/tasks/{task['task_id']}/fail", body).status_code == 200
        return task["task_id"]

    def do(self, device):
        task = self.claim(device)
        answer = self.api("POST", f"/tasks/{task['task_id']}/complete", {"lease": task["lease"]})
        assert answer.status_code == 200
        return task["task_id"]

    def beat(self, device, **more):
        body = {"hostname": device, "device_type": "gpu", "capabilities": {"places": ["nas"]}, "held": []}
        return self.api("POST", "/devices/heartbeat", body | more).json()["orders"]

    def held(self):
        return [
            (each["hostname"], each["task_type"]) for each in self.api("GET", "/queue").json()["quarantined"]
        ]


def test_three_failures_while_others_do_fine(queue, api):
    """The third ends it: no more of that type, told with the reason in the queue, at the device and in orders."""
    queue.beat("bad")
    queue.beat("good")
    queue.make(9)
    failed = [queue.fail("bad")]
    queue.do("good")
    failed += [queue.fail("bad"), queue.fail("bad", "crashed")]
    assert queue.held() == [("bad", HEAVY)]
    assert queue.claim("bad") is None
    assert queue.claim("good") is not None
    told = api("GET", "/queue").json()
    why = told["quarantined"][0]["why"]
    assert "failed 3 times in a row" in why
    assert all(str(each) in why for each in failed)
    assert "CUDA is gone" in why
    assert "bad takes none: in quarantine" in next(
        each["why"] for each in told["waiting"] if each["phase"] == "ready"
    )
    assert api("GET", "/devices/bad?expand=quarantine").json()["quarantine"][0]["task_type"] == HEAVY
    assert "quarantine" not in api("GET", "/devices/bad").json()
    assert list(queue.beat("bad")["examine"]) == [HEAVY]
    assert queue.beat("good")["examine"] == {}


def test_others_success_afterwards_counts_too(queue):
    """A device that was alone with its failures is found out once another one can do it."""
    queue.make(9)
    for _ in range(3):
        queue.fail("bad")
    assert queue.held() == []
    assert queue.claim("bad") is not None
    queue.do("good")
    assert queue.held() == [("bad", HEAVY)]


def test_nobody_else_no_quarantine(queue):
    """Where only one device works, its failures may be the tasks'."""
    queue.make(9)
    queue.do("lonely")
    for _ in range(4):
        queue.fail("lonely")
    assert queue.held() == []


def test_a_success_ends_the_row(queue):
    """Two failures, a success, two failures: that is no device that cannot."""
    queue.make(12)
    for _ in range(2):
        queue.fail("bad")
    queue.do("good")
    queue.do("bad")
    for _ in range(2):
        queue.fail("bad")
    queue.do("good")
    assert queue.held() == []
    queue.fail("bad")
    assert queue.held() == [("bad", HEAVY)]


@pytest.mark.parametrize(("kind", "retry"), [("absent", True), ("failed", False)])
def test_what_is_not_the_devices_fault_does_not_count(queue, kind, retry):
    """A place that is away, and a clip that cannot be read by anybody, say nothing of the device."""
    queue.make(9)
    for _ in range(3):
        queue.fail("bad", kind, retry=retry)
        queue.do("good")
    assert queue.held() == []


def test_other_types_are_still_given(queue):
    """A broken GPU is no reason not to copy clips."""
    queue.make(9)
    for _ in range(3):
        queue.fail("bad")
    queue.do("good")
    queue.make(1, "INGEST_VIDEO")
    assert queue.claim("bad")["task_type"] == "INGEST_VIDEO"
    assert queue.claim("bad", HEAVY) is None


def test_a_person_clears_it(queue, api):
    """Afterwards it has work again, and needs three new failures."""
    queue.beat("bad")
    queue.make(9)
    for _ in range(3):
        queue.fail("bad")
    queue.do("good")
    said = api("POST", "/devices/bad/clear").json()
    assert said["cleared"] == [HEAVY]
    assert queue.held() == []
    queue.fail("bad")
    assert queue.held() == []
    assert api("POST", "/devices/bad/clear").json()["cleared"] == []
    assert api("POST", "/devices/nobody/clear").status_code == 404


def test_a_self_test_that_passed_since_clears_it(queue):
    """Only the number of this quarantine does: one that was passed before says nothing."""
    queue.make(9)
    for _ in range(3):
        queue.fail("bad")
    queue.do("good")
    number = queue.beat("bad")["examine"][HEAVY]
    assert queue.beat("bad", passed=[number - 1, number + 1])["examine"] == {HEAVY: number}
    assert queue.beat("good", passed=[number])["examine"] == {}
    assert queue.held() == [("bad", HEAVY)]
    assert queue.beat("bad", passed=[number])["examine"] == {}
    assert queue.held() == []
    assert queue.claim("bad") is not None


def test_it_survives_a_restart(settings):
    """It is in the database; forgetting the device forgets it."""
    for beginning in (True, False):
        with TestClient(create_app(settings)) as client:
            queue = Queue(lambda method, path, body=None: client.request(method, f"/api/v1{path}", json=body))
            if beginning:
                queue.beat("bad")
                queue.make(9)
                for _ in range(3):
                    queue.fail("bad")
                queue.do("good")
            assert queue.held() == [("bad", HEAVY)]
            assert queue.claim("bad") is None
            if not beginning:
                assert client.delete("/api/v1/devices/bad").status_code == 200
                assert queue.held() == []


def test_0_switches_it_off(settings):
    """The setting says how many; none: never."""
    off = msgspec.structs.replace(
        settings, queue=msgspec.structs.replace(settings.queue, quarantine_failures=0)
    )
    with TestClient(create_app(off)) as client:
        queue = Queue(lambda method, path, body=None: client.request(method, f"/api/v1{path}", json=body))
        queue.make(9)
        for _ in range(5):
            queue.fail("bad")
        queue.do("good")
        assert queue.held() == []


def test_why_it_waits_by_needs(queue, api):
    """For each set of needs: how many, since when, who could do it, or what nobody has."""
    queue.beat("jetson", capabilities={"coral_tpu": True, "ram_gb": 8, "places": ["nas"]})
    queue.beat("rtx", capabilities={"gpu_vram_gb": 24, "ram_gb": 64, "places": ["nas"]})
    for needs in (
        {"coral_tpu": True},
        {"coral_tpu": True},
        {"gpu_vram_gb": 80},
        {"coral_tpu": True, "ram_gb": 32},
    ):
        api("POST", "/tasks", {"task_type": "INGEST_VIDEO", "device_capabilities_required": needs})
    shed = [{"device": "shed", "path": "/a"}]
    api("POST", "/tasks", {"task_type": "INGEST_VIDEO", "inputs": shed})
    held = api("POST", "/tasks/pending?worker=jetson&session=s", {"device_capabilities": {"coral_tpu": True}})
    assert len(held.json()) == 1
    groups = {str(each["needs"]) + str(each["places"]): each for each in api("GET", "/queue").json()["needs"]}
    coral = groups["{'coral_tpu': True}[]"]
    assert (coral["ready"], coral["leased"], coral["backing_off"], coral["no_input"]) == (1, 1, 0, 0)
    assert [(each["hostname"], each["online"]) for each in coral["devices"]] == [("jetson", True)]
    assert coral["oldest_seconds"] >= 0
    assert coral["missing"] is None
    assert groups["{'gpu_vram_gb': 80}[]"]["missing"] == "no device has gpu_vram_gb >= 80"
    both = groups["{'coral_tpu': True, 'ram_gb': 32}[]"]
    assert "comes nearest and lacks" in both["missing"]
    assert groups["{}['shed']"]["missing"] == "no device has place shed"


def test_tasks_that_kill_their_workers_are_named(settings):
    """Crashes as often as the setting says: given up, and listed with the reason."""
    once = msgspec.structs.replace(settings, queue=msgspec.structs.replace(settings.queue, max_crashes=1))
    with TestClient(create_app(once)) as client:
        queue = Queue(lambda method, path, body=None: client.request(method, f"/api/v1{path}", json=body))
        queue.make(2)
        queue.fail("w", "failed", retry=False)
        task_id = queue.fail("w", "crashed")
        told = queue.api("GET", "/queue").json()["poisoned"]
        assert [each["task_id"] for each in told] == [task_id]
        assert "kills its worker" in told[0]["why"]
