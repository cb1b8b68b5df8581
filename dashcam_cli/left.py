"""What stages left in places: their results, read with distrust."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from stages.errors import DashcamError
from stages.files import RESULT, Finished, HostPlaces, Place, hash_file
from stages.proofs import MANIFEST, Source
from stages.sighting import Archived, ClipFacts, Route, Sightings
from stages.task import VIDEO_ID, FileRef, TaskType

#: Where each stage leaves its folders, below a place's root.
AREAS = {
    TaskType.PREPROCESS_VIDEO: "videos/preproc",
    TaskType.HEAVY_PROCESS_VIDEO: "videos/heavy_output",
    TaskType.ARCHIVE_VIDEO: "archive",
}
_MOST_BYTES = 256 << 20


class Left(NamedTuple):
    """One stage's result for one clip. `size`: of the file that said it (bytes)."""

    video_id: str
    task_type: TaskType
    outputs: list[FileRef]
    results: list[Any]
    metadata: dict[str, Any]
    size: int
    task_id: int = 0

    def body(self) -> dict[str, Any]:
        """As the server takes it."""
        told: dict[str, Any] = msgspec.to_builtins(self._asdict())
        del told["size"]
        return told

    def named(self, outcome: str) -> dict[str, Any]:
        """As the server tells what became of it."""
        return {"video_id": self.video_id, "task_type": str(self.task_type), "outcome": outcome}


class Skipped(NamedTuple):
    """What could not be used."""

    what: str
    why: str


class _Manifest(msgspec.Struct, frozen=True):
    """What an archive's manifest has for the catalogue."""

    video_id: str
    clip: ClipFacts
    route: Route = Route()
    sightings: Sightings | None = None
    sources: list[Source] = []


def left_in(host: HostPlaces, places: Mapping[str, Place]) -> Iterator[Left | Skipped]:
    """Everything in the places that are present: of each stage first what it said itself."""
    here = [place for place in places.values() if place.present()]
    heavy = set()
    for task_type, area in AREAS.items():
        for place in here:
            for folder in _folders(Path(place.root) / area):
                found = _left(folder, place, task_type, f"/{area}/{folder.name}/")
                if isinstance(found, Left) and task_type == TaskType.HEAVY_PROCESS_VIDEO:
                    heavy.add(found.video_id)
                yield found
    area = AREAS[TaskType.ARCHIVE_VIDEO]
    for place in here:
        for folder in _folders(Path(place.root) / area):
            yield from _from_manifest(folder, host, heavy)


def _folders(area: Path) -> list[Path]:
    """The clips' folders; what is being written or was put aside has another kind of name."""
    try:
        with os.scandir(area) as entries:
            names = [each.name for each in entries if each.is_dir(follow_symlinks=False)]
    except OSError:
        return []
    return [area / name for name in sorted(names) if not name.endswith((".part", ".aside"))]


def _left(folder: Path, place: Place, task_type: TaskType, below: str) -> Left | Skipped:
    finished, size = _finished(folder)
    if finished is None:
        return Skipped(str(folder), f"its {RESULT} is missing, cut off or not ours")
    if finished.task_type != task_type or finished.video_id != folder.name or not VIDEO_ID.match(folder.name):
        return Skipped(str(folder), f"its {RESULT} is of another stage or clip than the folder's name says")
    outputs = finished.result.outputs
    if not all(ref.path.startswith(below) and ".." not in ref.path.split("/") for ref in outputs):
        return Skipped(str(folder), f"its {RESULT} names files outside the folder")
    # The place's name here is the one that holds: workers wrote by theirs.
    named = [msgspec.structs.replace(ref, device=place.name) for ref in outputs]
    results = [
        msgspec.structs.replace(each, device=place.name, path=below) if isinstance(each, Archived) else each
        for each in finished.result.results
    ]
    return Left(folder.name, task_type, named, results, finished.result.metadata, size, finished.task_id)


def _finished(folder: Path) -> tuple[Finished | None, int]:
    data = _read(folder / RESULT)
    try:
        return (msgspec.json.decode(data, type=Finished), len(data)) if data is not None else (None, 0)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None, 0


def _from_manifest(folder: Path, host: HostPlaces, heavy: set[str]) -> Iterator[Left | Skipped]:
    """What ingest said; and the heavy stage where its own folder is not at hand."""
    finished, _ = _finished(folder)
    if finished is None or finished.video_id != folder.name:
        return  # was told already
    path = folder / MANIFEST
    data = _read(path)
    try:
        if data is None or hash_file(path) != finished.files.get(MANIFEST):
            raise ValueError("it is missing, or not as it was written")
        said = msgspec.json.decode(data, type=_Manifest)
        if said.video_id != folder.name:
            raise ValueError("it is of another clip")
    except (msgspec.DecodeError, ValueError, OSError, RecursionError) as error:
        yield Skipped(str(path), str(error))
        return
    raw = [FileRef(device=each.device, path=each.path, type="video") for each in said.sources[:1]]
    outputs = [ref for ref in raw if not _gone(host, ref)]
    yield Left(folder.name, TaskType.INGEST_VIDEO, outputs, [said.clip, said.route], {}, len(data))
    if said.sightings is not None and folder.name not in heavy:
        yield Left(folder.name, TaskType.HEAVY_PROCESS_VIDEO, [], [said.sightings], {}, len(data))


def _gone(host: HostPlaces, ref: FileRef) -> bool:
    """Whether a file is surely not there: its place is. A retention rule removed it."""
    if ref.device not in host.names():
        return False
    try:
        return not host.path(ref).exists()
    except (DashcamError, OSError):
        return True


def _read(path: Path) -> bytes | None:
    try:
        found = path.lstat()
        # A pipe would be waited for, and a link leads out of the place.
        if not stat.S_ISREG(found.st_mode) or found.st_size > _MOST_BYTES:
            return None
        return path.read_bytes()
    except OSError:
        return None
