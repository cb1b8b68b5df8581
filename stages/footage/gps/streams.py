"""GPS records that cameras send along in an MPEG transport stream, mostly on a PID that no table lists.

The stream is found by what its packets hold, in the first 16 MiB; then its PID is followed to the end.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import BinaryIO, NamedTuple

from stages.footage.container import Container
from stages.footage.fix import Fix
from stages.footage.gps import ligo, nmea
from stages.footage.gps.log import GpsLog
from stages.footage.gps.others import t13, t20
from stages.footage.gps.records import record
from stages.footage.gps.texts import line
from stages.footage.transport import Layout, packet_payload, packets

#: Units read from one clip.
MAX_UNITS = 20_000

_STEP = 1 << 20
_SEARCH = 16 << 20  # how far to look for the first unit
_FOLLOW = 4 << 30  # and how far to follow once one was found
_UNIT = 4096  # bytes of one unit that are put together
_PREFIX = 164  # Blueskysea's B4K
#: How units of private data begin; other units are picture and sound.
_STARTS = (b"\0\0\1\xbf", b"\0\0\1\xbd")
_PLAIN = re.compile(rb"(?:Viidure|[a-z]{1,16}:)20\d\d/\d\d/\d\d ")
_WRAP = 1 << 33
_CLOCK = 90_000


class _Kind(NamedTuple):
    """What the body of a unit may be. `local`: its clock is the camera's own."""

    name: str
    read: Callable[[bytes], list[Fix] | None]
    local: bool = False
    refused: str = ""


def _novatek(body: bytes) -> list[Fix] | None:
    """Novatek's record alone, or behind a fixed prefix."""
    return record(body, 0) or (record(body, _PREFIX) if len(body) >= _PREFIX + 44 else None)


def _innovv(body: bytes) -> list[Fix] | None:
    if not re.match(rb"(?:A[NS][EW]|V00)\0", body):
        return None
    return t13(body, 0)


def _text(body: bytes) -> list[Fix] | None:
    fix = line(body[:512].split(b"\0")[0].decode("latin-1")) if _PLAIN.match(body) else None
    return None if fix is None else [fix]


def _viidure(body: bytes) -> list[Fix] | None:
    return _text(body) if body.startswith(b"Viidure") else None


def _sentences(body: bytes) -> list[Fix] | None:
    return nmea.fixes(body.decode("latin-1")) or None if re.search(rb"\$G[A-Z]RMC,", body) else None


#: A scrambled unit often has a plain twin, so its row comes last and counts only without one.
KINDS: tuple[_Kind, ...] = (
    _Kind("Novatek in MPEG-TS", _novatek, local=True),
    _Kind("Viidure in MPEG-TS", _viidure),
    _Kind("LigoGPS text in MPEG-TS", _text, local=True),
    _Kind("INNOVV in MPEG-TS", _innovv),
    _Kind("DOD in MPEG-TS", partial(t20, start=32)),
    _Kind("NMEA in MPEG-TS", _sentences),
)
_SCRAMBLED = _Kind(
    "LigoGPS in MPEG-TS",
    lambda body: [] if body.startswith(ligo.MAGIC) else None,
    refused=ligo.SCRAMBLED,
)


def stream_log(path: Path, container: Container, duration: float | None) -> GpsLog | None:
    """The fixes of the first PID that has any, `seconds` by their own clock, else spread over the clip."""
    if container.kind != "mpegts":
        return None
    with path.open("rb") as file:
        layout = packets(file.read(4096))
        if layout is None:
            return None
        kind, pid, hidden = _find(file, layout)
        if kind is None:
            return GpsLog(_SCRAMBLED.name, refused=_SCRAMBLED.refused) if hidden else None
        units = list(_units(file, layout, pid, _FOLLOW))
        begun = _begun(file, layout, units[0][0]) if units else 0.0
    fixes = [
        fix._replace(seconds=number + place / len(found))
        for number, (_, body) in enumerate(units)
        for found in [kind.read(body) or []]
        for place, fix in enumerate(found)
    ]
    return GpsLog(kind.name, _tied(fixes, begun, duration, len(units)), kind.local)


def has_private(path: Path) -> bool:
    """Whether the stream's beginning holds private units of any kind."""
    with path.open("rb") as file:
        layout = packets(file.read(4096))
        return layout is not None and next(_private(file, layout, None, 4 * _STEP), None) is not None


def _find(file: BinaryIO, layout: Layout) -> tuple[_Kind | None, int, bool]:
    """The kind and PID of the first unit that can be read, and whether a scrambled one was met."""
    hidden = False
    for _, body, pid in _private(file, layout, None, _SEARCH):
        for kind in KINDS:
            if kind.read(body):
                return kind, pid, hidden
        hidden = hidden or _SCRAMBLED.read(body) is not None
    return None, -1, hidden


