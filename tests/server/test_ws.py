"""The WebSocket: every change of a task, in order, to whoever asked for it; nobody can hold up the server."""

import asyncio
import contextlib
import json
import socket
import threading
import time

import httpx
import msgspec
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from dashcam_cli import server as ours
from server.feed import Feed
from server.journal import Change
from server.routes import ws
from server.store import Row
from stages.errors import BadInput

TASK = {"task_type": "INGEST_VIDEO", "video_id": "trip_1"}
PRINTED = [
    "task_id", "task_type", "state", "created_at", "completed_at", "video_id", "inputs", "outputs",
    "metadata", "device_capabilities_required",
]  # fmt: skip


class Site:
    """A real server in a thread, and its clients."""

    def __init__(self, settings, feed):
        self.listener = ours.listen("127.0.0.1", 0)
        self.address = f"127.0.0.1:{self.listener.getsockname()[1]}"
        self.running = ours.build(settings)
        self.thread = threading.Thread(target=ours.run, args=(self.running, self.listener))
        self.thread.start()
        while not self.running.started:
            self.thread.join(0.01)
            assert self.thread.is_alive()
        self.services = self.running.config.app.state.services
        if feed is not None:
            self.services.dispatcher.feed = feed
        self.http = httpx.Client(base_url=f"http://{self.address}/api/v1", timeout=20)

    @property
    def feed(self):
        """The server's feed."""
        return self.services.dispatcher.feed

    def post(self, path, body=None):
        """Call the API."""
        answer = self.http.post(path, json={} if body is None else body)
        assert answer.status_code in (200, 201), answer.text
        return answer.json()

    def listen(self, **more):
        """Open a WebSocket."""
        return connect(f"ws://{self.address}/api/v1/ws/tasks", open_timeout=10, close_timeout=5, **more)

    def stop(self):
        """End the server, once."""
        if self.thread.is_alive():
            ours.stop(self.running)
        self.thread.join(20)
        assert not self.thread.is_alive()


@pytest.fixture
def site(monkeypatch, settings):
    """Start a server; `site(feed=...)` with other bounds."""
    monkeypatch.setenv("NO_PROXY", "*")
    with contextlib.ExitStack() as stack:

        def start(feed=None):
            made = Site(unlimited(settings), feed)
            stack.callback(made.stop)
            stack.callback(made.http.close)
            return made

        yield start


def unlimited(settings):
    """The same settings without rate limits."""
    limits = msgspec.structs.replace(settings.limits, requests_per_minute=0, connections=0)
    return msgspec.structs.replace(settings, limits=limits)


def ask(client, text=None, **message):
    """Send a message; the next answer."""
    client.send(json.dumps(message) if text is None else text)
    return read(client)


def read(client):
    """The next message."""
    return json.loads(client.recv(timeout=10))


def until(client, count):
    """So many messages as (event, task id)."""
    return [(each["event"], each["task_id"]) for each in (read(client) for _ in range(count))]


def test_the_references_lines_work(site):
    """Section 8's subscription is answered, and an update is the task as in GET, then `event` and `seq`."""
    here = site()
    with here.listen() as client:
        ack = ask(client, action="subscribe", video_id="trip_1")
        assert ack == {
            "event": "subscribed",
            "video_id": "trip_1",
            "all": False,
            "videos": 1,
            "seq": ack["seq"],
        }
        made = here.post("/tasks", TASK)
        told = read(client)
    assert list(told) == [*PRINTED, "event", "seq"]
    assert {name: told[name] for name in PRINTED} == made
    assert (told["event"], told["seq"]) == ("created", ack["seq"] + 1)


