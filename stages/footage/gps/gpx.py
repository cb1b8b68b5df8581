"""Track points of a GPX file. Entities and document types are refused, sizes are bounded."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from xml.parsers import expat

from stages.errors import BadInput
from stages.footage.fix import Fix

MAX_BYTES = 64 << 20
MAX_POINTS = 200_000
_DEPTH = 64
_TEXT = 64


def read_gpx(path: Path) -> list[Fix]:
    """Every track point in order, times as naive UTC, without `seconds`.

    Raises BadInput (too large, no XML, a document type inside) and OSError.
    """
    if path.stat().st_size > MAX_BYTES:
        raise BadInput(f"{path.name} is larger than {MAX_BYTES >> 20} MiB; it is not read as a GPX file")
    return parse_gpx(path.read_bytes(), path.name)


def parse_gpx(data: bytes, name: str = "the GPX file") -> list[Fix]:
    """As `read_gpx`, from bytes."""
    reader = _Reader(name)
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = reader.refuse
    parser.EntityDeclHandler = reader.refuse
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise BadInput(f"{name} is not readable as GPX: {error}") from error
    return reader.fixes


class _Reader:
    """Collects `trkpt` and `rtept` elements; everything else passes by."""

    def __init__(self, name: str) -> None:
        self.fixes: list[Fix] = []
        self._name = name
        self._depth = 0
        self._point: tuple[float, float] | None = None
        self._field = ""
        self._values: dict[str, str] = {}

    def refuse(self, *_: object) -> None:
        raise BadInput(f"{self._name} declares a document type or entities; such XML is refused")

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > _DEPTH:
            raise BadInput(f"{self._name} is nested too deeply to be a GPX file")
        local = tag.rpartition(":")[2]
        if local in ("trkpt", "rtept"):
            lat, lon = _number(attributes.get("lat")), _number(attributes.get("lon"))
            self._point = None if lat is None or lon is None else (lat, lon)
            self._values = {}
        self._field = local if local in ("time", "ele", "speed", "course") else ""

    def text(self, data: str) -> None:
        if self._field and self._point and len(self._values.get(self._field, "")) < _TEXT:
            self._values[self._field] = self._values.get(self._field, "") + data[:_TEXT]

    def end(self, tag: str) -> None:
        self._depth -= 1
        self._field = ""
        if tag.rpartition(":")[2] not in ("trkpt", "rtept") or self._point is None:
            return
        if len(self.fixes) >= MAX_POINTS:
            raise BadInput(f"{self._name} has more than {MAX_POINTS} points; it is not read")
        speed = _number(self._values.get("speed"))
        self.fixes.append(
            Fix(
                time=_time(self._values.get("time", "")),
                lat=self._point[0],
                lon=self._point[1],
                speed_kmh=speed * 3.6 if speed is not None and 0 <= speed < 300 else None,
                course=_number(self._values.get("course")),
                altitude=_number(self._values.get("ele")),
            )
        )
        self._point = None


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if abs(value) < 1e6 else None  # NaN compares false


def _time(text: str) -> datetime | None:
    try:
        when = datetime.fromisoformat(text.strip())
        when = when.astimezone(UTC).replace(tzinfo=None) if when.tzinfo else when
    except (ValueError, OverflowError):
        return None
    return when if 2010 <= when.year < 2100 else None