def _units(file: BinaryIO, layout: Layout, pid: int, limit: int) -> Iterator[tuple[int, bytes]]:
    for at, body, _ in _private(file, layout, pid, limit):
        yield at, body


def _private(
    file: BinaryIO, layout: Layout, wanted: int | None, limit: int
) -> Iterator[tuple[int, bytes, int]]:
    """(place in the file, body, PID) of the private units that begin in the first `limit` bytes.

    A search by bytes finds their beginnings; only those packets are looked at, not each of some millions.
    """
    window = (_STEP // layout.step + 1) * layout.step
    count, offset = 0, layout.first
    while offset < limit and count < MAX_UNITS:
        file.seek(offset)
        data = file.read(window + 64 * layout.step)
        if len(data) < 188:
            return
        for start in _starts(data, window):
            at = start // layout.step * layout.step
            pid = _begins(data, at, start)
            if pid is None or (wanted is not None and pid != wanted):
                continue
            count += 1
            yield offset + at, _body(data, at, layout, pid), pid
            if count >= MAX_UNITS:
                return
        offset += window


def _starts(data: bytes, end: int) -> list[int]:
    found = []
    for mark in _STARTS:
        at = data.find(mark, 0, end)
        while at >= 0:
            found.append(at)
            at = data.find(mark, at + 4, end)
    return sorted(found)


def _begins(data: bytes, at: int, start: int) -> int | None:
    """The PID of the packet at `at` when a unit begins in it at `start`."""
    packet = data[at : at + 188]
    if len(packet) < 188 or packet[0] != 0x47 or not packet[1] & 0x40:
        return None
    payload = packet_payload(packet)
    if at + 188 - len(payload) != start:
        return None
    return (packet[1] & 0x1F) << 8 | packet[2]


def _body(data: bytes, at: int, layout: Layout, pid: int) -> bytes:
    """What a unit holds behind its header, put together from its packets as far as `data` has them."""
    unit = bytearray(packet_payload(data[at : at + 188]))
    length = int.from_bytes(unit[4:6], "big") + 6 if int.from_bytes(unit[4:6], "big") else _UNIT
    length = min(length, _UNIT)
    while len(unit) < length:
        at += layout.step
        packet = data[at : at + 188]
        if len(packet) < 188 or packet[0] != 0x47:
            break
        if (packet[1] & 0x1F) << 8 | packet[2] != pid:
            continue
        if packet[1] & 0x40:
            break
        unit += packet_payload(packet)
    header = 9 + unit[8] if unit[3] == 0xBD and len(unit) > 8 else 6
    return bytes(unit[header:length])


def _tied(fixes: list[Fix], begun: float, duration: float | None, units: int) -> list[Fix]:
    """`seconds`: the first unit lies where the stream's clock says, the others follow by their own clocks.

    `seconds` of what comes in is the unit's number. A clock that goes back or far ahead is not followed.
    """
    timed = [fix for fix in fixes if fix.time is not None]
    first = next((fix for fix in timed if fix.valid), timed[0] if timed else None)
    if first is not None:  # a unit may repeat older records: its newest is the moment's
        number = int(first.seconds or 0.0)
        first = max(
            (fix for fix in timed if int(fix.seconds or 0.0) == number), key=lambda fix: str(fix.time)
        )
        first = first._replace(seconds=number)
    if first is None or first.time is None:
        step = duration / units if duration and units else 1.0
        return [fix._replace(seconds=(fix.seconds or 0.0) * step) for fix in fixes]
    origin = begun + (first.seconds or 0.0)
    tied = []
    for fix in fixes:
        usual = (fix.seconds or 0.0) - (first.seconds or 0.0)
        passed = (fix.time - first.time).total_seconds() if fix.time else usual
        tied.append(fix._replace(seconds=origin + (passed if abs(passed - usual) < 600 else usual)))
    return tied


def _begun(file: BinaryIO, layout: Layout, until: int) -> float:
    """Seconds of the stream's clock from its first packet with one to the last before `until`; 0 without."""
    first = next(_clocks(file, layout, layout.first, min(until, layout.first + 2 * _STEP)), None)
    back = max(layout.first, until - 2000 * layout.step)
    clocks = list(_clocks(file, layout, back, until))
    if first is None or not clocks:
        return 0.0
    seconds = (clocks[-1] - first) % _WRAP / _CLOCK
    return seconds if seconds < 60 else 0.0


def _clocks(file: BinaryIO, layout: Layout, start: int, end: int) -> Iterator[int]:
    """Program clocks (90 kHz) of the packets between two places."""
    file.seek(start)
    data = file.read(end - start)
    for at in range(0, len(data) - 187, layout.step):
        # adaptation field with flags and the clock
        if data[at] == 0x47 and data[at + 3] & 0x20 and data[at + 4] >= 7 and data[at + 5] & 0x10:
            high, low = data[at + 6 : at + 10], data[at + 10]
            yield int.from_bytes(high, "big") << 1 | low >> 7
