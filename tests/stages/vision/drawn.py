"""Pictures with plates drawn on them, for tests of what looks at whole pictures."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Placed = tuple[str, tuple[int, int], int]


def drawn(
    size: tuple[int, int], *texts: Placed
) -> tuple[NDArray[np.uint8], tuple[float, float, float, float]]:
    """A grey picture (width, height) with each text (what, where its left top is, font size in pixels) in black
    on a white panel; and the box around the last text."""
    picture = Image.new("RGB", size, (96, 100, 104))
    draw = ImageDraw.Draw(picture)
    box = (0.0, 0.0, 0.0, 0.0)
    for what, at, height in texts:
        font = ImageFont.load_default(height)
        x1, y1, x2, y2 = draw.textbbox(at, what, font)
        pad = height / 3
        draw.rectangle((x1 - pad, y1 - pad, x2 + pad, y2 + pad), (240, 240, 236), (20, 20, 20), 2)
        draw.text(at, what, (16, 16, 20), font)
        box = (x1, y1, x2, y2)
    return np.asarray(picture, np.uint8), box
