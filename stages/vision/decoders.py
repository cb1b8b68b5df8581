"""From a model's outputs to boxes, one function per family of exports.

Each takes the outputs, which picture of the batch is meant, and the least score that counts, and gives
`Raw`: boxes x1 y1 x2 y2 in pixels of the model's input. The layouts are those that the projects' own export
scripts write; C is the number of classes.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stages.vision.boxes import Floats
from stages.vision.onnx import Array

_MOST = 3_000  # boxes kept before suppression: what is more is noise
_OLD_STRIDES = (8, 16, 32)


class Raw(NamedTuple):
    """K boxes (K×4 float32), scores (K float32) and class numbers (K), in the model's order."""

    boxes: Floats
    scores: Floats
    classes: NDArray[np.intp]


class Size(NamedTuple):
    """Width and height of the model's input in pixels."""

    width: int
    height: int


def anchored(outputs: list[Array], picture: int, score: float, *, output: int = 0, classes: int = 0) -> Raw:
    """YOLOv5, v6, v7: N×(5+C) of centre, size, objectness, class probabilities; pixels."""
    rows = outputs[output][picture]
    likely = rows[rows[:, 4] >= score]  # no class makes a box likelier than its objectness
    chances = likely[:, 5 : 5 + classes if classes else None] * likely[:, 4:5]
    return _best(_spans(likely[:, :4]), chances, score)


def columns(outputs: list[Array], picture: int, score: float, *, output: int = 0, classes: int = 0) -> Raw:
    """YOLOv8, v9, 11: (4+C)×N of centre, size, class probabilities; pixels."""
    return _columns(outputs[output][picture].T, score, classes)


def rows(outputs: list[Array], picture: int, score: float, *, output: int = 0, classes: int = 0) -> Raw:
    """As `columns`, exported the other way round: N×(4+C)."""
    return _columns(outputs[output][picture], score, classes)


def _columns(table: Array, score: float, classes: int) -> Raw:
    return _best(_spans(table[:, :4]), table[:, 4 : 4 + classes if classes else None], score)


def yolox(outputs: list[Array], picture: int, score: float, *, size: Size, output: int = 0) -> Raw:
    """YOLOX: N×(5+C) of offset in the cell, log size, objectness, class probabilities; cells of 8, 16, 32."""
    table = outputs[output][picture]
    cells, strides = grid(size)
    middle = (table[:, :2] + cells) * strides
    sides = np.exp(np.clip(table[:, 2:4], -10, 10)) * strides
    boxes = np.concatenate([middle - sides / 2, middle + sides / 2], axis=1)
    return _best(boxes, table[:, 5:] * table[:, 4:5], score)


