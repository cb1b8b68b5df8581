"""Known boxes, written the way in which each family of exports writes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
#: The models' input in the tests: width and height.
SIZE = (192, 160)
NAMES = ("person", "car", "bus", "truck")
_CELLS = [(s, x, y) for s in (8, 16, 32) for y in range(SIZE[1] // s) for x in range(SIZE[0] // s)]


class Truth(NamedTuple):
    """K boxes (K×4, x1 y1 x2 y2 in pixels of the model's input), their scores and class numbers."""

    boxes: Floats
    scores: Floats
    classes: NDArray[np.int64]


def middles(truth: Truth) -> Floats:
    """Centre and size."""
    low, high = truth.boxes[:, :2], truth.boxes[:, 2:]
    return np.concatenate([(low + high) / 2, high - low], axis=1)


def chances(truth: Truth) -> Floats:
    """K×C: the score in the box's class, next to nothing in the others."""
    out = np.full((len(truth.boxes), len(NAMES)), 0.001, np.float32)
    out[np.arange(len(truth.boxes)), truth.classes] = truth.scores
    return out


def _filled(rows: Floats, count: int, *, step: int = 7) -> Floats:
    """These rows among as many as the model has, a few apart; the others say nothing."""
    out = np.zeros((count, rows.shape[1]), np.float32)
    out[:, 2:4] = 1
    out[np.arange(len(rows)) * step % count] = rows
    return out


def anchored(truth: Truth) -> dict[str, NDArray[Any]]:
    """YOLOv5: objectness and class probability make the score together."""
    halves = np.sqrt(chances(truth))
    rows = np.concatenate([middles(truth), np.sqrt(truth.scores)[:, None], halves], axis=1)
    return {"output": _filled(rows, 3 * len(_CELLS))[None]}


def per_cell_in_pixels(truth: Truth) -> dict[str, NDArray[Any]]:
    """YOLOv6: as YOLOv5, one row per cell. The last row is a box at the far edge, as every picture has one."""
    rows = np.concatenate([middles(truth), np.ones((len(truth.boxes), 1)), chances(truth)], axis=1)
    table = _filled(rows.astype(np.float32), len(_CELLS))
    table[-1, :2] = SIZE
    return {"outputs": table[None]}


def columns(truth: Truth) -> dict[str, NDArray[Any]]:
    """YOLOv8."""
    rows = np.concatenate([middles(truth), chances(truth)], axis=1)
    return {"output0": _filled(rows, len(_CELLS)).T[None]}


def rows(truth: Truth) -> dict[str, NDArray[Any]]:
    """YOLOv8 the other way round."""
    return {"output0": columns(truth)["output0"].transpose(0, 2, 1)}


def yolox(truth: Truth) -> dict[str, NDArray[Any]]:
    """YOLOX: each box in a cell of its own, if need be one that it does not lie in."""
    table = np.zeros((len(_CELLS), 5 + len(NAMES)), np.float32)
    for number, (middle, chance) in enumerate(zip(middles(truth), chances(truth), strict=True)):
        at = number * 5
        stride, x, y = _CELLS[at]
        table[at, :2] = middle[:2] / stride - [x, y]
        table[at, 2:4] = np.log(middle[2:] / stride)
        table[at, 4:] = [1.0, *chance]
    return {"output": table[None]}


def fastestdet(truth: Truth) -> dict[str, NDArray[Any]]:
    """FastestDet: the cell in which the box's middle lies; boxes must be in different ones."""
    wide, high = SIZE[0] // 16, SIZE[1] // 16
    out = np.zeros((5 + len(NAMES), high, wide), np.float32)
    for middle, chance, score in zip(middles(truth), chances(truth), truth.scores, strict=True):
        x, y = (min(int(middle[i] // 16), (wide, high)[i] - 1) for i in (0, 1))
        offset = np.clip(middle[:2] / 16 - [x, y], 0, 0.999999)
        share = middle[2:] / SIZE
        out[1:3, y, x] = np.arctanh(offset)
        out[3:5, y, x] = np.log(share / (1 - share))
        out[0, y, x], out[5:, y, x] = score, chance
    return {"758": out[None]}


def finished(truth: Truth) -> dict[str, NDArray[Any]]:
    """YOLOv10: K×6, padded with nothing to 300."""
    rows = np.concatenate([truth.boxes, truth.scores[:, None], truth.classes[:, None]], axis=1)
    table = np.zeros((300, 6), np.float32)
    table[: len(rows)] = rows
    return {"output0": table[None]}


def numbered(truth: Truth) -> dict[str, NDArray[Any]]:
    """YOLOv7 end to end: K×7."""
    rows = [np.zeros((len(truth.boxes), 1)), truth.boxes, truth.classes[:, None], truth.scores[:, None]]
    return {"output": np.concatenate(rows, axis=1).astype(np.float32)}


def queries(truth: Truth) -> dict[str, NDArray[Any]]:
    """RT-DETR by Ultralytics: shares of the picture."""
    table = np.zeros((300, 4 + len(NAMES)), np.float32)
    table[: len(truth.boxes)] = np.concatenate([middles(truth) / (SIZE * 2), chances(truth)], axis=1)
    return {"output0": table[None]}


def logits(truth: Truth) -> dict[str, NDArray[Any]]:
    """RT-DETR and D-FINE in transformers: logits and shares."""
    chance = np.clip(chances(truth), 1e-4, 1 - 1e-4)
    return {
        "logits": np.log(chance / (1 - chance)).astype(np.float32)[None],
        "pred_boxes": (middles(truth) / (SIZE * 2)).astype(np.float32)[None],
    }


def paddle(truth: Truth) -> dict[str, NDArray[Any]]:
    """PaddleDetection: K×6 and how many."""
    rows = np.concatenate([truth.classes[:, None], truth.scores[:, None], truth.boxes], axis=1)
    return {"boxes": rows.astype(np.float32), "num": np.array([len(rows)], np.int32)}


def listed(truth: Truth) -> dict[str, NDArray[Any]]:
    """D-FINE: labels, boxes, scores."""
    return {"labels": truth.classes[None], "boxes": truth.boxes[None], "scores": truth.scores[None]}


#: Each family by its name, and how a truth is written in it.
WRITERS: dict[str, Callable[[Truth], dict[str, NDArray[Any]]]] = {
    "yolov5": anchored,
    "yolov6": per_cell_in_pixels,
    "yolov8": columns,
    "yolov8 turned": rows,
    "yolox": yolox,
    "fastestdet": fastestdet,
    "end-to-end": finished,
    "end-to-end, numbered": numbered,
    "rtdetr": queries,
    "detr": logits,
    "paddle": paddle,
    "d-fine": listed,
}
