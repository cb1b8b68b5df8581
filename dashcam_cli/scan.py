"""Walking a folder of clips: bounded, links never followed, and what is no footage passed over."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import NamedTuple

import msgspec

from stages.files import ASIDE, PART, RESULT
from stages.footage.layouts import holds_no_footage, unfinished, unreadable
from stages.footage.names import VIDEO_SUFFIXES
from stages.footage.twins import low_twins

SUFFIXES = VIDEO_SUFFIXES | {".mts", ".3gp"}
_DEPTH = 24
#: Clips below one folder.
MOST = 1_000_000


class Found(NamedTuple):
    """A file that can be a clip: its path, the same below the folder with slashes, bytes, and mtime in ns."""

    path: Path
    below: str
    size: int
    modified: int


class Refusal(msgspec.Struct, frozen=True):
    """A path that cannot be handed in, and why."""

    clip: str
    reason: str


def scan(
    root: Path, *, links: bool = False, passed: list[Refusal] | None = None
) -> Iterator[Found | Refusal]:
    """Every file below `root` that can be a clip, folder by folder in order of names.

    What cannot be read is a Refusal, and the rest goes on; only for `root` itself OSError is raised. `links`:
    a link to a file counts as the file; links to folders are never followed. `passed` collects small copies
    of other clips there, which are passed over.
    """
    yield from _folder(root, root, 0, links, passed)


def _folder(
    root: Path, folder: Path, depth: int, links: bool, passed: list[Refusal] | None
) -> Iterator[Found | Refusal]:
    try:
        with os.scandir(folder) as listed:
            entries = sorted(listed, key=lambda entry: entry.name)
    except OSError as error:
        if folder == root:
            raise
        if isinstance(error, FileNotFoundError):
            return  # gone since it was listed
        yield Refusal(str(folder), f"cannot be read: {error.strerror}")
        return
    if any(entry.name == RESULT for entry in entries):  # an output of ours: what was made of clips is none
        return
    files = [entry for entry in entries if _can_be_a_clip(entry.name)]
    twins = low_twins([entry.name for entry in files])
    if passed is not None:
        passed += [Refusal(str(folder / name), small_copy(better)) for name, better in twins.items()]
    for entry in files:
        if entry.name not in twins and (found := _look(root, entry, links)):
            yield found
    for entry in entries:
        if _is_folder(entry) and not entry.name.endswith((PART, ASIDE)) and not holds_no_footage(entry.name):
            if why := unreadable(entry.name):
                yield from _told(Path(entry.path), why)
            elif depth < _DEPTH:
                yield from _folder(root, Path(entry.path), depth + 1, links, passed)


def small_copy(better: str) -> str:
    """Why a clip is passed over that another shows in better quality."""
    return f"a small copy of {better}"


def _can_be_a_clip(name: str) -> bool:
    return PurePath(name).suffix.lower() in SUFFIXES and not unfinished(name)


def _look(root: Path, entry: os.DirEntry[str], links: bool) -> Found | Refusal | None:
    path = Path(entry.path)
    if why := unspeakable(path):
        return Refusal(str(path), why)
    try:
        if entry.is_symlink() and not links:
            return Refusal(str(path), "it is a link; name the file itself")
        if entry.is_dir():
            return None
        if not entry.is_file():
            return Refusal(str(path), "it is no regular file")
        stat = entry.stat()
    except FileNotFoundError:
        return None  # gone since the folder was listed: a sync tool's doing
    except OSError as error:
        return Refusal(str(path), f"cannot be read: {error.strerror}")
    return Found(path, path.relative_to(root).as_posix(), stat.st_size, stat.st_mtime_ns)


def unspeakable(path: Path) -> str:
    """Why a name cannot be spelt by every host and the API; "" when it can."""
    try:
        str(path).encode("utf-8")
    except UnicodeEncodeError:
        return "its name is not Unicode; rename it"
    return "its name holds a backslash; rename it" if "\\" in path.name else ""


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir(follow_symlinks=False)
    except OSError:
        return False


def _told(folder: Path, why: str) -> Iterator[Refusal]:
    """A sentence about a folder that holds anything."""
    try:
        with os.scandir(folder) as entries:
            if next(entries, None) is not None:
                yield Refusal(str(folder), why)
    except OSError:
        return
