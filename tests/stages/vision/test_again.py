"""The second look: only at plates whose vote is open, and nothing that is confirmed is lost by it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as how
from hypothesis import strategies as st

from stages.errors import Cancelled
from stages.settings import HeavySettings
from stages.video.frames import Frame
from stages.vision.again import look_again
from stages.vision.looks import Look
from stages.vision.plates import PlateText
from stages.vision.spotter import Spotter
from stages.vision.tracking import Track
from stages.vision.verdicts import judged, judged_again
from stages.vision.watch import Watched, watch
from tests.stages.vision.made import look
from tests.stages.vision.test_watch import Shade, Stripes, picture

SETTINGS = HeavySettings()
TEXTS = st.sampled_from(["KHN991", "KHN981", "HN991", "KHNQ91", "1741GWY", "SCHOOL", "H11111", None])
LOOKS = st.lists(
    st.tuples(TEXTS, st.integers(0, 30), st.sampled_from([0.2, 0.5, 0.95]), st.booleans()), max_size=8
)


def looks_of(rows: list[tuple[str | None, int, float, bool]], x: float) -> tuple[Look, ...]:
    """Looks at one object; `certain` and whether a plate model found it, for each."""
    found = []
    for value, frame, certain, vouched in sorted(rows, key=lambda row: (row[1], str(row))):
        one = look(value, frame, x)
        if one.read:
            sure = one.read.text._replace(characters=(certain,) * len(one.read.text.text))
            one = one._replace(read=one.read._replace(text=sure, vouched=vouched))
        found.append(one)
    return tuple(found)


@pytest.mark.slow
@how(deadline=None)
@given(st.lists(st.tuples(LOOKS.filter(bool), LOOKS), max_size=5))
def test_more_looks_never_unconfirm_a_plate(rows: list[tuple[list, list]]) -> None:
    """Whatever further looks say, at whichever tracks: what was confirmed is confirmed, with the same text."""
    tracks = [Track(n, looks_of(first, 300.0 * n)) for n, (first, _) in enumerate(rows, start=1)]
    told, untold = judged(tracks)
    more = {n: looks_of(second, 300.0 * n) for n, (_, second) in enumerate(rows, start=1) if second}
    longer = [
        track._replace(
            looks=tuple(sorted((*track.looks, *more.get(track.number, ())), key=lambda k: k.frame))
        )
        for track in tracks
    ]
    after, others = judged_again([*told, *untold], longer, more)
    assert {f.verdict.plate for f in told if f.verdict.confirmed} <= {
        f.verdict.plate for f in after if f.verdict.confirmed
    }
    numbers = sorted(number for found in (*after, *others) for number in found.tracks)
    assert numbers == sorted({number for found in (*told, *untold) for number in found.tracks})


class Fog(Shade):
    """A reader that is sure of no character."""

    def read(self, crops: list) -> list[PlateText]:
        """As `Shade`, faintly."""
        return [text._replace(characters=(0.35,) * len(text.text)) for text in super().read(crops)]


def film(rate: int = 30, seconds: int = 3) -> list[Frame]:
    """A plate that crosses a part of the picture in half a second, and later one that stays."""
    frames = []
    for number in range(rate * seconds):
        at = number / rate
        passing = picture(round(60 + 160 * at) if 0.75 <= at < 1.25 else None)
        frames.append(Frame(number, at, picture(40, 77) if at >= 2 else passing))
    return frames


def chosen(wanted: list[float], pause: Random | None = None) -> Iterator[Frame]:
    """The first frame at or after each of these seconds, as `frames_at` gives them."""
    everything = film()
    for number in sorted({int(np.searchsorted([f.seconds for f in everything], s - 1e-3)) for s in wanted}):
        if pause:
            time.sleep(pause.random() / 200)
        if number < len(everything):
            yield everything[number]


def twice(pause: Random | None = None) -> tuple[Watched, Watched, Stripes]:
    """Look twice a second with a faint reader, and again."""
    spotter = Spotter(SETTINGS, finder := Stripes(pause), Fog(pause), None)
    first = watch(chosen([n / 2 for n in range(6)], pause), spotter, SETTINGS, lambda *_: None)
    finder.searched.clear()
    return first, look_again(first, lambda s: chosen(s, pause), spotter, SETTINGS, lambda *_: None), finder


def test_an_open_vote_is_settled_by_the_frames_between() -> None:
    """Faint looks confirm nothing; some more of them do, in the same track, and for a bounded price."""
    first, again, finder = twice()
    verdicts = [
        {f.verdict.plate: (f.verdict.confirmed, f.verdict.reads) for f in (*each.plates, *each.untold)}
        for each in (first, again)
    ]
    assert verdicts == [
        {"1240BCD": (False, 1), "XK53ZHR": (True, 2)},
        {"1240BCD": (True, 3), "XK53ZHR": (True, 2)},
    ]
    assert again.again == len(finder.searched) == 3 == first.frames / 2
    assert [len(track.looks) for track in again.tracks] == [3, 2]
    crop = again.evidence.best("1240BCD")
    assert crop
    assert len(crop.full) > 100


@pytest.mark.parametrize("seed", [1, 2])
def test_timing_does_not_matter(seed: int) -> None:
    """However long each step takes, the second look sees the same."""
    _, calm, _ = twice()
    _, hurried, _ = twice(Random(seed))
    assert (hurried.tracks, hurried.plates, hurried.again) == (calm.tracks, calm.plates, calm.again)


def test_settled_plates_and_every_frame_need_no_second_look() -> None:
    """Where all votes are settled, or no frame was left out, nothing is decoded again."""

    def none(seconds: list[float]) -> Iterator[Frame]:
        raise AssertionError(f"frames at {seconds} were asked for")

    spotter = Spotter(SETTINGS, Stripes(), Shade(), None)
    sure = watch(chosen([n / 4 for n in range(12)]), spotter, SETTINGS, lambda *_: None)
    assert all(found.verdict.confirmed for found in sure.plates)
    assert look_again(sure, none, spotter, SETTINGS, lambda *_: None) is sure
    faint = Spotter(SETTINGS, Stripes(), Fog(), None)
    every = watch(iter(film(seconds=1)), faint, SETTINGS, lambda *_: None)
    assert look_again(every, none, faint, SETTINGS, lambda *_: None) is every


def test_cancelling_ends_it() -> None:
    """What `told` raises ends the second look."""
    spotter = Spotter(SETTINGS, Stripes(), Fog(), None)
    first = watch(chosen([n / 2 for n in range(6)]), spotter, SETTINGS, lambda *_: None)

    def told(seconds: float, reads: int) -> None:
        raise Cancelled("taken back")

    with pytest.raises(Cancelled):
        look_again(first, chosen, spotter, SETTINGS, told)
