"""Filtering costs no plate: what is confirmed without any filter is confirmed with it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stages.heavy import HeavyStage
from stages.preprocess import PreprocessStage
from stages.settings import HeavySettings, PreprocessSettings
from stages.task import FileRef, Task, TaskType
from tests.stages.scenes import SCENES, render_scene

pytestmark = pytest.mark.slow


def task_of(kind: TaskType, clip: str, video_id: str, *more: FileRef) -> Task:
    """A task for a clip of the indoor NAS."""
    raw = FileRef(device="indoor_nas", path=f"/{clip}", type="video")
    return Task(task_id=3, task_type=kind, video_id=video_id, inputs=[raw, *more], lease=1)


def confirmed(result: Any) -> set[str]:
    """The plates that a heavy stage's result confirms."""
    return {sighting.plate for sighting in result.results[0].sightings if sighting.confirmed}


@pytest.mark.shared
@pytest.mark.parametrize("scene", sorted(SCENES))
def test_the_filter_costs_no_plate(
    make_work: Callable[..., Any], tmp_path: Path, shared: Path, scene: str
) -> None:
    """Default settings behind preprocess confirm all that every frame without it does, from fewer looks."""
    nas = tmp_path / "indoor_nas"
    nas.mkdir()
    planted = render_scene(nas / "clip.mp4", scene, seconds=10)
    models = shared / "models"
    # Without a detector the filter drops most: what one sees keeps a still scene.
    filtered = PreprocessStage().run(
        task_of(TaskType.PREPROCESS_VIDEO, "clip.mp4", "filtered"),
        make_work(PreprocessSettings(detect=False)),
    )
    stage = HeavyStage()
    ours = stage.run(
        task_of(TaskType.HEAVY_PROCESS_VIDEO, "clip.mp4", "filtered", *filtered.outputs),
        make_work(HeavySettings(threads=2), models=models),
    )
    every = stage.run(
        task_of(TaskType.HEAVY_PROCESS_VIDEO, "clip.mp4", "every"),
        make_work(HeavySettings(threads=2, thorough=True), models=models),
    )
    assert confirmed(every) & planted
    assert confirmed(ours) >= confirmed(every)
    if scene == "red-light":
        assert filtered.metadata["filtered_frames"] > 10 * 8 / 4
