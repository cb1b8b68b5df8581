"""Cutting plates out, and finding lines of text that may be plates."""

from __future__ import annotations

import numpy as np
import pytest

from stages.vision.finders import TextPlates, cut_out
from stages.vision.plates import PlateBox
from stages.vision.textfinder import TextFinder
from tests.stages.vision.drawn import drawn

CORNERS = np.array([[40, 30], [140, 30], [140, 50], [40, 50]], np.float32)
PLATE = PlateBox((40.0, 30.0, 140.0, 50.0), 0.9, CORNERS, True)


def test_cut_out_keeps_the_asked_margin() -> None:
    """A margin is a share of the plate's width on each side, and its own share of the height above and below."""
    picture = np.zeros((100, 200, 3), np.uint8)
    picture[30:50, 40:140] = 255
    assert cut_out(picture, PLATE).shape == (20, 100, 3)
    assert cut_out(picture, PLATE).mean() > 240
    wide = cut_out(picture, PLATE, 0.1, 0.5)
    assert wide.shape == (40, 120, 3)
    assert wide[:8].max() == wide[:, :8].max() == 0
    assert wide[14:26, 14:106].min() == 255


@pytest.mark.slow
@pytest.mark.parametrize("thorough", [False, True])
def test_small_text_is_found(thorough: bool) -> None:
    """A small plate on a large picture is found once, where it is."""
    picture, box = drawn((1280, 720), ("KHN 991", (600, 400), 22))
    found = TextPlates(TextFinder(threads=1), thorough=thorough).find(picture, [])
    assert len(found) == 1
    assert found[0].box == pytest.approx(box, abs=12)
    assert bool(found[0].others) is thorough


@pytest.mark.slow
def test_photos_are_looked_at_closer_part_by_part() -> None:
    """In a photo that is too large to be seen whole at its size, text is also sought in larger parts of it."""
    picture, box = drawn((3200, 1000), ("KHN 991", (2300, 500), 14))
    finder = TextFinder(threads=1)
    assert not TextPlates(finder).find(picture, [])
    (found,) = TextPlates(finder, thorough=True).find(picture, [])
    assert found.box == pytest.approx(box, abs=8)
