"""The request log: one line for each request; failed ones with what was answered. No secrets: neither
headers nor query strings are written, and of bodies only our own error sentence.
"""

from __future__ import annotations

import logging
import logging.handlers
import queue
import time
from pathlib import Path
from typing import Any

import msgspec
from litestar.types import ASGIApp, Receive, Send

log = logging.getLogger("dashcam.requests")
_BYTES, _KEPT = 10_000_000, 5
_DETAIL = 300


def log_to(path: Path) -> logging.handlers.QueueListener:
    """Write requests and the server's own messages to a file, turned over at 10 MB, five kept.

    A thread of its own writes: a slow disk holds up no request. Stop the listener to flush it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    file = logging.handlers.RotatingFileHandler(path, maxBytes=_BYTES, backupCount=_KEPT, encoding="utf-8")
    form = logging.Formatter("%(asctime)s %(levelname)s %(message)s")
    form.converter = time.gmtime
    file.setFormatter(form)
    lines: queue.SimpleQueue[Any] = queue.SimpleQueue()
    ours = logging.getLogger("dashcam")
    ours.addHandler(logging.handlers.QueueHandler(lines))
    ours.setLevel(logging.INFO)
    listener = logging.handlers.QueueListener(lines, file)
    listener.start()
    return listener


def logged(app: ASGIApp) -> ASGIApp:
    """Log every HTTP request that ends, with address, method, path, status and milliseconds."""

    async def handle(scope: Any, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not log.isEnabledFor(logging.INFO):
            await app(scope, receive, send)
            return
        began = time.monotonic()
        status, detail = 0, b""

        async def sending(message: Any) -> None:
            nonlocal status, detail
            if message["type"] == "http.response.start":
                status = message["status"]
            elif status >= 400 and not detail:
                detail = message.get("body", b"")
            await send(message)

        try:
            await app(scope, receive, sending)
        finally:
            _write(scope, status, detail, (time.monotonic() - began) * 1000)

    return handle


def _write(scope: Any, status: int, detail: bytes, milliseconds: float) -> None:
    address = scope["client"][0] if scope.get("client") else "-"
    # The path is the caller's: nothing in it may begin a line of its own.
    path = "".join(c if c.isprintable() else "?" for c in scope["path"][:200])
    words = f"{address} {scope['method']} {path} {status} {milliseconds:.1f}ms"
    if status < 400:
        log.info("%s", words)
    else:
        log.warning("%s %s", words, _sentence(detail))


def _sentence(detail: bytes) -> str:
    try:
        text = str(msgspec.json.decode(detail)["detail"])
    except (msgspec.DecodeError, KeyError, TypeError):
        text = ""
    return "".join(c if c.isprintable() else "?" for c in text[:_DETAIL])
