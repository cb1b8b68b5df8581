"""`dashcam worker`."""

from __future__ import annotations

import importlib.util
import logging
import sys
from pathlib import Path

from config.settings import Settings
from dashcam_cli import common, platform
from dashcam_cli.identity import take_name
from dashcam_cli.loop import Worker
from dashcam_cli.output import FAILED, leave, printable, say
from dashcam_cli.places import host_places
from stages.errors import SettingsError
from stages.registry import OURS
from stages.task import Task, TaskType

#: Without these no stage of ours can run; the base install has none of them.
_NEEDED = ("av", "numpy", "cv2")


def work(
    url: str | None, name: str | None, types: list[str], places: list[str], once: bool, home: Path | None
) -> None:
    """Run a worker until a stop signal, or with `once` until there is nothing to do."""
    platform.end_on_stop()
    settings = common.settings(home, url, worker={"name": name, "types": types or None})
    chosen = task_types(settings)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    here = host_places(settings, places)
    identity = take_name(Path(settings.home), settings.worker.name)
    client, beat = common.client(settings, patience=10), common.client(settings, patience=2)
    worker = Worker(client, beat, settings, identity, here, chosen, LogWatcher())
    platform.on_stop(worker.stop)
    reach = [place.name for place in here.values() if place.present()]
    say(
        f"worker {identity.name} for {settings.server.url}: {', '.join(chosen)}; "
        f"places: {', '.join(reach) or 'none'}"
    )
    for place in here.values():
        if not place.present():
            say(f"warning: {place.why_absent()}")
    worker.run(once=once)
    if once and worker.failed:
        leave(FAILED)


def task_types(settings: Settings) -> tuple[str, ...]:
    """The task types this worker takes, checked; every one of ours when none is named."""
    named = settings.worker.types
    for each in named:
        if each not in tuple(TaskType):
            raise SettingsError(f"--type takes one of {', '.join(TaskType)}, got {each!r}")
    lacking = [module for module in _NEEDED if importlib.util.find_spec(module) is None]
    if lacking:
        raise SettingsError(
            f"this install has no stages (missing: {', '.join(lacking)}); "
            "install them with: pip install 'dashcam-processor[cpu]' (or [gpu] with an NVIDIA card)"
        )
    return named or tuple(OURS.values())


class LogWatcher:
    """One line at the start and the end of each task; quiet in between."""

    def __init__(self) -> None:
        self._log = logging.getLogger("dashcam.worker")

    def started(self, task: Task) -> None:
        """A task begins."""
        self._log.info(
            "task %s %s %s: started (lease %s)", task.task_id, task.task_type, task.video_id, task.lease
        )

    def progressed(self, task: Task, fraction: float, note: str) -> None:
        """Shown by the heartbeat, not logged."""

    def ended(self, task: Task, outcome: str, error: str, seconds: float) -> None:
        """It ended."""
        level = logging.INFO if outcome in ("done", "released", "cancelled") else logging.WARNING
        why = f": {printable(error)}" if error else ""
        self._log.log(
            level, "task %s %s: %s after %.1f s%s", task.task_id, task.task_type, outcome, seconds, why
        )
