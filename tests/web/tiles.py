"""A PMTiles file with one tile of the whole world, all of it land: enough to see that a map is drawn from it."""

from __future__ import annotations

import struct
from pathlib import Path

_HEAD = 127
_NONE, _MVT = 1, 1


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _field(number: int, value: int | bytes) -> bytes:
    """A field of a protocol buffer: a number or bytes."""
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def _land() -> bytes:
    """A vector tile whose layer `earth` is one square."""
    square = b"".join(_varint(each) for each in (9, 0, 0, 26, 8192, 0, 0, 8192, 8191, 0, 15))
    feature = _field(3, 3) + _field(4, square)
    layer = _field(15, 2) + _field(1, b"earth") + _field(2, feature) + _field(5, 4096)
    return _field(3, layer)


def write_world(path: Path) -> None:
    """Write the file (PMTiles 3, nothing compressed)."""
    tile, metadata = _land(), b"{}"
    directory = b"".join(_varint(each) for each in (1, 0, 1, len(tile), 1))
    offsets = [_HEAD, len(directory), _HEAD + len(directory), len(metadata), 0, 0]
    offsets += [_HEAD + len(directory) + len(metadata), len(tile), 1, 1, 1]
    head = b"PMTiles\x03" + struct.pack("<11Q", *offsets)
    head += struct.pack("<6B", 1, _NONE, _NONE, _MVT, 0, 0)
    head += struct.pack("<4iB2i", -1_800_000_000, -850_000_000, 1_800_000_000, 850_000_000, 0, 0, 0)
    assert len(head) == _HEAD
    path.write_bytes(head + directory + metadata + tile)
