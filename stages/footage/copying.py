"""Copying a clip once, hashed on the way, under a name that was free. Nothing is ever overwritten."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

from stages.disk import amount, make_folder, read_back, remove, sync, writing
from stages.errors import PlaceFull, StageFailed
from stages.files import PART, remove_earlier, same_work

_BLOCK = 4 << 20
#: A claim that is so much older than the copy that wants its name was left by somebody who died (seconds).
_CLAIM_SECONDS = 60.0
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


def copy_clip(
    source: Path, targets: Sequence[Path], part: Path, tell: Tell, *, check: bool = False
) -> Copied:
    """Copy `source` to the first of `targets` that is free or already holds the same content.

    `part` lies on the targets' file system and is gone afterwards; named `<name>.<task>-<lease>.part`, it
    takes what that task's earlier leases left with it. The copy keeps the time of change. `check`: the copy
    is read back from the disk before it gets its name.
    Raises PlaceFull (full or read-only), StageFailed (the source cannot be read or changed meanwhile; or no
    target was free; or the copy reads back differently).
    """
    before = source.stat()
    with writing(part.parent):
        make_folder(part.parent)
        remove_earlier(part)
        remove_earlier(_mine(part))
        for target in targets:
            _unclaim(_claim_of(target), part)
        twin = _twin(source, targets, before.st_size, tell)
        if twin:
            return twin
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
            if check and read_back(part) != blake2:
                raise StageFailed(
                    f"the copy of {source.name} reads back differently than it was written; is the disk all "
                    "right?",
                    retry=True,
                )
            os.utime(part, ns=(after.st_atime_ns, after.st_mtime_ns))
            return _publish(part, targets, blake2, source.name)
        finally:
            remove(part)


def place_part(part: Path, targets: Sequence[Path]) -> Copied:
    """Give a file that was written as `part` the first of `targets` that is free or holds the same content.

    `part` is flushed before and gone afterwards. Raises as `copy_clip`.
    """
    with writing(part.parent):
        sync(part)
        placed = _publish(part, targets, hash_clip(part, lambda _: None), targets[0].name)
        remove(part)
    return placed


def _twin(source: Path, targets: Sequence[Path], size: int, tell: Tell) -> Copied | None:
    blake2 = ""
    for target in targets:
        if not target.is_file():
            return None
        if target.stat().st_size == size:
            blake2 = blake2 or hash_clip(source, tell)
            if hash_clip(target, tell) == blake2:
                return _stands(target, blake2, known=True)
    return None


def _stands(target: Path, blake2: str, *, known: bool) -> Copied:
    """The clip under its name, and the name on the disk: whoever gave it may have died before that."""
    sync(target.parent)
    return Copied(target, blake2, known)


def _room(folder: Path, size: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < size:
        raise PlaceFull(f"cannot copy to {folder}: {amount(size - free)} are missing, {amount(free)} free")


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
        make_folder(target.parent)
        try:
            _name(part, target)
        except FileExistsError:
            # Somebody was quicker, or another clip has this name.
            if target.is_file() and hash_clip(target, lambda _: None) == blake2:
                return _stands(target, blake2, known=True)
            continue
        return _stands(target, blake2, known=False)
    raise StageFailed(f"every name that {name} could take is in use by other clips below {part.parent}")


def _name(part: Path, target: Path) -> None:
    """Give the finished copy its name; FileExistsError when something has it."""
    try:
        os.link(part, target)
    except FileExistsError:
        raise
    except OSError:
        _move(part, target)


def _move(part: Path, target: Path) -> None:
    """As `_name` where there are no hard links (exFAT, some network mounts).

    Windows never moves a file over another. Elsewhere whoever made the claim beside the name may look
    whether it is free and take it; until then nothing stands under it.
    """
    if os.name == "nt":
        part.rename(target)
        return
    claim = _claim_of(target)
    _claim(claim, part)
    try:
        if os.path.lexists(target):
            raise FileExistsError(target)
        part.replace(target)
    finally:
        remove(claim)


def _claim_of(target: Path) -> Path:
    return target.with_name(f"{target.name}.claim{PART}")


def _mine(part: Path) -> Path:
    return part.with_name(f"claim-{part.name}")


def _claim(claim: Path, part: Path) -> None:
    """Make the claim: a folder that says whose it is. A folder is never moved over one that holds something.

    Raises StageFailed (retry) while it is somebody else's who may be alive.
    """
    mine = _mine(part)
    mine.mkdir()
    (mine / part.name).touch()
    try:
        # Both times are the file server's.
        if claim.exists() and mine.stat().st_ctime - claim.stat().st_ctime > _CLAIM_SECONDS:
            remove(claim)
        mine.rename(claim)
    except OSError as error:
        remove(mine)
        if not claim.exists():
            raise
        name = claim.name.removesuffix(f".claim{PART}")
        raise StageFailed(f"another copy is taking the name {name}; try again", retry=True) from error


def _unclaim(claim: Path, part: Path) -> None:
    """Drop the claim that an earlier lease of the same task left when it died."""
    if claim.is_dir() and all(same_work(owner.name, part.name) for owner in claim.iterdir()):
        remove(claim)
