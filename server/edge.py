"""What happens to every request before a route sees it: HEAD, and the size of bodies."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar.types import ASGIApp, Receive, Send


class TooLarge(Exception):
    """A body went over the limit while it came in."""


def edge(app: ASGIApp, most_bytes: int) -> ASGIApp:
    """Answer HEAD wherever there is a GET, and refuse bodies over `most_bytes` with 413."""

    async def handle(scope: Any, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        head = scope["method"] == "HEAD"
        started = False

        async def sending(message: Any) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            if head and message["type"] == "http.response.body":
                message = {**message, "body": b"", "more_body": False}
            await send(message)

        if head:
            scope = {**scope, "method": "GET"}
        try:
            if _announced(scope) > most_bytes:
                raise TooLarge
            await app(scope, _bounded(receive, most_bytes), sending)
        except TooLarge:
            if not started:
                await _refuse(send, most_bytes)

    return handle


def _announced(scope: Any) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value)
    return 0


def _bounded(receive: Receive, most_bytes: int) -> Receive:
    seen = 0

    async def receiving() -> Any:
        nonlocal seen
        message = await receive()
        if message["type"] == "http.request":
            seen += len(message.get("body", b""))
            if seen > most_bytes:
                raise TooLarge
        return message

    return receiving


async def _refuse(send: Send, most_bytes: int) -> None:
    await _answer(send, 413, f"the body is larger than {most_bytes} bytes; send less at a time", close=True)


async def _answer(send: Any, status: int, detail: str, *, close: bool = False) -> None:
    body = msgspec.json.encode({"detail": detail})
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    headers += [(b"connection", b"close")] if close else []
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})
