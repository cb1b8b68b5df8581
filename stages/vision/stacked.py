"""Plates with two lines of text: laid side by side for readers of one line, and joined where found apart."""

from __future__ import annotations

from itertools import combinations

import cv2
import numpy as np

from stages.settings import HeavySettings
from stages.vision import looks
from stages.vision.boxes import Box, Image, area, overlap
from stages.vision.finders import cut_out, plate_height, sharpness
from stages.vision.grammar import best, plausible
from stages.vision.looks import Look, Read
from stages.vision.plates import PlateBox, PlateReader

_HEIGHT = 48  # pixels to which both lines are brought
_BETWEEN = 0.3  # of that, how far they are laid apart
_SEARCHED = (0.38, 0.6)  # shares of a plate's height between which its lines are parted
_VALLEY = 0.35  # strokes between two lines, as a share of those in the poorer one
_MOST = 6  # pairs read in one picture
_ALIKE = 2.2  # times that one line may be higher than the other
_NARROW, _BROAD = 0.8, 2.6  # width to height of plates with two lines
_INSIDE = 0.7  # share of a line that lies in the pair it belongs to


def side_by_side(crop: Image) -> Image | None:
    """A plate with two lines (H×W×3) as one: cut where the least text is, the lower half to the right.

    None where nothing parts it in two about its middle: below a state's name, say, stands one line alone.
    """
    grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
    ink = cv2.blur(np.abs(cv2.Sobel(grey, cv2.CV_32F, 1, 0)).mean(axis=1).reshape(-1, 1), (1, 3)).ravel()
    low, high = (round(share * len(ink)) for share in _SEARCHED)
    if high - low < 2:
        return None
    cut = low + int(np.argmin(ink[low:high]))
    if ink[cut] > _VALLEY * min(ink[:cut].max(), ink[cut:].max()):
        return None
    return _beside(crop[:cut], crop[cut:])


def _beside(left: Image, right: Image) -> Image:
    parts = []
    for part in (left, right):
        width = max(1, round(part.shape[1] / part.shape[0] * _HEIGHT))
        parts.append(cv2.resize(part, (width, _HEIGHT), interpolation=cv2.INTER_LINEAR))
    # The gap is of the plate's own colour, which most of it has, so that it is no stroke.
    ground = np.median(np.concatenate([part.reshape(-1, 3) for part in parts]), axis=0)
    gap = np.broadcast_to(ground.astype(np.uint8), (_HEIGHT, round(_HEIGHT * _BETWEEN), 3))
    out: Image = np.concatenate([parts[0], gap, parts[1]], axis=1)
    return out


def pairs(lines: list[PlateBox]) -> list[tuple[PlateBox, PlateBox]]:
    """Upper and lower line of what may be one plate, the surest first; lines that no model vouches for."""
    alone = sorted((line for line in lines if not line.vouched), key=lambda line: (line.box[1], line.box))
    found = [(a, b) for a, b in combinations(alone, 2) if _one_plate(a, b)]
    return sorted(found, key=lambda pair: -min(pair[0].score, pair[1].score))[:_MOST]


def _one_plate(upper: PlateBox, lower: PlateBox) -> bool:
    a, b = upper.box, lower.box
    high = plate_height(upper), plate_height(lower)
    wide = a[2] - a[0], b[2] - b[0]
    if max(high) > _ALIKE * min(high):
        return False
    gap = b[1] - a[3]
    if not -0.5 * min(high) <= gap <= 0.6 * max(high) or (a[1] + a[3]) / 2 >= b[1]:
        return False
    shared = min(a[2], b[2]) - max(a[0], b[0])
    return shared >= 0.7 * min(wide) and _NARROW <= max(wide) / (max(a[3], b[3]) - a[1]) <= _BROAD


def with_stacked(
    spots: list[Look],
    image: Image,
    plates: list[PlateBox],
    reader: PlateReader,
    settings: HeavySettings,
    at: tuple[int, float],
) -> list[Look]:
    """The looks at one picture (frame and second `at`), with plates of two lines in place of their lines.

    Two lines are one plate when together, and neither alone, they have the shape of a known format.
    """
    plates_alone = [
        s.box
        for s in spots
        if s.reason == looks.SETTLED or (s.read and plausible(s.read.plate, settings.regions))
    ]
    wanted = [
        pair
        for pair in pairs([plate for plate in plates if plate_height(plate) >= settings.min_plate_height])
        if not any(_within(box, line.box) for box in plates_alone for line in pair)
    ]
    if not wanted:
        return spots
    crops = [_beside(cut_out(image, upper), cut_out(image, lower)) for upper, lower in wanted]
    for (upper, lower), crop, text in zip(wanted, crops, reader.read(crops), strict=True):
        reading = best(text, settings.regions)
        shaped = plausible(reading.plate, settings.regions) and len(reading.plate) == len(text.text)
        # Of words in two lines look-alikes would make a plate.
        if not shaped or not any(character.isdigit() for character in text.text):
            continue
        box = _around(upper.box, lower.box)
        height = (plate_height(upper) + plate_height(lower)) / 2
        read = Read(
            *at,
            text,
            reading,
            box,
            min(upper.score, lower.score),
            height,
            sharpness(crop),
            vouched=False,
        )
        spots = [spot for spot in spots if not _within(spot.box, box)]
        spots.append(Look(*at, box, "plate", looks.READ, read))
    return spots


def _within(part: Box, whole: Box) -> bool:
    return overlap(part, whole) >= _INSIDE * area(part)


def _around(a: Box, b: Box) -> Box:
    return min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3])
