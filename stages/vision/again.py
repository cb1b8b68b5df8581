"""A second look at plates whose vote stayed open: frames between the first looks, and nothing but the plate.

Only tracks that are not settled get further looks, and only near the places where their plate must be by
then; so nothing that is confirmed can be lost. How many there may be is a share of the first looks.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import numpy as np

from stages.ahead import ahead
from stages.settings import HeavySettings
from stages.video.frames import Frame
from stages.vision.boxes import Box, centre, grow
from stages.vision.errands import Errand, errands_of, on_the_way
from stages.vision.looks import Look
from stages.vision.spotter import Spotter, cut_off
from stages.vision.tracking import Track
from stages.vision.verdicts import judged_again
from stages.vision.watch import Watched, attended

_VIEW = 320.0  # pixels on each side of a plate that a plate model is shown: what most of them take, unscaled
_ROOM = 2.5  # of a plate's width on each side of its middle, in which text is sought
_EARLY = 1e-3  # seconds by which a frame may come before its instant
_DECODED = 2


def look_again(
    seen: Watched,
    frames: Callable[[list[float]], Iterator[Frame]],
    spotter: Spotter,
    settings: HeavySettings,
    told: Callable[[float, int], None],
) -> Watched:
    """The same clip with further looks at plates that nearly were settled.

    `frames` gives the first frame at or after each of some seconds; `told` is called as by `watch`.
    """
    errands, instants = errands_of(seen)
    if not instants:
        return seen
    known = {number for number, _ in seen.at}
    reads = sum(1 for track in seen.tracks for look in track.looks if look.read)
    more: dict[int, list[Look]] = {}
    count = 0

    def beat() -> None:
        told(seen.last_seconds, reads)

    with (
        closing(ahead(frames(instants), _DECODED, "decode")) as decoded,
        ThreadPoolExecutor(1, "again") as pool,
    ):
        looks = _looks(decoded, errands, known, spotter)
        while done := attended(pool, lambda: next(looks, None), beat):
            frame, number, look = done
            count += 1
            if look:
                more.setdefault(number, []).append(look)
            if look and look.read:
                reads += 1
                seen.evidence.add(frame.image, look.read)
            beat()
    tracks = [_longer(track, more.get(track.number, ())) for track in seen.tracks]
    plates, untold = judged_again([*seen.plates, *seen.untold], tracks, more, settings.regions)
    return seen._replace(tracks=tracks, plates=plates, untold=untold, again=count)


def _looks(
    frames: Iterator[Frame], errands: Sequence[Errand], known: set[int], spotter: Spotter
) -> Iterator[tuple[Frame, int, Look | None]]:
    """Frame, track and what was seen of its plate; nothing on frames that were looked at before."""
    done = dict.fromkeys((errand.track for errand in errands), 0)
    for frame in frames:
        for errand in errands:
            due = bisect_right(errand.seconds, frame.seconds + _EARLY)
            fresh, done[errand.track] = due > done[errand.track], due
            place = on_the_way(errand.way, frame.seconds) if fresh and frame.number not in known else None
            if place:
                yield frame, errand.track, _look(frame, *place, spotter)


def _look(frame: Frame, expected: Box, strayed: float, spotter: Spotter) -> Look | None:
    """The look at the plate that is nearest to where it should be, at most so many of its widths away."""
    (x, y), wide = centre(expected), max(1.0, expected[2] - expected[0])
    looks = _around(frame, x, y, _ROOM * wide, spotter) if spotter.by_text else _close(frame, x, y, spotter)
    near = [(math.dist(centre(look.box), (x, y)), look) for look in looks]
    alike_wide = [each for each in near if 0.5 < (each[1].box[2] - each[1].box[0]) / wide < 2]
    off, found = min(alike_wide, key=lambda each: (each[0], each[1].box), default=(math.inf, None))
    return found if off <= strayed * wide else None


def _around(frame: Frame, x: float, y: float, side: float, spotter: Spotter) -> list[Look]:
    """What stands around a place, as the text detector finds it."""
    part = (x - side, y - side, x + side, y + side)
    return spotter.look(frame.image, frame.number, frame.seconds, [part]).looks


def _close(frame: Frame, x: float, y: float, spotter: Spotter) -> list[Look]:
    """What a plate model finds around a place: it sees no more of the picture, in its own resolution."""
    height, width = frame.image.shape[:2]
    x1, y1, x2, y2 = grow((x - _VIEW, y - _VIEW, x + _VIEW, y + _VIEW), 0.0, width, height)
    if x2 - x1 < 2 or y2 - y1 < 2:
        return []
    crop = np.ascontiguousarray(frame.image[y1:y2, x1:x2])
    whole = (0.0, 0.0, float(x2 - x1), float(y2 - y1))
    seen = spotter.look(crop, frame.number, frame.seconds, [whole])
    return [_moved(look, x1, y1, frame) for look in seen.looks]


def _moved(look: Look, x: int, y: int, frame: Frame) -> Look:
    """A look at a part of a picture, in pixels of the whole one."""
    read, glimpse = look.read, look.glimpse
    if read:
        box = _shifted(read.box, x, y)
        read = read._replace(box=box, cut=cut_off(box, frame.image))
    if glimpse:
        glimpse = glimpse._replace(box=_shifted(glimpse.box, x, y))
    return look._replace(box=_shifted(look.box, x, y), read=read, glimpse=glimpse)


def _shifted(box: Box, x: int, y: int) -> Box:
    return box[0] + x, box[1] + y, box[2] + x, box[3] + y


def _longer(track: Track, looks: Sequence[Look]) -> Track:
    everything = sorted((*track.looks, *looks), key=lambda look: look.frame)
    return track._replace(looks=tuple(everything))
