"""LigoGPS records in a track of their own: CarCam's (`ssmd`) can be read, others' only as plain text."""

from __future__ import annotations

from stages.footage.fix import Fix
from stages.footage.gps import ligo
from stages.footage.gps.layout import Clip, Layout
from stages.footage.gps.log import GpsLog
from stages.footage.gps.samples import Track
from stages.footage.gps.texts import line

_NEAR = 256  # bytes of a sample in which the magic begins


def carcam(data: bytes) -> list[Fix] | None:
    """A woven record whose coordinates stand as they are, knots."""
    record = _record(data)
    fix = ligo.woven_fix(record) if record.startswith(b"####") else None
    return None if fix is None else [fix]


def plain(data: bytes) -> list[Fix] | None:
    """A record as text, km/h (RedTiger F9)."""
    record = _record(data)
    fix = None if record.startswith(b"####") else line(record.decode("latin-1"))
    return None if fix is None else [fix]


def scrambled(data: bytes) -> list[Fix] | None:
    """A woven record of any other camera: its coordinates are scrambled too."""
    return [] if _record(data).startswith(b"####") else None


def _record(data: bytes) -> bytes:
    at = data.find(ligo.MAGIC, 0, _NEAR)
    return data[at + ligo.HEADER : at + ligo.HEADER + 8 + ligo.RECORD] if at >= 0 else b""


def _is_carcam(track: Track) -> bool:
    return track.format == b"ssmd"


def _is_data(track: Track) -> bool:
    return track.handler in (b"meta", b"text", b"data")


def _refuse(name: str, fixes: list[Fix], clip: Clip) -> GpsLog:  # noqa: ARG001
    return GpsLog(name, refused=ligo.SCRAMBLED)


LAYOUTS = (
    Layout("LigoGPS", _is_carcam, carcam),
    Layout("LigoGPS text", _is_data, plain),
    Layout("LigoGPS", _is_data, scrambled, _refuse),
)
