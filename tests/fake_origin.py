"""A stand-in for servers that have models: a real HTTP or HTTPS server that misbehaves as real ones do."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Origin:
    """A web server with files; its fields make it misbehave as real ones do."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.ranges = True
        self.cuts: list[int] = []  # after so many bytes of each next answer it hangs up
        self.status: dict[str, int] = {}
        self.leads: dict[str, str] = {}  # path -> where a redirect leads
        self.asked: list[tuple[str, str]] = []  # path, Range
        self.length = True
        self.extra = b""  # sent behind the file, not announced
        self.packed = ""  # Content-Encoding
        self.stalls = 0  # answers that stop half way and say nothing more
        self.resume = threading.Event()
        self.url = ""


class Handler(BaseHTTPRequestHandler):
    """Answers as the server's `origin` says."""

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""

    def do_GET(self) -> None:
        """A file, whole or from a byte on; or what the origin wants instead."""
        it: Origin = self.server.origin  # type: ignore[attr-defined]
        path = "/" + self.path.rsplit("/", 1)[-1] if "://" in self.path else self.path
        it.asked.append((self.path, self.headers.get("Range", "")))
        if path in it.leads:
            self.send_response(302)
            self.send_header("Location", it.leads[path])
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        data = it.files.get(path)
        if path in it.status or data is None:
            self.send_response(it.status.get(path, 404))
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        start = 0
        wanted = self.headers.get("Range", "")
        if wanted and it.ranges:
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
            if start >= len(data):
                self.send_response(416)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        else:
            self.send_response(200)
        if it.length:
            self.send_header("Content-Length", str(len(data) - start))
        if it.packed:
            self.send_header("Content-Encoding", it.packed)
        self.end_headers()
        self._send(it, data[start:] + it.extra)

    def _send(self, it: Origin, data: bytes) -> None:
        stalls = it.stalls > 0
        it.stalls -= stalls
        cut = it.cuts.pop(0) if it.cuts else len(data)
        with contextlib.suppress(OSError):
            self.wfile.write(data[: len(data) // 2 if stalls else cut])
            self.wfile.flush()
            if stalls:
                it.resume.wait(20)
            if stalls or cut < len(data):
                self.connection.shutdown(socket.SHUT_RDWR)

    def do_CONNECT(self) -> None:
        """What a proxy does for https: a tunnel to where the origin's own proxy leads."""
        it: Origin = self.server.origin  # type: ignore[attr-defined]
        it.asked.append((self.path, "CONNECT"))
        host, _, port = it.leads["tunnel"].rpartition(":")
        with socket.create_connection((host, int(port)), timeout=10) as far:
            self.send_response(200)
            self.end_headers()
            back = threading.Thread(target=relay, args=(far, self.connection), daemon=True)
            back.start()
            relay(self.connection, far)
            back.join(5)


def relay(source: socket.socket, target: socket.socket) -> None:
    """Bytes from one socket to another until either ends."""
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


@contextlib.contextmanager
def serving(tls: ssl.SSLContext | None = None) -> Iterator[Origin]:
    """An origin on a free port of this host."""
    it = Origin()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.origin = it  # type: ignore[attr-defined]
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    it.url = (
        f"{'https' if tls else 'http'}://{'localhost' if tls else '127.0.0.1'}:{server.server_address[1]}"
    )
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield it
    finally:
        it.resume.set()
        server.shutdown()
        server.server_close()
