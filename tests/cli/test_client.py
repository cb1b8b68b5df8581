"""The client against a real server, and against one that is away or busy."""

import http.server
import threading

import pytest

from dashcam_cli.client import Circuit, Client
from stages.errors import BadInput, Busy, Conflict, NotFound, Refused, Unreachable


@pytest.fixture
def answers():
    """A real HTTP server that gives the listed (status, headers, body) one after another, then the last again."""
    script = [(200, {}, b"{}")]
    seen = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            length = int(self.headers.get("content-length") or 0)
            seen.append((self.command, self.path, dict(self.headers), self.rfile.read(length)))
            status, headers, body = script.pop(0) if len(script) > 1 else script[0]
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_PATCH = do_DELETE = do_GET

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield script, seen, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def client_of(url, slept, patience=60.0):
    """A client that notes its pauses instead of taking them."""
    return Client(url, patience=patience, sleep=slept.append)


def test_retries_busy_answers_with_growing_pauses(answers):
    """5xx and 429 are tried again, longer each time, and as long as the server says."""
    script, seen, url = answers
    script[:] = [
        (503, {}, b"{}"),
        (500, {}, b"{}"),
        (429, {"Retry-After": "7"}, b"{}"),
        (200, {}, b'{"tasks": {}}'),
    ]
    slept = []
    client = client_of(url, slept)
    assert client.queue() == {"tasks": {}}
    client.close()
    assert len(seen) == 4
    assert 0 < slept[0] <= 0.2
    assert slept[0] < slept[1] * 4
    assert slept[2] == 7


def test_a_repeated_create_carries_the_same_key(answers):
    """A creation that is sent again is the same request to the server."""
    script, seen, url = answers
    script[:] = [(502, {}, b""), (201, {}, b"[]")]
    client = client_of(url, [])
    client.create([{"task_type": "INGEST_VIDEO"}])
    client.create([{"task_type": "INGEST_VIDEO"}])
    client.close()
    keys = [headers["Idempotency-Key"] for _, _, headers, _ in seen]
    assert keys[0] == keys[1] != keys[2]


@pytest.mark.parametrize(
    ("status", "error"),
    [(400, BadInput), (404, NotFound), (409, Conflict), (403, Refused), (500, Refused), (503, Busy)],
)
def test_statuses_become_our_errors(answers, status, error):
    """Each status is the error that callers know, with the server's own sentence."""
    script, _, url = answers
    script[:] = [(status, {}, b'{"detail": "the reason"}')]
    client = client_of(url, [], patience=0)
    with pytest.raises(error, match="the reason"):
        client.queue()
    client.close()


def test_strangers_answer_is_refused(answers):
    """Something else that answers at the address is not taken for our server."""
    script, _, url = answers
    script[:] = [(200, {}, b"<html>")]
    client = client_of(url, [])
    with pytest.raises(Refused, match="did not answer like"):
        client.queue()
    client.close()


def test_circuit_opens_after_repeated_failure():
    """Five calls in a row without a server, and the next are refused at once; then one may try."""
    now = [100.0]
    circuit = Circuit(lambda: now[0])
    for _ in range(4):
        circuit.note(False)
    assert circuit.open_for() == 0
    circuit.note(False)
    assert circuit.open_for() == 10
    now[0] += 10.5
    assert circuit.open_for() == 0
    circuit.note(False)
    assert circuit.open_for() > 0
    circuit.note(True)
    assert circuit.open_for() == 0


def test_open_circuit_refuses_without_a_call():
    """While it is open nothing is sent, and the message says when it will be."""
    client = Client("http://127.0.0.1:9", patience=0, sleep=lambda _: None)
    for _ in range(5):
        with pytest.raises(Unreachable, match="dashcam server"):
            client.queue()
    with pytest.raises(Unreachable, match="tried again in"):
        client.queue()
    client.close()


@pytest.mark.parametrize("url", ["", "main-server:8000", "ftp://x", "http://", "http://[bad", "http:///x"])
def test_addresses_that_are_none(url):
    """What is no address of a server is said at once."""
    with pytest.raises(BadInput, match="server address"):
        Client(url)


def test_every_call_against_a_real_server(house):
    """Each method of the client does what it says on a live server."""
    house.server()
    client = Client(house.url)
    made = client.create([{"task_type": "INGEST_VIDEO", "video_id": "v", "metadata": {"fingerprint": "f"}}])
    assert client.task(made[0]["task_id"])["phase"] == "ready"
    assert client.pending({})[0]["task_id"] == 1
    assert client.amend(1, metadata={"a": 1})["metadata"]["a"] == 1
    task = client.claim("w", "s", ["INGEST_VIDEO"], {"cpu_cores": 1}, 0)
    client.release(task)
    assert client.cancel(1)["phase"] == "cancelled"
    assert client.retry(1)["phase"] == "ready"
    assert client.known(["f"]) == {"f": "v"}
    orders = client.heartbeat({"hostname": "w", "device_type": "t"}, [])
    assert orders.next_seconds > 0
    assert client.device("w")["device_type"] == "t"
    client.forget_device("w")
    assert client.devices() == []
    assert client.videos(status="all")[0]["video_id"] == "v"
    assert client.video("v")["status"] == "queued"
    assert client.plates() == client.failures() == []
    assert client.tasks(video_id="v")[0]["task_id"] == 1
    assert client.metrics()
    assert client.healthy()
    client.close()
