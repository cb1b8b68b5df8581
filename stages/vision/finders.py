"""The two ways in which plates are found: by a plate model, and by the text detector that is always there."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from stages.vision.boxes import Box, Image, as_box, grow, iou, overlap
from stages.vision.detector import Detections
from stages.vision.hyperlpr import PLATE2, HyperLpr
from stages.vision.plates import PlateBox
from stages.vision.textfinder import TextFinder

_TILE_OVERLAP = 0.2
_MARGIN = 0.1  # of a vehicle's box, so that a plate at its edge is seen whole
_SAME = 0.4  # overlap from which two finds of different tiles are one
_ANGLE = 0.6  # height per width of a line's slope: steeper text is no plate


class ModelFinder:
    """Plates by a plate model: once over the whole picture, then closer over vehicles or tiles."""

    def __init__(self, detector: HyperLpr) -> None:
        self._detector = detector

    def describe(self) -> list[dict[str, Any]]:
        """The plate model."""
        return [self._detector.describe()]

    def find(self, image: Image, regions: list[Box]) -> list[PlateBox]:
        """Plates with corners."""
        height, width = image.shape[:2]
        parts = [(0, 0, width, height)]
        if max(width, height) > self._detector.size:
            parts += _closer(regions, width, height) if regions else _tiles(width, height)
        found: list[PlateBox] = []
        for x1, y1, x2, y2 in parts:
            part = np.ascontiguousarray(image[y1:y2, x1:x2])
            found += _plates(self._detector.detect(part[None])[0], x1, y1)
        return _unique(found)


class TextPlates:
    """Lines of text that have the shape of a plate. In small pictures text is sought enlarged."""

    def __init__(self, detector: TextFinder) -> None:
        self._detector = detector

    def describe(self) -> list[dict[str, Any]]:
        """The text detector."""
        return [self._detector.describe()]

    def find(self, image: Image, regions: list[Box]) -> list[PlateBox]:
        """Lines with corners; only in and around `regions` where there are any."""
        height, width = image.shape[:2]
        parts = _closer(regions, width, height) if regions else [(0, 0, width, height)]
        enlarge = self._detector.enlargement(image)
        found: list[PlateBox] = []
        for x1, y1, x2, y2 in parts:
            part = np.ascontiguousarray(image[y1:y2, x1:x2])
            lines = self._detector.lines(part, enlarge)
            found += [
                PlateBox(
                    _shift(as_box(box), x1, y1), float(score), corners + np.array([x1, y1], np.float32), False
                )
                for box, score, corners in _rows(lines)
                if _level(corners)
            ]
        return _unique(found)


def _rows(found: Detections) -> list[tuple[Any, Any, Any]]:
    if found.corners is None:
        return []
    return list(zip(found.boxes, found.scores, found.corners, strict=True))


def _plates(found: Detections, x: int, y: int) -> list[PlateBox]:
    return [
        PlateBox(
            _shift(as_box(box), x, y),
            float(score),
            corners + np.array([x, y], np.float32),
            True,
            label == PLATE2,
        )
        for (box, score, corners), label in zip(_rows(found), found.labels, strict=True)
    ]


def _shift(box: Box, x: float, y: float) -> Box:
    return box[0] + x, box[1] + y, box[2] + x, box[3] + y


def _level(corners: Any) -> bool:
    """Whether a line of text is about horizontal and wider than high."""
    across, down = corners[1] - corners[0], corners[3] - corners[0]
    return bool(np.hypot(*across) > np.hypot(*down) and abs(across[1]) <= _ANGLE * abs(across[0]))


def _closer(regions: list[Box], width: int, height: int) -> list[tuple[int, int, int, int]]:
    """The regions with a margin; those that lie in another are left out."""
    grown = [grow(box, _MARGIN, width, height) for box in regions]
    kept: list[tuple[int, int, int, int]] = []
    for box in sorted(grown, key=lambda b: (-(b[2] - b[0]) * (b[3] - b[1]), b)):
        if not any(overlap(box, other) >= 0.9 * (box[2] - box[0]) * (box[3] - box[1]) for other in kept):
            kept.append(box)
    return kept


def _tiles(width: int, height: int) -> list[tuple[int, int, int, int]]:
    """Overlapping tiles about as wide as the picture is high."""
    side = min(width, height)
    step = side * (1 - _TILE_OVERLAP)
    across = max(1, int(np.ceil((width - side) / step)) + 1)
    down = max(1, int(np.ceil((height - side) / step)) + 1)
    return [
        (round(x), round(y), round(x) + side, round(y) + side)
        for y in np.linspace(0, height - side, down)
        for x in np.linspace(0, width - side, across)
    ]


def _unique(found: list[PlateBox]) -> list[PlateBox]:
    """Each plate once: of finds that overlap much, the one that is surest."""
    kept: list[PlateBox] = []
    for plate in sorted(found, key=lambda p: (-p.score, p.box)):
        if all(iou(plate.box, other.box) < _SAME for other in kept):
            kept.append(plate)
    return kept


def cut_out(image: Image, plate: PlateBox, margin: float = 0.0) -> Image:
    """The plate seen straight on, as an H×W×3 picture; `margin` of its size is kept around it."""
    corners = plate.corners.astype(np.float32)
    if margin:
        middle = corners.mean(axis=0)
        corners = middle + (corners - middle) * (1 + 2 * margin)
    width = max(np.hypot(*(corners[1] - corners[0])), np.hypot(*(corners[2] - corners[3])))
    height = max(np.hypot(*(corners[3] - corners[0])), np.hypot(*(corners[2] - corners[1])))
    w, h = max(4, round(float(width))), max(4, round(float(height)))
    target = np.array([[0, 0], [w, 0], [w, h], [0, h]], np.float32)
    turn = cv2.getPerspectiveTransform(np.ascontiguousarray(corners, np.float32), target)
    out: Image = cv2.warpPerspective(image, turn, (w, h), borderMode=cv2.BORDER_REPLICATE)
    return out


def plate_height(plate: PlateBox) -> float:
    """How high the plate's text area is in pixels, whatever its slope."""
    left, right = plate.corners[3] - plate.corners[0], plate.corners[2] - plate.corners[1]
    return float(np.hypot(*left) + np.hypot(*right)) / 2


def sharpness(crop: Image) -> float:
    """Variance of the Laplacian of the crop at a height of 32 pixels: low for a smear, whatever its size."""
    grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
    width = max(8, round(grey.shape[1] * 32 / grey.shape[0]))
    return float(cv2.Laplacian(cv2.resize(grey, (width, 32), interpolation=cv2.INTER_AREA), cv2.CV_64F).var())
