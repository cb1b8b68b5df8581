"""GoPro's key-length-value format (GPMF): big endian, 32-bit aligned, nested.

Written from the specification in gopro/gpmf-parser's README.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from typing import NamedTuple

_FORMATS = {
    "b": "b", "B": "B", "s": "h", "S": "H", "l": "i", "L": "I", "j": "q", "J": "Q",
    "f": "f", "d": "d", "q": "i", "Q": "q", "F": "4s", "G": "16s", "U": "16s", "c": "s",
}  # fmt: skip
_FIXED = {"q": 1 << 16, "Q": 1 << 32}  # numbers with a binary point
_ROWS = 10_000  # of one item; the fastest sensor gives 6400 a second
_TYPE = 256


class Item(NamedTuple):
    """One key with its data. `type` is a letter, "" for an item that holds others."""

    key: bytes
    type: str
    size: int
    repeat: int
    data: bytes


def items(data: bytes) -> Iterator[Item]:
    """The items of one level. What is cut off is left out, but for the start of an item that holds others."""
    at = 0
    while at + 8 <= len(data):
        key, kind, size, count = struct.unpack_from(">4scBH", data, at)
        if not key.strip(b"\0"):
            return
        inner = data[at + 8 : at + 8 + size * count]
        name = "" if kind == b"\0" else kind.decode("latin-1")
        if len(inner) == size * count or not name:
            yield Item(key, name, size, count, inner)
        at += 8 + (size * count + 3) // 4 * 4


def streams(data: bytes) -> Iterator[dict[bytes, Item]]:
    """The items by key of each stream (STRM) of each device (DEVC) in one payload."""
    for device in items(data):
        if device.key == b"DEVC":
            for stream in items(device.data):
                if stream.key == b"STRM":
                    yield {item.key: item for item in items(stream.data)}


def rows(item: Item, scale: Item | None = None, types: Item | None = None) -> list[tuple[float, ...]]:
    """The numbers of an item, row by row, divided by the stream's SCAL.

    `types` (TYPE) says what lies in a row of mixed types. Empty when it cannot be told, or the scale is 0.
    """
    letters = _letters(item, types)
    form = ">" + "".join(_FORMATS.get(letter, "?") for letter in letters)
    if not letters or "?" in form or "s" in form or struct.calcsize(form) > item.size:
        return []
    scales = [value for row in rows(scale) for value in row] if scale else [1.0]
    if not scales or not all(scales):
        return []
    divisors = [scales[place % len(scales)] * _FIXED.get(letter, 1) for place, letter in enumerate(letters)]
    found = []
    for at in range(0, min(item.repeat, _ROWS) * item.size, item.size):
        values = struct.unpack_from(form, item.data, at)
        found.append(tuple(value / divisor for value, divisor in zip(values, divisors, strict=True)))
    return found


def _letters(item: Item, types: Item | None) -> str:
    """The type letters of one row."""
    if item.type == "?":
        text = types.data[:_TYPE].decode("latin-1").rstrip("\0") if types else ""
        return re.sub(r"([A-Za-z])\[(\d{1,2})\]", lambda found: found[1] * int(found[2]), text)
    form = _FORMATS.get(item.type)
    return item.type * (item.size // struct.calcsize(form)) if form else ""
