"""Edge TPUs: the real runtime loads a library of ours in the place of libedgetpu, in real processes."""

import logging
import os
import signal
import subprocess
import sys

import av
import msgspec
import numpy as np
import pytest

from stages.errors import StageFailed
from stages.preprocess import PreprocessStage
from stages.settings import PreprocessSettings
from stages.task import FileRef, Task, TaskType
from stages.vision import tflite
from stages.vision.tflite_child import edge_tpu_library_missing
from stages.vision.tflite_detector import Times
from tests.stages.vision.made_sticks import Sticks, build_library, for_the_edge_tpu
from tests.stages.vision.processes import running, within
from tests.stages.work import TestWork, kept_place

SSD = "models/coco_ssd_mobilenet_v1_1.0_quant_2018_06_29.tflite"
NAME = "coco_ssd_mobilenet_v1_1.0_quant_2018_06_29.tflite"

pytestmark = [pytest.mark.shared, pytest.mark.slow]


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """The folder of the library that stands in for Google's."""
    if not edge_tpu_library_missing():
        pytest.skip("this host has the Edge TPU's own library")
    folder = tmp_path_factory.mktemp("library")
    build_library(folder)
    return folder


@pytest.fixture
def sticks(tmp_path, monkeypatch, library):
    """No stick plugged in yet; the library is there for every process started from here."""
    monkeypatch.setenv("LD_LIBRARY_PATH", str(library))
    made = Sticks(tmp_path / "sticks")
    monkeypatch.setenv("STICKS", str(made.folder))
    return made


@pytest.fixture
def model(shared, tmp_path):
    """The SSD model as one that asks for an Edge TPU."""
    return for_the_edge_tpu(shared / SSD, tmp_path / "ssd_edgetpu.tflite")


@pytest.fixture(scope="module")
def road(shared):
    """The first picture of a real drive on a highway."""
    with av.open(str(shared / "clips/highway-960x540.mp4")) as clip:
        return next(clip.decode(video=0)).to_ndarray(format="rgb24")


class Hand:
    """A clock that only we move; waiting moves it, and is noted."""

    def __init__(self):
        self.now = 1000.0
        self.waits = []

    def wait(self, seconds):
        self.waits.append(seconds)
        self.now += seconds

    def load(self, path, **more):
        """A detector that lives by this clock."""
        return tflite.load(path, clock=lambda: self.now, wait=self.wait, **more)


def test_a_model_runs_on_a_stick(sticks, model, shared, road):
    """The library is asked for the stick by name, and the detector says where it runs."""
    sticks.plug("usb:0")
    detector = tflite.load(model, spare=shared / SSD)
    assert sticks.names() == ["usb:0"]
    assert (detector.device, detector.describe()["device"], detector.notice) == ("usb:0", "edge-tpu", None)
    assert detector.describe()["model"] == "ssd_edgetpu.tflite"
    assert detector.detect(road[None])[0].labels.count("car") >= 3


def test_two_detectors_take_two_sticks(sticks, model, shared):
    """A stick that one process has is busy for the next, which takes another; the third gets the CPU."""
    sticks.plug("usb:0")
    sticks.plug("usb:1")
    first, second, third = (tflite.load(model, spare=shared / SSD) for _ in range(3))
    assert (first.device, second.device, third.device) == ("usb:0", "usb:1", "cpu")
    assert "the device is busy" in third.notice
    assert f"{NAME} runs instead, on the CPU" in third.notice
    second.close()
    assert tflite.load(model, spare=shared / SSD).device == "usb:1"


def test_only_the_wished_stick_is_asked_for(sticks, model, shared):
    """A named stick is used, or none; "off" asks for none at all."""
    sticks.plug("usb:0")
    sticks.plug("pci:0")
    assert tflite.load(model, tpu="pci:0").device == "pci:0"
    with pytest.raises(StageFailed, match=r"cannot be used here: no such device; plug one in"):
        tflite.load(model, tpu="usb:1")
    assert sticks.names() == ["pci:0", "usb:1"]
    with pytest.raises(StageFailed, match="the settings switch it off"):
        tflite.load(model, tpu="off")
    assert len(sticks.asked()) == 2


