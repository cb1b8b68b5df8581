"""HyperLPR3's y5fu: plates with their four corners."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from stages.vision.boxes import Floats, Letterbox, letterbox, suppress
from stages.vision.detector import PLATE, PLATE2, Detections, Images
from stages.vision.models import ModelFile
from stages.vision.onnx import Session


class HyperLpr:
    """A y5fu model. `detect` gives boxes, corners (clockwise from the top left) and one or two lines."""

    def __init__(
        self,
        file: ModelFile,
        *,
        threads: int = 0,
        score: float = 0.2,
        models: Path | None = None,
        half: bool = False,
    ) -> None:
        self._model = file.model
        self._session = Session(file, threads=threads, models=models, half=half)
        self._score = score

    @property
    def size(self) -> int:
        """The side of the model's square input in pixels."""
        return self._model.size

    def describe(self) -> dict[str, Any]:
        """Name, hash, runtime and provider."""
        return self._session.describe(self._model)

    @property
    def notice(self) -> str:
        """What a person should know about where it runs; "" = as wished."""
        return self._session.notice

    def detect(self, images: Images) -> list[Detections]:
        """Plates in each image."""
        return [self._one(image) for image in images]

    def _one(self, image: Images) -> Detections:
        square = letterbox(image, self._model.size, fill=0, centre=True)
        batch = square.image.transpose(2, 0, 1)[None].astype(np.float32) / 255
        return self._decode(self._session.run(batch)[0][0], square)

    def _decode(self, rows: Floats, square: Letterbox) -> Detections:
        """`rows`: N×15 of centre and size, objectness, 4 corners, 2 classes; all in pixels of the square."""
        classes = rows[:, 13:15].argmax(axis=1)
        scores = rows[:, 4] * rows[np.arange(len(rows)), 13 + classes]
        chosen = scores >= self._score
        if not chosen.any():
            return Detections.none()
        rows, classes, scores = rows[chosen], classes[chosen], scores[chosen]
        half = rows[:, 2:4] / 2
        spans = np.stack([rows[:, :2] - half, rows[:, :2] + half], axis=1)
        boxes = square.restore(spans).reshape(-1, 4)
        corners = square.restore(rows[:, 5:13].reshape(-1, 4, 2))
        kept = suppress(boxes, scores)
        return Detections(
            boxes[kept],
            [PLATE2 if classes[i] else PLATE for i in kept],
            np.clip(scores[kept], 0, 1).astype(np.float32),
            corners[kept],
        )
