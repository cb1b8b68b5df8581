"""The preprocess stage on real files: what it keeps, writes and asks for."""

import tempfile
import time
from itertools import pairwise
from pathlib import Path
from random import Random

import cv2
import msgspec
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from stages.errors import Cancelled, ClipDamaged, InputGone, PlaceAbsent, StageFailed
from stages.files import Place, read_finished
from stages.heavy import instants
from stages.preprocess import PreprocessStage
from stages.settings import HeavySettings, PreprocessSettings
from stages.sighting import CROP_BYTES
from stages.task import FileRef, Task, TaskType
from stages.video.examine import examine, load_watcher
from stages.video.filters import MARGIN
from stages.video.frames import frames_at
from stages.video.looks import between, looks, survey
from stages.video.render import render_drive
from stages.video.sprites import draw_car, plate_text
from tests.stages.clips import make_clip
from tests.stages.films import passing, scene, still, with_box, write_film
from tests.stages.work import TestWork, kept_place

RAW = FileRef(device="indoor_nas", path="/videos/raw/clip.mp4", type="video")


def preprocess_task(*inputs, lease=1, **metadata):
    """A task about video `v1`."""
    return Task(
        task_id=7,
        task_type=TaskType.PREPROCESS_VIDEO,
        video_id="v1",
        inputs=list(inputs or (RAW,)),
        metadata=metadata,
        lease=lease,
    )


@pytest.fixture
def nas(tmp_path):
    """The folder of `indoor_nas`."""
    return tmp_path / "indoor_nas"


def report_of(nas):
    """What the stage wrote about `v1`."""
    return msgspec.json.decode((nas / "videos/preproc/v1/metadata.json").read_bytes())


def test_a_drive_is_kept_and_handed_on(make_work, nas):
    """A moving drive is kept whole; outputs, counts, poster and the next task are there."""
    work = make_work(PreprocessSettings(next_needs={"gpu_vram_gb": 8}, detect=False))
    write_film(nas / "videos/raw/clip.mp4", passing(scene(), 3))
    facts = {"priority": "high", "filename": "clip.mp4", "blake2": "ab" * 32, "channel": "front"}
    result = PreprocessStage().run(preprocess_task(**facts, other="x"), work)
    folder = FileRef(device="indoor_nas", path="/videos/preproc/v1/")
    assert [ref.path for ref in result.outputs] == [folder.path + "metadata.json", folder.path + "thumbs/"]
    assert all(work.places.existing(ref) for ref in result.outputs)
    assert result.metadata == {"frame_count": 30, "filtered_frames": 0}
    heavy = result.new_tasks[0]
    assert (heavy.task_type, heavy.video_id, heavy.inputs) == ("HEAVY_PROCESS_VIDEO", "v1", [RAW, folder])
    assert heavy.metadata == facts
    assert heavy.device_capabilities_required == {"gpu_vram_gb": 8}
    poster = result.results[0].poster
    assert len(poster) <= CROP_BYTES
    assert cv2.imdecode(np.frombuffer(poster, np.uint8), cv2.IMREAD_COLOR).shape == (180, 320, 3)
    report = report_of(nas)
    assert report["moments"] == [[0.0, 3.0]]
    assert report["drops"] == []
    assert report["duration_seconds"] == 3.0
    assert "switched off" in report["notice"]
    fractions = [fraction for fraction, _ in work.notes]
    assert fractions == sorted(fractions)
    assert len(fractions) >= report["looks"]


def test_what_it_published_is_listed_and_repeatable(make_work, nas):
    """The same clip gives the same bytes elsewhere, and a second run publishes the first one's."""
    work = make_work(PreprocessSettings(detect=False))
    write_film(nas / "videos/raw/clip.mp4", passing(scene(), 2))
    stage = PreprocessStage()
    first = stage.run(preprocess_task(), work)
    finished = read_finished(nas / "videos/preproc/v1")
    assert set(finished.files) >= {"metadata.json", "thumbs/0001.jpg"}
    again = stage.run(preprocess_task(lease=2), work)
    assert again == first
    assert [p.name for p in (nas / "videos/preproc").iterdir()] == ["v1"]
    (nas / "videos/preproc/v1").rename(nas / "aside")
    stage.run(preprocess_task(lease=3), work)
    again = read_finished(nas / "videos/preproc/v1")
    assert (again.key, again.result, again.files) == (finished.key, finished.result, finished.files)


