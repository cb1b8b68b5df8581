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
        return [decode(places) for places in self._places(crops)]

    def read_views(self, views: list[list[Image]]) -> list[PlateText]:
        """One text per plate: the mean of what each crop of it says about each of the nine places."""
        places = self._places([crop for crops in views for crop in crops])
        ends = np.cumsum([len(crops) for crops in views])
        return [decode(part.mean(axis=0)) for part in np.split(places, ends[:-1])] if views else []

    def _places(self, crops: list[Image]) -> Floats:
        """N×9×37 probabilities."""
        found = [np.zeros((0, 9, len(_ALPHABET)), np.float32)]
        for start in range(0, len(crops), _BATCH):
            batch = np.stack([_input(crop) for crop in crops[start : start + _BATCH]])
            found.append(self._session.run(batch)[0])
        return np.concatenate(found)


def _input(crop: Image) -> Image:
    how = cv2.INTER_AREA if crop.shape[1] > _WIDTH else cv2.INTER_LINEAR
    small: Image = cv2.resize(crop, (_WIDTH, _HEIGHT), interpolation=how)
    return small


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