def grid(size: Size) -> tuple[Floats, Floats]:
    """The cell (x, y) and the stride of each of YOLOX's rows."""
    cells, strides = [], []
    for stride in _OLD_STRIDES:
        y, x = np.mgrid[: size.height // stride, : size.width // stride]
        cells.append(np.stack([x.ravel(), y.ravel()], axis=1))
        strides.append(np.full((x.size, 1), stride))
    return np.concatenate(cells).astype(np.float32), np.concatenate(strides).astype(np.float32)


def fastestdet(outputs: list[Array], picture: int, score: float, *, size: Size, output: int = 0) -> Raw:
    """FastestDet: (5+C)×H×W of objectness, offset, size, class probabilities for each cell of one map.

    Offsets are squashed by tanh and count in cells, sizes by a sigmoid and are shares of the picture.
    """
    table = outputs[output][picture]
    high, wide = table.shape[1:]
    flat = table.reshape(len(table), -1)
    y, x = (axis.ravel() for axis in np.mgrid[:high, :wide])
    middle = np.stack([(x + np.tanh(flat[1])) / wide, (y + np.tanh(flat[2])) / high], axis=1)
    half = sigmoid(flat[3:5].T) / 2
    boxes = np.concatenate([middle - half, middle + half], axis=1) * np.array([*size, *size])
    objectness = np.clip(flat[0], 0, None) ** 0.6
    return _best(boxes, (np.clip(flat[5:], 0, None) ** 0.4 * objectness).T, score)


def finished(outputs: list[Array], picture: int, score: float, *, output: int = 0) -> Raw:
    """YOLOv10 and exports with built-in suppression: K×6 of x1, y1, x2, y2, score, class; pixels."""
    table = outputs[output][picture]
    return _chosen(table[:, :4], table[:, 4], table[:, 5], score)


def numbered(outputs: list[Array], picture: int, score: float, *, output: int = 0) -> Raw:
    """YOLOv7 and open-image-models, end to end: K×7 of picture, x1, y1, x2, y2, class, score; pixels."""
    table = outputs[output]
    mine = table[np.rint(table[:, 0]) == picture]
    return _chosen(mine[:, 1:5], mine[:, 6], mine[:, 5], score)


def paddle(outputs: list[Array], picture: int, score: float, *, output: int = 0) -> Raw:
    """PaddleDetection: K×6 of class, score, x1, y1, x2, y2; pixels. It takes one picture at a time."""
    del picture
    table = outputs[output]
    return _chosen(table[:, 2:6], table[:, 1], table[:, 0], score)


def queries(outputs: list[Array], picture: int, score: float, *, size: Size, output: int = 0) -> Raw:
    """RT-DETR by Ultralytics: K×(4+C) of centre, size, class probabilities; shares of the picture."""
    table = outputs[output][picture]
    return _best(_spans(table[:, :4]) * np.array([*size, *size], np.float32), table[:, 4:], score)


def logits(
    outputs: list[Array], picture: int, score: float, *, size: Size, boxes: int, scores: int, squash: bool
) -> Raw:
    """RT-DETR, D-FINE, RF-DETR with two outputs: K×4 of centre and size as shares, and K×C of logits."""
    chances = outputs[scores][picture]
    spans = _spans(outputs[boxes][picture]) * np.array([*size, *size], np.float32)
    return _best(spans, sigmoid(chances) if squash else chances, score)


def listed(outputs: list[Array], picture: int, score: float, *, labels: int, boxes: int, scores: int) -> Raw:
    """D-FINE and RT-DETR with three outputs: labels K, boxes K×4 (x1, y1, x2, y2; pixels), scores K."""
    chances, classes = outputs[scores][picture].ravel(), outputs[labels][picture].ravel()
    return _chosen(outputs[boxes][picture], chances, classes, score)


def sigmoid(values: Array) -> Floats:
    """1 / (1 + e^-x), without overflow."""
    return np.asarray(1 / (1 + np.exp(-np.clip(values, -60, 60))), np.float32)


def _spans(middles: Array) -> Floats:
    """Centre and size to x1, y1, x2, y2."""
    half = middles[:, 2:4] / 2
    return np.asarray(np.concatenate([middles[:, :2] - half, middles[:, :2] + half], axis=1), np.float32)


def _best(boxes: Array, chances: Array, score: float) -> Raw:
    """The likeliest class of each box."""
    if not chances.size:
        return _chosen(boxes[:0], np.zeros(0), np.zeros(0), score)
    classes = chances.argmax(axis=1)
    return _chosen(boxes, chances[np.arange(len(chances)), classes], classes, score)


def _chosen(boxes: Array, scores: Array, classes: Array, score: float) -> Raw:
    """Those that are likely enough and are numbers at all, the best 3000 at most."""
    usable = np.isfinite(boxes).all(axis=1) & np.isfinite(scores) & np.isfinite(classes) & (scores >= score)
    kept = np.flatnonzero(usable)
    if len(kept) > _MOST:
        kept = np.sort(kept[np.argsort(-scores[kept], kind="stable")[:_MOST]])
    return Raw(
        boxes[kept].astype(np.float32),
        np.clip(scores[kept], 0, 1).astype(np.float32),
        np.rint(classes[kept]).astype(np.intp),
    )
