"""Tesla: telemetry in the video stream itself (firmware 2025.44.25 and later), and `event.json` beside clips.

The fields are facts from Tesla's published extractor. Nothing is decoded: only the start of each picture's
bytes is read. Clips of parked cars have no telemetry.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path, PurePath
from typing import BinaryIO

import msgspec

from stages.footage.container import Container
from stages.footage.fix import Fix
from stages.footage.gps.log import GpsLog
from stages.footage.gps.samples import Track, places, tracks
from stages.footage.names import read_name

#: What to tell an owner whose clips are encrypted.
ENCRYPTED = (
    "the car encrypted this clip (TeslaCam/EncryptedClips): turn off Controls > Safety > "
    "Encrypt Dashcam Recordings in the car, and later clips can be read; this one only in Tesla's own viewer"
)

_PROBES = 24  # pictures looked at, all over the clip, before it is taken for another camera's
_EVERY = 0.1 - 1e-6  # seconds between two fixes; every picture has one
_WINDOW = 1024
_WINDOWS = 4  # read of one picture
_EVENT_BYTES = 64 << 10
_CLIP = 65.0  # seconds; Tesla's clips last a minute
_SEI = {b"avcC": {6}, b"hvcC": {39, 40}}
_LENGTH = {b"avcC": 4, b"hvcC": 21}  # where the size of the length fields stands in the decoder's box


def is_encrypted(path: str | PurePath) -> bool:
    """Whether a clip lies where the car puts encrypted ones; say `ENCRYPTED` then."""
    return "encryptedclips" in str(path).lower().replace("\\", "/").split("/")[:-1]


def tesla_log(path: Path, container: Container, duration: float | None) -> GpsLog | None:  # noqa: ARG001
    """At most ten fixes a second, as pictures carry telemetry, without a clock; encrypted: refused."""
    if is_encrypted(path):
        return GpsLog("Tesla", refused=ENCRYPTED)
    if container.kind != "mp4" or not container.has_index or container.gps_table is not None:
        return None
    with path.open("rb") as file:
        for track in tracks(file):
            if track.handler == b"vide" and (decoder := _decoder(track)):
                return _read(file, track, decoder)
    return None


def event_log(clip: Path) -> GpsLog | None:
    """The place that `event.json` in the clip's folder tells: one fix, at the event's moment in the clip.

    Its time is the car's local clock. A parked car's place (Sentry) holds for every clip of the event and
    then lies at the start of those that do not show the moment; a driven car's only for the one that does.
    """
    said = _event(clip.parent / "event.json")
    if said is None:
        return None
    fix, reason = said
    began = read_name(clip.name).recorded_local
    if fix.time is None or began is None:
        return None
    seconds = (fix.time - began).total_seconds()
    if 0 <= seconds <= _CLIP:
        return GpsLog("Tesla event.json", [fix._replace(seconds=seconds)], local_clock=True)
    if not reason.startswith("sentry"):
        return None
    return GpsLog("Tesla event.json", [fix._replace(seconds=0.0, time=began)], local_clock=True)


def _event(path: Path) -> tuple[Fix, str] | None:
    try:
        with path.open("rb") as file:
            said = msgspec.json.decode(file.read(_EVENT_BYTES))
    except (OSError, msgspec.DecodeError, RecursionError):
        return None
    if not isinstance(said, dict):
        return None
    lat, lon, when = (_number(said.get("est_lat")), _number(said.get("est_lon")), said.get("timestamp"))
    fix = Fix(time=_moment(when), lat=lat, lon=lon)
    return (fix, str(said.get("reason", ""))) if fix.valid else None


def _number(value: object) -> float | None:
    text = str(value).strip()
    return float(text) if re.fullmatch(r"-?[0-9]{1,3}(\.[0-9]{1,20})?", text) else None


def _moment(value: object) -> datetime | None:
    try:
        when = datetime.fromisoformat(str(value)[:40].strip()).replace(tzinfo=None)
    except ValueError:
        return None
    return when if 2010 <= when.year < 2100 else None


def _decoder(track: Track) -> tuple[bytes, int] | None:
    """Which decoder the pictures are for, and how many bytes tell the length of each part (NAL)."""
    for name, offset in _LENGTH.items():
        at = track.entry.find(name)
        if at >= 0 and at + 4 + offset < len(track.entry):
            return name, (track.entry[at + 4 + offset] & 3) + 1
    return None


def _read(file: BinaryIO, track: Track, decoder: tuple[bytes, int]) -> GpsLog | None:
    every = list(places(file, track))
    step = max(1, len(every) // _PROBES)
    if not any(_telemetry(file, each.offset, min(each.size, _WINDOW), decoder) for each in every[::step]):
        return None
    fixes: list[Fix] = []
    due = -math.inf
    for each in every:
        if each.seconds < due:
            continue
        message = _telemetry(file, each.offset, each.size, decoder)
        if message is not None and (fix := telemetry_fix(message)) is not None:
            fixes.append(fix._replace(seconds=each.seconds))
            due = each.seconds + _EVERY
    return GpsLog("Tesla", fixes)


def _telemetry(file: BinaryIO, offset: int, size: int, decoder: tuple[bytes, int]) -> bytes | None:
    """The message in one picture's bytes."""
    for part in _parts(file, offset, size, decoder[1]):
        header = 1 if decoder[0] == b"avcC" else 2
        kind = part[0] & 0x1F if header == 1 else part[0] >> 1 & 0x3F
        if kind in _SEI[decoder[0]] and (message := sei_message(part[header:])) is not None:
            return message
    return None


