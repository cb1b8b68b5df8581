"""Workers that stop, hang or die in the middle of a stage: another one does the task, and nothing comes out twice."""

import hashlib
import os
import signal
from pathlib import Path

import httpx
import pytest

from stages.video.render import render_drive
from tests.house import wait_for

PAUSE = Path(__file__).with_name("pause")
STAGE = "PREPROCESS_VIDEO"
QUICK = {
    "DASHCAM_QUEUE__HEARTBEAT_SECONDS": "1",
    "DASHCAM_QUEUE__LEASE_HEARTBEATS": "4",
    "DASHCAM_QUEUE__BACKOFF_FIRST_SECONDS": "1",
}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="needs signals that stop a process"),
]


class Site:
    """A server, a card with one short clip that is ingested, and workers for the next stage."""

    def __init__(self, house, folder):
        self.house, self.folder = house, folder
        self.nas = folder / "nas"
        self.mark = folder / "mark"
        card = folder / "card"
        for each in (card, self.nas):
            each.mkdir()
        house.server(**QUICK)
        render_drive(card, seed=3, seconds=2, width=320, height=180, fps=10)
        places = ["--place", f"dashcam={card}", "--place", f"indoor_nas={self.nas}"]
        ingest = house.start("ingest", "worker", "--name", "ingest", "--type", "INGEST_VIDEO", *places)
        handed = house.command("laptop", "submit", str(card), "--place", f"dashcam={card}")
        assert handed.returncode == 0, handed.stderr
        wait_for(lambda: STAGE in self.tasks(), ingest)

    def worker(self, name, **env):
        """Start a worker of the stage."""
        place = f"indoor_nas={self.nas}"
        return self.house.start(name, "worker", "--name", name, "--type", STAGE, "--place", place, **env)

    def troubled(self, at, how, **more):
        """Start a worker whose child comes to harm at a step, and wait until it has."""
        env = {"PYTHONPATH": str(PAUSE), "PAUSE_STAGE": STAGE, "PAUSE_AT": at, "PAUSE_HOW": how}
        worker = self.worker("troubled", **env, PAUSE_MARK=str(self.mark), **more)
        wait_for(lambda: self.mark.exists() and self.mark.read_text(), worker)
        return worker, int(self.mark.read_text())

    def tasks(self):
        """Tasks by their type; each type has one."""
        found = self.house.get("/tasks?expand=phase,lease,lost,crashes,failures,error,device")
        assert len({each["task_type"] for each in found}) == len(found)
        return {each["task_type"]: each for each in found}

    def done(self):
        """The stage's task once it is complete."""
        task = self.tasks()[STAGE]
        return task if task["state"] == "complete" else None

    def output(self):
        """Hashes of what the stage published, and whatever lies beside it."""
        preproc = self.nas / "videos" / "preproc"
        return {
            path.relative_to(preproc).as_posix(): hashlib.blake2b(path.read_bytes()).hexdigest()
            for path in preproc.rglob("*")
            if path.is_file()
        }


@pytest.fixture
def site(house, tmp_path):
    """A site with a task of the stage waiting."""
    return Site(house, tmp_path)


@pytest.mark.parametrize("at", ["write", "publish", "published"])
def test_zombie_comes_too_late(site, tell, at):
    """A worker is stopped with its child, loses its lease and wakes up: it is refused, the other's files stay."""
    zombie, child = site.troubled(at, "stop")
    zombie.process.send_signal(signal.SIGSTOP)
    healthy = site.worker("healthy")
    done = wait_for(site.done, healthy)
    assert (done["lease"], done["lost"], done["failures"], done["crashes"]) == (2, 1, 0, 0)
    before = site.output()
    os.kill(child, signal.SIGCONT)
    zombie.process.send_signal(signal.SIGCONT)
    wait_for(lambda: any(word in zombie.text() for word in (": lost", ": cancelled")), zombie)
    assert zombie.stop() == 0
    assert site.output() == before
    assert not [name for name in before if ".part" in name or ".aside" in name]
    assert site.done() == done
    assert site.tasks()["HEAVY_PROCESS_VIDEO"]["lease"] == 0
    tell(
        f"worker and child stopped at {at!r} and woken after another did the task: refused, {len(before)} files unchanged"
    )


