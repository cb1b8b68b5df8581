"""Hand-made reads and looks for the tests of grammar, tracking and consensus."""

from __future__ import annotations

from stages.vision.grammar import best
from stages.vision.looks import READ, Look, Read
from stages.vision.plates import PlateText


def text(value: str, certain: float = 0.95) -> PlateText:
    """A text as a reader would give it, each character equally certain."""
    return PlateText(value, (certain,) * len(value), ((),) * len(value), value)


def read(
    value: str,
    frame: int = 0,
    *,
    certain: float = 0.95,
    box: tuple[float, float, float, float] = (100.0, 100.0, 200.0, 125.0),
    vouched: bool = False,
    height: float = 25.0,
    sharpness: float = 300.0,
) -> Read:
    """One read at 4 frames per second."""
    said = text(value, certain)
    return Read(frame, frame / 4, said, best(said), box, 0.9, height, sharpness, vouched)


def look(
    value: str | None,
    frame: int,
    x: float,
    y: float = 100.0,
    *,
    width: float = 100.0,
    label: str = "plate",
) -> Look:
    """One look at an object whose left edge is at x; `value` is what its plate was read as."""
    box = (x, y, x + width, y + width / 4)
    found = read(value, frame, box=box) if value else None
    return Look(frame, frame / 4, box, label, READ if found else "no plate seen", found)
