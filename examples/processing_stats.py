"""Query processing statistics (example 2 of the API reference).

    DASHCAM_SERVER=http://main-server:8000 python examples/processing_stats.py

Mended: the printed last line hands a set to `json.dumps`, which knows none; here it becomes a sorted list.
As printed it looks at the first 100 completed tasks, whatever their age: the default of `limit`.
"""

import json
import os
from datetime import datetime

import requests

SERVER = os.environ.get("DASHCAM_SERVER", "http://127.0.0.1:8000")
TOKEN = os.environ.get("DASHCAM_TOKEN", "")
HEADERS = {"Authorization": f"Bearer {TOKEN}"} if TOKEN else {}


def get_processing_stats(server: str = SERVER) -> dict:
    """Clips, seconds from creation to completion, completed tasks by type, and the devices (a set)."""
    base_url = f"{server}/api/v1"

    tasks = requests.get(f"{base_url}/tasks?state=complete", headers=HEADERS).json()

    stats = {
        "total_videos": 0,
        "total_processing_time": 0,
        "tasks_by_type": {},
        "devices_active": set(),
    }

    for task in tasks:
        task_type = task["task_type"]
        stats["tasks_by_type"][task_type] = stats["tasks_by_type"].get(task_type, 0) + 1

        if task.get("completed_at"):
            created = datetime.fromisoformat(task["created_at"])
            completed = datetime.fromisoformat(task["completed_at"])
            processing_time = (completed - created).total_seconds()
            stats["total_processing_time"] += processing_time

        if "video_id" in task:
            stats["total_videos"] = len({t["video_id"] for t in tasks})

    # Get device information
    devices = requests.get(f"{base_url}/devices", headers=HEADERS).json()
    for device in devices:
        stats["devices_active"].add(device["hostname"])

    return stats


if __name__ == "__main__":
    print(json.dumps(get_processing_stats(), indent=2, default=sorted))
