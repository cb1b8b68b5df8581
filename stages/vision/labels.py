"""What detectors call things: names from a model's file, vehicles by their usual names, plates by theirs."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping, Sequence
from typing import Any

from stages.vision.coco import COCO80, VEHICLES

_MAX_TEXT = 200_000  # characters of a table of names that are looked at
_MAX_NAMES = 10_000
_MAX_NAME = 100
#: Numbers that COCO counts and never gave to anything: its 91 classes, from 1, are 80 in truth.
_COCO_GAPS = frozenset({12, 26, 29, 30, 45, 66, 68, 69, 71, 83})
_SAME = {
    "auto": "car",
    "automobile": "car",
    "pickup": "car",
    "suv": "car",
    "taxi": "car",
    "van": "car",
    "vehicle": "car",
    "coach": "bus",
    "minibus": "bus",
    "lorry": "truck",
    "trailer": "truck",
    "motorbike": "motorcycle",
    "scooter": "motorcycle",
}
_PLATE_WORDS = ("plate", "licence", "license", "placa", "kennzeichen", "matricula")
_PLATE_NAMES = frozenset({"lp", "anpr", "alpr"})


def names_in(metadata: Mapping[str, str]) -> list[str]:
    """The names that an exporter wrote into the file, by class number; none when it wrote none.

    Ultralytics writes `names` as a Python or JSON table, {0: 'person', ...}, or as a list.
    """
    text = metadata.get("names", "")
    if not 0 < len(text) <= _MAX_TEXT:
        return []
    for parse in (json.loads, ast.literal_eval):
        try:
            return _listed(parse(text))
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            continue
    return []


def _listed(table: Any) -> list[str]:
    if isinstance(table, Mapping):
        numbered = {int(number): str(name) for number, name in table.items()}
        if not numbered or min(numbered) < 0 or max(numbered) >= _MAX_NAMES:
            return []
        table = [numbered.get(number, f"class {number}") for number in range(max(numbered) + 1)]
    if not isinstance(table, Sequence) or isinstance(table, str) or len(table) > _MAX_NAMES:
        return []
    return [str(name)[:_MAX_NAME] for name in table]


def coco(count: int) -> list[str]:
    """COCO's names for a model with so many classes: 80 of them, or 91 with its gaps; else none."""
    if count == len(COCO80):
        return list(COCO80)
    if count != 91:
        return []
    names = iter(COCO80)
    return ["???" if number == 0 or number in _COCO_GAPS else next(names) for number in range(91)]


def vehicle(name: str) -> str:
    """The usual name of a vehicle (`coco.VEHICLES`); any other name as it is."""
    plain = name.strip().lower()
    if plain in VEHICLES:
        return plain
    return _SAME.get(plain, name)


def is_plate(name: str) -> bool:
    """Whether a class of that name is a number plate."""
    plain = name.strip().lower()
    return plain in _PLATE_NAMES or any(word in plain for word in _PLATE_WORDS)
