"""One clip from frames to plates: look, follow, vote."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any, NamedTuple, TypeVar

from stages.settings import HeavySettings
from stages.video.frames import Frame, read_ahead
from stages.vision.boxes import Box
from stages.vision.evidence import Evidence
from stages.vision.looks import Look
from stages.vision.overlays import without_overlays
from stages.vision.spotter import Seen, Spotter
from stages.vision.tracking import Track, follow
from stages.vision.verdicts import Found, plates_of

T = TypeVar("T")

_AHEAD = 4  # frames decoded while others are looked at
_BEAT = 0.5  # seconds between two signs of life
_PATIENCE = 600.0  # seconds after which one call without an end is no longer vouched for
_WHOLE_EVERY = 0.5  # seconds between two whole pictures, where searching one is costly
_MAX_LOOKS = 1_000_000


class Watched(NamedTuple):
    """What a clip showed. `dropped` counts texts that are no plates, by reason; `frames` were looked at."""

    tracks: list[Track]
    plates: list[Found]
    evidence: Evidence
    dropped: Counter[str]
    frames: int
    last_seconds: float


def watch(
    frames: Iterator[Frame], spotter: Spotter, settings: HeavySettings, told: Callable[[float, int], None]
) -> Watched:
    """Look at every frame given, follow what is seen and settle the plates.

    Decoding runs ahead in a thread. `told(seconds, reads)` is called at least every second, with the
    instant reached and the number of reads so far; what it raises ends the work.
    """
    seen: list[Look] = []
    dropped: Counter[str] = Counter()
    evidence = Evidence()
    count, reads, height, seconds = 0, 0, 0, 0.0
    cadence = _Cadence(whole_every=_WHOLE_EVERY if spotter.costly and not settings.thorough else 0.0)
    with ThreadPoolExecutor(1, "look") as pool, closing(read_ahead(frames, _AHEAD)) as ahead:

        def beat() -> None:
            told(seconds, reads)

        def step() -> tuple[Frame, Seen] | None:
            frame = next(ahead, None)
            if frame is None:
                return None
            near = cadence.near(frame.seconds)
            if near == []:
                return frame, Seen([], Counter())
            return frame, spotter.look(frame.image, frame.number, frame.seconds, near)

        while done := attended(pool, step, beat):
            frame, found = done
            cadence.saw(found.looks)
            dropped += found.dropped
            seen += found.looks[: max(0, _MAX_LOOKS - len(seen))]
            for look in found.looks:
                if look.read:
                    reads += 1
                    evidence.add(frame.image, look.read)
            count, height, seconds = count + 1, frame.image.shape[0], frame.seconds
            told(seconds, reads)
    kept, overlays = without_overlays(seen, count, height)
    dropped.update({"burned into the picture": overlays} if overlays else {})
    tracks = follow(kept, gap_seconds=settings.track_gap_seconds)
    return Watched(tracks, plates_of(tracks, settings.regions), evidence, dropped, count, seconds)


class _Cadence:
    """Which pictures are searched as a whole, where that is costly; others only around what was just read."""

    def __init__(self, whole_every: float) -> None:
        self._every = whole_every
        self._last_whole = -math.inf
        self._near: list[Box] = []

    def near(self, seconds: float) -> list[Box] | None:
        """Where to search the picture at this instant: None = everywhere, an empty list = nowhere."""
        if seconds - self._last_whole >= self._every - 1e-3:
            self._last_whole = seconds
            return None
        return self._near

    def saw(self, looks: list[Look]) -> None:
        """What the picture showed: the next one is searched around it."""
        read = [look.box for look in looks if look.read]
        self._near = [_around(box) for box in read]


def _around(box: Box) -> Box:
    """Room for the way that a plate may go between two looks."""
    width, height = box[2] - box[0], box[3] - box[1]
    return box[0] - 2 * width, box[1] - 4 * height, box[2] + 2 * width, box[3] + 4 * height


def attended(pool: ThreadPoolExecutor, call: Callable[[], T], beat: Callable[[], Any]) -> T:
    """Run a call in the pool, and `beat` twice a second meanwhile.

    After ten minutes the beating stops: a call that long hangs, and silence is how that is told.
    """
    future = pool.submit(call)
    waited = 0.0
    while waited < _PATIENCE:
        try:
            return future.result(timeout=_BEAT)
        except TimeoutError:
            if future.done():
                raise
            waited += _BEAT
            beat()
    return future.result()
