"""What the load consists of: the bodies of section 3 of the API's reference, one clip for each task."""

from __future__ import annotations

import json
import os
import re
from typing import Any

from queueing.generator import Script, request

CAPABILITIES = {
    "opencv": True, "tflite": True, "onnxruntime": True, "cpu_cores": 8, "ram_gb": 16, "gpu": False,
    "coral_tpu": True,
}  # fmt: skip
_LEASED = re.compile(rb'"task_id":(\d+).*"lease":(\d+)', re.DOTALL)


def new_task(video_id: str) -> dict[str, Any]:
    """A PREPROCESS_VIDEO task as a client asks for it."""
    return {
        "task_type": "PREPROCESS_VIDEO",
        "video_id": video_id,
        "inputs": [
            {"device": "indoor_nas", "path": f"/videos/raw/{video_id}.mp4", "type": "video", "temporary": False}
        ],
        "outputs": [
            {"device": "indoor_nas", "path": f"/videos/preproc/{video_id}/metadata.json", "type": "json",
             "temporary": True}
        ],
        "metadata": {"filename": f"{video_id}.mp4", "frame_count": 1800, "duration_seconds": 60},
        "device_capabilities_required": {"opencv": True, "tflite": True, "cpu_cores": 2},
    }  # fmt: skip


def completion(lease: int, video_id: str) -> dict[str, Any]:
    """A completion that publishes one new task."""
    return {"lease": lease, "metadata": {"filtered_frames": 312}, "new_tasks": [new_task(video_id)]}


def post(path: str, body: Any) -> bytes:
    """A POST below /api/v1."""
    return request("POST", f"/api/v1{path}", json.dumps(body, separators=(",", ":")).encode())


def creates(number: int) -> Script:
    """(a) One task after another, each of a clip of its own."""
    count = 0
    while True:
        count += 1
        yield post("/tasks", new_task(f"20240115_{number:04d}_{count:07d}"))


def claim(number: int) -> bytes:
    """A worker's claim; each process of the generator is a new start of the worker."""
    path = f"/tasks/pending?worker=bench-{number}&session={os.getpid()}-{number}&wait=0"
    return post(path, {"device_capabilities": CAPABILITIES, "held": []})


def cycles(number: int) -> Script:
    """(b) Claim a task, complete it with one new task."""
    asking, count = claim(number), 0
    while True:
        count += 1
        status, body = yield asking
        found = _LEASED.search(body)
        assert status == 200, f"{status} {body[:300]!r}"
        assert found is not None, f"nothing to claim: {body[:300]!r}"
        task_id, lease = int(found[1]), int(found[2])
        follows = completion(lease, f"20240116_{number:04d}_{count:07d}")
        yield post(f"/tasks/{task_id}/complete", follows)


def seed(tasks: int) -> list[bytes]:
    """Requests that put so many tasks into the queue."""
    asked = [new_task(f"20240114_000000_{number:07d}") for number in range(tasks)]
    return [post("/tasks/batch", {"tasks": asked[at : at + 500]}) for at in range(0, tasks, 500)]
