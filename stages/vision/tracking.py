"""Which looks are of the same object.

Position decides while two looks are close in time; the plate's text joins what moved far and keeps apart
what only came near. An object that is missed for a while is found again as long as the gap allows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from stages.vision.boxes import Box, centre, iou
from stages.vision.grammar import similarity
from stages.vision.looks import Look

_SAME_TEXT = 0.7
_OTHER_TEXT = 0.45
_SURE = 0.4  # weakest character from which a text may keep two objects apart
_REACH = 4.0  # how many of its own sizes a plate may move between two looks
_REACH_VEHICLE = 0.8
_RECENT_READS = 5


class Track(NamedTuple):
    """One physical object followed over frames; `looks` in order of time."""

    number: int
    looks: tuple[Look, ...]


class Open:
    """A track that may still grow."""

    def __init__(self, look: Look) -> None:
        #: In order of time, never none.
        self.looks = [look]
        self.texts: list[tuple[str, float]] = []
        self._remember(look)

    @property
    def last(self) -> Look:
        """The latest look."""
        return self.looks[-1]

    def add(self, look: Look) -> None:
        """Go on with this look."""
        self.looks.append(look)
        self._remember(look)

    def _remember(self, look: Look) -> None:
        if look.read:
            self.texts = [*self.texts, (look.read.plate, look.read.text.weakest)][-_RECENT_READS:]

    def expected(self, seconds: float) -> Box:
        """Where the object should be by now: it keeps the speed of its last step."""
        if len(self.looks) < 2 or self.looks[-2].label != self.last.label:
            return self.last.box
        before, last = self.looks[-2], self.last
        step = last.seconds - before.seconds
        if step <= 0:
            return last.box
        share = min(2.0, (seconds - last.seconds) / step)
        x1, y1, x2, y2 = (a + (a - b) * share for a, b in zip(last.box, before.box, strict=True))
        return x1, y1, max(x1 + 1, x2), max(y1 + 1, y2)

    def resemblance(self, look: Look) -> float | None:
        """How much the read is like the recent ones (0..1), None when one side has none worth comparing."""
        if look.read is None or not self.texts:
            return None
        return max(similarity(text, look.read.plate) for text, _ in self.texts)

    def sure(self) -> bool:
        """Whether a recent text may keep it apart from other objects."""
        return max((weakest for _, weakest in self.texts), default=0.0) >= _SURE


def follow(looks: Iterable[Look], *, gap_seconds: float) -> list[Track]:
    """Group looks (in order of time) into tracks, numbered from 1 in order of their first look."""
    follower = Follower(gap_seconds)
    finished: list[Open] = []
    for _, frame in groupby(looks, key=lambda look: look.frame):
        finished += follower.add(list(frame))
    everything = sorted([*finished, *follower.running], key=lambda t: (t.looks[0].frame, t.looks[0].box))
    return [Track(number, tuple(track.looks)) for number, track in enumerate(everything, start=1)]


class Follower:
    """Groups looks into tracks while the pictures pass by."""

    def __init__(self, gap_seconds: float) -> None:
        self._gap = gap_seconds
        self._running: list[Open] = []

    @property
    def running(self) -> Sequence[Open]:
        """Tracks that may still grow, the oldest first."""
        return self._running

    def add(self, frame: list[Look]) -> list[Open]:
        """Take in all looks at the next picture; the tracks that ended before it."""
        if not frame:
            return []
        ended = [t for t in self._running if frame[0].seconds - t.last.seconds > self._gap]
        self._running = [t for t in self._running if frame[0].seconds - t.last.seconds <= self._gap]
        taken = set()
        for track, index in _pairs(self._running, frame):
            track.add(frame[index])
            taken.add(index)
        self._running += [Open(look) for index, look in enumerate(frame) if index not in taken]
        return ended


def _pairs(tracks: list[Open], frame: list[Look]) -> Iterator[tuple[Open, int]]:
    """The best one-to-one assignment, taken greedily; ties go to the older track."""
    scored = []
    for t, track in enumerate(tracks):
        for i, look in enumerate(frame):
            if (score := _affinity(track, look)) > 0:
                scored.append((-score, t, i))
    used_tracks: set[int] = set()
    used_looks: set[int] = set()
    for _, t, i in sorted(scored):
        if t not in used_tracks and i not in used_looks:
            used_tracks.add(t)
            used_looks.add(i)
            yield tracks[t], i


def _affinity(track: Open, look: Look) -> float:
    """How well a look continues a track; 0 = not at all."""
    near = _nearness(track, look)
    like = track.resemblance(look)
    if like is None:
        return near
    if like >= _SAME_TEXT:
        return 1 + like + near
    certain = track.sure() and look.read is not None and look.read.text.weakest >= _SURE
    if like < _OTHER_TEXT and certain:
        return 0.0  # another plate: another car, however near
    return near * like


def _nearness(track: Open, look: Look) -> float:
    """1 = in the expected place with the expected size, 0 = out of reach."""
    if (track.last.label == "plate") != (look.label == "plate"):
        return 0.5 * _plate_inside(track, look)
    expected = track.expected(look.seconds)
    reach = _REACH if look.label == "plate" else _REACH_VEHICLE
    distances = [
        _distance(box, look.box) / (reach * max(look.box[2] - look.box[0], box[2] - box[0], 1.0))
        for box in (expected, track.last.box)
    ]
    size = (look.box[2] - look.box[0]) / max(track.last.box[2] - track.last.box[0], 1.0)
    if not 1 / 3 < size < 3:
        return 0.0
    return max(0.0, iou(expected, look.box), iou(track.last.box, look.box), 0.7 * (1 - min(distances)))


def _plate_inside(track: Open, look: Look) -> float:
    """A plate seen alone belongs to the vehicle around it, and the other way round."""
    plate, vehicle = (
        (look.box, track.expected(look.seconds)) if look.label == "plate" else (track.last.box, look.box)
    )
    x, y = centre(plate)
    return float(vehicle[0] <= x <= vehicle[2] and vehicle[1] <= y <= vehicle[3])


def _distance(a: Box, b: Box) -> float:
    (ax, ay), (bx, by) = centre(a), centre(b)
    return float(((ax - bx) ** 2 + (ay - by) ** 2) ** 0.5)
