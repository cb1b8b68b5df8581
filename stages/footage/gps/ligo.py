"""LIGOGPSINFO: text records that many makers scramble, in blocks, in tracks and behind the clip's end.

Two things may be done to a record: its bytes are woven (`unwoven` undoes it), and its coordinates are
swapped and stretched by a scale that the record does not tell. Those of the second kind are refused: the
wrong scale gives a believable place some kilometres off.
"""

from __future__ import annotations

import re
import struct

from stages.footage.fix import Fix
from stages.footage.gps.texts import line

MAGIC = b"LIGOGPSINFO"
#: Where the first record begins, counted from the magic.
HEADER = 20
#: One record with what fills it up.
RECORD = 0x84
SCRAMBLED = "its GPS positions are scrambled by the camera (LigoGPS); they cannot be read and are left out"

_SPOTS = (16, 48, 80)  # where the magic lies in a freeGPS block


def unwoven(data: bytes) -> str | None:
    """The text of a woven record that begins with `####`; None when it is none."""
    if len(data) < 12 or data[:4] != b"####":
        return None
    length = min(struct.unpack_from("<I", data, 4)[0], RECORD, len(data) - 8)
    woven, out, at = data[8 : 8 + length], bytearray(), 0
    while at < len(woven):
        steer = woven[at]
        taken = 4 if steer >= 0xC0 else 3 if steer >= 0x40 else 1 if steer < 0x20 else 0
        if not taken or at + 1 + taken > len(woven):
            return None
        out += _unweave(steer, woven[at + 1 : at + 1 + taken])
        at += 1 + taken
    return out.decode("latin-1")


def _unweave(steer: int, data: bytes) -> bytes:
    """One round: the first byte says which bits the others lack and where a blank was left out."""
    if steer < 0x20:
        return bytes([data[0] | steer & 0x13])
    if steer >= 0xC0:
        masks, blank = (0x01, 0x02, 0x0C), None
    elif steer < 0x60:
        masks, blank = (0x01, 0x06, 0x18), 0
    elif steer < 0x80:
        masks, blank = (0x03, 0x04, 0x18), 1
    elif steer < 0xA0:
        masks, blank = (0x03, 0x0C, 0x10), 2
    else:
        masks, blank = (0x01, 0x06, 0x18), 3
    out = [(byte | steer & mask) ^ 0x20 for byte, mask in zip(data, masks, strict=False)]
    if blank is None:
        out.append((data[3] ^ 0x20) | steer & 0x30)
    else:
        out.insert(blank, 0x20)
    return bytes(byte & 0xFF for byte in out)


def woven_fix(data: bytes) -> Fix | None:
    """The fix of a woven record as it stands: right only where the coordinates were not scrambled too."""
    text = unwoven(data)
    return None if text is None else line(text[4:], knots=True)


def block_fixes(block: bytes) -> list[Fix] | None:
    """A freeGPS block (T5) whose coordinates stand as they are, or that has none."""
    at = _spot(block)
    if at is None:
        return None
    plain = re.match(rb"\0\0\0[\x01\x14]", block[at + 12 : at + 16])
    fix = woven_fix(block[at + HEADER : at + HEADER + 8 + RECORD])
    if fix is None or (not plain and fix.valid):
        return None
    return [fix]


def block_scrambled(block: bytes) -> list[Fix] | None:
    """A freeGPS block (T5) that cannot be read."""
    return None if _spot(block) is None else []


def _spot(block: bytes) -> int | None:
    return next((at for at in _SPOTS if block[at : at + len(MAGIC)] == MAGIC), None)
