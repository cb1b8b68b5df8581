"""From fixes to a route."""

from collections.abc import Iterable
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.footage.fix import Fix
from stages.footage.route import build, distance, position_at
from stages.sighting import Location, RoutePoint


def _drive(places: Iterable[tuple[float, float]]) -> list[Fix]:
    return [Fix(lat=lat, lon=lon, seconds=float(i)) for i, (lat, lon) in enumerate(places)]


STRAIGHT = [(40.0 + i * 1e-4, -3.0) for i in range(10)]


def test_a_drive_comes_through() -> None:
    """Believable fixes become points, in order of time."""
    route = build(list(reversed(_drive(STRAIGHT))))
    assert [(p.lat, p.lon) for p in route] == [(pytest.approx(lat), lon) for lat, lon in STRAIGHT]
    assert [p.seconds for p in route] == list(range(10))


@pytest.mark.parametrize("at", [0, 4, 9])
def test_teleports_are_left_out(at: int) -> None:
    """A fix that no car could have reached is dropped, the first one too."""
    places = [*STRAIGHT]
    places[at] = (48.0, 11.0)
    route = build(_drive(places))
    assert len(route) == 9
    assert all(point.lat < 41 for point in route)


def test_contradiction_gives_no_route() -> None:
    """Two fixes that exclude each other give none: a wrong place is worse than none."""
    assert build(_drive([(40.0, -3.0), (48.0, 11.0)])) == []


def test_void_and_impossible_fixes_are_left_out() -> None:
    """No position, 0/0, off the earth, too fast and outside the clip: all out."""
    bad = [
        Fix(seconds=1.2),
        Fix(lat=0.0, lon=0.0, seconds=1.4),
        Fix(lat=91.0, lon=0.0, seconds=1.6),
        Fix(lat=float("nan"), lon=0.0, seconds=1.8),
        Fix(lat=40.0, lon=-3.0, seconds=2.2, speed_kmh=400.0),
        Fix(lat=40.0, lon=-3.0, seconds=500.0),
        Fix(lat=40.0, lon=-3.0),
    ]
    assert len(build([*_drive(STRAIGHT), *bad], duration=10.0)) == 10


def test_stale_fixes_are_left_out() -> None:
    """What a receiver repeats in a tunnel, with an old clock or moving on the spot, is no position."""
    start = datetime(2024, 1, 15, 12)  # noqa: DTZ001
    good = [f._replace(time=start + timedelta(seconds=i)) for i, f in enumerate(_drive(STRAIGHT))]
    frozen = [good[-1]._replace(seconds=20.0), good[-1]._replace(seconds=30.0)]
    moving = good[-1]._replace(seconds=10.0, time=start + timedelta(seconds=10), speed_kmh=80.0)
    assert [p.seconds for p in build([*good, *frozen, moving])] == list(range(10))


def test_position_between_fixes() -> None:
    """Between two fixes the place lies on the line between them."""
    route = build(_drive([(40.0, -3.0), (40.0002, -3.0002)]))
    found = position_at(route, 0.5)
    assert found is not None
    assert (found.lat, found.lon) == (pytest.approx(40.0001), pytest.approx(-3.0001))


def test_position_has_a_maximum_age() -> None:
    """Further from every fix than the maximum age there is no position."""
    route = build([Fix(lat=40.0, lon=-3.0, seconds=0.0), Fix(lat=40.01, lon=-3.0, seconds=60.0)])
    assert position_at(route, 2.0) == Location(40.0, -3.0)
    assert position_at(route, 30.0) is None
    assert position_at(route, 58.0) == Location(40.01, -3.0)
    assert position_at(route, 64.0) is None
    assert position_at([], 0.0) is None
    assert position_at(route, 30.0, max_age=40.0) == Location(pytest.approx(40.005), -3.0)


def test_position_across_the_date_line() -> None:
    """Between 179.9999 east and west the short way is taken."""
    route = [RoutePoint(seconds=0.0, lat=0.0, lon=179.9999), RoutePoint(seconds=1.0, lat=0.0, lon=-179.9999)]
    found = position_at(route, 0.25)
    assert found is not None
    assert found.lon == pytest.approx(179.99995)


def test_distance() -> None:
    """A degree of latitude is some 111 km."""
    assert distance(0, 0, 1, 0) == pytest.approx(111_195, rel=1e-3)


fixes = st.builds(
    Fix,
    lat=st.none() | st.floats(),
    lon=st.none() | st.floats(),
    speed_kmh=st.none() | st.floats(0, 1000),
    seconds=st.none() | st.floats(),
)


@pytest.mark.slow
@given(st.lists(fixes, max_size=40), st.floats(allow_nan=False))
def test_any_fixes(found: list[Fix], at: float) -> None:
    """Whatever the fixes, the points lie on earth and in order, and every question has an answer."""
    route = build(found, duration=60.0)
    assert all(abs(p.lat) <= 90 and abs(p.lon) <= 180 for p in route)
    assert [p.seconds for p in route] == sorted(p.seconds for p in route)
    place = position_at(route, at)
    assert place is None or (abs(place.lat) <= 90 and abs(place.lon) <= 180)
