"""Small clips for tests: real video made with PyAV, and bare containers put together box by box."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import av
import numpy as np

EPOCH = datetime(1904, 1, 1)  # noqa: DTZ001


def make_clip(
    path: Path,
    *,
    frames: int = 10,
    fps: int = 10,
    size: tuple[int, int] = (64, 48),
    fragmented: bool = False,
    index_first: bool = False,
    seed: int = 0,
) -> Path:
    """A playable clip of moving noise; MPEG-4 part 2, which every FFmpeg build can write."""
    path.parent.mkdir(parents=True, exist_ok=True)
    options = {}
    if fragmented:
        options["movflags"] = "frag_keyframe+empty_moov"
    if index_first:
        options["movflags"] = "faststart"
    container_format = "mpegts" if path.suffix.lower() == ".ts" else "mp4"
    rng = np.random.default_rng(seed)
    with av.open(str(path), "w", format=container_format, options=options) as out:
        stream = out.add_stream("mpeg4", rate=fps)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        stream.gop_size = 5
        for _ in range(frames):
            picture = rng.integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
            for packet in stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")):
                out.mux(packet)
        for packet in stream.encode(None):
            out.mux(packet)
    return path


def box(kind: bytes, *payload: bytes) -> bytes:
    """One ISO-BMFF box."""
    data = b"".join(payload)
    return struct.pack(">I4s", 8 + len(data), kind) + data


def mvhd(created: datetime | None = None, seconds: float = 0.0) -> bytes:
    """A movie header, version 0, with a timescale of 1000."""
    stamp = int((created - EPOCH) / timedelta(seconds=1)) if created else 0
    return box(b"mvhd", struct.pack(">IIIII", 0, stamp, 0, 1000, round(seconds * 1000)), bytes(80))


def trak(kind: bytes = b"vide") -> bytes:
    """A track without samples."""
    return box(b"trak", box(b"mdia", box(b"hdlr", bytes(8), kind, bytes(12))))


def novatek(
    blocks: Sequence[bytes],
    *,
    created: datetime | None = None,
    seconds: float = 0.0,
    table: bool = True,
    block_size: int = 0x4000,
) -> bytes:
    """An MP4 with `freeGPS ` blocks in its mdat, and Novatek's `gps ` table unless told otherwise."""
    ftyp = box(b"ftyp", b"avc1", bytes(4), b"avc1isom")
    # Blocks lie on 32 KiB boundaries, with picture bytes between them.
    start, data, spans = 0x8000, bytearray(), []
    base = len(ftyp) + 8
    data += b"\x55" * (start - base)
    for block in blocks:
        offset = base + len(data)
        spans.append((offset, block_size))
        data += block[:block_size].ljust(block_size, b"\0")
        data += b"\x55" * (-(base + len(data)) % 0x8000)
    entries = struct.pack(">II", 0x101, len(spans)) + b"".join(struct.pack(">II", *span) for span in spans)
    movie = [mvhd(created, seconds), trak()]
    if table:
        movie.append(box(b"gps ", entries))
    return ftyp + box(b"mdat", bytes(data)) + box(b"moov", *movie)


def record(
    when: datetime, place: tuple[float, float] | None, *, knots: float = 20.0, course: float = 90.0
) -> bytes:
    """Novatek's record R; `place` in degrees (north and east positive), None without a fix."""
    stamp = struct.pack("<6I", when.hour, when.minute, when.second, when.year - 2000, when.month, when.day)
    if place is None:
        return stamp + b"V\0\0\0" + bytes(16)
    lat, lon = place
    sides = bytes([ord("N" if lat >= 0 else "S"), ord("E" if lon >= 0 else "W")])
    return stamp + b"A" + sides + b"\0" + struct.pack("<4f", _ddmm(lat), _ddmm(lon), knots, course)


def block_t17(when: datetime, place: tuple[float, float] | None, **more: float) -> bytes:
    """A classic freeGPS block."""
    return b"\0\0\x80\0freeGPS " + struct.pack("<I", 0x4C) + bytes(32) + record(when, place, **more)


def block_t3(when: datetime, place: tuple[float, float] | None, **more: float) -> bytes:
    """A freeGPS block as newer Viofo cameras write it."""
    return b"\0\0\x40\0freeGPS " + struct.pack("<I", 0x3F0) + record(when, place, **more)


def _ddmm(value: float) -> float:
    whole = int(abs(value))
    return whole * 100 + (abs(value) - whole) * 60
