"""What has to be on the disk: flushed, read back, made and removed, also when the power goes in between."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from stages.errors import PlaceFull

_BLOCK = 1 << 20
_FULL = {28, 30, 122}  # ENOSPC, EROFS, EDQUOT


def hash_file(path: Path) -> str:
    """BLAKE2b-256 of a file, in hex. Raises OSError."""
    with path.open("rb") as file:
        return _hash(file.read)


def read_back(path: Path) -> str:
    """As `hash_file`, of the bytes that the disk holds: flushed first, and not taken from memory.

    Where the system cannot be told so (Windows, macOS) it may still answer from memory. Raises OSError.
    """
    with path.open("rb") as file:
        if hasattr(os, "posix_fadvise"):
            os.fsync(file.fileno())  # what is not written yet cannot be dropped
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        return _hash(file.read)


def _hash(read: Callable[[int], bytes]) -> str:
    digest = hashlib.blake2b(digest_size=32)
    while block := read(_BLOCK):
        digest.update(block)
    return digest.hexdigest()


def sync(path: Path) -> None:
    """Flush a file or (where the system allows it) a folder to the disk."""
    if path.is_dir():
        if os.name != "posix":
            return
        handle = os.open(path, os.O_RDONLY)
    else:
        handle = os.open(path, os.O_RDWR | getattr(os, "O_BINARY", 0))
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_folder(path: Path) -> None:
    """Make a folder and those above it, each on the disk before anything is laid into it."""
    missing = []
    while not path.is_dir() and path != path.parent:
        missing.append(path)
        path = path.parent
    for folder in reversed(missing):
        folder.mkdir(exist_ok=True)
        sync(folder.parent)


def remove(path: Path) -> None:
    """Remove a file or folder if it is there."""
    if not os.path.lexists(path):
        return
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Turn "full" and "read-only" into `PlaceFull`: they are the place's trouble, not the task's."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL or isinstance(error, PermissionError):
            raise PlaceFull(
                f"cannot write below {folder}: {error.strerror} ({free_space(folder)})"
            ) from error
        raise


def free_space(folder: Path) -> str:
    """How much room is left around a folder, as people read it."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return f"{amount(shutil.disk_usage(folder).free)} free"


def amount(size: float) -> str:
    """A number of bytes as people read it: MB below a GB, kB below a MB."""
    for unit, scale in (("GB", 1e9), ("MB", 1e6)):
        if size >= scale:
            return f"{size / scale:.1f} {unit}"
    return f"{size / 1e3:.1f} kB"
