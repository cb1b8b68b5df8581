"""Of texts that lie in one another, the one that is the plate."""

from __future__ import annotations

from stages.vision import looks
from stages.vision.boxes import Box, area, overlap
from stages.vision.grammar import plausible
from stages.vision.looks import Look

_INSIDE = 0.6  # share of a find that lies in another one from which only one of them is a plate


def apart(spots: list[Look]) -> list[Look]:
    """Of reads that lie in one another only the weightiest: a part of a plate is none.

    What was not read because its plate is known goes before every read.
    """
    kept: list[Look] = []
    for spot in sorted(spots, key=_weightiest):
        if not any((o.read or o.reason == looks.SETTLED) and _inside(spot.box, o.box) for o in kept):
            kept.append(spot)
    return [spot for spot in spots if spot in kept]


def whole(spots: list[Look], regions: tuple[str, ...] = ()) -> list[Look]:
    """Without the lines that show a part of a plate which another line shows all of: 5764 of OZU5764.

    The part may be the sharper of the two. Where a plate model found a plate, its word counts.
    """
    return [spot for spot in spots if not any(_part(spot, other, regions) for other in spots)]


def _part(spot: Look, other: Look, regions: tuple[str, ...]) -> bool:
    part, all_ = spot.read, other.read
    if part is None or all_ is None or part.vouched or len(part.plate) >= len(all_.plate):
        return False
    if part.plate not in all_.plate or not _inside(spot.box, other.box):
        return False
    return plausible(all_.plate, regions) and not plausible(part.plate, regions)


def _weightiest(spot: Look) -> tuple[bool, float]:
    return spot.reason != looks.SETTLED, -spot.read.weight if spot.read else 0.0


def _inside(a: Box, b: Box) -> bool:
    return overlap(a, b) >= _INSIDE * min(area(a), area(b))
