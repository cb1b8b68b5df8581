"""Five hosts, each a process of its own; hosts that die; a clip that comes out the same, once."""

import hashlib
import json
import shutil
import signal

import pytest

from stages.export.cut import Stretch, cut
from tests.house import wait_for

TYPES = ["INGEST_VIDEO", "PREPROCESS_VIDEO", "HEAVY_PROCESS_VIDEO", "ARCHIVE_VIDEO"]
#: Leases of two seconds: a worker that vanished is noticed at once.
QUICK = {
    "DASHCAM_QUEUE__HEARTBEAT_SECONDS": "1",
    "DASHCAM_QUEUE__LEASE_HEARTBEATS": "4",
    "DASHCAM_QUEUE__BACKOFF_FIRST_SECONDS": "1",
}


class Lan:
    """Folders as the hosts of a home network mount them."""

    def __init__(self, house, folder):
        self.house = house
        self.card, self.nas, self.shed = (folder / name for name in ("card", "nas", "shed"))
        for each in (self.card, self.nas, self.shed):
            each.mkdir()
        self.reach = {
            "INGEST_VIDEO": [f"dashcam={self.card}", f"indoor_nas={self.nas}"],
            "PREPROCESS_VIDEO": [f"indoor_nas={self.nas}"],
            "HEAVY_PROCESS_VIDEO": [f"indoor_nas={self.nas}"],
            "ARCHIVE_VIDEO": [f"indoor_nas={self.nas}", f"shed_nas={self.shed}"],
        }

    def worker(self, task_type):
        """Start the host that performs one task type."""
        places = [word for place in self.reach[task_type] for word in ("--place", place)]
        host = task_type.lower().replace("_", "-")
        return self.house.start(host, "worker", "--name", host, "--type", task_type, *places)


@pytest.fixture
def clip(lan, shared):
    """On the card: the last seconds of a real clip, in which its plate can be read."""
    cut([Stretch(shared / "clips" / "spain-1741gwy.mp4", 6.0)], lan.card / "spain-1741gwy.mp4")
    return lan.card / "spain-1741gwy.mp4"


@pytest.fixture
def lan(house, tmp_path):
    """A network with its server running."""
    house.server(**QUICK)
    return Lan(house, tmp_path)


def tasks(house):
    """The tasks with their phases."""
    return house.get("/tasks?expand=phase,lease,error,lost,crashes,failures")


def archived(house):
    """Whether the archive task is complete."""
    return [t for t in tasks(house) if t["task_type"] == "ARCHIVE_VIDEO" and t["state"] == "complete"]


def leased(house, task_type):
    """The task of a type that is being worked on and has made some progress."""
    running = {each["task_id"] for each in house.get("/queue")["running"] if each["progress"] > 0.05}
    return [t for t in tasks(house) if t["task_type"] == task_type and t["task_id"] in running]


@pytest.mark.slow
@pytest.mark.shared
def test_five_hosts_and_a_killed_heavy_worker(house, lan, clip):
    """The heavy worker is killed at work and started again: the clip comes out complete, once."""
    for task_type in TYPES[:2]:
        lan.worker(task_type)
    heavy = lan.worker("HEAVY_PROCESS_VIDEO")
    lan.worker("ARCHIVE_VIDEO")
    handed = house.command("laptop", "submit", str(lan.card), "--place", f"dashcam={lan.card}", "--json")
    assert handed.returncode == 0, handed.stderr
    wait_for(lambda: leased(house, "HEAVY_PROCESS_VIDEO"), heavy)
    heavy.kill()
    again = lan.worker("HEAVY_PROCESS_VIDEO")
    wait_for(lambda: archived(house), again)
    found = tasks(house)
    assert [t["task_type"] for t in found] == TYPES
    assert [t["state"] for t in found] == ["complete"] * 4
    assert (found[2]["lease"], found[2]["failures"], found[2]["crashes"]) == (2, 0, 0)
    plates = house.get("/webui/plates?confirmed=true")
    assert [p["plate_text"] for p in plates] == ["1741GWY"]
    check_archive(lan.shed / "archive" / found[0]["video_id"])
    assert list(lan.card.iterdir()) == [clip]
    assert not list(lan.nas.rglob("*.part"))


def check_archive(folder):
    """Every file the manifest names is there and matches its hash."""
    manifest = json.loads((folder / "manifest.json").read_bytes())
    assert {each["path"] for each in manifest["files"]} >= {"video_lowres.mp4", "plates/1741GWY.jpg"}
    for each in manifest["files"]:
        data = (folder / each["path"]).read_bytes()
        assert len(data) == each["size_bytes"]
        assert hashlib.blake2b(data, digest_size=32).hexdigest() == each["blake2"]


@pytest.mark.slow
@pytest.mark.shared
def test_kept_clips_are_not_copied_and_stops_are_clean(house, lan, shared):
    """Clips in a kept place are registered where they lie; a stopped worker gives its task back."""
    folder = lan.nas / "dashcam" / "2024"
    folder.mkdir(parents=True)
    for name in ("romania-1fps.mp4", "street-426x240.mp4"):
        shutil.copy(shared / "clips" / name, folder / name)
    lan.worker("INGEST_VIDEO")
    wait_for(lambda: (lan.nas / ".dashcam-place").exists())
    handed = house.command(
        "laptop", "submit", str(lan.nas / "dashcam"), "--place", f"indoor_nas={lan.nas}", "--json"
    )
    assert handed.returncode == 0, handed.stderr
    wait_for(lambda: sum(t["state"] == "complete" for t in tasks(house)) == 2)
    assert not (lan.nas / "videos" / "raw").exists()
    footage = sum(path.stat().st_size for path in folder.iterdir())
    homes = sum(path.stat().st_size for path in (house.folder / "hosts").rglob("*") if path.is_file())
    assert homes < 0.05 * footage
    worker = lan.worker("HEAVY_PROCESS_VIDEO")
    preprocess = lan.worker("PREPROCESS_VIDEO")
    wait_for(lambda: leased(house, "HEAVY_PROCESS_VIDEO"), worker)
    worker.process.send_signal(signal.SIGINT)
    preprocess.stop()
    wait_for(lambda: worker.process.poll() is not None, None, 90)
    assert worker.process.returncode == 0
    assert house.get("/queue")["running"] == []


@pytest.mark.slow
@pytest.mark.shared
def test_server_killed_at_work_loses_nothing(house, lan, clip):
    """The server is killed and started again on its port while a clip is worked on: the work goes on."""
    assert clip.exists()
    port = house.url.rsplit(":", 1)[1]
    server = house.running[0]
    for task_type in TYPES:
        lan.worker(task_type)
    house.command("laptop", "submit", str(lan.card), "--place", f"dashcam={lan.card}")
    wait_for(lambda: leased(house, "HEAVY_PROCESS_VIDEO"))
    server.kill()
    house.start("server", "server", "--port", port, "--rate-limit", "0", "--max-concurrent", "0", **QUICK)
    wait_for(lambda: _safely(archived, house))
    assert [t["state"] for t in tasks(house)] == ["complete"] * 4
    assert [t["lease"] for t in tasks(house)] == [1] * 4


def _safely(what, house):
    import httpx

    try:
        return what(house)
    except httpx.TransportError:
        return None
