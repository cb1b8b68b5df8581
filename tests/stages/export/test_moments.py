"""Moments as people write them."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.errors import BadInput
from stages.export.moments import Recording, read_moment, read_range

START = datetime(2026, 6, 1, 16, 27, 34)  # noqa: DTZ001 - a camera's clock has no zone
MINUTE = Recording(60.0, START, 7200)
DRIVE = Recording(3 * 3600.0, START, 7200)


@pytest.mark.parametrize(
    ("text", "recording", "seconds"),
    [
        ("0", MINUTE, 0),
        ("12.5", MINUTE, 12.5),
        ("0:30", MINUTE, 30),
        ("00:00:30.25", MINUTE, 30.25),
        ("1:02:03", DRIVE, 3723),
        ("16:27:40", MINUTE, 6),
        ("16:28", MINUTE, 26),
        ("16:27:40.5", MINUTE, 6.5),
        ("2026-06-01T16:28:00", MINUTE, 26),
        ("2026-06-01 16:28", MINUTE, 26),
        ("2026-06-01T14:28:00Z", MINUTE, 26),
        ("2026-06-01T15:28:00+01:00", MINUTE, 26),
        ("2:00:00", Recording(None, None), 7200),
    ],
)
def test_moments_in_every_form(text, recording, seconds):
    """Seconds, times from the start, and the camera's clock with and without a date."""
    assert read_moment(text, recording).seconds == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "-5",
        "1:2:3:4",
        "12:60",
        "0:99:00",
        "2026-06-01",
        "nan",
        "inf",
        "1e9999",
        "９０",
        "12:3",
        "24:00:00Z",
    ],
)
def test_what_is_no_moment_is_refused(text):
    """Anything else is refused with what can be written."""
    with pytest.raises(BadInput, match=r"camera's clock|time of day"):
        read_moment(text, Recording(5.0, START, 7200))


def test_a_time_of_day_may_lie_behind_midnight():
    """A drive over midnight has the small hours at its end."""
    night = Recording(7200.0, START.replace(hour=23, minute=0, second=0), 0)
    assert (
        read_moment("00:30:00", Recording(600.0, START.replace(hour=23, minute=55, second=0), 0)).seconds
        == 35 * 60
    )
    moment = read_moment("00:30:00", night)
    assert moment.seconds == 30 * 60
    assert "from the start" in moment.note


def test_two_readings_are_told():
    """What could be both a time from the start and the camera's clock is the former, and that is said."""
    early = Recording(120.0, START.replace(hour=0, minute=0, second=30), 0)
    _, _, notes = read_range("00:01:00", None, early)
    assert len(notes) == 1
    assert "taken from the start" in notes[0]


def test_ranges_are_clipped_to_the_recording():
    """A clock time before the start means the start; an end after the end means the end."""
    assert read_range("16:00", "17:00", MINUTE)[:2] == (0.0, None)
    assert read_range(None, "30", MINUTE)[:2] == (0.0, 30.0)
    assert read_range("10", "16:27:54", MINUTE)[:2] == (10.0, 20.0)


@pytest.mark.parametrize(
    ("begin", "end"),
    [("60", None), ("18:00:00", None), ("30", "20"), ("30", "30"), (None, "16:00:00"), (None, "0")],
)
def test_ranges_that_hold_nothing_are_refused(begin, end):
    """The refusal tells length and start."""
    with pytest.raises(BadInput, match=r"60\.0 s long and starts at 2026-06-01 16:27:34"):
        read_range(begin, end, MINUTE)


def test_a_clock_time_needs_a_start():
    """Without a known start only seconds can be written."""
    with pytest.raises(BadInput, match="not known when"):
        read_moment("2026-06-01T16:28:00", Recording(60.0))


@given(st.floats(0, 59.9), st.integers(1, 100_000))
def test_both_ways_of_writing_a_moment_agree(seconds, length):
    """A moment by the camera's clock is the same as in seconds from the start."""
    recording = Recording(float(length), START, 7200)
    when = START + timedelta(seconds=round(seconds, 3))
    assert read_moment(when.isoformat(), recording).seconds == pytest.approx(round(seconds, 3), abs=1e-5)
    assert read_moment(f"{seconds:.6f}", recording).seconds == pytest.approx(seconds, abs=1e-6)


@given(st.text(max_size=30), st.one_of(st.none(), st.floats(0, 1e6)))
def test_no_text_breaks_it(text, length):
    """Every text is a moment or a refusal."""
    try:
        moment = read_moment(text, Recording(length, START, 7200))
    except BadInput:
        return
    assert moment.seconds == moment.seconds


@given(
    st.one_of(st.none(), st.floats(0, 200).map(lambda s: f"{s:.3f}"), st.times().map(str)),
    st.one_of(st.none(), st.floats(0, 200).map(lambda s: f"{s:.3f}"), st.times().map(str)),
)
def test_ranges_lie_inside(begin, end):
    """What is taken lies in the recording and is not empty."""
    try:
        first, last, _ = read_range(begin, end, MINUTE)
    except BadInput:
        return
    assert 0 <= first < (60.0 if last is None else last) <= 60