def test_thumbnails_are_spread_and_bounded(make_work, nas):
    """No more thumbnails than set, over the whole clip, each with its second."""
    work = make_work(PreprocessSettings(thumbnails=4, detect=False))
    write_film(nas / "videos/raw/clip.mp4", passing(scene(), 20))
    PreprocessStage().run(preprocess_task(), work)
    names = sorted(p.name for p in (nas / "videos/preproc/v1/thumbs").iterdir())
    assert names == ["0001.jpg", "0002.jpg", "0003.jpg", "0004.jpg"]
    seconds = [thumb["seconds"] for thumb in report_of(nas)["thumbs"]]
    assert seconds[0] < 3
    assert seconds[-1] > 12
    assert all(b - a > 3 for a, b in pairwise(seconds))


def test_a_parked_stretch_is_dropped_with_its_reason(make_work, nas):
    """Of half a minute in which nothing moves a few seconds stay, and the motion after it stays whole."""
    work = make_work(PreprocessSettings(detect=False))
    write_film(nas / "videos/raw/clip.mp4", [*still(30), *passing(scene(), 4), *still(6)])
    result = PreprocessStage().run(preprocess_task(), work)
    report = report_of(nas)
    assert any(a <= 29.0 and b >= 35.0 for a, b in report["moments"])
    assert {drop["reason"] for drop in report["drops"]} == {"still"}
    dropped = sum(drop["to"] - drop["from"] for drop in report["drops"])
    assert 20 < dropped < 34
    assert result.metadata["filtered_frames"] == pytest.approx(dropped * 10, abs=3)


def test_a_car_between_two_keyframes_is_seen(make_work, nas):
    """A car that passes between two equal keyframes keeps its moment: still spans are looked at closely."""
    work = make_work(PreprocessSettings(detect=False))
    fps = 20
    film = [*still(12.1, fps), *passing(scene(), 0.8, fps), *still(12.1, fps)]
    clip = write_film(nas / "videos/raw/clip.mp4", film, fps=fps, keyframe_every=fps)
    seen = survey(clip)
    assert seen.keyframes
    keys = [look.gray for look in looks(clip, seen, per_second=2, width=320)]
    assert max(np.abs(a.astype(int) - b).max() for a, b in pairwise(keys)) < 40
    PreprocessStage().run(preprocess_task(), work)
    report = report_of(nas)
    assert any(a <= 12.1 and b >= 12.9 for a, b in report["moments"]), report
    assert report["drops"]


def test_a_covered_lens_is_dropped_whole(make_work, nas):
    """A black clip has no moments and still gets a poster, thumbnails and its next task."""
    work = make_work(PreprocessSettings(detect=False))
    black = np.full((180, 320, 3), 3, np.uint8)
    write_film(nas / "videos/raw/clip.mp4", still(4, picture=black))
    result = PreprocessStage().run(preprocess_task(), work)
    report = report_of(nas)
    assert report["moments"] == []
    assert [d["reason"] for d in report["drops"]] == ["dark"]
    assert result.metadata == {"frame_count": 40, "filtered_frames": 40}
    assert report["thumbs"]
    assert result.results[0].poster
    assert result.new_tasks


def test_a_clip_that_breaks_off_is_judged_that_far(make_work, nas):
    """The frames that are there are used, and the report says that the rest is not."""
    work = make_work(PreprocessSettings(detect=False))
    whole = make_clip(nas / "videos/raw/whole.mp4", frames=100, size=(320, 180), index_first=True)
    (nas / "videos/raw/clip.mp4").write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    result = PreprocessStage().run(preprocess_task(), work)
    report = report_of(nas)
    assert "ends before" in report["warning"]
    assert 3 < report["duration_seconds"] < 7
    assert 30 < result.metadata["frame_count"] < 70


@pytest.mark.parametrize("data", [b"", b"\0" * 5000, b"#EXTM3U\nfile:///etc/passwd\n"])
def test_a_file_that_is_no_clip_is_damaged(make_work, nas, data):
    """What cannot be read as a video fails for good, with a sentence, and leaves nothing behind."""
    work = make_work(PreprocessSettings(detect=False))
    (nas / "videos/raw").mkdir(parents=True)
    (nas / "videos/raw/clip.mp4").write_bytes(data)
    with pytest.raises(ClipDamaged, match=r"clip\.mp4") as caught:
        PreprocessStage().run(preprocess_task(), work)
    assert not caught.value.retry
    assert list((nas / "videos/preproc").iterdir()) == []


