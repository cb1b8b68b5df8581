"""The two ways in which plates are found: by a plate model, and by the text detector that is always there."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import cv2
import numpy as np

from stages.vision.boxes import Box, Image, as_box, grow, iou, overlap
from stages.vision.deskew import straight
from stages.vision.detector import PLATE2, Detections, Detector
from stages.vision.plates import PlateBox
from stages.vision.textfinder import TextFinder

#: x1, y1, x2, y2 of a part of a picture, whole pixels.
Part = tuple[int, int, int, int]

_TILE_OVERLAP = 0.2
_MARGIN = 0.1  # of a vehicle's box, so that a plate at its edge is seen whole
_SAME = 0.4  # overlap from which two finds of different tiles are one
_ANGLE = 0.6  # height per width of a line's slope: steeper text is no plate
_FARTHER, _CLOSER = 0.6, 1.5  # how large the smaller and the larger picture are in which text is sought too
_NEAR_HEIGHT = 40.0  # pixels of height to which a line is enlarged
_MOST_NEAR = 12  # lines looked at from near
_SURE = 0.6  # score from which a photo's plate counts as found, and nobody looks closer


class PlateModel(Detector, Protocol):
    """A detector of plates (labels `detector.PLATE` and `PLATE2`), with corners or without."""

    @property
    def size(self) -> int:
        """The longer side of its input in pixels: a larger picture is looked at closer, too."""


class ModelFinder:
    """Plates by plate models: once over the whole picture, then closer over vehicles or tiles.

    `thorough` (for photos) asks every model about everything, keeps what each of them said about one plate
    (`PlateBox.others`), and where that finds no sure plate, looks closer still and from farther away.
    Otherwise the first model alone is asked.
    """

    def __init__(self, *detectors: PlateModel, thorough: bool = False) -> None:
        self._detectors = detectors if thorough else detectors[:1]
        self._thorough = thorough

    @property
    def detectors(self) -> tuple[PlateModel, ...]:
        """The plate models that are asked."""
        return self._detectors

    def describe(self) -> list[dict[str, Any]]:
        """The plate models in use."""
        return [detector.describe() for detector in self._detectors]

    def find(self, image: Image, regions: list[Box]) -> list[PlateBox]:
        """Plates with corners."""
        height, width = image.shape[:2]
        whole = (0, 0, width, height)
        if not self._thorough:
            closer = max(width, height) > self._detectors[0].size
            parts = (_closer(regions, width, height) if regions else _tiles(width, height)) if closer else []
            return _unique([find.plate for find in self._in(image, [whole, *parts])])
        found = self._in(image, [whole, *(part for part in _tiles(width, height) if part != whole)])
        if max((find.plate.score for find in found), default=0.0) < _SURE:
            found += self._in(image, _tiles(width, height, max(width, height) // 2))
            found += self._from_afar(image)
        return _together(found)

    def _in(self, image: Image, parts: list[Part]) -> list[_Find]:
        found: list[_Find] = []
        # Parts of one size go together: some models take several at once.
        sizes: dict[tuple[int, int], list[Part]] = {}
        for part in parts:
            sizes.setdefault((part[2] - part[0], part[3] - part[1]), []).append(part)
        for alike in sizes.values():
            crops = [image[y1:y2, x1:x2] for x1, y1, x2, y2 in alike]
            batch = np.stack(crops) if len(crops) > 1 else np.ascontiguousarray(crops[0][None])
            for number, detector in enumerate(self._detectors):
                for (x, y, _, _), each in zip(alike, detector.detect(batch), strict=True):
                    found += [_Find(plate, number) for plate in _plates(each, image, x, y)]
        return found

    def _from_afar(self, image: Image) -> list[_Find]:
        """In a picture of twice the size: what fills the photo is then as small as plates mostly are."""
        height, width = image.shape[:2]
        top, left = height // 2, width // 2
        framed = np.zeros((2 * height, 2 * width, 3), np.uint8)
        framed[top : top + height, left : left + width] = image
        found = self._in(framed, [(0, 0, 2 * width, 2 * height)])
        return [_Find(_moved(find.plate, -left, -top), find.by) for find in found]


class _Find(NamedTuple):
    """A plate and the number of the detector that found it."""

    plate: PlateBox
    by: int


def _moved(plate: PlateBox, x: float, y: float) -> PlateBox:
    corners = (plate.corners + np.array([x, y])).astype(np.float32)
    return plate._replace(box=_shift(plate.box, x, y), corners=corners)


def _together(found: list[_Find]) -> list[PlateBox]:
    """Each plate once, as the surest find saw it, with the corners that the other detectors gave."""
    groups: list[list[_Find]] = []
    for find in sorted(found, key=lambda f: (-f.plate.score, f.by, f.plate.box)):
        for group in groups:
            if iou(find.plate.box, group[0].plate.box) >= _SAME:
                if find.by not in [other.by for other in group]:
                    group.append(find)
                break
        else:
            groups.append([find])
    return [g[0].plate._replace(others=tuple(f.plate.corners for f in g[1:])) for g in groups]


class TextPlates:
    """Lines of text that have the shape of a plate. In small pictures text is sought enlarged.

    `thorough` (for photos) also looks at a smaller picture, in which seals and dots do not part a plate, at a
    larger one, and at each line once more from near; what each look outlined is kept (`PlateBox.others`).
    """

    def __init__(self, detector: TextFinder, *, thorough: bool = False) -> None:
        self._detector = detector
        self._thorough = thorough

    @property
    def detectors(self) -> tuple[Detector, ...]:
        """The text detector."""
        return (self._detector,)

    def describe(self) -> list[dict[str, Any]]:
        """The text detector."""
        return [self._detector.describe()]

    def find(self, image: Image, regions: list[Box]) -> list[PlateBox]:
        """Lines with corners; only in and around `regions` where there are any."""
        height, width = image.shape[:2]
        parts = _closer(regions, width, height) if regions and not self._thorough else [(0, 0, width, height)]
        enlarge = self._detector.enlargement(image)
        found = [line for part in parts for line in self._lines(image, part, enlarge)]
        if not self._thorough:
            return _unique(found)
        finds = [_Find(line, 0) for line in found]
        seen = self._detector.scale(image)
        finds += [_Find(line, 1) for line in self._lines(image, parts[0], seen * _FARTHER)]
        side = int(self._detector.longest / (seen * _CLOSER))
        closer = parts if max(width, height) <= side else _tiles(width, height, side)
        finds += [_Find(line, 2) for part in closer for line in self._lines(image, part, seen * _CLOSER)]
        finds += [_Find(line, 3) for line in self._nearer(image, _together(finds))]
        return _together(finds)

    def _lines(self, image: Image, part: Part, enlarge: float) -> list[PlateBox]:
        x1, y1, x2, y2 = part
        lines = self._detector.lines(np.ascontiguousarray(image[y1:y2, x1:x2]), enlarge)
        return [
            PlateBox(
                _shift(as_box(box), x1, y1), float(score), corners + np.array([x1, y1], np.float32), False
            )
            for box, score, corners in _rows(lines)
            if _level(corners)
        ]

    def _nearer(self, image: Image, plates: list[PlateBox]) -> list[PlateBox]:
        """The small ones among these lines, as they are outlined in an enlarged part of the picture."""
        height, width = image.shape[:2]
        found: list[PlateBox] = []
        for plate in plates[:_MOST_NEAR]:
            x1, y1, x2, y2 = plate.box
            if y2 - y1 >= _NEAR_HEIGHT:
                continue
            across, down = (x2 - x1) * 0.5, (y2 - y1) * 1.5
            part = grow((x1 - across, y1 - down, x2 + across, y2 + down), 0.0, width, height)
            lines = self._lines(image, part, _NEAR_HEIGHT / max(8.0, plate_height(plate)))
            found += [line for line in lines if iou(line.box, plate.box) >= _SAME / 2]
        return found


def _rows(found: Detections) -> list[tuple[Any, Any, Any]]:
    if found.corners is None:
        return []
    return list(zip(found.boxes, found.scores, found.corners, strict=True))


def _plates(found: Detections, image: Image, x: int, y: int) -> list[PlateBox]:
    """What was found in the part that begins at x, y; a box without corners is straightened."""
    plates = []
    for number, label in enumerate(found.labels):
        box = _shift(as_box(found.boxes[number]), x, y)
        if found.corners is None:
            corners = straight(image, box)
        else:
            corners = found.corners[number] + np.array([x, y], np.float32)
        plates.append(PlateBox(box, float(found.scores[number]), corners, True, label == PLATE2))
    return plates


def _shift(box: Box, x: float, y: float) -> Box:
    return box[0] + x, box[1] + y, box[2] + x, box[3] + y


def _level(corners: Any) -> bool:
    """Whether a line of text is about horizontal and wider than high."""
    across, down = corners[1] - corners[0], corners[3] - corners[0]
    return bool(np.hypot(*across) > np.hypot(*down) and abs(across[1]) <= _ANGLE * abs(across[0]))


def _closer(regions: list[Box], width: int, height: int) -> list[Part]:
    """The regions with a margin; those that lie in another are left out."""
    grown = [grow(box, _MARGIN, width, height) for box in regions]
    kept: list[Part] = []
    for box in sorted(grown, key=lambda b: (-(b[2] - b[0]) * (b[3] - b[1]), b)):
        if not any(overlap(box, other) >= 0.9 * (box[2] - box[0]) * (box[3] - box[1]) for other in kept):
            kept.append(box)
    return kept


def _tiles(width: int, height: int, side: int = 0) -> list[Part]:
    """Overlapping square tiles, as wide as the picture's shorter side unless told."""
    side = min(width, height, side or width)
    step = side * (1 - _TILE_OVERLAP)
    across = max(1, int(np.ceil((width - side) / step)) + 1)
    down = max(1, int(np.ceil((height - side) / step)) + 1)
    return [
        (round(x), round(y), round(x) + side, round(y) + side)
        for y in np.linspace(0, height - side, down)
        for x in np.linspace(0, width - side, across)
    ]


