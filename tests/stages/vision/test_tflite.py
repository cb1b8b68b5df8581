"""TFLite detectors: real models on this host's CPU, and models that need a TPU."""

import gc
import os
import shutil
import signal
import subprocess
import sys
import zipfile

import av
import numpy as np
import pytest

from stages.errors import StageFailed
from stages.vision import tflite
from stages.vision.coco import VEHICLES
from stages.vision.tflite_child import edge_tpu_library_missing
from stages.vision.tflite_detector import Times
from stages.vision.tflite_model import TfliteModel, compiled_for_edge_tpu, labels
from stages.vision.tflite_words import Opened, Tensor
from tests.stages.vision.processes import gone, running, within

SSD = "models/coco_ssd_mobilenet_v1_1.0_quant_2018_06_29.tflite"
EDGE = "models/edgetpu/mobilenet_v1_0.25_128_quant_edgetpu.tflite"
CLASSIFIER = "models/edgetpu/mobilenet_v1_0.25_128_quant.tflite"

pytestmark = [pytest.mark.shared, pytest.mark.slow]  # each starts a process


@pytest.fixture(scope="module")
def road(shared):
    """The first picture of a real drive on a highway."""
    with av.open(str(shared / "clips/highway-960x540.mp4")) as clip:
        return next(clip.decode(video=0)).to_ndarray(format="rgb24")


@pytest.fixture(scope="module")
def detector(shared):
    """The SSD model on this host's CPU, for tests that leave it as it is."""
    made = tflite.load(shared / SSD)
    yield made
    made.close()


def test_cars_are_found_on_a_highway(detector, road):
    """The SSD model finds cars, best first, with boxes inside the picture."""
    found = detector.detect(road[None])[0]
    assert found.labels.count("car") >= 3
    assert set(found.labels) <= VEHICLES
    assert list(found.scores) == sorted(found.scores, reverse=True)
    assert found.scores.min() >= 0.4
    assert (found.boxes[:, 2] > found.boxes[:, 0]).all()
    assert found.boxes.min() >= 0
    assert found.boxes[:, 2].max() <= 960
    assert found.boxes[:, 3].max() <= 540


def test_a_batch_gives_one_answer_per_picture(detector, road):
    """Pictures of a batch are told apart, and a blank one has no vehicle."""
    many = detector.detect(np.stack([road, np.full_like(road, 128)]))
    assert len(many) == 2
    np.testing.assert_array_equal(many[0].boxes, detector.detect(road[None])[0].boxes)
    assert not VEHICLES & set(many[1].labels)


def test_a_higher_score_finds_less(shared, road):
    """`score` is the least score that counts."""
    few = tflite.load(shared / SSD, score=0.6).detect(road[None])[0]
    many = tflite.load(shared / SSD, score=0.3).detect(road[None])[0]
    assert len(few.labels) < len(many.labels)


def test_it_says_what_it_is(detector):
    """`describe` names the model, its hash and where it runs."""
    about = detector.describe()
    assert about["model"] == "coco_ssd_mobilenet_v1_1.0_quant_2018_06_29.tflite"
    assert about["device"] == "cpu"
    assert len(about["blake2"]) == 64
    assert about["runtime"].split()[0] in ("ai-edge-litert", "tflite-runtime")


def test_loading_says_nothing(shared, capfd):
    """What the runtime has to tell about its CPU kernels does not reach the terminal."""
    tflite.load(shared / SSD).close()
    assert capfd.readouterr() == ("", "")


def test_labels_come_from_the_model(shared, tmp_path):
    """The label file inside a model wins; a model without one gets COCO's, gaps included."""
    inside = labels(shared / SSD)
    assert (inside[0], inside[2], inside[7], inside[12]) == ("person", "car", "truck", "stop sign")
    bare = tmp_path / "bare.tflite"
    bare.write_bytes(b"TFL3" * 100)
    assert labels(bare)[:13] == inside[:13]
    assert len(labels(bare)) == 90
    own = tmp_path / "own.tflite"
    with zipfile.ZipFile(own, "w") as archive:
        archive.writestr("labels.txt", "van\ntram\n")
    assert labels(own) == ["van", "tram"]


def test_a_model_for_the_edge_tpu_fails_with_a_reason(shared):
    """Without a TPU a compiled model is refused with a sentence that says what to do."""
    assert compiled_for_edge_tpu(shared / EDGE)
    assert not compiled_for_edge_tpu(shared / SSD)
    if not edge_tpu_library_missing():
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
    assert chosen.describe()["model"] == "renamed.tflite"


