"""The samples of a fragmented MP4 (ISO/IEC 14496-12, 8.8): each `moof` lists its own."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from stages.footage.boxes import Box, boxes, child, inside, payload

_MOST = 50_000  # top-level boxes; a fragmented hour has some 7000
_RUNS = 256  # of one track in one fragment
_TABLE = 1 << 20


class Place(NamedTuple):
    """Where one sample lies: seconds and duration in seconds, offset and size in bytes."""

    seconds: float
    duration: float
    offset: int
    size: int


class _Usual(NamedTuple):
    """What holds for a sample where its own row does not say."""

    duration: int = 0
    size: int = 0


def fragments(
    file: BinaryIO, number: int, movie: Box, end: int, timescale: int, start: float = 0.0
) -> Iterator[Place]:
    """The samples of track `number` in all fragments, in order; none where the movie is not fragmented.

    `start`: seconds added to each.
    """
    extends = child(file, movie, b"mvex")
    if extends is None:
        return
    usual = _Usual()
    for box in inside(file, extends):
        row = payload(file, box, 20) if box.kind == b"trex" else b""
        if len(row) == 20 and int.from_bytes(row[4:8]) == number:
            usual = _Usual(*struct.unpack_from(">II", row, 12))
    clock = 0
    for box in boxes(file, 0, end, most=_MOST):
        if box.kind != b"moof":
            continue
        for part in inside(file, box, most=64):
            if part.kind != b"traf":
                continue
            for at, duration, offset, size in _track_part(file, part, box.start, number, usual, clock):
                yield Place(at / timescale + start, duration / timescale, offset, size)
                clock = at + duration


def _track_part(
    file: BinaryIO, part: Box, start: int, number: int, usual: _Usual, clock: int
) -> Iterator[tuple[int, int, int, int]]:
    """Time, duration (in the track's units), offset and size of each sample of a `traf`."""
    head = child(file, part, b"tfhd")
    data = payload(file, head, 48) if head else b""
    if len(data) < 8 or int.from_bytes(data[4:8]) != number:
        return
    base, usual = _defaults(data, start, usual)
    since = child(file, part, b"tfdt")
    when = payload(file, since, 12) if since else b""
    if len(when) >= 8:
        clock = int.from_bytes(when[4:12] if when[:1] == b"\1" else when[4:8])
    at = base
    for count, box in enumerate(inside(file, part)):
        if box.kind != b"trun" or count > _RUNS:
            continue
        for offset, duration, size in _run(payload(file, box, _TABLE), base, at, usual):
            yield clock, duration, offset, size
            clock += duration
            at = offset + size


def _defaults(data: bytes, start: int, usual: _Usual) -> tuple[int, _Usual]:
    """Where offsets count from (the fragment, unless said), and what is usual in this part."""
    flags, at, base = int.from_bytes(data[1:4]), 8, start
    duration, size = usual
    if flags & 0x1:
        base = int.from_bytes(data[at : at + 8])
        at += 8
    at += 4 if flags & 0x2 else 0
    if flags & 0x8:
        duration = int.from_bytes(data[at : at + 4])
        at += 4
    if flags & 0x10:
        size = int.from_bytes(data[at : at + 4])
    return base, _Usual(duration, size)


def _run(data: bytes, base: int, at: int, usual: _Usual) -> Iterator[tuple[int, int, int]]:
    """Offset, duration and size of each sample of a `trun`; `at` is where the last one ended."""
    if len(data) < 8:
        return
    flags, count, row = int.from_bytes(data[1:4]), int.from_bytes(data[4:8]), 8
    if flags & 0x1 and len(data) >= 12:
        at = base + int.from_bytes(data[8:12], signed=True)
        row += 4
    row += 4 if flags & 0x4 else 0
    fields = [bit for bit in (0x100, 0x200, 0x400, 0x800) if flags & bit]
    width = 4 * len(fields)
    # Rows of no fields cost nothing to claim: as many as such a fragment can hold in earnest.
    count = min(count, (len(data) - row) // width if width else 100_000)
    for index in range(count):
        values = struct.unpack_from(f">{len(fields)}I", data, row + index * width)
        own = dict(zip(fields, values, strict=True))
        size = own.get(0x200, usual.size)
        if at < 0:
            return
        yield at, own.get(0x100, usual.duration), size
        at += size
