"""A clip that the server knows already is looked at once more, at every frame."""

from __future__ import annotations

from typing import Any

from dashcam_cli.client import Client
from stages.footage.zones import fixed_name
from stages.inputs import PASSED_ON, THOROUGH
from stages.task import Phase, State, TaskType


def look_again(client: Client, video_id: str) -> tuple[dict[str, Any] | None, str]:
    """Have a known clip looked at thoroughly: the task that does it, and in a few words what came of it.

    Where its tasks still wait, they are told; where the heavy stage is done with it, it gets another task
    with the same inputs, which costs little where neither settings nor models are others than before. None:
    nothing can be done yet.
    """
    tasks = client.tasks(video_id=video_id, limit=1000)
    heavy = [each for each in tasks if each["task_type"] == TaskType.HEAVY_PROCESS_VIDEO]
    if any(each["phase"] == Phase.LEASED for each in tasks if each["task_type"] != TaskType.ARCHIVE_VIDEO):
        return None, "it is being worked on; ask again when that is done"
    waiting = [each for each in tasks if each["state"] == State.PENDING]
    before = [each for each in waiting if each["task_type"] != TaskType.ARCHIVE_VIDEO]
    for task in before:
        client.amend(task["task_id"], metadata={THOROUGH: True})
    if before:
        return before[-1], "every frame of it will be looked at"
    done = [each for each in heavy if each["state"] == State.COMPLETE]
    if not tasks:  # finished long ago: its tasks were removed, the catalogue knows its files
        facts = client.video(video_id).get("facts") or {}
        offset = facts.get("utc_offset_seconds")
        metadata = {name: facts[name] for name in PASSED_ON if facts.get(name)}
        metadata |= {"time_zone": fixed_name(offset)} if isinstance(offset, int) else {}
        wanted = {"task_type": TaskType.HEAVY_PROCESS_VIDEO, "video_id": video_id}
        made = client.create([wanted | {"metadata": metadata | {THOROUGH: True}}])
        return made[0], "every frame of it will be looked at"
    if not done:
        return None, "its earlier tasks were given up; see: dashcam retry"
    last = max(done, key=lambda each: each["task_id"])
    metadata = {name: last["metadata"][name] for name in PASSED_ON if name in last["metadata"]}
    again = {
        "task_type": TaskType.HEAVY_PROCESS_VIDEO,
        "video_id": video_id,
        "inputs": last["inputs"],
        "metadata": metadata | {THOROUGH: True},
        "device_capabilities_required": last["device_capabilities_required"],
    }
    return client.create([again])[0], "every frame of it will be looked at"
