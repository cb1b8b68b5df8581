"""How many plates are read right on folders of photos whose plates are known.

Run: `python tests/bench/plates.py FOLDER... [--models DIR] [--half a|b] [--region XX] [--json]`. A folder is a set when it holds
either one `.txt` beside each photo (file, x, y, width, height, plate) or a `labels.tsv` (file, xmin, ymin, xmax, ymax,
text, legibility: several plates per photo); otherwise each of its folders is one. The photos go through the product's
own path (`PhotoReader`, as `dashcam read` does). `--half` takes a fixed half of each set, by hash of the file's name.

Columns: `exact` the true text is among the plates told, `first` it is the first one, `folded` with look-alikes made
equal (0=O=D=Q, 1=I=L, 2=Z, 5=S, 6=G, 8=B), `located` a plate is told that overlaps the true box (IoU from 0.3),
`others` plates told beside the true one, per 100 photos, `ms` median per photo.
For sets with a `labels.tsv`: `found` share of the plates from 40 pixels of width that the finder locates, legible or
not, `precision` share of what it locates that overlaps a labelled plate, and texts of plates labelled `good` only.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from stages.settings import HeavySettings
from stages.vision.boxes import Box, Image, iou
from stages.vision.grammar import fold
from stages.vision.photo import PhotoReader, open_photo

#: Photos and clips that are not part of the repository; nothing is measured where they are missing.
SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
PICTURES = (".jpg", ".jpeg", ".png", ".webp")
OVERLAP = 0.3
WIDE = 40.0  # pixels
NIGHT = 60.0  # mean brightness (0..255) below which a photo counts as taken at night


class Truth(NamedTuple):
    """One plate that is known to be on a photo. `good`: a person reads it without doubt."""

    text: str
    box: Box
    good: bool = True


class Photo(NamedTuple):
    """A photo and its plates; `single`: exactly one of its plates is labelled, others may be in view."""

    path: Path
    truths: list[Truth]
    single: bool


class Outcome(NamedTuple):
    """What came out of one photo."""

    photo: Photo
    told: list[tuple[str, Box]]
    located: list[Box]
    seconds: float
    night: bool


def sets_below(folders: list[Path]) -> dict[str, list[Photo]]:
    """Every set in these folders, by name."""
    found: dict[str, list[Photo]] = {}
    for folder in folders:
        for place in [folder, *sorted(p for p in folder.iterdir() if p.is_dir())]:
            if photos := list(_labelled(place)) or list(_beside(place)):
                found[place.name] = photos
    return found


def need(folders: list[Path]) -> None:
    """End with a sentence where there is nothing to measure."""
    if missing := [str(folder) for folder in folders if not folder.is_dir()]:
        sys.exit(f"nothing to measure: {', '.join(missing)} is not there; name a folder")


def _beside(folder: Path) -> Iterator[Photo]:
    for truth in sorted(folder.glob("*.txt")):
        name, *numbers, text = truth.read_text().split()[:6]
        if len(numbers) == 4 and (folder / name).suffix.lower() in PICTURES:
            left, top, width, height = (float(number) for number in numbers)
            yield Photo(folder / name, [Truth(text, (left, top, left + width, top + height))], True)


def _labelled(folder: Path) -> Iterator[Photo]:
    table = folder / "labels.tsv"
    if not table.exists():
        return
    head, *rows = (line.split("\t") for line in table.read_text().splitlines())
    plates: dict[str, list[Truth]] = {}
    for row in rows:
        cells = dict(zip(head, row, strict=True))
        x1, y1, x2, y2 = (float(cells[name]) for name in ("xmin", "ymin", "xmax", "ymax"))
        truth = Truth(cells["text"], (x1, y1, x2, y2), cells["legibility"] == "good")
        plates.setdefault(cells["file"], []).append(truth)
    for name, truths in sorted(plates.items()):
        yield Photo(folder / name, truths, False)


def half_of(path: Path) -> str:
    """ "a" or "b": fixed by the file's name alone."""
    return "ab"[hashlib.blake2b(path.name.encode(), digest_size=1).digest()[0] & 1]


def look(reader: PhotoReader, photo: Photo) -> Outcome:
    """Read one photo."""
    image = open_photo(photo.path)
    began = time.perf_counter()
    told = reader.read(image)
    seconds = time.perf_counter() - began
    located = [] if photo.single else [plate.box for plate in reader.locate(image)]
    texts = [(plate["plate"], _corners(plate["box"])) for plate in told]
    return Outcome(photo, texts, located, seconds, brightness(image) < NIGHT)


def brightness(image: Image) -> float:
    """Mean of a picture, 0..255."""
    return float(np.mean(image[::4, ::4]))


def _corners(box: list[int]) -> Box:
    x, y, w, h = box
    return float(x), float(y), float(x + w), float(y + h)


