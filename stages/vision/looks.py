"""What one look at one object gave."""

from __future__ import annotations

from typing import NamedTuple

from stages.vision.boxes import Box
from stages.vision.grammar import Reading
from stages.vision.plates import PlateText


class Read(NamedTuple):
    """One OCR result on one look at a plate.

    `reading` is the likeliest way to understand `text`; `box` lies around the plate in pixels of the full
    frame; `score` is the plate finder's (0..1); `height` is the plate's in pixels; `vouched`: a plate model,
    not just a text detector, found it; `cut`: it touches the picture's edge, so some of it may be missing.
    """

    frame: int
    seconds: float
    text: PlateText
    reading: Reading
    box: Box
    score: float
    height: float
    sharpness: float
    vouched: bool
    cut: bool = False

    @property
    def plate(self) -> str:
        """The likeliest plate."""
        return self.reading.plate

    @property
    def weight(self) -> float:
        """How much this read counts in a vote: weakest character x finder's score x size."""
        return max(1e-6, self.text.weakest * self.score * min(1.0, max(0.1, self.height / 24)))


class Glimpse(NamedTuple):
    """A plate that was found and gave no read: where, how high in pixels, and what the reader made of it.

    `sharpness` is the variance of the Laplacian, None where the plate was too small to measure it.
    """

    box: Box
    height: float
    sharpness: float | None = None
    text: str = ""


class Look(NamedTuple):
    """One object in one frame. `label` is "plate" or the vehicle's; `reason` says how the look ended.

    `glimpse` is there where a plate was found and not read.
    """

    frame: int
    seconds: float
    box: Box
    label: str
    reason: str
    read: Read | None = None
    glimpse: Glimpse | None = None

    @property
    def plate_box(self) -> Box | None:
        """Where the plate is, pixels of the full frame; None where none was seen."""
        if self.read or self.glimpse:
            return self.read.box if self.read else self.glimpse.box if self.glimpse else None
        return self.box if self.label == "plate" else None


#: How a look can end.
READ = "read"
NO_PLATE = "no plate seen"
TOO_SMALL = "too small"
BLURRED = "blurred"
UNREADABLE = "not readable"
SETTLED = "not read: vote was settled"
