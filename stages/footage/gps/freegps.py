"""GPS blocks that Novatek's and like chips leave between the video's bytes (`freeGPS `)."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from heapq import merge
from itertools import islice
from pathlib import Path
from typing import BinaryIO, NamedTuple

from stages.footage.boxes import written_from
from stages.footage.container import Container, Span
from stages.footage.fix import Fix
from stages.footage.gps.dialects import DIALECTS, REXING, Dialect
from stages.footage.gps.log import GpsLog
from stages.footage.gps.samples import places, tracks
from stages.footage.names import read_name

MAGIC = b"freeGPS "
#: Blocks read from one clip; one per video frame in some dialects.
MAX_BLOCKS = 40_000

_WINDOW = 4096  # bytes of a block that are read; the records lie in its first few hundred
_SAMPLES = 200_000  # looked at for what lies between them
_LEAST = 64  # bytes of a gap that can hold a block
_SLACK = 64  # bytes by which a table's entry may lie before its block
_STEP = 1 << 20
_SEARCH = 24 << 20  # without a table: how far to look for the first block
_FOLLOW = 512 << 20  # and how far to follow once one was found
#: Makers who leave no such blocks; looking for them would read 24 MiB of each clip.
_WITHOUT = frozenset({"blackvue", "ddpai", "ford", "garmin", "gopro", "tesla", "thinkware"})


class FreeGps(NamedTuple):
    """The fixes of a clip in order; `seconds` holds the number of the block that each lay in.

    `blocks` counts them all, `complete` says that they cover the whole clip. `dialect` is that of most
    blocks. `local_clock` when the times are the camera's own; times on the other clock are left out.
    """

    dialect: Dialect
    fixes: list[Fix]
    blocks: int
    complete: bool
    local_clock: bool = False


def freegps_log(path: Path, container: Container, duration: float | None) -> GpsLog | None:
    """The blocks that Novatek's table lists. Costs nothing where there is no table."""
    return _log(read_listed(path, container), duration)


def scattered_log(path: Path, container: Container, duration: float | None) -> GpsLog | None:
    """Blocks that no table lists: looks through what no track owns in the first 24 MiB."""
    return _log(read_scattered(path, container), duration)


def read_listed(path: Path, container: Container) -> FreeGps | None:
    """The GPS blocks of the clip's `gps ` table; None when it has none. Raises OSError only."""
    if container.kind != "mp4" or container.gps_table is None:
        return None
    with path.open("rb") as file:
        table = _table(file, container.gps_table)
        return _decode((_block(file, entry) for entry in table), _rows(container))


def read_scattered(path: Path, container: Container) -> FreeGps | None:
    """The GPS blocks between picture and sound; None when there are none. Raises OSError only."""
    if container.kind != "mp4" or read_name(path).family in _WITHOUT:
        return None
    with path.open("rb") as file:
        return _decode(_scan(file, _gaps(file, container)), _rows(container))


def _log(found: FreeGps | None, duration: float | None) -> GpsLog | None:
    """Fixes with `seconds`: blocks lie evenly over the clip; where not all were read, one a second."""
    if found is None:
        return None
    name, refused, settle = found.dialect.name, found.dialect.refused, found.dialect.settle
    step = duration / found.blocks if duration and found.complete and found.blocks else 1.0
    fixes = [fix._replace(seconds=(fix.seconds or 0.0) * step) for fix in found.fixes]
    return GpsLog(name, settle(fixes) if settle else fixes, found.local_clock, refused)


def _rows(container: Container) -> tuple[Dialect, ...]:
    return (REXING,) if container.scrambled_gps else DIALECTS


