"""`dashcam backup` and `restore`, with a real server and without one."""

import base64
import json
import sqlite3
import threading

import httpx
import pytest

from config.loader import ConfigurationLoader
from dashcam_cli.doctor import backups
from tests.house import House
from tests.kept import JPEG


def fill(house: House, clips: int = 3) -> None:
    """Clips with a plate and a picture each."""
    for number in range(clips):
        crop = base64.b64encode(JPEG + bytes([number])).decode()
        seen = {"plate": f"AB{number}CDE", "confidence": 0.9, "confirmed": True, "crop": crop}
        made = httpx.post(
            f"{house.url}/api/v1/tasks", json={"task_type": "HEAVY_PROCESS_VIDEO", "video_id": f"v{number}"}
        )
        body = {"results": [{"type": "sightings", "sightings": [seen]}]}
        assert httpx.post(f"{house.url}/api/v1/tasks/{made.json()['task_id']}/complete", json=body).is_success


def test_backup_of_a_running_server_and_back(house: House, tmp_path) -> None:
    """Saved over HTTP while tasks are made, restored on another home: everything answered before is in it."""
    server = house.server()
    fill(house)
    stop = threading.Event()
    answered = []

    def write() -> None:
        while not stop.is_set():
            made = httpx.post(f"{house.url}/api/v1/tasks", json={"task_type": "INGEST_VIDEO"})
            answered.append(made.json()["task_id"])

    thread = threading.Thread(target=write)
    thread.start()
    try:
        before = len(answered)
        done = house.command("server", "backup", str(tmp_path / "b.sqlite"), "--json")
    finally:
        stop.set()
        thread.join()
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    assert (made["clips"], made["sightings"], made["pictures"]) == (3, 3, 3)
    assert 3 + before <= made["tasks"] <= 3 + len(answered)
    wanted = house.get("/webui/plates?expand=media")
    refused = house.command("server", "restore", str(tmp_path / "b.sqlite"))
    assert refused.returncode == 2
    assert "stop it, restore" in refused.stderr
    assert server.stop() == 0
    restored = house.command("other", "restore", str(tmp_path / "b.sqlite"))
    assert restored.returncode == 0, restored.stderr
    house.server("other")
    assert house.get("/webui/plates?expand=media") == wanted
    for each in wanted:
        assert httpx.get(f"{house.url}{each['media']}").content.startswith(JPEG)
    assert not list((house.folder / "hosts").rglob("*.part"))


def test_backup_without_a_server(house: House, tmp_path) -> None:
    """A stopped home is saved directly, without pictures if one likes; a home without a database is said."""
    server = house.server()
    fill(house, 1)
    server.stop()
    house.url = ""
    done = house.command("server", "backup", str(tmp_path / "b.sqlite"), "--no-pictures", "--json")
    assert (done.returncode, json.loads(done.stdout)["pictures"]) == (0, 0)
    checked = house.command("server", "restore", "--check", str(tmp_path / "b.sqlite"))
    assert (checked.returncode, "is whole: 1 clips" in checked.stderr) == (0, True)
    assert house.command("empty", "backup", str(tmp_path / "c.sqlite")).returncode == 3
    assert house.command("server", "backup", str(tmp_path / "missing" / "c.sqlite")).returncode == 2
    assert house.command("server", "restore", str(tmp_path / "missing.sqlite")).returncode == 4


def test_another_host_needs_an_admins_token(house: House, tmp_path) -> None:
    """From elsewhere: with the token it is done and checked there, without it refused, and nothing is left."""
    house.server()
    fill(house, 1)
    token = house.command("server", "token", "create", "me", "--role", "admin").stdout.strip()
    viewer = house.command("server", "token", "create", "you", "--role", "viewer").stdout.strip()
    url = ("--server", house.url)
    for text, code in (("", 1), (viewer, 1), (token, 0)):
        more = {"DASHCAM_TOKEN": text} if text else {}
        done = house.command("laptop", "backup", str(tmp_path / "b.sqlite"), *url, **more)
        assert done.returncode == code, done.stderr
        assert (tmp_path / "b.sqlite").exists() is (code == 0)
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.parametrize("way", ["torn", "cut"])
def test_a_server_refuses_a_damaged_home_again_and_again(house: House, tmp_path, way) -> None:
    """After a hard stop with a damaged file: one sentence with the command that mends it, at every start."""
    server = house.server()
    fill(house, 2)
    assert house.command("server", "backup", str(tmp_path / "b.sqlite")).returncode == 0
    home = house.folder / "hosts" / "server"
    (home / "backups").mkdir(exist_ok=True)
    (tmp_path / "b.sqlite").rename(home / "backups" / "b.sqlite")
    server.kill()
    database = home / "dashcam.sqlite"
    with sqlite3.connect(database) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    data = bytearray(database.read_bytes())
    if way == "torn":
        data[4096 * 5 : 4096 * 60] = b"\xa5" * (4096 * 55)
    else:
        del data[len(data) // 2 :]
    database.write_bytes(data)
    (home / "dashcam.sqlite-wal").touch()
    for _ in range(2):
        refused = house.command("server", "server", "--port", "0")
        assert refused.returncode == 2
        assert "is damaged" in refused.stderr
        assert f"dashcam restore {home}/backups/b.sqlite" in refused.stderr
        assert "Traceback" not in refused.stderr
    assert house.command("server", "restore", str(home / "backups" / "b.sqlite")).returncode == 0
    house.server()
    assert len(house.get("/webui/plates")) == 2


def test_doctor_tells_how_old_the_newest_backup_is(tmp_path) -> None:
    """None yet, fresh, twice as old as it should be, switched off; a host without a database says nothing."""

    def found(now: float = 0.0, **more: str) -> list[str]:
        settings = ConfigurationLoader({"DASHCAM_HOME": str(tmp_path), **more}).load()
        return [each.level for each in backups(settings, now)]

    assert found() == []
    (tmp_path / "dashcam.sqlite").touch()
    assert found() == ["note"]
    (tmp_path / "backups").mkdir()
    made = tmp_path / "backups" / "dashcam-20240101T000000Z.sqlite"
    made.touch()
    now = made.stat().st_mtime
    assert found(now + 3600) == ["ok"]
    assert found(now + 49 * 3600) == ["warning"]
    assert found(now, DASHCAM_BACKUP__EVERY_HOURS="0") == ["note"]