def test_a_model_that_no_delegate_takes_is_refused(sticks, shared):
    """The real Edge TPU models get as far as the delegate, and their operation stays unresolved."""
    sticks.plug("usb:0")
    models = sorted((shared / "models/edgetpu").glob("*_edgetpu.tflite"))
    for path in models:
        with pytest.raises(StageFailed, match=rf"{path.name} is compiled.*unresolved custom op.*use a CPU"):
            tflite.load(path, tpu="usb:0")
    assert sticks.names() == ["usb:0"] * len(models)


def test_a_stick_that_is_pulled_out_gives_way_to_the_cpu(sticks, model, shared, road, caplog):
    """It is tried again with growing waits, then the CPU answers, with a notice; later it is tried again."""
    sticks.plug("usb:0")
    hand = Hand()
    detector = hand.load(model, tpu="usb:0", spare=shared / SSD)
    before = detector.detect(road[None])[0]
    sticks.pull("usb:0")
    with caplog.at_level(logging.WARNING, "dashcam.tflite"):
        after = detector.detect(road[None])[0]
    np.testing.assert_array_equal(after.boxes, before.boxes)
    assert hand.waits == [0.5, 1.0, 2.0]
    assert (detector.device, detector.describe()["device"]) == ("cpu", "cpu")
    for words in ("usb:0 failed 4 times", "killed by signal 6", "no such device", f"{NAME} runs instead"):
        assert words in detector.notice
    assert detector.notice in caplog.text

    sticks.plug("usb:0")
    detector.settle()
    assert detector.device == "cpu"  # not yet
    hand.now += 301
    detector.settle()
    assert (detector.device, detector.notice) == ("usb:0", None)
    np.testing.assert_array_equal(detector.detect(road[None])[0].boxes, before.boxes)


def test_a_stick_that_stays_away_is_tried_less_and_less(sticks, model, shared, road):
    """Each try that fails doubles the time to the next; the CPU goes on meanwhile."""
    hand = Hand()
    detector = hand.load(model, tpu="usb:0", spare=shared / SSD)
    assert detector.device == "cpu"
    tries = []
    for _ in range(40):
        hand.now += 60
        asked = len(sticks.asked())
        detector.settle()
        if len(sticks.asked()) > asked:
            tries.append(round(hand.now - 1000))
    assert tries == [300, 900, 2100]
    assert "car" in detector.detect(road[None])[0].labels
    assert "no such device" in detector.notice


def test_a_hiccup_is_not_the_end(sticks, model, shared, road):
    """A process that dies once is started again on its stick, and nobody is told."""
    sticks.plug("usb:0")
    hand = Hand()
    detector = hand.load(model, spare=shared / SSD)
    os.kill(detector.pid, signal.SIGKILL)
    assert "car" in detector.detect(road[None])[0].labels
    assert (detector.device, detector.notice, hand.waits) == ("usb:0", None, [0.5])


def test_a_stick_that_crashes_the_library_is_passed_over(sticks, model, shared):
    """An abort while a stick is opened costs that process; the next stick is opened in another."""
    sticks.plug("usb:0", "abort")
    sticks.plug("usb:1")
    assert tflite.load(model, spare=shared / SSD).device == "usb:1"
    (crashed, first), (taken, second) = sticks.asked()
    assert (crashed, taken) == ("usb:0", "usb:1")
    assert first != second


def test_a_stick_that_hangs_the_library_is_passed_over(sticks, model, shared):
    """A hang while a stick is opened ends after its time, and the CPU takes over."""
    sticks.plug("usb:0", "hang")
    detector = tflite.load(model, tpu="usb:0", spare=shared / SSD, times=Times(start=4.0))
    assert detector.device == "cpu"
    assert "did not answer within 4 s" in detector.notice
    assert not running(sticks.asked()[0][1])


def test_a_hanging_process_ends_by_itself_when_its_parent_is_killed(sticks, model):
    """With Python's lock held in native code it cannot see its parent's end; its own guard ends it."""
    sticks.plug("usb:0", "hang")
    code = (
        "import sys; from pathlib import Path; from stages.vision import tflite; "
        "from stages.vision.tflite_detector import Times; "
        "tflite.load(Path(sys.argv[1]), tpu='usb:0', times=Times(start=4.0))"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(model)], stderr=subprocess.DEVNULL) as parent:
        assert within(20, lambda: bool(sticks.asked()))
        parent.kill()
    pid = sticks.asked()[0][1]
    assert running(pid)
    assert within(20, lambda: not running(pid))


