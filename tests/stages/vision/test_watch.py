"""A clip from frames to plates: the steps run beside each other, and nobody can tell from the result."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

import numpy as np
import pytest

from stages.errors import Cancelled, ClipDamaged, StageFailed
from stages.settings import HeavySettings
from stages.video.frames import Frame
from stages.vision.boxes import Box, Image
from stages.vision.detector import Detector
from stages.vision.plates import PlateBox, PlateText
from stages.vision.spotter import Spotter
from stages.vision.watch import Watched, watch
from tests.stages.vision.made import text

SETTINGS = HeavySettings()
WIDE, HIGH = 60, 16
# What is written as which shade of blue.
PLATES = {40: "1240BCD", 77: "XK53ZHR"}


class Stripes:
    """Finds the one bright, striped box of a dark picture; `pause` makes it take its time."""

    detectors: Sequence[Detector] = ()

    def __init__(self, pause: Random | None = None) -> None:
        self._pause = pause
        self.searched: list[int] = []  # widths of what was searched

    def describe(self) -> list[dict[str, Any]]:
        """It has no model."""
        return []

    def find(self, image: Image, regions: list[Box]) -> list[PlateBox]:
        """The box, if there is one and, with regions, if it lies in one of them."""
        if self._pause:
            time.sleep(self._pause.random() / 200)
        self.searched.append(round(regions[0][2] - regions[0][0]) if regions else image.shape[1])
        rows, columns = np.nonzero(image[..., 0] > 128)
        if not len(rows):
            return []
        x1, y1, x2, y2 = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
        if regions and not any(r[0] <= x1 and x2 <= r[2] for r in regions):
            return []
        corners = np.array([[x1, y1], [x2, y1], [x2, y2], [x1, y2]], np.float32)
        return [PlateBox((float(x1), float(y1), float(x2), float(y2)), 0.9, corners, True)]


class Shade:
    """Reads a plate that is written as the blue of the box."""

    one_line = False

    def __init__(self, pause: Random | None = None, fails_on: int = -1) -> None:
        self._pause, self._fails_on = pause, fails_on

    def describe(self) -> list[dict[str, Any]]:
        """It has no model."""
        return []

    def read(self, crops: list[Image]) -> list[PlateText]:
        """One text per crop."""
        if self._pause:
            time.sleep(self._pause.random() / 200)
        numbers = [round(float(np.median(crop[..., 2]))) for crop in crops]
        if self._fails_on in numbers:
            raise StageFailed("the reader broke")
        return [text(PLATES[number]) for number in numbers]

    def read_views(self, views: list[list[Image]]) -> list[PlateText]:
        """The first view of each is enough."""
        return self.read([crops[0] for crops in views])


def picture(left: int | None, blue: int = 40) -> Image:
    """A dark picture, with a striped box that starts at column `left`."""
    image = np.full((90, 400, 3), 20, np.uint8)
    if left is not None:
        image[40 : 40 + HIGH, left : left + WIDE] = (250, 0, blue)
        image[40 : 40 + HIGH, left + 2 : left + WIDE - 2 : 4, 0] = 90
    return image


def street(count: int = 24) -> list[Frame]:
    """Two cars, one after the other, four frames a second."""
    shown = [
        picture(10 + 12 * n, 40 if n < 12 else 77) if n % 12 < 9 else picture(None) for n in range(count)
    ]
    return [Frame(3 * n, n / 4, image) for n, image in enumerate(shown)]


def seen(
    frames: Iterator[Frame], pause: Random | None = None, *, costly: bool = False, fails_on: int = -1
) -> Watched:
    """Watch with a finder and a reader that take as long as `pause` says."""
    spotter = Spotter(SETTINGS, Stripes(pause), Shade(pause, fails_on), None, costly=costly)
    return watch(frames, spotter, SETTINGS, lambda *_: None)


def slowly(frames: list[Frame], pause: Random) -> Iterator[Frame]:
    """Frames that take their time to be decoded."""
    for frame in frames:
        time.sleep(pause.random() / 200)
        yield frame


@pytest.mark.parametrize("costly", [False, True])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_timing_does_not_matter(seed: int, costly: bool) -> None:
    """Whichever step is slow, tracks and plates are those of steps that take no time."""
    random = Random(seed)
    calm = seen(iter(street()), costly=costly)
    hurried = seen(slowly(street(), random), random, costly=costly)
    assert [found.verdict.plate for found in calm.plates] == ["1240BCD", "XK53ZHR"]
    assert hurried.tracks == calm.tracks
    assert hurried.plates == calm.plates
    assert (hurried.frames, hurried.last_seconds) == (24, 5.75)


@pytest.mark.parametrize("begin", range(6))
def test_half_a_second_gives_two_reads_where_looking_is_costly(begin: int) -> None:
    """A plate on two pictures in a row is read on both, although every other one is searched only around it."""
    frames = [Frame(n, n / 4, picture(150 if begin <= n < begin + 2 else None)) for n in range(10)]
    spotter = Spotter(SETTINGS, finder := Stripes(), Shade(), None, costly=True)
    found = watch(iter(frames), spotter, SETTINGS, lambda *_: None)
    assert [(f.verdict.plate, f.verdict.confirmed) for f in found.plates] == [("1240BCD", True)]
    assert finder.searched.count(400) == 5


def test_errors_of_every_step_reach_the_caller() -> None:
    """A clip that turns out damaged, and a reader that breaks, end the work with their own words and no thread."""

    def damaged() -> Iterator[Frame]:
        yield from street(3)
        raise ClipDamaged("clip.mp4 breaks off")

    with pytest.raises(ClipDamaged, match="breaks off"):
        seen(damaged())
    for costly in (False, True):
        with pytest.raises(StageFailed, match="the reader broke"):
            seen(iter(street()), fails_on=77, costly=costly)
    left = [t.name for t in threading.enumerate() if t.name.startswith(("decode", "find", "read"))]
    assert not left


def test_cancelling_stops_every_step() -> None:
    """What `told` raises ends decoding, finding and reading long before the clip does."""
    decoded = []

    def endless() -> Iterator[Frame]:
        for number in range(100_000):
            decoded.append(number)
            yield Frame(number, number / 4, picture(50))

    def told(seconds: float, reads: int) -> None:
        if reads > 5:
            raise Cancelled("taken back")

    with pytest.raises(Cancelled):
        watch(endless(), Spotter(SETTINGS, Stripes(), Shade(), None), SETTINGS, told)
    assert len(decoded) < 40
