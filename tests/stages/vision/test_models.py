"""Known models, and which of them are there."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from stages.errors import StageFailed
from stages.vision.hyperlpr import HyperLpr
from stages.vision.models import ModelFile, available, find, known
from stages.vision.nanodet import Nanodet
from stages.vision.onnx import Session
from stages.vision.yolox import Yolox


def test_list_is_whole() -> None:
    """Every model names its origin at a fixed commit, a licence and a hash; no two share one."""
    assert len({model.sha256 for model in known()}) == len(known()) >= 7
    for model in known():
        assert len(model.commit) == 40
        assert model.repository.count("/") == 1
        assert model.licence


def test_missing_and_empty_folders_have_none(tmp_path: Path) -> None:
    """A models folder that does not exist, or holds other things, has no models."""
    assert available(tmp_path / "nowhere") == []
    (tmp_path / "yolox_nano_416x416.onnx").write_bytes(b"\0" * 3660092)  # the size fits, the bytes do not
    assert available(tmp_path) == []
    assert find("vehicle", tmp_path) is None


@pytest.mark.shared
def test_models_are_recognised_by_content(tmp_path: Path, shared: Path) -> None:
    """A model is found under any name in any folder, a changed one never."""
    folder = tmp_path / "a" / "b"
    folder.mkdir(parents=True)
    copy = folder / "whatever.onnx"
    shutil.copyfile(shared / "models" / "cct_xs_v1_global.onnx", copy)
    file = find("plate_text", tmp_path)
    assert file is not None
    assert (file.model.name, file.path) == ("cct_xs_v1_global", copy)
    data = bytearray(copy.read_bytes())
    data[1000] ^= 1
    copy.write_bytes(data)
    assert find("plate_text", tmp_path) is None


@pytest.mark.shared
def test_runtime_narrows_the_choice(shared: Path) -> None:
    """The preferred vehicle model is ONNX; a Coral host asks for TFLite."""
    folder = shared / "models"
    onnx, tflite = find("vehicle", folder), find("vehicle", folder, "tflite")
    assert onnx is not None
    assert tflite is not None
    assert (onnx.model.runtime, tflite.model.runtime) == ("onnx", "tflite")


def test_broken_model_file(tmp_path: Path) -> None:
    """A file that is no model fails with a sentence that names it."""
    path = tmp_path / "broken.onnx"
    path.write_bytes(b"no model")
    with pytest.raises(StageFailed, match=r"broken\.onnx"):
        Session(path)


def picture(path: Path) -> np.ndarray:
    """A photo as 1×H×W×3 RGB."""
    image = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
    return np.ascontiguousarray(image[None], np.uint8)


def by_name(folder: Path, name: str) -> ModelFile:
    """One of the available models."""
    return next(file for file in available(folder) if file.model.name == name)


@pytest.mark.shared
@pytest.mark.parametrize(("kind", "name"), [(Yolox, "yolox_nano_416"), (Nanodet, "nanodet_m_320")])
def test_vehicle_models_find_the_car(shared: Path, kind: type[Yolox], name: str) -> None:
    """A vehicle model finds the car in front, whose place is known from another model's view."""
    frame = next((shared / "plates-dashcam").rglob("dayride_type1_001_t20.jpg"))
    found = kind(by_name(shared / "models", name), threads=2).detect(picture(frame))[0]
    assert found.labels[0] == "car"
    assert np.abs(found.boxes[0] - [615, 269, 985, 560]).max() < 25
    assert found.boxes.dtype == np.float32
    assert list(found.scores) == sorted(found.scores, reverse=True)


@pytest.mark.shared
@pytest.mark.parametrize("name", ["hyperlpr3_y5fu_320", "hyperlpr3_y5fu_640"])
def test_plate_models_find_the_plate(shared: Path, name: str) -> None:
    """A plate model finds the labelled plates of photos, with corners inside the box's neighbourhood."""
    detector = HyperLpr(by_name(shared / "models", name), threads=2)
    right = 0
    for photo in sorted((shared / "plates" / "eu").glob("*.jpg"))[:6]:
        _, x, y, w, h, _ = next(csv.reader([photo.with_suffix(".txt").read_text().strip()], delimiter="\t"))
        found = detector.detect(picture(photo))[0]
        if found.corners is not None:
            middle = (found.corners[0].mean(axis=0) - [float(x), float(y)]) / [float(w), float(h)]
            right += bool((middle > 0).all() and (middle < 1).all())
    assert right >= 5