def test_missing_inputs_are_said(make_work):
    """A task without a clip, with one that is gone, or without a usable id fails with a reason."""
    work = make_work(PreprocessSettings(detect=False))
    stage = PreprocessStage()
    with pytest.raises(StageFailed, match="names no clip"):
        stage.run(preprocess_task(FileRef(device="indoor_nas", path="/videos/")), work)
    with pytest.raises(InputGone, match=r"clip\.mp4 is not there"):
        stage.run(preprocess_task(), work)
    with pytest.raises(PlaceAbsent):
        stage.run(preprocess_task(FileRef(device="shed_nas", path="/clip.mp4")), work)
    bad = msgspec.structs.replace(preprocess_task(), video_id="../x")
    with pytest.raises(StageFailed, match="no usable video_id"):
        stage.run(bad, work)


def test_cancelling_leaves_nothing(make_work, nas):
    """A task that is taken back half way leaves no folder and no part of one."""
    work = make_work(PreprocessSettings(detect=False), cancel_after=3)
    write_film(nas / "videos/raw/clip.mp4", passing(scene(), 5))
    with pytest.raises(Cancelled):
        PreprocessStage().run(preprocess_task(), work)
    assert list((nas / "videos/preproc").iterdir()) == []


def test_nothing_is_written_to_a_card(tmp_path):
    """The output of a clip on a card goes to a kept place."""
    write_film(tmp_path / "card/DCIM/clip.mp4", passing(scene(), 1))
    places = {
        "card": Place(name="card", root=str(tmp_path / "card"), removable=True),
        "nas": kept_place(tmp_path / "nas", "nas"),
    }
    work = TestWork(PreprocessSettings(detect=False), places, tmp_path / "scratch")
    result = PreprocessStage().run(preprocess_task(FileRef(device="card", path="/DCIM/clip.mp4")), work)
    assert {ref.device for ref in result.outputs} == {"nas"}
    assert [p.name for p in (tmp_path / "card").iterdir()] == ["DCIM"]


def test_looks_know_their_frames(tmp_path):
    """Numbers and seconds of looks are those of the clip's frames, by keyframes and in between."""
    clip = write_film(tmp_path / "clip.mp4", passing(scene(), 5), keyframe_every=10)
    seen = survey(clip)
    assert (len(seen.times), seen.keyframes, seen.whole) == (50, True, True)
    assert seen.duration == pytest.approx(5.0, abs=0.01)
    keys = list(looks(clip, seen, per_second=2, width=160))
    assert [look.frame for look in keys] == [0, 10, 20, 30, 40]
    assert keys[0].rgb.shape == (90, 160, 3)
    close = list(between(clip, seen, 2.0, 4.0, per_second=2, width=160))
    assert [look.frame for look in close] == [20, 25, 30, 35]
    assert [round(look.seconds, 2) for look in close] == [2.0, 2.5, 3.0, 3.5]


@pytest.mark.parametrize("b_frames", [0, 3])
def test_close_looks_are_those_of_the_whole_clip(tmp_path, b_frames):
    """Leaving out the ends of groups of frames changes no look: each is the frame that plain decoding gives."""
    film = [with_box(scene(), 3 * i) for i in range(95)]
    clip = write_film(tmp_path / "clip.mp4", film, fps=30, keyframe_every=30, b_frames=b_frames)
    close = list(between(clip, survey(clip), 0.0, 9.0, per_second=2, width=320))
    assert [look.frame for look in close] == [0, 15, 30, 45, 60, 75, 90]
    for look in close:
        assert np.abs(look.rgb.astype(int) - film[look.frame]).mean() < 6
        assert look.rgb[100, 3 * look.frame + 16].min() > 200
        assert look.rgb[100, 3 * look.frame - 6 if look.frame else 60].min() < 240


