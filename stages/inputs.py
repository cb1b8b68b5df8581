"""What a stage is handed: the clip's name and file, where its output goes, and what is passed on."""

from __future__ import annotations

from typing import Any

from stages.errors import PlaceAbsent, StageFailed
from stages.stage import Places
from stages.task import VIDEO_ID, VIDEO_ID_RULE, FileRef, Task

#: Metadata that each stage hands to the next: every host must see the same clip in the same way.
#: The owner asked for every frame to be looked at.
THOROUGH = "thorough"
#: What only the host that took the clip in could tell (its card, its folder there); the archive notes it.
WHENCE = ("camera", "camera_name", "mode", "locked")
PASSED_ON = ("priority", "filename", "blake2", "channel", "time_zone", *WHENCE, THOROUGH)


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


def passed_on(task: Task) -> dict[str, Any]:
    """The metadata for the task that follows."""
    return {name: task.metadata[name] for name in PASSED_ON if name in task.metadata}


def time_zone(task: Task) -> str:
    """The cameras' time zone as ingest was set; "" = this host's."""
    named = task.metadata.get("time_zone")
    return named if isinstance(named, str) else ""
