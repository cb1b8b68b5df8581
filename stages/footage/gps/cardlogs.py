"""70mai's `GPSData*.txt`: one log at the root of the card for all its clips, found from where a clip lies."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from stages.footage.gps.log import GpsLog
from stages.footage.gps.mai import LOG_MARK, card_log, core
from stages.footage.listings import Stamp, is_file, matching, rested, stamp

#: Bytes of one log that are read; three days take 2.5 MB.
MAX_LOG = 64 << 20

_LOGS = 64
_UP = 5
_NAME = re.compile(r"GPSData\d{0,9}\.txt", re.ASCII | re.IGNORECASE)
_CORE = re.compile(rb",(?:[A-Z]{2})?(20\d{6}-\d{6}(?:-\d{1,9})?)", re.ASCII)
_AROUND = 6 << 10  # bytes before and after a clip's lines, for the clips next to it


class _Lines(NamedTuple):
    """Where in a log the lines of a clip begin and end."""

    first: int
    last: int


def mai_log(clip: Path) -> GpsLog | None:
    """The fixes of a clip of a 70mai card; None when its card has no log, or the log does not know it."""
    text = card_text(clip)
    return card_log(text, clip.name) if text else None


def card_text(clip: Path) -> str:
    """The lines about a clip in its card's log, and some around them; empty when there are none."""
    wanted = core(clip.name)
    if not wanted:
        return ""
    for parent in clip.parents[:_UP]:
        for name in sorted(matching(parent, _NAME), reverse=True)[:_LOGS]:
            if is_file(parent / name) and (text := _part(parent / name, wanted)):
                return text
    return ""


def _part(log: Path, wanted: str) -> str:
    try:
        state = stamp(log)
        index = _index(state) if rested(state) else _index.__wrapped__(state)
        lines = index.get(wanted.encode())
        if lines is None:
            return ""
        start = max(0, lines.first - _AROUND)
        with log.open("rb") as file:
            file.seek(start)
            data = file.read(min(MAX_LOG, lines.last + _AROUND - start))
    except OSError:
        return ""
    whole = data.partition(b"\n")[2] if start else data.removeprefix(LOG_MARK)
    return (LOG_MARK + b"\n" + whole.lstrip()).decode("latin-1")


@lru_cache(maxsize=8)
def _index(state: Stamp) -> dict[bytes, _Lines]:
    """The clips of a log and where their lines lie; empty for a file that is no such log. Raises OSError."""
    with Path(state.path).open("rb") as file:
        data = file.read(MAX_LOG)
    found: dict[bytes, _Lines] = {}
    if data.startswith(LOG_MARK):
        for match in _CORE.finditer(data):
            known = found.get(match[1])
            found[match[1]] = _Lines(known.first if known else match.start(), match.end())
    return found
