"""The short way of the routes that are asked most: it answers as the long one does."""

import pytest

TASK = {"task_type": "INGEST_VIDEO", "metadata": {"filename": "a.mp4"}}

REQUESTS = [
    ("tasks", {"json": TASK}),
    ("tasks?statee=x", {"json": TASK}),
    ("tasks", {"json": {"task_type": "NO"}}),
    ("tasks", {"content": b"{"}),
    ("tasks", {"content": b"task_type=INGEST_VIDEO", "headers": {"Content-Type": "application/x-www-form-urlencoded"}}),
    ("tasks", {"files": {"a": b"b"}}),
    ("tasks/pending?limit=0", {"json": {}}),
    ("tasks/pending", {"json": {"cpu_cores": 0}}),
    ("tasks/pending?worker=w", {"json": [1]}),
    ("tasks/999/complete", {"json": {}}),
    ("tasks/999/complete", {"json": {"lease": "x"}}),
    ("tasks/99999999999999999999999/complete", {"json": {}}),
]  # fmt: skip


@pytest.mark.parametrize(("path", "sent"), REQUESTS)
def test_both_ways_answer_alike(client, path, sent):
    """Status, body and headers are the same; a second slash makes a request go the long way."""
    short = client.post(f"/api/v1/{path}", **sent)
    first, _, rest = path.partition("?")
    long = client.post(f"/api/v1//{first}?{rest}" if rest else f"/api/v1//{first}", **sent)
    assert short.status_code == long.status_code

    def told(answer):
        body = answer.json()
        return (
            {name: value for name, value in body.items() if name not in ("task_id", "created_at")}
            if isinstance(body, dict)
            else body
        )

    assert told(short) == told(long)
    assert {name: value for name, value in short.headers.items() if not name.startswith("x-ratelimit")} == {
        name: value for name, value in long.headers.items() if not name.startswith("x-ratelimit")
    }
    if short.status_code == 201:
        assert short.json()["task_id"] != long.json()["task_id"]


def test_the_short_way_is_measured_by_its_template(client):
    """Paths with a task's number count as one endpoint."""
    for number in (1, 2, 3):
        client.post(f"/api/v1/tasks/{number}/complete")
    counted = client.get("/api/v1/metrics").json()
    assert "/api/v1/tasks/{task_id}/complete" in str(counted)
    assert "/tasks/2/complete" not in str(counted)
