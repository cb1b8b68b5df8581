"""Where a clip's report lies on this host: by its name (server or database file), or by a path."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from config.settings import Settings
from dashcam_cli import common
from dashcam_cli.client import Client
from dashcam_cli.run import HOME_PLACE
from dashcam_cli.shelf import reachable
from stages.errors import BadInput, DashcamError, NotFound, PlaceAbsent, Refused
from stages.export.moments import Recording
from stages.files import MARKER, HostPlaces, Place
from stages.task import VIDEO_ID, FileRef, TaskType

REPORT, METADATA = "detections.json", "metadata.json"
_PICTURE = re.compile(r"[A-Z0-9]{1,32}", re.ASCII)


class Sources(NamedTuple):
    """What there is of a clip here. `clip` is its original, None where it is away (`away` says why)."""

    video_id: str
    report: Path
    metadata: Path | None = None
    clip: Path | None = None
    away: str = ""
    recording: Recording = Recording()

    def crop(self, plate: str) -> Path | None:
        """The picture of a plate's text that the heavy stage kept."""
        if not _PICTURE.fullmatch(plate):
            return None
        found = (self.report.parent / folder / f"{plate}.jpg" for folder in ("plates", "doubtful"))
        return next((path for path in found if path.is_file()), None)


def by_path(path: Path) -> Sources:
    """A `detections.json`, or a folder with one. Raises BadInput."""
    report = path / REPORT if path.is_dir() else path
    if not report.is_file():
        raise BadInput(
            f"{path} is no {REPORT} and no folder with one; give the heavy stage's folder of a clip, its "
            "archive, or the clip's name"
        )
    metadata = _beside(report)
    return Sources(report.absolute().parent.name, report, metadata, away="give the clip's name instead")


def _beside(report: Path) -> Path | None:
    """The preprocess stage's `metadata.json`, where the folder lies in a place as ours are."""
    folder = report.absolute().parent
    path = folder.parent.parent / "preproc" / folder.name / METADATA
    return path if folder.parent.name == "heavy_output" and path.is_file() else None


def looks_like_a_path(text: str) -> bool:
    """Whether a word is a path rather than a clip's name."""
    path = Path(text)
    return not VIDEO_ID.match(text) or path.is_file() or (path / REPORT).is_file()


def by_name(video_id: str, settings: Settings, place_flags: list[str], db: Path | None) -> Sources:
    """A clip's report in the places of this host. Raises NotFound, and PlaceAbsent where none is at hand."""
    places = reachable(settings, place_flags)
    if db is not None:
        from dashcam_cli.server import local_clip

        known = local_clip(db, video_id)
        places = _with_home(places, settings, place_flags, db)
        client = None
    else:
        client = common.client(settings)
        whole = client.whole(video_id)
        known = {"files": whole.get("files"), "facts": whole.get("facts")}
    files, recording = _known(known)
    away: list[str] = []
    report = _first(places, _reports(files), away)
    if report is None:
        raise PlaceAbsent("; ".join(away)) if away else NotFound(_not_yet(video_id, client))
    lost: list[str] = []
    clip = _first(places, _of(files, TaskType.INGEST_VIDEO, ""), lost)
    metadata = _first(places, _of(files, TaskType.PREPROCESS_VIDEO, f"/{METADATA}"), [])
    return Sources(
        video_id, report, metadata or _beside(report), clip, "; ".join(lost) or "it is not known", recording
    )


def _with_home(places: HostPlaces, settings: Settings, flags: list[str], db: Path) -> HostPlaces:
    """The place that `dashcam run` made beside the database, for who names no home."""
    own = db.absolute().parent / "files"
    if places.knows(HOME_PLACE) or not (own / MARKER).is_file():
        return places
    from dashcam_cli.places import host_places

    home = Place(name=HOME_PLACE, root=str(own))
    return HostPlaces(host_places(settings, flags) | {HOME_PLACE: home})


class _File(msgspec.Struct, frozen=True):
    file: FileRef
    task_type: str = ""


class _Facts(msgspec.Struct, frozen=True):
    duration_seconds: float | None = None
    utc_offset_seconds: int | None = None
    start_local: str | None = None


class _Known(msgspec.Struct, frozen=True):
    files: list[_File]
    facts: _Facts = _Facts()


def _known(answer: dict[str, Any]) -> tuple[list[_File], Recording]:
    try:
        known = msgspec.convert(answer, _Known)
    except msgspec.ValidationError as error:
        raise Refused(f"the server's answer cannot be understood: {error}") from error
    facts = known.facts
    return known.files, Recording(facts.duration_seconds, _time(facts.start_local), facts.utc_offset_seconds)


def _time(text: str | None) -> Any:
    from datetime import datetime

    try:
        return datetime.fromisoformat(text).replace(tzinfo=None) if text else None
    except ValueError:
        return None


def _reports(files: Sequence[_File]) -> list[FileRef]:
    """Where the report may lie: the heavy stage's own first, then the archive's copy."""
    out = []
    for each in files:
        path, device = each.file.path, each.file.device
        if each.task_type == TaskType.HEAVY_PROCESS_VIDEO and path.endswith(("/", ".json")):
            out.append(FileRef(device=device, path=path + REPORT if path.endswith("/") else path))
    for ref in _of(files, TaskType.ARCHIVE_VIDEO, ""):
        out.append(FileRef(device=ref.device, path=f"{ref.path.rpartition('/')[0]}/{REPORT}"))  # noqa: PERF401
    return list(dict.fromkeys(out))


def _of(files: Sequence[_File], task_type: TaskType, ending: str) -> list[FileRef]:
    refs = (each.file for each in files if each.task_type == task_type)
    return [ref for ref in refs if not ref.path.endswith("/") and ref.path.endswith(ending)]


def _first(places: HostPlaces, refs: Sequence[FileRef], away: list[str]) -> Path | None:
    for ref in refs:
        try:
            path = places.existing(ref)
        except DashcamError as error:
            away.append(str(error))
            continue
        if path.is_file():
            return path
        away.append(f"{ref.device}:{ref.path} is no file")
    return None


def _not_yet(video_id: str, client: Client | None) -> str:
    """Why there is no report at all."""
    tasks = client.tasks(video_id=video_id, task_type=TaskType.HEAVY_PROCESS_VIDEO, limit=1) if client else []
    if not tasks:
        return f"{video_id} was never looked at closely: it has no {TaskType.HEAVY_PROCESS_VIDEO} task yet"
    task = tasks[0]
    because = f" ({task['error']})" if task.get("error") else ""
    return f"{video_id} has no report yet: its task {task['task_id']} is {task.get('phase')}{because}"
