"""Where plates are at each moment, between the looks and somewhat beyond them; which of them may be seen."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import NamedTuple

from stages.vision.boxes import Box, area, overlap
from stages.vision.grammar import fold, similarity

#: Seconds for which a plate counts as there before its first and after its last look.
HOLD = 0.6
_PAD_ACROSS, _PAD_DOWN = 0.25, 0.4  # of a plate's width and height, blurred on each side of it
_PAD_PER_SECOND = 0.5  # of its size, for each second since or until a look
_PAD_MOST = 0.6
_SLOW = 0.5  # seconds between two looks from which they tell no speed
_SHARE = 0.6  # of the weight of the reads around a look that a plate needs to be spared
_NEAR = 0.75  # seconds that count as around a look
_OTHER = 0.7  # similarity below which a read speaks of another plate
_SURE = 0.3  # weight from which reads are believed
_INSIDE = 0.6  # of a zone that lies on a spared plate, from which it is a part of that plate


class Spot(NamedTuple):
    """One look at one plate: what was read there (None: nothing) and how much that counts (0..1)."""

    seconds: float
    box: Box
    plate: str | None = None
    weight: float = 0.0


class Trail(NamedTuple):
    """A plate on its way. `before` and `after`: seconds beyond its looks for which it counts as there."""

    spots: tuple[Spot, ...]
    spared: bool = False
    before: float = HOLD
    after: float = HOLD


def trails(spots: Sequence[Spot], spared: Iterable[str] = ()) -> list[Trail]:
    """One object's looks (in order of time) as trails; what surely is one of the plates `spared` is told so.

    In doubt a plate is not spared: what is read around a look must mostly be that plate, and clearly so.
    """
    if not spots:
        return []
    folded = {fold(plate) for plate in spared}
    if not any(spot.plate and fold(spot.plate) in folded for spot in spots):
        return [Trail(tuple(spots))]
    kinds = [_kind(spot, _around(spots, spot.seconds), folded) for spot in spots]
    marked = zip(spots, kinds, strict=True)
    runs = [(kind, tuple(spot for spot, _ in run)) for kind, run in groupby(marked, key=lambda each: each[1])]
    found = []
    for number, (kind, run) in enumerate(runs):
        # Where one plate goes on being looked at, the hold of the unsure looks would cover the sure ones.
        before = HOLD if number == 0 or kind == "other" else 0.0
        after = HOLD if number == len(runs) - 1 or kind == "other" else 0.0
        found.append(Trail(run, kind == "spared", before, after))
    return found


def _around(spots: Sequence[Spot], seconds: float) -> Sequence[Spot]:
    first = bisect_left(spots, seconds - _NEAR, key=lambda spot: spot.seconds)
    return spots[first : bisect_right(spots, seconds + _NEAR, key=lambda spot: spot.seconds)]


def _kind(spot: Spot, around: Sequence[Spot], folded: set[str]) -> str:
    """`spared`, `unsure`, or `other`: another plate for sure."""
    if spot.plate and spot.weight >= _SURE:
        like = max(similarity(fold(spot.plate), plate) for plate in folded)
        if like < _OTHER:
            return "other"
    said = [each for each in around if each.plate]
    agreeing = sum(each.weight for each in said if fold(each.plate or "") in folded)
    sure = agreeing >= max(_SURE, _SHARE * sum(each.weight for each in said))
    return "spared" if sure else "unsure"


def scaled(found: Iterable[Sequence[Spot]], across: float, down: float) -> list[list[Spot]]:
    """The same looks in a picture of another size."""
    return [[spot._replace(box=_times(spot.box, across, down)) for spot in spots] for spots in found]


def _times(box: Box, across: float, down: float) -> Box:
    return box[0] * across, box[1] * down, box[2] * across, box[3] * down


class Zones:
    """All trails of a clip, asked moment by moment."""

    def __init__(self, found: Iterable[Trail]) -> None:
        self._by_second: dict[int, list[Trail]] = {}
        self.count = 0
        for trail in found:
            self.count += 1
            begin, end = trail.spots[0].seconds - trail.before, trail.spots[-1].seconds + trail.after
            for second in range(math.floor(begin), math.floor(end) + 1):
                self._by_second.setdefault(second, []).append(trail)

    def at(self, seconds: float) -> list[Box]:
        """What is to be blurred at a moment: boxes in pixels, with their margins."""
        there = [(trail, box) for trail in self._around(seconds) if (box := _place(trail, seconds))]
        clear = [box for trail, box in there if trail.spared]
        return [
            box
            for trail, box in there
            if not trail.spared and not any(overlap(box, other) > _INSIDE * area(box) for other in clear)
        ]

    def spared(self, seconds: float) -> list[Box]:
        """What stays to be seen at a moment."""
        there = ((trail, _place(trail, seconds)) for trail in self._around(seconds))
        return [box for trail, box in there if box and trail.spared]

    def _around(self, seconds: float) -> list[Trail]:
        return self._by_second.get(math.floor(seconds), [])


def _place(trail: Trail, seconds: float) -> Box | None:
    """Where a trail is at a moment, with its margin; None when it is over or not yet there."""
    first, last = trail.spots[0], trail.spots[-1]
    if not first.seconds - trail.before <= seconds <= last.seconds + trail.after:
        return None
    if seconds <= first.seconds:
        return _beyond(trail.spots[:2], seconds)
    if seconds >= last.seconds:
        return _beyond(tuple(reversed(trail.spots[-2:])), seconds)
    after = bisect_right(trail.spots, seconds, key=lambda spot: spot.seconds)
    one, two = trail.spots[after - 1], trail.spots[after]
    share = (seconds - one.seconds) / (two.seconds - one.seconds)
    return _grown(_mix(one.box, two.box, share), min(seconds - one.seconds, two.seconds - seconds))


def _beyond(spots: Sequence[Spot], seconds: float) -> Box:
    """Beyond the looks, whose end comes first: it stood still or went on as it did, and both are covered."""
    end, away = spots[0], abs(seconds - spots[0].seconds)
    box = end.box
    if len(spots) > 1 and 0 < (step := abs(end.seconds - spots[1].seconds)) <= _SLOW:
        box = _union(box, _mix(spots[1].box, end.box, 1 + away / step))
    return _grown(box, away)


def _mix(one: Box, two: Box, share: float) -> Box:
    x1, y1, x2, y2 = (a + (b - a) * share for a, b in zip(one, two, strict=True))
    return x1, y1, max(x1 + 1, x2), max(y1 + 1, y2)


def _union(a: Box, b: Box) -> Box:
    return min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3])


def _grown(box: Box, away: float) -> Box:
    more = min(_PAD_MOST, _PAD_PER_SECOND * away)
    dx, dy = (box[2] - box[0]) * (_PAD_ACROSS + more), (box[3] - box[1]) * (_PAD_DOWN + more)
    return box[0] - dx, box[1] - dy, box[2] + dx, box[3] + dy
