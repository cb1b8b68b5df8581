"""Where in the video each fix of a log lies."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.footage.fix import Fix
from stages.footage.route import build
from stages.footage.timing import timed

START = datetime(2024, 1, 15, 12)  # noqa: DTZ001


def _at(after: float, **more: float) -> Fix:
    return Fix(time=START + timedelta(seconds=after), lat=40.0 + after * 1e-4, lon=-3.0, **more)


def test_a_log_begins_with_the_clip() -> None:
    """Without a tie to the video the log's own clock counts from its first line."""
    assert [fix.seconds for fix in timed([_at(0), _at(1), _at(3)])] == [0, 1, 3]


def test_what_the_source_ties_stays() -> None:
    """Seconds that the source knows are kept; those it does not know come from its clock."""
    fixes = [_at(0, seconds=5.0), _at(1), _at(2, seconds=7.0), Fix(lat=1.0, lon=1.0)]
    assert [fix.seconds for fix in timed(fixes)] == [5, 6, 7]


def test_several_in_a_second_are_spread() -> None:
    """A clock of whole seconds and five fixes in each: they lie evenly, and none is lost as a repeat."""
    fixes = [_at(second)._replace(lat=40 + (second + i / 5) * 1e-4) for second in range(2) for i in range(5)]
    assert [fix.seconds for fix in timed(fixes)] == [0, 0.2, 0.4, 0.6, 0.8, 1, 1.2, 1.4, 1.6, 1.8]
    assert len(build(timed(fixes))) == 10


def test_without_a_clock() -> None:
    """Fixes without a clock lie evenly over the clip; one a second where its length is not known."""
    fixes = [Fix(lat=40.0, lon=-3.0)] * 4
    assert [fix.seconds for fix in timed(fixes, 8.0)] == [0, 2, 4, 6]
    assert [fix.seconds for fix in timed(fixes)] == [0, 1, 2, 3]


def test_clock_that_jumps_at_the_first_fix() -> None:
    """Lines before the first fix show another clock; the valid ones still begin where they lie."""
    void = [Fix(time=START - timedelta(hours=3) + timedelta(seconds=i)) for i in range(2)]
    assert [fix.seconds for fix in timed([*void, _at(2), _at(3)])][2:] == [2, 3]


def test_one_fix_is_a_route() -> None:
    """A single fix gives a route of one point."""
    assert [(p.seconds, p.lat) for p in build(timed([_at(0)]))] == [(0, 40)]


def test_two_fixes_far_apart_in_time_are_a_route() -> None:
    """Two places a minute and a kilometre apart exclude each other in no way."""
    assert len(build(timed([_at(0), _at(60)._replace(lat=40.009)]))) == 2


def test_time_lapse_keeps_its_route() -> None:
    """In a time lapse 30 seconds pass in one of the video: the clock says what can have been driven."""
    fixes = [_at(30.0 * i, seconds=float(i))._replace(lat=40 + i * 0.008) for i in range(20)]
    assert len(build(fixes)) == 20


@pytest.mark.slow
@given(
    st.lists(
        st.builds(
            Fix,
            time=st.none() | st.datetimes(datetime(2010, 1, 1), datetime(2099, 1, 1)),  # noqa: DTZ001
            lat=st.none() | st.floats(-90, 90),
            lon=st.none() | st.floats(-180, 180),
            seconds=st.none() | st.floats(-10, 1e6),
        ),
        max_size=30,
    ),
    st.none() | st.floats(0.1, 1e6),
)
def test_any_log(fixes: list[Fix], duration: float | None) -> None:
    """Whatever a log holds, every fix that comes back lies somewhere in the video."""
    found = timed(fixes, duration)
    assert all(fix.seconds is not None for fix in found)
    build(found)
