"""Detectors as other projects export them to ONNX: the family is told by what the model answers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from stages.errors import StageFailed
from stages.vision.boxes import Image, Letterbox, letterbox, stretch, suppress
from stages.vision.coco import VEHICLES
from stages.vision.decoders import Raw, Size
from stages.vision.detector import PLATE, PLATE2, Detections, Images
from stages.vision.families import Answer, Family, recognise
from stages.vision.labels import coco, is_plate, names_in, vehicle
from stages.vision.models import ModelFile
from stages.vision.named import NamedModel
from stages.vision.onnx import Array, Session

Task = Literal["vehicle", "plate"]

_USUAL_SIZE = 640  # pixels, where the model leaves its input's size open and nobody says
_LARGEST = 4096
_BATCH = 8
_GREY = 114
_CLASS_GAP = 10_000  # boxes of different classes are moved apart, so that they do not suppress each other
_SCORES: dict[Task, float] = {"vehicle": 0.3, "plate": 0.25}
_MEAN = np.array([0.485, 0.456, 0.406], np.float32)
_STD = np.array([0.229, 0.224, 0.225], np.float32)
_TWO_LINES = re.compile(r"two|double|2[ _-]?line", re.IGNORECASE)


class ExportedDetector:
    """A YOLO, RT-DETR, D-FINE or FastestDet export, for vehicles or for plates.

    `names` are its classes in order where the file does not say them, `size` the input's side in pixels where
    the model leaves it open, `score` the least that counts (0 = the usual). Raises `StageFailed`: it cannot
    be loaded, is of no known family, or has no class that is wanted.
    """

    def __init__(
        self,
        file: ModelFile | NamedModel,
        task: Task,
        *,
        threads: int = 0,
        score: float = 0.0,
        size: int = 0,
        names: Sequence[str] = (),
        models: Path | None = None,
        half: bool = False,
    ) -> None:
        self._file = file
        self._task: Task = task
        self._score = score or _SCORES[task]
        self._session = Session(file, threads=threads, models=models, half=half)
        self._channels_last = self._layout()
        self._size = self._input_size(size)
        metadata = self._session.metadata
        given = list(names) or names_in(metadata)
        self._family = self._recognised(given, metadata.get("description", ""))
        self._labels = self._labelled(given or coco(self._family.classes))

    @property
    def size(self) -> int:
        """The longer side of the model's input in pixels."""
        return max(self._size)

    @property
    def notice(self) -> str:
        """What a person should know about where it runs; "" = as wished."""
        return self._session.notice

    def describe(self) -> dict[str, Any]:
        """File name, hash, runtime, provider, family and input size."""
        if isinstance(self._file, ModelFile):
            return self._session.describe(self._file.model)
        size = f"{self._size.width}x{self._size.height}"
        return self._session.describe(self._file) | {"family": self._family.name, "size": size}

    def detect(self, images: Images) -> list[Detections]:
        """What is wanted in each image; several at once where the model allows."""
        step = self._session.picture.shape[0] or _BATCH
        found: list[Detections] = []
        for start in range(0, len(images), step):
            fitted = [self._fitted(image) for image in images[start : start + step]]
            outputs = self._run(np.stack([self._pixels(each.image, self._family.pixels) for each in fitted]))
            for number, each in enumerate(fitted):
                found.append(self._decoded(outputs, number, each))
        return found

    def _decoded(self, outputs: list[Array], number: int, fitted: Letterbox) -> Detections:
        try:
            raw = self._family.decode(outputs, number, self._score)
        except (IndexError, ValueError) as error:  # a shape that the trial run did not show
            raise StageFailed(f"the model {self._file.path.name} changed its output: {error}") from error
        return self._told(raw, fitted)

    def _told(self, raw: Raw, fitted: Letterbox) -> Detections:
        boxes = fitted.restore(raw.boxes.reshape(-1, 2, 2)).reshape(-1, 4)
        wanted = [
            i
            for i, number in enumerate(raw.classes)
            if self._label(int(number)) and (boxes[i, 2:] > boxes[i, :2]).all()
        ]
        boxes, scores, classes = boxes[wanted], raw.scores[wanted], raw.classes[wanted]
        if not wanted:
            return Detections.none()
        if self._family.suppressed:
            kept = [int(i) for i in np.argsort(-scores, kind="stable")[:300]]
        else:
            kept = suppress(boxes + classes[:, None].astype(np.float32) * _CLASS_GAP, scores)
        return Detections(boxes[kept], [self._label(int(classes[i])) for i in kept], scores[kept])

    def _label(self, number: int) -> str:
        """The name of a class; "" for one that is not wanted."""
        if 0 <= number < len(self._labels):
            return self._labels[number]
        return PLATE if self._task == "plate" and not self._labels else ""

    def _fitted(self, image: Image) -> Letterbox:
        size = (self._size.width, self._size.height)
        if self._family.fit == "stretch":
            return stretch(image, size)
        return letterbox(image, size, fill=_GREY, centre=self._family.fit == "middle")

    def _pixels(self, picture: Image, kind: str) -> NDArray[Any]:
        """One picture in the numbers (`Family.pixels`) and the order that the model takes."""
        out: NDArray[Any] = picture[:, :, ::-1] if kind in ("bgr", "bgr255") else picture
        if self._session.picture.type is not np.uint8:
            out = out.astype(np.float32)
            out = out if kind == "bgr255" else out / 255
            out = (out - _MEAN) / _STD if kind == "imagenet" else out
        return out if self._channels_last else out.transpose(2, 0, 1)

    def _run(self, batch: NDArray[Any]) -> list[Array]:
        """The outputs. The model is told that its input is the whole picture, so boxes come in its pixels."""
        wanted = self._session.picture.shape[0] or len(batch)
        if wanted > len(batch):  # a model of fixed batches wants them full
            batch = np.concatenate([batch, np.repeat(batch[-1:], wanted - len(batch), axis=0)])
        width, height = self._size
        sides = {
            "orig_target_sizes": (width, height),
            "orig_image_size": (width, height),
            "im_shape": (height, width),
            "scale_factor": (1, 1),
        }
        others = {}
        for given in self._session.inputs:
            if given.name in sides:
                others[given.name] = np.array([sides[given.name]] * len(batch))
            elif given != self._session.picture:
                raise self._unknown(f"an input {given} that nothing here can fill")
        return self._session.run(batch, **others)

    def _layout(self) -> bool:
        """Whether colours are the last axis of the input; the first one else."""
        shape = self._session.picture.shape
        if len(shape) != 4 or 3 not in (shape[1], shape[3]) or self._session.picture.type is None:
            raise self._unknown("no input that takes RGB pictures")
        return shape[1] != 3

    def _input_size(self, size: int) -> Size:
        """Width and height: the model's own, else as set, else as its maker wrote into the file."""
        shape = self._session.picture.shape
        height, width = shape[1:3] if self._channels_last else shape[2:4]
        written = [int(n) for n in re.findall(r"\d{1,5}", self._session.metadata.get("imgsz", ""))[:2]]
        usual = (size, size) if size else (written[-1], written[0]) if written else (_USUAL_SIZE, _USUAL_SIZE)
        chosen = Size(width or usual[0], height or usual[1])
        if not 32 <= min(chosen) <= max(chosen) <= _LARGEST:
            raise self._unknown(f"an input of {chosen.width}x{chosen.height} pixels")
        return chosen

    def _recognised(self, names: list[str], about: str) -> Family:
        """Ask the model about an empty picture, and tell its family by the answer."""
        blank = np.full((self._size.height, self._size.width, 3), _GREY, np.uint8)
        outputs = self._run(self._pixels(blank, "unit")[None])
        found = recognise(
            Answer(
                outputs=outputs,
                output_names=[output.name for output in self._session.outputs],
                input_names=[given.name for given in self._session.inputs],
                size=self._size,
                names=names,
                about=about,
            )
        )
        if found is None:
            shapes = ", ".join(
                f"{tensor.name} {'×'.join(map(str, output.shape))}"
                for tensor, output in zip(self._session.outputs, outputs, strict=True)
            )
            raise self._unknown(f"the outputs {shapes}")
        return found

    def _labelled(self, names: list[str]) -> list[str]:
        """What each class is called, "" where it is not wanted."""
        if self._task == "vehicle":
            labels = [vehicle(name) for name in names]
            if not VEHICLES & set(labels):
                raise self._nothing_wanted("vehicle", names, ", ".join(sorted(VEHICLES)))
            return labels
        if len(names) < 2:
            return [_plate(name) for name in names]
        labels = [_plate(name) if is_plate(name) else "" for name in names]
        if not any(labels):
            raise self._nothing_wanted("plate", names, "plate")
        return labels

    def _nothing_wanted(self, task: Task, names: list[str], wanted: str) -> StageFailed:
        there = f"only {', '.join(names[:10])}" if names else "no names at all"
        return StageFailed(
            f"the model {self._file.path.name} has no class that is a {task}, {there}; "
            f"name its classes in order by {task}_labels ({wanted})"
        )

    def _unknown(self, what: str) -> StageFailed:
        return StageFailed(
            f"the model {self._file.path.name} has {what} and is of no family that can be decoded "
            "(YOLOv5 to v11 with or without suppression, YOLOX, FastestDet, RT-DETR, D-FINE); "
            "export it as one of these"
        )


def _plate(name: str) -> str:
    return PLATE2 if _TWO_LINES.search(name) else PLATE