def test_falling_back_to_the_cpu_is_said_aloud(shared, tmp_path):
    """A named TPU model that cannot run gives way to the known CPU model, with a notice."""
    if not edge_tpu_library_missing():
        pytest.skip("this host has the Edge TPU's library")
    shutil.copyfile(shared / EDGE, tmp_path / "mine_edgetpu.tflite")
    with pytest.raises(StageFailed, match="edgetpu-custom-op"):
        tflite.choose(tmp_path, "mine_edgetpu.tflite")
    shutil.copyfile(shared / SSD, tmp_path / "cpu.tflite")
    chosen = tflite.choose(tmp_path, "mine_edgetpu.tflite")
    assert chosen is not None
    assert chosen.describe()["model"] == "cpu.tflite"
    assert "edgetpu-custom-op" in chosen.notice
    assert "cpu.tflite runs instead" in chosen.notice


@pytest.mark.parametrize("name", ["../secret.tflite", "/etc/passwd", "missing.tflite"])
def test_a_named_model_lies_in_the_folder(tmp_path, name):
    """A path, or a name that is not there, is refused with a sentence."""
    with pytest.raises(StageFailed, match="model"):
        tflite.choose(tmp_path, name)


def test_a_killed_process_is_started_again(shared, road):
    """A process that dies between two looks costs a wait, and neither a look nor its answer."""
    waits = []
    detector = tflite.load(shared / SSD, wait=waits.append)
    before = detector.detect(road[None])[0]
    first = detector.pid
    os.kill(first, signal.SIGKILL)
    np.testing.assert_array_equal(detector.detect(road[None])[0].boxes, before.boxes)
    assert detector.pid != first
    assert waits == [0.5]
    assert detector.notice is None


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="needs a signal that stops a process")
def test_a_process_that_stands_still_is_replaced(shared, road):
    """One that does not take its picture is killed after the time that a look may take."""
    detector = tflite.load(shared / SSD, times=Times(look=1.0), wait=lambda _: None)
    first = detector.pid
    os.kill(first, signal.SIGSTOP)
    assert "car" in detector.detect(road[None])[0].labels
    assert detector.pid != first
    assert gone(first)


@pytest.mark.slow
def test_a_model_that_is_taken_away_is_a_failure_that_may_pass(shared, tmp_path, road):
    """Where nothing is left to run, the sentence names the model, and the task may be tried again."""
    model = tmp_path / "mine.tflite"
    shutil.copyfile(shared / SSD, model)
    waits = []
    detector = tflite.load(model, wait=waits.append)
    model.unlink()
    os.kill(detector.pid, signal.SIGKILL)
    with pytest.raises(StageFailed, match=r"mine\.tflite on cpu failed 4 times") as failure:
        detector.detect(road[None])
    assert failure.value.retry
    assert waits == [0.5, 1.0, 2.0]
    shutil.copyfile(shared / SSD, model)
    assert "car" in detector.detect(road[None])[0].labels


def test_it_ends_with_its_detector(shared):
    """A closed or forgotten detector leaves no process, not even a dead one."""
    closed, forgotten = tflite.load(shared / SSD), tflite.load(shared / SSD)
    pids = closed.pid, forgotten.pid
    closed.close()
    del forgotten
    gc.collect()
    assert all(gone(pid) for pid in pids)


def test_ctrl_c_ends_it_without_a_word(shared, capfd):
    """The interrupt that the terminal sends to all ends the process in silence."""
    detector = tflite.load(shared / SSD)
    os.kill(detector.pid, signal.SIGINT)
    assert within(5, lambda: not running(detector.pid))
    assert "Traceback" not in capfd.readouterr().err
    detector.close()


@pytest.mark.slow
def test_it_ends_when_its_parent_is_killed(shared):
    """kill -9 of the parent leaves no process behind."""
    code = (
        "import sys, time; from pathlib import Path; from stages.vision import tflite; "
        "d = tflite.load(Path(sys.argv[1])); print(d.pid, flush=True); time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(shared / SSD)], stdout=subprocess.PIPE) as parent:
        pid = int(parent.stdout.readline())
        assert running(pid)
        parent.kill()
    assert within(5, lambda: not running(pid))


@pytest.mark.parametrize(
    ("inputs", "sentence"),
    [
        ([], "does not take one RGB picture"),
        ([Tensor("a", [1, 8, 8, 3], "uint8")] * 2, "does not take one RGB picture"),
        ([Tensor("a", [1, 90_000, 90_000, 3], "uint8")], "does not take one RGB picture"),
        ([Tensor("a", [1, 0, 8, 3], "uint8")], "does not take one RGB picture"),
        ([Tensor("a", [1, 8, 8, 1], "uint8")], "does not take one RGB picture"),
        ([Tensor("a", [1, 8, 8, 3], "complex64")], "does not take one RGB picture"),
        ([Tensor("a", [1, 8, 8, 3], "uint8")], "has no SSD outputs"),
    ],
)
def test_a_model_of_another_form_is_refused(tmp_path, inputs, sentence):
    """What a model says of its input and outputs is checked before a picture is made for it."""
    opened = Opened("a runtime", inputs, [Tensor("b", [1, 5, 4], "float32")] * 4)
    with pytest.raises(StageFailed, match=rf"m\.tflite {sentence}"):
        TfliteModel(tmp_path / "m.tflite", None, "cpu", opened, 0.4)
