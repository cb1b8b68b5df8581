"""The plugin contract: a stage performs one task type, and knows nothing of HTTP or the queue."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import msgspec

from stages.sighting import AnyResult
from stages.task import FileRef, NewTask, Task, TaskType


class Result(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a stage leaves: files, facts for the task, facts for the catalogue, and the tasks that follow.

    `video_id` names the clip when the task did not (only ingest can find that out).
    """

    outputs: list[FileRef] = []
    metadata: dict[str, Any] = {}
    results: list[AnyResult] = []
    new_tasks: list[NewTask] = []
    video_id: str | None = None


class Health(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a stage's self-test found.

    `unfit`: why it must take no task, "" when it may. `notices`: what a person should know though it may.
    `models`: what is loaded, as `describe` tells it: model, runtime, provider. `milliseconds`: of what was
    tried, by name.
    """

    unfit: str = ""
    notices: list[str] = []
    models: list[dict[str, Any]] = []
    milliseconds: dict[str, float] = {}


class Places(Protocol):
    """The named roots that this host can reach."""

    def names(self, *, kept: bool | None = None) -> list[str]:
        """Names of the places that are present now; `kept` filters kept or removable ones."""

    def knows(self, name: str) -> bool:
        """Whether this host is configured for the place, present or not."""

    def is_kept(self, name: str) -> bool:
        """Whether files may be written there and clips registered where they lie."""

    def path(self, ref: FileRef) -> Path:
        """The local path of a file, confined to its place.

        Raises `PlaceAbsent` (not configured or not mounted), `BadInput` (a path that leaves the place).
        """

    def existing(self, ref: FileRef) -> Path:
        """As `path`, and the file or folder is there; else raises `InputGone`."""


class Work(Protocol):
    """What a stage is given to do one task."""

    settings: Any  # the stage's own settings Struct
    places: Places
    scratch: Path  # an empty folder on the local disk, removed afterwards
    models: Path  # where downloaded models lie; may be missing

    def progress(self, fraction: float, note: str = "") -> None:
        """Tell how far the work is (0..1). Call it often: silence is taken for a hang.

        Raises `Cancelled` when the task was taken back.
        """


class Stage(Protocol):
    """One task type's work. A stage object lives in a warm child process and runs many tasks."""

    task_type: TaskType
    settings_type: type[msgspec.Struct]

    def __init__(self) -> None:
        """Cheap: models are loaded by `warm_up` or on first use, with the settings of `work`."""

    def warm_up(self, settings: Any) -> None:
        """Load what `run` needs, so that the first task does not look like a hang."""

    def run(self, task: Task, work: Work) -> Result:
        """Do the work. Same input, same output. Raises `StageFailed`, `PlaceAbsent` or `Cancelled`."""


@runtime_checkable
class SelfTesting(Protocol):
    """A stage that can try itself before its first task. Stages without this are taken to be fit."""

    def self_test(self, settings: Any, models: Path) -> Health:
        """Load what `run` needs and try it on something known; what is loaded stays for the first task.

        `models`: where downloaded models lie; may be missing. What it raises makes the stage unfit.
        """
