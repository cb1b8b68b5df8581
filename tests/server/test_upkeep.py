"""What a server removes of its queue, and what stays."""

import asyncio
import sqlite3
import time

import pytest

from config.loader import ConfigurationLoader
from server.opening import DATABASE, open_database
from server.upkeep import BATCH, Upkeep
from tests.kept import DAY

NOW = time.time()


@pytest.fixture
def home(tmp_path):
    """An empty home with its open database, and its upkeep."""
    settings = ConfigurationLoader({"DASHCAM_HOME": str(tmp_path)}).load()
    database = open_database(tmp_path, tmp_path / "backups")
    database.write(lambda c: c.execute("INSERT INTO needs VALUES (1, '{}', '[]')")).result()
    yield database, Upkeep(database, settings, clock=lambda: NOW)
    database.close()


def put(database, *tasks):
    """Tasks as (number, state, days since completion, parent)."""
    rows = [
        (number, state, {"complete": "done", "pending": "ready", "failed": "gave_up"}[state],
         None if days is None else int((NOW - days * DAY) * 1e6), parent, parent or number)
        for number, state, days, parent in tasks
    ]  # fmt: skip
    statement = (
        "INSERT INTO task (task_id, task_type, state, phase, created_at, completed_at, inputs, outputs, metadata, "
        "needs, needs_id, priority, parent_id, root_id) "
        "VALUES (?, 'INGEST_VIDEO', ?, ?, 1, ?, '[]', '[]', '{}', '{}', 1, 2, ?, ?)"
    )
    database.write(lambda c: c.executemany(statement, rows)).result()


def left(database):
    """The numbers of the tasks that are there."""
    return database.read_now(
        lambda c: [row[0] for row in c.execute("SELECT task_id FROM task ORDER BY task_id")]
    )


def test_only_what_is_finished_for_long_goes(home):
    """Complete for more than 30 days: gone. Younger, pending and given up ones stay."""
    database, upkeep = home
    put(database, (1, "complete", 31, None), (2, "complete", 29, None), (3, "pending", None, None),
        (4, "failed", 400, None))  # fmt: skip
    assert asyncio.run(upkeep.tidy()) == 1
    assert left(database) == [2, 3, 4]


def test_a_task_with_unfinished_descendants_stays(home):
    """A whole line goes at once; one whose last task waits, failed or is young stays from there up."""
    database, upkeep = home
    put(database, (1, "complete", 90, None), (2, "complete", 80, 1), (3, "complete", 70, 2),
        (11, "complete", 90, None), (12, "complete", 80, 11), (13, "pending", None, 12),
        (21, "complete", 90, None), (22, "complete", 80, 21), (23, "failed", 70, 22),
        (31, "complete", 90, None), (32, "complete", 80, 31), (33, "complete", 1, 32), (34, "complete", 60, 32))  # fmt: skip
    assert asyncio.run(upkeep.tidy()) == 4
    assert left(database) == [11, 12, 13, 21, 22, 23, 31, 32, 33]


def test_many_go_in_batches(home):
    """Several transactions of 500 at most; others' writes come in between."""
    database, upkeep = home
    put(
        database, *((n, "complete", 40, None) for n in range(1, 3 * BATCH + 8)), (5000, "pending", None, None)
    )
    sizes = []
    awrite = database.awrite

    async def counted(operation):
        found = await awrite(operation)
        sizes.append(found)
        return found

    database.awrite = counted
    assert asyncio.run(upkeep.tidy()) == 3 * BATCH + 7
    assert sizes[:4] == [BATCH, BATCH, BATCH, 7]
    assert left(database) == [5000]


def test_never_is_possible_and_a_day_is_the_least(tmp_path):
    """0: nothing goes. Less than a day counts as one."""
    for days, gone in (("0", 0), ("0.001", 1)):
        home = tmp_path / days
        wanted = {"DASHCAM_HOME": str(home), "DASHCAM_QUEUE__KEEP_FINISHED_DAYS": days}
        database = open_database(home, home / "backups")
        database.write(lambda c: c.execute("INSERT INTO needs VALUES (1, '{}', '[]')")).result()
        put(database, (1, "complete", 0.5, None), (2, "complete", 40, None))
        upkeep = Upkeep(database, ConfigurationLoader(wanted).load(), clock=lambda: NOW)
        assert asyncio.run(upkeep.tidy()) == gone
        database.close()


def test_listings_are_the_same_without_the_tasks(api, client, settings):
    """A clip's row, facts and status do not hang on its finished tasks; a repeated request of old is a new one."""
    video = {"video_id": "trip_1", "metadata": {"filename": "a.mp4"}}
    made = client.post(
        "/api/v1/tasks", json={"task_type": "INGEST_VIDEO", **video}, headers={"Idempotency-Key": "k"}
    )
    task_id = made.json()["task_id"]
    done = {"outputs": [{"device": "nas", "path": "/a.mp4"}], "new_tasks": [{"task_type": "ARCHIVE_VIDEO"}]}
    api("POST", f"/tasks/{task_id}/complete", done)
    api(
        "POST",
        f"/tasks/{task_id + 1}/complete",
        {"outputs": [{"device": "shed", "path": "/archive/trip_1/"}]},
    )
    paths = (
        "/webui/videos",
        "/webui/videos/trip_1?expand=facts,files",
        "/retention/candidates?place=nas&kind=raw",
    )
    before = [api("GET", path).json() for path in paths]
    with sqlite3.connect(f"{settings.home}/{DATABASE}", timeout=30) as other:
        other.execute("UPDATE task SET completed_at = 1")
        other.execute("UPDATE idempotency SET created_at = 1")
    other.close()
    with client.portal() as portal:
        assert portal.call(client.app.state.services.upkeep.tidy) == 2
    assert api("GET", "/tasks").json() == []
    assert [api("GET", path).json() for path in paths] == before
    assert api("GET", f"/tasks/{task_id}").status_code == 404
    again = client.post(
        "/api/v1/tasks", json={"task_type": "INGEST_VIDEO", **video}, headers={"Idempotency-Key": "k"}
    )
    assert again.status_code == 201
    assert again.json()["task_id"] > task_id + 1
