"""MPEG transport streams (ISO/IEC 13818-1): is the file one, does it break off, how long is it.

Only its beginning and end are read. There is no index: a stream that was cut can be read to where it ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median
from typing import BinaryIO, NamedTuple

from stages.footage.kinds import Container, Span, short_by

_SYNC = 0x47
_RUN = 5  # packets in a row that tell a stream from chance
_READ = 1 << 20
_FAR = 8 << 20  # how far from the end a picture's time is looked for
_STARTS = 64  # pictures at the beginning whose times are compared
_CLOCK = 90_000
_WRAP = 1 << 33
_DAY = 86400.0
_VIDEO = {
    0x01: "mpeg1video", 0x02: "mpeg2video", 0x10: "mpeg4", 0x1B: "h264", 0x20: "h264", 0x24: "hevc",
    0x33: "vvc", 0xD2: "av1", 0xEA: "vc1",
}  # fmt: skip


class Layout(NamedTuple):
    """How packets lie: the first sync byte's place, and bytes from one to the next (188, 192 or 204)."""

    first: int
    step: int


class Program(NamedTuple):
    """The program map: PIDs of the pictures (None without), of all streams, and of the clock."""

    video: int | None
    codec: str
    pids: frozenset[int]


def packets(head: bytes) -> Layout | None:
    """How the packets lie in the beginning of a file; None when it is no transport stream.

    The first packet may begin in the middle, where a stream was cut out of a longer one.
    """
    for step in (188, 192, 204):  # m2ts puts four bytes of time before each packet
        for first in range(step):
            if len(head) > first + step * (_RUN - 1) and _synced(head, first, step, _RUN):
                return Layout(first, step)
    return None


def packet_payload(packet: bytes) -> bytes:
    """What a packet of 188 bytes carries behind its header and adaptation field."""
    control = packet[3] >> 4 & 3
    if not control & 1:
        return b""
    return packet[5 + packet[4] :] if control & 2 else packet[4:]


def walk_transport(file: BinaryIO, size: int, layout: Layout) -> Container:
    """Judge a stream by its beginning and end. Raises OSError only."""
    end, missing, reason = _end(file, size, layout)
    file.seek(0)
    head = file.read(_READ)
    program = program_of(head, layout)
    return Container(
        state="truncated" if reason else "whole",
        reason=reason,
        kind="mpegts",
        size_bytes=size,
        missing_bytes=missing,
        duration_seconds=_duration(file, head, end, layout, program) if program else None,
        has_video=program.video is not None if program else None,
        codec=program.codec if program else "",
        media=(Span(0, end),),
    )


def _synced(data: bytes, first: int, step: int, count: int) -> bool:
    return all(data[first + i * step] == _SYNC for i in range(count))


