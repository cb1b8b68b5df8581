"""Detectors by family: tiny real models whose answer is known, and the real ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.errors import StageFailed
from stages.vision.coco import COCO80, VEHICLES
from stages.vision.decoders import Size
from stages.vision.exported import ExportedDetector
from stages.vision.families import Answer, recognise
from stages.vision.models import available
from stages.vision.named import NamedModel, named
from stages.vision.photo import open_photo
from stages.vision.selftest import self_test, warm_up
from stages.vision.yolox import Yolox
from tests.stages.vision.exports import NAMES, SIZE, WRITERS, Truth, columns
from tests.stages.vision.onnx_made import Port, constant, model, node

WIDE, HIGH = 300, 200  # of the picture in which the models are let see their boxes
SETTING = "vehicle_model"
STRETCHED = {"fastestdet", "rtdetr", "detr", "paddle", "d-fine"}
IN_PICTURE = np.array([[30, 20, 90, 70], [150, 40, 290, 120], [60, 120, 110, 190]], np.float32)
SCORES = np.array([0.9, 0.8, 0.6], np.float32)
CLASSES = np.array([1, 3, 2])
NAMED = {"names": str(dict(enumerate(NAMES))), "task": "detect"}
EXTRA = {
    "paddle": [
        Port("im_shape", (1, 2)),
        Port("image", (1, 3, SIZE[1], SIZE[0])),
        Port("scale_factor", (1, 2)),
    ],
    "d-fine": [
        Port("images", (1, 3, SIZE[1], SIZE[0])),
        Port("orig_target_sizes", (1, 2), "int64"),
    ],
}


def in_input(family: str, boxes: np.ndarray) -> np.ndarray:
    """Boxes of the picture as pixels of the model's input, as its family wants pictures fitted."""
    if family in STRETCHED:
        return boxes * np.array([SIZE[0] / WIDE, SIZE[1] / HIGH] * 2, np.float32)
    scale = min(SIZE[0] / WIDE, SIZE[1] / HIGH)
    left = 0 if family == "yolox" else (SIZE[0] - round(WIDE * scale)) // 2
    top = 0 if family == "yolox" else (SIZE[1] - round(HIGH * scale)) // 2
    return (boxes * scale + np.array([left, top] * 2)).astype(np.float32)


def written(family: str, boxes: np.ndarray = IN_PICTURE) -> dict[str, Any]:
    """What a model of that family answers when it sees these boxes in the picture."""
    return WRITERS[family](Truth(in_input(family, boxes), SCORES[: len(boxes)], CLASSES[: len(boxes)]))


def own(path: Path) -> NamedModel:
    """A file as the settings would name it."""
    found = named(path.parent, path.name, SETTING)
    assert isinstance(found, NamedModel)
    return found


@pytest.mark.parametrize("family", WRITERS)
def test_boxes_come_back_in_the_picture(tmp_path: Path, family: str) -> None:
    """Each family is recognised, and its boxes lie where they were, whatever was made of the picture."""
    path = constant(
        tmp_path / "own.onnx", written(family), size=SIZE, inputs=EXTRA.get(family, ()), metadata=NAMED
    )
    detector = ExportedDetector(own(path), "vehicle", threads=1)
    assert detector.describe()["family"] == family.removesuffix(" turned").replace("yolov6", "yolov5")
    (found,) = detector.detect(np.full((1, HIGH, WIDE, 3), 200, np.uint8))
    assert found.labels == ["car", "truck", "bus"]
    np.testing.assert_allclose(found.scores, SCORES, atol=0.01)
    np.testing.assert_allclose(found.boxes, IN_PICTURE, atol=1.5)
    self_test(detector)


@pytest.mark.parametrize("family", ["yolov8", "end-to-end", "detr"])
def test_half_precision(tmp_path: Path, family: str) -> None:
    """A model of 16-bit numbers is given them, and its boxes are as good as 16 bits allow."""
    outputs = {name: value.astype(np.float16) for name, value in written(family).items()}
    path = constant(tmp_path / "half.onnx", outputs, size=SIZE, metadata=NAMED, dtype="float16")
    (found,) = ExportedDetector(own(path), "vehicle").detect(np.zeros((1, HIGH, WIDE, 3), np.uint8))
    np.testing.assert_allclose(found.boxes, IN_PICTURE, atol=2)


