"""One GPS fix as a source wrote it, before anything is believed."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple


class Fix(NamedTuple):
    """What one record says.

    `time` is naive, as written: UTC by most sources, the camera's local clock by some. `lat` and `lon`
    (degrees, WGS 84) are None when the receiver had no fix. `seconds` counts from the clip's start where
    the source itself ties the record to the video. Speed in km/h, course in degrees, altitude in metres.
    """

    time: datetime | None = None
    lat: float | None = None
    lon: float | None = None
    speed_kmh: float | None = None
    course: float | None = None
    altitude: float | None = None
    seconds: float | None = None

    @property
    def valid(self) -> bool:
        """Whether it has a position that can lie on earth; 0, 0 is what receivers write for "none"."""
        if self.lat is None or self.lon is None:
            return False
        return abs(self.lat) <= 90 and abs(self.lon) <= 180 and (self.lat, self.lon) != (0.0, 0.0)


def degrees(value: float) -> float:
    """Degrees and minutes as one number (DDMM.MMMM) in degrees; minutes of 60 and more give NaN."""
    whole, minutes = divmod(abs(value), 100)
    if not minutes < 60:
        return float("nan")
    return (whole + minutes / 60) * (-1 if value < 0 else 1)


def moment(year: int, month: int, day: int, hour: int, minute: int, second: int) -> datetime | None:
    """A naive time; None when it is no date, or before 2010 as a dead clock has it."""
    year += 2000 if year < 100 else 0
    try:
        return datetime(year, month, day, hour, minute, second) if year >= 2010 else None  # noqa: DTZ001
    except (ValueError, OverflowError):
        return None
