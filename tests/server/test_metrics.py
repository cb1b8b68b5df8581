"""What the server says about itself: true counts, bounded labels, the same figures for people and Prometheus."""

import asyncio
import re
import sqlite3
import time

import pytest
from litestar.testing import TestClient

from server.app import create_app
from server.metrics import EDGES, Metrics, Spread, Templates, measured

TASK = {"task_type": "INGEST_VIDEO", "video_id": "trip_1"}
KEYS = [
    "requests_by_endpoint", "errors_by_status", "average_response_ms", "p95_response_ms", "active_connections",
    "tasks_created_per_minute", "queue", "lease_expiries", "stale_completions", "uptime_seconds",
]  # fmt: skip


def samples(text):
    """Prometheus text as {(name, labels): value}."""
    out = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            found = re.fullmatch(r"(\w+)(?:\{(.*)\})? (\S+)", line)
            assert found, line
            labels = frozenset(re.findall(r'(\w+)="([^"]*)"', found[2] or ""))
            assert (found[1], labels) not in out, line
            out[found[1], labels] = float(found[3])
    return out


@pytest.fixture
def shown(client):
    """The value of a metric: `shown("dashcam_websockets")`, labels as keywords."""

    def value(name, **labels):
        answer = client.get("/metrics")
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        return samples(answer.text).get((name, frozenset(labels.items())))

    return value


def test_json_has_the_promised_keys(api):
    """`/api/v1/metrics` has exactly the keys that the documentation names, also on an empty server."""
    first = api("GET", "/metrics").json()
    assert list(first) == KEYS
    assert first["average_response_ms"] is None
    assert first["active_connections"] == 1
    assert set(first["queue"]) == {"INGEST_VIDEO", "PREPROCESS_VIDEO", "HEAVY_PROCESS_VIDEO", "ARCHIVE_VIDEO"}
    assert first["queue"]["INGEST_VIDEO"] == {"depth": 0, "oldest_seconds": None}
    second = api("GET", "/metrics").json()
    assert second["requests_by_endpoint"] == {"GET /api/v1/metrics": 1}
    assert 0 < second["p95_response_ms"] < 10_000
    assert second["uptime_seconds"] >= first["uptime_seconds"] >= 0


def test_requests_and_errors_are_counted_by_route(client, api):
    """Endpoints are templates; errors are counted by status, whoever answered them; HEAD counts as HEAD."""
    number = api("POST", "/tasks", TASK).json()["task_id"]
    for path in (number, number, "abc", 999):
        api("GET", f"/tasks/{path}")
    api("GET", "/tasks?limit=0")
    api("GET", "/tasks/")
    client.head("/api/v1/tasks")
    client.request("BREW", "/api/v1/tasks")
    client.get("/nowhere/at/all")
    client.get('/%2e%2e/x"}%0A{')
    client.post("/api/v1/tasks", content=b"x" * 64, headers={"Content-Length": str(1 << 40)})
    told = api("GET", "/metrics").json()
    assert told["requests_by_endpoint"] == {
        "GET /api/v1/tasks": 2,
        "GET /api/v1/tasks/{task_id}": 4,
        "GET unknown": 2,
        "HEAD /api/v1/tasks": 1,
        "OTHER /api/v1/tasks": 1,
        "POST /api/v1/tasks": 2,
    }
    assert told["errors_by_status"] == {"400": 1, "404": 4, "405": 1, "413": 1}


@pytest.mark.slow
def test_labels_stay_few_whatever_is_asked(client):
    """A thousand different paths, ids and methods make a handful of series."""
    before = len(client.get("/metrics").text)
    for number in range(300):
        client.get(f"/x{number}/y")
        client.get(f"/api/v1/tasks/{number + 1000}")
        client.request(f"M{number}", "/")
    metrics = client.app.state.metrics
    assert len(metrics.requests) < 8
    assert len(client.get("/metrics").text) - before < 12_000


def test_prometheus_agrees_with_json(client, api, shown):
    """Both faces show the same counts, and histograms add up."""
    for _ in range(3):
        api("GET", "/devices")
    labels = {"method": "GET", "endpoint": "/api/v1/devices", "status": "200"}
    assert shown("dashcam_http_requests_total", **labels) == 3
    assert shown("dashcam_http_request_seconds_count", **labels) == 3
    assert shown("dashcam_http_request_seconds_bucket", **labels, le="+Inf") == 3
    assert 0 < shown("dashcam_http_request_seconds_sum", **labels) < 10
    assert shown("dashcam_active_connections") == 1
    assert shown("dashcam_build_info", **build()) == 1


