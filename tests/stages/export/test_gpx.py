"""GPX that leaves the house: our own reader and any XML parser understand it."""

from datetime import UTC, datetime
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.export.gpx import Leg, points_of, write_gpx
from stages.footage.gps.gpx import parse_gpx
from stages.sighting import RoutePoint

START = datetime(2026, 6, 1, 14, 27, 34, tzinfo=UTC)
NAMES = {"g": "http://www.topografix.com/GPX/1/1"}


def _parsed(text):
    return ElementTree.fromstring(text)  # noqa: S314 - it is our own


def naive(*when):
    """A time as our reader gives it: UTC, without saying so."""
    return datetime(*when)  # noqa: DTZ001


def route(count=10):
    """A fix a second."""
    return [
        RoutePoint(
            seconds=float(n), lat=40.0 + n / 1000, lon=-3.5, time=f"2026-06-01T14:27:{34 + n}Z",
            speed_kmh=72.0, course=359.5, altitude=660.25,
        )
        for n in range(count)
    ]  # fmt: skip


def test_our_reader_reads_it_back():
    """Time in UTC, place, speed, course and altitude come back as they were."""
    fixes = parse_gpx(write_gpx([Leg("a", route())], "drive").encode())
    assert len(fixes) == 10
    assert fixes[3].time == naive(2026, 6, 1, 14, 27, 37)
    assert (fixes[3].lat, fixes[3].lon, fixes[3].course, fixes[3].altitude) == (40.003, -3.5, 359.5, 660.25)
    assert fixes[3].speed_kmh == pytest.approx(72.0)


def test_only_the_part_that_is_cut():
    """Points outside the part are left out."""
    leg = Leg("a", route(), START, 2.5, 6.0)
    assert [point.seconds for point in points_of(leg)] == [3, 4, 5, 6]
    assert len(parse_gpx(write_gpx([leg], "part").encode())) == 4


def test_each_clip_is_a_segment():
    """Clips with points make one segment each; those without make none."""
    root = _parsed(write_gpx([Leg("a", route()), Leg("b", []), Leg("c", route(2))], "trip"))
    assert root.get("version") == "1.1"
    assert [len(segment) for segment in root.findall("g:trk/g:trkseg", NAMES)] == [10, 2]


def test_times_without_a_receivers_clock():
    """A fix without a time gets it from where it lies in the clip; without a start it has none."""
    bare = [RoutePoint(seconds=1.5, lat=1.0, lon=2.0)]
    assert parse_gpx(write_gpx([Leg("a", bare, START)], "x").encode())[0].time == naive(
        2026, 6, 1, 14, 27, 35, 500_000
    )
    assert parse_gpx(write_gpx([Leg("a", bare)], "x").encode())[0].time is None


def test_other_zones_become_utc():
    """A time with an offset is written in UTC."""
    there = [RoutePoint(seconds=0, lat=1.0, lon=2.0, time="2026-06-01T16:00:00+02:00")]
    assert "<time>2026-06-01T14:00:00Z</time>" in write_gpx([Leg("a", there)], "x")


@given(st.text(), st.text(), st.one_of(st.none(), st.text(max_size=30)))
def test_hostile_texts_stay_text(name, title, time):
    """Whatever names and times hold, it is well-formed XML of the same shape."""
    points = [RoutePoint(seconds=0, lat=1.0, lon=2.0, time=time)]
    root = _parsed(write_gpx([Leg(name, points, START)], title))
    assert len(root.findall("g:trk/g:trkseg/g:trkpt", NAMES)) == 1
    assert {child.tag for child in root} == {f"{{{NAMES['g']}}}metadata", f"{{{NAMES['g']}}}trk"}
