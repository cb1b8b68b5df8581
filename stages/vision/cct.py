"""fast-plate-ocr's CCT models: the text of a plate, made for plates."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from stages.vision.boxes import Floats, Image
from stages.vision.models import ModelFile
from stages.vision.onnx import Session
from stages.vision.plates import PlateText

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_"
_PAD = len(_ALPHABET) - 1
_HEIGHT, _WIDTH = 64, 128
_BATCH = 16
_KEEP_OTHERS = 0.02


class CctReader:
    """Reads the crop of one plate: nine places, each a letter, a digit or nothing."""

    def __init__(self, file: ModelFile, *, threads: int = 0) -> None:
        self._model = file.model
        self._session = Session(file.path, threads=threads, fixed_shape=False)

    def describe(self) -> list[dict[str, Any]]:
        """Name, hash, runtime and provider."""
        return [
            {
                "model": self._model.name,
                "sha256": self._model.sha256,
                "runtime": "onnx",
                "provider": self._session.provider,
            }
        ]

    def read(self, crops: list[Image]) -> list[PlateText]:
        """One text per crop (H×W×3 RGB)."""
        texts: list[PlateText] = []
        for start in range(0, len(crops), _BATCH):
            part = crops[start : start + _BATCH]
            batch = np.stack([cv2.resize(crop, (_WIDTH, _HEIGHT)) for crop in part])
            texts += [decode(places) for places in self._session.run(batch)[0]]
        return texts


def decode(places: Floats) -> PlateText:
    """9×37 probabilities to a text; padding drops out."""
    text, characters, others = "", [], []
    for row in places:
        order = [int(i) for i in np.argsort(-row, kind="stable")[:4]]
        if order[0] == _PAD:
            continue
        text += _ALPHABET[order[0]]
        characters.append(min(1.0, float(row[order[0]])))
        others.append(
            tuple((_ALPHABET[i], float(row[i])) for i in order[1:] if i != _PAD and row[i] >= _KEEP_OTHERS)
        )
    return PlateText(text, tuple(characters), tuple(others), text)
