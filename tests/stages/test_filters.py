"""What the cheap filter keeps and drops."""

from itertools import pairwise

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.settings import PreprocessSettings
from stages.video.filters import (
    BLURRED,
    DARK,
    MARGIN,
    STILL,
    STILL_EVERY,
    Measure,
    empty_spans,
    judge,
    measure,
    merged,
    verdict,
)
from tests.stages.films import scene, with_box

SETTINGS = PreprocessSettings()


def gray(picture: np.ndarray) -> np.ndarray:
    """The picture as a look has it."""
    return cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)


def look(
    seconds: float, motion: float | None = 10.0, brightness: float = 200.0, vehicles: int | None = None
) -> Measure:
    """A sharp look with this motion and light."""
    return Measure(round(seconds * 10), seconds, motion, 500.0, brightness, vehicles)


def test_a_far_car_is_motion():
    """A box of a hundredth of the picture that moves makes the look matter."""
    before, after = gray(with_box(scene(), 100)), gray(with_box(scene(), 110))
    assert np.abs(before.astype(int) - after).mean() < SETTINGS.still_below
    assert verdict(measure(1, 0.5, after, [before]), SETTINGS) is None


def test_a_running_clock_is_no_motion():
    """Digits that a camera writes at the bottom do not make a still scene move."""
    before = scene()
    after = before.copy()
    cv2.putText(before, "12:00:01", (5, 176), cv2.FONT_HERSHEY_SIMPLEX, 0.3, (255, 255, 255), 1)
    cv2.putText(after, "12:00:58", (5, 176), cv2.FONT_HERSHEY_SIMPLEX, 0.3, (255, 255, 255), 1)
    assert (before != after).any()
    assert verdict(measure(1, 0.5, gray(after), [gray(before)]), SETTINGS) == STILL


def test_a_clock_on_a_covered_lens_is_dark():
    """A black picture with a white clock shows nothing."""
    black = np.full((180, 320), 4, np.uint8)
    cv2.putText(black, "2026-06-01 12:00:01", (5, 176), cv2.FONT_HERSHEY_SIMPLEX, 0.3, 255, 1)
    assert verdict(measure(0, 0.0, black), SETTINGS) == DARK


def test_night_is_not_dark():
    """A black picture with one pair of lights far away is kept."""
    night = np.full((180, 320), 3, np.uint8)
    for x in (150, 158):
        cv2.circle(night, (x, 90), 2, 230, -1)
    assert verdict(measure(0, 0.0, night), SETTINGS) is None


def test_an_even_grey_is_blurred():
    """A light picture without any edge shows nothing."""
    fog = np.full((180, 320), 150, np.uint8)
    assert verdict(measure(0, 0.0, fog), SETTINGS) == BLURRED


@pytest.mark.parametrize("size", [(1, 1), (3, 2), (64, 36), (1920, 1080)])
def test_any_size_can_be_measured(size):
    """Pictures from a single pixel to full HD give finite numbers."""
    picture = np.full(size[::-1], 100, np.uint8)
    found = measure(0, 0.0, picture, [picture])
    assert (found.motion, found.brightness) == (0.0, 100.0)
    assert np.isfinite(found.sharpness)


def test_a_second_around_motion_stays():
    """Motion between two looks keeps both of them and a second on either side."""
    looks = [look(s / 2, motion=0.0) for s in range(60)]
    looks[30] = look(15.0, motion=9.0)
    moments, drops = judge(looks, 30.0, SETTINGS)
    kept = next(m for m in moments if m[0] <= 15.0 <= m[1])
    assert kept[0] <= 14.5 - MARGIN
    assert kept[1] >= 15.0 + MARGIN
    assert {d.reason for d in drops} == {STILL}


def test_a_still_stretch_is_looked_at_now_and_then():
    """Of a parked hour the first second stays, and one of every ten after it."""
    looks = [look(float(s), motion=None if s == 0 else 0.0) for s in range(100)]
    moments, drops = judge(looks, 100.0, SETTINGS)
    for start in range(0, 100, int(STILL_EVERY)):
        assert any(a <= start and start + MARGIN <= b + 1e-6 for a, b in moments)
    assert sum(b - a for a, b in moments) < 15
    assert sum(d.end - d.begin for d in drops) > 85


def test_a_vehicle_in_view_keeps_a_still_scene():
    """While a detector sees a vehicle nothing is dropped, moving or not."""
    looks = [look(float(s), motion=0.0, vehicles=1) for s in range(60)]
    assert judge(looks, 60.0, SETTINGS) == ([(0.0, 60.0)], [])


def test_a_dark_clip_is_dropped_whole_with_its_reason():
    """Nothing of a clip in which nothing can be seen remains."""
    moments, drops = judge([look(float(s), brightness=3.0) for s in range(10)], 10.0, SETTINGS)
    assert moments == []
    assert [(d.begin, d.end, d.reason) for d in drops] == [(0.0, 10.0, DARK)]


def test_reasons_change_where_the_picture_does():
    """A still stretch that turns dark gives two drops that meet."""
    looks = [look(s / 2, motion=0.0) for s in range(40)]
    looks += [look(20 + s / 2, motion=0.0, brightness=2.0) for s in range(40)]
    _, drops = judge(looks, 40.0, SETTINGS)
    assert drops[-1].reason == DARK
    assert drops[-1].begin == pytest.approx(19.5)
    assert drops[-2].reason == STILL
    assert drops[-2].end <= drops[-1].begin


def test_empty_spans_join_neighbours():
    """Looks that show nothing new in a row make one span with what follows the last, motion ends it."""
    looks = [look(0.0, None), look(1.0, 0.0), look(2.0, 0.0), look(3.0, 9.0), look(4.0, 0.0)]
    assert empty_spans(looks, 4.7, SETTINGS) == [(0.0, 2.0), (3.0, 4.7)]
    assert empty_spans([*looks, look(5.0, 9.0)], 5.7, SETTINGS) == [(0.0, 2.0), (3.0, 4.0)]
    dark = [look(0.0, None), look(1.0, 0.0, brightness=2.0)]
    assert empty_spans(dark, 2.0, SETTINGS) == [(0.0, 2.0)]


def test_merged_orders_and_joins():
    """Overlapping and touching spans become one, empty ones vanish."""
    assert merged([(5, 6), (1, 2), (2, 3), (4, 4)]) == [(1, 3), (5, 6)]


@given(
    st.lists(
        st.tuples(
            st.floats(0.05, 5), st.none() | st.floats(0, 20), st.floats(0, 255), st.sampled_from([None, 0, 2])
        ),
        min_size=1,
        max_size=40,
    ),
    st.floats(0.01, 20),
)
def test_moments_and_drops_cover_the_clip_once(steps, tail):
    """Whatever was measured, every instant is in a moment or in a drop and never in both."""
    seconds, looks = 0.0, []
    for step, motion, brightness, vehicles in steps:
        looks.append(look(seconds, motion, brightness, vehicles))
        seconds += step
    duration = looks[-1].seconds + tail
    moments, drops = judge(looks, duration, SETTINGS)
    parts = sorted([*moments, *((d.begin, d.end) for d in drops)])
    assert parts[0][0] == 0.0
    assert parts[-1][1] == pytest.approx(duration)
    for (_, end), (begin, _) in pairwise(parts):
        assert end == pytest.approx(begin)
    for kept in looks:
        if verdict(kept, SETTINGS) is None:
            assert any(a <= kept.seconds <= b for a, b in moments)
