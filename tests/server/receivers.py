"""Receivers of notifications for tests: a web server and MQTT brokers, on the loopback."""

import os
import shutil
import socketserver
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


class WebReceiver:
    """Takes webhooks; `statuses` are answered in order, then 204."""

    def __init__(self) -> None:
        self.taken: list[tuple[dict[str, str], bytes]] = []
        self.statuses: list[int] = []
        self.hold = threading.Event()
        self.hold.set()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.hold.wait(30)
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.taken.append((headers | {":path": self.path}, body))
                status = receiver.statuses.pop(0) if receiver.statuses else 204
                self.send_response(status)
                if status in (301, 302, 307):
                    self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"

    @contextmanager
    def serving(self) -> Iterator["WebReceiver"]:
        """Answer in a thread of its own."""
        thread = threading.Thread(target=self.server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield self
        finally:
            self.hold.set()
            self.server.shutdown()
            thread.join()
            self.server.server_close()


class MqttReceiver:
    """The few words of MQTT 3.1.1 that a publisher hears; `refuse`: the code that connections are refused with."""

    def __init__(self, port: int = 0) -> None:
        self.taken: list[tuple[str, bytes]] = []
        self.refuse = 0
        receiver = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                while packet := self.packet():
                    kind, body = packet
                    if kind >> 4 == 1:  # CONNECT
                        self.wfile.write(bytes((0x20, 2, 0, receiver.refuse)))
                    elif kind >> 4 == 3:  # PUBLISH with QoS 1
                        size = int.from_bytes(body[:2], "big")
                        receiver.taken.append((body[2 : 2 + size].decode(), body[4 + size :]))
                        self.wfile.write(bytes((0x40, 2)) + body[2 + size : 4 + size])
                    elif kind >> 4 == 14:  # DISCONNECT
                        return

            def packet(self) -> tuple[int, bytes] | None:
                kind = self.rfile.read(1)
                if not kind:
                    return None
                size = shift = 0
                while True:
                    byte = self.rfile.read(1)[0]
                    size |= (byte & 127) << shift
                    shift += 7
                    if byte < 128:
                        return kind[0], self.rfile.read(size)

        self.server = socketserver.ThreadingTCPServer(("127.0.0.1", port), Handler)
        self.port = self.server.server_address[1]

    @contextmanager
    def serving(self) -> Iterator["MqttReceiver"]:
        """Answer in a thread of its own."""
        thread = threading.Thread(target=self.server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield self
        finally:
            self.server.shutdown()
            thread.join()
            self.server.server_close()


MOSQUITTO = shutil.which("mosquitto", path=os.environ.get("PATH", "") + os.pathsep + "/usr/sbin")


@contextmanager
def mosquitto(port: int, folder: Path) -> Iterator[None]:
    """A real broker (Eclipse Mosquitto) as a process of its own."""
    rules = folder / "mosquitto.conf"
    rules.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\nuser root\n")
    assert MOSQUITTO is not None
    running = subprocess.Popen(
        [MOSQUITTO, "-c", str(rules)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield
    finally:
        running.terminate()
        running.wait(20)