def half_a_second(clip, begin, *, fps=20, seconds=8):
    """A still street in which a car is in view for half a second, from frame `begin` on."""
    street = cv2.resize(scene(3), (640, 360))
    random = Random(begin)
    car = draw_car(plate_text("ES", random), random, 60.0)
    high, wide = car.mask.shape
    busy = street.copy()
    cv2.copyTo(car.picture, car.mask, busy[200 : 200 + high, 300 : 300 + wide])
    film = [busy if begin <= n < begin + fps // 2 else street for n in range(seconds * fps)]
    return write_film(clip, film, fps=fps, keyframe_every=fps)


@pytest.mark.slow
@given(st.integers(0, 150))
@example(0)
@example(145)
@example(150)
@settings(max_examples=12, deadline=None)
def test_half_a_second_is_enough(begin):
    """A car that is in view for half a second, whenever, gets at least two looks of the heavy stage."""
    with tempfile.TemporaryDirectory() as folder:
        clip = half_a_second(Path(folder) / "clip.mp4", begin)
        chosen = PreprocessSettings(detect=False)
        report, _ = examine(clip, load_watcher(Path(folder), chosen), chosen, lambda *_: None)
        wanted = instants(report["moments"], report["duration_seconds"], HeavySettings().looks_per_second)
        numbers = [frame.number for frame in frames_at(clip, wanted)]
    assert len([number for number in numbers if begin <= number < begin + 10]) >= 2, report["moments"]


def test_a_light_in_the_dark_is_seen(make_work, nas):
    """Half a second of light between two black keyframes is kept: dark stretches are looked at closely too."""
    work = make_work(PreprocessSettings(detect=False))
    black = np.full((180, 320, 3), 3, np.uint8)
    film = [*still(6.3, 20, black), *still(0.5, 20), *still(6.2, 20, black)]
    write_film(nas / "videos/raw/clip.mp4", film, fps=20, keyframe_every=20)
    PreprocessStage().run(preprocess_task(), work)
    report = report_of(nas)
    assert any(a <= 6.3 and b >= 6.8 for a, b in report["moments"]), report
    assert "dark" in {drop["reason"] for drop in report["drops"]}


@pytest.mark.slow
def test_what_creeps_is_motion(make_work, nas):
    """What changes too slowly to differ from one look to the next is noticed once it has changed enough."""
    work = make_work(PreprocessSettings(detect=False))
    levels = [0.05 * min(100, max(0, number - 100)) for number in range(300)]
    film = [np.clip(scene() + level, 0, 255).astype(np.uint8) for level in levels]
    write_film(nas / "videos/raw/clip.mp4", film)
    PreprocessStage().run(preprocess_task(), work)
    report = report_of(nas)
    assert sum(b - a for a, b in report["moments"]) > 3 * MARGIN + 4, report
    assert report["drops"]


@pytest.mark.shared
@pytest.mark.slow
def test_vehicles_are_looked_for_with_a_real_model(make_work, nas, shared):
    """With the SSD model the report names it and the cars that it saw, and the notice is gone."""
    work = make_work(PreprocessSettings(), models=shared / "models")
    (nas / "videos/raw").mkdir(parents=True)
    (nas / "videos/raw/clip.mp4").write_bytes((shared / "clips/highway-960x540.mp4").read_bytes())
    PreprocessStage().run(preprocess_task(), work)
    report = report_of(nas)
    assert report["detector"]["model"].startswith("coco_ssd")
    assert "notice" not in report
    assert len(report["detections"]) > 20
    for found in report["detections"]:
        assert found["label"] in {"car", "truck", "bus", "motorcycle"}
        assert all(0 <= edge <= 1 for edge in found["box"])


@pytest.mark.slow
def test_no_planted_plate_is_filtered_away(make_work, nas):
    """All of a rendered drive in which plates are legible is kept, for little processor time."""
    work = make_work(PreprocessSettings(detect=False))
    (nas / "videos/raw").mkdir(parents=True)
    drive = render_drive(nas / "videos/raw", seed=11, seconds=12, width=960, height=540)
    ref = FileRef(device="indoor_nas", path=f"/videos/raw/{drive.clip.name}")
    began = time.process_time()
    PreprocessStage().run(preprocess_task(ref), work)
    assert time.process_time() - began < 12 / 4
    moments = report_of(nas)["moments"]
    for plate in drive.planted:
        assert any(a <= plate.first_seconds and plate.last_seconds <= b for a, b in moments)


@pytest.mark.shared
@pytest.mark.slow
def test_the_real_plate_in_spain_is_kept(make_work, nas, shared):
    """The last two seconds of the Spanish clip, in which its plate is legible, are kept."""
    work = make_work(PreprocessSettings(detect=False))
    (nas / "videos/raw").mkdir(parents=True)
    (nas / "videos/raw/clip.mp4").write_bytes((shared / "clips/spain-1741gwy.mp4").read_bytes())
    PreprocessStage().run(preprocess_task(), work)
    assert any(a <= 8.0 and b >= 10.0 for a, b in report_of(nas)["moments"])
