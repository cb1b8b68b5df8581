"""A network that loses answers: requests reach the server, and the connection breaks before the answer is back."""

from __future__ import annotations

import contextlib
import re
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    target: tuple[str, int]
    loses: Callable[[bytes, bytes], bool]


def _message(source: socket.socket) -> bytes:
    """One HTTP message with a `Content-Length`, or b"" when the peer is gone."""
    data = b""
    while b"\r\n\r\n" not in data:
        if not (more := source.recv(65536)):
            return b""
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)^content-length: *(\d+)", head, re.MULTILINE)
    while len(body) < (int(length[1]) if length else 0):
        if not (more := source.recv(65536)):
            return b""
        body += more
    return head + b"\r\n\r\n" + body


class _Relay(socketserver.BaseRequestHandler):
    server: _Server

    def handle(self) -> None:
        """Pass messages on until one end is gone or an answer is lost."""
        with contextlib.suppress(OSError), socket.create_connection(self.server.target) as far:
            while request := _message(self.request):
                far.sendall(request)
                answer = _message(far)
                if not answer or self.server.loses(request, answer):
                    return
                self.request.sendall(answer)


@contextlib.contextmanager
def losing(url: str, loses: Callable[[bytes, bytes], bool]) -> Iterator[str]:
    """The address of a way to `url` on which answers are lost where `loses(request, answer)` says so."""
    host, port = url.removeprefix("http://").split(":")
    with _Server(("127.0.0.1", 0), _Relay) as server:
        server.target, server.loses = (host, int(port)), loses
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
