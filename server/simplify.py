"""Lines with fewer points: Douglas and Peucker's method, the farthest point first, at a bounded cost."""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence

Point = tuple[float, ...]

_METRES = 111_320.0
#: Of so many times the wanted number of points a longer line is thinned evenly before.
_AHEAD = 16
#: Distances that are computed for each point that is wanted, at most: some lines are made to cost.
_PATIENCE = 200


def thinned(points: Sequence[Point], most: int, tolerance: float = 0.0) -> list[int]:
    """The places of at most `most` points (2 or more) that keep a line's shape, in order.

    Points are of equal dimension; `tolerance` is the distance that does not matter. The first and the last
    point are kept.
    """
    count = len(points)
    if count <= 2 or (count <= most and tolerance <= 0):
        return list(range(count))
    step = max(1.0, (count - 1) / max(1, most * _AHEAD - 1))
    near = sorted({min(count - 1, round(i * step)) for i in range(int((count - 1) / step) + 2)})
    chosen = _best([points[i] for i in near], most, tolerance, most * _PATIENCE)
    return [near[i] for i in chosen]


def _best(points: Sequence[Point], most: int, tolerance: float, patience: int) -> list[int]:
    """Take the point that lies farthest from its chord, again and again."""
    last = len(points) - 1
    chosen = [0, last]
    open_spans: list[tuple[float, int, int, int]] = []

    def look(first: int, end: int) -> int:
        if end - first > 1:
            place, away = _farthest(points, first, end)
            if away > tolerance:
                heapq.heappush(open_spans, (-away, place, first, end))
        return end - first

    patience -= look(0, last)
    while open_spans and len(chosen) < most and patience > 0:
        _, place, first, end = heapq.heappop(open_spans)
        chosen.append(place)
        patience -= look(first, place) + look(place, end)
    return sorted(set(chosen))


def _farthest(points: Sequence[Point], first: int, end: int) -> tuple[int, float]:
    """Which point between two lies farthest from the segment that joins them, and how far."""
    start, stop = points[first], points[end]
    along = [b - a for a, b in zip(start, stop, strict=True)]
    length = sum(each * each for each in along)
    best, most = first + 1, -1.0
    for place in range(first + 1, end):
        off = [b - a for a, b in zip(start, points[place], strict=True)]
        share = 0.0
        if length > 0:
            share = min(1.0, max(0.0, sum(a * b for a, b in zip(along, off, strict=True)) / length))
        away = sum((o - share * a) ** 2 for o, a in zip(off, along, strict=True))
        if away > most:
            best, most = place, away
    return best, math.sqrt(most)


def flat(lat: float, lon: float, middle: float) -> Point:
    """Degrees as metres on a plane, true near the latitude `middle`."""
    return lat * _METRES, lon * _METRES * math.cos(math.radians(middle))
