"""The slope of a plate inside its upright box, for plate models that give no corners."""

from __future__ import annotations

import cv2
import numpy as np

from stages.vision.boxes import Box, Floats, Image

_HEIGHT = 32  # pixels to which a plate is brought before its slope is measured
_WIDEST = 160
_STEEPEST = 0.4  # height per width: plates seen steeper are not read anyway
_STEPS = 33
_GAIN = 1.1  # how much clearer rows must be along the slope than level, to believe in it
_LEAST_HEIGHT = 0.45  # share of the box that the plate fills at least


def straight(image: Image, box: Box) -> Floats:
    """Corners of a plate in its box on an H×W×3 RGB picture: 4×2, clockwise from the top left.

    Cameras see plates sheared rather than turned: the sides stay upright, top and bottom slope.
    """
    x1, y1, x2, y2 = box
    height = y2 - y1
    rise = slope(_cropped(image, box)) * (x2 - x1)
    rise = float(np.clip(rise, -height * (1 - _LEAST_HEIGHT), height * (1 - _LEAST_HEIGHT)))
    down, up = max(0.0, rise), max(0.0, -rise)
    return np.array([[x1, y1 + up], [x2, y1 + down], [x2, y2 - up], [x1, y2 - down]], np.float32)


def slope(crop: Image) -> float:
    """Height per width by which the lines of a crop (H×W×3 RGB) fall to the right; 0 where none is clear.

    The slope along which rows of the crop differ most from each other: that of its edges and its text.
    """
    if min(crop.shape[:2]) < 4:
        return 0.0
    width = int(np.clip(round(crop.shape[1] / crop.shape[0] * _HEIGHT), 8, _WIDEST))
    grey = cv2.cvtColor(cv2.resize(crop, (width, _HEIGHT), interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
    edges = np.abs(cv2.Sobel(grey, cv2.CV_32F, 0, 1))
    slopes = [float(each) for each in np.linspace(-_STEEPEST, _STEEPEST, _STEPS)]
    clear = [_clearness(edges, each) for each in slopes]
    best = int(np.argmax(np.array(clear)))
    if clear[best] <= _GAIN * clear[_STEPS // 2]:
        return 0.0
    # A very wide crop was made narrower than it was made lower, and its slopes steeper with it.
    high, wide = (int(side) for side in crop.shape[:2])
    return slopes[best] * (width / _HEIGHT) / (wide / high)


def _clearness(edges: Floats, slope: float) -> float:
    """How much the rows of an edge map differ once it is sheared back by a slope."""
    high, wide = edges.shape
    shear = np.array([[1, 0, 0], [-slope, 1, slope * wide / 2]], np.float32)
    level = cv2.warpAffine(edges, shear, (wide, high), flags=cv2.INTER_LINEAR)
    inside = cv2.warpAffine(np.ones_like(edges), shear, (wide, high), flags=cv2.INTER_LINEAR)
    means = level.sum(axis=1) / np.maximum(inside.sum(axis=1), wide / 4)
    return float(np.sum(np.square(np.diff(means))))


def _cropped(image: Image, box: Box) -> Image:
    height, width = image.shape[:2]
    x1, y1 = max(0, int(box[0])), max(0, int(box[1]))
    x2, y2 = min(width, int(np.ceil(box[2]))), min(height, int(np.ceil(box[3])))
    return image[y1 : max(y1 + 1, y2), x1 : max(x1 + 1, x2)]
