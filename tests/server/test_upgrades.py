"""A home of every earlier release opens, keeps what it had, and goes on from there."""

import sqlite3

import pytest
from litestar.testing import TestClient

from server import schema
from server.opening import DATABASE
from server.sqlite import Database

AT = 1_780_000_000_000_000
STEPS = [name for name, _ in schema.STEPS]

QUEUE = f"""
INSERT INTO needs (needs_id, needs, places) VALUES (1, '{{}}', '[]');
INSERT INTO device (hostname, device_type, status, capabilities, last_heartbeat)
VALUES ('jetson-1', 'jetson', 'online', '{{"cpu_cores":4}}', {AT});
INSERT INTO task (task_type, state, phase, created_at, video_id, inputs, outputs, metadata, needs, needs_id,
  priority, root_id, lease, device, session, failures, crashes, lost, delays, vanished, run_at, error)
VALUES
 ('INGEST_VIDEO', 'complete', 'done', {AT}, 'clip-1', '[]', '[]', '{{"filename":"a.mp4"}}', '{{}}', 1,
  2, 1, 1, 'jetson-1', 's', 0, 0, 0, 0, '[]', NULL, NULL),
 ('PREPROCESS_VIDEO', 'pending', 'leased', {AT}, 'clip-1', '[{{"device":"nas","path":"/a.mp4"}}]', '[]', '{{}}', '{{}}', 1,
  2, 1, 3, 'jetson-1', 's', 1, 0, 0, 0, '[]', NULL, 'once'),
 ('INGEST_VIDEO', 'pending', 'backing_off', {AT}, NULL, '[]', '[]', '{{"odd":"\u00fc \u2192"}}', '{{}}', 1,
  2, 3, 2, NULL, NULL, 2, 0, 0, 0, '[]', {AT + 1}, 'twice');
"""
CATALOGUE = f"""
INSERT INTO clip (video_id, created_at, filename, start_local, duration_seconds) VALUES
 ('clip-1', {AT}, 'a.mp4', '2026-06-01T08:00:00', 60.0);
INSERT INTO plate (plate_id, text, folded) VALUES (1, 'B0AB123', 'B0AB123');
INSERT INTO sighting (video_id, plate_id, confidence, confirmed, frame_number, timestamp, lat, lon, candidates, reads, agreeing)
VALUES ('clip-1', 1, 0.9, 1, 30, '2026-06-01T08:00:01', 52.5, 13.4, '[]', 3, 2);
"""


def earlier(home, count):
    """A home as the release with the first so many steps left it."""
    steps, schema.STEPS = schema.STEPS, schema.STEPS[:count]
    try:
        database = Database(home / DATABASE)
        database.write(schema.migrate).result()
        database.close()
    finally:
        schema.STEPS = steps
    connection = sqlite3.connect(home / DATABASE)
    connection.executescript(QUEUE + CATALOGUE)
    connection.close()


@pytest.mark.parametrize("count", range(2, len(STEPS)), ids=lambda count: STEPS[count - 1])
def test_earlier_release_goes_on(settings, app_of, homes, count):
    """Tasks, devices and sightings are there; a lease that was held is finished; a copy of before is kept."""
    home = homes / "home"
    home.mkdir()
    earlier(home, count)
    with TestClient(app_of(settings)) as client:
        found = client.get("/api/v1/tasks?expand=phase,lease,failures,error").json()
        assert [(each["phase"], each["lease"], each["failures"]) for each in found] == [
            ("done", 1, 0), ("leased", 3, 1), ("ready", 2, 2),
        ]  # fmt: skip
        assert found[2]["metadata"] == {"odd": "ü →"}
        assert [each["hostname"] for each in client.get("/api/v1/devices").json()] == ["jetson-1"]
        child = {"task_type": "HEAVY_PROCESS_VIDEO", "inputs": [{"device": "nas", "path": "/a.mp4"}]}
        assert client.post("/api/v1/tasks/2/complete", json={"lease": 2}).status_code == 409
        done = client.post("/api/v1/tasks/2/complete", json={"lease": 3, "new_tasks": [child]})
        assert (done.status_code, done.json()["new_tasks_created"]) == (200, 1)
        claimed = client.post("/api/v1/tasks/pending?worker=w&session=t", json={}).json()
        assert len(claimed) == 1
        plates = client.get("/api/v1/webui/plates?plate=0AB1").json()
        assert [each["plate_text"] for each in plates] == ["B0AB123"]
        assert len(client.get("/api/v1/webui/encounters").json()) == 1
    saved = list((home / "backups").iterdir())
    assert [each.name.startswith("before-") for each in saved] == [True]
