"""Whether loaded models work at all, and their first inference done before the first task waits for it."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from stages.errors import StageFailed
from stages.vision.detector import Detections, Detector, Images
from stages.vision.plates import PlateReader

#: Height and width of a picture, as wide as it is not high: mixed up axes show.
SHAPE = (360, 640)
_MOST_ON_NOTHING = 50  # things found on an empty picture from which the model is not understood
_GREY = 114


def self_test(detector: Detector) -> None:
    """Show a detector an empty picture and a noisy one, and check the form of what it answers.

    Raises `StageFailed`: boxes outside the picture, numbers that are none, or much on the empty picture. Says
    nothing of whether it finds anything: the canary does.
    """
    noise = np.random.default_rng(0).integers(0, 256, (*SHAPE, 3), np.uint8)
    pictures = np.stack([np.full((*SHAPE, 3), _GREY, np.uint8), noise])
    found = detector.detect(pictures)
    if len(found) != len(pictures):
        raise _failed(detector, f"it answered {len(found)} pictures of {len(pictures)}")
    for each in found:
        if fault := _fault(each, pictures.shape[1], pictures.shape[2]):
            raise _failed(detector, fault)
    if len(found[0].labels) > _MOST_ON_NOTHING:
        raise _failed(detector, f"it finds {len(found[0].labels)} things on an empty picture")


def warm_up(detector: Detector, shapes: Iterable[tuple[int, int]] = (SHAPE,)) -> None:
    """One inference for each height and width of picture that is to come; the first takes longest."""
    for height, width in shapes:
        detector.detect(_blank(height, width)[None])


def self_test_reader(reader: PlateReader) -> None:
    """Give a reader an empty crop and a noisy one, and check the form of its texts. Raises `StageFailed`.

    It is warm afterwards.
    """
    noise = np.random.default_rng(0).integers(0, 256, (24, 96, 3), np.uint8)
    crops = [_blank(24, 96), noise]
    texts = reader.read(crops)
    (model, *_) = reader.describe()
    name = model.get("model", "the reader")
    if len(texts) != len(crops):
        raise StageFailed(f"{name} failed its self-test: it answered {len(texts)} crops of {len(crops)}")
    for text in texts:
        certain = np.array(text.characters, np.float64)
        even = len(text.text) == len(text.characters) == len(text.others)
        if not even or not bool(((certain >= 0) & (certain <= 1)).all()):
            raise StageFailed(f"{name} failed its self-test: its confidences are not one in 0..1 a character")


def _blank(height: int, width: int) -> Images:
    grey: NDArray[np.uint8] = np.full((height, width, 3), _GREY, np.uint8)
    return grey


def _fault(found: Detections, height: int, width: int) -> str:
    """What is wrong with the form of an answer; "" when nothing is."""
    count = len(found.labels)
    if found.boxes.shape != (count, 4) or found.scores.shape != (count,):
        return f"{count} labels, boxes {found.boxes.shape}, scores {found.scores.shape}"
    if found.corners is not None and found.corners.shape != (count, 4, 2):
        return f"{count} labels and corners {found.corners.shape}"
    corners = np.zeros(0) if found.corners is None else found.corners
    if not all(bool(np.isfinite(values).all()) for values in (found.boxes, found.scores, corners)):
        return "a box or a score is no number"
    if ((found.scores < 0) | (found.scores > 1)).any():
        return "a score is not in 0..1"
    low, high = found.boxes[:, :2], found.boxes[:, 2:]
    if (low < -1).any() or (high > np.array([width, height]) + 1).any() or (high < low).any():
        return "a box lies outside the picture"
    return ""


def _failed(detector: Detector, why: str) -> StageFailed:
    name = detector.describe().get("model", "the detector")
    return StageFailed(f"the model {name} failed its self-test: {why}; fetch it again or choose another")
