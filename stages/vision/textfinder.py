"""Text in a picture, by the differentiable-binarisation detector that comes with RapidOCR."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from stages.vision.boxes import Floats, Image
from stages.vision.bundled import bundled
from stages.vision.detector import Detections, Images
from stages.vision.onnx import Session

TEXT = "text"

_PIXEL = 0.3  # probability from which a pixel belongs to text
_LINE = 0.5  # mean probability from which a blob is a line of text
_UNCLIP = 1.6  # the model marks the core of a line: grown by this share of area to outline
_MIN_SIDE = 3.0
_MAX_LINES = 400
_MULTIPLE = 32
_MOST = 3.0  # times that a small picture is enlarged: more shows no more


class TextFinder:
    """Finds lines of text. A picture whose longer side exceeds `longest` is looked at smaller.

    A picture smaller than `shortest` on its shorter side is enlarged, so that small text is found.
    """

    def __init__(self, *, threads: int = 0, longest: int = 1920, shortest: int = 0) -> None:
        path = bundled("det")
        self._name = path.stem
        self._session = Session(path, threads=threads, fixed_shape=False)
        self.longest = longest
        self._shortest = shortest

    def describe(self) -> dict[str, Any]:
        """Name, runtime and provider."""
        return {"model": self._name, "runtime": "onnx", "provider": self._session.provider}

    @property
    def notice(self) -> str:
        """What a person should know about where it runs; "" = as wished."""
        return self._session.notice

    def detect(self, images: Images) -> list[Detections]:
        """Lines of text in each image, with corners."""
        return [self.lines(image, self.enlargement(image)) for image in images]

    def enlargement(self, image: Image) -> float:
        """How much a whole picture is enlarged (1 = not); parts of it want the same."""
        return min(_MOST, max(1.0, self._shortest / int(min(image.shape[:2]))))

    def scale(self, image: Image) -> float:
        """How large a whole picture is seen: enlarged, or smaller where it is longer than `longest`."""
        return min(self.enlargement(image), self.longest / int(max(image.shape[:2])))

    def lines(self, image: Image, enlarge: float = 1.0) -> Detections:
        """Lines of text in a picture or a part of one, seen `enlarge` times as large."""
        height, width = image.shape[:2]
        scale = min(enlarge, self.longest / max(height, width))
        size = tuple(max(1, round(side * scale / _MULTIPLE)) * _MULTIPLE for side in (width, height))
        small = cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
        batch = (small[:, :, ::-1].astype(np.float32) / 127.5 - 1).transpose(2, 0, 1)[None]
        heat = self._session.run(batch)[0][0, 0]
        return _lines(heat, np.array([width / size[0], height / size[1]], np.float32), width, height)


def _lines(heat: Floats, scale: Floats, width: int, height: int) -> Detections:
    """Rotated rectangles around the blobs of a probability map."""
    mask = cv2.dilate((heat > _PIXEL).astype(np.uint8), np.ones((2, 2), np.uint8))
    blobs, _ = cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    corners, scores = [], []
    for blob in blobs[: 4 * _MAX_LINES]:
        (middle, sides, angle) = cv2.minAreaRect(blob)
        if min(sides) < _MIN_SIDE:
            continue
        score = _mean_inside(heat, cv2.boxPoints((middle, sides, angle)))
        if score < _LINE:
            continue
        growth = 2 * _UNCLIP * sides[0] * sides[1] / (2 * (sides[0] + sides[1]))
        grown = (middle, (sides[0] + growth, sides[1] + growth), angle)
        corners.append(clockwise(cv2.boxPoints(grown) * scale))
        scores.append(score)
    if not corners:
        return Detections.none()
    best = np.argsort(-np.array(scores), kind="stable")[:_MAX_LINES]
    quads = np.clip(np.array(corners, np.float32)[best], 0, np.array([width, height], np.float32))
    boxes = np.concatenate([quads.min(axis=1), quads.max(axis=1)], axis=1)
    values = np.clip(np.array(scores, np.float32)[best], 0, 1)
    return Detections(boxes, [TEXT] * len(best), values, quads)


def _mean_inside(heat: Floats, quad: Floats) -> float:
    """Mean of the map inside a quadrilateral."""
    high = np.array(heat.shape[::-1]) - 1
    x1, y1 = np.clip(np.floor(quad.min(axis=0)), 0, high).astype(int)
    x2, y2 = np.clip(np.ceil(quad.max(axis=0)), 0, high).astype(int)
    mask = np.zeros((y2 - y1 + 1, x2 - x1 + 1), np.uint8)
    cv2.fillPoly(mask, [np.round(quad - [x1, y1]).astype(np.int32)], 1)
    return float(cv2.mean(heat[y1 : y2 + 1, x1 : x2 + 1], mask)[0])


def clockwise(quad: Floats) -> Floats:
    """Four points ordered from the top left: of the two left ones the upper first, then the right ones."""
    by_x = quad[np.argsort(quad[:, 0], kind="stable")]
    left, right = by_x[:2], by_x[2:]
    left, right = left[np.argsort(left[:, 1])], right[np.argsort(right[:, 1])]
    return np.array([left[0], right[0], right[1], left[1]], np.float32)