def _end(file: BinaryIO, size: int, layout: Layout) -> tuple[int, int, str]:
    """Where the packets end, how many bytes the last one lacks, and a sentence when the stream is cut."""
    start = max(0, size - 64 * layout.step)
    file.seek(start)
    tail = file.read(size - start)
    lead = 4 if layout.step == 192 else 0  # bytes of a packet before its sync
    for phase in range(layout.step):
        count = (len(tail) - 1 - phase) // layout.step + 1
        if count >= min(_RUN, len(tail) // layout.step) and _synced(tail, phase, layout.step, count):
            rest = (len(tail) - phase + lead) % layout.step
            missing = layout.step - rest if rest else 0
            return size - rest, missing, short_by(missing) + " (its last packet)" if missing else ""
    end = _last_packet(file, size, layout)
    file.seek(end)
    if any(file.read(4096)) or any(tail[-4096:]):
        return end, 0, ""  # a maker's trailer
    text = ": the rest of the file is empty space that the camera had reserved"
    return end, size - end, short_by(size - end, text)


def _last_packet(file: BinaryIO, size: int, layout: Layout) -> int:
    """Where the packets end in a file whose end is something else, by halving."""
    low, high = 0, (size - layout.first) // layout.step
    while low < high:
        middle = (low + high) // 2
        file.seek(layout.first + middle * layout.step)
        data = file.read(2 * layout.step + 1)
        if len(data) == 2 * layout.step + 1 and _synced(data, 0, layout.step, 3):
            low = middle + 1
        else:
            high = middle
    return min(size, layout.first + (low + 2) * layout.step)


def _packets(data: bytes, layout: Layout) -> Iterator[tuple[int, bool, int]]:
    """(PID, begins a unit, offset) of each packet; passes over what is out of step."""
    at = layout.first
    while at + 188 <= len(data):
        if data[at] != _SYNC:
            at = data.find(_SYNC, at + 1)
            if at < 0:
                return
            continue
        yield (data[at + 1] & 0x1F) << 8 | data[at + 2], bool(data[at + 1] & 0x40), at
        at += layout.step


def program_of(head: bytes, layout: Layout) -> Program | None:
    """The first program whose map lies in the beginning of the stream."""
    maps: set[int] = set()
    for pid, begins, at in _packets(head, layout):
        if not begins or (pid and pid not in maps):
            continue
        section = packet_payload(head[at : at + 188])
        section = section[1 + section[0] :] if section else b""
        if pid == 0 and section[:1] == b"\0":
            length = int.from_bytes(section[1:3], "big") & 0xFFF
            rows = section[8 : max(8, 3 + length - 4)]
            maps |= {
                int.from_bytes(rows[i + 2 : i + 4], "big") & 0x1FFF
                for i in range(0, len(rows) - 3, 4)
                if any(rows[i : i + 2])
            }
        elif pid and section[:1] == b"\x02" and (found := _map(section)):
            return found
    return None


def _map(section: bytes) -> Program | None:
    """A program map as far as its first packet holds it."""
    if len(section) < 16:
        return None
    end = min(len(section), 3 + (int.from_bytes(section[1:3], "big") & 0xFFF) - 4)
    at = 12 + (int.from_bytes(section[10:12], "big") & 0xFFF)
    video, codec, pids = None, "", set()
    while at + 5 <= end:
        pid = int.from_bytes(section[at + 1 : at + 3], "big") & 0x1FFF
        pids.add(pid)
        if video is None and section[at] in _VIDEO:
            video, codec = pid, _VIDEO[section[at]]
        at += 5 + (int.from_bytes(section[at + 3 : at + 5], "big") & 0xFFF)
    return Program(video, codec, frozenset(pids)) if pids else None


def _duration(file: BinaryIO, head: bytes, end: int, layout: Layout, program: Program) -> float | None:
    """Seconds from the first picture's time to the end of the last, by the times of the packets."""
    wanted = frozenset({program.video}) if program.video is not None else program.pids
    first = _times(head, layout, wanted, _STARTS)
    last: list[int] = []
    back = _READ
    while first and not last and back <= _FAR:
        start = max(0, end - back)
        start += (layout.first - start) % layout.step
        file.seek(start)
        last = _times(file.read(max(0, end - start)), Layout(0, layout.step), wanted, None)
        back *= 2
    if not first or not last:
        return None
    base = first[0]
    ahead = [(time - base + _WRAP // 2) % _WRAP - _WRAP // 2 for time in first[:16]]
    length = max((time - base) % _WRAP for time in last[-16:]) - min(ahead)
    steps = sorted(b - a for a, b in zip(sorted(ahead), sorted(ahead)[1:], strict=False) if b > a)
    seconds = (length + (median(steps) if steps else 0)) / _CLOCK
    return round(seconds, 3) if 0 < seconds < _DAY else None


def _times(data: bytes, layout: Layout, pids: frozenset[int], most: int | None) -> list[int]:
    """Presentation times (33 bits, 90 kHz) of the units that begin in `data`."""
    found: list[int] = []
    for pid, begins, at in _packets(data, layout):
        if not begins or pid not in pids:
            continue
        unit = packet_payload(data[at : at + 188])
        if len(unit) >= 14 and unit[:3] == b"\0\0\1" and unit[7] & 0x80:
            high, middle, low = unit[9] >> 1 & 7, unit[10:12], unit[12:14]
            found.append(
                high << 30 | int.from_bytes(middle, "big") >> 1 << 15 | int.from_bytes(low, "big") >> 1
            )
            if most and len(found) >= most:
                break
    return found
