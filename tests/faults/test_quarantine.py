"""A worker whose device is in quarantine tests itself, says so, and works again."""

import httpx

from tests.house import House, wait_for

HEAVY = "HEAVY_PROCESS_VIDEO"
QUICK = {"DASHCAM_QUEUE__HEARTBEAT_SECONDS": "1"}


def test_a_worker_in_quarantine_tests_itself(house: House, tmp_path, tell) -> None:
    """It hears of it with a heartbeat, tries its stage in a fresh process, and is let in when that passes."""
    house.server(**QUICK)
    api = f"{house.url}/api/v1"
    body = {"task_type": HEAVY, "inputs": [{"device": "nas", "path": "/a.mp4"}]}
    for number in range(5):
        assert httpx.post(f"{api}/tasks", json=body).is_success
        asked = {"device_capabilities": {"places": ["nas"]}}
        device = "w" if number < 3 else "good"
        task = httpx.post(f"{api}/tasks/pending?worker={device}&session={number}", json=asked).json()[0]
        end, said = ("fail", {"kind": "failed", "error": "no"}) if device == "w" else ("complete", {})
        said["lease"] = task["lease"]
        assert httpx.post(f"{api}/tasks/{task['task_id']}/{end}", json=said).is_success
    assert [each["hostname"] for each in house.get("/queue")["quarantined"]] == ["w"]
    shown = house.command("h", "status").stdout
    assert "In quarantine" in shown
    (tmp_path / "nas").mkdir()
    worker = house.start("w", "worker", "--name", "w", "--type", HEAVY, "--place", f"nas={tmp_path / 'nas'}")
    wait_for(lambda: house.get("/queue")["quarantined"] == [], worker)
    assert f"the server gives no {HEAVY} tasks" in worker.text()
    assert worker.text().count(f"{HEAVY} is ready after") == 2
    assert worker.stop() == 0
    tell("a device in quarantine was let in again by a self-test that its worker passed since")


def test_a_person_clears_a_device(house: House) -> None:
    """`dashcam device clear NAME` says what it gets again; an unknown name ends with 4."""
    house.server()
    assert httpx.post(
        f"{house.url}/api/v1/devices/heartbeat", json={"hostname": "w", "device_type": "gpu"}
    ).is_success
    cleared = house.command("server", "device", "clear", "w")
    assert (cleared.returncode, cleared.stderr.strip()) == (0, "Device w is well")
    assert house.command("server", "device", "clear", "x").returncode == 4
    assert "w" in house.command("server", "device", "list").stdout
    assert house.command("server", "device", "forget", "w").returncode == 0
    assert house.get("/devices") == []
