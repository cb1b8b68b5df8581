"""Rate limits: who is counted, when it ends, what the answer says."""

import asyncio
import time

import httpx
import pytest

from config.settings import LimitSettings
from server.limits import Limits, limited


class Clock:
    """Unix time as a parameter."""

    now = 1_700_000_000.5

    def __call__(self):
        return self.now


async def plain(scope, receive, send):
    """An app that answers 200, when its gate is open."""
    gate = scope.get("state", {}).get("gate")
    if gate is not None:
        await gate.wait()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


def call(app, path="/api/v1/tasks", address="10.0.0.1", query=b"", gate=None):
    """One request; status and headers, as a coroutine."""

    async def request():
        sent = []

        async def send(message):
            sent.append(message)

        scope = {
            "type": "http", "path": path, "query_string": query, "client": (address, 1), "state": {"gate": gate},
        }  # fmt: skip
        await app(scope, None, send)
        return sent[0]["status"], dict(sent[0]["headers"])

    return request()


def key(scope):
    """Callers by address."""
    return scope["client"][0]


@pytest.fixture
def clock():
    """A clock of one's own."""
    return Clock()


def app_of(clock, per_minute=100, at_once=10):
    """An app behind limits."""
    limits = Limits(LimitSettings(requests_per_minute=per_minute, connections=at_once), clock)
    return limited(plain, lambda: limits, key)


def test_hundred_and_first_request_is_refused_with_its_headers(clock):
    """100 pass, the 101st gets 429 with when to come back; after the window all is new."""
    app = app_of(clock)
    answers = [asyncio.run(call(app)) for _ in range(101)]
    assert [status for status, _ in answers] == [200] * 100 + [429]
    assert answers[0][1][b"x-ratelimit-limit"] == b"100"
    assert answers[0][1][b"x-ratelimit-remaining"] == b"99"
    headers = answers[-1][1]
    assert headers[b"x-ratelimit-remaining"] == b"0"
    assert int(headers[b"x-ratelimit-reset"]) == 1_700_000_061
    assert int(headers[b"retry-after"]) == 61
    clock.now += 59.9
    assert asyncio.run(call(app))[0] == 429
    clock.now += 0.2
    assert asyncio.run(call(app))[0] == 200


def test_callers_are_counted_apart_and_pages_not_at_all(clock):
    """Another address has a window of its own; what is not below /api is not counted."""
    app = app_of(clock, per_minute=1)
    assert asyncio.run(call(app))[0] == 200
    assert asyncio.run(call(app))[0] == 429
    assert asyncio.run(call(app, address="10.0.0.2"))[0] == 200
    assert asyncio.run(call(app, "//api/v1/tasks"))[0] == 429  # the router finds it all the same
    for path in ("/", "/media/x.jpg", "/docs", "/health"):
        assert asyncio.run(call(app, path))[0] == 200


def test_eleventh_at_the_same_time_is_refused_and_waiting_polls_hold_no_slot(clock):
    """Ten may run at once; long polls run beside them; an end frees a slot."""

    async def scene():
        gate = asyncio.Event()
        app = app_of(clock)
        running = [asyncio.create_task(call(app, gate=gate)) for _ in range(10)]
        polls = [
            asyncio.create_task(call(app, "/api/v1/tasks/pending", query=b"wait=25", gate=gate))
            for _ in range(5)
        ]
        await asyncio.sleep(0)
        eleventh = await call(app)
        gate.set()
        done = await asyncio.gather(*running, *polls)
        return eleventh, done, await call(app)

    eleventh, done, after = asyncio.run(scene())
    assert eleventh[0] == 429
    assert b"retry-after" in eleventh[1]
    assert [status for status, _ in done] == [200] * 15
    assert after[0] == 200


def test_zero_switches_off(clock):
    """No limit, no headers."""
    app = app_of(clock, 0, 0)
    answers = [asyncio.run(call(app)) for _ in range(300)]
    assert {status for status, _ in answers} == {200}
    assert answers[0][1] == {}


def test_memory_is_bounded(clock):
    """A flood of addresses does not fill the memory."""
    limits = Limits(LimitSettings(), clock)
    for number in range(30_000):
        window, _ = limits.enter(f"addr:{number}", waits=False)
        limits.leave(window, waits=False)
    assert len(limits._windows) <= 10_000


def test_clock_set_back_locks_nobody_out(clock):
    """A clock that jumps back an hour does not make a window of an hour."""
    app = app_of(clock, per_minute=1)
    asyncio.run(call(app))
    clock.now -= 3600
    assert asyncio.run(call(app))[0] == 200


@pytest.mark.slow
def test_real_server_limits_bursts_and_clients_live_on(house):
    """Over real HTTP: a burst over the limit gets 429; a worker on the same address goes on working."""
    house.server(limits=("20", "10"))
    worker = house.start("w", "worker", "--place", f"nas={house.folder}")
    with httpx.Client(base_url=house.url) as http:
        statuses = [http.get("/api/v1/tasks").status_code for _ in range(40)]
    assert 429 in statuses
    assert statuses[0] == 200
    time.sleep(1)
    assert worker.process.poll() is None
    assert worker.stop() == 0
