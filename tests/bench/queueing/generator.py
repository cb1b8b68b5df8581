"""A load generator that costs little: raw sockets, ready-made bytes, one request at a time on each connection.

A script is a generator that yields the bytes of a request and is sent the answer's `(status, body)`; each
connection runs one. Latencies are from the first byte sent to the last byte read, in seconds.
"""

from __future__ import annotations

import multiprocessing
import os
import selectors
import socket
import time
from collections.abc import Callable, Generator
from typing import Any, NamedTuple

Answer = tuple[int, bytes]
Script = Generator[bytes, Answer, None]
#: From the number of a connection to what it does.
Scripts = Callable[[int], Script]
_WARM_SECONDS = 1.0


class Load(NamedTuple):
    """What one run showed. `latencies`: of each request in the measured time; `answered`: also before that;
    `cpu`: cores the generator used.
    """

    requests: int
    seconds: float
    errors: int
    latencies: list[float]
    cpu: float
    answered: int
    fault: str = ""

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.requests / self.seconds


def request(method: str, path: str, body: bytes = b"") -> bytes:
    """The bytes of a request, with the headers that a worker's client sends."""
    return (
        b"%s %s HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
        % (method.encode(), path.encode(), len(body), body)
    )


class _Connection:
    """One socket and the script that runs on it."""

    def __init__(self, port: int, script: Script) -> None:
        self.socket = connect(port)
        self.socket.setblocking(False)
        self.script = script
        self.sent_at = 0.0
        self._buffer = bytearray()
        self._needed = 0

    def send(self, data: bytes) -> None:
        self._buffer.clear()
        self._needed = 0
        self.sent_at = time.perf_counter()
        self.socket.send(data)  # requests are smaller than a socket's buffer

    def receive(self) -> Answer | None:
        """The answer, once it is there whole."""
        got = self.socket.recv(262_144)
        if not got:
            raise ConnectionError("the server closed a connection")
        self._buffer += got
        if not self._needed:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return None
            self._needed = end + 4 + _length(bytes(self._buffer[:end]).lower())
        if len(self._buffer) < self._needed:
            return None
        head = self._buffer.find(b"\r\n\r\n") + 4
        return int(self._buffer[9:12]), bytes(self._buffer[head:])


def connect(port: int) -> socket.socket:
    """A connection to a port of the loopback, without Nagle's delay."""
    made = socket.create_connection(("127.0.0.1", port))
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made


def _length(head: bytes) -> int:
    at = head.index(b"content-length:") + 15
    return int(head[at:].partition(b"\r\n")[0])


def talk(port: int, data: bytes, opened: socket.socket | None = None) -> Answer:
    """One request and its answer, without hurry."""
    connection = opened or connect(port)
    try:
        connection.sendall(data)
        return read_answer(connection)
    finally:
        if opened is None:
            connection.close()


def read_answer(connection: socket.socket) -> Answer:
    """The next answer on a connection."""
    got = b""
    while b"\r\n\r\n" not in got:
        got += _some(connection)
    head, _, body = got.partition(b"\r\n\r\n")
    length = _length(head.lower())
    while len(body) < length:
        body += _some(connection)
    return int(head[9:12]), body


def _some(connection: socket.socket) -> bytes:
    got = connection.recv(262_144)
    if not got:
        raise ConnectionError("the server closed the connection")
    return got


def drive(port: int, scripts: Scripts, numbers: range, seconds: float) -> Load:
    """Run a script on each connection for so long, after warming up."""
    selector = selectors.DefaultSelector()
    for number in numbers:
        connection = _Connection(port, scripts(number))
        selector.register(connection.socket, selectors.EVENT_READ, connection)
        connection.send(next(connection.script))
    begins = time.perf_counter() + _WARM_SECONDS
    ends, cpu = begins + seconds, None
    latencies: list[float] = []
    answered, errors, fault, now = 0, 0, "", time.perf_counter()
    while now < ends:
        for key, _ in selector.select(1.0):
            connection = key.data
            answer = connection.receive()
            if answer is None:
                continue
            now, answered = time.perf_counter(), answered + 1
            if now >= begins:
                cpu = _cpu() if cpu is None else cpu
                latencies.append(now - connection.sent_at)
                if answer[0] >= 300:
                    errors, fault = errors + 1, fault or f"{answer[0]} {answer[1][:300]!r}"
            connection.send(connection.script.send(answer))
        now = time.perf_counter()
    spent = max(now - begins, 1e-9)
    for key in list(selector.get_map().values()):
        key.fileobj.close()  # type: ignore[union-attr]
    return Load(len(latencies), spent, errors, latencies, (_cpu() - (cpu or 0.0)) / spent, answered, fault)


def _cpu() -> float:
    spent = os.times()
    return spent.user + spent.system


def run_load(port: int, scripts: Scripts, connections: int, seconds: float, processes: int = 1) -> Load:
    """`drive` in processes of their own, so that this one's work is not in the way."""
    context = multiprocessing.get_context("fork")
    parts, pipes = min(processes, connections), []
    for part in range(parts):
        ours, theirs = context.Pipe(duplex=False)
        numbers = range(part, connections, parts)
        child = context.Process(target=_child, args=(theirs, port, scripts, numbers, seconds))
        child.start()
        pipes.append((ours, child))
    loads: list[Any] = [ours.recv() for ours, _ in pipes]
    for _, child in pipes:
        child.join()
    return Load(
        requests=sum(load.requests for load in loads),
        seconds=max(load.seconds for load in loads),
        errors=sum(load.errors for load in loads),
        latencies=[each for load in loads for each in load.latencies],
        cpu=sum(load.cpu for load in loads),
        answered=sum(load.answered for load in loads),
        fault=next((load.fault for load in loads if load.fault), ""),
    )


def _child(pipe: Any, port: int, scripts: Scripts, numbers: range, seconds: float) -> None:
    pipe.send(drive(port, scripts, numbers, seconds))


def quantile(values: list[float], part: float) -> float:
    """The value that so large a part of them does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]
