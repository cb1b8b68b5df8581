"""What of a clip a stranger may see to teach the readers a new camera: its skeleton and its GPS records.

Never picture or sound: payloads of media are left out, and what looks like a picture is wiped everywhere.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from stages.footage.boxes import Box, boxes, inside, payload, written_from
from stages.footage.container import Container
from stages.footage.gps.samples import Purse, samples, tracks
from stages.footage.packets import packet_report

#: Bytes of one box, one block, one sample; and of all parts together.
BOX, BLOCK, SAMPLE, ALL = 64 << 10, 4096, 16 << 10, 1_500_000

_DEPTH, _ENTRIES = 8, 4000
_BLOCKS, _SAMPLES, _LINES = 8, 30, 30
_SEARCH = 64 << 20
_TRAILER = 16 << 10
_MAGIC = b"freeGPS "
_LINE = re.compile(rb"\$G[A-Z](?:RMC|GGA),[ -~]{5,120}")
_HOLD_BOXES = frozenset(
    (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"dinf", b"edts", b"mvex", b"moof", b"traf", b"udta")
)
_MAY_HOLD_BOXES = frozenset((b"free", b"skip", b"frea"))  # BlackVue and others hide theirs there
_MEDIA = frozenset((b"mdat", b"idat", b"mdta"))
#: The format's own: no maker hides a position in them.
_PLAIN = frozenset(
    b"ftyp styp mvhd tkhd mdhd hdlr vmhd smhd nmhd gmhd dref elst stts stsc stsz stz2 stco co64 stss ctts "
    b"mehd trex mfhd tfhd tfdt trun sidx mfra".split()
)
#: Names of boxes that hold a small picture.
_PICTURES = frozenset((b"thm ", b"thum", b"thmb", b"ptnm", b"snal", b"tnal", b"pnot", b"PICT", b"covr"))
#: Serial numbers that are known to be one: GoPro's camera, media and lens.
_SERIALS = frozenset((b"CAME", b"MUID", b"GUMI", b"LENS"))
_PICTURE = re.compile(rb"\xff\xd8\xff.*?(?:\xff\xd9|\Z)|\x89PNG\r\n\x1a\n.*", re.DOTALL)
_ADDRESS = re.compile(rb"(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}")
_NUMBER = re.compile(rb"(?<![A-Za-z0-9.,/])(?=[A-Z]*(?:[0-9][A-Z]*){6})[A-Z0-9]{8,40}(?![A-Za-z0-9.,])")
_KEYED = re.compile(
    rb"((?:serial|imei|iccid|ssid|passw|owner|vin|uuid)[a-z_]*[\"' ]*[:=][\"' ]*)([!-+\--:<-~]+)",
    re.IGNORECASE,
)
_TEXTUAL = frozenset((b"text", b"tx3g", b"gpmd", b"camm", b"mett", b"data"))
_NOT_DATA = frozenset((b"vide", b"soun", b"auxv", b"pict", b"hint"))


class Part(NamedTuple):
    """One file of the bundle; `placed`: it may tell where the car was."""

    name: str
    data: bytes
    placed: bool = False


def specimen(
    path: Path, container: Container, *, positions: bool = True
) -> tuple[dict[str, Any], list[Part]]:
    """The outline of a clip (what lies where, no content) and the parts that may be shown.

    Without `positions` no part that could hold one is given. Raises OSError only.
    """
    with path.open("rb") as file:
        if container.kind == "mp4":
            found = list(_tree(file, container.size_bytes))
            outline: dict[str, Any] = {"boxes": [_row(depth, box) for depth, box in found]}
            parts = _mp4(file, container, [box for _, box in found])
        elif container.kind == "mpegts":
            outline, units = packet_report(file, container.size_bytes)
            parts = (Part(f"stream/{name}.bin", data, placed=True) for name, data in units)
        else:
            outline = {"head": file.read(64).hex()}
            parts = iter(())
        chosen = (part for part in parts if positions or not part.placed)
        return outline, list(_bounded(part._replace(data=_clean(part)) for part in chosen))


def _bounded(parts: Iterable[Part]) -> Iterator[Part]:
    left = ALL
    for part in parts:
        left -= len(part.data)
        if left >= 0 and part.data:
            yield part


def _clean(part: Part) -> bytes:
    """Without pictures; serial numbers and the like are crossed out, but for the text of GPS sentences."""
    data = _PICTURE.sub(lambda match: bytes(len(match[0])), part.data)
    if part.name.startswith("boxes/"):
        data = _ADDRESS.sub(lambda match: b"x" * len(match[0]), data)
        data = _KEYED.sub(lambda match: match[1] + b"x" * len(match[2]), data)
        data = _NUMBER.sub(lambda match: b"x" * len(match[0]), data)
    return data


def _tree(file: BinaryIO, size: int) -> Iterator[tuple[int, Box]]:
    """(depth, box) of every box, those inside others after them."""

    def walk(found: Iterable[Box], depth: int) -> Iterator[tuple[int, Box]]:
        for box in found:
            yield depth, box
            if depth < _DEPTH and (box.kind in _HOLD_BOXES or _holds(file, box, size)):
                yield from walk(list(inside(file, box)), depth + 1)

    return islice(walk(list(boxes(file, 0, size)), 0), _ENTRIES)


def _holds(file: BinaryIO, box: Box, size: int) -> bool:
    """Whether a box of free space begins with boxes that fill it."""
    if box.kind not in _MAY_HOLD_BOXES or box.end > size:
        return False
    first = next(boxes(file, box.offset, box.end, most=1), None)
    return first is not None and first.end <= box.end and first.kind.strip().isalnum()


def _row(depth: int, box: Box) -> dict[str, Any]:
    kind = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in box.kind)
    return {"kind": kind, "depth": depth, "offset": box.start, "size": box.end - box.start}


def _mp4(file: BinaryIO, container: Container, found: list[Box]) -> Iterator[Part]:
    yield from _blocks(file, container)
    yield from _samples(file)
    fitting = [box for box in found if box.end <= container.size_bytes]  # a trailer may look like a box
    for number, box in enumerate(fitting):
        if box.kind in _MEDIA and not container.has_index:
            break  # behind media that was never finished anything may look like a box
        if box.kind in _MEDIA or box.kind in _HOLD_BOXES or _holds(file, box, container.size_bytes):
            continue
        kind = re.sub(r"[^A-Za-z0-9]", "_", box.kind.decode("latin-1"))
        name = f"boxes/{number:04d}-{kind}.bin"
        yield Part(name, _content(file, box), placed=box.kind not in _PLAIN and box.kind != b"stsd")
    if container.state == "whole":
        file.seek(max((box.end for box in fitting), default=0))
        yield Part("trailer.bin", file.read(_TRAILER), placed=True)
    yield Part("nmea.txt", b"\n".join(_sentences(file, container)), placed=True)


def _content(file: BinaryIO, box: Box) -> bytes:
    if box.kind in _PICTURES or box.kind in _SERIALS:
        return b""
    if box.kind == b"stsd":
        # Behind the fixed fields of an entry for pictures lie the decoder's own parameters.
        data = payload(file, box, 4096)
        return data if data[12:16] in _TEXTUAL else data[:94]
    if box.kind in (b"free", b"skip", b"wide"):
        return payload(file, box, BLOCK)
    return payload(file, box, BOX)


def _blocks(file: BinaryIO, container: Container) -> Iterator[Part]:
    """The first GPS blocks of Novatek's kind, by the table where there is one."""
    if container.gps_table is not None:
        file.seek(container.gps_table.offset)
        table = file.read(min(container.gps_table.size, 8 + 8 * _BLOCKS))
        places = [struct.unpack_from(">II", table, i) for i in range(8, len(table) - 7, 8)]
    else:
        places = [(offset, BLOCK) for offset in islice(_scattered(file, container), _BLOCKS)]
    for number, (offset, size) in enumerate(places):
        file.seek(offset)
        block = file.read(min(size, BLOCK))
        if block[4:12] == _MAGIC:
            block = block[: max(12, int.from_bytes(block[:4], "big"))]
            yield Part(f"gps/block-{number:02d}.bin", block, placed=True)


