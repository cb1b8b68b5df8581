"""YOLOX: vehicles and everything else of COCO."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from stages.vision.boxes import Floats, Letterbox, letterbox, suppress
from stages.vision.coco import COCO80
from stages.vision.detector import Detections, Images
from stages.vision.models import ModelFile
from stages.vision.onnx import Session

_STRIDES = (8, 16, 32)
_CLASS_GAP = 10_000  # boxes of different classes are moved apart, so that they do not suppress each other


class Yolox:
    """A YOLOX model (raw grid output). Boxes score objectness times class probability."""

    def __init__(
        self,
        file: ModelFile,
        *,
        threads: int = 0,
        score: float = 0.3,
        models: Path | None = None,
        half: bool = False,
    ) -> None:
        self._model = file.model
        self._session = Session(file, threads=threads, models=models, half=half)
        self._score = score
        self._grid, self._stride = _grid(file.model.size)

    def describe(self) -> dict[str, Any]:
        """Name, hash, runtime and provider."""
        return self._session.describe(self._model)

    @property
    def notice(self) -> str:
        """What a person should know about where it runs; "" = as wished."""
        return self._session.notice

    def detect(self, images: Images) -> list[Detections]:
        """Vehicles, people, ... in each image."""
        return [self._one(image) for image in images]

    def _one(self, image: Images) -> Detections:
        square = letterbox(image, self._model.size, fill=114, centre=False)
        batch = square.image[:, :, ::-1].transpose(2, 0, 1)[None].astype(np.float32)
        return self._decode(self._session.run(batch)[0][0], square)

    def _decode(self, rows: Floats, square: Letterbox) -> Detections:
        """`rows`: N×85 of centre offset, log size, objectness, 80 classes."""
        classes = rows[:, 5:].argmax(axis=1)
        scores = rows[:, 4] * rows[np.arange(len(rows)), 5 + classes]
        chosen = scores >= self._score
        if not chosen.any():
            return Detections.none()
        rows, classes, scores = rows[chosen], classes[chosen], scores[chosen]
        grid, stride = self._grid[chosen], self._stride[chosen]
        middle = (rows[:, :2] + grid) * stride
        half = np.exp(np.clip(rows[:, 2:4], -10, 10)) * stride / 2
        corners = np.stack([middle - half, middle + half], axis=1)
        boxes = square.restore(corners).reshape(-1, 4)
        kept = suppress(boxes + classes[:, None] * _CLASS_GAP, scores)
        return Detections(
            boxes[kept],
            [COCO80[int(classes[i])] for i in kept],
            np.clip(scores[kept], 0, 1).astype(np.float32),
        )


def _grid(size: int) -> tuple[Floats, Floats]:
    """The cell (x, y) and the stride of each output row, in the model's order."""
    cells, strides = [], []
    for stride in _STRIDES:
        side = size // stride
        y, x = np.mgrid[:side, :side]
        cells.append(np.stack([x.ravel(), y.ravel()], axis=1))
        strides.append(np.full((side * side, 1), stride))
    return np.concatenate(cells).astype(np.float32), np.concatenate(strides).astype(np.float32)
