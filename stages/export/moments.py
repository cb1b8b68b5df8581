"""A moment of a recording, as people write it: so far from its start, or what the camera's clock showed."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, time, timedelta
from typing import NamedTuple

from stages.errors import BadInput

_SECONDS = re.compile(r"\d{1,9}(\.\d{1,9})?", re.ASCII)
_COLONS = re.compile(r"(?:(\d{1,3}):)?(\d{1,2}):(\d{2}(?:\.\d{1,9})?)", re.ASCII)
_DAY = 86_400.0
_HOW = (
    "write seconds (90), a time from its start (0:01:30), or the camera's clock "
    "(16:28:00, 2026-06-01T16:28:00)"
)


class Recording(NamedTuple):
    """What moments are counted in: its length in seconds and its start on the camera's clock (naive).

    `utc_offset_seconds` is that clock's zone. Unknown facts are None.
    """

    seconds: float | None = None
    start_local: datetime | None = None
    utc_offset_seconds: int | None = None


class Moment(NamedTuple):
    """Seconds from the recording's start; they may lie before it or after its end.

    `clock`: it was read as the camera's clock. `note`: how it was read, where two ways were possible.
    """

    seconds: float
    clock: bool = False
    note: str = ""


def read_moment(text: str, recording: Recording, name: str = "the time") -> Moment:
    """Read one moment. Raises BadInput, with what can be written."""
    text = text.strip()
    if _SECONDS.fullmatch(text):
        return Moment(float(text))
    if match := _COLONS.fullmatch(text):
        return _by_colons(text, *match.groups(), recording=recording, name=name)
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise BadInput(f"{name}: {text[:60]!r} is no time; {_HOW}") from None
    if not re.match(r"\d{4}-?\d{2}-?\d{2}[T ]\d", text):
        raise BadInput(f"{name}: {text[:60]!r} needs a time of day; {_HOW}")
    return Moment(_by_date(when, recording, name), clock=True)


def _by_colons(
    text: str, hours: str | None, minutes: str, seconds: str, *, recording: Recording, name: str
) -> Moment:
    """From the start when it lies in the recording, else a time of day."""
    if (int(minutes) > 59 and hours is not None) or float(seconds) >= 60:
        raise BadInput(f"{name}: {text[:60]!r} is no time; {_HOW}")
    counted = int(hours or 0) * 3600 + int(minutes) * 60 + float(seconds)
    clock = _time_of_day(hours, minutes, seconds)
    shown = None if clock is None else _nearest(clock, recording)
    if recording.seconds is None or counted <= recording.seconds or shown is None:
        inside = shown is not None and recording.seconds is not None and 0 <= shown <= recording.seconds
        note = f"{name} {text} is taken from the start; for the camera's clock write date and time"
        return Moment(counted, note=note if inside else "")
    return Moment(shown, clock=True)


def _time_of_day(hours: str | None, minutes: str, seconds: str) -> time | None:
    """`16:28` and `16:28:05.5` as a time of day."""
    whole, second = (minutes, seconds) if hours is None else (hours, seconds)
    hour, minute = int(whole), int(float(seconds)) if hours is None else int(minutes)
    if hour > 23 or minute > 59:
        return None
    rest = 0.0 if hours is None else float(second)
    return time(hour, minute, int(rest), int(rest % 1 * 1e6))


def _nearest(clock: time, recording: Recording) -> float | None:
    """The occurrence of a time of day that lies in the recording, else the one nearest to it."""
    start = recording.start_local
    if start is None:
        return None
    first = (datetime.combine(start.date(), clock) - start).total_seconds()
    length = recording.seconds or 0.0
    options = [first + day * _DAY for day in range(-1, 2 + math.ceil(length / _DAY))]
    return min(options, key=lambda seconds: (max(0.0, -seconds, seconds - length), seconds))


def _by_date(when: datetime, recording: Recording, name: str) -> float:
    start = recording.start_local
    if start is None:
        raise BadInput(f"{name}: it is not known when this was recorded; write seconds from its start")
    if when.tzinfo is None:
        return (when - start).total_seconds()
    if recording.utc_offset_seconds is None:
        raise BadInput(
            f"{name}: the recording's time zone is not known; write the camera's clock without one"
        )
    try:
        local = when.astimezone(UTC).replace(tzinfo=None) + timedelta(seconds=recording.utc_offset_seconds)
    except OverflowError:
        raise BadInput(f"{name}: {when} lies outside every calendar") from None
    return (local - start).total_seconds()


def read_range(
    begin: str | None, end: str | None, recording: Recording
) -> tuple[float, float | None, list[str]]:
    """`--from` and `--to` as seconds inside the recording (None = to its end), and what should be said.

    A clock time before the start means the start, one after the end the end. Raises BadInput when nothing
    lies between the two.
    """
    notes: list[str] = []
    first = Moment(0.0) if begin is None else read_moment(begin, recording, "--from")
    last = None if end is None else read_moment(end, recording, "--to")
    notes += [each.note for each in (first, last) if each is not None and each.note]
    length = recording.seconds
    long = "" if length is None else f"; the recording is {length:.1f} s long"
    starts = "" if recording.start_local is None else f" and starts at {recording.start_local}"
    if length is not None and first.seconds >= length:
        raise BadInput(f"--from {begin} lies after its end{long}{starts}")
    if last is not None and last.seconds <= 0:
        raise BadInput(f"--to {end} lies before its start{long}{starts}")
    if last is not None and last.seconds <= first.seconds:
        raise BadInput(f"--to {end} does not lie after --from {begin or 0}{long}{starts}")
    stop = None if last is None or (length is not None and last.seconds >= length) else last.seconds
    return max(0.0, first.seconds), stop, notes