def seeing(path: Path, outputs: dict[str, Any], **kwargs: Any) -> Path:
    """A model with open axes that sees its boxes in bright pictures only: scores times the largest pixel."""
    ((name, value),) = outputs.items()
    brightness = np.ones((1, value.shape[1], 1), np.float32)
    brightness[0, :4] = 0
    nodes = [
        node("ReduceMax", ["images"], "most", axes=[1, 2, 3], keepdims=1),
        node("Squeeze", ["most", "third"], "most3"),
        node("Mul", ["most3", "scored"], "shares"),
        node("Add", ["shares", "places"], "factors"),
        node("Mul", ["factors", "value"], name),
    ]
    constants = {
        "third": np.array([3]),
        "scored": brightness,
        "places": 1 - brightness,
        "value": value,
    }
    given = Port("images", ("batch", 3, "height", "width"))
    out = Port(name, ("batch", value.shape[1], "boxes"))
    path.write_bytes(model([given], [out], nodes, constants, NAMED | kwargs))
    return path


def test_open_axes_and_batches(tmp_path: Path) -> None:
    """A model that takes any number of pictures of any size gets several at once, and they are told apart."""
    path = seeing(tmp_path / "open.onnx", written("yolov8"), imgsz=f"[{SIZE[1]}, {SIZE[0]}]")
    detector = ExportedDetector(own(path), "vehicle")
    assert detector.describe()["size"] == f"{SIZE[0]}x{SIZE[1]}"
    # As wide to high as the input: nothing is filled with grey that a black picture would not have.
    batch = np.zeros((11, SIZE[1], SIZE[0], 3), np.uint8)
    batch[[0, 3, 9, 10]] = 255
    found = detector.detect(batch)
    assert [len(each.labels) for each in found] == [3, 0, 0, 3, 0, 0, 0, 0, 0, 3, 3]


def test_fixed_batches_are_filled(tmp_path: Path) -> None:
    """A model that takes four pictures at a time gets four, and answers as many as were given."""
    outputs = {"output0": np.repeat(written("end-to-end")["output0"], 4, axis=0)}
    inputs = [Port("images", (4, 3, SIZE[1], SIZE[0]))]
    path = constant(tmp_path / "four.onnx", outputs, inputs=inputs, metadata=NAMED)
    found = ExportedDetector(own(path), "vehicle").detect(np.zeros((6, HIGH, WIDE, 3), np.uint8))
    assert [len(each.labels) for each in found] == [3] * 6


def test_the_size_can_be_set(tmp_path: Path) -> None:
    """Where neither axes nor file say how large the input is, the setting does."""
    truth = Truth(np.array([[32, 64, 96, 128]], np.float32), SCORES[:1], CLASSES[:1])
    square = np.zeros((1, 4 + len(NAMES), 84 * 4), np.float32)  # the cells of 128x128
    square[0, :, 5] = columns(truth)["output0"][0, :, 0]
    path = seeing(tmp_path / "open.onnx", {"output0": square})
    detector = ExportedDetector(own(path), "vehicle", size=128)
    assert detector.size == 128
    (found,) = detector.detect(np.full((1, 256, 256, 3), 255, np.uint8))
    np.testing.assert_allclose(found.boxes, truth.boxes * 2, atol=1)
    with pytest.raises(StageFailed, match=r"outputs output0 1×8×336"):
        ExportedDetector(own(path), "vehicle")


def test_sizes_that_the_model_is_told(tmp_path: Path) -> None:
    """D-FINE multiplies its boxes by the picture's size that it is given as its second input."""
    shares = (in_input("d-fine", IN_PICTURE) / np.array(SIZE * 2, np.float32))[None].astype(np.float32)
    nodes = [
        node("Cast", ["orig_target_sizes"], "sizes", to=1),
        node("Concat", ["sizes", "sizes"], "twice", axis=1),
        node("Mul", ["twice", "shares"], "boxes"),
        node("Identity", ["given_labels"], "labels"),
        node("Identity", ["given_scores"], "scores"),
    ]
    outputs = [Port("labels", (1, 3), "int64"), Port("boxes", (1, 3, 4)), Port("scores", (1, 3))]
    constants = {"shares": shares, "given_labels": CLASSES[None], "given_scores": SCORES[None]}
    path = tmp_path / "dfine.onnx"
    path.write_bytes(model(EXTRA["d-fine"], outputs, nodes, constants))
    detector = ExportedDetector(own(path), "vehicle", names=NAMES)
    (found,) = detector.detect(np.zeros((1, HIGH, WIDE, 3), np.uint8))
    np.testing.assert_allclose(found.boxes, IN_PICTURE, atol=1.5)


def test_overlapping_boxes_are_suppressed_once(tmp_path: Path) -> None:
    """Without built-in suppression the surest of two boxes on one object stays; classes do not suppress others."""
    boxes = np.array([[30, 20, 90, 70], [32, 21, 92, 71], [30, 20, 90, 70]], np.float32)
    truth = Truth(in_input("yolov8", boxes), SCORES, np.array([1, 1, 3]))
    path = constant(tmp_path / "own.onnx", columns(truth), size=SIZE, metadata=NAMED)
    (found,) = ExportedDetector(own(path), "vehicle").detect(np.zeros((1, HIGH, WIDE, 3), np.uint8))
    assert found.labels == ["car", "truck"]


