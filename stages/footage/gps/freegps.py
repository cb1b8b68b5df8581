"""GPS blocks that Novatek's and like chips leave between the video's bytes (`freeGPS `)."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from stages.footage.container import Container, Span
from stages.footage.fix import Fix
from stages.footage.gps.dialects import DIALECTS, Dialect
from stages.footage.gps.log import GpsLog

MAGIC = b"freeGPS "
#: Blocks read from one clip; one per video frame in some dialects.
MAX_BLOCKS = 40_000

_SCRAMBLED = "its GPS positions are scrambled by the camera (Rexing V1-4K); they are left out"
_WINDOW = 4096  # bytes of a block that are read; the records lie in its first few hundred
_STEP = 1 << 20
_SEARCH = 24 << 20  # without a table: how far to look for the first block
_FOLLOW = 512 << 20  # and how far to follow once one was found


class FreeGps(NamedTuple):
    """The fixes of a clip in order; `seconds` holds the number of the block that each lay in.

    `blocks` counts them all, `complete` says that they cover the whole clip. `local_clock` when this
    dialect writes the camera's own time. `refused` is a sentence when positions are there that must
    not be used.
    """

    dialect: str
    fixes: list[Fix]
    blocks: int
    complete: bool
    local_clock: bool = False
    refused: str = ""


def freegps_log(path: Path, container: Container, duration: float | None) -> GpsLog | None:
    """The fixes with `seconds`: blocks lie evenly over the clip; where not all were read, one a second."""
    found = read_freegps(path, container)
    if found is None:
        return None
    step = duration / found.blocks if duration and found.complete and found.blocks else 1.0
    fixes = [fix._replace(seconds=(fix.seconds or 0.0) * step) for fix in found.fixes]
    return GpsLog(found.dialect, fixes, found.local_clock, found.refused)


def read_freegps(path: Path, container: Container) -> FreeGps | None:
    """The GPS blocks of a clip; None when it has none. Raises OSError only."""
    if container.kind != "mp4":
        return None
    if container.scrambled_gps:
        return FreeGps("freeGPS (Rexing)", [], 0, complete=False, refused=_SCRAMBLED)
    with path.open("rb") as file:
        table = _table(file, container)
        return _decode((_block(file, entry) for entry in table) if table else _scan(file, container))


def _table(file: BinaryIO, container: Container) -> list[Span]:
    """Novatek's `gps ` box: version, count, then (offset, size) of each block, big endian."""
    if container.gps_table is None or container.gps_table.size < 16:
        return []
    file.seek(container.gps_table.offset)
    data = file.read(min(container.gps_table.size, 8 + 8 * MAX_BLOCKS))
    if len(data) < 16:
        return []
    count = min(struct.unpack_from(">I", data, 4)[0], (len(data) - 8) // 8)
    return [Span(offset, size) for offset, size in struct.iter_unpack(">II", data[8 : 8 + 8 * count])]


def _block(file: BinaryIO, entry: Span) -> bytes:
    file.seek(entry.offset)
    block = file.read(min(entry.size, _WINDOW))
    return block if block[4:12] == MAGIC else b""


def _scan(file: BinaryIO, container: Container) -> Iterator[bytes | None]:
    """Blocks found without a table; None where the search was given up before the clip's end."""
    count = searched = 0
    for span in container.media:
        offset, end = max(0, span.offset - 8), span.offset + span.size
        while offset < end:
            if count >= MAX_BLOCKS or searched > (_FOLLOW if count else _SEARCH):
                yield None
                return
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


def _decode(blocks: Iterable[bytes | None]) -> FreeGps | None:
    fixes: list[Fix] = []
    used: Dialect | None = None
    count, complete = 0, True
    for block in blocks:
        if block is None:
            complete = False
            break
        row, found = _read(block, used)
        if row is not None and row.refused:
            return FreeGps(row.name, [], count, complete, refused=row.refused)
        used = used or row
        # Where among the blocks: void seconds are listed too, so this outlives a wrong clock.
        fixes += [fix._replace(seconds=count + place / len(found)) for place, fix in enumerate(found)]
        count += 1
    if used is None:
        return None
    return FreeGps(used.name, fixes, count, complete, used.local_clock)


def _read(block: bytes, used: Dialect | None) -> tuple[Dialect | None, list[Fix]]:
    for row in (used, *DIALECTS) if used else DIALECTS:
        if row is not None and (found := row.read(block)) is not None:
            return row, found
    return None, []
