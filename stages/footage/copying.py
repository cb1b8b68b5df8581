"""Copying a clip once, hashed on the way, under a name that was free. Nothing is ever overwritten."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

from stages.errors import PlaceFull, StageFailed
from stages.files import remove, sync, writing

_BLOCK = 4 << 20
_T = TypeVar("_T")

#: Told the bytes that are done; may raise Cancelled.
Tell = Callable[[int], None]


class Copied(NamedTuple):
    """Where the content stands now, its BLAKE2b-256 in hex, and whether it had been there already."""

    path: Path
    blake2: str
    known: bool


def hash_clip(path: Path, tell: Tell) -> str:
    """BLAKE2b-256 of a file in hex. Raises StageFailed (retry) when it cannot be read."""
    digest = hashlib.blake2b(digest_size=32)
    _read_all(path, digest.update, tell)
    return digest.hexdigest()


def copy_clip(source: Path, targets: Sequence[Path], part: Path, tell: Tell) -> Copied:
    """Copy `source` to the first of `targets` that is free or already holds the same content.

    `part` lies on the targets' file system and is gone afterwards. The copy keeps the time of change.
    Raises PlaceFull (full or read-only), StageFailed (the source cannot be read or changed meanwhile; or no
    target was free).
    """
    before = source.stat()
    twin = _twin(source, targets, before.st_size, tell)
    if twin:
        return twin
    with writing(part.parent):
        part.parent.mkdir(parents=True, exist_ok=True)
        _room(part.parent, before.st_size)
        try:
            blake2 = _fill(part, source, tell)
            after = source.stat()
            if (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
                raise StageFailed(
                    f"{source.name} changed while it was copied; it is still written to", retry=True
                )
            if part.stat().st_size != before.st_size:
                raise StageFailed(f"the copy of {source.name} came out with another size", retry=True)
            os.utime(part, ns=(after.st_atime_ns, after.st_mtime_ns))
            return _publish(part, targets, blake2, source.name)
        finally:
            remove(part)


def _twin(source: Path, targets: Sequence[Path], size: int, tell: Tell) -> Copied | None:
    blake2 = ""
    for target in targets:
        if not target.is_file():
            return None
        if target.stat().st_size == size:
            blake2 = blake2 or hash_clip(source, tell)
            if hash_clip(target, tell) == blake2:
                return Copied(target, blake2, known=True)
    return None


def _room(folder: Path, size: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < size:
        raise PlaceFull(
            f"cannot copy to {folder}: {(size - free) / 1e9:.2f} GB are missing, {free / 1e9:.2f} GB free"
        )


def _fill(part: Path, source: Path, tell: Tell) -> str:
    digest = hashlib.blake2b(digest_size=32)
    remove(part)
    with part.open("xb") as out:

        def take(block: bytes) -> None:
            digest.update(block)
            out.write(block)

        _read_all(source, take, tell)
        out.flush()
        os.fsync(out.fileno())
    return digest.hexdigest()


def _read_all(path: Path, take: Callable[[bytes], object], tell: Tell) -> None:
    done = 0
    with _source(path, lambda: path.open("rb")) as file:
        while block := _source(path, lambda: file.read(_BLOCK)):
            take(block)
            done += len(block)
            tell(done)


def _source(path: Path, act: Callable[[], _T]) -> _T:
    """Do something with the source; its trouble is not the target's."""
    try:
        return act()
    except OSError as error:
        raise StageFailed(
            f"{path.name} cannot be read ({error.strerror}): is the card or disk all right?", retry=True
        ) from error


def _publish(part: Path, targets: Sequence[Path], blake2: str, name: str) -> Copied:
    for target in targets:
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            _link(part, target)
        except FileExistsError:
            # Somebody was quicker, or another clip has this name.
            if target.is_file() and hash_clip(target, lambda _: None) == blake2:
                return Copied(target, blake2, known=True)
            continue
        sync(target.parent)
        return Copied(target, blake2, known=False)
    raise StageFailed(f"every name that {name} could take is in use by other clips below {part.parent}")


def _link(part: Path, target: Path) -> None:
    """Give the finished copy its name; FileExistsError when something has it."""
    try:
        os.link(part, target)
    except FileExistsError:
        raise
    except OSError:
        # No hard links here (exFAT, some network mounts): claim the name first, then replace the claim.
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        part.replace(target)
