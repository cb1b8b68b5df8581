"""Stand-ins for cameras with Wi-Fi: real HTTP servers that list and send files as the makers' firmware does.

They keep every request, and misbehave on demand as real ones do: hang up in the middle, ignore Range, lie about
sizes, lack logs, forget Content-Length, or have names that nobody would give a file.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit
from xml.sax.saxutils import escape


class FakeCamera:
    """A camera whose card is a folder. Change its fields between requests to make it misbehave."""

    def __init__(self, card: Path) -> None:
        self.card = card
        self.requests: list[str] = []  # "GET /target", as received
        self.asked_from: dict[str, list[int]] = {}  # name -> first bytes that were asked for
        self.ranges = True  # honours Range
        self.lengths = True  # sends Content-Length
        self.drops: dict[str, list[int]] = {}  # name -> after so many bytes of each next answer it hangs up
        self.statuses: dict[str, int] = {}  # target -> answered instead
        self.sizes: dict[str, int] = {}  # name -> size in the listing, instead of the true one
        self.locked: set[str] = set()  # names with the read-only mark
        self.more = ""  # appended to the listing as it is
        self.body: bytes | None = None  # the whole listing instead
        self.address = ""
        self.most_at_once = 0
        self._now = 0
        self._guard = threading.Lock()

    def files(self) -> list[Path]:
        """What lies on its card, below the folders that it serves."""
        return sorted(path for path in self.card.rglob("*") if path.is_file())

    def listing_target(self, target: str) -> bool:
        """Whether a target asks for the listing."""
        raise NotImplementedError

    def listing(self) -> bytes:
        """What it lists."""
        raise NotImplementedError

    def find(self, target: str) -> Path | None:
        """The file behind a target."""
        raise NotImplementedError

    def got(self, part: str) -> int:
        """How many requests named this."""
        return sum(part in request for request in self.requests)

    @contextmanager
    def serving(self, request: str) -> Iterator[None]:
        """Counts requests, and how many are served at once."""
        with self._guard:
            self.requests.append(request)
            self._now += 1
            self.most_at_once = max(self.most_at_once, self._now)
        try:
            yield
        finally:
            with self._guard:
                self._now -= 1


class BlackVueCamera(FakeCamera):
    """`blackvue_vod.cgi` and `/Record/`; sizes in the listing are dummies."""

    def listing_target(self, target: str) -> bool:
        return target == "/blackvue_vod.cgi"

    def listing(self) -> bytes:
        names = [path.name for path in self.files() if path.suffix == ".mp4" and path.parent.name == "Record"]
        lines = "".join(f"n:/Record/{name},s:1000000\r\n" for name in names if not name.startswith("."))
        return f"v:1.00\r\n{lines}{self.more}".encode()

    def find(self, target: str) -> Path | None:
        path = self.card / "BlackVue" / target.lstrip("/")
        return path if path.is_file() else None


class ViofoCamera(FakeCamera):
    """`cmd=3015` in Novatek's XML, files by their path."""

    def listing_target(self, target: str) -> bool:
        return target == "/?custom=1&cmd=3015&par=1"

    def listing(self) -> bytes:
        clips = [path for path in self.files() if "DCIM" in path.parts and path.suffix == ".MP4"]
        entries = "".join(self._entry(path) for path in clips if not path.name.startswith("."))
        return f'<?xml version="1.0" encoding="UTF-8" ?>\n<LIST>\n{entries}{self.more}</LIST>'.encode()

    def _entry(self, path: Path) -> str:
        below = "A:\\" + "\\".join(path.relative_to(self.card).parts)
        attribute = 33 if path.name in self.locked or "RO" in path.parts else 32
        return self.entry(below, self.sizes.get(path.name, path.stat().st_size), attribute)

    @staticmethod
    def entry(path: str, size: object = 1000, attribute: object = 32) -> str:
        """One `<ALLFile>`."""
        name = escape(path.rsplit("\\", 1)[-1])
        return (
            f"<ALLFile><File>\n<NAME>{name}</NAME>\n<FPATH>{escape(path)}</FPATH>\n<SIZE>{size}</SIZE>\n"
            f"<TIMECODE>1490714457</TIMECODE>\n<TIME>2024/06/01 16:28:34</TIME>\n<ATTR>{attribute}</ATTR></File>\n"
            "</ALLFile>\n"
        )

    def find(self, target: str) -> Path | None:
        path = self.card / target.lstrip("/")
        return path if path.is_file() else None


class _Handler(BaseHTTPRequestHandler):
    camera: ClassVar[FakeCamera]
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        pass

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):  # every method: what is not GET must be seen too
            return self._answer
        raise AttributeError(name)

    def _answer(self) -> None:
        camera = self.camera
        with camera.serving(f"{self.command} {self.path}"):
            if self.path in camera.statuses:
                self._send(camera.statuses[self.path], b"no", {"Location": "http://192.0.2.1/"})
            elif camera.listing_target(self.path):
                self._send(200, camera.listing() if camera.body is None else camera.body)
            elif path := camera.find(urlsplit(self.path).path):
                self._file(path)
            else:
                self._send(404, b"not found")

    def _file(self, path: Path) -> None:
        data, status, headers = path.read_bytes(), 200, {}
        asked = self.headers.get("Range", "")
        first = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
        self.camera.asked_from.setdefault(path.name, []).append(first)
        if asked and self.camera.ranges:
            if first >= len(data):
                self._send(416, b"", {"Content-Range": f"bytes */{len(data)}"})
                return
            headers["Content-Range"] = f"bytes {first}-{len(data) - 1}/{len(data)}"
            data, status = data[first:], 206
        drops = self.camera.drops.get(path.name)
        self._send(status, data, headers, cut=drops.pop(0) if drops else None)

    def _send(
        self, status: int, data: bytes, headers: dict[str, str] | None = None, cut: int | None = None
    ) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if self.camera.lengths:
            self.send_header("Content-Length", str(len(data)))
        else:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        try:
            self.wfile.write(data if cut is None else data[:cut])
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True
        if cut is not None:
            self.close_connection = True


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """Callers are killed in the tests; nobody need read about each."""


@contextmanager
def running(camera: FakeCamera) -> Iterator[FakeCamera]:
    """Serve a camera on a free port of this host."""
    handler = type("Handler", (_Handler,), {"camera": camera})
    server = _Server(("127.0.0.1", 0), handler)
    camera.address = f"127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield camera
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