def test_late_word_is_409(site, tell):
    """A completion, failure or release under a lease that was taken back is 409 and changes nothing."""
    with httpx.Client(base_url=f"{site.house.url}/api/v1") as client:

        def claim(worker):
            query = {"worker": worker, "task_type": STAGE, "lease_seconds": 1, "wait": 20}
            return client.post("/tasks/pending", params=query, timeout=30).json()[0]

        first = claim("one")
        again = claim("two")
        assert (again["task_id"], again["lease"]) == (first["task_id"], first["lease"] + 1)
        path = f"/tasks/{first['task_id']}"
        for verb, body in (
            ("complete", {"new_tasks": [{"task_type": "ARCHIVE_VIDEO"}]}),
            ("fail", {"error": "x"}),
            ("release", {}),
        ):
            answer = client.post(f"{path}/{verb}", json=body | {"lease": first["lease"]})
            assert answer.status_code == 409, verb
            assert "drop this result" in answer.json()["detail"]
        assert client.post(f"{path}/complete", json={"lease": again["lease"]}).status_code == 200
        late = client.post(f"{path}/complete", json={"lease": first["lease"]})
        assert late.status_code == 409
    assert "ARCHIVE_VIDEO" not in site.tasks()
    tell("completion, failure and release under a lost lease: 409 each, nothing changed")


@pytest.mark.parametrize("how", ["hang", "stop", "abort"])
def test_child_that_hangs_or_dies(site, tell, how):
    """A child that hangs, is stopped or aborts in native code is ended and reported; the same worker tries again."""
    worker, child = site.troubled("write", how, DASHCAM_WORKER__HANG_SECONDS="2")
    done = wait_for(site.done, worker)
    assert (done["lease"], done["crashes"], done["lost"], done["failures"]) == (2, 1, 0, 0)
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)
    assert not [name for name in site.output() if ".part" in name]
    assert worker.stop() == 0
    tell(f"a stage's process that does {how!r} was ended and reported, and the same worker did the task")


def test_killer_is_given_up(site, tell):
    """A task that kills every process that tries it is given up after three, named as what it is."""
    env = {"PYTHONPATH": str(PAUSE), "PAUSE_STAGE": STAGE, "PAUSE_AT": "write", "PAUSE_HOW": "abort"}
    worker = site.worker("troubled", **env)
    failed = wait_for(
        lambda: site.tasks()[STAGE] if site.tasks()[STAGE]["state"] == "failed" else None, worker
    )
    assert "kills its worker (3 crashes)" in failed["error"]
    assert worker.process.poll() is None
    tell("a task that killed three processes was given up: " + failed["error"])


def test_vanishing_ten_times_is_lost_not_guilty(site, tell):
    """Two workers killed at work and eight more that vanish: no failure is counted, the error names them."""
    for name in ("v0", "v1"):
        mark = site.folder / f"mark-{name}"
        env = {"PYTHONPATH": str(PAUSE), "PAUSE_STAGE": STAGE, "PAUSE_AT": "write", "PAUSE_HOW": "hang"}
        worker = site.house.start(
            name, "worker", "--name", name, "--type", STAGE, "--place", f"indoor_nas={site.nas}",
            **env, PAUSE_MARK=str(mark),
        )  # fmt: skip
        wait_for(lambda mark=mark: mark.exists() and mark.read_text(), worker)
        worker.kill()
    with httpx.Client(base_url=f"{site.house.url}/api/v1", timeout=30) as client:
        for number in range(8):
            who = {"worker": "v2", "session": str(number), "task_type": STAGE, "wait": 20}
            assert client.post("/tasks/pending", params=who).json()
            beat = {"hostname": "v2", "device_type": "test", "ended_sessions": [str(number)]}
            assert client.post("/devices/heartbeat", json=beat).status_code == 200
    failed = wait_for(lambda: site.tasks()[STAGE] if site.tasks()[STAGE]["state"] == "failed" else None)
    assert (failed["lost"], failed["failures"], failed["crashes"], failed["lease"]) == (10, 0, 0, 10)
    assert "lost 10 times in a row" in failed["error"]
    assert "v0, v1, v2" in failed["error"]
    again = site.house.command("laptop", "retry", str(failed["task_id"]))
    assert again.returncode == 0, again.stderr
    wait_for(site.done, site.worker("healthy"))
    tell("ten workers vanished: " + failed["error"] + "; retried by a person, done by a healthy one")