class Drive:
    """A real clip on a NAS and a preprocess stage, kept warm as in a worker."""

    def __init__(self, shared, folder, sticks):
        self.folder, self.sticks = folder, sticks
        self.nas = folder / "nas"
        self.place = kept_place(self.nas, "indoor_nas")
        (self.nas / "videos/raw").mkdir(parents=True)
        clip = (shared / "clips/highway-960x540.mp4").read_bytes()
        (self.nas / "videos/raw/clip.mp4").write_bytes(clip)
        self.models = folder / "models"
        self.models.mkdir()
        self.stage = PreprocessStage()

    def report(self, settings, *, pull=True):
        """What the stage writes about the clip; `pull`: `usb:0` goes while it looks."""
        sticks = self.sticks

        class Pulling(TestWork):
            def progress(self, fraction, note=""):
                super().progress(fraction, note)
                if pull and 0.3 < fraction < 0.7 and sticks.plugged("usb:0"):
                    sticks.pull("usb:0")

        raw = FileRef(device="indoor_nas", path="/videos/raw/clip.mp4", type="video")
        task = Task(task_id=7, task_type=TaskType.PREPROCESS_VIDEO, video_id="v1", inputs=[raw], lease=1)
        work = Pulling(settings, {"indoor_nas": self.place}, self.folder / "scratch", self.models)
        self.stage.run(task, work)
        return msgspec.json.decode((self.nas / "videos/preproc/v1/metadata.json").read_bytes())


def test_a_clip_is_looked_at_by_one_detector(sticks, model, shared, tmp_path):
    """A stick that goes in the middle of a clip: the whole clip is looked at on the CPU, and it says so."""
    sticks.plug("usb:0")
    watch = Drive(shared, tmp_path, sticks)
    model.rename(watch.models / "mine.tflite")
    (watch.models / NAME).write_bytes((shared / SSD).read_bytes())
    lost = watch.report(PreprocessSettings(model="mine.tflite", tpu="usb:0"))
    assert "usb:0" in sticks.names()
    assert (lost["detector"]["model"], lost["detector"]["device"]) == (NAME, "cpu")
    assert "mine.tflite on usb:0 failed" in lost["notice"]
    plain = watch.report(PreprocessSettings())
    assert "notice" not in plain
    assert lost["detections"] == plain["detections"]
    assert len(plain["detections"]) > 20


def test_a_clip_is_done_without_a_detector_when_none_is_left(sticks, model, shared, tmp_path):
    """Without a CPU model a stick that goes costs the search for vehicles, not the task; the report says so."""
    sticks.plug("usb:0")
    watch = Drive(shared, tmp_path, sticks)
    model.rename(watch.models / "mine.tflite")
    lost = watch.report(PreprocessSettings(model="mine.tflite", tpu="usb:0"))
    assert "detector" not in lost
    assert "no vehicles were looked for: mine.tflite on usb:0 failed" in lost["notice"]
    assert lost["moments"]
    sticks.plug("usb:0")
    back = watch.report(PreprocessSettings(model="mine.tflite", tpu="usb:0"), pull=False)
    assert back["detector"]["device"] == "edge-tpu"


def test_the_library_of_google_is_used_where_it_is_there(sticks, model, shared, tmp_path, monkeypatch, road):
    """With `pycoral.utils.edgetpu` it lists the sticks and makes the interpreter; delegates are not asked for."""
    there = tmp_path / "site/pycoral/utils"
    there.mkdir(parents=True)
    for package in (there, there.parent):
        (package / "__init__.py").touch()
    (there / "edgetpu.py").write_text(PYCORAL)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    detector = tflite.load(model, tpu="pci", spare=shared / SSD)
    assert (detector.device, detector.describe()["device"]) == ("pci:0", "edge-tpu")
    assert "car" in detector.detect(road[None])[0].labels
    second = tflite.load(model, spare=shared / SSD)
    assert second.device == "usb:1"
    assert sticks.asked() == []


#: As Google's module is called: of two USB sticks the first does not open.
PYCORAL = """
from ai_edge_litert.interpreter import Interpreter

def list_edge_tpus():
    return [{"type": "usb", "path": "/a"}, {"type": "pci", "path": "/b"}, {"type": "usb", "path": "/c"}]

def make_interpreter(model_path_or_content, device=None, delegate=None):
    if device == "usb:0":
        raise ValueError("Failed to load delegate from libedgetpu.so.1")
    return Interpreter(model_path=model_path_or_content)
"""
