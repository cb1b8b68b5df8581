"""Which family an exported detector is of, told by the shapes and names of what goes in and comes out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Literal, NamedTuple

import numpy as np

from stages.vision import decoders
from stages.vision.decoders import Raw, Size
from stages.vision.onnx import Array

Decode = Callable[[list[Array], int, float], Raw]

_STRIDES = ((8, 16, 32), (8, 16, 32, 64), (4, 8, 16, 32), (16, 32))
_ANCHORS = 3  # boxes per cell of the families that have anchors
_MAP_STRIDE = 16  # FastestDet's only map
_MOST_QUERIES = 1_000


class Family(NamedTuple):
    """How pictures are given to a model and how its answer is understood.

    `fit`: letterboxed in the middle or the corner, or stretched. `pixels`: "unit" is RGB in 0..1, "bgr" is
    BGR in 0..1, "bgr255" BGR in 0..255, "imagenet" RGB with ImageNet's mean and deviation. `suppressed`: the
    model itself leaves each object once. `classes`: how many there are, 0 where shapes do not say.
    """

    name: str
    decode: Decode
    fit: Literal["middle", "corner", "stretch"] = "middle"
    pixels: Literal["unit", "bgr", "bgr255", "imagenet"] = "unit"
    suppressed: bool = False
    classes: int = 0


class Answer(NamedTuple):
    """What a model gave for an empty picture of `size`, and what its file says about itself."""

    outputs: list[Array]
    output_names: list[str]
    input_names: list[str]
    size: Size
    names: Sequence[str] = ()
    about: str = ""


def recognise(answer: Answer) -> Family | None:
    """The family of a model that gave this; None when it is none that is known here."""
    if "scale_factor" in answer.input_names:
        return _paddle(answer)
    if len(answer.outputs) == 3 and (found := _three(answer)):
        return found
    if len(answer.outputs) == 2 and (found := _two(answer)):
        return found
    if len(answer.outputs) == 1 and answer.outputs[0].ndim == 4:
        return _map(answer)
    flat = [number for number, output in enumerate(answer.outputs) if output.ndim == 2]
    if len(answer.outputs) == 1 and flat and answer.outputs[0].shape[1] == 7:
        return Family("end-to-end, numbered", decoders.numbered, suppressed=True)
    # Segmenting and older YOLOv5 exports have further outputs of other ranks.
    tables = [number for number, output in enumerate(answer.outputs) if output.ndim == 3]
    return _table(answer, tables[0]) if len(tables) == 1 else None


def _table(answer: Answer, number: int) -> Family | None:
    """One output of B×A×C."""
    _, high, wide = answer.outputs[number].shape
    one, many = cells(answer.size), {_ANCHORS * count for count in cells(answer.size)}
    known = len(answer.names)
    if wide in one and high >= 5:
        classes = known if 0 < known <= high - 4 else high - 4
        decode = partial(decoders.columns, output=number, classes=classes)
        return Family("yolov8", decode, classes=classes)
    if high in many and wide >= 6:
        return _anchored(answer, number, wide)
    if high in one and wide >= 5:
        return _per_cell(answer, number, wide)
    if wide == 6 and not (known == 2 and "detr" in answer.about.lower()):
        return Family("end-to-end", partial(decoders.finished, output=number), suppressed=True)
    # Where the size is wrong, cells are not known as such: what is much wider than high is one of those.
    if 5 <= wide <= 2 * high and high <= _MOST_QUERIES and known in (0, wide - 4):
        decode = partial(decoders.queries, output=number, size=answer.size)
        return Family("rtdetr", decode, fit="stretch", suppressed=True, classes=wide - 4)
    return None


def _anchored(answer: Answer, number: int, wide: int) -> Family:
    known = len(answer.names)
    classes = known if 0 < known <= wide - 5 else wide - 5
    return Family("yolov5", partial(decoders.anchored, output=number, classes=classes), classes=classes)


def _per_cell(answer: Answer, number: int, wide: int) -> Family | None:
    """One row per cell: YOLOX, YOLOv6 (both 5+C) or a YOLOv8 laid the other way round (4+C)."""
    known = len(answer.names) or {85: 80, 84: 80}.get(wide, 0)
    if wide == 4 + known:
        return Family("yolov8", partial(decoders.rows, output=number, classes=known), classes=known)
    if wide < 6 or known not in (0, wide - 5):
        return None
    # YOLOv6 gives pixels, up to the far edge; YOLOX gives offsets of a few cells.
    farthest = np.nanmax(np.abs(answer.outputs[number][..., :2]), initial=0)
    if farthest > max(answer.size) / 2:
        return _anchored(answer, number, wide)
    if known == 0 and wide != 6:
        return None
    decode = partial(decoders.yolox, output=number, size=answer.size)
    return Family("yolox", decode, fit="corner", pixels="bgr255", classes=wide - 5)


def _map(answer: Answer) -> Family | None:
    _, deep, high, wide = answer.outputs[0].shape
    if deep < 6 or (wide * _MAP_STRIDE, high * _MAP_STRIDE) != tuple(answer.size):
        return None
    decode = partial(decoders.fastestdet, size=answer.size)
    return Family("fastestdet", decode, fit="stretch", pixels="bgr", classes=deep - 5)


def _two(answer: Answer) -> Family | None:
    """Boxes as shares of the picture and logits, in either order."""
    first, second = answer.outputs
    if first.ndim != 3 or second.ndim != 3 or first.shape[:2] != second.shape[:2]:
        return None
    wide = [output.shape[2] for output in answer.outputs]
    named = [n for n, name in enumerate(answer.output_names) if "box" in name.lower() or name == "dets"]
    boxes = named[0] if len(named) == 1 and wide[named[0]] == 4 else wide.index(4) if 4 in wide else -1
    if boxes < 0 or (not named and wide[0] == wide[1]):
        return None
    scores = 1 - boxes
    chances = answer.outputs[scores]
    squash = "logit" in answer.output_names[scores].lower() or bool(((chances < 0) | (chances > 1)).any())
    decode = partial(decoders.logits, size=answer.size, boxes=boxes, scores=scores, squash=squash)
    roboflow = set(answer.output_names) == {"dets", "labels"}
    return Family(
        "rf-detr" if roboflow else "detr",
        decode,
        fit="stretch",
        pixels="imagenet" if roboflow else "unit",
        suppressed=True,
        classes=wide[scores],
    )


def _three(answer: Answer) -> Family | None:
    """Labels, boxes and scores, by name; boxes are in pixels of the size that was given as the picture's."""
    where: dict[str, int] = {}
    for number, name in enumerate(answer.output_names):
        for word, part in (("label", "labels"), ("class", "labels"), ("box", "boxes"), ("score", "scores")):
            if word in name.lower():
                where.setdefault(part, number)
    if len(set(where.values())) != 3:
        return None
    boxes, scores = answer.outputs[where["boxes"]], answer.outputs[where["scores"]]
    if boxes.ndim != 3 or boxes.shape[2] != 4 or scores.size != boxes.shape[0] * boxes.shape[1]:
        return None
    decode = partial(decoders.listed, labels=where["labels"], boxes=where["boxes"], scores=where["scores"])
    return Family("d-fine", decode, fit="stretch", suppressed=True)


def _paddle(answer: Answer) -> Family | None:
    for number, output in enumerate(answer.outputs):
        if output.ndim == 2 and output.shape[1] == 6:
            decode = partial(decoders.paddle, output=number)
            return Family("paddle", decode, fit="stretch", suppressed=True)
    return None


def cells(size: Size) -> set[int]:
    """How many cells a picture of that size has over all maps, for each usual set of strides."""
    return {
        sum(-(-size.width // stride) * -(-size.height // stride) for stride in strides)
        for strides in _STRIDES
    }
