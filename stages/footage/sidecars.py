"""Files beside a clip that belong to it: GPS logs by the same name, and GPX tracks of the same time."""

from __future__ import annotations

import os
import re
from datetime import datetime, timedelta
from pathlib import Path

from stages.errors import BadInput
from stages.footage.gps import nmea
from stages.footage.gps.gpx import parse_gpx, read_gpx
from stages.footage.gps.log import GpsLog

#: GPS logs that are read, best first.
GPS_SUFFIXES = (".gps", ".nmea", ".gpx")
#: What goes with a clip when it is copied.
COMPANION_SUFFIXES = frozenset({*GPS_SUFFIXES, ".3gf", ".srt", ".map"})

_ENTRIES = 100_000
_BYTES = 16 << 20
_TRACKS = 20
#: A BlackVue log serves all channels: its name ends after the mode letter.
_CHANNEL_END = re.compile(r"(20\d{6}_\d{6}_[A-Z])[FRIO][LS]?", re.IGNORECASE | re.ASCII)


def companions(clip: Path) -> list[Path]:
    """Files of the same stem (letter case aside) that belong to a clip, GPS logs first."""
    stems = {clip.stem.lower()}
    if match := _CHANNEL_END.fullmatch(clip.stem):
        stems.add(match[1].lower())
    found = [
        Path(entry.path)
        for entry in _entries(clip.parent)
        if Path(entry.name).suffix.lower() in COMPANION_SUFFIXES
        and Path(entry.name).stem.lower() in stems
        and entry.is_file(follow_symlinks=False)
    ]
    return sorted(found, key=lambda path: (_rank(path), path.name))


def read_log(clip: Path) -> tuple[GpsLog | None, list[str]]:
    """The first GPS log beside a clip that says anything, and a sentence for each that cannot be read."""
    complaints = []
    for path in companions(clip):
        if path.suffix.lower() not in GPS_SUFFIXES:
            continue
        try:
            log = _read(path)
        except (BadInput, OSError) as error:
            complaints.append(f"{path.name} was left out: {error}")
            continue
        if log.fixes:
            return log, complaints
    return None, complaints


def track_of_time(clip: Path, start_utc: datetime, seconds: float) -> GpsLog | None:
    """A GPX file in the clip's folder with points between `start_utc` (naive UTC) and its end.

    The fixes that come back lie in that time, a little before and after included, with `seconds` set.
    """
    margin = timedelta(seconds=5)
    first, last = start_utc - margin, start_utc + timedelta(seconds=seconds) + margin
    paths = sorted(e.path for e in _entries(clip.parent) if e.name.lower().endswith(".gpx"))
    for path in map(Path, paths[:_TRACKS]):
        try:
            fixes = read_gpx(path) if path.stat().st_size <= _BYTES else []
        except (BadInput, OSError):
            continue  # a damaged track of another day is no news about this clip
        inside = [
            fix._replace(seconds=(fix.time - start_utc).total_seconds())
            for fix in fixes
            if fix.time and first <= fix.time <= last
        ]
        if inside:
            return GpsLog(f"GPX by time ({path.name[:80]})", inside)
    return None


def _read(path: Path) -> GpsLog:
    if path.stat().st_size > _BYTES:
        raise BadInput(f"it is larger than {_BYTES >> 20} MiB")
    data = path.read_bytes()
    # DDPai calls its NMEA logs .gpx.
    if data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<":
        return GpsLog("GPX beside the clip", parse_gpx(data, path.name))
    return GpsLog("NMEA beside the clip", nmea.fixes(data.decode("latin-1")))


def _rank(path: Path) -> int:
    suffix = path.suffix.lower()
    return GPS_SUFFIXES.index(suffix) if suffix in GPS_SUFFIXES else len(GPS_SUFFIXES)


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return [entry for entry, _ in zip(entries, range(_ENTRIES), strict=False)]
    except OSError:
        return []  # the clip can be read even where its folder cannot be listed
