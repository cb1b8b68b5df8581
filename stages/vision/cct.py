"""fast-plate-ocr's models: the text of a plate, made for plates."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from stages.vision.boxes import Floats, Image
from stages.vision.models import ModelFile
from stages.vision.named import NamedModel
from stages.vision.onnx import Session
from stages.vision.plateconfig import PlateConfig, plate_config, plate_output
from stages.vision.plates import PlateText
from stages.vision.symbols import plain

_BATCH = 16
_KEEP_OTHERS = 0.02
_HOW = {
    "nearest": cv2.INTER_NEAREST,
    "linear": cv2.INTER_LINEAR,
    "cubic": cv2.INTER_CUBIC,
    "area": cv2.INTER_AREA,
    "lanczos4": cv2.INTER_LANCZOS4,
}


class CctReader:
    """Reads the crop of one plate: a few places, nine mostly, each a letter, a digit or nothing.

    A model of the user's own has its configuration beside it (`plateconfig`). The package fast-plate-ocr is
    not needed. Raises `StageFailed` when the model cannot be loaded or does not fit its configuration.
    """

    one_line = False

    def __init__(self, file: ModelFile | NamedModel, *, threads: int = 0) -> None:
        self._file = file
        self._session = Session(file, threads=threads, fixed_shape=False)
        self._config = plate_config(file.path, self._session)
        self._output = self._session.outputs.index(plate_output(self._session))
        self._symbols = symbols(self._config)
        self._batch = self._session.picture.shape[0] or _BATCH

    @property
    def notice(self) -> str:
        """What a person should know about where it runs; "" = as wished."""
        return self._session.notice

    def describe(self) -> list[dict[str, Any]]:
        """Name, hash, runtime and provider."""
        if isinstance(self._file, ModelFile):
            return [self._session.describe(self._file.model)]
        return [self._session.describe(self._file) | {"alphabet": self._config.alphabet}]

    def read(self, crops: list[Image]) -> list[PlateText]:
        """One text per crop (H×W×3 RGB)."""
        return [decode(places, self._symbols) for places in self._places(crops)]

    def read_views(self, views: list[list[Image]]) -> list[PlateText]:
        """One text per plate: the mean of what each crop of it says about each of the places."""
        places = self._places([crop for crops in views for crop in crops])
        ends = np.cumsum([len(crops) for crops in views])
        parts = np.split(places, ends[:-1]) if views else []
        return [decode(part.mean(axis=0), self._symbols) for part in parts]

    def _places(self, crops: list[Image]) -> Floats:
        """N×places×characters probabilities."""
        shape = -1, self._config.max_plate_slots, len(self._config.alphabet)
        found = [np.zeros((0, *shape[1:]), np.float32)]
        for start in range(0, len(crops), self._batch):
            part = [as_input(crop, self._config) for crop in crops[start : start + self._batch]]
            # A model of fixed batches wants them full.
            full = part + part[-1:] * (self._batch - len(part) if self._session.picture.shape[0] else 0)
            found.append(self._session.run(np.stack(full))[self._output].reshape(shape)[: len(part)])
        return np.concatenate(found)


def as_input(crop: Image, config: PlateConfig) -> Image:
    """A crop (H×W×3 RGB) as the model takes it: H×W×3, or H×W×1 grey."""
    if config.image_color_mode == "grayscale":
        crop = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
    width, height = config.img_width, config.img_height
    if config.keep_aspect_ratio:
        scale = min(width / crop.shape[1], height / crop.shape[0])
        width, height = (max(1, round(side * scale)) for side in (crop.shape[1], crop.shape[0]))
    small = cv2.resize(crop, (width, height), interpolation=_HOW[_how(config, shrinks=crop.shape[1] > width)])
    if config.keep_aspect_ratio:
        across, down = config.img_width - width, config.img_height - height
        around = (down // 2, down - down // 2, across // 2, across - across // 2)
        given = config.padding_color
        colour = given if isinstance(given, tuple) else (given,) * 3
        small = cv2.copyMakeBorder(small, *around, cv2.BORDER_CONSTANT, value=colour)
    out: Image = small.reshape(config.img_height, config.img_width, -1)
    return out


def _how(config: PlateConfig, *, shrinks: bool) -> str:
    """How to resize. For "linear", which is what they all say, there is better.

    What is made much smaller is averaged, so that no stroke falls between two pixels; small plates are
    enlarged by Lanczos, with which three more in a hundred were read right.
    """
    if config.interpolation != "linear":
        return config.interpolation
    return "area" if shrinks else "lanczos4"


def symbols(config: PlateConfig) -> list[str]:
    """What each place of the alphabet means to us: A-Z or 0-9, "" for padding and all else."""
    known = (plain(character) if character != config.pad_char else None for character in config.alphabet)
    return [symbol if symbol and symbol.isalnum() else "" for symbol in known]


def decode(places: Floats, symbols: list[str]) -> PlateText:
    """Places×characters of probabilities to a text; padding drops out."""
    text, characters, others = "", [], []
    for row in places:
        order = [int(i) for i in np.argsort(-row, kind="stable")[:4]]
        if not symbols[order[0]]:
            continue
        text += symbols[order[0]]
        characters.append(min(1.0, float(row[order[0]])))
        others.append(
            tuple((symbols[i], float(row[i])) for i in order[1:] if symbols[i] and row[i] >= _KEEP_OTHERS)
        )
    return PlateText(text, tuple(characters), tuple(others), text)
