"""Transport streams put together packet by packet, for tests."""

import struct
from collections.abc import Sequence
from datetime import datetime

from tests.stages.clips import record

GPS = 0x300
_VIDEO = 0x200


def packet(pid: int, payload: bytes, *, begins: bool = False, clock: int | None = None) -> bytes:
    """One packet of 188 bytes, filled up by its adaptation field; `clock` in 90 kHz goes there too."""
    field = b""
    if clock is not None:
        field = b"\x10" + struct.pack(">Q", clock << 15 | 0x7E00)[2:]
    room = 184 - len(payload)
    if field or room:
        field = bytes([room - 1]) + (field or b"\0"[: room - 1]).ljust(room - 1, b"\xff")
    control = 0x30 if field else 0x10
    return bytes([0x47, (0x40 if begins else 0) | pid >> 8, pid & 0xFF, control]) + field + payload


def unit(pid: int, body: bytes, stream: int = 0xBF) -> bytes:
    """A unit of private data in as many packets as it takes."""
    header = b"\0\0\1" + bytes([stream])
    if stream == 0xBD:
        body = b"\x80\0\0" + body
    data = header + struct.pack(">H", len(body)) + body
    parts = [data[i : i + 184] for i in range(0, len(data), 184)]
    return b"".join(packet(pid, part, begins=i == 0) for i, part in enumerate(parts))


def stream(bodies: Sequence[bytes], *, pid: int = GPS, kind: int = 0xBF, begun: float = 0.0) -> bytes:
    """Picture packets with a unit in between each second; the first unit lies `begun` seconds in."""
    out = [_picture(0.0)] * 6
    for second, body in enumerate(bodies):
        out += [_picture(begun + second), _picture(None), unit(pid, body, kind)]
    return b"".join([*out, _picture(None)])


def _picture(seconds: float | None) -> bytes:
    clock = None if seconds is None else round((seconds + 5) * 90_000)
    payload = (b"\0\0\1\xe0\0\0\x80\0\0").ljust(184 if clock is None else 170, b"\xab")
    return packet(_VIDEO, payload, begins=True, clock=clock)


def novatek_body(when: datetime, place: tuple[float, float] | None, prefix: int = 0) -> bytes:
    """What a Novatek camera sends once a second."""
    return (bytes(prefix) + record(when, place)).ljust(1008, b"\0")