def _table(file: BinaryIO, span: Span) -> list[Span]:
    """Novatek's `gps ` box: version, count, then (offset, size) of each block, big endian."""
    file.seek(span.offset)
    data = file.read(min(span.size, 8 + 8 * MAX_BLOCKS))
    if len(data) < 16:
        return []
    count = min(struct.unpack_from(">I", data, 4)[0], (len(data) - 8) // 8)
    return [Span(offset, size) for offset, size in struct.iter_unpack(">II", data[8 : 8 + 8 * count])]


def _block(file: BinaryIO, entry: Span) -> bytes:
    file.seek(entry.offset)
    block = file.read(min(entry.size, _WINDOW))
    at = block.find(MAGIC, 4, _SLACK + len(MAGIC))
    return block[at - 4 :] if at >= 0 else b""


def _gaps(file: BinaryIO, container: Container) -> Iterator[Span]:
    """What of the clip's media belongs to no sample of any track, in order; all where none is listed."""
    listed = merge(*(places(file, track) for track in tracks(file)), key=lambda place: place.offset)
    owned = islice(listed, _SAMPLES)
    place = next(owned, None)
    for span in container.media:
        at, end = span.offset, span.offset + span.size
        told = at
        while place is not None and place.offset < end:
            if place.offset - at >= _LEAST:
                yield Span(at, place.offset - at)
            at = max(at, place.offset + place.size)
            if at - told >= _STEP:  # says how far it got, so that the search can be given up
                yield Span(told := at, 0)
            place = next(owned, None)
        if end - at >= _LEAST:
            yield Span(at, end - at)


def _scan(file: BinaryIO, spans: Iterable[Span]) -> Iterator[bytes | None]:
    """Blocks found without a table; None where the search was given up before the clip's end."""
    count = searched = 0
    begun: int | None = None
    for span in spans:
        offset, end = max(0, span.offset - 8), span.offset + span.size
        begun = offset if begun is None else begun
        if not count and offset - begun > _SEARCH:
            yield None
            return
        while offset < end and span.size:
            if count >= MAX_BLOCKS or searched > (_FOLLOW if count else _SEARCH):
                yield None
                return
            offset = max(offset, written_from(file, offset, end) - len(MAGIC))
            file.seek(offset)
            data = file.read(min(_STEP, end - offset) + _WINDOW)
            for block in _found(data, min(_STEP, end - offset), MAX_BLOCKS - count):
                count += 1
                yield block
            offset += _STEP
            searched += _STEP


def _found(data: bytes, limit: int, most: int) -> Iterator[bytes]:
    """Blocks whose size field begins in the first `limit` bytes of `data`."""
    position = data.find(MAGIC, 4)
    while 0 <= position < limit + 4 and most > 0:
        yield data[position - 4 : position - 4 + _WINDOW]
        most -= 1
        position = data.find(MAGIC, position + len(MAGIC))


def _decode(blocks: Iterable[bytes | None], rows: tuple[Dialect, ...]) -> FreeGps | None:
    fixes: list[Fix] = []
    clocks: list[bool | None] = []
    used: Dialect | None = None
    count, complete = 0, True
    for block in blocks:
        if block is None:
            complete = False
            break
        row, found = _read(block, used, rows)
        if row is not None and row.refused:
            return FreeGps(row, [], count, complete)
        used = used or row
        # Where among the blocks: void seconds are listed too, so this outlives a wrong clock.
        fixes += [fix._replace(seconds=count + place / len(found)) for place, fix in enumerate(found)]
        clocks += [row.local(block) if row and row.local else None] * len(found)
        count += 1
    if used is None:
        return None
    local = clocks.count(True) > clocks.count(False)
    fixes = [
        fix if clock is None or clock == local else fix._replace(time=None)
        for fix, clock in zip(fixes, clocks, strict=True)
    ]
    return FreeGps(used, fixes, count, complete, local)


def _read(block: bytes, used: Dialect | None, rows: tuple[Dialect, ...]) -> tuple[Dialect | None, list[Fix]]:
    for row in (used, *rows) if used else rows:
        if row is not None and (found := row.read(block)) is not None:
            return row, found
    return None, []
