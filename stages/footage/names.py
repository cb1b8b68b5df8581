"""What a clip's name and folders say: maker, channel, mode, locked, when."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import PurePath
from typing import NamedTuple

import msgspec

from stages.footage.fix import moment
from stages.footage.name_patterns import (
    FOLDER_CHANNELS,
    FOLDER_MODES,
    GENERIC,
    LOCKED_FOLDERS,
    PATTERNS,
    SMALL,
    Pattern,
)

#: Suffixes of files that can be clips, lower case.
VIDEO_SUFFIXES = frozenset({".mp4", ".mov", ".m4v", ".ts", ".m2ts", ".mkv", ".avi", ".360"})

_FOLDERS_READ = 4
#: What a computer adds to the name of a copy, and our own addition where a name was taken.
_COPY = re.compile(r"(?: \(\d{1,3}\)| - Copy(?: \(\d{1,3}\))?|~\d{1,2}|-[0-9a-f]{8})$", re.IGNORECASE)
_UNKNOWN = "the name follows no maker's pattern known here"
_NO_DATE = "the name's date ({}) is none that a running clock shows; it was left out"
_UNSET = "the name's time is the first hour of a year: perhaps the camera's clock was not set"


class NameFacts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a name says. `recorded_local` is the camera's clock, naive; None when the name has no date.

    `channel` is front, rear, interior, telephoto, other or a Tesla position; None when not told.
    `mode` is normal, event, parking, timelapse, manual or sentry. `part` is the chapter of a recording that
    was cut (GoPro), `small` a low-quality twin of another clip. `warning` is a sentence when the name is not
    one that a known maker writes, or its date cannot be.
    """

    family: str | None = None
    channel: str | None = None
    mode: str = "normal"
    locked: bool = False
    sequence: int | None = None
    recorded_local: datetime | None = None
    part: int | None = None
    small: bool = False
    warning: str = ""


class _Folders(NamedTuple):
    """What the folders say; a folder nearer to the clip outranks one above it."""

    mode: str | None
    channel: str | None
    locked: bool


def read_name(path: str | PurePath) -> NameFacts:
    """What a clip's path says. Give the path below the card's or place's root: folders count.

    Only the last few folders are read. Never raises; what is not told is None.
    """
    path = PurePath(path)
    pattern, groups = _matched(path.stem[:255])
    folders = _folders(path, pattern.channels if pattern else {})
    if pattern is None:
        return _fallback(path.stem[:255], folders)
    facts = _facts(pattern, groups)
    return msgspec.structs.replace(
        facts,
        # A letter in the name outranks the folder; 70mai's NO only says how the clip was cut.
        mode=folders.mode if folders.mode and facts.mode == "normal" else facts.mode,
        locked=facts.locked or folders.locked,
        channel=facts.channel or folders.channel,
    )


def told_apart(facts: NameFacts, stem: str, *, novatek: bool) -> NameFacts:
    """DDPai and Novatek write the same 14 digits and a number: `novatek` says whether the clip's own bytes
    are Novatek's (its GPS blocks or table). The number then is a counter, no length.
    """
    number = re.match(r"\d{14}_(\d{2,4})(?!\d)", stem)
    if facts.family != "ddpai" or not novatek or number is None:
        return facts
    return msgspec.structs.replace(facts, family="novatek", sequence=int(number[1]))


def _matched(stem: str) -> tuple[Pattern | None, dict[str, str | None]]:
    for name in (stem, _COPY.sub("", stem)):
        for pattern in PATTERNS:
            if match := pattern.regex.fullmatch(name):
                return pattern, match.groupdict()
    return None, {}


def _facts(pattern: Pattern, groups: dict[str, str | None]) -> NameFacts:
    letter = (groups.get("ch") or groups.get("ch2") or "").upper()
    mode, sequence = (groups.get("mode") or "").upper(), groups.get("seq")
    stamp, part = groups.get("stamp") or "", groups.get("part") or ""
    date, time = groups.get("date") or stamp[:8], groups.get("time") or stamp[8:]
    when = _when(date, time)
    return NameFacts(
        family=pattern.family,
        channel=pattern.channels.get(letter),
        mode=pattern.modes.get(mode, pattern.modes.get("*", "normal") if mode else "normal"),
        locked=mode == "PRO",
        sequence=int(sequence) if sequence else None,
        recorded_local=when,
        part=int(part) if part.isdecimal() else None,
        small=(groups.get("quality") or "").upper() in SMALL,
        warning=_NO_DATE.format(f"{date} {time}") if date and not when else _doubt(when),
    )


def _fallback(stem: str, folders: _Folders) -> NameFacts:
    """A name that no pattern fits: any date in it, and what the folders say."""
    found = (moment(*(int(group) for group in match.groups())) for match in GENERIC.finditer(stem))
    when = next((each for each in found if each is not None), None)
    told = "; its date was taken from the digits in it" if when else ", and there is no date in it"
    by_folder = folders.locked or folders.mode or folders.channel
    return NameFacts(
        mode=folders.mode or "normal",
        locked=folders.locked,
        channel=folders.channel,
        recorded_local=when,
        warning=f"{_UNKNOWN}{told}{'; its folders told the rest' if by_folder else ''}",
    )


def _folders(path: PurePath, letters: Mapping[str, str]) -> _Folders:
    names = [part.upper() for part in reversed(path.parts[:-1][-_FOLDERS_READ:])]
    words = [word for name in names for word in _words(name)]
    channels = {**letters, **FOLDER_CHANNELS}
    return _Folders(
        mode=next((FOLDER_MODES[word] for word in words if word in FOLDER_MODES), None),
        channel=next((channels[word] for word in words if word in channels), None),
        locked=not LOCKED_FOLDERS.isdisjoint(words),
    )


def _words(folder: str) -> list[str]:
    """102SAVED is SAVED, NEXTBASE PROTECTED is PROTECTED, EVENT_F is EVENT and F, FRONT_EMER is both."""
    bare = re.sub(r"^\d{3}(?=\D)", "", folder)
    head, _, tail = bare.rpartition("_")
    ends = tail in ("NORM", "EMER", "PHOTO", "F", "R", "I")
    return [bare, head, tail] if head and ends else [bare, *(bare.split() if " " in bare else [])]


def _doubt(when: datetime | None) -> str:
    return _UNSET if when and (when.month, when.day, when.hour) == (1, 1, 0) else ""


def _when(date: str, time: str) -> datetime | None:
    """A date without century or a time without seconds is a maker's way to write it."""
    date, time = re.sub(r"[-_]", "", date), re.sub(r"[-_]", "", time)
    digits = ("20" if len(date) == 6 else "") + date + time + ("00" if len(time) == 4 else "")
    if len(digits) != 14 or not digits.isdecimal():
        return None
    year, *rest = int(digits[:4]), *(int(digits[i : i + 2]) for i in range(4, 14, 2))
    return moment(year, *rest)
