"""A route drawn as SVG: north up, true to scale, with a scale bar, and without any map service."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from stages.footage.route import distance
from stages.sighting import RoutePoint

_WIDTH, _HEIGHT, _EDGE = 640.0, 360.0, 24.0
_MOST = 2000  # points drawn of one leg
_BARS = (10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000)


def draw_route(legs: Sequence[Sequence[RoutePoint]], marks: Sequence[tuple[float, float, str]] = ()) -> str:
    """The legs as lines, start and end as dots, `marks` (lat, lon, letters and digits) beside the way.

    "" when there are not two different points.
    """
    legs = [_thinned(leg) for leg in legs if leg]
    every = [(point.lat, point.lon) for leg in legs for point in leg]
    if len(set(every)) < 2:
        return ""
    view = _View(every)
    lines = "".join(
        f'<polyline class="way" points="{" ".join(view.at(p.lat, p.lon) for p in leg)}"/>'
        for leg in legs
        if len(leg) > 1
    )
    (x1, y1), (x2, y2) = view.xy(*every[0]), view.xy(*every[-1])
    dots = (
        f'<circle class="start" cx="{x1:.1f}" cy="{y1:.1f}" r="6"/>'
        f'<circle class="end" cx="{x2:.1f}" cy="{y2:.1f}" r="6"/>'
    )
    for lat, lon, text in marks[:200]:
        x, y = view.xy(lat, lon)
        word = "".join(c for c in text if c.isascii() and c.isalnum())
        dots += f'<circle class="mark" cx="{x:.1f}" cy="{y:.1f}" r="3"/>'
        dots += f'<text x="{x + 6:.1f}" y="{y + 4:.1f}">{word}</text>'
    return (
        f'<svg class="route" viewBox="0 0 {_WIDTH:.0f} {_HEIGHT:.0f}" role="img" '
        f'aria-label="The route, north up">'
        f"{lines}{dots}{view.bar()}</svg>"
    )


class _View:
    """From degrees to the drawing."""

    def __init__(self, places: Sequence[tuple[float, float]]) -> None:
        middle = (min(p[0] for p in places) + max(p[0] for p in places)) / 2
        self._first_lon = places[0][1]
        self._squeeze = max(0.01, math.cos(math.radians(middle)))
        xs = [self._east(lon) for _, lon in places]
        ys = [lat for lat, _ in places]
        wide, high = max(xs) - min(xs), max(ys) - min(ys)
        self._scale = min((_WIDTH - 2 * _EDGE) / max(wide, 1e-7), (_HEIGHT - 2 * _EDGE) / max(high, 1e-7))
        self._x = (min(xs) + max(xs)) / 2
        self._y = (min(ys) + max(ys)) / 2
        self._middle = middle

    def _east(self, lon: float) -> float:
        # The short way round, also where 180 degrees east meets west.
        return ((lon - self._first_lon + 180) % 360 - 180) * self._squeeze

    def xy(self, lat: float, lon: float) -> tuple[float, float]:
        x = _WIDTH / 2 + (self._east(lon) - self._x) * self._scale
        return x, _HEIGHT / 2 - (lat - self._y) * self._scale

    def at(self, lat: float, lon: float) -> str:
        x, y = self.xy(lat, lon)
        return f"{x:.1f},{y:.1f}"

    def bar(self) -> str:
        """A scale bar of round length, at most a third of the width."""
        metre = self._scale / distance(self._middle, 0, self._middle + 1e-3, 0) * 1e-3
        fitting = [metres for metres in _BARS if metres * metre <= _WIDTH / 3] or [_BARS[0]]
        metres, y = fitting[-1], _HEIGHT - 10
        word = f"{metres} m" if metres < 1000 else f"{metres // 1000} km"
        end = 10 + min(metres * metre, _WIDTH - 20)
        return (
            f'<line class="bar" x1="10" y1="{y:.0f}" x2="{end:.1f}" y2="{y:.0f}"/>'
            f'<text x="10" y="{y - 5:.0f}">{word}</text>'
            f'<text x="{_WIDTH - 20:.0f}" y="16">N ↑</text>'
        )


def _thinned(leg: Sequence[RoutePoint]) -> list[RoutePoint]:
    step = max(1, math.ceil(len(leg) / _MOST))
    return [*leg[::step], leg[-1]] if step > 1 else list(leg)


def metres(leg: Sequence[RoutePoint]) -> float:
    """How long a way is."""
    return sum(distance(a.lat, a.lon, b.lat, b.lon) for a, b in pairwise(leg))
