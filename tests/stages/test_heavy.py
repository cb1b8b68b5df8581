"""The heavy stage on real clips."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.errors import Cancelled, ClipDamaged, InputGone, StageFailed
from stages.heavy import HeavyStage, instants
from stages.settings import HeavySettings
from stages.task import FileRef, Task, TaskType
from stages.vision.report import safe_name

# Together they take long for an inner loop; CI runs them.
pytestmark = pytest.mark.slow


def heavy_task(name: str, **metadata: Any) -> Task:
    """A task for a clip below `videos/raw` of the indoor NAS, with a preprocess folder."""
    return Task(
        task_id=7,
        task_type=TaskType.HEAVY_PROCESS_VIDEO,
        video_id="vid1",
        inputs=[
            FileRef(device="indoor_nas", path=f"/videos/raw/{name}"),
            FileRef(device="indoor_nas", path="/videos/preproc/vid1/"),
        ],
        metadata=metadata,
        lease=1,
    )


def place_clip(root: Path, clip: Path) -> str:
    """Link a clip into the place and return its name."""
    raw = root / "videos" / "raw"
    raw.mkdir(parents=True)
    (raw / clip.name).write_bytes(clip.read_bytes())
    return clip.name


def write_moments(root: Path, moments: Any) -> None:
    """Write what the preprocess stage would have written."""
    folder = root / "videos" / "preproc" / "vid1"
    folder.mkdir(parents=True)
    (folder / "metadata.json").write_text(json.dumps({"moments": moments, "duration_seconds": 10.36}))


@pytest.mark.shared
@pytest.mark.slow
@pytest.mark.parametrize("with_models", [False, True])
def test_plate_of_the_spanish_clip(
    make_work: Callable[..., Any], tmp_path: Path, shared: Path, with_models: bool
) -> None:
    """The plate of the car that comes nearer is confirmed, and nothing else is; all evidence is there."""
    root = tmp_path / "indoor_nas"
    name = place_clip(root, shared / "clips" / "spain-1741gwy.mp4")
    write_moments(root, [[7.0, 10.36]])
    models = shared / "models" if with_models else tmp_path / "none"
    work = make_work(HeavySettings(threads=2), models=models)
    result = HeavyStage().run(heavy_task(name, priority="high", filename=name), work)
    (told,) = result.results
    confirmed = [s for s in told.sightings if s.confirmed]
    assert [s.plate for s in confirmed] == ["1741GWY"]
    assert result.metadata["plates_found"] == 1
    sighting = confirmed[0]
    assert sighting.agreeing >= 2
    assert 7 <= sighting.first_seconds < sighting.last_seconds
    folder = root / "videos" / "heavy_output" / "vid1"
    crop = cv2.imdecode(np.fromfile(folder / "plates" / "1741GWY.jpg", np.uint8), cv2.IMREAD_COLOR)
    assert crop.shape[1] > 60
    assert (folder / "plates" / "1741GWY_thumb.jpg").read_bytes() == sighting.crop
    assert len(sighting.crop) <= 24 * 1024
    report = json.loads((folder / "detections.json").read_text())
    assert report["frames_looked_at"] == 14
    (archive,) = result.new_tasks
    assert archive.task_type == TaskType.ARCHIVE_VIDEO
    assert archive.metadata["priority"] == "high"
    assert archive.inputs[1] == FileRef(device="indoor_nas", path="/videos/heavy_output/vid1/")


@pytest.mark.shared
@pytest.mark.slow
@pytest.mark.parametrize("with_models", [False, True])
def test_highway_confirms_nothing(
    make_work: Callable[..., Any], tmp_path: Path, shared: Path, with_models: bool
) -> None:
    """A view of a highway without a legible plate confirms none."""
    name = place_clip(tmp_path / "indoor_nas", shared / "clips" / "highway-1280x720.mp4")
    models = shared / "models" if with_models else tmp_path / "none"
    result = HeavyStage().run(heavy_task(name), make_work(HeavySettings(threads=2), models=models))
    assert not [s for s in result.results[0].sightings if s.confirmed]
    assert result.metadata["plates_found"] == 0
    assert result.metadata["detections_count"] == (result.results[0].tracks or 0)


@pytest.mark.shared
@pytest.mark.slow
def test_votes_on_small_plates(make_work: Callable[..., Any], tmp_path: Path, shared: Path) -> None:
    """Plates of 15 pixels that no single frame shows well are read by voting; none is invented."""
    root = tmp_path / "indoor_nas"
    name = place_clip(root, shared / "clips" / "street-426x240.mp4")
    write_moments(root, [[0.0, 5.0], [24.0, 29.0]])
    work = make_work(HeavySettings(threads=2), models=shared / "models")
    result = HeavyStage().run(heavy_task(name), work)
    confirmed = {s.plate for s in result.results[0].sightings if s.confirmed}
    assert {"KHN991", "MYK472"} <= confirmed
    assert confirmed <= {"KHN991", "MYK472", "KDD4", "LYZ663", "HNL689", "KAA568", "KAA560"}


def grey_clip(root: Path, seconds: int = 2) -> str:
    """A small clip without anything to see, in the place's raw folder."""
    raw = root / "videos" / "raw"
    raw.mkdir(parents=True, exist_ok=True)
    with av.open(str(raw / "grey.mp4"), "w") as out:
        stream = out.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 128, 64, "yuv420p"
        for _ in range(10 * seconds):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(np.full((64, 128, 3), 99, np.uint8))))
        out.mux(stream.encode())
    return "grey.mp4"


