"""From paths that a person names to tasks: which clips, are they sound, how urgent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from dashcam_cli.scan import MOST, SUFFIXES, scan, small_copy, unspeakable
from dashcam_cli.scan import Refusal as Refusal
from stages.errors import BadInput
from stages.files import HostPlaces
from stages.footage.container import Container, walk
from stages.footage.identity import fingerprint, video_id
from stages.footage.names import NameFacts, read_name
from stages.footage.twins import better_twin
from stages.task import FileRef, TaskType

OLD = timedelta(days=2)


class Clip(msgspec.Struct, frozen=True, kw_only=True):
    """A clip that can be handed in. `warning` says what is wrong with it though it can be worked on.

    `start` is when it began on the camera's clock, as far as name, movie header and file time tell. A
    `problem` says why it can only be kept, not worked on.
    """

    path: Path
    video_id: str
    fingerprint: str
    priority: str
    warning: str = ""
    problem: str = ""
    start: datetime | None = None


def find_clips(paths: Iterable[str | Path], passed: list[Refusal] | None = None) -> Iterator[Path | Refusal]:
    """Every clip below the paths, files as named, folders in order of names.

    `passed` collects small copies of clips that lie beside them.
    """
    for given in paths:
        path = Path(given)
        try:
            if path.is_dir():
                yield from _walk(path, passed)
            elif path.is_file():
                if better := better_twin(path):
                    if passed is not None:
                        passed.append(Refusal(str(given), small_copy(better.name)))
                else:
                    yield _named(path)
            elif path.exists():
                yield Refusal(str(given), "it is no regular file")
            else:
                yield Refusal(str(given), "there is no such file")
        except (OSError, ValueError, RuntimeError) as error:
            yield Refusal(str(given), f"cannot be read: {getattr(error, 'strerror', None) or error}")


def _named(path: Path) -> Path | Refusal:
    why = unspeakable(path)
    return Refusal(str(path), why) if why else path


def _walk(folder: Path, passed: list[Refusal] | None) -> Iterator[Path | Refusal]:
    seen, told = 0, False
    for found in scan(folder, links=True, passed=passed):
        told = True
        if isinstance(found, Refusal):
            yield found
            continue
        seen += 1
        if seen > MOST:
            raise BadInput(f"{folder} holds over {MOST} clips; hand in its folders one by one")
        yield found.path
    if not told:
        yield Refusal(str(folder), f"holds no clips ({', '.join(sorted(SUFFIXES))})")


def examine(
    path: Path, now: datetime, relative: str | None = None, *, damaged_too: bool = False
) -> Clip | Refusal:
    """Look at a clip without decoding it.

    `now` is local time without a zone; `relative` is the path below the place's root (folders there count).
    `damaged_too`: a clip that breaks off before its index is a Clip with a `problem`, not a Refusal.
    """
    try:
        container = walk(path)
        reason = unusable(container)
        if reason and not (damaged_too and container.state in ("no_index", "truncated")):
            return Refusal(str(path), reason)
        content = fingerprint(path)
        modified = datetime.fromtimestamp(path.stat().st_mtime)  # noqa: DTZ006  # the camera's clock is local too
    except (OSError, ValueError, OverflowError) as error:
        return Refusal(str(path), f"cannot be read: {getattr(error, 'strerror', None) or error}")
    name = read_name(relative or path)
    cut = container.state == "truncated" and not reason
    return Clip(
        path=path,
        video_id=video_id(name, container, content),
        fingerprint=content,
        priority=urgency(name, container, modified, now),
        warning=f"{container.reason}; it is worked on up to its end" if cut else "",
        problem=reason,
        start=name.recorded_local or container.created or modified,
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


def aged(clip: Clip, now: datetime) -> Clip:
    """A clip that was looked at some time ago, as urgent as it is now."""
    if clip.priority == "normal" and clip.start is not None and now - clip.start > OLD:
        return msgspec.structs.replace(clip, priority="low")
    return clip


def task_for(clip: Clip, ref: FileRef, **more: str | bool) -> dict[str, Any]:
    """The task that hands in a clip.

    `more` goes into its metadata: `origin` (where it lay on its card), `camera`, `time_zone`, `locked`,
    `thorough`; what is empty or false is left out.
    """
    return {
        "task_type": TaskType.INGEST_VIDEO,
        "video_id": clip.video_id,
        "inputs": [{"device": ref.device, "path": ref.path, "type": "video"}],
        "metadata": {
            "source": ref.device,
            "filename": clip.path.name,
            "priority": clip.priority,
            "fingerprint": clip.fingerprint,
        }
        | {key: value for key, value in more.items() if value},
    }


def reference(places: HostPlaces, path: Path) -> FileRef | Refusal:
    """The clip's place and path below it; a refusal that says how to mend it when there is none."""
    ref = places.reference(path)
    if ref is not None:
        return ref
    folder = path.resolve().parent
    return Refusal(str(path), f"lies in no place of this host; mend it with: dashcam place add NAME {folder}")
