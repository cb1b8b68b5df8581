"""Which plates of a clip are worth a second look, when, and where they must be by then."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from stages.vision.boxes import Box, centre
from stages.vision.consensus import alike
from stages.vision.looks import Read
from stages.vision.tracking import Track
from stages.vision.verdicts import Found, unsettled
from stages.vision.watch import Watched

_SHARE = 0.5  # second looks for each first one, at most
_PER_SECOND = 30.0
_READS = 4  # of a plate, the weightiest, around which it is looked for again
_AROUND = 0.5  # seconds before and after them
_BETWEEN = 1.0  # seconds between two sights of a plate, up to which its way is known
_BEYOND = 0.5  # seconds before the first and after the last one
_STRAYED, _STRAYED_FAR = 0.8, 2.0  # of its width that a plate may be off: its way known, or only one place


class Errand(NamedTuple):
    """One track to be looked at again on the first frames at or after `seconds`; `way`: where it was when."""

    track: int
    seconds: tuple[float, ...]
    way: tuple[tuple[float, Box], ...]


def errands_of(seen: Watched) -> tuple[list[Errand], list[float]]:
    """Which tracks to look at again, and the seconds of all frames for it; the surest plates come first."""
    open_ones = [found for found in (*seen.plates, *seen.untold) if unsettled(found)]
    tracks = {track.number: track for track in seen.tracks}
    gaps = [(a, b) for a, b in pairwise(seen.at) if b[0] - a[0] > 1]
    left = int(_SHARE * seen.frames)
    errands: list[Errand] = []
    instants: set[float] = set()
    for found in sorted(open_ones, key=lambda f: (-f.verdict.confidence, f.verdict.plate, f.tracks)):
        for track, spans in _spans(found, tracks):
            wanted = [second for span in spans for second in _unseen(gaps, *span)]
            if not wanted or not left:
                continue
            wanted = wanted[:: -(-len(wanted) // left)]
            left -= len(wanted)
            instants.update(wanted)
            errands.append(Errand(track.number, tuple(wanted), _way(track)))
    return errands, sorted(instants)


def _spans(found: Found, tracks: dict[int, Track]) -> Iterator[tuple[Track, list[tuple[float, float]]]]:
    """For each track of a plate the seconds around the best of its reads."""
    reads = [
        (read, track)
        for track in (tracks[number] for number in found.tracks)
        for look in track.looks
        if (read := look.read) and alike(read.plate, found.verdict.plate)
    ]
    best = sorted(reads, key=lambda each: _weightiest(each[0]))[:_READS]
    for number in found.tracks:
        times = sorted(read.seconds for read, track in best if track.number == number)
        spans: list[tuple[float, float]] = []
        for seconds in times:
            begin, end = max(0.0, seconds - _AROUND), seconds + _AROUND
            if spans and begin <= spans[-1][1]:
                spans[-1] = spans[-1][0], end
            else:
                spans.append((begin, end))
        if spans:
            yield tracks[number], spans


def _weightiest(read: Read) -> tuple[bool, float, int]:
    return read.cut, -read.weight, read.frame


def _unseen(
    gaps: Sequence[tuple[tuple[int, float], tuple[int, float]]], begin: float, end: float
) -> list[float]:
    """Seconds between `begin` and `end` of frames that lie between those that were looked at."""
    wanted: list[float] = []
    first = max(0, bisect_left(gaps, begin, key=lambda gap: gap[1][1]))
    for (a, since), (b, until) in gaps[first:]:
        if since > end:
            break
        step = (until - since) / (b - a)
        every = max(1, math.ceil(1 / (_PER_SECOND * step) - 0.1)) if step > 0 else b - a
        low = max(1, math.ceil((begin - since) / step)) if step > 0 else b - a
        high = min(b - a - 1, math.floor((end - since) / step)) if step > 0 else 0
        # Half a frame early: the first frame at or after it is the one that is meant.
        wanted += [since + (number - 0.5) * step for number in range(low, high + 1, every)]
    return wanted


def _way(track: Track) -> tuple[tuple[float, Box], ...]:
    return tuple((look.seconds, box) for look in track.looks if (box := look.plate_box))


def on_the_way(way: Sequence[tuple[float, Box]], seconds: float) -> tuple[Box, float] | None:
    """Where a plate was between two sights of it, or shortly before or after; and how far off it may be."""
    after = bisect_left(way, seconds, key=lambda each: each[0])
    if 0 < after < len(way):
        pair = way[after - 1], way[after]
        if pair[1][0] - pair[0][0] <= _BETWEEN:
            return _between(*pair, seconds), _STRAYED
    ends = [end for end in (after - 1, after) if 0 <= end < len(way)]
    nearest = min(ends, key=lambda end: abs(way[end][0] - seconds), default=None)
    if nearest is None or abs(way[nearest][0] - seconds) > _BEYOND:
        return None
    other = nearest - 1 if nearest < after else nearest + 1
    if 0 <= other < len(way) and abs(way[other][0] - way[nearest][0]) <= _BETWEEN:
        return _between(way[other], way[nearest], seconds), _STRAYED
    return way[nearest][1], _STRAYED_FAR


def _between(a: tuple[float, Box], b: tuple[float, Box], seconds: float) -> Box:
    """Straight on from one sight to the other, or beyond; the size stays as it is there."""
    share = (seconds - a[0]) / max(1e-6, b[0] - a[0])
    if 0 <= share <= 1:
        x1, y1, x2, y2 = (p + (q - p) * share for p, q in zip(a[1], b[1], strict=True))
        return x1, y1, x2, y2
    dx, dy = ((q - p) * (share - 1) for p, q in zip(centre(a[1]), centre(b[1]), strict=True))
    return b[1][0] + dx, b[1][1] + dy, b[1][2] + dx, b[1][3] + dy
