"""The preprocess stage: cheap looks at a clip, and which of its moments are worth full resolution."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from stages.errors import PlaceAbsent, StageFailed
from stages.files import hash_file, output_folder, result_key
from stages.settings import PreprocessSettings
from stages.sighting import ClipFacts
from stages.stage import Places, Result, Work
from stages.task import VIDEO_ID, VIDEO_ID_RULE, FileRef, NewTask, Task, TaskType

if TYPE_CHECKING:
    from stages.video.examine import Watcher

#: Part of every result key: raise it when the same clip and settings would give another output.
CODE = 1
_COPIED = ("priority", "filename", "blake2", "channel")


class PreprocessStage:
    """PREPROCESS_VIDEO: leaves `metadata.json` and `thumbs/`, and asks for the heavy stage."""

    task_type = TaskType.PREPROCESS_VIDEO
    settings_type = PreprocessSettings

    def __init__(self) -> None:
        self._watchers: dict[tuple[Path, str, float], Watcher] = {}

    def warm_up(self, settings: Any) -> None:
        """Import what decodes; the detector loads with the first clip, in well under a second."""
        from stages.video import examine

        del settings, examine

    def run(self, task: Task, work: Work) -> Result:
        """Look, judge, write. Raises `StageFailed` (no clip, or damaged), `PlaceAbsent` or `Cancelled`."""
        from stages.video.examine import examine

        settings: PreprocessSettings = work.settings
        video_id, raw = checked_id(task), raw_clip(task)
        clip = work.places.existing(raw)
        work.progress(0.0, "reading the clip")
        given = task.metadata.get("blake2")
        digest = given if isinstance(given, str) and given else hash_file(clip)
        watcher = self._watcher(work.models, settings)
        key = result_key(
            task=task.task_type, input=digest, settings=settings, detector=watcher.about, code=CODE
        )
        folder = FileRef(device=kept_place(work.places, raw), path=f"/videos/preproc/{video_id}/")
        with output_folder(work.places, folder, task, key) as out:
            if out.finished:
                return out.finished
            report, seen = examine(clip, watcher, settings, work.progress)
            thumbs = _write_thumbs(out.path / "thumbs", seen.small, report["moments"], settings.thumbnails)
            report["thumbs"] = thumbs
            (out.path / "metadata.json").write_bytes(
                msgspec.json.format(msgspec.json.encode(report), indent=1)
            )
            work.progress(0.98, "publishing")
            return out.publish(_result(task, settings, raw, folder, report, seen.poster))

    def _watcher(self, models: Path, settings: PreprocessSettings) -> Watcher:
        """The detector for these settings, loaded once per process; a missing one is looked for each time."""
        from stages.video.examine import load_watcher

        name = models, settings.model, settings.score
        if not settings.detect or name not in self._watchers:
            found = load_watcher(models, settings)
            if found.detector is None:
                return found
            self._watchers[name] = found
        return self._watchers[name]


def checked_id(task: Task) -> str:
    """The task's video id. It becomes a path, so raises `StageFailed` unless it is one."""
    if task.video_id is None or not VIDEO_ID.match(task.video_id):
        raise StageFailed(f"task {task.task_id} has no usable video_id ({task.video_id!r}): {VIDEO_ID_RULE}")
    return task.video_id


def raw_clip(task: Task) -> FileRef:
    """The input that is the clip: the one of type `video`, else the first that is no folder."""
    files = [ref for ref in task.inputs if not ref.path.endswith("/")]
    for ref in files:
        if ref.type == "video":
            return ref
    if files:
        return files[0]
    raise StageFailed(
        f"task {task.task_id} names no clip in its inputs; add the file of video {task.video_id}"
    )


def kept_place(places: Places, raw: FileRef) -> str:
    """Where outputs go: the clip's own place, or the first kept one when that is a card or a camera."""
    if places.is_kept(raw.device):
        return raw.device
    kept = sorted(places.names(kept=True), key=lambda name: name != "indoor_nas")
    if not kept:
        raise PlaceAbsent(
            f"{raw.device} is never written to, and this host has no other place for the output"
        )
    return kept[0]


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
        metadata={name: task.metadata[name] for name in _COPIED if name in task.metadata},
        device_capabilities_required=settings.next_needs,
    )
    return Result(
        outputs=[
            FileRef(device=folder.device, path=folder.path + name) for name in ("metadata.json", "thumbs/")
        ],
        metadata={"frame_count": report["frame_count"], "filtered_frames": report["filtered_frames"]},
        results=[ClipFacts(poster=poster)],
        new_tasks=[heavy],
    )
