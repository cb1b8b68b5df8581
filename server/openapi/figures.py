"""The operations that watch the server: metrics, and the address of the WebSocket."""

from __future__ import annotations

from server.openapi.build import Piece, good, operation, ref, thing
from server.openapi.host import TAG
from server.openapi.nouns import TASK_TYPE
from server.openapi.shapes import COUNT, said

_COUNTS: Piece = {"type": "object", "additionalProperties": COUNT}
_MILLISECONDS: Piece = {"type": ["number", "null"], "minimum": 0}
_EXAMPLE = {
    "requests_by_endpoint": {"GET /api/v1/tasks": 12},
    "errors_by_status": {"404": 1},
    "average_response_ms": 3.2,
    "p95_response_ms": 9.8,
    "active_connections": 1,
    "tasks_created_per_minute": 4,
    "queue": {"INGEST_VIDEO": {"depth": 2, "oldest_seconds": 31.5}},
    "lease_expiries": 0,
    "stale_completions": 0,
    "uptime_seconds": 86400.5,
}


def schemas() -> Piece:
    """Components of the answers."""
    depth = thing(
        "How much of one type waits.",
        {
            "depth": said(COUNT, "How many tasks wait."),
            "oldest_seconds": said(
                {"type": ["number", "null"], "minimum": 0}, "How long the oldest has; null while none waits."
            ),
        },
    )
    queue: Piece = {"type": "object", "propertyNames": TASK_TYPE, "additionalProperties": depth}
    return {
        "Metrics": thing(
            "The server's figures since it started.",
            {
                "requests_by_endpoint": said(_COUNTS, "Answered requests by method and address."),
                "errors_by_status": said(_COUNTS, "Answers from 400 on, by status."),
                "average_response_ms": said(
                    _MILLISECONDS, "Over the newest 1,024 successful answers, waiting polls left out."
                ),
                "p95_response_ms": said(_MILLISECONDS, "95 % of them took at most this long."),
                "active_connections": said(COUNT, "Requests, waiting polls and WebSockets, now."),
                "tasks_created_per_minute": said(COUNT, "In the last minute."),
                "queue": said(queue, "What waits, by type."),
                "lease_expiries": said(COUNT, "Leases that ran out because their device vanished."),
                "stale_completions": said(COUNT, "Reports under a lease that was no longer the current one."),
                "uptime_seconds": said({"type": "number", "minimum": 0}, "Since the server started."),
            },
        )
    }


def paths() -> Piece:
    """Addresses, methods, operations."""
    return {
        "/api/v1/metrics": {"get": _as_json()},
        "/metrics": {"get": _as_text()},
        "/api/v1/ws/tasks": {"get": _feed()},
    }


def _as_json() -> Piece:
    answer = good(200, "The figures.", ref("Metrics"), figures=_EXAMPLE)
    text = "Counts, times and the queue, as JSON; `/metrics` has the same and more for Prometheus."
    return operation(TAG, "metrics", "Show the server's figures", text, answer)


def _as_text() -> Piece:
    content = {"text/plain": {"schema": {"type": "string"}}}
    answer: Piece = {"200": {"description": "The figures in Prometheus' text format.", "content": content}}
    text = "For Prometheus to scrape."
    summary = "Show the figures to Prometheus"
    return operation(TAG, "prometheus", summary, text, answer, fails=(401, 403, 500, 503), api=False)


_FEED = """\
Connect with `ws://` and send `{"action": "subscribe"}` for all tasks, or name a `video_id`; with `"since": N`
what came after message N is sent again, or `{"event": "gap"}` says that not all of it is kept. `unsubscribe`
is its opposite, `ping` is answered with `pong`. A message is the task as `GET` shows it, plus `event` and
`seq`. Whoever reads too slowly is disconnected with a reason. The token comes as a header, as the cookie of a
signed-in browser, or as `?token=`. Plain HTTP is answered with 426.
"""


def _feed() -> Piece:
    answer: Piece = {
        "101": {"description": "The connection is a WebSocket from here on."},
        "426": {"$ref": "#/components/responses/UpgradeRequired"},
    }
    return operation(TAG, "watchTasks", "Watch tasks change (WebSocket)", _FEED, answer)
