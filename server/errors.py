"""From errors to answers: one table, one shape (`{"detail": ...}`, plus `errors` for 400)."""

from __future__ import annotations

import logging
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException
from litestar.types import Receive, Send

from stages.errors import BadInput, Conflict, DashcamError, InputGone, NotFound, PlaceAbsent, Unavailable

log = logging.getLogger("dashcam.server")

#: Error class to status; the first that fits.
STATUS: list[tuple[type[DashcamError], int]] = [
    (BadInput, 400),
    (NotFound, 404),
    (Conflict, 409),
    (Unavailable, 503),
    (PlaceAbsent, 503),
    (InputGone, 404),
]

JSON = "application/json"
_WORDS = {404: "There is nothing at this address", 405: "This address does not take that method"}


def answer(status: int, body: Any, headers: dict[str, str] | None = None) -> Response[bytes]:
    """A JSON answer."""
    return Response(msgspec.json.encode(body), status_code=status, media_type=JSON, headers=headers)


class Ready:
    """An answer as bytes, for the routes that are asked most: an ASGI application of its own.

    `Response` merges headers, cookies and encoders of every layer first, and none of ours has any.
    """

    __slots__ = ("_body", "_headers", "_status")

    def __init__(self, status: int, body: Any, headers: dict[str, str]) -> None:
        self._status = status
        self._body = msgspec.json.encode(body)
        self._headers = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        self._headers += [
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(self._body)),
        ]

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """Send it."""
        del scope, receive
        start: Any = {"type": "http.response.start", "status": self._status, "headers": self._headers}
        rest: Any = {"type": "http.response.body", "body": self._body, "more_body": False}
        await send(start)
        await send(rest)


def detail(status: int, message: str, headers: dict[str, str] | None = None, **more: Any) -> Response[bytes]:
    """An error in the shape that all have."""
    return answer(status, {"detail": message, **more}, headers)


def to_answer(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """The answer to any exception that left a handler."""
    if isinstance(error, DashcamError):
        status = next((code for kind, code in STATUS if isinstance(error, kind)), 500)
        if isinstance(error, BadInput):
            fields = [{"field": name, "message": message} for name, message in error.fields]
            return detail(status, str(error), errors=fields)
        retry = {"Retry-After": "5"} if status == 503 else None
        return detail(status, str(error), retry)
    if isinstance(error, HTTPException):
        message = _WORDS.get(error.status_code, error.detail)
        return detail(error.status_code, message, dict(error.headers or {}))
    # The request boundary: the rest is our fault; it is logged whole and tells the caller nothing inner.
    log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return detail(500, "Internal server error; the server's log says more")