def _unique(found: list[PlateBox]) -> list[PlateBox]:
    """Each plate once: of finds that overlap much, the one that is surest."""
    kept: list[PlateBox] = []
    for plate in sorted(found, key=lambda p: (-p.score, p.box)):
        if all(iou(plate.box, other.box) < _SAME for other in kept):
            kept.append(plate)
    return kept


def cut_out(image: Image, plate: PlateBox, margin: float = 0.0, down: float | None = None) -> Image:
    """The plate seen straight on, as an H×W×3 picture.

    `margin` of its width is kept on each side, and `down` (else the same) of its height above and below.
    """
    corners = plate.corners.astype(np.float32)
    if margin or down:
        across = (corners[1] + corners[2] - corners[0] - corners[3]) / 2 * margin
        upright = (corners[2] + corners[3] - corners[0] - corners[1]) / 2 * (margin if down is None else down)
        corners = corners + np.array([-1, 1, 1, -1])[:, None] * across
        corners = (corners + np.array([-1, -1, 1, 1])[:, None] * upright).astype(np.float32)
    width = max(np.hypot(*(corners[1] - corners[0])), np.hypot(*(corners[2] - corners[3])))
    height = max(np.hypot(*(corners[3] - corners[0])), np.hypot(*(corners[2] - corners[1])))
    w, h = max(4, round(float(width))), max(4, round(float(height)))
    target = np.array([[0, 0], [w, 0], [w, h], [0, h]], np.float32)
    turn = cv2.getPerspectiveTransform(np.ascontiguousarray(corners, np.float32), target)
    out: Image = cv2.warpPerspective(image, turn, (w, h), borderMode=cv2.BORDER_REPLICATE)
    return out


def plate_height(plate: PlateBox) -> float:
    """How high the plate's text area is in pixels, whatever its slope."""
    left, right = plate.corners[3] - plate.corners[0], plate.corners[2] - plate.corners[1]
    return float(np.hypot(*left) + np.hypot(*right)) / 2


def sharpness(crop: Image) -> float:
    """Variance of the Laplacian of the crop at a height of 32 pixels: low for a smear, whatever its size."""
    grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
    width = max(8, round(grey.shape[1] * 32 / grey.shape[0]))
    return float(cv2.Laplacian(cv2.resize(grey, (width, 32), interpolation=cv2.INTER_AREA), cv2.CV_64F).var())
