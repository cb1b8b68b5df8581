"""Talking to a camera over Wi-Fi: GET, of addresses on a list, over one connection, and nothing else.

Cameras answer dangerous things too (format, delete, update) to plain GETs. So a camera's module lists what
may be asked, and everything that leaves goes through `_ask`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple
from urllib.parse import urlsplit

import httpx

from stages.errors import BadInput, Refused, Unreachable

BLOCK = 64 << 10
_HOST = re.compile(r"[A-Za-z0-9:._-]{1,253}", re.ASCII)
_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)", re.ASCII)


class Part(NamedTuple):
    """What a camera sends: from which byte on, the size of the whole file if it says, and the bytes."""

    start: int
    total: int | None
    blocks: Iterator[bytes]


class CameraHttp:
    """One camera. `allowed`: patterns of the targets that may be asked for, path and query as sent."""

    def __init__(self, address: str, allowed: Sequence[str], timeout: float) -> None:
        self.address, self._base = _base(address)
        self._allowed = [re.compile(pattern, re.ASCII) for pattern in allowed]
        self._http = httpx.Client(
            timeout=httpx.Timeout(timeout, connect=min(timeout, 5.0)),
            limits=httpx.Limits(max_connections=1, max_keepalive_connections=1),
            follow_redirects=False,
            trust_env=False,  # a proxy has no business between us and a camera
            headers={"Accept-Encoding": "identity", "User-Agent": "dashcam"},
        )

    def close(self) -> None:
        """Hang up."""
        self._http.close()

    def text(self, target: str, limit: int) -> bytes:
        """A small answer as a whole; longer than `limit` bytes is refused."""
        with self._ask(target, {}) as answer:
            self._expect(answer, target, 200)
            data = bytearray()
            for block in _blocks(answer):
                data += block
                if len(data) > limit:
                    raise Refused(f"the camera's answer to {target[:80]} is longer than {limit} bytes")
        return bytes(data)

    def optional(self, target: str, limit: int) -> bytes | None:
        """As `text`; None when the camera has no such file."""
        try:
            return self.text(target, limit)
        except NoSuchFile:
            return None

    def length(self, target: str) -> int | None:
        """The size of a file, if the camera says it; nothing of it is read. Not by HEAD: many drop that."""
        with self._ask(target, {}) as answer:
            self._expect(answer, target, 200)
            return _length(answer)

    @contextmanager
    def file(self, target: str, offset: int = 0) -> Iterator[Part]:
        """A file from a byte on. A camera that cannot do that sends it from its beginning: see `start`."""
        headers = {"Range": f"bytes={offset}-"} if offset else {}
        with self._ask(target, headers) as answer:
            if answer.status_code == 416:
                raise NotThatLong(f"{target[:80]} has no byte {offset}")
            found = _RANGE.fullmatch(answer.headers.get("content-range", "").strip())
            if answer.status_code == 206 and found and int(found[1]) == offset:
                total = None if found[3] == "*" else int(found[3])
                yield Part(offset, total, _blocks(answer))
                return
            if answer.status_code == 206:
                raise Unreachable(f"the camera sent another part of {target[:80]} than was asked for")
            self._expect(answer, target, 200)
            yield Part(0, _length(answer), _blocks(answer))

    @contextmanager
    def _ask(self, target: str, headers: dict[str, str]) -> Iterator[httpx.Response]:
        """The only place from which anything is sent."""
        if not any(pattern.fullmatch(target) for pattern in self._allowed):
            raise Refused(f"{target[:80]!r} is nothing that a camera is asked for here")
        url = self._base.copy_with(raw_path=target.encode("ascii"))
        try:
            with self._http.stream("GET", url, headers=headers) as answer:
                yield answer
        except httpx.TransportError as error:
            raise Unreachable(f"{self.address}: {error or type(error).__name__}") from error

    def _expect(self, answer: httpx.Response, target: str, status: int) -> None:
        if answer.status_code == status:
            return
        if answer.status_code == 404:
            raise NoSuchFile(f"the camera has no {target[:80]}")
        if answer.status_code >= 500 or answer.status_code in (408, 429):
            raise Unreachable(f"{self.address} answers {answer.status_code}: it is busy")
        raise CameraRefused(answer.status_code, f"the camera answers {answer.status_code} to {target[:80]}")


class CameraRefused(Refused):
    """An answer that is no success and will not become one; `status` is the camera's."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class NoSuchFile(Refused):
    """404."""


class NotThatLong(Refused):
    """416: the file ends before the byte that was asked for."""


def _base(address: str) -> tuple[str, httpx.URL]:
    """The address as shown, and its URL. Raises BadInput for what is no host."""
    text = address if "://" in address else f"http://{address}"
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
        plain = parts.scheme == "http" and parts.path in ("", "/") and not parts.query and not parts.fragment
        if not _HOST.fullmatch(host or "") or not plain or "@" in parts.netloc:
            raise ValueError(address)
        return parts.netloc, httpx.URL(scheme="http", host=host, port=port, path="/")
    except (ValueError, httpx.InvalidURL) as error:
        raise BadInput(f"{address!r} is no camera's address; give one like 192.168.1.254") from error


def _length(answer: httpx.Response) -> int | None:
    text = answer.headers.get("content-length", "")
    return int(text) if re.fullmatch(r"\d{1,18}", text, re.ASCII) else None


def _blocks(answer: httpx.Response) -> Iterator[bytes]:
    """The bytes as they come, never decompressed: a small answer could become a huge one."""
    return answer.iter_raw(BLOCK)
