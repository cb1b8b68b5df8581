"""NanoDet: a small detector of vehicles and everything else of COCO."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from stages.vision.boxes import Floats, Letterbox, letterbox, suppress
from stages.vision.coco import COCO80
from stages.vision.detector import Detections, Images
from stages.vision.models import ModelFile
from stages.vision.onnx import Array, Session

_STRIDES = (8, 16, 32)
_BINS = 8  # each distance is a distribution over 0..7 strides
# The model was trained on BGR with these means and deviations.
_MEAN = np.array([103.53, 116.28, 123.675], np.float32)
_STD = np.array([57.375, 57.12, 58.395], np.float32)
_CLASS_GAP = 10_000


class Nanodet:
    """A NanoDet-m model: three class maps and three distance maps."""

    def __init__(
        self,
        file: ModelFile,
        *,
        threads: int = 0,
        score: float = 0.35,
        models: Path | None = None,
        half: bool = False,
    ) -> None:
        self._model = file.model
        self._session = Session(file, threads=threads, models=models, half=half)
        self._score = score

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
        square = letterbox(image, self._model.size, fill=0, centre=False)
        batch = ((square.image[:, :, ::-1] - _MEAN) / _STD).transpose(2, 0, 1)[None].astype(np.float32)
        return self._decode(self._session.run(batch), square)

    def _decode(self, outputs: list[Array], square: Letterbox) -> Detections:
        levels = [
            _level(classmap[0], distances[0], stride, self._model.size, self._score)
            for stride, classmap, distances in zip(_STRIDES, outputs[:3], outputs[3:], strict=True)
        ]
        boxes = square.restore(np.concatenate([corners for corners, _, _ in levels])).reshape(-1, 4)
        score = np.concatenate([scores for _, scores, _ in levels]).astype(np.float32)
        label = np.concatenate([classes for _, _, classes in levels])
        if not len(score):
            return Detections.none()
        kept = suppress(boxes + label[:, None] * _CLASS_GAP, score)
        return Detections(boxes[kept], [COCO80[int(label[i])] for i in kept], score[kept])


def _level(
    classmap: Floats, distances: Floats, stride: int, size: int, threshold: float
) -> tuple[Floats, Floats, Array]:
    """Corners (K×2×2), scores and classes of one map (cells×80 and cells×32)."""
    side = -(-size // stride)
    label = classmap.argmax(axis=1)
    score = classmap[np.arange(len(classmap)), label]
    chosen = np.flatnonzero(score >= threshold)
    spread = distances[chosen].reshape(-1, 4, _BINS)
    spread = np.exp(spread - spread.max(axis=2, keepdims=True))
    reach = (spread / spread.sum(axis=2, keepdims=True)) @ np.arange(_BINS, dtype=np.float32) * stride
    # Cells are laid out row by row; the point they speak of is the cell's middle.
    middle = (np.stack([chosen % side, chosen // side], axis=1) + 0.5) * stride
    corners = np.stack([middle - reach[:, :2], middle + reach[:, 2:]], axis=1)
    return corners.astype(np.float32), score[chosen], label[chosen]
