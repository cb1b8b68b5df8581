"""DDPai: NMEA logs, one for each clip, alone or packed by the dozen into a tar that ends in `.git`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO, NamedTuple

from stages.footage.fix import Fix, moment
from stages.footage.gps import nmea
from stages.footage.gps.log import GpsLog
from stages.footage.listings import Stamp, below, is_file, names, rested, stamp

#: A clip's log is some 10 kB.
MAX_MEMBER = 4 << 20
MAX_MEMBERS = 4096

_DIALECT = "DDPai log"
_ARCHIVES = 2000
_FOLDERS = (
    ("203gps",),
    ("203gps", "tmp"),
    ("203gps", "tar"),
    ("203gps", "tar", "tmp"),
    ("103gps",),
    ("103gps", "tar"),
)
_UP = 4
_NAME = re.compile(r"(20\d{12})_(\d{1,7})(?:_[DT])?\.(?:gpx|git)", re.ASCII | re.IGNORECASE)
_CLIP = re.compile(r"(?:[SQG]_)?(20\d{12})_(\d{1,7})(?=[_.]|$)", re.ASCII | re.IGNORECASE)
_NEAR = timedelta(seconds=2)  # by which the rear clip may begin before or after the front one
_HEADER = re.compile(r"\$GPSCAMTIME (\d{14})", re.ASCII)
#: Files are made in advance and keep what another recording left behind: the sensor's part, the end mark,
#: zeros, or a line that begins in the middle show where this one's ends.
_END = re.compile(r"\$(?:GSENSORSTARTTIME|GPSENDTIME)\b|\0|\n(?![$\r\n])")
_ZONES = timedelta(hours=14)
_BLOCK = 512


class Member(NamedTuple):
    """One clip's log: the start that its name tells (camera's clock), and where its bytes lie."""

    begun: datetime
    path: Path
    offset: int
    size: int


def ddpai_log(clip: Path) -> GpsLog | None:
    """The log of a clip of a DDPai card, found from where the clip lies; None when there is none."""
    text = card_text(clip)
    return parse(text, clip.name) if text else None


def card_text(clip: Path) -> str:
    """The log that belongs to a clip, exact names first; empty when there is none."""
    begun, _ = _named(clip.name)
    if begun is None:
        return ""
    near = [member for member in _members(clip) if abs(member.begun - begun) <= _NEAR]
    texts = map(_text, sorted(near, key=lambda member: abs(member.begun - begun)))
    return next((text for text in texts if parse(text, clip.name).fixes), "")


def marked(text: str) -> bool:
    """Whether a log of sentences is one of DDPai's."""
    return "$GPSCAMTIME" in text[:4096] or "$GSENSORSTARTTIME" in text


def parse(text: str, clip: str = "") -> GpsLog:
    """The fixes of one clip's log, with `seconds`; none when the log is that of another clip.

    `clip` is the clip's name, which tells its start by the camera's clock. NMEA's own time is UTC.
    """
    begun, length = _named(clip)
    text = text.lstrip("\ufeff \t\r\n")
    end = _END.search(text)
    text = text[: end.start()] if end else text
    header = _HEADER.match(text)
    stated = _stamp(header[1]) if header else None
    begun = begun or stated
    ahead = (stated - begun).total_seconds() if stated and begun else 0.0
    if not -_NEAR.total_seconds() <= ahead <= max(length, _NEAR.total_seconds()):
        return GpsLog(_DIALECT)
    fixes = list(_current(nmea.fixes(text), begun, length))
    return GpsLog(_DIALECT, _spaced(fixes, ahead))


def archive_log(path: Path) -> GpsLog:
    """The fixes of all clips of an archive (`.git`), in order, without `seconds`; none when it is none."""
    fixes = [fix for member in _of_file(path) for fix in parse(_text(member)).fixes]
    return GpsLog(_DIALECT, [fix._replace(seconds=None) for fix in fixes])


def _named(name: str) -> tuple[datetime | None, int]:
    """Start and length (seconds) that a clip's name tells."""
    match = _CLIP.match(name)
    return (_stamp(match[1]), int(match[2])) if match else (None, 0)


