"""The server is killed under load, again and again: whatever it had answered is still true."""

import os
import random
import shutil
import signal
import sqlite3

import httpx
import pytest

from tests.faults.load import Client, Promises, broken
from tests.house import wait_for

ROUNDS = int(os.environ.get("DASHCAM_KILLS", "20"))
CLIENTS = 8

pytestmark = pytest.mark.slow


def everything(house):
    """All tasks by their numbers, all devices by their names."""
    tasks = {}
    with httpx.Client(base_url=f"{house.url}/api/v1", timeout=30) as client:
        while True:
            params = {"limit": 1000, "offset": len(tasks), "expand": "phase,lease,failures"}
            page = client.get("/tasks", params=params).raise_for_status().json()
            tasks |= {each["task_id"]: each for each in page}
            if len(page) < 1000:
                break
        devices = client.get("/devices").raise_for_status().json()
    return tasks, {each["hostname"]: each for each in devices}


def sound(home, folder):
    """Whether what lies on the disk is a sound database, seen on a copy so that nothing is mended by looking."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for path in home.glob("dashcam.sqlite*"):
        shutil.copy(path, folder)
    connection = sqlite3.connect(folder / "dashcam.sqlite")
    try:
        verdict = connection.execute("PRAGMA integrity_check").fetchall()
        return verdict == [("ok",)] and connection.execute("PRAGMA foreign_key_check").fetchall() == []
    finally:
        connection.close()


def test_every_answer_is_still_true(house, tmp_path, tell):
    """Twenty kills under concurrent load: every 2xx holds after the restart, nothing is done by halves."""
    chance = random.Random(6)
    promises = Promises()
    for number in range(ROUNDS):
        server = house.server()
        tasks, devices = everything(house)
        assert broken(promises, tasks, devices) == []
        address = house.url.removeprefix("http://")
        clients = [Client(address, f"w{number}-{n}", promises, number * 100 + n) for n in range(CLIENTS)]
        for client in clients:
            client.start()
        before = promises.answers()
        wait_for(lambda before=before: promises.answers() > before + 50, server)
        clients[0].join(chance.uniform(0.0, 0.5))
        server.kill()
        for client in clients:
            client.join(30)
            assert not client.is_alive()
        assert [wrong for client in clients for wrong in client.wrong] == []
        assert sound(house.folder / "hosts" / "server", tmp_path / "copy")
    house.server()
    tasks, devices = everything(house)
    assert broken(promises, tasks, devices) == []
    tell(
        f"server killed {ROUNDS} times under {CLIENTS} clients: {promises.answers()} answers still true, "
        f"{len(tasks)} tasks, {len(promises.completed)} completions, integrity_check clean each time"
    )


def test_second_server_is_refused(house, tell):
    """Two servers on one home: the second ends with a sentence, also after the first one was killed and is back."""
    first = house.server()
    for _ in range(2):
        second = house.command("server", "server", "--port", "0")
        assert second.returncode == 2
        assert "another dashcam server has" in second.stderr
        assert "--home" in second.stderr
        assert first.process.poll() is None
        first.process.send_signal(signal.SIGKILL)
        first.process.wait()
        first = house.server()
    tell("a second server on the same home was refused, and the first one went on")
