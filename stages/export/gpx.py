"""A route as GPX 1.1: times in UTC, speed and course as Garmin's track point extension has them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from xml.sax.saxutils import escape, quoteattr

from stages.sighting import RoutePoint

_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<gpx version="1.1" creator={creator} xmlns="http://www.topografix.com/GPX/1/1"\n'
    ' xmlns:gpxtpx="http://www.garmin.com/xmlschemas/TrackPointExtension/v2">\n'
)


class Leg(NamedTuple):
    """One clip's route from `begin` to `end` seconds (None: its end); `start_utc` (aware) is second 0."""

    name: str
    points: Sequence[RoutePoint]
    start_utc: datetime | None = None
    begin: float = 0.0
    end: float | None = None


def write_gpx(legs: Sequence[Leg], name: str, creator: str = "dashcam-processor") -> str:
    """A track with one segment for each leg that has points; times only where UTC is known."""
    segments = [body for leg in legs if (body := _segment(leg))]
    names = ", ".join(leg.name for leg in legs)
    return (
        f"{_HEAD.format(creator=quoteattr(clean(creator)))}"
        f" <metadata><name>{_text(name)}</name></metadata>\n"
        f" <trk><name>{_text(name)}</name><cmt>{_text(names)}</cmt>\n{''.join(segments)} </trk>\n</gpx>\n"
    )


def points_of(leg: Leg) -> list[RoutePoint]:
    """The points of the leg that lie between its ends."""
    return [p for p in leg.points if leg.begin <= p.seconds and (leg.end is None or p.seconds <= leg.end)]


def _segment(leg: Leg) -> str:
    body = "".join(_point(point, leg.start_utc) for point in points_of(leg))
    return f"  <trkseg>\n{body}  </trkseg>\n" if body else ""


def _point(point: RoutePoint, start: datetime | None) -> str:
    inner = "" if point.altitude is None else f"<ele>{point.altitude:.2f}</ele>"
    if when := utc_of(point, start):
        inner += f"<time>{escape(when)}</time>"
    more = "" if point.speed_kmh is None else f"<gpxtpx:speed>{point.speed_kmh / 3.6:.3f}</gpxtpx:speed>"
    more += "" if point.course is None else f"<gpxtpx:course>{point.course % 360:.2f}</gpxtpx:course>"
    if more:
        more = f"<gpxtpx:TrackPointExtension>{more}</gpxtpx:TrackPointExtension>"
        inner += f"<extensions>{more}</extensions>"
    return f'   <trkpt lat="{point.lat:.7f}" lon="{point.lon:.7f}">{inner}</trkpt>\n'


def utc_of(point: RoutePoint, start: datetime | None) -> str | None:
    """A point's time in UTC (`...Z`): the receiver's own, else by where it lies in the clip."""
    try:
        if point.time is not None:
            own = datetime.fromisoformat(point.time)
            return _stamp(own.astimezone(UTC) if own.tzinfo else own.replace(tzinfo=UTC))
        return None if start is None else _stamp(start.astimezone(UTC) + timedelta(seconds=point.seconds))
    except (ValueError, OverflowError):
        return None


def _stamp(when: datetime) -> str:
    text = when.replace(tzinfo=None).isoformat(timespec="milliseconds" if when.microsecond else "seconds")
    return f"{text}Z"


def clean(text: str) -> str:
    """Text that may stand in XML 1.0: no control characters, no halves of characters."""
    return "".join(c if _allowed(ord(c)) else "\ufffd" for c in text)


def _allowed(code: int) -> bool:
    return code in (9, 10, 13) or 0x20 <= code <= 0xD7FF or 0xE000 <= code <= 0xFFFD or code >= 0x10000


def _text(text: str) -> str:
    return escape(clean(text))
