"""Waiting for clips that were handed in, with progress on a terminal."""

from __future__ import annotations

import sys
import time
from typing import Any

from dashcam_cli.client import Client
from dashcam_cli.output import printable, say
from stages.task import State, TaskType

#: One question a second at most, however many clips are waited for: the server limits callers.
_PAUSE = 1.0


def follow(client: Client, tasks: list[dict[str, Any]]) -> list[dict[str, str]]:
    """Wait until each clip is archived or has failed; returns the failures as (clip, reason)."""
    open_clips = {task["video_id"] or str(task["task_id"]): task for task in tasks}
    failed: list[dict[str, str]] = []
    total = len(open_clips)
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as progress:
        bar = progress.add_task("waiting", total=total)
        while open_clips:
            for key, task in list(open_clips.items()):
                done, reason = _state(client, task)
                if done:
                    del open_clips[key]
                    progress.advance(bar)
                if reason:
                    name = task["metadata"].get("filename") or key
                    failed.append({"clip": str(name), "reason": reason})
                    say(f"dashcam: {printable(str(name))}: {printable(reason)}")
                if open_clips:
                    time.sleep(_PAUSE)
    return failed


def _state(client: Client, task: dict[str, Any]) -> tuple[bool, str]:
    """Whether a clip is through, and what failed on the way."""
    if task["video_id"] is None:
        related = [client.task(task["task_id"])]
        if related[0]["video_id"] is not None:
            task["video_id"] = related[0]["video_id"]
    else:
        related = client.tasks(video_id=task["video_id"], limit=1000)
    for each in related:
        if each["task_id"] >= task["task_id"] and each["state"] == State.FAILED:
            return True, f"{each['task_type']}: {each['error'] or each['phase']}"
    archived = any(
        each["task_type"] == TaskType.ARCHIVE_VIDEO
        and each["state"] == State.COMPLETE
        and each["task_id"] > task["task_id"]
        for each in related
    )
    return archived, ""
