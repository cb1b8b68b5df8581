"""What happens to every request before a route sees it: HEAD, and the size of bodies."""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import UTC, date, datetime
from email.utils import format_datetime
from typing import Any

import msgspec
from litestar.exceptions import HTTPException
from litestar.types import ASGIApp, Receive, Send

V1 = "/api/v1/"


class TooLarge(HTTPException):
    """A body went over the limit while it came in; a route that reads it answers so."""

    status_code = 413


def edge(app: ASGIApp, most_bytes: int, v1_ends: str = "") -> ASGIApp:
    """Answer HEAD wherever there is a GET, refuse bodies over `most_bytes` with 413, and say on v1's answers
    when it ends (`v1_ends`, a date), once that is announced.
    """
    farewell = _farewell(v1_ends)

    def handle(scope: Any, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] != "http":
            return app(scope, receive, send)
        announced = _announced(scope)
        # The server program sees to it that no more comes than was announced.
        if announced is not None and announced <= most_bytes and not farewell and scope["method"] != "HEAD":
            return app(scope, receive, send)
        return changed(scope, receive, send, announced or 0)

    async def changed(scope: Any, receive: Receive, send: Send, announced: int) -> None:
        head = scope["method"] == "HEAD"
        started = False

        async def sending(message: Any) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            if farewell and message["type"] == "http.response.start" and scope["path"].startswith(V1):
                message = {**message, "headers": [*message["headers"], *farewell]}
            if head and message["type"] == "http.response.body":
                message = {**message, "body": b"", "more_body": False}
            await send(message)

        if head:
            # Whoever would read much for the body asks `head` and leaves it.
            scope = {**scope, "method": "GET", "state": {**scope.get("state", {}), "head": True}}
        try:
            if announced > most_bytes:
                raise TooLarge
            await app(scope, _bounded(receive, most_bytes), sending)
        except TooLarge:
            if not started:
                await _refuse(send, most_bytes)

    return handle


def _farewell(ends: str) -> list[tuple[bytes, bytes]]:
    """The headers of RFC 9745 and RFC 8594, with a link to what comes after."""
    if not ends:
        return []
    day = datetime.combine(date.fromisoformat(ends), datetime.min.time(), UTC)
    return [
        (b"deprecation", b"@%d" % int(day.timestamp())),
        (b"sunset", format_datetime(day, usegmt=True).encode()),
        (b"link", b'</api/v2/>; rel="successor-version"'),
    ]


def _announced(scope: Any) -> int | None:
    """How long the body is said to be; None when that is not said, or is not what counts (RFC 9112, 6.3)."""
    said = None
    for name, value in scope["headers"]:
        if name == b"transfer-encoding":
            return None
        if name == b"content-length" and value.isdigit():
            said = int(value)
    return said


def _bounded(receive: Receive, most_bytes: int) -> Receive:
    seen = 0

    async def receiving() -> Any:
        nonlocal seen
        message = await receive()
        if message["type"] == "http.request":
            seen += len(message.get("body", b""))
            if seen > most_bytes:
                raise TooLarge(detail=_too_large(most_bytes), headers={"Connection": "close"})
        return message

    return receiving


async def _refuse(send: Send, most_bytes: int) -> None:
    await _answer(send, 413, _too_large(most_bytes), close=True)


def _too_large(most_bytes: int) -> str:
    return f"the body is larger than {most_bytes} bytes; send less at a time"


async def _answer(send: Any, status: int, detail: str, *, close: bool = False) -> None:
    body = msgspec.json.encode({"detail": detail})
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    headers += [(b"connection", b"close")] if close else []
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})
