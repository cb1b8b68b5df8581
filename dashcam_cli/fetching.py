"""Fetching one file from a camera: gone on with where it broke off, and checked for its size."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from dashcam_cli.camera_http import CameraHttp, NotThatLong, Part
from stages.disk import free_space, make_folder, remove, sync, writing
from stages.errors import PlaceFull, Unreachable

_LARGEST = 256 << 30  # no clip is larger
_FLUSHED = 4 << 20  # bytes after which what came is put on the disk


class BrokenOff(Unreachable):
    """The camera hung up in the middle; what came is kept."""


def fetch(
    http: CameraHttp, target: str, part: Path, expected: int | None, spare: int, tell: Callable[[int], None]
) -> int:
    """Fetch a file into `part`, going on where an earlier try ended; its size.

    `expected`: bytes as the listing has them; the camera's word when it sends counts more. `spare`: bytes
    that stay free. `tell` hears the bytes done and may raise. Raises BrokenOff, Unreachable, Refused, and
    PlaceFull, after which no `part` is left: it would keep the disk full.
    """
    try:
        with writing(part.parent):
            make_folder(part.parent)
            have = part.stat().st_size if part.is_file() else 0
            try:
                return _from(http, target, part, have, expected, spare, tell)
            except NotThatLong:
                if have and have == expected:  # it was complete
                    return have
                return _from(http, target, part, 0, expected, spare, tell)
    except PlaceFull:
        remove(part)
        raise


def cut_back(part: Path) -> None:
    """Drop the end of what an earlier run fetched: if the power went, it need not be what the camera sent."""
    if part.is_file() and (size := part.stat().st_size):
        os.truncate(part, (size - 1) // _FLUSHED * _FLUSHED)


def _from(
    http: CameraHttp,
    target: str,
    part: Path,
    have: int,
    expected: int | None,
    spare: int,
    tell: Callable[[int], None],
) -> int:
    with http.file(target, have) as sent:
        total = sent.total if sent.total is not None else expected
        _room(part.parent, (total or 0) - sent.start, spare)
        size = _write(part, sent, total, tell)
    if total is not None and size < total:
        raise BrokenOff(f"it broke off after {size} of {total} bytes")
    sync(part)
    return size


def _write(part: Path, sent: Part, total: int | None, tell: Callable[[int], None]) -> int:
    limit = total if total is not None else _LARGEST
    done = sent.start
    with part.open("r+b" if sent.start else "wb") as out:
        out.seek(done)
        for block in sent.blocks:
            done += len(block)
            if done > limit:
                break
            out.write(block)
            if done // _FLUSHED != (done - len(block)) // _FLUSHED:
                out.flush()
                os.fsync(out.fileno())
            tell(done)
    if done > limit:
        remove(part)
        raise Unreachable(f"the camera sends more than the {limit} bytes that it announced")
    return done


def _room(folder: Path, size: int, spare: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < size + spare:
        raise PlaceFull(
            f"{folder} has no room for the next clip: {size / 1e9:.2f} GB, and {spare / 1e9:.1f} GB shall "
            f"stay free ({free_space(folder)})"
        )
