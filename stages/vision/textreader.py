"""The text of a cut-out plate, by a recogniser of lines: the one that comes with RapidOCR, or its like."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from stages.errors import StageFailed
from stages.vision.boxes import Floats, Image
from stages.vision.bundled import Package, bundled
from stages.vision.named import NamedModel
from stages.vision.onnx import Array, Session
from stages.vision.plates import PlateText
from stages.vision.symbols import plain
from stages.vision.together import together

_HEIGHT = 48
_WIDEST = 640
_NARROWEST = 160
_BATCH = 8
_BLANK = 0
_KEEP_OTHERS = 0.02


class TextReader:
    """Reads one line of text per crop. Only letters, digits and a few marks can be the answer.

    The model is that of `package` (whichever of RapidOCR's two is installed unless told), or a PP-OCR
    recogniser of the user's own with its characters inside. Raises `StageFailed` when there is none.
    """

    #: Text in two lines must be laid side by side for it.
    one_line = True

    def __init__(
        self, file: NamedModel | None = None, *, package: Package | None = None, threads: int = 0
    ) -> None:
        path = file.path if file else bundled("rec", package)
        self._about = {"model": path.name, "sha256": file.sha256} if file else {"model": path.stem}
        self._session = Session(file or path, threads=threads, fixed_shape=False)
        self._symbols, self._columns = _alphabet(path.name, self._session.metadata.get("character", ""))

    @property
    def notice(self) -> str:
        """What a person should know about where it runs; "" = as wished."""
        return self._session.notice

    def describe(self) -> list[dict[str, Any]]:
        """Name, hash of the user's own, runtime and provider."""
        return [{**self._about, "runtime": "onnx", "provider": self._session.provider}]

    def read(self, crops: list[Image]) -> list[PlateText]:
        """One text per crop (H×W×3 RGB)."""
        texts = [PlateText.nothing()] * len(crops)
        ratios = [crop.shape[1] / max(1, crop.shape[0]) for crop in crops]
        # Crops of like width go together, so that little padding is computed; a few fixed widths keep
        # the number of input shapes small.
        groups: dict[int, list[int]] = {}
        for index, ratio in enumerate(ratios):
            groups.setdefault(_width(ratio), []).append(index)
        for width, group in sorted(groups.items()):
            for start in range(0, len(group), _BATCH):
                part = group[start : start + _BATCH]
                batch = np.stack([_input(crops[i], width) for i in part])
                for index, steps in zip(part, self._session.run(batch)[0], strict=True):
                    texts[index] = decode(self._merge(steps), self._symbols)
        return texts

    def read_views(self, views: list[list[Image]]) -> list[PlateText]:
        """One text per plate: what its crops say together."""
        texts = iter(self.read([crop for crops in views for crop in crops]))
        return [together([next(texts) for _ in crops]) for crops in views]

    def _merge(self, steps: Floats) -> Floats:
        """Steps×(all characters) to steps×(our symbols): variants of a letter count together."""
        return np.stack([steps[:, columns].sum(axis=1) for columns in self._columns], axis=1)


def decode(steps: Floats, symbols: list[str]) -> PlateText:
    """Greedy CTC decoding of steps×symbols (symbol 0 is the blank), keeping each character's runners-up."""
    best = steps.argmax(axis=1)
    text, characters, others, raw = "", [], [], ""
    start = 0
    while start < len(best):
        end = start
        while end < len(best) and best[end] == best[start]:
            end += 1
        index = int(best[start])
        if index != _BLANK:
            raw += symbols[index]
            if symbols[index].isalnum():
                peak = steps[start + int(steps[start:end, index].argmax())]
                text += symbols[index]
                characters.append(min(1.0, float(peak[index])))
                others.append(_runners_up(peak, index, symbols))
        start = end
    return PlateText(text, tuple(characters), tuple(others), raw.strip())


def _runners_up(peak: Floats, chosen: int, symbols: list[str]) -> tuple[tuple[str, float], ...]:
    order = [int(i) for i in np.argsort(-peak, kind="stable")[:4]]
    return tuple(
        (symbols[i], float(peak[i]))
        for i in order
        if i != chosen and symbols[i].isalnum() and peak[i] >= _KEEP_OTHERS
    )


def _width(ratio: float) -> int:
    """Input width for a crop of that width to height: the next of a few fixed ones."""
    wanted = int(np.clip(np.ceil(ratio * _HEIGHT), _NARROWEST, _WIDEST))
    return -(-wanted // 80) * 80


def _input(crop: Image, width: int) -> Floats:
    """3×48×width, BGR in -1..1, padded with the middle grey on the right."""
    fit = min(width, max(1, int(np.ceil(crop.shape[1] / crop.shape[0] * _HEIGHT))))
    small = cv2.resize(crop, (fit, _HEIGHT), interpolation=cv2.INTER_LINEAR)
    out = np.zeros((3, _HEIGHT, width), np.float32)
    out[:, :, :fit] = (small[:, :, ::-1].astype(np.float32) / 127.5 - 1).transpose(2, 0, 1)
    return out


def _alphabet(model: str, characters: str) -> tuple[list[str], list[Array]]:
    """Our symbols (blank first) and, for each, the model's output columns that mean it."""
    columns: dict[str, list[int]] = {"": [0]}
    for number, character in enumerate([*characters.splitlines(), " "], start=1):
        if (symbol := plain(character)) is not None:
            columns.setdefault(symbol, []).append(number)
    if len(columns) < 37:
        raise StageFailed(f"the text model {model} names no letters and digits: it is no PP-OCR recogniser")
    return list(columns), [np.array(numbers) for numbers in columns.values()]
