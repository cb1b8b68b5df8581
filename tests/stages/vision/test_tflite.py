"""TFLite detectors: real models on this host's CPU, and models that need a TPU."""

import shutil
import zipfile

import av
import numpy as np
import pytest

from stages.errors import StageFailed
from stages.vision import tflite
from stages.vision.coco import VEHICLES

SSD = "models/coco_ssd_mobilenet_v1_1.0_quant_2018_06_29.tflite"
EDGE = "models/edgetpu/mobilenet_v1_0.25_128_quant_edgetpu.tflite"
CLASSIFIER = "models/edgetpu/mobilenet_v1_0.25_128_quant.tflite"

pytestmark = pytest.mark.shared


@pytest.fixture(scope="module")
def road(shared):
    """The first picture of a real drive on a highway."""
    with av.open(str(shared / "clips/highway-960x540.mp4")) as clip:
        return next(clip.decode(video=0)).to_ndarray(format="rgb24")


def test_cars_are_found_on_a_highway(shared, road):
    """The SSD model finds cars, best first, with boxes inside the picture."""
    loaded = tflite.load(shared / SSD)
    found = loaded.detector.detect(road[None])[0]
    assert found.labels.count("car") >= 3
    assert set(found.labels) <= VEHICLES
    assert list(found.scores) == sorted(found.scores, reverse=True)
    assert found.scores.min() >= 0.4
    assert (found.boxes[:, 2] > found.boxes[:, 0]).all()
    assert found.boxes.min() >= 0
    assert found.boxes[:, 2].max() <= 960
    assert found.boxes[:, 3].max() <= 540


def test_a_batch_gives_one_answer_per_picture(shared, road):
    """Pictures of a batch are told apart, and a blank one has no vehicle."""
    detector = tflite.load(shared / SSD).detector
    many = detector.detect(np.stack([road, np.full_like(road, 128)]))
    assert len(many) == 2
    np.testing.assert_array_equal(many[0].boxes, detector.detect(road[None])[0].boxes)
    assert not VEHICLES & set(many[1].labels)


def test_a_higher_score_finds_less(shared, road):
    """`score` is the least score that counts."""
    few = tflite.load(shared / SSD, score=0.6).detector.detect(road[None])[0]
    many = tflite.load(shared / SSD, score=0.3).detector.detect(road[None])[0]
    assert len(few.labels) < len(many.labels)


def test_it_says_what_it_is(shared):
    """`describe` names the model, its hash and where it runs."""
    about = tflite.load(shared / SSD).detector.describe()
    assert about["model"] == "coco_ssd_mobilenet_v1_1.0_quant_2018_06_29.tflite"
    assert about["device"] == "cpu"
    assert len(about["blake2"]) == 64
    assert about["runtime"].split()[0] in ("ai-edge-litert", "tflite-runtime")


def test_labels_come_from_the_model(shared, tmp_path):
    """The label file inside a model wins; a model without one gets COCO's, gaps included."""
    inside = tflite.labels(shared / SSD)
    assert (inside[0], inside[2], inside[7], inside[12]) == ("person", "car", "truck", "stop sign")
    bare = tmp_path / "bare.tflite"
    bare.write_bytes(b"TFL3" * 100)
    assert tflite.labels(bare)[:13] == inside[:13]
    assert len(tflite.labels(bare)) == 90
    own = tmp_path / "own.tflite"
    with zipfile.ZipFile(own, "w") as archive:
        archive.writestr("labels.txt", "van\ntram\n")
    assert tflite.labels(own) == ["van", "tram"]


def test_a_model_for_the_edge_tpu_fails_with_a_reason(shared):
    """Without a TPU a compiled model is refused with a sentence that says what to do."""
    assert tflite.compiled_for_edge_tpu(shared / EDGE)
    assert not tflite.compiled_for_edge_tpu(shared / SSD)
    if not tflite.edge_tpu_library_missing():
        pytest.skip("this host has the Edge TPU's library")
    with pytest.raises(StageFailed, match=r"edgetpu-custom-op.*use a CPU model"):
        tflite.load(shared / EDGE)


@pytest.mark.parametrize("name", [CLASSIFIER, "models/nanodet_m_320.onnx", "models/coco_labels_coral.txt"])
def test_what_is_no_detector_is_refused(shared, name):
    """A classifier, an ONNX model and a text file are no TFLite detectors."""
    with pytest.raises(StageFailed, match=shared.joinpath(name).name):
        tflite.load(shared / name)


def test_the_known_model_is_chosen(shared, tmp_path):
    """Without a name the model list decides, whatever the file is called; an empty folder has none."""
    assert tflite.choose(tmp_path) is None
    shutil.copyfile(shared / SSD, tmp_path / "renamed.tflite")
    chosen = tflite.choose(tmp_path)
    assert chosen is not None
    assert chosen.notice is None
    assert chosen.detector.describe()["model"] == "renamed.tflite"


def test_falling_back_to_the_cpu_is_said_aloud(shared, tmp_path):
    """A named TPU model that cannot run gives way to the known CPU model, with a notice."""
    if not tflite.edge_tpu_library_missing():
        pytest.skip("this host has the Edge TPU's library")
    shutil.copyfile(shared / EDGE, tmp_path / "mine_edgetpu.tflite")
    with pytest.raises(StageFailed, match="edgetpu-custom-op"):
        tflite.choose(tmp_path, "mine_edgetpu.tflite")
    shutil.copyfile(shared / SSD, tmp_path / "cpu.tflite")
    chosen = tflite.choose(tmp_path, "mine_edgetpu.tflite")
    assert chosen is not None
    assert chosen.detector.describe()["model"] == "cpu.tflite"
    assert "edgetpu-custom-op" in chosen.notice
    assert "cpu.tflite runs instead" in chosen.notice


@pytest.mark.parametrize("name", ["../secret.tflite", "/etc/passwd", "missing.tflite"])
def test_a_named_model_lies_in_the_folder(tmp_path, name):
    """A path, or a name that is not there, is refused with a sentence."""
    with pytest.raises(StageFailed, match="model"):
        tflite.choose(tmp_path, name)