def row_of(outcomes: list[Outcome]) -> dict[str, Any]:
    """The figures of some photos."""
    row: dict[str, Any] = {"photos": len(outcomes)}
    wanted = [(o, t) for o in outcomes for t in o.photo.truths if t.good]
    texts = [(t.text, [text for text, _ in o.told]) for o, t in wanted]
    row["plates"] = len(wanted)
    row["exact"] = share([truth in told for truth, told in texts])
    row["first"] = share([told[:1] == [truth] for truth, told in texts if outcomes[0].photo.single])
    row["folded"] = share([fold(truth) in map(fold, told) for truth, told in texts])
    row["located"] = share([any(iou(t.box, box) >= OVERLAP for _, box in o.told) for o, t in wanted])
    row["others"] = round(100 * statistics.fmean(len(others(o)) for o in outcomes), 1)
    wide = [(o, t) for o in outcomes for t in o.photo.truths if t.box[2] - t.box[0] >= WIDE]
    spots = [(o, box) for o in outcomes for box in o.located]
    if not outcomes[0].photo.single:
        row["found"] = share([any(iou(t.box, box) >= OVERLAP for box in o.located) for o, t in wide])
        row["precision"] = share([_labelled_box(box, o) for o, box in spots])
    row["ms"] = round(1000 * statistics.median(o.seconds for o in outcomes))
    return row


def _labelled_box(box: Box, outcome: Outcome) -> bool:
    return any(iou(t.box, box) >= OVERLAP for t in outcome.photo.truths)


def others(outcome: Outcome) -> list[str]:
    """Plates told that are none of the labelled ones; a second text on one plate counts too."""
    left = list(outcome.told)
    for truth in outcome.photo.truths:
        mine = [t for t in left if t[0] == truth.text] or [t for t in left if iou(t[1], truth.box) >= OVERLAP]
        if mine:
            left.remove(mine[0])
    return [text for text, _ in left]


def share(hits: list[bool]) -> float | None:
    """The mean of some yes and no; None of none."""
    return round(statistics.fmean(hits), 3) if hits else None


def misses(outcomes: list[Outcome]) -> list[dict[str, Any]]:
    """The good plates that were not told exactly, with what was told instead."""
    return [
        {"photo": o.photo.path.name, "truth": t.text, "told": [text for text, _ in o.told]}
        for o in outcomes
        for t in o.photo.truths
        if t.good and t.text not in [text for text, _ in o.told]
    ]


def main() -> None:
    """Read, count, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folders", nargs="*", type=Path, default=[SHARED / "plates"])
    parser.add_argument("--models", type=Path, help="folder of downloaded models; none without")
    parser.add_argument("--half", choices=("a", "b"), help="a fixed half of each set")
    parser.add_argument("--set", action="append", dest="only", help="only sets of this name")
    parser.add_argument("--region", action="append", default=[], help="a country whose formats count")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--quiet", action="store_true", help="no list of misses")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    need(asked.folders)
    sets = {name: p for name, p in sets_below(asked.folders).items() if name in (asked.only or [name])}
    result: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as nothing:
        reader = PhotoReader(
            HeavySettings(threads=asked.threads, regions=tuple(asked.region)), asked.models or Path(nothing)
        )
        for name, photos in sets.items():
            chosen = [p for p in photos if asked.half in (None, half_of(p.path))]
            if chosen:
                result |= _rows(name, [look(reader, photo) for photo in chosen])
    if asked.json:
        print(json.dumps(result, indent=1))
        return
    _table(result)
    if not asked.quiet:
        _list(result)


def _rows(name: str, outcomes: list[Outcome]) -> dict[str, Any]:
    rows = {name: row_of(outcomes) | {"misses": misses(outcomes)}}
    rows[name]["other_texts"] = [
        {"photo": o.photo.path.name, "texts": texts} for o in outcomes if (texts := others(o))
    ]
    night = [o for o in outcomes if o.night]
    if night and len(night) < len(outcomes):
        rows[f"{name} (day)"] = row_of([o for o in outcomes if not o.night])
        rows[f"{name} (night)"] = row_of(night)
    return rows


def _table(result: dict[str, Any]) -> None:
    columns = [
        "photos",
        "plates",
        "exact",
        "first",
        "folded",
        "located",
        "others",
        "found",
        "precision",
        "ms",
    ]
    print(f"{'set':<26}" + "".join(f"{name:>10}" for name in columns))
    for name, row in result.items():
        cells = ("" if row.get(column) is None else str(row[column]) for column in columns)
        print(f"{name:<26}" + "".join(f"{cell:>10}" for cell in cells))


def _list(result: dict[str, Any]) -> None:
    for name, row in result.items():
        for miss in row.get("misses", ()):
            print(f"{name}: {miss['photo']}: {miss['truth']} told as {', '.join(miss['told']) or 'nothing'}")
        for other in row.get("other_texts", ()):
            print(f"{name}: {other['photo']}: other {', '.join(other['texts'])}")


if __name__ == "__main__":
    sys.exit(main())
