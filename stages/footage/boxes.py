"""The boxes of an MP4 or MOV (ISO/IEC 14496-12), read one header at a time and never believed."""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

#: Boxes looked at among the children of one box; the top level of a long fragmented clip has more.
MOST = 4096

_FAR = 1 << 62  # no file is so long; seeking further raises what callers do not expect


class Box(NamedTuple):
    """One box. `start` is where its header begins, `offset` where its payload does, `end` behind it.

    `end` is what the file claims, and may lie behind the end of the file or of the parent.
    """

    kind: bytes
    start: int
    offset: int
    end: int


def boxes(file: BinaryIO, start: int, end: int, *, most: int = MOST) -> Iterator[Box]:
    """The boxes between two offsets, `most` at the utmost. Stops at padding, junk and the file's end.

    A box that claims to reach behind `end` is the last one. Reads 16 bytes for each; raises OSError only.
    """
    at = start
    for _ in range(most):
        if at + 8 > end or at > _FAR:
            return
        file.seek(at)
        header = file.read(16)
        if len(header) < 8:
            return
        size, kind = struct.unpack_from(">I4s", header)
        offset = at + 8
        if size == 1 and len(header) == 16:
            size, offset = struct.unpack_from(">Q", header, 8)[0], at + 16
        elif size == 0:
            size = end - at
        # Padding after the last box is zeros; a name has no control characters.
        if size < offset - at or any(byte < 0x20 for byte in kind):
            return
        yield Box(kind, at, offset, at + size)
        at += size


def inside(file: BinaryIO, parent: Box, *, skip: int = 0, most: int = MOST) -> Iterator[Box]:
    """The children of a box that lie wholly in it; `skip` bytes of its payload come before the first."""
    for box in boxes(file, parent.offset + skip, parent.end, most=most):
        if box.end <= parent.end:
            yield box


def child(file: BinaryIO, parent: Box, *path: bytes) -> Box | None:
    """The first child of each name in turn: None when there is none."""
    box: Box | None = parent
    for kind in path:
        if box is None:
            return None
        box = next((found for found in inside(file, box) if found.kind == kind), None)
    return box


def written_from(file: BinaryIO, offset: int, end: int) -> int:
    """Where from `offset` on the file first holds bytes that were written: a card's copy may be mostly holes.

    `end` where there are none before it. `offset` where the system cannot tell.
    """
    try:
        return min(max(offset, os.lseek(file.fileno(), offset, os.SEEK_DATA)), end)
    except OSError as error:
        return end if error.errno == errno.ENXIO else offset
    except (AttributeError, ValueError):  # no such call here, or no file of the system's
        return offset


def payload(file: BinaryIO, box: Box, limit: int) -> bytes:
    """The first `limit` bytes of a box's payload, fewer where the box or the file ends before."""
    file.seek(box.offset)
    return file.read(max(0, min(limit, box.end - box.offset)))
