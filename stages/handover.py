"""Files change hands: copied with proof, and only then removed where they lay."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Set
from pathlib import Path
from typing import NamedTuple

from stages.disk import hash_file, make_folder, read_back, remove, sync
from stages.errors import DashcamError, StageFailed
from stages.files import PART, RESULT, Finished, read_finished, remove_earlier
from stages.stage import Places
from stages.task import FileRef, Task, TaskType

#: An output folder with more files than this is no output of ours.
MAX_FILES = 20_000


class Folder(NamedTuple):
    """An input folder: where it is, and the finished result in it (None: a stranger's folder)."""

    ref: FileRef
    path: Path
    finished: Finished | None


def open_folder(places: Places, ref: FileRef) -> Folder:
    """An input folder. Raises `InputGone`, `PlaceAbsent`."""
    path = places.existing(ref)
    return Folder(ref, path, read_finished(path))


def files_below(folder: Path) -> Iterator[Path]:
    """Plain files in a folder in a fixed order; links are left out, since they may lead anywhere."""
    count = 0
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or not path.is_file():
            continue
        count += 1
        if count > MAX_FILES:
            raise StageFailed(f"{folder} holds more than {MAX_FILES} files; that is no output of a stage")
        yield path


def copy_verified(source: Path, target: Path, expected: str | None, tell: Callable[[str], None]) -> None:
    """Copy a file and read the copy back from the disk. `expected`: the hash (BLAKE2b) of the source.

    Raises `StageFailed` when the source is not what its stage wrote, or the copy is not the source.
    """
    tell(source.name)
    make_folder(target.parent)
    digest = hash_file(source)
    if expected is not None and digest != expected:
        raise StageFailed(f"{source} was changed after its stage wrote it; run that stage again")
    shutil.copyfile(source, target)
    sync(target)
    if read_back(target) != digest:
        raise StageFailed(f"{target.name} reads back differently than it was written; try again", retry=True)


def copy_folder(folder: Folder, target: Path, below: str, tell: Callable[[str], None]) -> int:
    """Copy what lies in `below` of a folder ("" = everything but `result.json`); returns how many files.

    Files of a finished result must be the ones that it lists, with their hashes.
    """
    root = folder.path / below
    count = 0
    for path in files_below(root) if root.is_dir() else ():
        name = path.relative_to(folder.path).as_posix()
        if name == RESULT:
            continue
        expected = None
        if folder.finished is not None:
            expected = folder.finished.files.get(name)
            if expected is None:
                continue  # laid there afterwards by somebody else: not part of the result
        copy_verified(path, target / path.relative_to(root), expected, tell)
        count += 1
    if folder.finished is not None:
        wanted = [name for name in folder.finished.files if not below or name.startswith(below + "/")]
        if count != len(wanted):
            raise StageFailed(f"{folder.path} lacks files that its stage wrote; run that stage again")
    return count


def remove_temporary(places: Places, task: Task, held: Set[str]) -> list[FileRef]:
    """Remove inputs that are marked temporary, once what follows from them stands; returns what went.

    A file goes only when its hash is among `held`, the hashes of what the archive holds; a folder only when
    that is so for everything in it. Never removed: a clip (type `video`, or anything in a `raw` folder), a
    place's root, anything in a removable place. A folder loses its name before anything in it goes, so a run
    that is cut off leaves none by halves; the next lease's run removes the rest.
    """
    gone = []
    for ref in task.inputs:
        if ref.temporary is not True or not _removable(places, ref):
            continue
        path = places.path(ref)
        part = path.with_name(f"{path.name}.{task.task_id}-{task.lease}{PART}")
        remove_earlier(part)
        if path.exists() and _all_held(path, held):
            path.rename(part)
            sync(part.parent)
            remove(part)
            gone.append(ref)
    return gone


def _all_held(path: Path, held: Set[str]) -> bool:
    """Whether nothing would be lost. What the preprocess stage wrote can be made again from the clip."""
    if path.is_file():
        return hash_file(path) in held
    finished = read_finished(path)
    again = finished.files if finished and finished.task_type == TaskType.PREPROCESS_VIDEO else {}
    names = ((file, file.relative_to(path).as_posix()) for file in files_below(path))
    return all(name == RESULT or name in again or hash_file(file) in held for file, name in names)


def _removable(places: Places, ref: FileRef) -> bool:
    parts = [part for part in ref.path.replace("\\", "/").split("/") if part not in ("", ".")]
    if ref.type == "video" or "raw" in parts or not places.is_kept(ref.device):
        return False
    try:
        root = places.path(FileRef(device=ref.device, path="/")).resolve()
        path = places.path(ref)
    except DashcamError:
        return False  # its place went to sleep, or it leaves its place: it stays
    return len(parts) > 1 and not path.is_symlink() and root in path.resolve().parents
