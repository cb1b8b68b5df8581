"""Cameras on SigmaStar chips (Neoline, iBox, Rove): small constant records once a second in an `ssmd` track.

Layouts by reverse engineering (dashcamigo's format notes) and as ExifTool reads Rove's. Little endian.
Other `ssmd` tracks hold pictures, accelerations or LigoGPS; they are told by their size.
"""

from __future__ import annotations

import struct
from datetime import datetime, timedelta

from stages.footage.fix import Fix, degrees, moment
from stages.footage.gps.layout import Clip, Layout
from stages.footage.gps.log import GpsLog
from stages.footage.gps.samples import Track
from stages.footage.names import read_name

_KNOT = 1.852
_NONE = 4294967295.0  # what stands in both coordinates without a fix
_FIXED = 0x0100
_DAY = 86_400
_SLIP = 5.0  # seconds that the receiver's clock may jump against the video
_SCRAMBLED = "its GPS positions are scrambled by the camera (iZEEKER); they are left out"


def _fits(track: Track) -> bool:
    return track.format == b"ssmd"


def neoline(data: bytes) -> list[Fix] | None:
    """40 bytes: latitude, longitude (f64, degrees), altitude, speed km/h, flags, day and time, course/2."""
    return _record(data, 40, minutes=False)


def ibox(data: bytes) -> list[Fix] | None:
    """32 bytes of the same with DDMM.MMMM."""
    return _record(data, 32, minutes=True)


def _record(data: bytes, size: int, *, minutes: bool) -> list[Fix] | None:
    if len(data) != size:
        return None
    lat, lon, speed, flags = struct.unpack_from("<dd4xHH", data)
    day, hour, minute, second, course = struct.unpack_from("<5B", data, 24)
    if flags & 0xFF != 0x7E or not (1 <= day <= 31 and hour < 24 and minute < 60 and second < 61):
        return None
    if not flags & _FIXED or _NONE in (lat, lon):
        return [Fix()]  # the clock is then the camera's own, and of another zone
    # Year and month are nowhere; the first January has every day.
    when = datetime(1, 1, day, hour, minute, min(second, 59))  # noqa: DTZ001
    fix = Fix(
        time=when,
        lat=degrees(lat) if minutes else lat,
        lon=degrees(lon) if minutes else lon,
        speed_kmh=float(speed) if speed < 1000 else None,
        course=course * 2.0 if course < 180 else None,
    )
    return [fix if fix.valid else Fix(time=when)]


def rove(data: bytes) -> list[Fix] | None:
    """Rove R2-4K, 32 bytes: latitude, longitude (f64, DDMM.MMMM), speed in knots, date and time."""
    if len(data) != 32:
        return None
    lat, lon, speed = struct.unpack_from("<dd4xH", data)
    year, month, day, hour, minute, second = data[22:28]
    if lat == _NONE:
        return [Fix()]
    if not (year < 100 and 1 <= month <= 12 and 1 <= day <= 31 and hour < 24 and minute < 60):
        return None
    when = moment(year, month, day, hour, minute, second)
    fix = Fix(
        time=when, lat=degrees(lat), lon=degrees(lon), speed_kmh=speed * _KNOT if speed < 1000 else None
    )
    return [fix if fix.valid else Fix(time=when)]


def izeeker(data: bytes) -> list[Fix] | None:
    """56 bytes that end in KTRX and the time: coordinates by a secret table."""
    return [Fix()] if len(data) == 56 and data[48:52] == b"KTRX" else None


def _dated(name: str, fixes: list[Fix], clip: Clip) -> GpsLog:
    """Days become dates next to the one in the clip's name; the course holds where it is not told."""
    near = read_name(clip.path.name).recorded_local or clip.container.created
    # A clip lasts minutes and a zone lies at most 14 hours off: the day is the name's or one beside it.
    days = [near.date() + timedelta(days=off) for off in (0, -1, 1)] if near else []
    done: list[Fix] = []
    course = None
    for fix in fixes:
        course = fix.course or course
        date = next((each for each in days if fix.time and each.day == fix.time.day), None)
        time = datetime.combine(date, fix.time.time()) if date and fix.time else None
        done.append(fix._replace(time=time, course=course if fix.valid else None))
    if any(fix.time for fix in done):
        # Where the name's date fits at all, a fix of another day is of a clock that is not set yet.
        done = [fix if fix.time else Fix(seconds=fix.seconds) for fix in done]
    return GpsLog(name, _settled(fixes, done))


def _settled(raw: list[Fix], done: list[Fix]) -> list[Fix]:
    """Without what came before the receiver's clock was set: such positions were tens of kilometres off."""
    last: Fix | None = None
    begin = 0
    for index, fix in enumerate(raw):
        if fix.time is None:
            continue
        if last is not None and last.time is not None:
            passed = (fix.time - last.time).total_seconds() - ((fix.seconds or 0) - (last.seconds or 0))
            if abs((passed + _DAY / 2) % _DAY - _DAY / 2) > _SLIP:
                begin = index
        last = fix
    if begin * 2 > len(raw):
        begin = 0  # a jump near the end says less about all that went before
    return [Fix(seconds=fix.seconds) if index < begin else fix for index, fix in enumerate(done)]


def _refused(name: str, fixes: list[Fix], clip: Clip) -> GpsLog:  # noqa: ARG001
    return GpsLog(name, refused=_SCRAMBLED)


LAYOUTS = (
    Layout("SigmaStar", _fits, neoline, _dated),
    Layout("SigmaStar (minutes)", _fits, ibox, _dated),
    Layout("Rove", _fits, rove),
    Layout("iZEEKER", _fits, izeeker, _refused),
)
