"""`/metrics` in Prometheus' text format, `/api/v1/metrics` as JSON."""

from __future__ import annotations

import platform
import sqlite3
import time
from collections.abc import Iterator
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from litestar import Response, get
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.exposition import generate_latest

from server.errors import answer
from server.journal import EVENTS
from server.metrics import Metrics, Spread
from server.params import AnyRequest, Query
from server.queue import MICRO
from server.services import Services, of
from server.store import Count
from stages.task import Phase, TaskType

_WAITING = (Phase.READY, Phase.BACKING_OFF, Phase.NO_INPUT)
_PENDING = (*_WAITING, Phase.LEASED)
#: Counting tasks reads an index; however often somebody asks, it is done once in this many seconds.
_FRESH = 5.0
#: What every version of Prometheus reads; the charset is added to it.
_TEXT = "text/plain; version=0.0.4"


@get("/metrics")
async def as_json(request: AnyRequest) -> Response[bytes]:
    """The figures that section 14 of the reference tracks, and the queue's."""
    services, metrics = of(request), metrics_of(request)
    counts = await _counts(request)
    feed = services.dispatcher.feed
    view = {
        "requests_by_endpoint": metrics.by_endpoint(),
        "errors_by_status": metrics.errors(),
        "average_response_ms": metrics.average_ms(),
        "p95_response_ms": metrics.p95_ms(),
        "active_connections": metrics.connections,
        "tasks_created_per_minute": feed.created_per_minute(),
        "queue": {kind: _depth(services, counts, kind) for kind in TaskType},
        "lease_expiries": services.dispatcher.lease_expiries,
        "stale_completions": metrics.stale_completions,
        "uptime_seconds": round(metrics.uptime, 1),
    }
    return answer(200, view, Query(request).unknown())


@get("/metrics")
async def as_text(request: AnyRequest) -> Response[bytes]:
    """All figures, for Prometheus."""
    shown = _Shown(of(request), metrics_of(request), await _counts(request))
    registry = CollectorRegistry()
    registry.register(shown)
    ProcessCollector(registry=registry)
    return Response(generate_latest(registry), media_type=_TEXT)


def metrics_of(request: AnyRequest) -> Metrics:
    """The figures of the app that a request came to."""
    metrics = request.app.state.metrics
    assert isinstance(metrics, Metrics)
    return metrics


async def _counts(request: AnyRequest) -> list[Count]:
    """Tasks by type and phase, a few seconds old at most."""
    state = request.app.state
    known: tuple[float, list[Count]] | None = state.get("queue_counts")
    if known is not None and time.monotonic() - known[0] < _FRESH:
        return known[1]
    counts, _ = await of(request).store.counts()
    state.queue_counts = (time.monotonic(), counts)
    return counts


def _age(services: Services, oldest: int) -> float:
    return max(0.0, round((services.dispatcher.now() - oldest) / MICRO, 1))


def _depth(services: Services, counts: list[Count], kind: str) -> dict[str, Any]:
    """How many tasks of a type wait, and how long the oldest has; None while none waits."""
    waiting = [count for count in counts if count.task_type == kind and count.phase in _WAITING]
    oldest = min((count.oldest for count in waiting), default=None)
    return {
        "depth": sum(count.tasks for count in waiting),
        "oldest_seconds": None if oldest is None else _age(services, oldest),
    }


class _Shown:
    """Everything as Prometheus' families, at one moment."""

    def __init__(self, services: Services, metrics: Metrics, counts: list[Count]) -> None:
        self._services, self._metrics, self._counts = services, metrics, counts

    def collect(self) -> Iterator[Metric]:
        """The families, one by one."""
        yield from self._http()
        yield from self._connections()
        yield from self._queue()
        yield from self._tasks()
        yield InfoMetricFamily("dashcam_build", "What runs here", value=build())

    def _http(self) -> Iterator[Metric]:
        labels = ("method", "endpoint", "status")
        requests = CounterMetricFamily("dashcam_http_requests", "Requests that were answered", labels=labels)
        for (method, endpoint, status), count in self._metrics.requests.items():
            requests.add_metric((method, endpoint, str(status)), count)
        yield requests
        name = "dashcam_http_request_seconds"
        durations = HistogramMetricFamily(name, "Time to answer, without waiting polls", labels=labels)
        for (method, endpoint, status), spread in self._metrics.durations.items():
            _add(durations, (method, endpoint, str(status)), spread)
        yield durations

    def _connections(self) -> Iterator[Metric]:
        metrics, feed = self._metrics, self._services.dispatcher.feed
        yield GaugeMetricFamily(
            "dashcam_active_connections",
            "Requests being answered, waiting polls and WebSockets",
            value=metrics.connections,
        )
        yield GaugeMetricFamily("dashcam_long_polls", "Polls that wait for work", value=metrics.long_polls)
        yield GaugeMetricFamily("dashcam_websockets", "Open WebSockets", value=metrics.websockets)
        yield CounterMetricFamily(
            "dashcam_websockets_dropped", "WebSockets closed because they were too slow", value=feed.dropped
        )
        yield GaugeMetricFamily("dashcam_uptime_seconds", "Since the server started", value=metrics.uptime)

    def _queue(self) -> Iterator[Metric]:
        tasks = GaugeMetricFamily(
            "dashcam_tasks", "Tasks that are not finished", labels=("task_type", "phase")
        )
        ages = GaugeMetricFamily(
            "dashcam_oldest_ready_seconds", "Age of the oldest task that could be done", labels=("task_type",)
        )
        for kind in TaskType:
            mine = [count for count in self._counts if count.task_type == kind]
            for phase in _PENDING:
                tasks.add_metric((kind, phase), sum(count.tasks for count in mine if count.phase == phase))
            oldest = min((count.oldest for count in mine if count.phase == Phase.READY), default=None)
            ages.add_metric((kind,), 0.0 if oldest is None else _age(self._services, oldest))
        yield tasks
        yield ages

    def _tasks(self) -> Iterator[Metric]:
        dispatcher = self._services.dispatcher
        events = CounterMetricFamily(
            "dashcam_task_events", "What happened to tasks", labels=("event", "task_type")
        )
        for event in EVENTS:  # also what never happened: a rate needs the nought before the first one
            for kind in TaskType:
                events.add_metric((event, kind), dispatcher.feed.counts[event, kind])
        yield events
        yield CounterMetricFamily(
            "dashcam_lease_expiries", "Leases whose device vanished", value=dispatcher.lease_expiries
        )
        yield CounterMetricFamily(
            "dashcam_stale_completions",
            "Completions, failures and releases that came too late (409)",
            value=self._metrics.stale_completions,
        )
        writes = HistogramMetricFamily(
            "dashcam_write_seconds", "From asking for a change of tasks until it is on the disk"
        )
        _add(writes, (), dispatcher.writes)
        yield writes


def _add(family: HistogramMetricFamily, labels: tuple[str, ...], spread: Spread) -> None:
    family.add_metric(labels, buckets=spread.buckets(), sum_value=spread.total)


@cache
def build() -> dict[str, str]:
    """What runs here: the versions of the program, SQLite and Python."""
    try:
        ours = version("dashcam-processor")
    except PackageNotFoundError:  # run from a checkout that was never installed
        ours = "unknown"
    return {"version": ours, "sqlite": sqlite3.sqlite_version, "python": platform.python_version()}


#: Below /api/v1, and at the root.
ROUTES = [as_json]
ROOT_ROUTES = [as_text]
