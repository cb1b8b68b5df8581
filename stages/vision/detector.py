"""The detector seam: a batch of images in; boxes, labels and scores out."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

Images = NDArray[np.uint8]

#: Labels of plates: with one line of text, and with two.
PLATE, PLATE2 = "plate", "plate_two_lines"


class Detections(NamedTuple):
    """What was found in one image, best first.

    `boxes`: K×4 float32, x1 y1 x2 y2 in pixels of the image that was given. `labels`: K names
    ("car", "plate"). `scores`: K float32 in 0..1. `corners`: K×4×2 float32 (clockwise from the top left
    of the object) where the model gives them, else None.
    """

    boxes: NDArray[np.float32]
    labels: list[str]
    scores: NDArray[np.float32]
    corners: NDArray[np.float32] | None = None

    @staticmethod
    def none() -> Detections:
        """Nothing found."""
        return Detections(np.zeros((0, 4), np.float32), [], np.zeros(0, np.float32))


class Detector(Protocol):
    """Something that finds objects. `describe` names model, hash and runtime for result keys and metadata."""

    def describe(self) -> dict[str, Any]:
        """Plain JSON: at least `model` and `runtime`."""

    def detect(self, images: Images) -> list[Detections]:
        """One `Detections` per image of an N×H×W×3 RGB uint8 batch."""
