"""Which part of which clip."""

from datetime import datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from stages.export.plan import SLACK, Part, Span, lay, length, plan

START = datetime(2026, 6, 1, 16, 0)  # noqa: DTZ001 - a camera's clock has no zone


def span(name, at, seconds):
    """A clip that begins `at` seconds after the first one."""
    return Span(name, seconds, None if at is None else START + timedelta(seconds=at))


MINUTES = [span("a", 0, 60.0), span("b", 60, 60.0), span("c", 120, 60.0)]


def test_a_stretch_over_three_clips():
    """The first is taken from its middle, the last up to its middle, the one between is whole."""
    found = plan(MINUTES, 30, 150)
    assert found.parts == [Part(0, 30, None), Part(1, 0, None), Part(2, 0, 30)]
    assert found.notes == []
    assert length(MINUTES) == 180


def test_clips_outside_are_left_out():
    """What lies wholly before or after is not there."""
    assert plan(MINUTES, 65, 70).parts == [Part(1, 5, 10)]


def test_a_gap_is_told():
    """Time that was not recorded is skipped, and named."""
    found = plan([span("a", 0, 60.0), span("b", 90, 60.0)], 50, 100)
    assert found.parts == [Part(0, 50, None), Part(1, 0, 10)]
    assert found.notes == ["30 s before b were not recorded"]


def test_what_was_shown_is_not_shown_again():
    """An event clip that overlaps is taken from where the one before ends; one that adds nothing is left out."""
    found = plan([span("a", 0, 60.0), span("event", 40, 30.0), span("copy", 45, 20.0)])
    assert found.parts == [Part(0, 0, None), Part(1, 20, None)]
    assert ["event overlaps" in found.notes[0], "copy shows only" in found.notes[1]] == [True, True]


def test_a_second_of_overlap_is_usual():
    """Cameras cut on whole seconds: a little overlap is neither cut away nor told."""
    found = plan([span("a", 0, 60.9), span("b", 60, 60.0)])
    assert found == ([Part(0, 0, None), Part(1, 0, None)], [])


def test_clips_without_a_time_follow_each_other():
    """Where no start is known the clips lie end to end."""
    assert lay([span("a", None, 10.0), span("b", None, 5.0), span("c", None, None)]) == [0, 10, 15]
    assert plan([span("a", None, None)], 5, None).parts == [Part(0, 5, None)]


@given(
    st.lists(st.tuples(st.floats(0, 500), st.floats(0.1, 120)), min_size=1, max_size=8),
    st.floats(0, 600),
    st.one_of(st.none(), st.floats(0, 600)),
)
def test_each_moment_once_and_none_left_out(clips, begin, end):
    """Parts lie in their clips and in the range, in order; every recorded moment of the range is in one."""
    spans = [
        span(str(number), round(at, 3), round(size, 3)) for number, (at, size) in enumerate(sorted(clips))
    ]
    spans = [each._replace(start=each.start) for each in spans]
    at = lay(spans)
    parts = plan(spans, begin, end).parts
    stretches = []
    for part in parts:
        stop = spans[part.clip].seconds if part.end is None else part.end
        assert 0 <= part.begin < stop <= spans[part.clip].seconds + 1e-6
        stretches.append((at[part.clip] + part.begin, at[part.clip] + stop))
    for (_, one), (two, _) in pairwise(stretches):
        assert two >= one - SLACK - 1e-6
    limit = float("inf") if end is None else end
    for moment in [begin + step * 7.3 for step in range(80)]:
        recorded = any(a + 0.01 < moment < a + s.seconds - 0.01 for a, s in zip(at, spans, strict=True))
        if recorded and begin <= moment < limit - 0.01:
            assert any(a - 0.01 <= moment <= b + 0.01 for a, b in stretches), moment
