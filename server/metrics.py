"""What the server measures of itself: plain numbers, changed by the event loop only, read by two routes.

Everything is bounded: endpoints are route templates, never paths; methods are the known ones.
"""

from __future__ import annotations

import asyncio
import math
import time
from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from litestar.types import ASGIApp, Receive, Send

from server.params import asked_for

UNKNOWN = "unknown"
#: The status of a request whose caller hung up before there was an answer.
HUNG_UP = 499
#: Upper edges in seconds; the last bucket has none.
EDGES = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0)
_RECENT = 1024
_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
_ENDS = ("/complete", "/fail", "/release")


class Spread:
    """How a duration spreads: a histogram with fixed buckets, in seconds."""

    __slots__ = ("counts", "total")

    def __init__(self) -> None:
        self.counts = [0] * (len(EDGES) + 1)
        self.total = 0.0

    def add(self, seconds: float) -> None:
        """Count one."""
        self.counts[bisect_left(EDGES, seconds)] += 1
        self.total += seconds

    def buckets(self) -> list[tuple[str, float]]:
        """(upper edge, how many were at most that), as Prometheus counts."""
        out, below = [], 0
        for edge, count in zip((*EDGES, math.inf), self.counts, strict=True):
            below += count
            out.append(("+Inf" if edge == math.inf else str(edge), float(below)))
        return out


class Templates:
    """From a path to the template of its route: `/api/v1/tasks/7` is `/api/v1/tasks/{task_id}`."""

    def __init__(self, routes: Iterable[Any]) -> None:
        self._exact: dict[tuple[str, ...], str] = {}
        self._open: list[tuple[Sequence[Any], str]] = []
        for route in routes:
            parts = tuple(route.path_components)
            if all(isinstance(part, str) for part in parts):
                self._exact[parts] = route.path_format
            else:
                self._open.append((parts, route.path_format))
        self._open.sort(key=lambda each: sum(not isinstance(part, str) for part in each[0]))

    def of(self, path: str) -> str:
        """The template, or `unknown`."""
        parts = tuple(part for part in path.split("/") if part)
        if (found := self._exact.get(parts)) is not None:
            return found
        return next((template for known, template in self._open if _fits(known, parts)), UNKNOWN)


def _fits(known: Sequence[Any], parts: tuple[str, ...]) -> bool:
    rest = not isinstance(known[-1], str) and known[-1].type is Path
    if len(parts) < len(known) if rest else len(parts) != len(known):
        return False
    return all(not isinstance(a, str) or a == b for a, b in zip(known, parts, strict=False))


class Metrics:
    """One per app. Times are in seconds."""

    def __init__(self, routes: Iterable[Any] = (), monotonic: Callable[[], float] = time.monotonic) -> None:
        self.templates = Templates(routes)
        #: Requests by method, endpoint and status.
        self.requests: Counter[tuple[str, str, int]] = Counter()
        #: Durations by the same, without polls that waited on purpose.
        self.durations: dict[tuple[str, str, int], Spread] = {}
        self.in_flight = 0
        self.long_polls = 0
        self.websockets = 0
        self.stale_completions = 0
        self._recent: deque[float] = deque(maxlen=_RECENT)
        self._monotonic = monotonic
        self._began = monotonic()

    @property
    def uptime(self) -> float:
        """Since this object was made."""
        return self._monotonic() - self._began

    @property
    def connections(self) -> int:
        """Requests that are being answered, polls that wait and WebSockets."""
        return self.in_flight + self.long_polls + self.websockets

    def note(
        self, method: str, path: str, status: int, seconds: float | None, template: str | None = None
    ) -> None:
        """A request was answered; `seconds` None: it waited on purpose. `template`: if the router knew it."""
        key = (method if method in _METHODS else "OTHER", template or self.templates.of(path), status)
        self.requests[key] += 1
        if status == 409 and key[1].endswith(_ENDS):
            self.stale_completions += 1
        if seconds is None:
            return
        spread = self.durations.get(key)
        if spread is None:
            spread = self.durations[key] = Spread()
        spread.add(seconds)
        if status < 400:
            self._recent.append(seconds)

    def by_endpoint(self) -> dict[str, int]:
        """Requests by "METHOD template"."""
        out: Counter[str] = Counter()
        for (method, endpoint, _), count in self.requests.items():
            out[f"{method} {endpoint}"] += count
        return dict(sorted(out.items()))

    def errors(self) -> dict[str, int]:
        """Answers from 400 on, by status."""
        out: Counter[str] = Counter()
        for (_, _, status), count in self.requests.items():
            if status >= 400:
                out[str(status)] += count
        return dict(sorted(out.items()))

    def average_ms(self) -> float | None:
        """Over the newest 1,024 successful answers; None before the first."""
        return round(1000 * sum(self._recent) / len(self._recent), 3) if self._recent else None

    def p95_ms(self) -> float | None:
        """So long or less took 95 % of the newest 1,024 successful answers; None before the first."""
        if not self._recent:
            return None
        ordered = sorted(self._recent)
        return round(1000 * ordered[math.ceil(0.95 * len(ordered)) - 1], 3)


#: Told of each request that ended: its scope, status, seconds, and of a failed one what was answered.
Note = Callable[[Any, int, float, bytes], None]


def measured(app: ASGIApp, metrics_of: Callable[[], Metrics], note: Note | None = None) -> ASGIApp:
    """Count and time what goes through `app`; the outermost wrapper, so that refusals count as well."""

    async def handle(scope: Any, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            metrics = metrics_of()
            metrics.websockets += 1
            try:
                await app(scope, receive, send)
            finally:
                metrics.websockets -= 1
        elif scope["type"] == "http":
            await _request(app, metrics_of(), note, scope, receive, send)
        else:
            await app(scope, receive, send)

    return handle


async def _request(
    app: ASGIApp, metrics: Metrics, note: Note | None, scope: Any, receive: Receive, send: Send
) -> None:
    method, path = scope["method"], scope["path"]
    waits = _waits(scope)
    status, said = 500, b""  # what the server answers for us when the app raises
    began = time.perf_counter()

    def sending(message: Any) -> Awaitable[None]:
        nonlocal status, said
        if message["type"] == "http.response.start":
            status = message["status"]
        elif status >= 400 and not said:
            said = message.get("body", b"")
        return send(message)

    metrics.long_polls += waits
    metrics.in_flight += not waits
    try:
        await app(scope, receive, sending)
    except asyncio.CancelledError:
        status = HUNG_UP
        raise
    finally:
        metrics.long_polls -= waits
        metrics.in_flight -= not waits
        seconds = time.perf_counter() - began
        template = scope.get("path_template")
        metrics.note(method, path, status, None if waits else seconds, template)
        if note is not None:
            note(scope, status, seconds, said)


def _waits(scope: Any) -> bool:
    """Whether this is a poll that asked to wait for work."""
    query = scope["query_string"]
    if (
        b"wait=" not in query
        or scope["method"] != "POST"
        or not scope["path"].rstrip("/").endswith("/pending")
    ):
        return False
    try:
        return float(asked_for(query)["wait"][-1]) > 0
    except (KeyError, ValueError):
        return False
