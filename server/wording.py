"""How pages write times, lengths and sizes. Local times are the camera's clock, as `YYYY-MM-DDTHH:MM:SS`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from jinja2 import pass_context
from jinja2.runtime import Context

from server.queue import log_of, reason_of

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  # the camera's clock has no zone
_MILE, _FOOT = 1609.344, 0.3048
_STEPS = ((86_400 * 2, 86_400, "days"), (3600 * 2, 3600, "hours"), (120, 60, "minutes"))


def clock(seconds: float | None) -> str:
    """Seconds of a clip as m:ss, or h:mm:ss."""
    if seconds is None:
        return ""
    whole = max(0, int(seconds))
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def local(text: str | None) -> str:
    """A local time for people: "Mon 15 Jan 2024, 10:30:05"; "" when there is none."""
    found = _time(text)
    return (text or "") if found is None else f"{found:%a} {found.day} {found:%b %Y, %H:%M:%S}"


def day(text: str | None) -> str:
    """The day of a local time: "Mon 15 Jan 2024"."""
    found = _time(text)
    return (text or "") if found is None else f"{found:%a} {found.day} {found:%b %Y}"


def hour(text: str | None) -> str:
    """The time of day of a local time: "10:30"."""
    found = _time(text)
    return "" if found is None else f"{found:%H:%M}"


def camera(seconds: float | None) -> str:
    """Seconds since 1970 by a camera's own clock as a local time; "" beyond the calendar."""
    try:
        return "" if seconds is None else (_EPOCH + timedelta(seconds=seconds)).isoformat(timespec="seconds")
    except OverflowError:
        return ""


def month(text: str) -> str:
    """A month, given as 2024-01: "January 2024"."""
    found = _time(f"{text}-01")
    return text if found is None else f"{found:%B %Y}"


def span(seconds: float | None) -> str:
    """How long something took: "1 h 12 min", "43 s"."""
    if seconds is None:
        return ""
    minutes = round(seconds / 60)
    if minutes < 2:
        return f"{max(0, round(seconds))} s"
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"


def moment(micros: int | None) -> str:
    """Microseconds since 1970 as the machine-readable time of a `<time>` element, in UTC."""
    return "" if micros is None else datetime.fromtimestamp(micros / 1e6, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def ago(seconds: float | None) -> str:
    """How long ago something was: "40 seconds", "3 hours"."""
    if seconds is None:
        return "an unknown time"
    for least, step, word in _STEPS:
        if seconds >= least:
            return f"{int(seconds // step)} {word}"
    whole = max(0, int(seconds))
    return f"{whole} second{'' if whole == 1 else 's'}"


def size(count: float | None) -> str:
    """Bytes as people read them."""
    if count is None:
        return ""
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if count < 1000 or unit == "TB":
            break
        count /= 1000
    return f"{count:.0f} {unit}" if unit == "B" or count >= 100 else f"{count:.1f} {unit}"


def number(value: int | None) -> str:
    """A count with its thousands apart."""
    return "" if value is None else f"{value:,}"


def percent(share: float | None) -> str:
    """A confidence from 0 to 1 as "97 %"."""
    return "" if share is None else f"{share * 100:.0f} %"


def sentence(text: str) -> str:
    """An error's words as a sentence of a page: it begins large and ends."""
    whole = text[:1].upper() + text[1:]
    return whole if whole.endswith((".", "!", "?")) else f"{whole}."


def tallies(counts: list[tuple[str, int]]) -> str:
    """Named counts that are not nought: "2 failures, 1 crash"."""
    one = {"failures": "failure", "crashes": "crash", "lost": "lost"}
    return ", ".join(f"{n} {one.get(name, name) if n == 1 else name}" for name, n in counts if n)


def degrees(lat: float | None, lon: float | None) -> str:
    """A place on earth as "52.52010, 13.40500"."""
    return "" if lat is None or lon is None else f"{lat:.5f}, {lon:.5f}"


@pass_context
def distance(context: Context, metres: float | None) -> str:
    """Metres in the units that the browser chose (cookie `dashcam_units`)."""
    if metres is None:
        return ""
    if context.get("units") == "imperial":
        return f"{metres / _FOOT:,.0f} ft" if metres < _MILE / 10 else f"{metres / _MILE:,.1f} mi"
    return f"{metres:.0f} m" if metres < 1000 else f"{metres / 1000:,.1f} km"


def _time(text: str | None) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError:
        return None


#: Their names in templates.
FILTERS: dict[str, Callable[..., Any]] = {
    "clock": clock,
    "local": local,
    "day": day,
    "camera": camera,
    "month": month,
    "span": span,
    "hour": hour,
    "moment": moment,
    "ago": ago,
    "sentence": sentence,
    "size": size,
    "tallies": tallies,
    "reason": reason_of,
    "log": log_of,
    "splitlines": str.splitlines,
    "number": number,
    "percent": percent,
    "distance": distance,
}
