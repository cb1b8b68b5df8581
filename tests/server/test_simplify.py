"""Lines with fewer points keep their shape, at a bounded cost."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server import simplify
from server.simplify import thinned

coordinates = st.floats(-1e6, 1e6, allow_nan=False)


def away(point, start, stop):
    """How far a point lies from a segment."""
    length = math.dist(start, stop) ** 2
    share = 0.0
    if length:
        dot = sum((b - a) * (p - a) for a, b, p in zip(start, stop, point, strict=True))
        share = min(1.0, max(0.0, dot / length))
    near = [a + share * (b - a) for a, b in zip(start, stop, strict=True)]
    return math.dist(point, near)


@given(st.lists(st.tuples(coordinates, coordinates), max_size=300), st.integers(2, 50))
def test_never_more_than_wanted(points, most):
    """At most so many places, in order, each once, the ends among them."""
    chosen = thinned(points, most)
    assert len(chosen) <= max(most, min(len(points), 2))
    assert chosen == sorted(set(chosen))
    assert all(0 <= place < len(points) for place in chosen)
    if points:
        assert chosen[0] == 0
        assert chosen[-1] == len(points) - 1


@given(st.lists(st.tuples(coordinates, coordinates), min_size=3, max_size=60), st.floats(1, 1e5))
def test_what_is_left_out_lies_within_the_tolerance(points, tolerance):
    """With points enough to spare no left out point is farther from the line than the tolerance."""
    chosen = thinned(points, len(points), tolerance)
    for first, last in pairwise(chosen):
        for place in range(first + 1, last):
            assert away(points[place], points[first], points[last]) <= tolerance * (1 + 1e-9) + 1e-6


def test_corners_stay_and_straights_go():
    """Of a square with a thousand points the corners are kept."""
    side = 250
    square = [(i, 0.0) for i in range(side)] + [(side, i) for i in range(side)]
    square += [(side - i, side) for i in range(side)] + [(0.0, side - i) for i in range(side)]
    chosen = [square[i] for i in thinned([(float(x), float(y)) for x, y in square], 100, 0.5)]
    assert {(0.0, 0.0), (side, 0), (side, side), (0.0, side)} <= {(x, y) for x, y in chosen} | {square[-1]}
    assert len(chosen) <= 6


@pytest.mark.slow
@pytest.mark.parametrize("count", [9_000, 100_000])
def test_a_line_made_to_cost_does_not(count, monkeypatch):
    """A spiral, of which each cut takes off one point, is looked at no more often than is allowed."""
    looked = 0
    farthest = simplify._farthest

    def counted(points, first, end):
        nonlocal looked
        looked += end - first
        return farthest(points, first, end)

    monkeypatch.setattr(simplify, "_farthest", counted)
    spiral = [((1.001**-i) * math.cos(i), (1.001**-i) * math.sin(i)) for i in range(count)]
    assert len(thinned(spiral, 2000)) <= 2000
    assert looked <= 2000 * simplify._PATIENCE + 2 * 2000 * simplify._AHEAD
