"""Geometry that all detectors share: letterboxing, overlap, suppression of double boxes."""

from __future__ import annotations

from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Image = NDArray[np.uint8]
#: x1, y1, x2, y2 in pixels.
Box = tuple[float, float, float, float]


class Letterbox(NamedTuple):
    """The image that a model takes, with the original in its middle or corner, and how to get back.

    `scale` is how many of its pixels (across, down) one pixel of the original is.
    """

    image: Image
    scale: tuple[float, float]
    left: int
    top: int
    width: int
    height: int

    def restore(self, points: NDArray[Any]) -> Floats:
        """Points (..., 2) of the model's image, in pixels of the original and clipped to it."""
        moved = points.astype(np.float32) - np.array([self.left, self.top], np.float32)
        out = moved / np.array(self.scale, np.float32)
        inside: Floats = np.clip(out, 0, np.array([self.width, self.height], np.float32))
        return inside


def letterbox(image: Image, size: int | tuple[int, int], *, fill: int, centre: bool) -> Letterbox:
    """Fit H×W×3 into size×size, or (width, height), without distortion; the rest is of the grey `fill`."""
    height, width = image.shape[:2]
    across, down = (size, size) if isinstance(size, int) else size
    scale = min(across / width, down / height)
    new_width, new_height = max(1, round(width * scale)), max(1, round(height * scale))
    how = cv2.INTER_AREA if scale < 0.5 else cv2.INTER_LINEAR
    left, top = ((across - new_width) // 2, (down - new_height) // 2) if centre else (0, 0)
    square = np.full((down, across, 3), fill, np.uint8)
    square[top : top + new_height, left : left + new_width] = cv2.resize(
        image, (new_width, new_height), interpolation=how
    )
    return Letterbox(square, (scale, scale), left, top, width, height)


def stretch(image: Image, size: tuple[int, int]) -> Letterbox:
    """H×W×3 as wide and as high as `size`, distorted where its sides are in another proportion."""
    height, width = image.shape[:2]
    scale = size[0] / width, size[1] / height
    how = cv2.INTER_AREA if min(scale) < 0.5 else cv2.INTER_LINEAR
    return Letterbox(cv2.resize(image, size, interpolation=how), scale, 0, 0, width, height)


def area(box: Box) -> float:
    """Square pixels; 0 for an empty box."""
    return max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])


def overlap(a: Box, b: Box) -> float:
    """Square pixels that two boxes share."""
    return area((max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3])))


def iou(a: Box, b: Box) -> float:
    """Intersection over union, 0..1."""
    shared = overlap(a, b)
    union = area(a) + area(b) - shared
    return shared / union if union > 0 else 0.0


def centre(box: Box) -> tuple[float, float]:
    """The middle of a box."""
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


def as_box(row: NDArray[Any]) -> Box:
    """A row of four numbers as a plain tuple."""
    x1, y1, x2, y2 = (float(value) for value in row)
    return x1, y1, x2, y2


def suppress(boxes: Floats, scores: Floats, threshold: float = 0.45, keep: int = 300) -> list[int]:
    """Indices of the boxes (K×4) that stay after non-maximum suppression, best first, at most `keep`."""
    order = np.argsort(-scores, kind="stable")[: keep * 10]
    areas = np.prod(np.maximum(boxes[:, 2:] - boxes[:, :2], 0), axis=1)
    kept: list[int] = []
    while order.size and len(kept) < keep:
        best, rest = int(order[0]), order[1:]
        kept.append(best)
        low = np.maximum(boxes[best, :2], boxes[rest, :2])
        high = np.minimum(boxes[best, 2:], boxes[rest, 2:])
        shared = np.prod(np.maximum(high - low, 0), axis=1)
        union = areas[best] + areas[rest] - shared
        order = rest[shared <= threshold * np.maximum(union, 1e-6)]
    return kept


def grow(box: Box, by: float, width: int, height: int) -> tuple[int, int, int, int]:
    """The box with a margin of `by` of its size on each side, whole pixels, inside the image."""
    dx, dy = (box[2] - box[0]) * by, (box[3] - box[1]) * by
    x1, y1 = max(0, int(box[0] - dx)), max(0, int(box[1] - dy))
    x2, y2 = min(width, int(np.ceil(box[2] + dx))), min(height, int(np.ceil(box[3] + dy)))
    return x1, y1, max(x1 + 1, x2), max(y1 + 1, y2)
