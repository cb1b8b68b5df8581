"""The preprocess stage: cheap looks at a clip, and which of its moments are worth full resolution."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from stages.errors import DetectorFailed
from stages.files import hash_file, output_folder, result_key
from stages.inputs import checked_id, kept_place, passed_on, raw_clip
from stages.settings import PreprocessSettings
from stages.sighting import ClipFacts
from stages.stage import Health, Result, Work
from stages.task import FileRef, NewTask, Task, TaskType

if TYPE_CHECKING:
    from stages.video.examine import Watcher

#: Part of every result key: raise it when the same clip and settings would give another output.
CODE = 2


class PreprocessStage:
    """PREPROCESS_VIDEO: leaves `metadata.json` and `thumbs/`, and asks for the heavy stage."""

    task_type = TaskType.PREPROCESS_VIDEO
    settings_type = PreprocessSettings

    def __init__(self) -> None:
        self._watchers: dict[tuple[Path, str, str, float], Watcher] = {}

    def warm_up(self, settings: Any) -> None:
        """Import what decodes; the detector loads with the first clip, in well under a second."""
        from stages.video import examine

        del settings, examine

    def self_test(self, settings: Any, models: Path) -> Health:
        """Let the detector look at a picture of ours. One that cannot is left out, and the notice says so."""
        from stages.video.examine import tried
        from stages.vision.canary import canary

        began = time.perf_counter()
        watcher = self._watcher(models, settings)
        loaded = time.perf_counter()
        found = tried(watcher, canary().image)
        if found.detector is None and watcher.detector is not None:
            self._watchers[_name(models, settings)] = found
        spent = {"loading": loaded - began, "canary": time.perf_counter() - loaded}
        return Health(
            notices=[found.notice] if found.notice else [],
            models=[found.about] if found.detector else [],
            milliseconds={name: round(each * 1000, 1) for name, each in spent.items()},
        )

    def run(self, task: Task, work: Work) -> Result:
        """Look, judge, write. Raises `StageFailed` (no clip, or damaged), `PlaceAbsent` or `Cancelled`."""
        from stages.video.examine import examine, gave_way, without

        settings: PreprocessSettings = work.settings
        video_id, raw = checked_id(task), raw_clip(task)
        clip = work.places.existing(raw)
        work.progress(0.0, "reading the clip")
        given = task.metadata.get("blake2")
        digest = given if isinstance(given, str) and given else hash_file(clip)
        folder = FileRef(device=kept_place(work.places, raw), path=f"/videos/preproc/{video_id}/")
        watcher = self._watcher(work.models, settings)
        while True:
            key = result_key(
                task=task.task_type, input=digest, settings=settings, detector=watcher.about, code=CODE
            )
            with output_folder(work.places, folder, task, key) as out:
                if out.finished:
                    return out.finished
                # One detector, or none, looks at the whole of a clip: after a change, from the start.
                try:
                    report, seen = examine(clip, watcher, settings, work.progress)
                except DetectorFailed as error:
                    self._watchers.pop(_name(work.models, settings), None)  # the next clip may load it again
                    watcher = without(error)
                    continue
                if gave_way(watcher):
                    watcher = self._watcher(work.models, settings)
                    continue
                thumbs = _write_thumbs(
                    out.path / "thumbs", seen.small, report["moments"], settings.thumbnails
                )
                report["thumbs"] = thumbs
                (out.path / "metadata.json").write_bytes(
                    msgspec.json.format(msgspec.json.encode(report), indent=1)
                )
                work.progress(0.98, "publishing")
                return out.publish(_result(task, settings, raw, folder, report, seen.poster))

    def _watcher(self, models: Path, settings: PreprocessSettings) -> Watcher:
        """The detector for these settings, loaded once per process; a missing one is looked for each time."""
        from stages.video.examine import load_watcher, settled

        name = _name(models, settings)
        if not settings.detect or name not in self._watchers:
            found = load_watcher(models, settings)
            if found.detector is None:
                return found
            self._watchers[name] = found
        return settled(self._watchers[name])


def _name(models: Path, settings: PreprocessSettings) -> tuple[Path, str, str, float]:
    return models, settings.model, settings.tpu, settings.score


def _write_thumbs(
    folder: Path, small: dict[float, bytes], moments: Sequence[Sequence[float]], limit: int
) -> list[dict[str, Any]]:
    """At most `limit` thumbnails, spread evenly over the looks that matter (or over all, when none does)."""
    folder.mkdir()
    kept = [at for at in sorted(small) if any(a <= at <= b for a, b in moments)] or sorted(small)
    count = min(limit, len(kept))
    chosen = [kept[i * len(kept) // count] for i in range(count)]
    thumbs = []
    for number, at in enumerate(chosen, start=1):
        name = f"{number:04d}.jpg"
        (folder / name).write_bytes(small[at])
        thumbs.append({"file": f"thumbs/{name}", "seconds": round(at, 3)})
    return thumbs


def _result(
    task: Task,
    settings: PreprocessSettings,
    raw: FileRef,
    folder: FileRef,
    report: dict[str, Any],
    poster: bytes | None,
) -> Result:
    heavy = NewTask(
        task_type=TaskType.HEAVY_PROCESS_VIDEO,
        video_id=task.video_id,
        inputs=[raw, folder],
        metadata=passed_on(task),
        device_capabilities_required=settings.next_needs,
    )
    about = report.get("detector")
    used = {"models": [about["model"]], "provider": about["device"]} if about else {}
    return Result(
        outputs=[
            FileRef(device=folder.device, path=folder.path + name) for name in ("metadata.json", "thumbs/")
        ],
        metadata={"frame_count": report["frame_count"], "filtered_frames": report["filtered_frames"]} | used,
        results=[ClipFacts(poster=poster)],
        new_tasks=[heavy],
    )
