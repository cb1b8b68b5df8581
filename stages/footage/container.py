"""Is the file a whole clip? A bounded walk over the boxes of an MP4 or MOV (ISO/IEC 14496-12).

Only box headers and the small boxes that are asked for are read, whatever sizes the file claims.
"""

from __future__ import annotations

import os
import struct
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO, Literal, NamedTuple

import msgspec

State = Literal["whole", "truncated", "no_index", "empty", "not_video"]

_BOXES = 200_000  # a fragmented hour has some 7000 boxes
_CHILDREN = 4096
_TRACKS = 16
_TABLE = 8 << 20  # bytes of one chunk offset table that are read
_EPOCH = datetime(1904, 1, 1)  # noqa: DTZ001  (what the camera meant by it is settled in clock.py)
_UNIX = datetime(1970, 1, 1)  # noqa: DTZ001
_SCRAMBLED = b"3.01.054"  # Rexing V1-4K, told by its maker box (ExifTool's KodakVersion)
_FIRST = {b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"styp", b"uuid", b"moof", b"sidx"}


class Span(NamedTuple):
    """A run of bytes in the file."""

    offset: int
    size: int


class Container(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the walk found. `reason` is one sentence whenever `state` is not "whole".

    `created` is the movie header's time, naive and as written. `gps_table` is the payload of Novatek's
    `gps ` box, `media` the payloads in which loose GPS blocks may lie. `has_video` is None where it
    cannot be told without decoding. `fragmented` clips can be read up to where they break off.
    `scrambled_gps`: a camera known to write its positions in a secret scale.
    """

    state: State
    reason: str = ""
    kind: Literal["mp4", "mpegts", "matroska", "avi"] | None = None
    size_bytes: int = 0
    missing_bytes: int = 0
    created: datetime | None = None
    duration_seconds: float | None = None
    has_video: bool | None = None
    has_index: bool = False
    fragmented: bool = False
    gps_table: Span | None = None
    media: tuple[Span, ...] = ()
    scrambled_gps: bool = False


class _Box(NamedTuple):
    kind: bytes
    offset: int  # of the payload
    end: int  # as claimed; may lie behind the end of the file


def walk(path: Path) -> Container:
    """Walk a file. Raises OSError when it cannot be read, and nothing else."""
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        head = file.read(4096)
        if size == 0:
            return Container(state="empty", reason="the file is empty (0 bytes)")
        if kind := _other_kind(head):
            return Container(state="whole", kind=kind, size_bytes=size)
        if len(head) < 8 or head[4:8] not in _FIRST:
            return Container(
                state="not_video",
                size_bytes=size,
                reason="the file is no video: it does not begin like MP4, MOV, MPEG-TS, MKV or AVI",
            )
        return _walk_boxes(file, size)


def _other_kind(head: bytes) -> Literal["mpegts", "matroska", "avi"] | None:
    for first, step in ((0, 188), (4, 192)):  # m2ts puts four bytes before each packet
        if len(head) > first + 4 * step and all(head[first + i * step] == 0x47 for i in range(5)):
            return "mpegts"
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return "matroska"
    return "avi" if head[:4] == b"RIFF" and head[8:12] == b"AVI " else None


def _walk_boxes(file: BinaryIO, size: int) -> Container:
    boxes = _boxes(file, 0, size, size, _BOXES)
    movie = next((box for box in boxes if box.kind == b"moov" and box.end <= size), None)
    facts = _movie(file, movie, size) if movie else _Movie()
    # An unknown box that overruns the file after the index is a maker's trailer, no lost picture.
    ours = [box for box in boxes if box.kind in _FIRST or movie is None]
    missing = max((box.end - size for box in ours), default=0)
    if movie and missing <= 0:
        missing = _chunks_missing(file, facts.chunk_tables, size)
    fragmented = facts.fragmented or any(box.kind == b"moof" for box in boxes)
    state, reason = _judge(bool(movie), missing)
    media = tuple(
        Span(box.offset, min(box.end, size) - box.offset)
        for box in boxes
        if box.kind in (b"mdat", b"free", b"skip")
    )
    return Container(
        state=state,
        reason=reason,
        kind="mp4",
        size_bytes=size,
        missing_bytes=max(missing, 0),
        created=facts.created,
        duration_seconds=facts.duration,
        has_video=facts.has_video if movie else None,
        has_index=movie is not None,
        fragmented=fragmented,
        gps_table=facts.gps_table,
        media=media[:_CHILDREN],
        scrambled_gps=any(box.kind == b"frea" and _SCRAMBLED in _read(file, box, 512) for box in boxes),
    )


def _judge(has_index: bool, missing: int) -> tuple[State, str]:
    if missing > 0:
        without = "" if has_index else ", and its index (moov) is missing"
        return "truncated", f"the clip is truncated by {missing} bytes{without}"
    if not has_index:
        return "no_index", "the clip has no index (moov): the camera did not finish writing it"
    return "whole", ""


def _boxes(file: BinaryIO, start: int, end: int, size: int, limit: int) -> list[_Box]:
    """Headers of the boxes in a span; stops at padding and junk."""
    found: list[_Box] = []
    offset = start
    while offset + 8 <= min(end, size) and len(found) < limit:
        file.seek(offset)
        header = file.read(16)
        if len(header) < 8:
            break
        length, kind = struct.unpack(">I4s", header[:8])
        payload = offset + 8
        if length == 1 and len(header) == 16:
            length, payload = struct.unpack(">Q", header[8:])[0], offset + 16
        elif length == 0:
            length = end - offset
        # Padding after the last box is zeros; a name has no control characters.
        if length < payload - offset or any(byte < 0x20 for byte in kind):
            break
        found.append(_Box(kind, payload, offset + length))
        offset += length
    return found


class _Movie(NamedTuple):
    created: datetime | None = None
    duration: float | None = None
    has_video: bool = False
    fragmented: bool = False
    gps_table: Span | None = None
    chunk_tables: tuple[_Box, ...] = ()


def _movie(file: BinaryIO, movie: _Box, size: int) -> _Movie:
    facts, tables, tracks = _Movie(), [], 0
    for box in _boxes(file, movie.offset, movie.end, size, _CHILDREN):
        if box.end > movie.end:
            break
        if box.kind == b"mvhd":
            created, duration = _header(_read(file, box, 32))
            facts = facts._replace(created=created, duration=duration)
        elif box.kind == b"gps ":
            facts = facts._replace(gps_table=Span(box.offset, box.end - box.offset))
        elif box.kind == b"mvex":
            facts = facts._replace(fragmented=True)
        elif box.kind == b"trak" and tracks < _TRACKS:
            tracks += 1
            found = _descend(file, box, size)
            is_video = any(b.kind == b"hdlr" and _read(file, b, 12)[8:12] == b"vide" for b in found)
            facts = facts._replace(has_video=facts.has_video or is_video)
            tables += [b for b in found if b.kind in (b"stco", b"co64")]
    return facts._replace(chunk_tables=tuple(tables[:_TRACKS]))


def _descend(file: BinaryIO, trak: _Box, size: int) -> list[_Box]:
    """The boxes of one track down to its sample table."""
    found, level = [], [trak]
    for _ in range(4):  # trak, mdia, minf, stbl
        inner = [b for box in level for b in _boxes(file, box.offset, box.end, size, 64) if b.end <= box.end]
        found += inner
        level = [b for b in inner if b.kind in (b"mdia", b"minf", b"stbl")][:8]
    return found


def _read(file: BinaryIO, box: _Box, limit: int) -> bytes:
    file.seek(box.offset)
    return file.read(max(0, min(limit, box.end - box.offset)))


def _header(data: bytes) -> tuple[datetime | None, float | None]:
    """Creation time and duration of a movie header, both versions."""
    try:
        if data[:1] == b"\x01":
            created, _, scale, duration = struct.unpack_from(">QQIQ", data, 4)
        else:
            created, _, scale, duration = struct.unpack_from(">IIII", data, 4)
    except struct.error:
        return None, None
    unknown = not scale or duration in (0, 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF)
    seconds = None if unknown or duration / scale > 30 * 86400 else duration / scale
    return _when(created), seconds


def _when(value: int) -> datetime | None:
    """A movie time; some writers count from 1970. None for zero and for a dead clock's years."""
    for epoch in (_EPOCH, _UNIX):
        if value < 6_311_433_600:  # 200 years
            when = epoch + timedelta(seconds=value)
            if 2010 <= when.year < 2100:
                return when
    return None


def _chunks_missing(file: BinaryIO, tables: tuple[_Box, ...], size: int) -> int:
    """How far the furthest chunk begins behind the end of the file (0: none does)."""
    furthest = 0
    for table in tables:
        width = 8 if table.kind == b"co64" else 4
        data = _read(file, table, _TABLE)
        if len(data) < 8:
            continue
        count = min(struct.unpack_from(">I", data, 4)[0], (len(data) - 8) // width)
        offsets = struct.unpack_from(f">{count}{'Q' if width == 8 else 'I'}", data, 8)
        furthest = max(furthest, max(offsets, default=0))
    return furthest + 1 - size if furthest >= size else 0
