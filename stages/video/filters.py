"""Which parts of a clip matter, judged from cheap looks. Filtering costs no plate: in doubt a part stays.

A look is judged by its best tile: a far car is a small part of the picture. Strips at the top and the bottom
are left out, because cameras write a running clock there.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby, pairwise
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from stages.settings import PreprocessSettings

Picture = NDArray[np.uint8]
Span = tuple[float, float]

#: Seconds kept before and after everything that matters, and at the start of every still stretch.
MARGIN = 1.0
#: In a still stretch one second is kept every so many seconds: something may be parked there.
STILL_EVERY = 10.0
_STRIP = 0.08  # of the height, at the top and at the bottom
_TILES = 5, 8  # rows, columns

DARK, BLURRED, STILL = "dark", "blurred", "still"


class Measure(NamedTuple):
    """What one look shows. `motion` is None for the first look, `vehicles` None where no detector ran."""

    frame: int
    seconds: float
    motion: float | None
    sharpness: float
    brightness: float
    vehicles: int | None = None


class Drop(NamedTuple):
    """A part (seconds) that shows nothing worth a closer look, and why."""

    begin: float
    end: float
    reason: str


def measure(
    frame: int, seconds: float, gray: Picture, earlier: Sequence[Picture] = (), vehicles: int | None = None
) -> Measure:
    """Judge one look, each number that of the tile which shows most; motion against earlier looks.

    Mean absolute difference, variance of the Laplacian, 99th percentile of brightness; pixels are 0..255.
    """
    edges = cv2.Laplacian(gray, cv2.CV_32F)
    sharpness = float(_tiles(edges).var(axis=1).max())
    tiles = _tiles(gray)
    hundredth = tiles.shape[1] - 1 - tiles.shape[1] // 100
    brightness = float(np.partition(tiles, hundredth, axis=1)[:, hundredth].max())
    moved = max((motion(gray, before) for before in earlier if before.shape == gray.shape), default=None)
    return Measure(frame, seconds, moved, sharpness, brightness, vehicles)


def motion(gray: Picture, before: Picture) -> float:
    """Mean absolute difference of the tile that changed most between two pictures of one size."""
    return float(_tiles(cv2.absdiff(gray, before)).mean(axis=1).max())


def _tiles(picture: NDArray[Any]) -> NDArray[Any]:
    """The middle of a picture as tiles × pixels; a few rows and columns at the edges are left over."""
    height, width = picture.shape
    rows, columns = min(_TILES[0], height), min(_TILES[1], width)
    strip = int(height * _STRIP)
    high, wide = max(1, (height - 2 * strip) // rows), width // columns
    middle = picture[strip : strip + rows * high, : columns * wide]
    return middle.reshape(rows, high, columns, wide).swapaxes(1, 2).reshape(rows * columns, high * wide)


def verdict(look: Measure, settings: PreprocessSettings) -> str | None:
    """Why a look shows nothing new or nothing at all; None when it matters."""
    if look.vehicles:
        return None
    if look.brightness < settings.dark_below:
        return DARK
    if look.sharpness < settings.blur_below:
        return BLURRED
    if look.motion is not None and look.motion < settings.still_below:
        return STILL
    return None


def empty_spans(looks: Sequence[Measure], duration: float, settings: PreprocessSettings) -> list[Span]:
    """Stretches (seconds) that end with a look that shows nothing, and what follows such a last look; merged.

    What passed between two looks is not known yet: it has to be looked for before such a stretch is dropped.
    """
    spans = [(a.seconds, b.seconds) for a, b in pairwise(looks) if verdict(b, settings)]
    if verdict(looks[-1], settings):
        spans.append((looks[-1].seconds, duration))
    return merged(spans)


def judge(
    looks: Sequence[Measure], duration: float, settings: PreprocessSettings
) -> tuple[list[Span], list[Drop]]:
    """The moments that matter, merged and ascending, and every part between them with its reason.

    Together they cover 0..duration without overlap.
    """
    keep: list[Span] = []
    reasons: list[Drop] = []
    # What lies before the first look belongs to it, what lies behind the last one to that.
    edges = [0.0, *(look.seconds for look in looks), duration]
    for i, look in enumerate(looks):
        reason = verdict(look, settings)
        since, until = edges[i], edges[i + 2] if i + 1 == len(looks) else look.seconds
        if reason is None:
            keep.append((since - MARGIN, until + MARGIN))
        reasons.append(Drop(since, until, reason or ""))
    for reason, group in groupby(reasons, key=lambda drop: drop.reason):
        if reason == STILL:
            stretch = list(group)
            keep += _samples(stretch[0].begin, stretch[-1].end)
    moments = merged([(max(0.0, a), min(duration, b)) for a, b in keep])
    return moments, _drops(moments, reasons, duration)


def _samples(begin: float, end: float) -> list[Span]:
    """The first second of a still stretch, and one every `STILL_EVERY`."""
    count = int((end - begin) // STILL_EVERY) + 1
    starts = (begin + i * STILL_EVERY for i in range(count))
    return [(start, min(end, start + MARGIN)) for start in starts]


def merged(spans: Sequence[Span]) -> list[Span]:
    """Spans in order, overlapping and touching ones as one, empty ones left out."""
    out: list[Span] = []
    for begin, end in sorted(spans):
        if end <= begin:
            continue
        if out and begin <= out[-1][1] + 1e-6:
            out[-1] = out[-1][0], max(out[-1][1], end)
        else:
            out.append((begin, end))
    return out


def _drops(moments: Sequence[Span], reasons: Sequence[Drop], duration: float) -> list[Drop]:
    """The parts outside of the moments, split where the reason changes."""
    out: list[Drop] = []
    edges = [0.0, *(edge for moment in moments for edge in moment), duration]
    for begin, end in zip(edges[::2], edges[1::2], strict=True):
        for part in reasons:
            low, high = max(begin, part.begin), min(end, part.end)
            if high <= low or not part.reason:
                continue
            if out and out[-1].reason == part.reason and abs(out[-1].end - low) < 1e-6:
                out[-1] = out[-1]._replace(end=high)
            else:
                out.append(Drop(low, high, part.reason))
    return out