def test_a_higher_score_finds_less(tmp_path: Path) -> None:
    """`score` is the least that counts."""
    path = constant(tmp_path / "own.onnx", written("yolov8"), size=SIZE, metadata=NAMED)
    (found,) = ExportedDetector(own(path), "vehicle", score=0.85).detect(np.zeros((1, 9, 9, 3), np.uint8))
    assert found.labels == ["car"]


@pytest.mark.parametrize("names", [("plate", "car", "x", "y"), ("Car", "License_Plate", "x", "y")])
def test_plates_by_name(tmp_path: Path, names: tuple[str, ...]) -> None:
    """A plate model's classes that are plates are told, others are not."""
    path = constant(tmp_path / "own.onnx", written("end-to-end, numbered"), size=SIZE)
    detector = ExportedDetector(own(path), "plate", names=names)
    (found,) = detector.detect(np.zeros((1, HIGH, WIDE, 3), np.uint8))
    assert found.labels == ["plate"] * ("late" in names[1])


def test_a_plate_model_without_names(tmp_path: Path) -> None:
    """Whatever a plate model finds that names nothing is a plate; a vehicle model must name its classes."""
    path = constant(tmp_path / "own.onnx", written("end-to-end, numbered"), size=SIZE)
    (found,) = ExportedDetector(own(path), "plate").detect(np.zeros((1, HIGH, WIDE, 3), np.uint8))
    assert found.labels == ["plate"] * 3
    with pytest.raises(StageFailed, match=r"no class that is a vehicle, no names at all.*vehicle_labels"):
        ExportedDetector(own(path), "vehicle")


@pytest.mark.parametrize(
    "outputs",
    [
        {"probabilities": np.zeros((1, 1000), np.float32)},
        {"output": np.zeros((1, 3, 20, 24, 85), np.float32)},
        {"output": np.zeros((1, 4000, 85), np.float32)},
        {"a": np.zeros((1, 10, 4), np.float32), "b": np.zeros((1, 9, 4), np.float32)},
        {"scalar": np.zeros((), np.float32)},
    ],
)
def test_what_fits_nothing_is_refused(tmp_path: Path, outputs: dict[str, Any]) -> None:
    """The reason names the outputs with their shapes, and what can be decoded."""
    path = constant(tmp_path / "odd.onnx", outputs, size=SIZE)
    with pytest.raises(StageFailed, match=rf"odd\.onnx has the outputs {next(iter(outputs))} .*YOLOv5"):
        ExportedDetector(own(path), "vehicle")


@pytest.mark.parametrize(
    ("inputs", "told"),
    [
        ([Port("image", (1, 1, 160, 192))], "no input that takes RGB"),
        ([Port("images", (1, 3, 160, 192)), Port("prompt", (1, 77), "int64")], "an input prompt 1×77"),
        ([Port("images", (1, 3, 8, 8))], "an input of 8x8 pixels"),
    ],
)
def test_inputs_that_cannot_be_filled(tmp_path: Path, inputs: list[Port], told: str) -> None:
    """A model that wants something else than a picture is refused with its input's name."""
    path = constant(tmp_path / "odd.onnx", written("yolov8"), inputs=inputs)
    with pytest.raises(StageFailed, match=told):
        ExportedDetector(own(path), "vehicle")


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e30])
def test_broken_numbers_are_left_out(tmp_path: Path, bad: float) -> None:
    """Boxes or scores that are no numbers are no finds, and nothing lies outside the picture."""
    outputs = written("end-to-end")
    outputs["output0"][0, 0, 0] = bad
    outputs["output0"][0, 1, 4] = bad
    path = constant(tmp_path / "own.onnx", outputs, size=SIZE, metadata=NAMED)
    detector = ExportedDetector(own(path), "vehicle")
    self_test(detector)
    (found,) = detector.detect(np.zeros((1, HIGH, WIDE, 3), np.uint8))
    assert "bus" in found.labels
    assert np.isfinite(found.boxes).all()


def test_much_on_nothing_fails_the_self_test(tmp_path: Path) -> None:
    """A model that sees a hundred cars in an empty picture is not understood."""
    boxes = np.tile(in_input("end-to-end", IN_PICTURE[:1]), (100, 1))
    truth = Truth(boxes, np.full(100, 0.9, np.float32), np.ones(100, np.int64))
    path = constant(tmp_path / "mad.onnx", WRITERS["end-to-end"](truth), size=SIZE, metadata=NAMED)
    detector = ExportedDetector(own(path), "vehicle")
    with pytest.raises(StageFailed, match=r"mad\.onnx failed its self-test: it finds 100 things"):
        self_test(detector)


