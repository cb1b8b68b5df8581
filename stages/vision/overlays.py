"""Text that the camera itself wrote into the picture: maker, date, speed, its own dashboard's edge.

Such text stands at the picture's upper or lower edge and does not move by a pixel while everything else does.
"""

from __future__ import annotations

from collections.abc import Sequence

from stages.vision.boxes import Box, centre, iou
from stages.vision.looks import Look

_EDGE = 0.12  # share of the picture's height at its top and bottom
_STILL = 0.6  # overlap from which a box did not move
_LEAST = 4  # looks
_SHARE = 0.2  # of all pictures


def without_overlays(looks: Sequence[Look], pictures: int, height: int) -> tuple[list[Look], int]:
    """The looks without those at burned-in text, and how many were left out.

    `pictures`: how many pictures were looked at; `height`: of a picture in pixels.
    """
    groups: list[tuple[Box, set[int]]] = []
    for look in looks:
        if not _at_edge(look, height):
            continue
        for box, frames in groups:
            if iou(box, look.box) >= _STILL:
                frames.add(look.frame)
                break
        else:
            groups.append((look.box, {look.frame}))
    enough = max(_LEAST, _SHARE * pictures)
    static = [box for box, frames in groups if len(frames) >= enough]
    kept = [
        look
        for look in looks
        if not (_at_edge(look, height) and any(iou(box, look.box) >= _STILL for box in static))
    ]
    return kept, len(looks) - len(kept)


def _at_edge(look: Look, height: int) -> bool:
    if look.label != "plate":
        return False
    middle = centre(look.box)[1]
    return middle < _EDGE * height or middle > (1 - _EDGE) * height
