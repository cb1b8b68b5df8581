"""Which models are loaded: known ones by hash, the user's own by name, and readers by choice."""

from __future__ import annotations

import hashlib
import os
import shutil
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from stages.errors import StageFailed
from stages.settings import HeavySettings
from stages.vision.cct import CctReader
from stages.vision.loading import model_files, plate_detectors, plate_reader, vehicle_detector
from stages.vision.onnx import Session, engine_folder, providers
from stages.vision.spotter import load_spotter
from stages.vision.textreader import TextReader
from tests.stages.vision.drawn import drawn
from tests.stages.vision.exports import Truth, finished
from tests.stages.vision.onnx_made import constant

CCT = "cct_xs_v1_global.onnx"


def plate_model(folder: Path, box: np.ndarray, *, name: str = "plates.onnx") -> Path:
    """A model with built-in suppression that always sees one plate, in a picture of its input's shape."""
    truth = Truth(box[None].astype(np.float32), np.array([0.9], np.float32), np.array([0]))
    names = {"names": "{0: 'License_Plate'}"}
    return constant(folder / name, finished(truth), size=(640, 416), metadata=names)


@pytest.mark.slow
def test_a_plate_model_without_corners_is_enough(tmp_path: Path) -> None:
    """A plate that a user's own model finds is read where that model saw it, and its hash is told."""
    picture, (x1, y1, x2, y2) = drawn((640, 416), ("KHN 991", (240, 180), 48))
    path = plate_model(tmp_path, np.array([x1 - 14, y1 - 14, x2 + 14, y2 + 14]))
    spotter = load_spotter(HeavySettings(threads=1, plate_model="plates.onnx"), tmp_path)
    spotter.self_test()
    (look,) = spotter.look(picture).looks
    assert look.read is not None
    assert (look.read.plate, look.read.vouched) == ("KHN991", True)
    assert look.read.box == pytest.approx((x1 - 14, y1 - 14, x2 + 14, y2 + 14), abs=2)
    about = spotter.describe()[0]
    assert about["model"] == "plates.onnx"
    assert about["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert about["provider"] == "cpu"
    assert spotter.notices() == []


def test_another_file_of_that_name_is_noticed(tmp_path: Path) -> None:
    """What is loaded again when files change counts the user's own files and their configurations."""
    settings = HeavySettings(plate_model="plates.onnx", reader_model="own.onnx")
    plate_model(tmp_path, np.array([1, 1, 9, 9]))
    seen = [model_files(settings, tmp_path)]
    os.utime(plate_model(tmp_path, np.array([1, 1, 9, 8])), ns=(1, 1))
    seen.append(model_files(settings, tmp_path))
    (tmp_path / "own_plate_config.yaml").write_text("max_plate_slots: 9")
    seen.append(model_files(settings, tmp_path))
    assert len(set(seen)) == 3
    assert seen[-1] == model_files(settings, tmp_path)


def test_nothing_there_is_no_error(tmp_path: Path) -> None:
    """Without settings and without files there is no model, and plates are read by what came in the wheel."""
    settings = HeavySettings(threads=1)
    assert vehicle_detector(settings, tmp_path) is None
    assert plate_detectors(settings, tmp_path) == []
    assert isinstance(plate_reader(settings, tmp_path, crops=True), TextReader)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"vehicle_model": "gone.onnx"}, r"gone\.onnx, which vehicle_model names, is not there"),
        ({"plate_model": "../up.onnx"}, "plate_model must be the name of an .onnx file"),
        ({"reader_model": "gone.onnx"}, "reader_model names"),
        ({"text_reader": "fast-plate-ocr"}, "dashcam models pull cct_xs_v1_global"),
    ],
)
def test_what_was_asked_for_must_be_there(tmp_path: Path, settings: dict[str, str], told: str) -> None:
    """A model that the settings name and the folder does not have is an error, not a silent default."""
    with pytest.raises(StageFailed, match=told):
        load_spotter(HeavySettings(**settings), tmp_path)


@pytest.mark.shared
def test_a_known_model_for_something_else(shared: Path) -> None:
    """A known model is not taken for what it cannot do."""
    wrong = HeavySettings(vehicle_model=CCT)
    with pytest.raises(StageFailed, match=r"vehicle_model names cct_xs.*and that reads plates"):
        vehicle_detector(wrong, shared / "models")


