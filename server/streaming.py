"""A file as an answer, in parts of bounded size, read in the threads of its place."""

from __future__ import annotations

import asyncio
import os
import stat
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote

from litestar.types import Receive, Send

from server.ranges import Span, Stamp, select
from server.shelves import Shelves
from stages.errors import InputGone, PlaceAbsent, Unavailable
from stages.task import FileRef

#: Bytes that are read and sent at a time.
CHUNK = 256 * 1024
#: Files that are being sent at the same time, at most.
MOST = 64


class Streams:
    """How many files are being sent now, by one app."""

    def __init__(self) -> None:
        self.open = 0


class OpenFile:
    """A file in a place, opened for one request."""

    def __init__(self, shelves: Shelves, ref: FileRef, file: BinaryIO, stamp: Stamp) -> None:
        self._shelves = shelves
        self._file = file
        self.ref = ref
        self.stamp = stamp

    async def read(self, at: int, count: int) -> bytes:
        """Bytes from a place on; fewer only where the file ends. Raises PlaceAbsent."""

        def reading() -> bytes:
            try:
                self._file.seek(at)
                return self._file.read(count)
            except OSError as error:
                raise PlaceAbsent(f"{self.ref.device} stopped answering: {error.strerror}") from error

        return await self._shelves.ask(self.ref.device, reading)

    def close(self) -> None:
        """Close it, without waiting for its place."""
        self._shelves.tell(self.ref.device, self._file.close)


async def open_file(shelves: Shelves, ref: FileRef) -> OpenFile:
    """Open a file for reading. Raises PlaceAbsent, InputGone, BadInput."""

    def opening() -> tuple[BinaryIO, Stamp]:
        path = shelves.places.existing(ref)
        return _open(path, ref)

    file, stamp = await shelves.ask(ref.device, opening)
    return OpenFile(shelves, ref, file, stamp)


def _open(path: Path, ref: FileRef) -> tuple[BinaryIO, Stamp]:
    # A pipe in a place would keep whoever opens it waiting, so it is not opened at all.
    if not stat.S_ISREG(path.stat().st_mode):
        raise InputGone(f"{ref.device}:{ref.path} is no file")
    try:
        file = path.open("rb", buffering=0)
    except OSError as error:
        raise InputGone(f"{ref.device}:{ref.path} cannot be read: {error.strerror}") from error
    about = os.fstat(file.fileno())
    if not stat.S_ISREG(about.st_mode):
        file.close()
        raise InputGone(f"{ref.device}:{ref.path} is no file")
    return file, Stamp(about.st_size, about.st_mtime_ns, about.st_ino)


class FileAnswer:
    """The answer to a request for a file, whole or in part: an ASGI application. Closes the file."""

    def __init__(self, file: OpenFile, streams: Streams, kind: str, name: str = "") -> None:
        self._file = file
        self._streams = streams
        self._more = {
            "Content-Type": kind,
            "Cache-Control": "private, no-cache",
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "Cross-Origin-Resource-Policy": "same-origin",
        }
        if name:
            plain = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "_" for c in name)
            self._more["Content-Disposition"] = (
                f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
            )

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """Send it, as far as the caller stays."""
        try:
            await self._answer(scope, receive, send)
        finally:
            self._file.close()

    async def _answer(self, scope: Any, receive: Receive, send: Send) -> None:
        asked = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        part = select(self._file.stamp, asked, head=bool(scope["state"].get("head")))
        heads = [
            (name.lower().encode(), value.encode("latin-1", "replace"))
            for name, value in (self._more | part.headers).items()
        ]
        start: Any = {"type": "http.response.start", "status": part.status, "headers": heads}
        nothing: Any = {"type": "http.response.body", "body": b"", "more_body": False}
        if part.span is None or not part.span.length or scope["state"].get("head"):
            await send(start)
            await send(nothing)
            return
        if self._streams.open >= MOST:
            raise Unavailable(f"{MOST} videos are being sent at the same time; try again in a moment")
        self._streams.open += 1
        try:
            first = await self._file.read(part.span.first, min(CHUNK, part.span.length))
            await send(start)
            await self._send(part.span, first, receive, send)
        finally:
            self._streams.open -= 1

    async def _send(self, span: Span, chunk: bytes, receive: Receive, send: Send) -> None:
        """Chunk after chunk. Nothing more is read once the caller has gone, or the file is shorter now."""
        gone = asyncio.create_task(_left(receive))
        at = span.first
        try:
            while chunk and not gone.done():
                at += len(chunk)
                more = at <= span.last
                body: Any = {"type": "http.response.body", "body": chunk, "more_body": more}
                await send(body)
                if not more:
                    return
                chunk = await self._file.read(at, min(CHUNK, span.last - at + 1))
        except PlaceAbsent:
            return  # the connection is closed early: the caller sees that something is missing
        finally:
            gone.cancel()


async def _left(receive: Receive) -> None:
    """Returns when the caller has gone away."""
    while (await receive())["type"] != "http.disconnect":
        pass