def _parts(file: BinaryIO, offset: int, size: int, width: int) -> Iterator[bytes]:
    """The parts of a picture, or what of each lies in the windows read."""
    at = 0
    for _ in range(_WINDOWS):
        file.seek(offset + at)
        window = file.read(min(_WINDOW, size - at))
        inner = 0
        while inner + width < len(window):
            length = int.from_bytes(window[inner : inner + width])
            if length == 0:
                return
            if inner and inner + width + length > len(window):
                break  # begins in this window: the next one begins with it
            yield window[inner + width : inner + width + length]
            inner += width + length
        at += inner
        if inner == 0 or at + width >= size:
            return


def sei_message(data: bytes) -> bytes | None:
    """The message in user data: type 5, its size, some 0x42, 0x69, then what is looked for.

    The size is read over: Tesla's extractor takes all up to the last byte, which ends the part.
    """
    found = re.match(rb"\x05\xff*[^\xff]\x42+\x69", data, re.DOTALL)
    if found is None:
        return None
    return re.sub(rb"\0\0\x03", b"\0\0", data[found.end() : -1])


def telemetry_fix(message: bytes) -> Fix | None:
    """Speed (4, m/s), latitude (11), longitude (12) and heading (13) of a message; None without a place."""
    said: dict[int, float] = {}
    for field, value in _numbers(message):
        said.setdefault(field, value)  # what follows the message in the same part is none of it
    lat, lon = said.get(11), said.get(12)
    if lat is None or lon is None:
        return None
    # What is zero is not written: a message without a speed is of a car that stands.
    speed, heading = said.get(4, 0.0), said.get(13)
    fix = Fix(
        lat=lat,
        lon=lon,
        speed_kmh=speed * 3.6 if abs(speed) < 1000 else None,
        course=heading % 360 if heading is not None and abs(heading) <= 720 else None,
    )
    return fix if fix.valid else Fix()


def _numbers(message: bytes) -> Iterator[tuple[int, float]]:
    """The floating-point fields of a protocol buffer, up to where it cannot be read on."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        kind = tag & 7
        if kind == 0:
            _, at = _varint(message, at)
        elif kind == 2:
            length, at = _varint(message, at)
            at += length
        elif kind in (1, 5):
            width = 8 if kind == 1 else 4
            if at + width > len(message):
                return
            (value,) = struct.unpack_from("<d" if kind == 1 else "<f", message, at)
            if math.isfinite(value):
                yield tag >> 3, value
            at += width
        else:
            return


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for place, byte in enumerate(data[at : at + 10]):
        value |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            return value, at + place + 1
    return 0, len(data)
