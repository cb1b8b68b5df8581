"""Clips with tracks of data, put together byte by byte."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from stages.footage.container import walk
from stages.footage.gps.inside import read_inside
from stages.footage.gps.log import GpsLog
from tests.stages.clips import box, mvhd


class Made(NamedTuple):
    """A track to be: `durations` of its samples in units of `timescale`, the last one repeating."""

    handler: bytes
    format: bytes
    samples: Sequence[bytes]
    durations: Sequence[int] = (1000,)
    timescale: int = 1000
    chunk: int = 1  # samples in each chunk
    wide: bool = False  # 64-bit offsets
    edits: Sequence[tuple[int, int]] = ()  # duration in ms, media time
    entry: bytes = b""


def clip(*tracks: Made, created: datetime | None = None, seconds: float = 0.0, more: bytes = b"") -> bytes:
    """An MP4 with these tracks, the samples first; `more` are boxes for the end of the movie."""
    ftyp = box(b"ftyp", b"isom", bytes(4), b"isommp41")
    data, traks = bytearray(b"\x55" * 5), []  # samples begin somewhere
    for number, track in enumerate(tracks, 1):
        offsets = []
        for at in range(0, len(track.samples), track.chunk):
            offsets.append(len(ftyp) + 8 + len(data))
            data += b"".join(track.samples[at : at + track.chunk]) + b"\x66" * 3
        traks.append(_trak(number, track, offsets))
    movie = box(b"moov", mvhd(created, seconds), *traks, more)
    return ftyp + box(b"mdat", bytes(data)) + movie


def fragmented(track: Made, *, per: int = 2) -> bytes:
    """The same with an empty movie and `per` samples in each fragment."""
    ftyp = box(b"ftyp", b"isom", bytes(4), b"iso5")
    empty = _trak(1, track._replace(samples=()), [])
    extends = box(b"mvex", box(b"trex", struct.pack(">6I", 0, 1, 1, track.durations[-1], 0, 0)))
    whole = ftyp + box(b"moov", mvhd(), empty, extends)
    clock = 0
    for at in range(0, len(track.samples), per):
        part = track.samples[at : at + per]
        durations = list(_each(track.durations, at + len(part)))[at:]
        rows = b"".join(struct.pack(">II", d, len(s)) for d, s in zip(durations, part, strict=True))
        sizes = [len(_moof(clock, len(part), rows, 0))]
        whole += _moof(clock, len(part), rows, sizes[0] + 8) + box(b"mdat", *part)
        clock += sum(durations)
    return whole


def _moof(clock: int, count: int, rows: bytes, offset: int) -> bytes:
    head = box(b"tfhd", struct.pack(">II", 0x020000, 1))
    since = box(b"tfdt", struct.pack(">BxxxQ", 1, clock))
    run = box(b"trun", struct.pack(">IIi", 0x301, count, offset), rows)
    return box(b"moof", box(b"mfhd", bytes(8)), box(b"traf", head, since, run))


def _each(durations: Sequence[int], count: int) -> Iterable[int]:
    return (durations[min(index, len(durations) - 1)] for index in range(count))


def _trak(number: int, track: Made, offsets: Sequence[int]) -> bytes:
    durations = list(_each(track.durations, len(track.samples)))
    head = box(b"tkhd", struct.pack(">5I", 7, 0, 0, number, 0), bytes(72))
    edits = [struct.pack(">IiHH", long, media, 1, 0) for long, media in track.edits]
    edts = box(b"edts", box(b"elst", struct.pack(">II", 0, len(edits)), *edits)) if edits else b""
    mdhd = box(b"mdhd", struct.pack(">6I", 0, 0, 0, track.timescale, sum(durations), 0))
    hdlr = box(b"hdlr", bytes(8), track.handler, bytes(13))
    entry = struct.pack(">I4s6xH", 16 + len(track.entry), track.format, 1) + track.entry
    runs = [struct.pack(">III", 1, track.chunk, 1)]
    if left := len(track.samples) % track.chunk:
        runs.append(struct.pack(">III", len(offsets), left, 1))
    table = box(
        b"stbl",
        box(b"stsd", struct.pack(">II", 0, 1), entry),
        box(b"stts", struct.pack(">II", 0, len(durations)), *(struct.pack(">II", 1, d) for d in durations)),
        box(b"stsc", struct.pack(">II", 0, len(runs)), *runs),
        box(
            b"stsz",
            struct.pack(">III", 0, 0, len(track.samples)),
            *(struct.pack(">I", len(s)) for s in track.samples),
        ),
        box(
            b"co64" if track.wide else b"stco",
            struct.pack(">II", 0, len(offsets)),
            *(struct.pack(">Q" if track.wide else ">I", offset) for offset in offsets),
        ),
    )
    return box(b"trak", head, edts, box(b"mdia", mdhd, hdlr, box(b"minf", box(b"nmhd", bytes(4)), table)))


def read(path: Path, data: bytes) -> GpsLog | None:
    """What our own readers make of these bytes, written to `path`."""
    path.write_bytes(data)
    container = walk(path)
    return read_inside(path, container, container.duration_seconds, exiftool=False)


def shared_log(shared: Path, name: str) -> GpsLog:
    """What our own readers make of one of the shared clips."""
    path = shared / "gps/dashcamigo" / name
    log = read_inside(path, container := walk(path), container.duration_seconds, exiftool=False)
    assert log is not None
    return log


def one_track(path: Path, made: Made, *, seconds: float = 0.0) -> GpsLog:
    """The log of a clip with one track."""
    log = read(path, clip(made, seconds=seconds))
    assert log is not None
    return log
