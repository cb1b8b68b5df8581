"""(d) From the commit that made a task claimable to the worker that waits for it, and to a WebSocket.

The creation's answer is sent as soon as its commit is on the disk; what waits has to be woken, and for a long
poll the claim has to be committed as well. Both are timed from the moment at which the creation was *sent*
(so its own commit is in it: more than was asked for), and from the moment at which its answer came.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection
from websockets.sync.client import connect as connect_socket

from queueing import servers
from queueing.bodies import CAPABILITIES, new_task, post
from queueing.generator import connect, quantile, read_answer

_PARKED_SECONDS = 0.02


def measure(folder: Path, rounds: int) -> list[dict[str, Any]]:
    """A line for the long poll and one for the WebSocket."""
    with servers.product(folder / "wakes") as server:
        poll = _times(server, rounds, _poller(server))
        with connect_socket(f"ws://127.0.0.1:{server.port}/api/v1/ws/tasks") as socket:
            socket.send('{"action": "subscribe"}')
            socket.recv()
            told = _times(server, rounds, _listener(socket))
    return [{"way": "long poll"} | _line(poll), {"way": "WebSocket"} | _line(told)]


def _poller(server: servers.Server) -> Callable[[], Callable[[], None]]:
    asking = post(
        "/tasks/pending?worker=bench&session=s&wait=30", {"device_capabilities": CAPABILITIES, "held": []}
    )
    numbers = iter(range(10**9))

    def park() -> Callable[[], None]:
        # A new session each time: it is not offered again what the last one holds.
        connection = connect(server.port)
        connection.sendall(asking.replace(b"session=s&", b"session=%06d&" % next(numbers)))

        def wait() -> None:
            status, body = read_answer(connection)
            assert status == 200
            assert b"task_id" in body
            connection.close()

        return wait

    return park


def _listener(socket: ClientConnection) -> Callable[[], Callable[[], None]]:
    def wait() -> None:
        while '"event":"created"' not in str(socket.recv(timeout=30)):
            pass

    return lambda: wait


def _times(
    server: servers.Server, rounds: int, park: Callable[[], Callable[[], None]]
) -> list[tuple[float, float]]:
    out = []
    creator = connect(server.port)
    for number in range(rounds):
        wait = park()
        time.sleep(_PARKED_SECONDS)
        sent = time.perf_counter()
        creator.sendall(post("/tasks", new_task(f"wake{number:06d}")))
        assert read_answer(creator)[0] == 201
        answered = time.perf_counter()
        wait()
        woken = time.perf_counter()
        out.append((woken - sent, woken - answered))
    creator.close()
    return out


def _line(times: list[tuple[float, float]]) -> dict[str, Any]:
    whole, after = [each[0] for each in times], [each[1] for each in times]
    return {
        "rounds": len(times),
        "from sending p50 ms": round(1000 * quantile(whole, 0.5), 2),
        "p95 ms": round(1000 * quantile(whole, 0.95), 2),
        "from the answer p50 ms": round(1000 * quantile(after, 0.5), 2),
    }
