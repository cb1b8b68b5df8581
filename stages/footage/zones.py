"""Time zones: the one that an owner set, the legal one of a place on earth, or this host's."""

from __future__ import annotations

import importlib
import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from stages.errors import SettingsError

_FIXED = re.compile(r"([+-])(\d{2}):([0-5]\d)", re.ASCII)
_WIDEST = 15 * 3600  # no clock on earth is further from UTC


class Zone(NamedTuple):
    """A zone and who says so: `time_zone` (the owner), `place_zone` (the law there) or `host_zone`."""

    zone: tzinfo | None
    source: str

    def offset_at(self, local: datetime) -> int:
        """Seconds east of UTC when a clock of that zone shows `local` (naive)."""
        aware = local.replace(tzinfo=self.zone) if self.zone else local.astimezone()
        return _seconds(aware.utcoffset())

    def offset_at_utc(self, utc: datetime) -> int:
        """Seconds east of UTC at a moment (naive UTC)."""
        return _seconds(utc.replace(tzinfo=UTC).astimezone(self.zone).utcoffset())


HOST = Zone(None, "host_zone")


def named_zone(name: str, setting: str = "stage.ingest.time_zone") -> Zone | None:
    """The zone of an IANA name or of a fixed offset such as `+01:00`; None for "".

    Raises SettingsError, naming `setting`, for a zone that is not known here.
    """
    if not name:
        return None
    if fixed := _FIXED.fullmatch(name):
        seconds = (int(fixed[2]) * 60 + int(fixed[3])) * (-60 if fixed[1] == "-" else 60)
        if abs(seconds) <= _WIDEST:
            return Zone(timezone(timedelta(seconds=seconds)), "time_zone")
    try:
        return Zone(ZoneInfo(name), "time_zone")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise SettingsError(
            f"{setting}: {name[:80]!r} is no time zone known here; "
            "use a name such as Europe/Madrid, or an offset such as +01:00"
        ) from None


def fixed_name(seconds: int) -> str:
    """An offset as `named_zone` reads it."""
    hours, rest = divmod(abs(seconds) // 60, 60)
    return f"{'-' if seconds < 0 else '+'}{hours:02d}:{rest:02d}"


def place_zone(lat: float, lon: float) -> Zone | None:
    """The legal zone of a place (degrees); None at sea, or where tzfpy is not installed."""
    finder = _finder()
    name = finder.get_tz(lon, lat) if finder else ""
    if not name or name.startswith("Etc/"):
        return None
    try:
        return Zone(ZoneInfo(name), "place_zone")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None  # this host's table of zones is older than that zone


@cache
def _finder() -> Any:
    try:
        return importlib.import_module("tzfpy")
    except ImportError:
        return None


def _seconds(offset: timedelta | None) -> int:
    return int(offset.total_seconds()) if offset else 0
