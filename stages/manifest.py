"""What an archive is made from, and the manifest that says so: with it alone the catalogue can be rebuilt."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from stages.disk import hash_file
from stages.errors import InputGone, StageFailed
from stages.files import RESULT
from stages.handover import Folder, files_below, open_folder
from stages.inputs import WHENCE, raw_clip, time_zone
from stages.proofs import MANIFEST, Held, Source
from stages.sighting import ClipFacts, Route, Sightings
from stages.stage import Places, Work
from stages.task import FileRef, Task, TaskType


class Inputs(NamedTuple):
    """What a task hands over. `loose` are temporary files and strangers' folders, kept as they are."""

    raw: FileRef
    clip: Path
    blake2: str
    heavy: Folder | None
    preproc: Folder | None
    loose: list[Folder]


def gather(task: Task, work: Work) -> Inputs:
    """Find the inputs. Raises `InputGone` when one is no longer there, `StageFailed` when none is a clip."""
    folders = [open_folder(work.places, ref) for ref in task.inputs if ref.path.endswith("/")]
    heavy = _of(folders, TaskType.HEAVY_PROCESS_VIDEO)
    preproc = _of(folders, TaskType.PREPROCESS_VIDEO)
    if any(ref.type == "video" or not ref.path.endswith("/") for ref in task.inputs):
        raw = raw_clip(task)
    else:
        raw = _raw_of(heavy, task)
    clip = work.places.existing(raw)
    work.progress(0.0, "reading the inputs")
    known = task.metadata.get("blake2")
    digest = known if isinstance(known, str) and known else hash_file(clip)
    loose = [folder for folder in folders if folder not in (heavy, preproc)]
    for folder in loose:
        if clip.resolve().is_relative_to(folder.path.resolve()):
            raise StageFailed(
                f"the input {folder.ref.path} holds the clip itself, so it is no stage's output"
            )
    files = [ref for ref in task.inputs if ref != raw and not ref.path.endswith("/")]
    loose += [Folder(ref, work.places.existing(ref), None) for ref in files]
    return Inputs(raw, clip, digest, heavy, preproc or _preproc_beside(work.places, raw, task), loose)


def _of(folders: list[Folder], kind: TaskType) -> Folder | None:
    return next((f for f in folders if f.finished and f.finished.task_type == kind), None)


def _raw_of(heavy: Folder | None, task: Task) -> FileRef:
    """The clip that the heavy stage named for its archive task: a task may give its folder alone."""
    if heavy and heavy.finished:
        for new in heavy.finished.result.new_tasks:
            if new.task_type == TaskType.ARCHIVE_VIDEO and any(not r.path.endswith("/") for r in new.inputs):
                return raw_clip(msgspec.structs.replace(task, inputs=new.inputs))
    return raw_clip(task)


def _preproc_beside(places: Places, raw: FileRef, task: Task) -> Folder | None:
    """The preprocess stage's folder where it usually is: its poster belongs to the clip's facts."""
    ref = FileRef(device=raw.device, path=f"/videos/preproc/{task.video_id}/")
    try:
        folder = open_folder(places, ref)
    except InputGone:
        return None
    return folder if folder.finished else None


def listed(folder: Path) -> list[Held]:
    """Every file of an archive but the manifest and `result.json`, with its hash."""
    return [
        Held(path.relative_to(folder).as_posix(), path.stat().st_size, hash_file(path))
        for path in files_below(folder)
        if path.relative_to(folder).as_posix() not in (MANIFEST, RESULT)
    ]


def sources(given: Inputs) -> list[Source]:
    """The clip with its hash, and each folder with that of its result."""
    found = [Source(given.raw.device, given.raw.path, given.blake2)]
    for folder in [given.heavy, given.preproc, *given.loose]:
        if folder is None:
            continue
        proof = folder.path / RESULT if folder.path.is_dir() else folder.path
        digest = hash_file(proof) if proof.is_file() else ""
        found.append(Source(folder.ref.device, folder.ref.path, digest))
    return found


def catalogue(given: Inputs, task: Task) -> dict[str, Any]:
    """What the catalogue knows of the clip, in the form of the stages' results."""
    from stages.facts import clip_facts
    from stages.footage.clip import describe
    from stages.video.probe import probe

    about = describe(given.clip, time_zone=time_zone(task), relative=given.raw.path.lstrip("/"))
    film = probe(given.clip, container=about.container)
    facts = clip_facts(about, film, blake2=given.blake2, warnings=about.warnings)
    facts = msgspec.structs.replace(facts, poster=_poster(given.preproc), **_whence(task))
    seen = [r for r in _results(given.heavy) if isinstance(r, Sightings)]
    return {
        "clip": facts,
        "route": Route(points=about.route, dialect=about.route_source),
        "sightings": seen[0] if seen else None,
    }


def _whence(task: Task) -> dict[str, Any]:
    """What ingest told of the clip's card and folder, where the tasks passed it on."""
    kinds: dict[str, type] = {"camera": str, "camera_name": str, "mode": str, "locked": bool}
    told = {name: task.metadata.get(name) for name in WHENCE}
    return {name: value for name, value in told.items() if isinstance(value, kinds[name])}


def _results(folder: Folder | None) -> list[Any]:
    return list(folder.finished.result.results) if folder and folder.finished else []


def _poster(preproc: Folder | None) -> bytes | None:
    return next((r.poster for r in _results(preproc) if isinstance(r, ClipFacts) and r.poster), None)


def created_by() -> str:
    """This program and its version."""
    try:
        return f"dashcam-processor {version('dashcam-processor')}"
    except PackageNotFoundError:
        return "dashcam-processor from source"
