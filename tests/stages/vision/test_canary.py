"""The canary: who can read plates reads it, who cannot says so in a sentence."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from stages.errors import StageFailed
from stages.heavy import HeavyStage
from stages.preprocess import PreprocessStage
from stages.settings import HeavySettings, PreprocessSettings
from stages.vision.canary import canary, try_canary
from stages.vision.models import ModelFile, available, in_use, known, survey
from stages.vision.spotter import load_spotter

SSD = "coco_ssd_mobilenet_v1_1.0_quant_2018_06_29.tflite"


def test_the_picture_is_the_same_each_time() -> None:
    """It is drawn from a seed, and its plate is known."""
    one, other = canary(), canary()
    assert (one.image == other.image).all()
    assert one.plate == other.plate
    assert one.image.dtype == np.uint8


def test_a_plate_is_larger_than_what_is_left_unread() -> None:
    """A setting that leaves plates of 100 pixels unread gets a larger picture."""
    assert canary(100).image.shape[0] / canary().image.shape[0] == pytest.approx(1.25 * 100 / 32, rel=0.01)


@pytest.mark.slow
@pytest.mark.parametrize("regions", [(), ("DE", "ES")])
def test_bundled_models_read_it(tmp_path: Path, regions: tuple[str, ...]) -> None:
    """With nothing downloaded the plate is read; grammar for other countries does not matter."""
    health = HeavyStage().self_test(HeavySettings(threads=2, regions=regions), tmp_path)
    assert health.unfit == ""
    assert {each["runtime"] for each in health.models} == {"onnx"}
    assert all(each["provider"] for each in health.models)
    assert health.milliseconds["canary"] > 0


@pytest.mark.shared
@pytest.mark.slow
def test_downloaded_models_read_it(shared: Path) -> None:
    """With the models the plate is read, however large plates must be; the names are those that `list` tells."""
    stage = HeavyStage()
    for least in (10, 90):
        health = stage.self_test(HeavySettings(threads=2, min_plate_height=least), shared / "models")
        assert health.unfit == ""
    names = {each["model"] for each in health.models}
    told = in_use(available(shared / "models"), HeavySettings())
    assert names == {name for name, uses in told.items() if any("heavy" in use for use in uses)}


@pytest.mark.slow
def test_who_reads_something_else_is_unfit(tmp_path: Path) -> None:
    """A spotter that leaves the plate unread is refused, with what it did and what to try."""
    settings = HeavySettings(threads=2)
    blind = load_spotter(HeavySettings(threads=2, min_plate_height=400), tmp_path)
    verdict = try_canary(blind, settings)
    assert canary().plate in verdict.reason
    assert "dashcam models verify" in verdict.reason


@pytest.mark.shared
def test_settings_decide_what_is_used(shared: Path) -> None:
    """A file that the settings name is used in place of the preferred one, a reader that they pass over is not."""
    there = available(shared / "models")
    told = in_use(there, HeavySettings(vehicle_model="nanodet_m_320.onnx", text_reader="rapidocr"))
    assert told["nanodet_m_320"]
    assert "yolox_nano_416" not in told
    assert "cct_xs_v1_global" not in told
    plates = [each for each in there if each.model.use != "plate"]
    assert "cct_xs_v1_global" not in in_use(plates, HeavySettings())
    assert "cct_xs_v1_global" in in_use(plates, HeavySettings(plate_model="own.onnx"))


def test_a_model_changed_after_it_was_recognised_is_not_loaded(tmp_path: Path) -> None:
    """What is loaded is what was hashed: a file replaced in between is refused, also with its size and time."""
    model = known()[0]
    path = tmp_path / model.file
    path.write_bytes(b"\0" * model.bytes)
    with pytest.raises(StageFailed, match=f"models pull {model.name}"):
        ModelFile(model, path).read()
    with pytest.raises(StageFailed, match="cannot be read"):
        ModelFile(model, tmp_path / "gone.onnx").read()


@pytest.mark.shared
def test_a_replaced_file_is_hashed_again(tmp_path: Path, shared: Path) -> None:
    """Another file under the same name, of the same size and time, is not taken for the one that was hashed."""
    path = tmp_path / "m.onnx"
    shutil.copy2(shared / "models" / "fastestdet_352.onnx", path)
    assert [each.model.name for each in available(tmp_path)] == ["fastestdet_352"]
    data = bytearray(path.read_bytes())
    data[500] ^= 1
    other = tmp_path / "other"
    other.write_bytes(data)
    shutil.copystat(path, other)
    other.replace(path)
    assert available(tmp_path) == []


def test_survey_tells_damaged_from_unknown(tmp_path: Path) -> None:
    """A known name or size with other bytes is damaged; what is like no model is unknown; pipes are not opened."""
    first, second = known()[0], known()[1]
    (tmp_path / first.file).write_bytes(b"cut off")
    (tmp_path / "renamed.onnx").write_bytes(b"\0" * second.bytes)
    (tmp_path / "mine.onnx").write_bytes(b"mine")
    (tmp_path / "notes.txt").write_bytes(b"")
    (tmp_path / "folder.onnx").mkdir()
    (tmp_path / "dangling.onnx").symlink_to(tmp_path / "nowhere")
    found = survey(tmp_path)
    assert found.there == []
    assert {each.path.name: each.model.name for each in found.damaged if each.model} == {
        first.file: first.name,
        "renamed.onnx": second.name,
    }
    assert found.unknown == [tmp_path / "mine.onnx"]


@pytest.mark.shared
@pytest.mark.slow
def test_preprocess_tries_its_detector(tmp_path: Path, shared: Path) -> None:
    """A detector that looks at the picture is told with where it runs; one that is broken is left out, visibly."""
    stage = PreprocessStage()
    health = stage.self_test(PreprocessSettings(), shared / "models")
    assert (health.unfit, len(health.models)) == ("", 1)
    assert health.models[0]["device"] == "cpu"
    (tmp_path / "own.tflite").write_bytes((shared / "models" / SSD).read_bytes()[:100_000])
    health = stage.self_test(PreprocessSettings(model="own.tflite"), tmp_path)
    assert (health.unfit, health.models) == ("", [])
    assert "own.tflite" in health.notices[0]


def test_preprocess_without_models_is_fit(tmp_path: Path) -> None:
    """No model is no trouble: the notice says how to get one."""
    health = PreprocessStage().self_test(PreprocessSettings(), tmp_path / "none")
    assert health.unfit == ""
    assert "dashcam models pull" in health.notices[0]
