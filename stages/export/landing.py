"""What is written gets its name when it is whole, in one step, and never takes the name of something else."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stages.disk import amount, make_folder, remove, sync
from stages.errors import BadInput, Conflict, PlaceFull

PART = ".part"
_STALE = 6 * 3600.0  # seconds without a write after which a part is what a killed run left
_MOST = 10_000


@contextmanager
def landing(target: Path) -> Iterator[Path]:
    """A free path beside `target` to write a file or folder at; it is renamed to `target` at the end.

    Whatever ends the block early (an error, Ctrl-C) removes it. Raises Conflict when `target` is there
    before or after.
    """
    refuse_existing(target)
    make_folder(target.parent)
    _sweep(target)
    part = target.with_name(f".{target.name}.{os.getpid()}{PART}")
    try:
        remove(part)
        yield part
        flush(part)
        _publish(part, target)
    finally:
        remove(part)


def refuse_existing(target: Path) -> None:
    """Raises Conflict when something has that name, even a link that leads nowhere."""
    if os.path.lexists(target):
        raise Conflict(f"{target} is there already, and nothing is overwritten; give another name with -o")


def free_name(folder: Path, stem: str, suffix: str) -> Path:
    """`folder/stem + suffix`, or with a number where that is taken."""
    for number in range(1, _MOST):
        path = folder / (f"{stem}{suffix}" if number == 1 else f"{stem}-{number}{suffix}")
        if not os.path.lexists(path):
            return path
    raise Conflict(f"{folder} is full of files named {stem}; give another folder with --to-dir")


def check_room(folder: Path, wanted: int) -> None:
    """Raises PlaceFull when a folder has less room than `wanted` bytes, BadInput when it is none."""
    there = folder
    while not there.exists() and there != there.parent:
        there = there.parent
    if not there.is_dir():
        raise BadInput(f"{there} is a file, not a folder")
    free = shutil.disk_usage(there).free
    if free < wanted:
        raise PlaceFull(
            f"{folder} has {amount(free)} free and {amount(wanted)} are needed; "
            "make room, or give another folder with --to-dir"
        )


def flush(path: Path) -> None:
    """Bring a file, or a folder with all that is in it, to the disk."""
    if path.is_dir():
        for inside in path.rglob("*"):
            sync(inside)
    sync(path)


def _publish(part: Path, target: Path) -> None:
    """Give the finished thing its name, unless that was taken meanwhile."""
    if part.is_dir():
        refuse_existing(target)
        part.rename(target)  # onto a folder that came between: refused, unless that is empty
    else:
        try:
            os.link(part, target)
        except FileExistsError:
            refuse_existing(target)
            raise
        except OSError:  # no hard links here (exFAT, some network mounts)
            refuse_existing(target)
            part.rename(target)
    sync(target.parent)


def _sweep(target: Path) -> None:
    """Remove what runs that were killed left of the same target."""
    head = f".{target.name}."
    for path in target.parent.iterdir():
        pid = path.name.removeprefix(head).removesuffix(PART)
        if path.name == f"{head}{pid}{PART}" and pid.isdigit() and time.time() - _written(path) > _STALE:
            remove(path)


def _written(path: Path) -> float:
    """When something in it was written last."""
    inside = path.rglob("*") if path.is_dir() and not path.is_symlink() else ()
    return max((each.lstat().st_mtime for each in (path, *inside)), default=0.0)
