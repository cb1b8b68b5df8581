"""The chunks of an AVI (RIFF, little endian): whole or cut off, how long, video or not."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from stages.footage.kinds import LONGEST, Container, short_by

_CHUNKS = 1024
_CODECS = {
    **dict.fromkeys((b"h264", b"avc1", b"x264"), "h264"),
    **dict.fromkeys((b"hevc", b"hvc1", b"h265"), "hevc"),
    **dict.fromkeys((b"fmp4", b"mp4v", b"xvid", b"divx", b"dx50"), "mpeg4"),
    b"mjpg": "mjpeg",
}


class _Chunk(NamedTuple):
    """One chunk; `kind` is the list's own name for RIFF and LIST, whose payload then begins behind it."""

    kind: bytes
    offset: int
    end: int


def walk_avi(file: BinaryIO, size: int) -> Container:
    """Walk the segments of the file (a long one has several) and the header list. Raises OSError only."""
    segments = [each for each in _chunks(file, 0, size) if each.kind in (b"AVI ", b"AVIX")]
    first = segments[0]
    # While it is written the size is zero; the camera fills it in at the end.
    unfinished = first.end <= first.offset
    inner = list(_chunks(file, first.offset, size if unfinished else min(first.end, size)))
    header = next((each for each in inner if each.kind == b"hdrl"), None)
    duration, codec, has_video = _header(file, header) if header else (None, "", None)
    missing = 0 if unfinished else max(segments[-1].end - size, 0)
    return Container(
        state="truncated" if missing else "no_index" if unfinished else "whole",
        reason=short_by(missing) if missing else _UNFINISHED if unfinished else "",
        kind="avi",
        size_bytes=size,
        missing_bytes=missing,
        duration_seconds=duration,
        codec=codec,
        has_video=has_video,
        has_index=any(each.kind == b"idx1" for each in inner),
    )


_UNFINISHED = "the clip's size was never filled in: the camera did not finish writing it"


def _chunks(file: BinaryIO, start: int, end: int) -> Iterator[_Chunk]:
    at = start
    for _ in range(_CHUNKS):
        if at + 8 > end:
            return
        file.seek(at)
        head = file.read(12)
        if len(head) < 8 or not all(0x20 <= byte < 0x7F for byte in head[:4]):
            return
        length = struct.unpack_from("<I", head, 4)[0]
        listed = head[:4] in (b"RIFF", b"LIST")
        yield _Chunk(head[8:12] if listed else head[:4], at + (12 if listed else 8), at + 8 + length)
        at += 8 + length + length % 2


def _header(file: BinaryIO, header: _Chunk) -> tuple[float | None, str, bool]:
    """Seconds, codec and whether there is a video stream."""
    seconds, codec, has_video = None, "", False
    for chunk in _chunks(file, header.offset, header.end):
        file.seek(chunk.offset)
        if chunk.kind == b"avih" and len(data := file.read(20)) == 20:
            microseconds, frames = struct.unpack_from("<I12xI", data)
            seconds = microseconds * frames / 1e6
        elif chunk.kind == b"strl":
            stream = next((c for c in _chunks(file, chunk.offset, chunk.end) if c.kind == b"strh"), None)
            if stream is None:
                continue
            file.seek(stream.offset)
            data = file.read(8)
            if data[:4] == b"vids" and not has_video:
                has_video, codec = True, _CODECS.get(data[4:8].lower(), "")
    return seconds if seconds and seconds <= LONGEST else None, codec, has_video