def _current(fixes: list[Fix], begun: datetime | None, length: int) -> Iterator[Fix]:
    """Fixes of this recording: of its day, and not older than those before them."""
    last: datetime | None = None
    for fix in fixes:
        far = _ZONES + timedelta(seconds=length)
        if begun and fix.time and abs(fix.time - begun) > far:
            continue
        if fix.valid and fix.time:
            if last and fix.time < last:
                return
            last = fix.time
        yield fix


def _spaced(fixes: list[Fix], ahead: float) -> list[Fix]:
    """`seconds`, a line a second; a clock that jumps (to UTC, at the first fix) is followed no further."""
    found: list[Fix] = []
    seconds = ahead
    for fix in fixes:
        if found:
            last = found[-1].time
            step = (fix.time - last).total_seconds() if fix.time and last else 1.0
            seconds += step if 0 <= step <= 10 else 1.0
        found.append(fix._replace(seconds=seconds))
    return found


def _stamp(text: str) -> datetime | None:
    year, *rest = int(text[:4]), *(int(text[i : i + 2]) for i in range(4, 14, 2))
    return moment(year, *rest)


def _members(clip: Path) -> Iterator[Member]:
    for parent in clip.parents[1 : 1 + _UP]:
        for parts in _FOLDERS:
            folder = below(parent, *parts)
            try:
                state = stamp(folder) if folder else None
            except OSError:
                continue
            if state:
                yield from _index(state) if rested(state) else _index.__wrapped__(state)


@lru_cache(maxsize=12)
def _index(state: Stamp) -> tuple[Member, ...]:
    """Every log in a folder, those in archives too; names that a dead clock gave are left out."""
    folder, found = Path(state.path), list[Member]()
    for count, name in enumerate(names(folder)):
        if count >= _ARCHIVES * 8 or len(found) > MAX_MEMBERS * 16:
            break
        if name.lower().endswith((".git", ".gpx")) and is_file(folder / name):
            found += _of_file(folder / name)
    return tuple(found)


def _of_file(path: Path) -> list[Member]:
    try:
        with path.open("rb") as file:
            packed = list(_walk(file, path))
            size = file.seek(0, 2)
    except OSError:
        return []
    if packed or (member := _member(path.name, path, 0, size)) is None:
        return packed
    return [member]


def _walk(file: BinaryIO, path: Path) -> Iterator[Member]:
    """The members of a tar (POSIX 1003.1), by their headers alone; stops at the first that is none."""
    at = 0
    for _ in range(MAX_MEMBERS):
        file.seek(at)
        header = file.read(_BLOCK)
        size = _size(header)
        if size is None:
            return
        name = header[:100].split(b"\0")[0].decode("latin-1").replace("\\", "/").rpartition("/")[2]
        if header[156:157] in b"0\0" and (member := _member(name, path, at + _BLOCK, size)):
            yield member
        at += _BLOCK + -(-size // _BLOCK) * _BLOCK


def _size(header: bytes) -> int | None:
    """A member's bytes; None for what is no header, by its checksum."""
    if len(header) < _BLOCK or not any(header):
        return None
    summed = sum(header) - sum(header[148:156]) + 8 * 0x20
    stated, size = (_octal(header[a:b]) for a, b in ((148, 156), (124, 136)))
    return size if stated == summed else None


def _octal(text: bytes) -> int | None:
    digits = text.strip(b"\0 ")
    return int(digits, 8) if re.fullmatch(rb"[0-7]{1,11}", digits) else None


def _member(name: str, path: Path, offset: int, size: int) -> Member | None:
    match = _NAME.fullmatch(name)
    begun = _stamp(match[1]) if match else None
    if match is None or begun is None or not 0 < size <= MAX_MEMBER:
        return None
    return Member(begun, path, offset, size)


def _text(member: Member) -> str:
    try:
        with member.path.open("rb") as file:
            file.seek(member.offset)
            return file.read(member.size).decode("latin-1")
    except OSError:
        return ""