@pytest.mark.parametrize("name", ["../own.onnx", "/own.onnx", "a\\own.onnx", "own.pt", "", "gone.onnx"])
def test_a_named_model_lies_in_the_folder(tmp_path: Path, name: str) -> None:
    """A path, another kind of file, or one that is not there is refused with the setting's name."""
    with pytest.raises(StageFailed, match=SETTING):
        named(tmp_path, name, SETTING)


def test_a_broken_file(tmp_path: Path) -> None:
    """Bytes that are no model are refused with a sentence."""
    (tmp_path / "broken.onnx").write_bytes(b"\x08\x08nothing")
    with pytest.raises(StageFailed, match=r"broken\.onnx cannot be loaded"):
        ExportedDetector(own(tmp_path / "broken.onnx"), "vehicle")


@given(st.data())
def test_what_is_written_is_read(data: st.DataObject) -> None:
    """Any boxes, written as a family writes them, are decoded to the same boxes, scores and classes."""
    family = data.draw(st.sampled_from(sorted(WRITERS)))
    cells = data.draw(st.lists(st.integers(0, 19), min_size=1, max_size=6, unique=True))
    sides = st.floats(4, 30)
    boxes, scores, classes = [], [], []
    for cell in cells:
        x, y = cell % 5 * 36 + 20, cell // 5 * 36 + 20
        wide, high = data.draw(sides), data.draw(sides)
        boxes.append([x - wide / 2, y - high / 2, x + wide / 2, y + high / 2])
        scores.append(data.draw(st.floats(0.3, 0.99)))
        classes.append(data.draw(st.integers(0, len(NAMES) - 1)))
    truth = Truth(np.array(boxes, np.float32), np.array(scores, np.float32), np.array(classes))
    outputs = WRITERS[family](truth)
    inputs = [port.name for port in EXTRA.get(family, [Port("images", ())])]
    found = recognise(Answer(list(outputs.values()), list(outputs), inputs, Size(*SIZE), NAMES))
    assert found is not None
    raw = found.decode(list(outputs.values()), 0, 0.25)
    told = sorted(zip(raw.boxes.tolist(), raw.scores.tolist(), raw.classes.tolist(), strict=True))
    meant = sorted(zip(boxes, scores, classes, strict=True))
    assert [c for _, _, c in told] == [c for _, _, c in meant]
    np.testing.assert_allclose([b for b, _, _ in told], [b for b, _, _ in meant], atol=0.05)
    np.testing.assert_allclose([s for _, s, _ in told], [s for _, s, _ in meant], atol=0.005)


@given(st.lists(st.lists(st.integers(0, 40), max_size=5), min_size=1, max_size=4))
def test_no_shape_is_an_error(shapes: list[list[int]]) -> None:
    """Whatever shapes come out of a model, it is recognised or not, and nothing breaks."""
    outputs = [np.zeros(shape, np.float32) for shape in shapes]
    recognise(Answer(outputs, [f"out{n}" for n in range(len(outputs))], ["images"], Size(32, 32)))


@pytest.mark.shared
@pytest.mark.slow
def test_real_models_find_vehicles(shared: Path) -> None:
    """Every vehicle model finds a vehicle on nearly every photo of one, and passes its self-test."""
    files = [
        f for f in available(shared / "models") if f.model.use == "vehicle" and f.model.runtime == "onnx"
    ]
    assert {file.model.family for file in files} == {"yolox", "nanodet", "fastestdet"}
    photos = [open_photo(path) for path in sorted((shared / "plates").rglob("*.jpg"))[::20]]
    for file in files:
        if file.model.family == "nanodet":
            continue  # six outputs: known by its hash alone
        detector = ExportedDetector(NamedModel(file.path, file.model.sha256), "vehicle", threads=2)
        assert detector.describe()["family"] == file.model.family
        self_test(detector)
        warm_up(detector, [(720, 1280)])
        found = [VEHICLES & set(detector.detect(photo[None])[0].labels) for photo in photos]
        assert sum(map(bool, found)) >= 0.8 * len(photos)


@pytest.mark.shared
def test_a_known_model_by_its_shape_alone(shared: Path) -> None:
    """YOLOX, recognised by what it answers, finds exactly what the reader made for it finds."""
    (file,) = [f for f in available(shared / "models") if f.model.family == "yolox"]
    photo = open_photo(shared / "plates" / "eu" / "test_037.jpg")[None]
    (known,) = Yolox(file, threads=1).detect(photo)
    (own_,) = ExportedDetector(NamedModel(file.path, file.model.sha256), "vehicle", threads=1).detect(photo)
    wanted = [i for i, label in enumerate(known.labels) if label in COCO80]
    assert own_.labels == [known.labels[i] for i in wanted]
    np.testing.assert_allclose(own_.boxes, known.boxes[wanted], atol=0.5)
