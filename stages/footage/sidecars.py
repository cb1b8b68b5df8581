"""Files that belong to a clip: GPS logs by the same name, its card's own logs, tracks of the same time."""

from __future__ import annotations

import re
import stat
from datetime import datetime, timedelta
from pathlib import Path

from stages.errors import BadInput
from stages.footage.gps import cardlogs, ddpai, mai, nmea
from stages.footage.gps.escort import escort_log
from stages.footage.gps.gpx import parse_gpx, read_gpx
from stages.footage.gps.log import GpsLog
from stages.footage.gps.srt import srt_log
from stages.footage.gps.tesla import event_log
from stages.footage.listings import is_file, matching, same_stem

#: GPS logs that are read, best first.
GPS_SUFFIXES = (".gps", ".nmea", ".gpx", ".map", ".srt", ".txt")
#: What goes with a clip when it is copied.
COMPANION_SUFFIXES = frozenset({*GPS_SUFFIXES, ".3gf"})

_BYTES = 16 << 20
_TRACKS = 20
#: A BlackVue log serves all channels: its name ends after the mode letter.
_CHANNEL_END = re.compile(r"(20\d{6}_\d{6}_[A-Z])[FRIO][LS]?", re.IGNORECASE | re.ASCII)
_TRACK = re.compile(r".*\.gpx", re.IGNORECASE)
#: DDPai's logs may end in a letter, and one serves front and rear.
_DDPAI_END = re.compile(r"(20\d{12}_\d{1,7})(?:_A)?", re.IGNORECASE | re.ASCII)


def companions(clip: Path) -> list[Path]:
    """Files of the same stem (letter case aside) that belong to a clip, GPS logs first."""
    found = [
        clip.parent / name
        for stem in _stems(clip.stem)
        for name in same_stem(clip.parent, stem)
        if Path(name).suffix.lower() in COMPANION_SUFFIXES and is_file(clip.parent / name)
    ]
    return sorted(found, key=lambda path: (_rank(path), path.name))


def read_log(clip: Path) -> tuple[GpsLog | None, list[str]]:
    """The best GPS log of a clip outside it, and a sentence for each that cannot be read.

    Beside the clip first, then what its card keeps for all its clips. One with a position outranks one that
    never saw the sky.
    """
    complaints: list[str] = []
    void: GpsLog | None = None
    for path in companions(clip):
        if path.suffix.lower() not in GPS_SUFFIXES:
            continue
        try:
            log = _read(path, clip)
        except (BadInput, OSError) as error:
            complaints.append(f"{path.name} was left out: {error}")
            continue
        if log.placed:
            return log, complaints
        void = void or (log if log.fixes else None)
    for look in (cardlogs.mai_log, ddpai.ddpai_log, event_log):
        found = look(clip)
        if found and found.placed:
            return found, complaints
        void = void or (found if found and found.fixes else None)
    return void, complaints


def extract(clip: Path) -> tuple[str, bytes] | None:
    """A log of its own for a clip whose card keeps one for all: its name and what it holds.

    Laid beside a copy of the clip it says the same. None where the card has no such log, or not this clip.
    """
    if text := cardlogs.card_text(clip):
        return f"{clip.stem}.txt", text.encode("latin-1")
    if text := ddpai.card_text(clip):
        return f"{clip.stem}.gpx", text.encode("latin-1")
    return None


def track_of_time(clip: Path, start_utc: datetime, seconds: float) -> GpsLog | None:
    """A GPX file in the clip's folder with points between `start_utc` (naive UTC) and its end.

    The fixes that come back lie in that time, a little before and after included, with `seconds` set.
    """
    margin = timedelta(seconds=5)
    first, last = start_utc - margin, start_utc + timedelta(seconds=seconds) + margin
    tracks = matching(clip.parent, _TRACK)[:_TRACKS]
    for path in (clip.parent / name for name in tracks):
        try:
            fixes = read_gpx(path) if is_file(path) and path.stat().st_size <= _BYTES else []
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


def _stems(stem: str) -> set[str]:
    """What the stem of a clip's companion may be, lower case."""
    stems = {stem.lower()}
    if match := _CHANNEL_END.fullmatch(stem):
        stems.add(match[1].lower())
    if match := _DDPAI_END.fullmatch(stem):
        stems |= {f"{match[1]}{end}" for end in ("", "_d", "_t")}
    return stems


def _read(path: Path, clip: Path) -> GpsLog:
    state = path.lstat()
    if not stat.S_ISREG(state.st_mode):
        raise BadInput("it is no file")
    if state.st_size > _BYTES:
        raise BadInput(f"it is larger than {_BYTES >> 20} MiB")
    data = path.read_bytes()
    if data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<":
        return GpsLog("GPX beside the clip", parse_gpx(data, path.name))
    text = data.decode("latin-1").removeprefix("\xef\xbb\xbf")
    match path.suffix.lower():
        case ".map":
            return escort_log(text)
        case ".srt":
            return srt_log(text)
        case ".txt":
            return mai.card_log(text, clip.name) if text.startswith("$V02") else GpsLog("")
    # DDPai calls its NMEA logs .gpx.
    if path.suffix.lower() == ".gpx" or ddpai.marked(text):
        return ddpai.parse(text, clip.name)
    return GpsLog("NMEA beside the clip", nmea.fixes(text))


def _rank(path: Path) -> int:
    suffix = path.suffix.lower()
    return GPS_SUFFIXES.index(suffix) if suffix in GPS_SUFFIXES else len(GPS_SUFFIXES)
