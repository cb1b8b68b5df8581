"""One clip from frames to plates: look, follow, vote."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from typing import Any, NamedTuple, TypeVar

from stages.ahead import ahead
from stages.settings import HeavySettings
from stages.video.frames import Frame
from stages.vision.boxes import Box
from stages.vision.evidence import Evidence
from stages.vision.junk import Dropped, Junk, JunkText
from stages.vision.looks import SETTLED, Look
from stages.vision.overlays import without_overlays
from stages.vision.settled import Settling
from stages.vision.spotter import Seen, Spots, Spotter
from stages.vision.tracking import Track, follow
from stages.vision.verdicts import Found, judged

T = TypeVar("T")

# Frames held at once: these, and one in the hand of each of the three steps. A 2160p frame takes 25 MB.
_DECODED, _FOUND = 2, 1
_BEAT = 0.5  # seconds between two signs of life
_PATIENCE = 600.0  # seconds after which one call without an end is no longer vouched for
_WHOLE_EVERY = 0.5  # seconds between two whole pictures, where searching one is costly
_MOST_BETWEEN = 4  # frames held until the next whole picture was searched
_MAX_LOOKS = 1_000_000
_BURNED_IN, _TOO_MANY = "burned into the picture", "looks beyond the first million"


class Watched(NamedTuple):
    """What a clip showed. `dropped` counts texts that are no plates, by reason; `frames` were looked at.

    `untold` were read and are not worth telling; `texts` are some of what was dropped. `at` has number and
    second of each frame that was looked at; `again` counts the second looks at plates between them.
    """

    tracks: list[Track]
    plates: list[Found]
    evidence: Evidence
    dropped: Counter[str]
    frames: int
    last_seconds: float
    untold: Sequence[Found] = ()
    texts: Sequence[JunkText] = ()
    at: Sequence[tuple[int, float]] = ()
    again: int = 0


def watch(
    frames: Iterator[Frame], spotter: Spotter, settings: HeavySettings, told: Callable[[float, int], None]
) -> Watched:
    """Look at every frame given, follow what is seen and settle the plates.

    Decoding, finding and reading each run in a thread of their own, so that the time is that of the slowest
    of them; what comes out does not depend on their timing. `told(seconds, reads)` is called at least every
    second, with the instant reached and the number of reads so far; what it raises ends the work, and so
    does what a step raises. A plate whose vote is settled is read less: that is decided where looks are read,
    one picture after the other, so it does not depend on the timing either.
    """
    seen: list[Look] = []
    dropped = Dropped()
    evidence = Evidence()
    at: list[tuple[int, float]] = []
    reads, height, seconds = 0, 0, 0.0
    settling = Settling(settings.regions, settings.track_gap_seconds)
    looking = _sparing if spotter.costly and not settings.thorough else _pipelined
    # The pool ends first: what it still runs uses the steps.
    with (
        closing(ahead(frames, _DECODED, "decode")) as decoded,
        closing(looking(decoded, spotter, settling)) as looks,
        ThreadPoolExecutor(1, "read") as pool,
    ):

        def beat() -> None:
            told(seconds, reads)

        while done := attended(pool, lambda: next(looks, None), beat):
            frame, found = done
            dropped.add(found.dropped, found.junk)
            room = max(0, _MAX_LOOKS - len(seen))
            seen += found.looks[:room]
            if len(found.looks) > room:
                dropped.add(Counter({_TOO_MANY: len(found.looks) - room}))
            for look in found.looks:
                if look.read:
                    reads += 1
                    evidence.add(frame.image, look.read)
            at.append((frame.number, frame.seconds))
            height, seconds = frame.image.shape[0], frame.seconds
            told(seconds, reads)
    kept, overlays = without_overlays(seen, len(at), height)
    if overlays:
        dropped.add(Counter({_BURNED_IN: overlays}), _burned_in(seen, kept))
    tracks = follow(kept, gap_seconds=settings.track_gap_seconds)
    plates, untold = judged(tracks, settings.regions)
    return Watched(tracks, plates, evidence, dropped.counts, len(at), seconds, untold, dropped.texts(), at)


def _burned_in(seen: list[Look], kept: list[Look]) -> Iterator[Junk]:
    """Looks at text that the camera itself wrote into the picture."""
    stayed = {id(look) for look in kept}
    for look in seen:
        if id(look) not in stayed:
            text = look.read.text.raw if look.read else look.glimpse.text if look.glimpse else ""
            yield Junk(_BURNED_IN, text, look.frame, look.seconds, look.box)


def _pipelined(
    frames: Iterator[Frame], spotter: Spotter, settling: Settling
) -> Generator[tuple[Frame, Seen], None, None]:
    """Each picture searched as a whole, in a thread; read in the caller's."""
    with closing(ahead(((frame, spotter.find(frame.image)) for frame in frames), _FOUND, "find")) as found:
        for frame, spots in found:
            seen = _read(frame, spots, spotter, settling)
            settling.add(seen.looks)
            yield frame, seen


def _read(frame: Frame, spots: Spots, spotter: Spotter, settling: Settling) -> Seen:
    spare = partial(settling.spares, frame.seconds)
    return spotter.read(frame.image, spots, frame.number, frame.seconds, spare)


def _sparing(
    frames: Iterator[Frame], spotter: Spotter, settling: Settling
) -> Generator[tuple[Frame, Seen], None, None]:
    """Where searching a picture is costly: some as a whole, those between them around what these show.

    Reading takes a hundredth of that search, so it has no thread of its own. What only the later of two
    whole pictures shows is looked for before it too: a plate in view for half a second is on one whole
    picture, and a second look at it is needed.
    """
    last, shown = -math.inf, list[Box]()
    between: list[Frame] = []
    for frame in frames:
        if frame.seconds - last < _WHOLE_EVERY - 1e-3 and len(between) < _MOST_BETWEEN:
            between.append(frame)
            continue
        seen = _read(frame, spotter.find(frame.image), spotter, settling)
        shows = [_around(look.box) for look in seen.looks if look.read or look.reason == SETTLED]
        near = frame.seconds - last < 2 * _WHOLE_EVERY
        yield from _between(between, spotter, settling, shown + shows if near else shown)
        settling.add(seen.looks)
        yield frame, seen
        last, shown, between = frame.seconds, shows, []
    yield from _between(between, spotter, settling, shown)


def _between(
    frames: list[Frame], spotter: Spotter, settling: Settling, near: list[Box]
) -> Iterator[tuple[Frame, Seen]]:
    for frame in frames:
        if near:
            seen = _read(frame, spotter.find(frame.image, near), spotter, settling)
            settling.add(seen.looks)
            yield frame, seen
        else:
            yield frame, Seen([], Counter())


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
