"""The seams of plate reading: something that finds plates, something that reads their text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from stages.vision.boxes import Box, Floats, Image
from stages.vision.detector import Detector


class PlateBox(NamedTuple):
    """Where a plate may be.

    `corners`: 4×2, clockwise from the top left; `others` are those that further models gave for the same
    plate. `vouched`: a plate model found it.
    """

    box: Box
    score: float
    corners: Floats
    vouched: bool
    two_lines: bool = False
    others: tuple[Floats, ...] = ()


class PlateText(NamedTuple):
    """What stands on one plate.

    `text` is A-Z and 0-9; `characters` has one confidence (0..1) and `others` the runners-up
    (character, confidence) for each of its places. `raw` keeps spaces and marks as they were read.
    """

    text: str
    characters: tuple[float, ...]
    others: tuple[tuple[tuple[str, float], ...], ...]
    raw: str

    @staticmethod
    def nothing() -> PlateText:
        """Nothing could be read."""
        return PlateText("", (), (), "")

    @property
    def weakest(self) -> float:
        """Confidence of the least certain character; 0 for an empty text."""
        return min(self.characters, default=0.0)


class PlateFinder(Protocol):
    """Finds plates in a full picture."""

    @property
    def detectors(self) -> Sequence[Detector]:
        """The models that it asks."""

    def describe(self) -> list[dict[str, Any]]:
        """Plain JSON for each model in use."""

    def find(self, image: Image, regions: list[Box]) -> list[PlateBox]:
        """Plates in an H×W×3 RGB picture; `regions` are places where looking closer pays (vehicles)."""


class PlateReader(Protocol):
    """Reads the text of cut-out plates. `one_line`: text in two lines is laid side by side for it."""

    one_line: bool

    def describe(self) -> list[dict[str, Any]]:
        """Plain JSON for each model in use."""

    def read(self, crops: list[Image]) -> list[PlateText]:
        """One text per crop (H×W×3 RGB, any size)."""

    def read_views(self, views: list[list[Image]]) -> list[PlateText]:
        """One text per plate, each given as crops of it that differ a little; they are read together."""
