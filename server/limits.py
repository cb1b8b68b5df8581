"""Rate limits per caller on `/api`: requests a minute, and requests at the same time.

A window opens with its first request and closes a minute later; nothing refills meanwhile. State lies in
the app, is bounded, and costs the same for every request however many callers there are.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from litestar.types import ASGIApp, Receive, Send

from config.settings import LimitSettings

WINDOW_SECONDS = 60
#: The caller that signs with the home's own key: commands and workers of the server's host are not refused.
HOST = "host"
#: Callers remembered at most; the one that was quiet longest is forgotten first.
_CALLERS = 10_000


class _Window:
    """One caller's minute."""

    __slots__ = ("active", "count", "ends")

    def __init__(self, ends: float) -> None:
        self.ends = ends
        self.count = 0
        self.active = 0


class Limits:
    """All windows of one app. Used by the event loop only; `clock` gives Unix time."""

    def __init__(self, settings: LimitSettings, clock: Callable[[], float] = time.time) -> None:
        self._per_minute = settings.requests_per_minute
        self._at_once = settings.connections
        self._clock = clock
        self._windows: OrderedDict[str, _Window] = OrderedDict()
        #: Whether there is any limit.
        self.on = bool(self._per_minute or self._at_once)

    def enter(self, caller: str, *, waits: bool) -> tuple[_Window, str]:
        """Count a request; its window, and why it is refused ("" = it is not). `waits`: it takes no slot."""
        now = self._clock()
        window = self._windows.get(caller)
        if window is None:
            window = self._windows[caller] = _Window(now + WINDOW_SECONDS)
            self._forget()
        elif now >= window.ends or window.ends > now + WINDOW_SECONDS:  # over, or the clock was set back
            window.ends, window.count = now + WINDOW_SECONDS, 0
        self._windows.move_to_end(caller)
        window.count += 1
        if caller == HOST:
            return window, ""
        if self._per_minute and window.count > self._per_minute:
            return window, f"over {self._per_minute} requests in a minute"
        if self._at_once and not waits:
            if window.active >= self._at_once:
                return window, f"over {self._at_once} requests at the same time"
            window.active += 1
        return window, ""

    def leave(self, window: _Window, *, waits: bool) -> None:
        """A request that was let in is answered."""
        if self._at_once and not waits and window.active:
            window.active -= 1

    def headers(self, window: _Window) -> list[tuple[bytes, bytes]]:
        """What every answer says about the caller's window."""
        if not self._per_minute:
            return []
        left = max(0, self._per_minute - window.count)
        return [
            (b"x-ratelimit-limit", b"%d" % self._per_minute),
            (b"x-ratelimit-remaining", b"%d" % left),
            (b"x-ratelimit-reset", b"%d" % (int(window.ends) + 1)),
        ]

    def retry_after(self, window: _Window) -> int:
        """Whole seconds until trying again can help."""
        if self._per_minute and window.count > self._per_minute:
            return max(1, int(window.ends - self._clock()) + 1)
        return 1

    def _forget(self) -> None:
        while len(self._windows) > _CALLERS:
            for caller, window in self._windows.items():
                if not window.active:
                    del self._windows[caller]
                    break
            else:
                return


def limited(app: ASGIApp, limits_of: Callable[[], Limits], caller_key: Callable[[Any], str]) -> ASGIApp:
    """Apply the limits of this start to requests below `/api`; pages, media, WebSockets are not counted."""

    async def handle(scope: Any, receive: Receive, send: Send) -> None:
        # The router takes "//api" for "/api".
        if scope["type"] != "http" or not scope["path"].lstrip("/").startswith("api/"):
            await app(scope, receive, send)
            return
        limits = limits_of()
        if not limits.on:
            await app(scope, receive, send)
            return
        waits = _waits(scope)
        window, refused = limits.enter(caller_key(scope), waits=waits)
        if refused:
            await _refuse(send, limits, window, refused)
            return

        def sending(message: Any) -> Awaitable[None]:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], *limits.headers(window)]}
            return send(message)

        try:
            await app(scope, receive, sending)
        finally:
            limits.leave(window, waits=waits)

    return handle


def _waits(scope: Any) -> bool:
    """Whether a request waits on purpose: a long poll holds no slot."""
    return scope["path"].endswith("/tasks/pending") and b"wait=" in scope["query_string"]


async def _refuse(send: Send, limits: Limits, window: _Window, why: str) -> None:
    after = limits.retry_after(window)
    body = msgspec.json.encode({"detail": f"{why}; try again in {after} s"})
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
        (b"retry-after", b"%d" % after),
        *limits.headers(window),
    ]
    start: Any = {"type": "http.response.start", "status": 429, "headers": headers}
    rest: Any = {"type": "http.response.body", "body": body, "more_body": False}
    await send(start)
    await send(rest)
