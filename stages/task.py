"""A task, the files it names, and the words for its life."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

#: What names a clip. It becomes a path, so it is narrow.
VIDEO_ID = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}\Z")
VIDEO_ID_RULE = "1 to 128 of A-Z a-z 0-9 . _ -, not starting with a dot"


class TaskType(StrEnum):
    """The four kinds of work, in the order in which a clip passes them."""

    INGEST_VIDEO = "INGEST_VIDEO"
    PREPROCESS_VIDEO = "PREPROCESS_VIDEO"
    HEAVY_PROCESS_VIDEO = "HEAVY_PROCESS_VIDEO"
    ARCHIVE_VIDEO = "ARCHIVE_VIDEO"


class State(StrEnum):
    """What the API calls `state`."""

    PENDING = "pending"
    COMPLETE = "complete"
    FAILED = "failed"


class Phase(StrEnum):
    """What the state means in detail."""

    READY = "ready"
    LEASED = "leased"
    BACKING_OFF = "backing_off"
    NO_INPUT = "no_input"
    DONE = "done"
    GAVE_UP = "gave_up"
    CANCELLED = "cancelled"


class FileRef(msgspec.Struct, frozen=True, omit_defaults=True):
    """A file or folder (trailing slash) in a place. `device` names the place, `path` lies below its root."""

    device: Annotated[str, Meta(min_length=1, max_length=255)]
    path: Annotated[str, Meta(min_length=1, max_length=4096)]
    type: str | UnsetType | None = UNSET
    temporary: bool | UnsetType | None = UNSET


class NewTask(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A task that does not exist yet, as a person, a script or a stage asks for it."""

    task_type: TaskType
    video_id: str | None = None
    inputs: list[FileRef] = []
    outputs: list[FileRef] = []
    metadata: dict[str, Any] = {}
    device_capabilities_required: dict[str, Any] = {}


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """One unit of work as a stage sees it; `lease` is the fence its outputs are named by."""

    task_id: int
    task_type: TaskType
    video_id: str | None = None
    inputs: list[FileRef] = []
    outputs: list[FileRef] = []
    metadata: dict[str, Any] = {}
    lease: int = 0
    created_at: str = ""