def test_every_change_in_order(site):
    """A task's whole life is told step by step, with its children and the tasks that it unblocks."""
    here = site()
    with here.listen() as client:
        ask(client, action="subscribe")
        first = here.post("/tasks", TASK)["task_id"]
        late = here.post("/tasks", TASK | {"task_type": "HEAVY_PROCESS_VIDEO"})["task_id"]

        def claim():
            [task] = here.post("/tasks/pending?worker=w&task_type=INGEST_VIDEO", {})
            return {"lease": task["lease"]}

        here.post(f"/tasks/{first}/release", claim())
        here.post(f"/tasks/{first}/fail", claim() | {"error": "no"})
        here.post(f"/tasks/{first}/retry")
        here.post(f"/tasks/{first}/fail", claim() | {"error": "never", "retry": False})
        here.post(f"/tasks/{first}/retry")
        here.post(f"/tasks/{first}/cancel")
        here.post(f"/tasks/{first}/cancel")  # it is: nothing changes
        here.post(f"/tasks/{first}/retry")
        session = {"hostname": "w", "device_type": "t"}
        here.post("/tasks/pending?worker=w&session=s&task_type=INGEST_VIDEO", {})
        here.post("/devices/heartbeat", session | {"ended_sessions": ["s"]})
        done = claim() | {
            "outputs": [{"device": "nas", "path": "/videos/raw/a.mp4"}],
            "new_tasks": [{"task_type": "PREPROCESS_VIDEO"}],
        }
        here.post(f"/tasks/{first}/complete", done)
        here.post(f"/tasks/{first}/complete", done)  # a repeat: nothing changes
        here.post(f"/tasks/{late}/cancel")
        child = late + 1
        expected = [
            ("created", first), ("created", late),
            ("claimed", first), ("released", first),
            ("claimed", first), ("backing_off", first), ("retried", first),
            ("claimed", first), ("failed", first), ("retried", first),
            ("cancelled", first), ("retried", first),
            ("claimed", first), ("lost", first),
            ("claimed", first), ("created", child), ("completed", first), ("ready", late),
            ("cancelled", late),
        ]  # fmt: skip
        got = until(client, len(expected))
        assert got == expected


@pytest.mark.slow
def test_numbers_rise_by_one_over_many_writers(site):
    """Messages of concurrent changes come in the order of their numbers, and each task's in its own order."""
    here = site()
    with here.listen() as client:
        start = ask(client, action="subscribe")["seq"]

        def live():
            with httpx.Client(base_url=here.http.base_url, timeout=20) as http:
                for _ in range(10):
                    number = http.post("/tasks", json=TASK).json()["task_id"]
                    http.post(f"/tasks/{number}/cancel")
                    http.post(f"/tasks/{number}/retry")
                    http.post(f"/tasks/{number}/complete")

        threads = [threading.Thread(target=live) for _ in range(4)]
        for thread in threads:
            thread.start()
        told = [read(client) for _ in range(160)]
        for thread in threads:
            thread.join()
    assert [each["seq"] for each in told] == list(range(start + 1, start + 161))
    lives = {}
    for each in told:
        lives.setdefault(each["task_id"], []).append(each["event"])
    assert len(lives) == 40
    assert all(life == ["created", "cancelled", "retried", "completed"] for life in lives.values())


def test_a_rejected_change_is_not_told(site):
    """What was rolled back (one bad item of a batch, a stale lease) is never told."""
    here = site()
    with here.listen() as client:
        ask(client, action="subscribe")
        bad = {"tasks": [TASK, TASK | {"video_id": "../up"}]}
        assert here.http.post("/tasks/batch", json=bad).status_code == 400
        number = here.post("/tasks", TASK)["task_id"]
        assert here.http.post(f"/tasks/{number}/release", json={"lease": 7}).status_code == 409
        here.post(f"/tasks/{number}/cancel")
        assert until(client, 2) == [("created", number), ("cancelled", number)]


