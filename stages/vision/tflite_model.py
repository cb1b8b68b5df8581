"""An SSD model with post-processed outputs: what its file says, and one that is loaded in a process."""

from __future__ import annotations

import mmap
import zipfile
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from stages.errors import StageFailed
from stages.vision.coco import COCO80
from stages.vision.detector import Detections
from stages.vision.sticks import candidates
from stages.vision.tflite_process import Declined, Lost, TfliteProcess
from stages.vision.tflite_words import Found, Look, Open, Opened, Seen, Sticks, Tensor

_EDGE_TPU_OP = b"edgetpu-custom-op"
_MAX_LABEL_BYTES = 1 << 20
_MAX_SIDE = 2048
_NONSENSE = "its process answered with something else"
#: Numbers that COCO counts and never gave to anything: its 91 classes are 80 in truth.
_COCO_GAPS = frozenset({11, 25, 28, 29, 44, 65, 67, 68, 70, 82})


class TfliteModel:
    """A model that a process has loaded; pictures are stretched to its input.

    Raises `StageFailed`: it is no SSD detector.
    """

    def __init__(self, path: Path, process: TfliteProcess, device: str, opened: Opened, score: float) -> None:
        self.runtime = opened.runtime
        self.device = device
        self._process = process
        self._score = score
        self._kind, self._size = _input(opened.inputs, path)
        self._order = _outputs(opened.outputs, path)
        self._labels = labels(path)

    @property
    def pid(self) -> int:
        """The number of its process."""
        return self._process.pid

    def close(self) -> None:
        """End its process."""
        self._process.close()

    def look(self, image: NDArray[np.uint8], limit: float) -> Detections:
        """What it finds in one H×W×3 RGB image. Raises `Lost` or `Declined`."""
        small = cv2.resize(image, self._size, interpolation=cv2.INTER_LINEAR)
        seen = self._process.ask(Look(tensor=_as_input(small, self._kind).tobytes(), limit=limit))
        if not isinstance(seen, Seen) or len(seen.tensors) != 4:
            raise Lost(_NONSENSE)
        try:
            boxes, classes, scores, count = (np.frombuffer(seen.tensors[i], np.float32) for i in self._order)
            boxes = boxes.reshape(-1, 4)
        except ValueError:  # outputs may change their size with each look
            raise Lost(_NONSENSE) from None
        height, width = image.shape[:2]
        return self._detections(boxes, classes, scores, count, np.array([width, height] * 2))

    def _detections(
        self,
        boxes: NDArray[np.float32],
        classes: NDArray[np.float32],
        scores: NDArray[np.float32],
        count: NDArray[np.float32],
        scale: NDArray[np.int64],
    ) -> Detections:
        known = min(len(boxes), len(classes), len(scores))
        if len(count) and 0 <= count[0] < known:
            known = int(count[0])
        whole = np.isfinite(boxes[:known]).all(axis=1) & np.isfinite(classes[:known])
        # NaN is not at least anything.
        good = np.flatnonzero(whole & (scores[:known] >= self._score))
        good = good[np.argsort(-scores[good], kind="stable")]
        corners = np.clip(boxes[good][:, [1, 0, 3, 2]], 0, 1) * scale
        names = [self._name(int(classes[i])) for i in good]
        return Detections(corners.astype(np.float32), names, np.clip(scores[good], 0, 1))

    def _name(self, number: int) -> str:
        return self._labels[number] if 0 <= number < len(self._labels) else f"class {number}"


def open_model(
    path: Path, wish: str, *, score: float, threads: int, start: float, look: float
) -> TfliteModel:
    """Load a model on the CPU (`wish` "cpu") or the first Edge TPU of those wished for that takes it.

    A grey picture goes through before it counts: that finds broken devices and warms it up. `start` and
    `look` limit the steps in seconds. Raises `Declined` with what each device said, or `StageFailed`.
    """
    process = TfliteProcess()
    said: dict[str, str] = {}
    for device in [wish] if wish == "cpu" else _devices(process, wish, start):
        try:
            opened = process.ask(Open(path=str(path), device=device, threads=threads, limit=start))
            if not isinstance(opened, Opened):
                raise Lost(_NONSENSE)
            model = TfliteModel(path, process, device, opened, score)
            model.look(np.full((64, 64, 3), 128, np.uint8), max(start, look))
        except Declined as error:
            said[device] = str(error)
        except Lost as error:
            said[device] = str(error)
            process = TfliteProcess()
        except StageFailed:
            process.close()
            raise
        else:
            return model
    process.close()
    raise Declined(_together(said))


def _devices(process: TfliteProcess, wish: str, limit: float) -> list[str]:
    try:
        found = process.ask(Sticks(limit))
    except (Lost, Declined):
        return candidates(wish, [])
    return candidates(wish, found.names if isinstance(found, Found) else [])


def _together(said: dict[str, str]) -> str:
    """What the devices said; what all of them said, once."""
    reasons = set(said.values())
    if len(reasons) == 1:
        return reasons.pop()
    return "; ".join(f"{device}: {why}" for device, why in said.items())


def compiled_for_edge_tpu(path: Path) -> bool:
    """Whether a model holds the operation that only an Edge TPU can perform."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return data.find(_EDGE_TPU_OP) >= 0


def labels(path: Path) -> list[str]:
    """The names in the label file inside the model, by class number; without one, those of COCO."""
    try:
        with zipfile.ZipFile(path) as inside:
            for item in inside.infolist():
                if item.filename.endswith(".txt") and item.file_size <= _MAX_LABEL_BYTES:
                    lines = inside.read(item).decode("utf-8", errors="replace").splitlines()
                    return [line.strip()[:100] for line in lines]
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError):
        pass  # most models carry none
    names = iter(COCO80)
    return ["???" if number in _COCO_GAPS else next(names) for number in range(90)]


def _input(given: list[Tensor], path: Path) -> tuple[str, tuple[int, int]]:
    """The input's kind of number, and its width and height."""
    if len(given) == 1 and given[0].dtype in ("uint8", "int8", "float32") and len(given[0].shape) == 4:
        images, height, width, channels = given[0].shape
        if (images, channels) == (1, 3) and 0 < height <= _MAX_SIDE and 0 < width <= _MAX_SIDE:
            return given[0].dtype, (width, height)
    raise StageFailed(f"the model {path.name} does not take one RGB picture, so it is no detector of ours")


def _as_input(picture: NDArray[np.uint8], kind: str) -> NDArray[np.generic]:
    if kind == "uint8":
        return picture
    if kind == "int8":
        return (picture.astype(np.int16) - 128).astype(np.int8)
    return (picture.astype(np.float32) - 127.5) / np.float32(127.5)


def _outputs(answers: list[Tensor], path: Path) -> tuple[int, int, int, int]:
    """Places of boxes, classes, scores and count. Converters name and order them in two ways."""
    boxes = [each for each in answers if len(each.shape) == 3 and each.shape[2] == 4]
    if len(answers) != 4 or len(boxes) != 1 or any(each.dtype != "float32" for each in answers):
        raise StageFailed(f"the model {path.name} has no SSD outputs (boxes, classes, scores, count)")
    ordered = sorted(range(4), key=lambda place: answers[place].name)
    if answers[ordered[0]] is not boxes[0]:  # newer converters count them from the last to the first
        ordered.reverse()
    first, second, third, last = ordered
    return first, second, third, last
