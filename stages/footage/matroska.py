"""The elements of a Matroska file (EBML, RFC 8794 and 9559): whole or cut off, how long, video or not."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import BinaryIO, NamedTuple

from stages.footage.kinds import LONGEST, Container, short_by

_SEGMENT, _INFO, _TRACKS, _CLUSTER, _CUES = 0x18538067, 0x1549A966, 0x1654AE6B, 0x1F43B675, 0x1C53BB6B
_SCALE, _DURATION, _DATE = 0x2AD7B1, 0x4489, 0x4461
_ENTRY, _TYPE, _CODEC = 0xAE, 0x83, 0x86
_CODECS = {
    b"V_MPEG4/ISO/AVC": "h264", b"V_MPEGH/ISO/HEVC": "hevc", b"V_MPEG4/ISO/ASP": "mpeg4", b"V_MJPEG": "mjpeg",
    b"V_VP8": "vp8", b"V_VP9": "vp9", b"V_AV1": "av1",
}  # fmt: skip
_ELEMENTS = 4096
_EPOCH = datetime(2001, 1, 1)  # noqa: DTZ001  (UTC by the standard; settled in clock.py like any header)


class _Element(NamedTuple):
    """One element; `end` is None where its size is unknown, as live recorders leave it."""

    kind: int
    offset: int
    end: int | None


class _Facts(NamedTuple):
    scale: int = 1_000_000
    ticks: float = 0.0
    created: datetime | None = None
    codec: str = ""
    has_video: bool | None = None
    has_index: bool = False


def walk_matroska(file: BinaryIO, size: int) -> Container:
    """Walk the segment down to its first cluster, and over the clusters' headers. Raises OSError only."""
    segment = next((each for each in _elements(file, 0, size) if each.kind == _SEGMENT), None)
    if segment is None:
        return Container(
            state="truncated", kind="matroska", size_bytes=size, reason="the clip breaks off in its header"
        )
    end = size if segment.end is None else segment.end
    facts = _facts(file, segment.offset, min(end, size))
    missing = max(end - size, 0)
    seconds = facts.ticks * facts.scale / 1e9
    return Container(
        state="truncated" if missing else "whole",
        reason=short_by(missing) if missing else "",
        kind="matroska",
        size_bytes=size,
        missing_bytes=missing,
        created=facts.created,
        duration_seconds=seconds if 0 < seconds <= LONGEST else None,
        has_video=facts.has_video,
        codec=facts.codec,
        has_index=facts.has_index,
    )


def _facts(file: BinaryIO, start: int, end: int) -> _Facts:
    facts = _Facts()
    for each in _elements(file, start, end):
        if each.kind == _INFO:
            facts = _info(file, each, facts)
        elif each.kind == _TRACKS:
            facts = _tracks(file, each, facts)
        elif each.kind == _CUES:
            facts = facts._replace(has_index=True)
        if each.end is None:
            break
    return facts


def _info(file: BinaryIO, parent: _Element, facts: _Facts) -> _Facts:
    for each in _elements(file, parent.offset, parent.end or 0):
        data = _value(file, each)
        if each.kind == _SCALE:
            facts = facts._replace(scale=int.from_bytes(data[:8], "big") or 1_000_000)
        elif each.kind == _DURATION and len(data) in (4, 8):
            facts = facts._replace(ticks=struct.unpack(">f" if len(data) == 4 else ">d", data)[0])
        elif each.kind == _DATE and len(data) == 8:
            seconds = int.from_bytes(data, "big", signed=True) / 1e9
            when = _EPOCH + timedelta(seconds=round(seconds))
            facts = facts._replace(created=when if 2010 <= when.year < 2100 else None)
    return facts


def _tracks(file: BinaryIO, parent: _Element, facts: _Facts) -> _Facts:
    has_video, codec = False, ""
    for entry in _elements(file, parent.offset, parent.end or 0):
        if entry.kind != _ENTRY:
            continue
        values = {each.kind: _value(file, each) for each in _elements(file, entry.offset, entry.end or 0)}
        if values.get(_TYPE) == b"\x01" and not has_video:
            has_video, codec = True, _CODECS.get(values.get(_CODEC, b"").rstrip(b"\0"), "")
    return facts._replace(has_video=has_video, codec=codec)


def _elements(file: BinaryIO, start: int, end: int) -> Iterator[_Element]:
    at = start
    for _ in range(_ELEMENTS):
        if at >= end:
            return
        file.seek(at)
        head = file.read(12)
        kind, after = _number(head, 0, keep_marker=True)
        size, offset = _number(head, after)
        if kind is None or offset <= after:
            return
        yield _Element(kind, at + offset, None if size is None else at + offset + size)
        if size is None:
            return
        at += offset + size


def _number(data: bytes, at: int, *, keep_marker: bool = False) -> tuple[int | None, int]:
    """A variable-length number and where it ends; (None, end) when all its bits say "unknown"."""
    first = data[at] if at < len(data) else 0
    length = 9 - first.bit_length()
    if not first or at + length > len(data) or (keep_marker and length > 4):
        return None, at
    value = int.from_bytes(data[at : at + length], "big")
    bits = 7 * length
    if keep_marker:
        return value, at + length
    value &= (1 << bits) - 1
    return (None if value == (1 << bits) - 1 else value), at + length


def _value(file: BinaryIO, element: _Element) -> bytes:
    file.seek(element.offset)
    return file.read(min(64, max(0, (element.end or 0) - element.offset)))