def build():
    """The labels of dashcam_build_info."""
    import platform
    from importlib.metadata import version

    return {
        "version": version("dashcam-processor"),
        "sqlite": sqlite3.sqlite_version,
        "python": platform.python_version(),
    }


def test_every_metric_is_explained(client):
    """Each family has a help text and a type, and our own begin with one word."""
    text = client.get("/metrics").text
    kinds = dict(re.findall(r"^# TYPE (\S+) (\w+)$", text, re.MULTILINE))
    helps = dict(re.findall(r"^# HELP (\S+) (\S.*)$", text, re.MULTILINE))
    assert kinds.keys() == helps.keys()
    assert all(name.startswith(("dashcam_", "process_")) for name in kinds)


def test_the_queue_is_shown_by_type_and_phase(client, api, shown):
    """Depth and oldest age per type; phases apart for Prometheus; leased tasks wait no more."""
    api("POST", "/tasks", TASK)
    number = api("POST", "/tasks", TASK).json()["task_id"]
    api("POST", "/tasks", TASK | {"task_type": "HEAVY_PROCESS_VIDEO"})
    api("POST", "/tasks/pending?worker=w&task_type=INGEST_VIDEO", {})
    queue = api("GET", "/metrics").json()["queue"]
    assert queue["INGEST_VIDEO"]["depth"] == queue["HEAVY_PROCESS_VIDEO"]["depth"] == 1
    assert 0 <= queue["INGEST_VIDEO"]["oldest_seconds"] < 60
    assert queue["ARCHIVE_VIDEO"] == {"depth": 0, "oldest_seconds": None}
    for kind, phase, count in [
        ("INGEST_VIDEO", "ready", 1), ("INGEST_VIDEO", "leased", 1), ("INGEST_VIDEO", "no_input", 0),
        ("HEAVY_PROCESS_VIDEO", "no_input", 1), ("HEAVY_PROCESS_VIDEO", "ready", 0),
    ]:  # fmt: skip
        assert shown("dashcam_tasks", task_type=kind, phase=phase) == count
    assert shown("dashcam_oldest_ready_seconds", task_type="ARCHIVE_VIDEO") == 0
    assert number


def test_tasks_are_counted_as_they_change(api, shown):
    """Created tasks per minute, events by type, late completions (409) and writes are counted."""
    number = api("POST", "/tasks", TASK).json()["task_id"]
    api("POST", "/tasks/batch", {"tasks": [TASK] * 4})
    assert api("POST", f"/tasks/{number}/fail", {"lease": 3}).status_code == 409
    assert api("POST", f"/tasks/{number}/complete", {"lease": 3}).status_code == 409
    api("POST", f"/tasks/{number}/complete")
    assert api("POST", f"/tasks/{number}/cancel").status_code == 409  # a person's conflict: nobody's lease
    told = api("GET", "/metrics").json()
    assert (told["tasks_created_per_minute"], told["stale_completions"], told["lease_expiries"]) == (5, 2, 0)
    assert shown("dashcam_task_events_total", event="created", task_type="INGEST_VIDEO") == 5
    assert shown("dashcam_task_events_total", event="completed", task_type="INGEST_VIDEO") == 1
    assert shown("dashcam_stale_completions_total") == 2
    assert shown("dashcam_write_seconds_count") >= 3


@pytest.mark.slow
def test_expired_leases_are_counted(client, api, shown):
    """A lease whose holder vanished is counted once."""
    api("POST", "/tasks", TASK)
    [task] = api("POST", "/tasks/pending?lease_seconds=1", {}).json()
    deadline = time.monotonic() + 20
    while api("GET", "/metrics").json()["lease_expiries"] == 0:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert shown("dashcam_lease_expiries_total") == 1
    assert shown("dashcam_task_events_total", event="lost", task_type="INGEST_VIDEO") == 1
    assert api("GET", f"/tasks/{task['task_id']}?expand=phase").json()["phase"] == "ready"


def test_waiting_polls_and_sockets_are_no_slow_answers(client, api, shown):
    """A poll that waits and an open socket are connections, and not in any time of answering."""
    assert api("POST", "/tasks/pending?wait=0.3", {}).json() == []
    labels = {"method": "POST", "endpoint": "/api/v1/tasks/pending", "status": "200"}
    assert shown("dashcam_http_requests_total", **labels) == 1
    assert shown("dashcam_http_request_seconds_count", **labels) is None
    api("POST", "/tasks/pending?wait=0", {})
    assert shown("dashcam_http_request_seconds_count", **labels) == 1
    with client.websocket_connect("/api/v1/ws/tasks") as socket:
        socket.send_text('{"action": "ping"}')
        assert socket.receive_json()["event"] == "pong"
        assert shown("dashcam_websockets") == 1
        assert api("GET", "/metrics").json()["active_connections"] == 2