def test_only_what_was_subscribed_to(site):
    """A new connection hears nothing; clips are added and taken away one by one."""
    here = site()
    with here.listen() as client, here.listen() as silent:
        assert ask(silent, action="ping")["event"] == "pong"
        ask(client, action="subscribe", video_id="a")
        ask(client, action="subscribe", video_id="b")
        for clip in ("a", "b", "c"):
            here.post("/tasks", TASK | {"video_id": clip})
        here.post("/tasks", {"task_type": "INGEST_VIDEO"})
        assert [read(client)["video_id"] for _ in range(2)] == ["a", "b"]
        assert ask(client, action="unsubscribe", video_id="a")["videos"] == 1
        here.post("/tasks", TASK | {"video_id": "a"})
        here.post("/tasks", TASK | {"video_id": "b"})
        assert read(client)["video_id"] == "b"
        ack = ask(client, action="unsubscribe")
        assert (ack["event"], ack["all"], ack["videos"]) == ("unsubscribed", False, 0)
        here.post("/tasks", TASK | {"video_id": "b"})
        assert ask(client, action="ping")["event"] == "pong"
        assert ask(silent, action="ping")["event"] == "pong"


def test_replay_from_a_number(site):
    """A client that comes back gets what it missed, in order, and then goes on live."""
    here = site()
    with here.listen() as client:
        ask(client, action="subscribe")
        here.post("/tasks", TASK | {"video_id": "a"})
        last = read(client)["seq"]
    here.post("/tasks", TASK | {"video_id": "b"})
    here.post("/tasks", TASK | {"video_id": "a"})
    with here.listen() as client:
        ack = ask(client, action="subscribe", since=last)
        assert (ack["event"], ack["seq"]) == ("subscribed", last + 2)
        here.post("/tasks", TASK | {"video_id": "c"})
        told = [read(client) for _ in range(3)]
        assert [(each["video_id"], each["seq"] - last) for each in told] == [("b", 1), ("a", 2), ("c", 3)]
        assert ask(client, action="subscribe", video_id="a", since=last)["event"] == "subscribed"
        assert read(client)["seq"] == last + 2
    with here.listen() as client:
        assert ask(client, action="subscribe", since=last + 3)["seq"] == last + 3
        assert ask(client, action="ping")["event"] == "pong"


def test_gap_when_history_is_gone(site):
    """Too old a number, one of an earlier run or of the future: a gap is said, and live changes go on."""
    here = site(Feed(history=3))
    for _ in range(5):
        here.post("/tasks", TASK)
    with here.listen() as client:
        newest = ask(client, action="subscribe", since=here.feed.seq - 3)["seq"]
        assert [read(client)["seq"] for _ in range(3)] == [newest - 2, newest - 1, newest]
        for since in (newest - 4, 0, -1, newest + 1, 1 << 80):
            assert ask(client, action="subscribe", since=since)["event"] == "subscribed"
            gap = read(client)
            assert (gap["event"], gap["since"], gap["seq"]) == ("gap", since, newest)
        here.post("/tasks", TASK)
        assert read(client)["seq"] == newest + 1


def test_a_restart_is_a_gap():
    """Numbers begin with the time of the start, so an earlier run's number is never taken for this one's."""
    earlier, later = Feed(clock=lambda: 1_700_000_000.0), Feed(clock=lambda: 1_700_000_001.5)
    assert later.seq - earlier.seq == 1_500_000
    assert later.since(earlier.seq + 40, lambda row: True) is None
    assert later.since(later.seq, lambda row: True) == []


@pytest.mark.slow
def test_a_slow_client_is_dropped_and_others_go_on(site):
    """A client that does not read is closed with 1013 and told from where to go on; the others miss nothing."""
    here = site(Feed(room=10))
    heavy = TASK | {"metadata": {"note": "x" * 200_000}}
    with narrow(here) as slow, here.listen() as quick:
        ask(slow, action="subscribe")
        ask(quick, action="subscribe")
        made = []
        for _ in range(60):
            made.append(here.post("/tasks", heavy)["task_id"])
            assert read(quick)["task_id"] == made[-1]
        seen = []
        with pytest.raises(ConnectionClosed) as closed:
            while True:
                seen.append(read(slow)["seq"])
        assert closed.value.rcvd.code == 1013
        assert closed.value.rcvd.reason.startswith("too slow: 11 messages waited; come back and subscribe")
        last = int(closed.value.rcvd.reason.rpartition("=")[2])
        assert seen[-1] == last < here.feed.seq
        assert ask(quick, action="ping")["event"] == "pong"
        with here.listen() as again:
            ask(again, action="subscribe", since=last)
            assert read(again)["seq"] == last + 1
        wait_for(lambda: here.feed.dropped == 1)