def _scattered(file: BinaryIO, container: Container) -> Iterator[int]:
    for at, data in _looked_through(file, container):
        found = data.find(_MAGIC, 4)
        while found >= 0:
            yield at + found - 4
            found = data.find(_MAGIC, found + 1)


def _looked_through(file: BinaryIO, container: Container) -> Iterator[tuple[int, bytes]]:
    """The beginning of picture and sound, in pieces that overlap a little."""
    left = _SEARCH
    for span in container.media:
        at, end = max(0, span.offset - 8), span.offset + span.size
        while at < end and left > 0:
            at = max(at, written_from(file, at, end) - 200)
            file.seek(at)
            yield at, file.read(min((1 << 20) + 200, end - at))
            at += 1 << 20
            left -= 1 << 20


def _sentences(file: BinaryIO, container: Container) -> list[bytes]:
    """GPS sentences as text, wherever they lie; nothing around them."""
    found = (match[0] for _, data in _looked_through(file, container) for match in _LINE.finditer(data))
    return list(islice(found, _LINES))


def _samples(file: BinaryIO) -> Iterator[Part]:
    """The first samples of every track that is neither picture nor sound."""
    purse = Purse(8 << 20)
    for track in tracks(file):
        if track.handler in _NOT_DATA:
            continue
        for number, sample in enumerate(islice(samples(file, track, purse), _SAMPLES)):
            yield Part(f"track-{track.number}/sample-{number:02d}.bin", sample.data[:SAMPLE], placed=True)
