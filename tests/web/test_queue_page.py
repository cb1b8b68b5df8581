"""The queue and the devices in a browser: what gave up is tried again, what runs is cancelled, devices are drained."""

import httpx
import pytest

from tests.web.looking import look

HEAVY = "HEAVY_PROCESS_VIDEO"


class Queue:
    """The API of a server, as workers use it."""

    def __init__(self, url):
        self.url = f"{url}/api/v1"

    def post(self, path, body):
        answer = httpx.post(self.url + path, json=body, timeout=30)
        assert answer.is_success, answer.text
        return answer.json()

    def get(self, path):
        return httpx.get(self.url + path, timeout=30).json()

    def task(self, video="clip-1", **needs):
        body = {"task_type": HEAVY, "video_id": video, "inputs": [{"device": "nas", "path": "/a"}]}
        return self.post("/tasks", body | {"device_capabilities_required": needs})["task_id"]

    def claim(self, device):
        return self.post(f"/tasks/pending?worker={device}&session=s", {"places": ["nas"]})[0]

    def beat(self, device, **more):
        body = {"hostname": device, "device_type": "gpu", "capabilities": {"places": ["nas"]}}
        return self.post("/devices/heartbeat", body | more)

    def state(self, task):
        return self.get(f"/tasks/{task}?expand=phase")["phase"]


@pytest.fixture
def queue(fresh):
    """A queue in which one task gave up with the tail of a log, one runs, two wait, and a device is there."""
    made = Queue(fresh.url)
    made.beat("rtx-4090-1")
    made.gone, made.running = made.task("gone"), made.task("runs")
    made.task("waits", gpu_vram_gb=24)
    held = made.claim("rtx-4090-1")
    error = "CUDA is out of memory: 12 GB are wanted, 8 GB are there\nINFO loading\nERROR cudaMalloc failed"
    made.post(f"/tasks/{made.gone}/fail", {"lease": held["lease"], "error": error, "retry": False})
    lease = made.claim("rtx-4090-1")["lease"]
    made.beat(
        "rtx-4090-1",
        held=[{"task_id": made.running, "lease": lease, "progress": 0.4, "note": "frame 7 of 20"}],
    )
    return made


def test_everybody_can_use_a_busy_queue(own_tab, queue, axe):
    """With tasks in every state, on every kind of screen."""
    for path in ("/queue", "/queue?state=pending", "/devices", "/"):
        look(own_tab, path)


def test_what_gave_up_is_tried_again(own_tab, queue):
    """The reason is there, the log's tail behind it; one press puts the task back, and the page shows it."""
    own_tab.open("/queue")
    row = own_tab.locator(f"#task-{queue.gone}")
    assert "CUDA is out of memory" in row.locator(".why").inner_text()
    assert not row.locator("pre").is_visible()
    row.locator("summary").click()
    assert "cudaMalloc failed" in row.locator("pre").inner_text()
    row.get_by_role("button", name=f"Try again: task {queue.gone}").click()
    own_tab.wait_for_selector(f"#task-{queue.gone}", state="detached")
    assert own_tab.inner_text("#said") == f"Task {queue.gone} is back in the queue."
    assert queue.state(queue.gone) == "ready"


def test_what_runs_is_cancelled_when_one_is_sure(own_tab, queue):
    """A question first; no keeps it running, yes ends it, and its worker is told."""
    own_tab.open("/queue")
    own_tab.once("dialog", lambda dialog: dialog.dismiss())
    own_tab.click(f"#cancel-{queue.running}")
    assert queue.state(queue.running) == "leased"
    assert "frame 7 of 20" in own_tab.inner_text("main")
    own_tab.once("dialog", lambda dialog: dialog.accept())
    own_tab.click(f"#cancel-{queue.running}")
    own_tab.wait_for_selector(f"#task-{queue.running}")
    assert queue.state(queue.running) == "cancelled"
    held = [{"task_id": queue.running, "lease": 1}]
    assert queue.beat("rtx-4090-1", held=held)["orders"]["cancel"] == [queue.running]


def test_a_device_is_drained_and_had_back(own_tab, queue):
    """The button, the mark, and what the device is told."""
    own_tab.open("/devices")
    own_tab.get_by_role("button", name="Drain rtx-4090-1").click()
    own_tab.wait_for_selector("text=Give it tasks again")
    assert "drained" in own_tab.inner_text(".device:has-text('rtx-4090-1')")
    assert queue.beat("rtx-4090-1", held=[])["orders"]["drain"] is True
    own_tab.get_by_role("button", name="Give it tasks again: rtx-4090-1").click()
    own_tab.wait_for_selector("[aria-label='Drain rtx-4090-1']")
    assert queue.beat("rtx-4090-1", held=[])["orders"]["drain"] is False


def test_a_quarantine_is_seen_and_ended(own_tab, queue):
    """A device that fails at what another does: why is there, and a press ends it."""
    for _ in range(3):
        queue.task("again")
    queue.beat("good")
    for device, times in (("rtx-4090-1", 3), ("good", 1)):
        for _ in range(times):
            held = queue.claim(device)
            end = "complete" if device == "good" else "fail"
            queue.post(
                f"/tasks/{held['task_id']}/{end}",
                {"lease": held["lease"], "error": "CUDA is gone", "retry": True},
            )
    own_tab.open("/devices")
    card = own_tab.locator(".device:has-text('rtx-4090-1')")
    card.get_by_role("button", name="End the quarantine").wait_for()
    assert "CUDA is gone" in card.inner_text()
    card.get_by_role("button", name="End the quarantine").click()
    own_tab.wait_for_function("!document.body.innerText.includes('in quarantine')")
    assert queue.get("/queue")["quarantined"] == []


def test_the_next_page_follows(own_tab, queue):
    """Older tasks, and back to the newest."""
    for number in range(60):
        queue.task(f"many-{number}")
    own_tab.open("/queue?state=pending")
    first = own_tab.locator(".task").count()
    own_tab.click("text=Older")
    own_tab.wait_for_url("**before=**")
    assert (first, own_tab.locator(".task").count()) == (50, 12)
    own_tab.click("text=Newest")
    assert own_tab.locator(".task").count() == 50


def test_a_server_that_is_away_is_said(own_tab, queue):
    """A press that reaches nobody says so, and the page goes on; when the server is back it is live again."""
    own_tab.pardon("net::ERR")
    own_tab.pardon("WebSocket")
    own_tab.pardon("failed:")
    own_tab.open("/queue")
    own_tab.wait_for_selector(".live[data-live=yes]")
    own_tab.context.set_offline(True)
    own_tab.click(f"#retry-{queue.gone}")
    own_tab.wait_for_function("document.getElementById('said').textContent.includes('cannot be reached')")
    own_tab.context.set_offline(False)
    own_tab.click(f"#retry-{queue.gone}")
    own_tab.wait_for_selector(f"#task-{queue.gone}", state="detached")