@contextlib.contextmanager
def narrow(here):
    """A client that takes in little until it is read from."""
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    host, _, port = here.address.rpartition(":")
    raw.connect((host, int(port)))
    with here.listen(sock=raw, max_queue=1, compression=None) as client:
        yield client


def wait_for(what, seconds=10):
    """Wait until `what()` is true."""
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.slow
def test_a_client_that_takes_nothing_at_all_is_let_go(site, monkeypatch):
    """A connection whose other end never reads again is given up after a while, and forgotten."""
    monkeypatch.setattr(ws, "PATIENCE", 0.5)
    here = site()
    with narrow(here) as dead:
        ask(dead, action="subscribe")
        for _ in range(40):
            here.post("/tasks", TASK | {"metadata": {"note": "x" * 200_000}})
        wait_for(lambda: here.feed.listening == 0)
        assert here.feed.dropped == 1
        here.post("/tasks", TASK)


def test_a_long_replay_is_no_slowness(site):
    """A replay of more messages than may wait is sent whole; another on top of it is refused meanwhile."""
    here = site(Feed(room=5))
    start = here.feed.seq
    here.post("/tasks/batch", {"tasks": [TASK] * 300})
    with here.listen() as client:
        ask(client, action="subscribe", since=start)
        assert [read(client)["seq"] - start for _ in range(300)] == list(range(1, 301))
        assert ask(client, action="ping")["event"] == "pong"


def test_replays_do_not_pile_up():
    """While so much of a replay still waits, another is refused; what waits is not sent twice by the next."""
    feed = Feed(room=2)
    listener = feed.join()
    tell(feed, "a", 5)
    ask_feed(feed, listener, action="subscribe", since=feed.seq - 5)
    ask_feed(feed, listener, action="subscribe", since=feed.seq - 5)
    tell(feed, "a", 1)
    said = drain(listener)
    assert [each["event"] for each in said] == ["subscribed", *["created"] * 5, "error", "created"]
    assert "still on its way" in said[6]["detail"]
    tell(feed, "a", 2)
    ask_feed(feed, listener, action="subscribe", since=feed.seq - 3)
    numbers = [each["seq"] for each in drain(listener) if each["event"] == "created"]
    assert numbers == [feed.seq - 2, feed.seq - 1, feed.seq]


def test_waiting_messages_are_bounded_in_bytes():
    """A few huge messages fill a listener's room as well as many small ones; history gives way too."""
    feed = Feed(history_bytes=20_000)
    listener = feed.join()
    listener.everything = True
    tell(feed, "a", 3, note="x" * 12_000)
    assert listener.ended is None
    assert feed.since(feed.seq - 2, lambda row: True) is None
    tell(feed, "a", 1, note="x" * 12_000)
    assert listener.ended[0] == 1013


def tell(feed, clip, count, note=""):
    """So many new tasks of a clip."""
    row = Row(
        **dict.fromkeys(Row.__struct_fields__, 0) | dict.fromkeys(TEXTS, "[]") | {"completed_at": None, "metadata": note or "{}"}
        | {"task_type": "INGEST_VIDEO", "video_id": clip, "resolved": None, "answer": None, "published": None, "error": None}
    )  # fmt: skip
    feed.publish("created", [Change(None, row)] * count)


TEXTS = ("inputs", "outputs", "needs", "state", "phase", "vanished")


def ask_feed(feed, listener, **message):
    """What the reading side does with a message."""
    try:
        ws._act(json.dumps(message), feed, listener)
    except BadInput as error:
        ws._say(listener, event="error", detail=str(error))


def drain(listener):
    """Everything that waits."""

    async def run():
        out = []
        while listener._waiting:
            item = await listener.next()
            out.append(json.loads(item if isinstance(item, str) else ws.message(item)))
        return out

    return asyncio.run(run())


