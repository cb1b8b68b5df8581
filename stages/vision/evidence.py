"""The best picture of each plate text, kept while the frames pass by."""

from __future__ import annotations

from typing import NamedTuple

from stages.video.jpeg import encode_jpeg, encode_within
from stages.vision.boxes import Image, grow
from stages.vision.consensus import worth_showing
from stages.vision.looks import Read

_AROUND = 0.75  # of the plate's size, kept on each side of it
_MAX_TEXTS = 4000
_QUALITY = 92


class Crop(NamedTuple):
    """A plate with its surroundings, as JPEG: full resolution, and small enough for the catalogue."""

    full: bytes
    small: bytes


class Evidence:
    """For each plate text the crop of the read that shows it best. Holds JPEGs, never frames."""

    def __init__(self) -> None:
        self._crops: dict[str, tuple[tuple[float, int], Crop]] = {}

    def add(self, image: Image, read: Read) -> None:
        """Offer the frame (H×W×3 RGB) that a read was made on."""
        worth = worth_showing(read)
        known = self._crops.get(read.plate)
        if (known and known[0] >= worth) or (known is None and len(self._crops) >= _MAX_TEXTS):
            return
        height, width = image.shape[:2]
        x1, y1, x2, y2 = grow(read.box, _AROUND, width, height)
        part = image[y1:y2, x1:x2]
        self._crops[read.plate] = worth, Crop(encode_jpeg(part, _QUALITY), encode_within(part))

    def best(self, plate: str) -> Crop | None:
        """The crop to show for a text; None when that text was never read as such."""
        known = self._crops.get(plate)
        return known[1] if known else None
