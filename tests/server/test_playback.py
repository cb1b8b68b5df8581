"""A clip on one clock: its route, its speeds, and what the route says happened."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.playback import MOST_POINTS, events_of, metres, route_of
from stages.sighting import RoutePoint


def driven(speeds, every=1.0, lat=40.0, lon=-3.0):
    """A route to the north at these speeds (km/h), a fix each `every` seconds."""
    points = []
    for number, speed in enumerate(speeds):
        points.append(RoutePoint(seconds=number * every, lat=lat, lon=lon, speed_kmh=speed))
        lat += (speed or 0) / 3.6 * every / 111_320
    return points


def kinds(points, **facts):
    """The kinds of the events of a route."""
    return [event.kind for event in events_of(facts, points, 60.0)]


def test_a_steady_drive_has_few_points_and_no_event():
    """A straight line at one speed is its two ends."""
    points = driven([50.0] * 600)
    assert len(route_of(points).route) == 2
    assert kinds(points) == []


def test_a_change_of_speed_stays_on_a_straight_road():
    """The shape of a route is that of its speeds too: the chart is drawn from it."""
    points = driven([50.0] * 20 + [90.0] * 20)
    shown = route_of(points).route
    assert [fix.speed for fix in shown] == [50.0, 50.0, 90.0, 90.0]
    assert [fix.seconds for fix in shown] == [0, 19, 20, 39]


def test_speeds_are_computed_where_the_camera_wrote_none():
    """From place to place, and it is said so."""
    points = [RoutePoint(seconds=i, lat=40 + i * 1e-4, lon=-3.0) for i in range(30)]
    way = route_of(points)
    assert way.computed
    assert way.route[0].speed == pytest.approx(metres(points[0], points[1]) * 3.6, abs=0.1)
    assert not route_of(driven([10.0, 20.0])).computed


def test_a_tunnel_is_a_gap():
    """Where fixes are far apart nothing is made up between them."""
    points = [*driven([60.0] * 10), RoutePoint(seconds=80, lat=40.01, lon=-3.0, speed_kmh=60.0)]
    way = route_of(points)
    assert way.gaps == [(9, 80)]
    assert {9, 80} <= {fix.seconds for fix in way.route}


@given(
    st.lists(
        st.tuples(st.floats(0, 1e5), st.floats(-90, 90), st.floats(-180, 180), st.floats(allow_nan=True)),
        max_size=60,
    )
)
def test_no_route_breaks_it(fixes):
    """Whatever a camera wrote: numbers that are numbers, in order of the route."""
    points = [
        RoutePoint(seconds=seconds, lat=lat, lon=lon, speed_kmh=speed)
        for seconds, lat, lon, speed in sorted(fixes, key=lambda fix: fix[0])
    ]
    way = route_of(points)
    assert len(way.route) <= MOST_POINTS + 400
    assert all(fix.speed == fix.speed and abs(fix.speed) != float("inf") for fix in way.route)
    events_of({}, points, None)


@pytest.mark.slow
def test_long_routes_are_thinned():
    """An hour at ten fixes a second is 2000 points."""
    wild = driven([30 + (i * 7919 % 60) for i in range(36_000)], every=0.1)
    assert len(route_of(wild).route) <= MOST_POINTS


def test_hard_braking_is_an_event():
    """From 60 to a stand within four seconds, once."""
    points = driven([60, 60, 60, 45, 30, 15, 0, 0, 0, 0, 0, 0, 0])
    found = events_of({}, points, 60.0)
    assert [event.kind for event in found] == ["braking", "standing"]
    assert (found[0].seconds, found[0].until) == (2, 6)
    assert found[1].seconds == 6
    assert "at 60 km/h" in found[0].says


def test_speeding_up_and_standing():
    """Both are told; a short stop is none."""
    assert kinds(driven([0, 15, 30, 45, 50, 50])) == ["speeding"]
    assert kinds(driven([1.0] * 10 + [9.0] * 5)) == ["standing"]
    assert kinds(driven([5.0, 1.0, 1.0, 5.0])) == []


def test_what_the_camera_marked():
    """A locked event clip is both."""
    assert kinds([], locked=True, mode="event") == ["event", "locked"]
    assert kinds([], locked=False, mode="normal") == []
