"""Small JPEGs: thumbnails, and pictures that must fit a limit."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from stages.sighting import CROP_BYTES

Picture = NDArray[np.uint8]

_SMALLEST = 48  # pixels of the longer side below which a picture is not shrunk further


def encode_jpeg(rgb: Picture, quality: int = 80) -> bytes:
    """The JPEG of an H×W×3 RGB picture."""
    bgr = cv2.cvtColor(np.ascontiguousarray(rgb), cv2.COLOR_RGB2BGR)
    ok, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not ok:
        raise ValueError(f"a picture of {rgb.shape} cannot be written as JPEG")
    return bytes(data.tobytes())


def encode_within(rgb: Picture, limit: int = CROP_BYTES, quality: int = 85) -> bytes:
    """The JPEG of a picture in at most `limit` bytes: quality goes down first, then size.

    Raises ValueError when even a tiny picture does not fit.
    """
    while True:
        for step in (quality, 70, 55, 40):
            data = encode_jpeg(rgb, min(step, quality))
            if len(data) <= limit:
                return data
        height, width = rgb.shape[:2]
        if max(height, width) <= _SMALLEST:
            raise ValueError(f"a picture does not fit into {limit} bytes")
        size = max(1, width * 3 // 4), max(1, height * 3 // 4)
        rgb = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
