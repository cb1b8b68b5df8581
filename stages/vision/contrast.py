"""Pictures in which dark parts show as much as bright ones."""

from __future__ import annotations

import cv2
import numpy as np

from stages.vision.boxes import Image

_CLIP = 4.0  # times the mean count up to which one brightness stretches the others apart: more shows noise
_PARTS = 8  # of a picture's width and height, each stretched by itself


def evened(image: Image) -> Image:
    """H×W×3 RGB with its brightness stretched part by part (CLAHE), its colours kept."""
    lab = cv2.cvtColor(image, cv2.COLOR_RGB2LAB)
    lab[:, :, 0] = cv2.createCLAHE(_CLIP, (_PARTS, _PARTS)).apply(np.ascontiguousarray(lab[:, :, 0]))
    out: Image = cv2.cvtColor(lab, cv2.COLOR_LAB2RGB)
    return out