def report_of(root: Path) -> Any:
    """The `detections.json` that was published."""
    return json.loads((root / "videos/heavy_output/vid1/detections.json").read_text())


def test_nothing_to_see_is_a_result(make_work: Callable[..., Any], tmp_path: Path) -> None:
    """A clip without plates succeeds, says so, and goes on to the archive; progress was told."""
    root = tmp_path / "indoor_nas"
    work = make_work(HeavySettings(threads=2, next_needs={"storage_gb": 1}))
    result = HeavyStage().run(heavy_task(grey_clip(root), channel="front", extra=1), work)
    assert result.results[0].sightings == []
    assert result.metadata["plates_found"] == 0
    assert result.new_tasks[0].device_capabilities_required == {"storage_gb": 1}
    assert result.new_tasks[0].metadata == {"channel": "front"}
    assert [f for f, _ in work.notes] == sorted(f for f, _ in work.notes)
    assert len(work.notes) >= 8
    assert not list((root / "videos" / "heavy_output").glob("*.part"))


def test_same_task_again_publishes_the_same(make_work: Callable[..., Any], tmp_path: Path) -> None:
    """A second run finds the finished folder and looks at nothing; other settings give another result."""
    name = grey_clip(tmp_path / "indoor_nas")
    stage, settings = HeavyStage(), HeavySettings(threads=2)
    first = stage.run(heavy_task(name), make_work(settings))
    work = make_work(settings)
    assert stage.run(heavy_task(name), work) == first
    assert not any("reads" in note for _, note in work.notes)
    work = make_work(HeavySettings(threads=2, looks_per_second=1))
    stage.run(heavy_task(name), work)
    assert any("reads" in note for _, note in work.notes)


@pytest.mark.parametrize(
    ("told", "looked_at"),
    [
        ([[0.5, 1.0]], 3),
        ([], 0),
        ([[1.0, 0.5]], 8),
        ([["a", 1]], 8),
        ({"x": 1}, 8),
        ([[0.5, 1e400]], 8),
    ],
)
def test_moments_narrow_the_work(
    make_work: Callable[..., Any], tmp_path: Path, told: Any, looked_at: int
) -> None:
    """Only the moments that matter are looked at; where what preprocess wrote makes no sense, everything."""
    root = tmp_path / "indoor_nas"
    write_moments(root, told)
    HeavyStage().run(heavy_task(grey_clip(root)), make_work(HeavySettings(threads=2)))
    assert report_of(root)["frames_looked_at"] == looked_at


@pytest.mark.slow
def test_thorough_looks_at_every_frame(make_work: Callable[..., Any], tmp_path: Path) -> None:
    """`thorough` does not trust the filter and leaves no frame out."""
    root = tmp_path / "indoor_nas"
    write_moments(root, [])
    HeavyStage().run(heavy_task(grey_clip(root, 1)), make_work(HeavySettings(threads=2, thorough=True)))
    assert report_of(root)["frames_looked_at"] == 10


def test_interior_is_not_looked_at(make_work: Callable[..., Any], tmp_path: Path) -> None:
    """A channel in which no plate is sought has no sightings, and its task still completes."""
    root = tmp_path / "indoor_nas"
    work = make_work(HeavySettings(threads=2))
    result = HeavyStage().run(heavy_task(grey_clip(root), channel="interior"), work)
    assert report_of(root)["frames_looked_at"] == 0
    assert result.results[0].sightings == []
    assert result.new_tasks[0].task_type == TaskType.ARCHIVE_VIDEO


def test_cancelled_work_leaves_nothing(make_work: Callable[..., Any], tmp_path: Path) -> None:
    """A task that is taken back while frames are looked at stops, and no folder stays."""
    root = tmp_path / "indoor_nas"
    name = grey_clip(root)
    work = make_work(HeavySettings(threads=2), cancel_after=4)
    with pytest.raises(Cancelled):
        HeavyStage().run(heavy_task(name), work)
    assert list((root / "videos" / "heavy_output").iterdir()) == []


def test_damaged_and_missing_clips(make_work: Callable[..., Any], tmp_path: Path) -> None:
    """What is no video, or is gone, fails with its name; so does a task without a usable video_id."""
    root = tmp_path / "indoor_nas"
    (root / "videos" / "raw").mkdir(parents=True)
    (root / "videos" / "raw" / "bad.mp4").write_bytes(b"no video at all")
    work = make_work(HeavySettings(threads=2))
    with pytest.raises(ClipDamaged, match=r"bad\.mp4"):
        HeavyStage().run(heavy_task("bad.mp4"), work)
    with pytest.raises(InputGone, match=r"gone\.mp4"):
        HeavyStage().run(heavy_task("gone.mp4"), work)
    nameless = Task(task_id=1, task_type=TaskType.HEAVY_PROCESS_VIDEO, video_id="../x")
    with pytest.raises(StageFailed, match="video_id"):
        HeavyStage().run(nameless, work)


@given(st.text(max_size=60))
def test_safe_names(plate: str) -> None:
    """A file name made from a plate holds A-Z and 0-9 only, whatever was read."""
    name = safe_name(plate)
    assert len(name) <= 32
    assert all(c in "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789" for c in name)


def test_instants_lie_on_one_grid() -> None:
    """Looks are evenly spread, moments add their start, and nothing past the end is wanted."""
    assert instants(None, 1.0, 4) == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert instants([(0.3, 0.8), (2.0, 9.0)], 2.4, 4) == [0.3, 0.5, 0.75, 2.0, 2.25]
    assert instants([], 10.0, 4) == []
