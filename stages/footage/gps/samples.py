"""The samples of a track in an MP4 or MOV: where each lies, and when in the video (ISO/IEC 14496-12).

Tables are read as they come, never believed: counts, bytes and offsets are bounded whatever they claim.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from itertools import chain, islice, repeat
from typing import BinaryIO, NamedTuple

from stages.footage.boxes import Box, boxes, child, inside, payload
from stages.footage.gps.fragments import Place, fragments

#: Samples listed of one track: an hour at 100 a second.
MAX_SAMPLES = 360_000
#: Bytes of one sample that is read whole; records of fixes are small, pictures are not wanted.
MAX_SAMPLE = 1 << 18

_TABLE = 8 << 20  # bytes read from one table
_TRACKS = 32
_ENTRY = 4096
_IDLE = 1000  # rows in a row that tell of no sample
_FREE = 256  # what each sample is charged on top of its bytes
_SHIFT = 3600.0  # an edit list that moves a track by more is not believed


class Track(NamedTuple):
    """One track. `format` is the name of its first sample description, `entry` that description.

    `start` are the seconds in the video at which its first sample is due (edit list), `length` its own
    duration in seconds (0.0: unknown).
    """

    number: int
    handler: bytes
    format: bytes
    entry: bytes
    timescale: int
    start: float
    length: float
    table: Box | None
    movie: Box


class Purse:
    """What may still be read of a clip, in bytes: what reads samples pays, however often it begins anew."""

    def __init__(self, size: int = 128 << 20) -> None:
        self.left = size


class Sample(NamedTuple):
    """One sample: seconds from the start of the video, its duration in seconds, its bytes."""

    seconds: float
    duration: float
    data: bytes


def movie(file: BinaryIO) -> Box | None:
    """The movie box; None in a clip that has none. Raises OSError only."""
    return next((box for box in boxes(file, 0, _end(file)) if box.kind == b"moov"), None)


def tracks(file: BinaryIO) -> list[Track]:
    """The tracks of a clip in order, at most 32. Raises OSError only."""
    found = movie(file)
    if found is None:
        return []
    scale = _timescale(file, child(file, found, b"mvhd"))[0]
    tracks = (_track(file, box, found, scale) for box in inside(file, found) if box.kind == b"trak")
    return list(islice(tracks, _TRACKS))


def places(file: BinaryIO, track: Track, *, most: int = MAX_SAMPLES) -> Iterator[Place]:
    """Where the samples of a track lie, in order; those of fragments follow the listed ones."""
    listed = _listed(file, track) if track.table else iter(())
    loose = fragments(file, track.number, track.movie, _end(file), track.timescale, track.start)
    return islice(chain(listed, loose), most)


def samples(file: BinaryIO, track: Track, purse: Purse) -> Iterator[Sample]:
    """The samples themselves, until the purse is empty. Those too large, and those that the file ends in,
    are passed over.
    """
    end = _end(file)
    for place in places(file, track):
        purse.left -= _FREE
        if not 0 < place.size <= MAX_SAMPLE or place.offset + place.size > end:
            continue
        purse.left -= place.size
        if purse.left < 0:
            return
        file.seek(place.offset)
        yield Sample(place.seconds, place.duration, file.read(place.size))


def _end(file: BinaryIO) -> int:
    return file.seek(0, 2)


def _track(file: BinaryIO, trak: Box, movie: Box, movie_scale: int) -> Track:
    scale, length = _timescale(file, child(file, trak, b"mdia", b"mdhd"))
    handler = _payload(file, child(file, trak, b"mdia", b"hdlr"), 12)[8:12]
    table = child(file, trak, b"mdia", b"minf", b"stbl")
    entry = _payload(file, child(file, table, b"stsd") if table else None, 8 + _ENTRY)[8:]
    head = _payload(file, child(file, trak, b"tkhd"), 32)
    number = head[20:24] if head[:1] == b"\1" else head[12:16]
    edits = _payload(file, child(file, trak, b"edts", b"elst"), _ENTRY)
    start = _start(edits, movie_scale, 0 if handler == b"vide" else scale)
    return Track(
        int.from_bytes(number), handler, entry[4:8], entry, scale, start, length / scale, table, movie
    )


def _payload(file: BinaryIO, box: Box | None, limit: int) -> bytes:
    return payload(file, box, limit) if box else b""


def _timescale(file: BinaryIO, header: Box | None) -> tuple[int, int]:
    """Units in a second, and the duration in them, of a movie or media header."""
    data = _payload(file, header, 32)
    try:
        scale, length = struct.unpack_from(*((">IQ", data, 20) if data[:1] == b"\1" else (">II", data, 12)))
    except struct.error:
        return 1, 0
    unknown = length in (0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF)
    return max(scale, 1), 0 if unknown else length


def _start(edits: bytes, movie_scale: int, scale: int) -> float:
    """When the first sample is due: empty edits put it off, a media time cuts into it.

    `scale` 0: no cut is applied. In a track of pictures it makes up for their order, which is not read.
    """
    row = ">Qq4x" if edits[:1] == b"\1" else ">Ii4x"
    rows = edits[8 : 8 + (len(edits) - 8) // struct.calcsize(row) * struct.calcsize(row)]
    start = 0.0
    for duration, media in struct.iter_unpack(row, rows):
        if media == -1:
            start += duration / movie_scale
            continue
        start -= max(media, 0) / scale if scale else 0.0
        break
    return start if abs(start) <= _SHIFT else 0.0


def _listed(file: BinaryIO, track: Track) -> Iterator[Place]:
    """The samples of the sample table."""
    tables = {box.kind: box for box in inside(file, track.table)} if track.table else {}
    count, sizes = _sizes(file, tables)
    wide = b"co64" in tables
    chunks = _rows(file, tables.get(b"co64" if wide else b"stco"), ">Q" if wide else ">I")
    runs = _rows(file, tables.get(b"stsc"), ">III")
    even = round(track.length * track.timescale / count) if count else 0
    times = _times(_rows(file, tables.get(b"stts"), ">II"), even)
    scale, start = track.timescale, track.start
    for (offset, size), (at, delta) in zip(_offsets(chunks, runs, sizes), times, strict=False):
        yield Place(at / scale + start, delta / scale, offset, size)


def _rows(file: BinaryIO, table: Box | None, row: str, head: int = 8) -> Iterator[tuple[int, ...]]:
    """The rows of a table: version and flags, their count, then each; no more than are there."""
    data = _payload(file, table, _TABLE)
    if len(data) < head:
        return iter(())
    width = struct.calcsize(row)
    count = min(int.from_bytes(data[head - 4 : head]), (len(data) - head) // width)
    return struct.iter_unpack(row, data[head : head + count * width])


def _sizes(file: BinaryIO, tables: dict[bytes, Box]) -> tuple[int, Iterator[int]]:
    """How many samples there are, and their sizes."""
    head = _payload(file, tables.get(b"stsz") or tables.get(b"stz2"), 12)
    if len(head) < 12:
        return 0, iter(())
    size, count = struct.unpack_from(">II", head, 4)
    if b"stsz" in tables:
        if size:
            return count, repeat(size, count)
        return count, (row[0] for row in _rows(file, tables[b"stsz"], ">I", 12))
    compact = {8: ">B", 16: ">H"}.get(size & 0xFF)
    return count, (row[0] for row in _rows(file, tables[b"stz2"], compact, 12)) if compact else iter(())


def _offsets(
    chunks: Iterator[tuple[int, ...]], runs: Iterator[tuple[int, ...]], sizes: Iterator[int]
) -> Iterator[tuple[int, int]]:
    """Offset and size of each sample; `runs`: from which chunk on there are how many samples in each."""
    ahead = next(runs, None)
    each = idle = 1
    for number, (offset,) in enumerate(chunks, 1):
        while ahead is not None and ahead[0] <= number:
            each = ahead[1]
            ahead = next(runs, None)
        at, idle = offset, idle + 1
        for size in islice(sizes, each):
            yield at, size
            at, idle = at + size, 0
        if idle > _IDLE:
            return


def _times(runs: Iterator[tuple[int, ...]], even: int) -> Iterator[tuple[int, int]]:
    """Start and duration of each sample without end; a table that is short goes on as it was."""
    at, delta, idle = 0, even, 0
    for count, delta in runs:
        idle = 0 if count else idle + 1
        if idle > _IDLE:
            break
        for _ in repeat(None, count):
            yield at, delta
            at += delta
    while True:
        yield at, delta
        at += delta
