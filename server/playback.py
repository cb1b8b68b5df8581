"""What a page needs to show one clip on one clock: its route with speeds, what happened, and its channels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import msgspec

from server.simplify import Point, flat, thinned
from server.trips import metres
from stages.sighting import RoutePoint

#: Points of a route on the wire, at most.
MOST_POINTS = 2000
#: In a line's shape a change of speed by 1 km/h counts as much as so many metres.
_SPEED_METRES = 0.5
_TOLERANCE = 0.5  # metres
#: Fixes farther apart (seconds) say nothing of the speed between them.
_FARTHEST = 10.0
#: km/h in a second from which braking or speeding up is hard (0.3 g and a little more).
_HARD = 11.0
_STEP = 0.4, 2.5  # seconds between two fixes that such a change is told by
_SLOW, _STANDS = 2.0, 5.0  # km/h below which a car stands, and for so many seconds
_MERGED = 3.0
_MOST = 1000.0  # a higher speed or course is no speed and no course
_MOST_EVENTS, _MOST_GAPS = 500, 200


class Fix(msgspec.Struct, frozen=True, array_like=True):
    """A point of a route: seconds of the clip, degrees, km/h, course."""

    seconds: float
    lat: float
    lon: float
    speed: float | None
    course: float | None


class Event(msgspec.Struct, frozen=True):
    """Something that happened: `kind` locked, event, braking, speeding or standing."""

    kind: str
    seconds: float
    until: float
    says: str


class Way(msgspec.Struct, frozen=True):
    """A route as it is shown. `computed`: its speeds come from its places; `gaps`: seconds without a fix."""

    route: list[Fix]
    computed: bool
    gaps: list[tuple[float, float]]


def route_of(points: Sequence[RoutePoint]) -> Way:
    """A route with at most `MOST_POINTS` points, and a few more at the ends of its gaps."""
    speeds = [point.speed_kmh for point in points]
    computed = bool(points) and all(speed is None for speed in speeds)
    if computed:
        speeds = _computed(points)
    middle = points[0].lat if points else 0.0
    shape = [_shaped(p, s, middle) for p, s in zip(points, speeds, strict=True)]
    ends = [i for i in range(1, len(points)) if points[i].seconds - points[i - 1].seconds > _FARTHEST]
    ends = ends[:_MOST_GAPS]
    kept = sorted({*thinned(shape, MOST_POINTS, _TOLERANCE), *ends, *(i - 1 for i in ends)})
    gaps = [(round(points[i - 1].seconds, 2), round(points[i].seconds, 2)) for i in ends]
    return Way([_fix(points[i], speeds[i]) for i in kept], computed, gaps)


def _shaped(point: RoutePoint, speed: float | None, middle: float) -> Point:
    return *flat(point.lat, point.lon, middle), _finite(speed) * _SPEED_METRES


def _finite(value: float | None) -> float:
    """A camera's number, if it can be one."""
    return value if value is not None and abs(value) <= _MOST else 0.0


def _fix(point: RoutePoint, speed: float | None) -> Fix:
    return Fix(
        round(point.seconds, 2),
        round(point.lat, 6),
        round(point.lon, 6),
        None if speed is None else round(_finite(speed), 1),
        None if point.course is None else round(_finite(point.course)),
    )


def _computed(points: Sequence[RoutePoint]) -> list[float | None]:
    """Speeds by the places of neighbours; None where fixes are too far apart."""
    speeds: list[float | None] = [None]
    for before, after in pairwise(points):
        passed = after.seconds - before.seconds
        near = 0 < passed <= _FARTHEST
        speeds.append(metres(before, after) / passed * 3.6 if near else None)
    if len(speeds) > 1:
        speeds[0] = speeds[1]
    return speeds


def events_of(facts: dict[str, Any], points: Sequence[RoutePoint], duration: float | None) -> list[Event]:
    """What the camera marked, and what the route shows, in order of time."""
    end = duration or 0.0
    found = []
    if facts.get("mode") in ("event", "manual", "sentry"):
        said = {"event": "an event", "manual": "a press of its button", "sentry": "its sentry mode"}
        found.append(Event("event", 0.0, end, f"The camera kept this clip for {said[facts['mode']]}"))
    if facts.get("locked"):
        found.append(Event("locked", 0.0, end, "The camera locked this clip"))
    found += [*_hard(points), *_standing(points)]
    return sorted(found, key=lambda event: (event.seconds, event.kind))[:_MOST_EVENTS]


def _hard(points: Sequence[RoutePoint]) -> Iterator[Event]:
    """Hard braking, and hard speeding up; neighbours become one."""
    last: Event | None = None
    for before, after in pairwise(points):
        change = _change(before, after)
        if abs(change) < _HARD:
            continue
        kind, word = ("braking", "Braked") if change < 0 else ("speeding", "Sped up")
        says = f"{word} by {abs(change):.0f} km/h in a second, at {_finite(before.speed_kmh):.0f} km/h"
        event = Event(kind, before.seconds, after.seconds, says)
        if last is not None and last.kind == kind and event.seconds - last.until <= _MERGED:
            last = Event(kind, last.seconds, event.until, last.says)
            continue
        if last is not None:
            yield last
        last = event
    if last is not None:
        yield last


def _change(before: RoutePoint, after: RoutePoint) -> float:
    """km/h in a second; 0 where that cannot be told."""
    passed = after.seconds - before.seconds
    if before.speed_kmh is None or after.speed_kmh is None or not _STEP[0] <= passed <= _STEP[1]:
        return 0.0
    return (_finite(after.speed_kmh) - _finite(before.speed_kmh)) / passed


def _standing(points: Sequence[RoutePoint]) -> Iterator[Event]:
    """Where the car stood."""
    since: float | None = None
    for before, point in pairwise(points):
        slow = point.speed_kmh is not None and point.speed_kmh < _SLOW
        apart = point.seconds - before.seconds > _FARTHEST
        if since is not None and (not slow or apart):
            yield from _stood(since, before.seconds)
            since = None
        if slow and since is None:
            since = point.seconds
    if since is not None:
        yield from _stood(since, points[-1].seconds)


def _stood(since: float, until: float) -> Iterator[Event]:
    if until - since >= _STANDS:
        yield Event("standing", since, until, f"Stood for {until - since:.0f} s")