def test_each_app_counts_for_itself(settings, tmp_path, client, api):
    """Two apps in one process share no counter."""
    import msgspec

    api("GET", "/devices")
    other = msgspec.structs.replace(settings, home=str(tmp_path / "other"))
    with TestClient(create_app(other)) as second:
        assert second.get("/api/v1/metrics").json()["requests_by_endpoint"] == {}


# -- the measuring itself --------------------------------------------------------------------------


def scope(path="/api/v1/x", method="GET", query=b""):
    """A request's scope."""
    return {"type": "http", "path": path, "method": method, "query_string": query, "headers": []}


def test_p95_is_of_successful_answers_and_of_the_newest():
    """95 of 100 successful answers took so long or less; errors and old answers do not count."""
    metrics = Metrics()
    for number in range(1, 101):
        metrics.note("GET", "/a", 200, number / 1000)
        metrics.note("GET", "/a", 500, 60.0)
    assert (metrics.p95_ms(), metrics.average_ms()) == (95.0, 50.5)
    for _ in range(5000):
        metrics.note("GET", "/a", 200, 0.002)
    assert (metrics.p95_ms(), metrics.average_ms()) == (2.0, 2.0)


def test_buckets_count_what_is_at_most_their_edge():
    """A duration on an edge belongs below it; the last bucket holds everything."""
    spread = Spread()
    for seconds in (0.005, 0.0051, 2.0, 2.1, 1e9):
        spread.add(seconds)
    below = dict(spread.buckets())
    assert (below["0.005"], below["0.01"], below["1.0"], below["2.0"], below["5.0"], below["+Inf"]) == (
        1,
        2,
        2,
        3,
        4,
        5,
    )
    assert 2.0 in EDGES  # the alert on the 95th percentile lies at two seconds


def test_created_per_minute_forgets(client):
    """Tasks leave the figure a minute after they were created, and it needs no more than a minute's memory."""
    from server.feed import Feed

    now = [0.0]
    feed = Feed(monotonic=lambda: now[0])
    for second in range(600):
        now[0] = second
        feed._note_created()
        feed._note_created()
    assert feed.created_per_minute() == 120
    assert len(feed._created) <= 60
    now[0] += 30
    assert feed.created_per_minute() == 60
    now[0] += 31
    assert feed.created_per_minute() == 0


def test_what_an_app_raises_counts_as_500_and_a_hang_up_as_499():
    """Counting survives errors and cancellation, and nothing stays in flight."""

    async def run(error):
        metrics = Metrics()

        async def app(scope, receive, send):
            assert metrics.connections == 1
            raise error

        with pytest.raises(type(error)):
            await measured(app, lambda: metrics)(scope(), None, None)
        assert metrics.connections == 0
        return metrics.errors()

    assert asyncio.run(run(ValueError())) == {"500": 1}
    assert asyncio.run(run(asyncio.CancelledError())) == {"499": 1}


def test_templates_prefer_words_and_take_whole_tails(client):
    """`/tasks/pending` is no task id; a route that takes a path takes all of it; the rest is unknown."""
    templates = Templates(client.app.routes)
    assert templates.of("/api/v1/tasks/pending") == "/api/v1/tasks/pending"
    assert templates.of("/api/v1/tasks/17") == "/api/v1/tasks/{task_id}"
    assert templates.of("/api/v1/tasks/17/complete/") == "/api/v1/tasks/{task_id}/complete"
    assert templates.of("//api//v1/tasks") == "/api/v1/tasks"
    assert templates.of("/") == "/"
    for path in ("", "*", "/api/v1/tasks/1/2/3", "/api", "/\x00"):
        assert templates.of(path) in ("/", "unknown")


def test_measuring_costs_microseconds():
    """A request is measured in well under 100 microseconds (about 5 on an idle machine)."""

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200})

    async def send(message):
        pass

    async def run():
        metrics = Metrics()
        wrapped = measured(app, lambda: metrics)
        asked = scope("/api/v1/tasks/17", query=b"state=pending")
        best = 1.0
        for _ in range(20):
            began = time.perf_counter()
            for _ in range(100):
                await wrapped(asked, None, send)
            best = min(best, (time.perf_counter() - began) / 100)
        return best

    assert asyncio.run(run()) < 100e-6
