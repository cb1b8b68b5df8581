"""How well each reader reads plates whose place is known, so that nothing but the reader counts.

Run: `python tests/bench/readers.py FOLDER... [--models DIR] [--half a|b] [--shear S] [--json]`, on sets as `plates.py` takes
them; only plates labelled `good`. Every reader that can be loaded is asked: RapidOCR's, fast-plate-ocr's model where the
models folder has one, rapidocr-onnxruntime's where the extra `ocr-classic` is installed.

Columns: `one` a single crop of the true box says exactly the truth, `folded` with look-alikes made equal, `views` the
same of four crops read together, `grammar` those after formats have had their say, `ms` of processor time per crop.
`--shear 0.2` slopes each photo by so much height per width first and gives the upright box around the plate, as a
model without corners would: `box` is then what is read in it, `straight` what is read once its slope was found.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from plates import SHARED, Truth, half_of, need, sets_below

from stages.errors import StageFailed
from stages.settings import HeavySettings
from stages.vision.boxes import Box, Floats, Image
from stages.vision.deskew import straight
from stages.vision.finders import cut_out
from stages.vision.grammar import best, fold
from stages.vision.loading import plate_reader
from stages.vision.photo import open_photo
from stages.vision.plates import PlateBox, PlateReader

READERS = ("rapidocr", "rapidocr-onnxruntime", "fast-plate-ocr")
#: Shares of width and height kept around the true box: for readers of lines, and of whole plates.
MARGINS = {
    True: ((0.0, 0.0), (-0.01, -0.05), (0.02, 0.05), (0.04, 0.1)),
    False: ((0.02, 0.05), (0.05, 0.05), (0.05, 0.15), (0.1, 0.1)),
}


class Plate(NamedTuple):
    """One plate: the photo that shows it, the upright box around it, and its text."""

    photo: Image
    box: Box
    text: str


def plates_in(folders: list[Path], half: str | None, shear: float) -> Iterator[tuple[str, Plate]]:
    """Every good plate, with the name of its set."""
    for name, photos in sets_below(folders).items():
        for photo in photos:
            if half not in (None, half_of(photo.path)):
                continue
            image = open_photo(photo.path)
            for truth in photo.truths:
                if truth.good:
                    yield name, sloped(image, truth, shear)


def sloped(image: Image, truth: Truth, shear: float) -> Plate:
    """The plate on a photo that falls to the right by `shear`, and the upright box around it."""
    if not shear:
        return Plate(image, truth.box, truth.text)
    x1, y1, x2, y2 = truth.box
    turn = np.array([[1, 0, 0], [shear, 1, -shear * (x1 + x2) / 2]], np.float32)
    rise = abs(shear) * (x2 - x1) / 2
    out = cv2.warpAffine(image, turn, (image.shape[1], image.shape[0]))
    return Plate(out, (x1, y1 - rise, x2, y2 + rise), truth.text)


def views(known: Plate, corners: Floats, *, one_line: bool) -> list[Image]:
    """The plate with each of the margins."""
    plate = PlateBox(known.box, 1.0, corners, vouched=True)
    return [cut_out(known.photo, plate, across, down) for across, down in MARGINS[one_line]]


def upright(box: Box) -> Floats:
    """A box's corners, clockwise from the top left."""
    x1, y1, x2, y2 = box
    return np.array([[x1, y1], [x2, y1], [x2, y2], [x1, y2]], np.float32)


def read(reader: PlateReader, plate: Plate, *, shear: bool) -> dict[str, Any]:
    """Which ways of reading one plate gave the truth."""
    seen = views(plate, upright(plate.box), one_line=reader.one_line)
    began = time.process_time()
    (one,) = reader.read(seen[:1])
    spent = time.process_time() - began
    if shear:
        (level,) = reader.read(views(plate, straight(plate.photo, plate.box), one_line=reader.one_line)[:1])
        return {"box": one.text == plate.text, "straight": level.text == plate.text, "ms": spent * 1000}
    (many,) = reader.read_views([seen])
    return {
        "one": one.text == plate.text,
        "folded": fold(one.text) == fold(plate.text),
        "views": many.text == plate.text,
        "grammar": best(many).plate == plate.text,
        "ms": spent * 1000,
    }


def loaded(models: Path, threads: int) -> dict[str, PlateReader]:
    """Every reader that is there, by name."""
    found: dict[str, PlateReader] = {}
    for name in READERS:
        try:
            settings = HeavySettings(threads=threads, text_reader=name)  # type: ignore[arg-type]
            found[name] = plate_reader(settings, models, crops=True)
        except StageFailed as error:
            print(f"{name}: {error}", file=sys.stderr)
    return found


def main() -> None:
    """Read, count, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folders", nargs="*", type=Path, default=[SHARED / "plates"])
    parser.add_argument("--models", type=Path, help="folder of downloaded models; none without")
    parser.add_argument("--half", choices=("a", "b"), help="a fixed half of each set")
    parser.add_argument("--shear", type=float, default=0.0, help="height per width by which plates fall")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    need(asked.folders)
    outcomes: dict[tuple[str, str], list[dict[str, Any]]] = {}
    with tempfile.TemporaryDirectory() as nothing:
        readers = loaded(asked.models or Path(nothing), asked.threads)
        for name, plate in plates_in(asked.folders, asked.half, asked.shear):
            for kind, reader in readers.items():
                outcomes.setdefault((name, kind), []).append(read(reader, plate, shear=bool(asked.shear)))
    rows = [
        {"set": name, "reader": kind, "plates": len(of)}
        | {column: _mean(column, [each[column] for each in of]) for column in of[0]}
        for (name, kind), of in sorted(outcomes.items())
    ]
    if asked.json:
        print(json.dumps(rows, indent=1))
        return
    for row in [dict(zip(rows[0], rows[0], strict=True)), *rows] if rows else []:
        print("".join(f"{value!s:>{24 if column == 'reader' else 10}}" for column, value in row.items()))


def _mean(column: str, values: list[Any]) -> float:
    return round(statistics.median(values), 1) if column == "ms" else round(statistics.fmean(values), 3)


if __name__ == "__main__":
    sys.exit(main())