@pytest.mark.shared
@pytest.mark.parametrize("wanted", ["fastestdet_352.onnx", "nanodet_m_320.onnx", "yolox_nano_416x416.onnx"])
def test_known_models_by_name(shared: Path, wanted: str) -> None:
    """The setting chooses among the known models, and a score that is set counts."""
    settings = HeavySettings(threads=1, vehicle_model=wanted, vehicle_score=0.99)
    detector = vehicle_detector(settings, shared / "models")
    assert detector is not None
    assert detector.describe()["model"].split("_")[0] == wanted.split("_")[0]
    assert detector.detect(np.full((1, 90, 160, 3), 80, np.uint8))[0].labels == []


@pytest.mark.shared
def test_readers_by_name(shared: Path, tmp_path: Path) -> None:
    """The reader is the one that is set; a copy of a known model under another name is still known."""
    models = shared / "models"
    auto = HeavySettings(threads=1)
    assert isinstance(plate_reader(auto, models, crops=True), CctReader)
    assert isinstance(plate_reader(auto, models, crops=False), TextReader)
    rapid = HeavySettings(threads=1, text_reader="rapidocr")
    assert isinstance(plate_reader(rapid, models, crops=True), TextReader)
    fast = HeavySettings(threads=1, text_reader="fast-plate-ocr")
    assert isinstance(plate_reader(fast, models, crops=False), CctReader)
    shutil.copyfile(models / CCT, tmp_path / "mine.onnx")
    with pytest.raises(StageFailed, match="a model of fast-plate-ocr"):
        plate_reader(HeavySettings(text_reader="rapidocr", reader_model="mine.onnx"), tmp_path, crops=True)
    mine = HeavySettings(threads=1, reader_model="mine.onnx")
    assert plate_reader(mine, tmp_path, crops=True).describe()[0]["model"] == "cct_xs_v1_global"


def test_the_classic_reader(tmp_path: Path) -> None:
    """rapidocr-onnxruntime's reader reads where the extra is installed, and else is missed by name."""
    settings = HeavySettings(threads=1, text_reader="rapidocr-onnxruntime")
    if find_spec("rapidocr_onnxruntime") is None:
        with pytest.raises(StageFailed, match=r"rapidocr-onnxruntime is not installed.*ocr-classic"):
            plate_reader(settings, tmp_path, crops=True)
        return
    reader = plate_reader(settings, tmp_path, crops=True)
    picture, (x1, y1, x2, y2) = drawn((640, 416), ("KHN 991", (240, 180), 48))
    (told,) = reader.read([picture[int(y1) - 4 : int(y2) + 4, int(x1) - 4 : int(x2) + 4]])
    assert told.text == "KHN991"
    assert len(told.characters) == 6
    assert "v4" in reader.describe()[0]["model"]


def test_a_provider_that_cannot_start_is_told(tmp_path: Path) -> None:
    """Where the wished provider is not used, the CPU is, and the notice says both."""
    from stages.vision.onnx import _load, _notice

    path = plate_model(tmp_path, np.array([1, 1, 9, 9]))
    wanted = [("TensorrtExecutionProvider", {}), "CPUExecutionProvider"]
    if wanted[0][0] in onnxruntime.get_available_providers():
        pytest.skip("this host's runtime has TensorRT")
    with pytest.warns(UserWarning, match="not in available provider names"):
        session, why = _load("plates.onnx", str(path), onnxruntime.SessionOptions(), wanted)
    assert session.get_providers() == ["CPUExecutionProvider"]
    told = _notice("plates.onnx", wanted[0], "cpu", why)
    assert told.startswith("plates.onnx runs on cpu and not on tensorrt: ")


def test_the_cpu_is_always_asked_last() -> None:
    """Whatever this host has, the CPU is what is left."""
    assert providers()[-1] == "CPUExecutionProvider"
    assert all(
        isinstance(each, str) or each[0] != "TensorrtExecutionProvider"
        for each in providers(fixed_shape=False)
    )


def test_engines_lie_in_the_models_folder(tmp_path: Path) -> None:
    """TensorRT's engines are kept where models are, if anything can be written there."""
    assert engine_folder(tmp_path) == tmp_path / "engines"
    assert engine_folder(tmp_path / "missing") is None


def test_a_session_says_what_it_takes(tmp_path: Path) -> None:
    """Inputs and outputs have names, shapes and types; what a model cannot take is an error with its name."""
    session = Session(plate_model(tmp_path, np.array([1, 1, 9, 9])))
    assert str(session.picture) == "images 1×3×416×640"
    assert [output.shape for output in session.outputs] == [(1, 300, 6)]
    with pytest.raises(StageFailed, match=r"plates\.onnx cannot be run"):
        session.run(np.zeros((1, 3, 10, 10), np.float32))
