"""Disks that fill up under the server and under a worker: nothing answered is lost, and room is all that is needed."""

import sqlite3

import httpx
import pytest

from stages.video.render import render_drive
from tests.faults.disks import fill, small_disk
from tests.house import wait_for

pytestmark = pytest.mark.slow


def all_tasks(client):
    """Every task by its number."""
    found, offset = {}, 0
    while page := client.get("/tasks", params={"limit": 1000, "offset": offset}).raise_for_status().json():
        found |= {each["task_id"]: each for each in page}
        offset += len(page)
    return found


def test_full_disk_under_the_database(house, tell):
    """Commits that do not fit are answered 503 and leave nothing; with room again the same server goes on."""
    home = house.folder / "hosts" / "server"
    with small_disk(home, 12):
        server = house.server()
        with httpx.Client(base_url=f"{house.url}/api/v1", timeout=30) as client:
            body = {"task_type": "INGEST_VIDEO", "metadata": {"note": "n" * 20_000}}
            kept = {client.post("/tasks", json=body).raise_for_status().json()["task_id"]}
            ballast = fill(home, leave=1 << 20)
            refused = []
            while len(refused) < 20:
                answer = client.post("/tasks", json=body)
                if answer.status_code == 201:
                    kept.add(answer.json()["task_id"])
                else:
                    refused.append(answer)
            assert {each.status_code for each in refused} == {503}
            assert "database or disk is full" in refused[0].json()["detail"]
            assert "nothing of this was kept" in refused[0].json()["detail"]
            assert all_tasks(client).keys() == kept
            beat = {"hostname": "w", "device_type": "test", "status": "online"}
            claimed = client.post("/tasks/pending?worker=w&session=s", json={}).status_code
            assert claimed in (200, 503)
            assert client.post("/devices/heartbeat", json=beat).status_code in (200, 503)
            ballast.unlink()
            kept.add(client.post("/tasks", json=body).raise_for_status().json()["task_id"])
            task = client.post("/tasks/pending?worker=w&session=s", json={}).raise_for_status().json()[0]
            done = client.post(f"/tasks/{task['task_id']}/complete", json={"lease": task["lease"]})
            assert done.status_code == 200
            assert all_tasks(client).keys() == kept
            assert server.process.poll() is None
            fill(home)
        server.kill()
        (home / "ballast").unlink()
        house.server()
        with httpx.Client(base_url=f"{house.url}/api/v1", timeout=30) as client:
            found = all_tasks(client)
            assert found.keys() == kept
            assert found[task["task_id"]]["state"] == "complete"
        house.running[-1].stop()
        check = sqlite3.connect(home / "dashcam.sqlite")
        assert check.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        check.close()
    tell(
        f"disk full under the database: {len(refused)} of {len(refused) + len(kept)} refused with 503, {len(kept)} kept, sound after a kill"
    )


def test_full_disk_under_the_outputs(house, tmp_path, tell):
    """An output that does not fit backs off and says what is missing; half of it is not left; room mends it."""
    card = tmp_path / "card"
    card.mkdir()
    house.server(DASHCAM_QUEUE__BACKOFF_FIRST_SECONDS="1", DASHCAM_QUEUE__BACKOFF_MOST_SECONDS="2")
    clip = render_drive(card, seed=3, seconds=2, width=640, height=360, fps=10).clip
    with small_disk(tmp_path / "nas", 8) as nas:
        places = ["--place", f"dashcam={card}", "--place", f"indoor_nas={nas}"]
        worker = house.start(
            "w", "worker", "--name", "w", "--type", "INGEST_VIDEO", "--type", "PREPROCESS_VIDEO", *places
        )
        wait_for(lambda: (nas / ".dashcam-place").exists(), worker)
        ballast = fill(nas, leave=clip.stat().st_size // 2)
        handed = house.command("laptop", "submit", str(card), "--place", f"dashcam={card}")
        assert handed.returncode == 0, handed.stderr

        def task(kind):
            found = house.get("/tasks?expand=phase,error,failures")
            return next((each for each in found if each["task_type"] == kind), None)

        waiting = wait_for(lambda: (each := task("INGEST_VIDEO")) and each["error"] and each, worker)
        assert waiting["failures"] == 0
        assert "full" in waiting["error"]
        assert list(nas.rglob("*.part")) == []
        first = waiting["error"]
        ballast.unlink()
        wait_for(lambda: task("INGEST_VIDEO")["state"] == "complete", worker)
        wait_for(lambda: (each := task("PREPROCESS_VIDEO")) and each["state"] == "complete", worker)
        assert worker.stop() == 0
    tell(f"disk full under an output: {first!r}, no failure counted, done once there was room")
