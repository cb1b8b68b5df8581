"""From paths that a person names to tasks: which clips, are they sound, how urgent."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from stages.errors import BadInput
from stages.files import ASIDE, PART, RESULT, HostPlaces
from stages.footage.container import Container, walk
from stages.footage.identity import fingerprint, video_id
from stages.footage.names import NameFacts, read_name
from stages.task import FileRef, TaskType

SUFFIXES = {".mp4", ".mov", ".ts", ".m2ts", ".mts", ".mkv", ".avi", ".m4v", ".3gp"}
#: Folders and files on cards that hold no footage.
_SKIPPED = {"THUMBNAIL", "SETTING", "Config", ".Trashes", ".Spotlight-V100", ".fseventsd", "found.000"}
_MOST_FILES = 1_000_000
OLD = timedelta(days=2)


class Clip(msgspec.Struct, frozen=True, kw_only=True):
    """A clip that can be handed in. `warning` says what is wrong with it though it can be worked on."""

    path: Path
    video_id: str
    fingerprint: str
    priority: str
    warning: str = ""


class Refusal(msgspec.Struct, frozen=True):
    """A path that cannot be handed in, and why."""

    clip: str
    reason: str


def find_clips(paths: Iterable[str | Path]) -> Iterator[Path | Refusal]:
    """Every clip below the paths, files as named, folders in order of names."""
    for given in paths:
        path = Path(given)
        try:
            if path.is_dir():
                yield from _walk(path)
            elif path.is_file():
                yield _named(path)
            elif path.exists():
                yield Refusal(str(given), "it is no regular file")
            else:
                yield Refusal(str(given), "there is no such file")
        except (OSError, ValueError, RuntimeError) as error:
            yield Refusal(str(given), f"cannot be read: {getattr(error, 'strerror', None) or error}")


def _named(path: Path) -> Path | Refusal:
    """A clip whose name every host and the API can spell."""
    try:
        str(path).encode("utf-8")
    except UnicodeEncodeError:
        return Refusal(str(path), "its name is not Unicode; rename it")
    return Refusal(str(path), "its name holds a backslash; rename it") if "\\" in path.name else path


def _walk(folder: Path) -> Iterator[Path | Refusal]:
    refusals: list[Refusal] = []

    def note(error: OSError) -> None:
        refusals.append(Refusal(str(error.filename or folder), f"cannot be read: {error.strerror}"))

    seen = 0
    for root, folders, files in os.walk(folder, onerror=note):
        folders[:] = sorted(each for each in folders if each not in _SKIPPED and not each.startswith("."))
        if RESULT in files:  # an output of ours: what was made of clips is none
            folders[:] = []
            continue
        folders[:] = [each for each in folders if not each.endswith((PART, ASIDE))]
        for name in sorted(files):
            if Path(name).suffix.lower() in SUFFIXES and not name.startswith("."):
                seen += 1
                path = Path(root) / name
                yield _named(path) if path.is_file() else Refusal(str(path), "it is no regular file")
        if seen > _MOST_FILES:
            raise BadInput(f"{folder} holds over {_MOST_FILES} clips; hand in its folders one by one")
    yield from refusals
    if not seen and not refusals:
        yield Refusal(str(folder), f"holds no clips ({', '.join(sorted(SUFFIXES))})")


def examine(path: Path, now: datetime, relative: str | None = None) -> Clip | Refusal:
    """Look at a clip without decoding it.

    `now` is local time without a zone; `relative` is the path below the place's root (folders there count).
    """
    try:
        container = walk(path)
        if reason := unusable(container):
            return Refusal(str(path), reason)
        content = fingerprint(path)
        modified = datetime.fromtimestamp(path.stat().st_mtime)  # noqa: DTZ006  # the camera's clock is local too
    except OSError as error:
        return Refusal(str(path), f"cannot be read: {error.strerror}")
    name = read_name(relative or path)
    return Clip(
        path=path,
        video_id=video_id(name, container, content),
        fingerprint=content,
        priority=urgency(name, container, modified, now),
        warning=f"{container.reason}; it is worked on up to its end"
        if container.state == "truncated"
        else "",
    )


def unusable(container: Container) -> str:
    """Why nothing can be done with a clip; empty when something can."""
    if container.state in ("whole", "truncated"):
        hopeless = container.state == "truncated" and not container.has_index and not container.fragmented
        if container.kind == "mp4" and hopeless:
            return container.reason
        return "it has no video track" if container.has_video is False else ""
    return container.reason or f"it is {container.state.replace('_', ' ')}"


def urgency(name: NameFacts, container: Container, modified: datetime, now: datetime) -> str:
    """`high` for locked and event clips, `low` for old ones: importing history never delays today's drive."""
    if name.locked or name.mode == "event":
        return "high"
    start = name.recorded_local or container.created or modified
    return "low" if now - start > OLD else "normal"


def task_for(clip: Clip, ref: FileRef) -> dict[str, Any]:
    """The task that hands in a clip."""
    return {
        "task_type": TaskType.INGEST_VIDEO,
        "video_id": clip.video_id,
        "inputs": [{"device": ref.device, "path": ref.path, "type": "video"}],
        "metadata": {
            "source": ref.device,
            "filename": clip.path.name,
            "priority": clip.priority,
            "fingerprint": clip.fingerprint,
        },
    }


def reference(places: HostPlaces, path: Path) -> FileRef | Refusal:
    """The clip's place and path below it; a refusal that says how to mend it when there is none."""
    ref = places.reference(path)
    if ref is not None:
        return ref
    folder = path.resolve().parent
    return Refusal(str(path), f"lies in no place of this host; mend it with: dashcam place add NAME {folder}")
