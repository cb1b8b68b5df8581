"""Which stages are installed: entry points of the group `dashcam.stages`, so that anybody can bring one."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import cast

from stages.errors import SettingsError
from stages.stage import Stage
from stages.task import TaskType

GROUP = "dashcam.stages"
#: Ours, by the name of their settings table.
OURS = {
    "ingest": TaskType.INGEST_VIDEO,
    "preprocess": TaskType.PREPROCESS_VIDEO,
    "heavy": TaskType.HEAVY_PROCESS_VIDEO,
    "archive": TaskType.ARCHIVE_VIDEO,
}


def installed() -> dict[str, type[Stage]]:
    """Stage classes by task type, loaded. A third party's stage replaces ours of the same type."""
    found: dict[str, type[Stage]] = {}
    for point in sorted(entry_points(group=GROUP), key=lambda each: each.name not in OURS):
        try:
            stage = cast("type[Stage]", point.load())
        except ImportError as error:
            raise SettingsError(
                f"the stage {point.name!r} ({point.value}) cannot be loaded: {error}"
            ) from error
        found[stage.task_type] = stage
    return found


def table_of(task_type: str) -> str:
    """The name of the settings table for a task type: the last entry point that performs it."""
    name = next((name for name, ours in OURS.items() if ours == task_type), task_type)
    for point in entry_points(group=GROUP):
        if point.name not in OURS and getattr(point.load(), "task_type", None) == task_type:
            name = point.name
    return name
