"""The boxes of an MP4 or MOV: is it whole, how long is it, where may GPS blocks lie (ISO/IEC 14496-12).

Only box headers and the small boxes that are asked for are read, whatever sizes the file claims.
"""

from __future__ import annotations

import struct
import sys
from array import array
from datetime import datetime, timedelta
from typing import BinaryIO, NamedTuple

from stages.footage.boxes import Box, boxes, child, inside, payload
from stages.footage.kinds import LONGEST, Container, Span, State, short_by

#: What a file may begin with.
FIRST = frozenset(
    {b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"styp", b"uuid", b"moof", b"sidx"}
)

_BOXES = 200_000  # a fragmented hour has some 7000 boxes
_MEDIA = 4096
_TRACKS = 16
_TABLE = 8 << 20  # bytes of one chunk offset table that are read
_EPOCH = datetime(1904, 1, 1)  # noqa: DTZ001  (what the camera meant by it is settled in clock.py)
_UNIX = datetime(1970, 1, 1)  # noqa: DTZ001
_SCRAMBLED = b"3.01.054"  # Rexing V1-4K, told by its maker box (ExifTool's KodakVersion)
_CODECS = {
    **dict.fromkeys((b"avc1", b"avc3"), "h264"),
    **dict.fromkeys((b"hvc1", b"hev1"), "hevc"),
    **dict.fromkeys((b"mjpa", b"mjpb", b"jpeg"), "mjpeg"),
    b"mp4v": "mpeg4",
    b"av01": "av1",
    b"vp09": "vp9",
}


class _Movie(NamedTuple):
    created: datetime | None = None
    duration: float | None = None
    has_video: bool = False
    codec: str = ""
    fragmented: bool = False
    gps_table: Span | None = None
    chunk_tables: tuple[Box, ...] = ()


def walk_mp4(file: BinaryIO, size: int) -> Container:
    """Walk the top level of the file and its index. Raises OSError only."""
    found = list(boxes(file, 0, size, most=_BOXES))
    movie = next((box for box in found if box.kind == b"moov" and box.end <= size), None)
    facts = _movie(file, movie) if movie else _Movie()
    # A box of another name that overruns the file is a maker's trailer or junk, no lost picture.
    missing = max((box.end - size for box in found if box.kind in FIRST), default=0)
    if movie and missing <= 0:
        missing = _chunks_missing(file, facts.chunk_tables, size)
    state, reason = _judge(file, size, movie is not None, missing)
    return Container(
        state=state,
        reason=reason,
        kind="mp4",
        size_bytes=size,
        missing_bytes=max(missing, 0),
        created=facts.created,
        duration_seconds=facts.duration,
        has_video=facts.has_video if movie else None,
        codec=facts.codec,
        has_index=movie is not None,
        fragmented=facts.fragmented or any(box.kind == b"moof" for box in found),
        gps_table=facts.gps_table,
        media=tuple(_media(found, size)),
        scrambled_gps=any(box.kind == b"frea" and _SCRAMBLED in payload(file, box, 512) for box in found),
    )


def _media(found: list[Box], size: int) -> list[Span]:
    media = [box for box in found if box.kind in (b"mdat", b"free", b"skip")]
    return [Span(box.offset, min(box.end, size) - box.offset) for box in media[:_MEDIA]]


def _judge(file: BinaryIO, size: int, has_index: bool, missing: int) -> tuple[State, str]:
    if missing > 0:
        return "truncated", short_by(missing, "" if has_index else ", and its index (moov) is missing")
    if has_index:
        return "whole", ""
    file.seek(max(0, size - 4096))
    reserved = "; its end is empty space that the camera had reserved" if not any(file.read(4096)) else ""
    return "no_index", f"the clip has no index (moov): the camera did not finish writing it{reserved}"


def _movie(file: BinaryIO, movie: Box) -> _Movie:
    facts, tables, tracks = _Movie(), [], 0
    for box in inside(file, movie):
        if box.kind == b"mvhd":
            created, duration = _header(payload(file, box, 32))
            facts = facts._replace(created=created, duration=duration or facts.duration)
        elif box.kind == b"gps ":
            facts = facts._replace(gps_table=Span(box.offset, box.end - box.offset))
        elif box.kind == b"mvex":
            facts = facts._replace(fragmented=True)
        elif box.kind == b"trak" and tracks < _TRACKS:
            tracks += 1
            handler = child(file, box, b"mdia", b"hdlr")
            samples = child(file, box, b"mdia", b"minf", b"stbl")
            if handler and payload(file, handler, 12)[8:12] == b"vide":
                codec = _codec(file, samples) if samples else ""
                facts = facts._replace(has_video=True, codec=facts.codec or codec)
            if samples:
                tables += [each for each in inside(file, samples, most=64) if each.kind in (b"stco", b"co64")]
    return facts._replace(chunk_tables=tuple(tables[:_TRACKS]))


def _codec(file: BinaryIO, samples: Box) -> str:
    described = child(file, samples, b"stsd")
    return _CODECS.get(payload(file, described, 16)[12:16], "") if described else ""


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
    seconds = None if unknown or duration / scale > LONGEST else duration / scale
    return _when(created), seconds


def _when(value: int) -> datetime | None:
    """A movie time; some writers count from 1970. None for zero and for a dead clock's years."""
    for epoch in (_EPOCH, _UNIX):
        if value < 6_311_433_600:  # 200 years
            when = epoch + timedelta(seconds=value)
            if 2010 <= when.year < 2100:
                return when
    return None


def _chunks_missing(file: BinaryIO, tables: tuple[Box, ...], size: int) -> int:
    """How far the furthest chunk begins behind the end of the file (0: none does)."""
    furthest = 0
    for table in tables:
        data = payload(file, table, _TABLE)
        if len(data) < 8:
            continue
        offsets = array("Q" if table.kind == b"co64" else "I")
        count = min(struct.unpack_from(">I", data, 4)[0], (len(data) - 8) // offsets.itemsize)
        offsets.frombytes(data[8 : 8 + count * offsets.itemsize])
        if sys.byteorder == "little":
            offsets.byteswap()
        furthest = max(furthest, max(offsets, default=0))
    return furthest + 1 - size if furthest >= size else 0