def test_what_cannot_be_understood_is_said_and_changes_nothing(site):
    """Bad messages are answered with a reason; the connection and its subscriptions stay."""
    here = site()
    with here.listen() as client:
        ask(client, action="subscribe", video_id="trip_1")
        for text, word in [
            ("{", "JSON"), ("[]", "object"), ("7", "object"), ("null", "object"), ("[" * 3000, "JSON"),
            ('{"action": "subscrib"}', "did you mean subscribe"), ("{}", "action"), ('{"action": null}', "action"),
            ('{"action": ["subscribe"]}', "action"), ('{"action": "subscribe", "video_id": "../x"}', "video_id"),
            ('{"action": "subscribe", "video_id": 7}', "video_id"), ('{"action": "subscribe", "video_id": ""}', "video_id"),
            ('{"action": "subscribe", "since": "7"}', "since"), ('{"action": "subscribe", "since": true}', "since"),
            ('{"action": "subscribe", "since": 1.5}', "since"), ("", "JSON"), (b"\xff\xfe", "JSON"),
        ]:  # fmt: skip
            said = ask(client, text)
            assert said["event"] == "error", text
            assert word in said["detail"], text
        assert ask(client, b'{"action": "ping"}')["event"] == "pong"
        here.post("/tasks", TASK)
        assert read(client)["event"] == "created"


@pytest.mark.slow
def test_too_long_a_message_closes(site):
    """A client that sends too much is closed with 1009."""
    here = site()
    with here.listen() as client:
        client.send('{"action": "ping", "x": "' + "x" * ws.MOST + '"}')
        with pytest.raises(ConnectionClosed) as closed:
            client.recv(timeout=10)
    assert closed.value.rcvd.code == 1009
    assert "4096" in closed.value.rcvd.reason


def test_clips_and_connections_are_bounded(site, monkeypatch):
    """One connection may name so many clips, one server has so many listeners; both refusals say why."""
    monkeypatch.setattr(ws, "CLIPS", 2)
    here = site(Feed(listeners=2))
    with here.listen() as client, here.listen():
        for clip in "ab":
            ask(client, action="subscribe", video_id=clip)
        assert "2 clips" in ask(client, action="subscribe", video_id="c")["detail"]
        assert ask(client, action="subscribe", video_id="a")["event"] == "subscribed"
        with here.listen() as third, pytest.raises(ConnectionClosed) as closed:
            third.recv(timeout=10)
        assert (closed.value.rcvd.code, closed.value.rcvd.reason[:11]) == (1013, "2 listeners")
    wait_for(lambda: here.feed.listening == 0)
    with here.listen() as client:
        assert ask(client, action="ping")["event"] == "pong"


def test_pages_of_other_sites_cannot_listen(site):
    """A browser sends where a page came from: another site's page is refused, our own is not."""
    here = site()
    with pytest.raises(InvalidStatus) as refused, here.listen(origin="https://elsewhere.example"):
        pass
    assert refused.value.response.status_code == 403
    with here.listen(origin=f"http://{here.address}") as client:
        assert ask(client, action="ping")["event"] == "pong"


def test_a_token_in_the_query_does_no_harm(site):
    """`?token=` is looked at elsewhere; the address works with it. Plain HTTP there is told what to do."""
    here = site()
    with connect(f"ws://{here.address}/api/v1/ws/tasks?token=abc") as client:
        assert ask(client, action="ping")["event"] == "pong"
    answer = here.http.get("/ws/tasks")
    assert (answer.status_code, answer.headers["upgrade"]) == (426, "websocket")
    assert "ws://" in answer.json()["detail"]


def test_a_stopping_server_says_so(site):
    """Every socket is closed with 1001 when the server stops, and the server does not wait for them."""
    here = site()
    with here.listen() as one, here.listen() as two:
        ask(one, action="subscribe")
        here.stop()
        for client in (one, two):
            with pytest.raises(ConnectionClosed) as closed:
                client.recv(timeout=10)
            assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1001, "the server stops")
