"""Taking a stage's output or a raw clip away, so that a cut in between leaves nothing by halves.

A folder loses its name before anything in it goes: `<name>.prune.part`. Only files that its `result.json`
lists are removed, that file last: whoever comes next can tell what was begun, and a stranger's file is never
lost.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from stages.disk import sync
from stages.errors import StageFailed
from stages.files import PART, RESULT, lacking, read_finished
from stages.footage.identity import fingerprint
from stages.handover import MAX_FILES
from stages.proofs import Proof
from stages.retention import Kind
from stages.task import FileRef, TaskType

_GOING = f".prune{PART}"
#: The task type that leaves the files of a class.
MADE_BY = {
    Kind.RAW: TaskType.INGEST_VIDEO,
    Kind.PREPROC: TaskType.PREPROCESS_VIDEO,
    Kind.HEAVY: TaskType.HEAVY_PROCESS_VIDEO,
    Kind.ARCHIVE: TaskType.ARCHIVE_VIDEO,
}


class Stays(Exception):
    """It is not removed, and why: the message ends a sentence that begins with "stays:"."""


class Found(NamedTuple):
    """What lies at a catalogued path: the output folder or clip, its size; `begun`: half removed already."""

    path: Path
    size: int
    begun: bool = False


def find_output(root: Path, path: Path, kind: Kind, video_id: str) -> Found | None:
    """The output folder of a clip that `path` is, or lies in; None when nothing of it is there.

    Raises Stays (something is there, and it is no output of that stage for that clip), OSError.
    """
    for folder in (path, path.parent):
        if folder == root or root not in folder.parents:
            continue
        if (folder / RESULT).is_file():
            check_output(root, folder, kind, video_id)
            return Found(folder, sum(each.lstat().st_size for each in _inside(folder)))
        if not os.path.lexists(folder) and going(folder).is_dir():
            return Found(folder, sum(each.lstat().st_size for each in _inside(going(folder))), begun=True)
    if os.path.lexists(path):
        raise Stays(f"it lies in no folder with the {RESULT} of its stage")
    return None


def find_clip(root: Path, path: Path) -> Found | None:
    """The raw clip at `path`; None when it is not there. Raises Stays (it is no plain file), OSError."""
    try:
        found = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    if not stat.S_ISREG(found.st_mode):
        raise Stays("it is no plain file")
    _plain(root, path)
    return Found(path, found.st_size)


def going(folder: Path) -> Path:
    """The name of a folder while it is removed."""
    return folder.with_name(folder.name + _GOING)


def check_output(root: Path, folder: Path, kind: Kind, video_id: str) -> None:
    """Raises Stays unless a folder is the output of that stage for that clip, and holds nothing else."""
    _plain(root, folder)
    if len(folder.relative_to(root).parts) < 2:
        raise Stays("it lies at the top of its place")
    _check_inside(folder, kind, video_id)


def _check_inside(folder: Path, kind: Kind, video_id: str) -> None:
    finished = read_finished(folder)
    if finished is None:
        raise Stays(f"its {RESULT} cannot be read")
    if (finished.task_type, finished.video_id) != (MADE_BY[kind], video_id):
        raise Stays(f"its {RESULT} is of {finished.task_type} of {finished.video_id}")
    for path in _inside(folder):
        name = path.relative_to(folder).as_posix()
        if name != RESULT and (name not in finished.files or not stat.S_ISREG(path.lstat().st_mode)):
            raise Stays(f"somebody laid {name[:200]} into it")


def _plain(root: Path, path: Path) -> None:
    """No part of the way below the place's root is a link."""
    for each in (path, *path.parents):
        if each == root:
            return
        if each.is_symlink():
            raise Stays("a link leads there; that is for a person to remove")
    raise Stays("it lies outside of its place")


def _inside(folder: Path) -> Iterator[Path]:
    """Everything below a folder but folders, links not followed."""
    count = 0
    for here, folders, names in os.walk(folder, followlinks=False):
        for name in [*names, *(each for each in folders if (Path(here) / each).is_symlink())]:
            count += 1
            if count > MAX_FILES:
                raise Stays(f"it holds more than {MAX_FILES} files")
            yield Path(here) / name


def check_clip(path: Path, ref: FileRef, proof: Proof) -> None:
    """Raises Stays unless an archive was made from this clip, at this path, with these bytes."""
    clip = proof.manifest.clip
    if not proof.covers(ref):
        raise Stays("its archive was made from another file")
    known = clip.fingerprint and clip.size_bytes == path.lstat().st_size
    if not known or fingerprint(path) != clip.fingerprint:
        raise Stays("it is not the file any more that its archive was made from")


def remove_clip(path: Path) -> None:
    """Remove a raw clip. Raises OSError."""
    path.unlink(missing_ok=True)
    sync(path.parent)


def remove_output(root: Path, folder: Path, kind: Kind, video_id: str) -> None:
    """Remove an output folder. Raises Stays (it has its name again), StageFailed, OSError."""
    finish(root, folder, kind, video_id)
    check_output(root, folder, kind, video_id)
    folder.rename(going(folder))
    sync(folder.parent)
    finish(root, folder, kind, video_id)


def finish(root: Path, folder: Path, kind: Kind, video_id: str) -> None:
    """Remove what is left of an output folder whose removal was begun; nothing else under its name.

    Raises Stays (it holds a stranger's file and has its name again), StageFailed, OSError.
    """
    away = going(folder)
    if not away.is_dir():
        return
    _plain(root, away)
    if (away / RESULT).exists():
        try:
            _check_inside(away, kind, video_id)  # nobody can lay anything into it any more
        except Stays:
            if not folder.exists():
                away.rename(folder)
                sync(folder.parent)
            raise
        for path in [path for path in _inside(away) if path != away / RESULT]:
            path.unlink(missing_ok=True)
    for here, folders, _ in os.walk(away, topdown=False, followlinks=False):
        for name in folders:
            _rmdir(Path(here) / name)
    (away / RESULT).unlink(missing_ok=True)
    _rmdir(away)
    sync(folder.parent)


def give_back(root: Path, folder: Path) -> bool:
    """Give a folder whose removal was begun its name again, if nothing of it is lost yet; whether it was."""
    away = going(folder)
    finished = read_finished(away)
    if finished is None or folder.exists() or lacking(away, finished):
        return False
    _plain(root, away)
    away.rename(folder)
    sync(folder.parent)
    return True


def _rmdir(folder: Path) -> None:
    try:
        folder.rmdir()
    except FileNotFoundError:
        return
    except OSError as error:
        raise StageFailed(
            f"{folder} is not empty: it holds files that no {RESULT} lists; look at it"
        ) from error
