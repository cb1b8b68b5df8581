"""What a clip's name and folders say: maker, channel, mode, locked, when. Patterns are data: add a row."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import PurePath
from typing import NamedTuple

import msgspec

from stages.footage.fix import moment

#: Suffixes of files that can be clips, lower case.
VIDEO_SUFFIXES = frozenset({".mp4", ".mov", ".m4v", ".ts", ".m2ts", ".mkv", ".avi", ".360"})


class NameFacts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a name says. `recorded_local` is the camera's clock, naive; None when the name has no date.

    `channel` is front, rear, interior, telephoto, other or a Tesla position; None when not told.
    `mode` is normal, event, parking, timelapse, manual or sentry.
    """

    family: str | None = None
    channel: str | None = None
    mode: str = "normal"
    locked: bool = False
    sequence: int | None = None
    recorded_local: datetime | None = None


_CHANNELS = {"F": "front", "R": "rear", "B": "rear", "I": "interior", "T": "telephoto", "O": "other"}
_LENSES = {"A": "front", "B": "interior", "C": "rear", "D": "other"}  # index letters; owners may rewire them
_TESLA = {"BACK": "rear", "CABIN": "interior"}

_MODES = {
    **dict.fromkeys(("E", "EV", "EVT", "EVENT", "G", "PRO", "SOS"), "event"),
    **dict.fromkeys(("P", "PA", "PAK", "PARK"), "parking"),
    **dict.fromkeys(("M", "MAN"), "manual"),
    **dict.fromkeys(("LA", "VL", "TL", "TIM", "MOT"), "timelapse"),
}
# I is an impact while parked; every other letter but N, P and M is something that happened on the way.
_BLACKVUE = {**dict.fromkeys("EOATBRXGDLYF", "event"), "P": "parking", "I": "parking", "M": "manual"}


class _Pattern(NamedTuple):
    """A maker's names. Groups: `date` and `time` (or `stamp`), `ch`, `mode`, `seq`; none is required."""

    family: str
    regex: re.Pattern[str]
    channels: dict[str, str] = _CHANNELS
    modes: dict[str, str] = _MODES


def _row(
    family: str, regex: str, channels: dict[str, str] = _CHANNELS, modes: dict[str, str] = _MODES
) -> _Pattern:
    return _Pattern(family, re.compile(regex, re.IGNORECASE | re.ASCII), channels, modes)


_DATE = r"(?P<date>20\d{6})"
_TIME = r"(?P<time>\d{6})"
_SPLIT = r"(?P<date>20\d\d_\d\d_\d\d)_(?P<time>\d{6})"
_NOVATEK = r"(?P<date>20\d\d_\d{4})_(?P<time>\d{6})"
_SEQ = r"(?P<seq>\d{1,9})"

#: Tried in this order against the whole stem; the first that fits wins.
PATTERNS: tuple[_Pattern, ...] = (
    _row(
        "tesla",
        r"(?P<date>20\d\d-\d\d-\d\d)_(?P<time>\d\d-\d\d-\d\d)-"
        r"(?P<ch>front|back|left_repeater|right_repeater|left_pillar|right_pillar|cabin)",
        _TESLA,
    ),
    _row("blackvue", rf"{_DATE}_{_TIME}_(?P<mode>[NEPMIOATBRXGDLYF])(?P<ch>[FRIO])[LS]?", modes=_BLACKVUE),
    _row(
        "thinkware",
        r"(?P<mode>REC|EVT|MOT|PAK|PARK|MAN|TIM|SOS)_(?P<date>20\d\d_?\d\d_?\d\d)_"
        r"(?P<time>\d\d_?\d\d_?\d\d)(?:_(?P<ch>[FRI]))?",
    ),
    _row("70mai", rf"(?P<mode>NO|EV|PA|LA|VL|TL){_DATE}-{_TIME}(?:-{_SEQ})?(?P<ch>[FBRI])?(?:-\d{{14}})?"),
    _row("70mai", rf"{_DATE}-{_TIME}-{_SEQ}(?P<ch>[FBRI])?(?:-\d{{14}})?"),
    _row(
        "nextbase",
        rf"(?P<date>\d{{6}})_{_TIME}_(?P<seq>\d{{3,9}})_(?P<ch>[FRBI])[HL](?:_(?P<mode>[A-Z]{{1,16}}))?",
    ),
    _row(
        "vantrue",
        rf"{_DATE}_{_TIME}_{_SEQ}_(?P<mode>[NEPT])_(?P<ch>[A-D])",
        _LENSES,
        {**_MODES, "T": "timelapse"},
    ),
    _row("vantrue", rf"{_SPLIT}_(?P<mode>[NEP])_(?P<ch>[A-D])", _LENSES),
    _row("wolfbox", rf"{_SPLIT}_(?P<mode>\d\d)_(?P<ch>[FIR])", modes={"02": "event"}),
    _row("viofo", rf"{_NOVATEK}_{_SEQ}?(?P<mode>[PE]?)(?P<ch>[FRTI])"),
    _row("novatek", rf"{_NOVATEK}_{_SEQ}(?P<mode>[PE]?)(?P<ch>[AB]?)", {"A": "front", "B": "rear"}),
    _row("ddpai", r"[SQ]_(?P<stamp>20\d{12})_\d{1,6}_\d{1,6}"),
    _row("ddpai", r"(?P<mode>G)_(?P<stamp>20\d{12})_\d{1,6}_[LX]"),
    _row("ddpai", r"(?P<stamp>20\d{12})_\d{2,4}(?:_(?P<ch>A))?", {"A": "rear"}),
    _row("novatek", r"(?P<stamp>20\d{12})_(?P<seq>\d{5,8})(?P<mode>P?)(?P<ch>[FRI]?)"),
    _row("fitcamx", r"(?P<stamp>20\d{12})_(?P<seq>\d{6})[A-Z]"),
    _row(
        "rec",
        rf"(?P<mode>REC|PRO|INF){_DATE}-{_TIME}-{_SEQ}(?:-(?P<ch>[A-DFR]))?",
        {**_LENSES, **_CHANNELS, "B": "rear"},
    ),
    _row("mivue", rf"FILE(?P<date>\d{{6}})-{_TIME}(?:-(?P<seq>\d{{6}}))?(?P<ch>[FRI])?(?P<mode>E)?"),
    _row("gopro", r"G(?:[HXLSG](?:\d\d|[A-Z]{2})|OPR|P\d\d)(?P<seq>\d{4})"),
    _row("garmin", r"GRMN(?P<seq>\d{4})"),
)

_GENERIC = re.compile(
    r"(?<!\d)(20\d\d)[-_T.]?(\d\d)[-_.]?(\d\d)[-_T ]?(\d\d)[-_:.]?(\d\d)[-_:.]?(\d\d)(?!\d)",
    re.IGNORECASE | re.ASCII,
)

# Folders, upper case. A number in front (Garmin's 102SAVED) is cut before the look-up.
_LOCKED_FOLDERS = frozenset({"RO", "EMR", "PROTECTED", "SAVED", "SAVEDCLIPS", "SENTRYCLIPS", "MANUAL_REC"})
_FOLDER_MODES = {
    **dict.fromkeys(("PARKING", "PARKING_REC", "PARKINGVIDEO", "PARKM"), "parking"),
    **dict.fromkeys(("EVENT", "EVT_REC", "EVENTVIDEO", "EMR", "FRONT_EMER", "REAR_EMER", "SOS_REC"), "event"),
    **dict.fromkeys(("LAPSE", "TLPSE", "MOTION_TIMELAPSE_REC", "MOTION_REC"), "timelapse"),
    **dict.fromkeys(("MANUAL_REC", "SAVEDCLIPS"), "manual"),
    "SENTRYCLIPS": "sentry",
}
_FOLDER_CHANNELS = {"FRONT": "front", "BACK": "rear", "REAR": "rear", "INTERIOR": "interior"}
_FOLDERS_READ = 4


def read_name(path: str | PurePath) -> NameFacts:
    """What a clip's path says. Give the path below the card's or place's root: folders count.

    Only the last few folders are read. Never raises; what is not told is None.
    """
    path = PurePath(path)
    folders = [re.sub(r"^\d{3}(?=\D)", "", part.upper()) for part in path.parts[:-1][-_FOLDERS_READ:]]
    facts = _by_pattern(path.stem[:255])
    folder_mode = next((_FOLDER_MODES[f] for f in reversed(folders) if f in _FOLDER_MODES), None)
    return msgspec.structs.replace(
        facts,
        # A letter in the name outranks the folder; 70mai's NO only says how the clip was cut.
        mode=folder_mode if folder_mode and facts.mode == "normal" else facts.mode,
        locked=facts.locked or not _LOCKED_FOLDERS.isdisjoint(folders),
        channel=facts.channel
        or next((_FOLDER_CHANNELS[f] for f in reversed(folders) if f in _FOLDER_CHANNELS), None),
    )


def _by_pattern(stem: str) -> NameFacts:
    for pattern in PATTERNS:
        if match := pattern.regex.fullmatch(stem):
            return _facts(pattern, match.groupdict())
    for match in _GENERIC.finditer(stem):
        year, month, day, hour, minute, second = (int(group) for group in match.groups())
        if when := moment(year, month, day, hour, minute, second):
            return NameFacts(recorded_local=when)
    return NameFacts()


def _facts(pattern: _Pattern, groups: dict[str, str | None]) -> NameFacts:
    letter, mode, sequence = groups.get("ch"), (groups.get("mode") or "").upper(), groups.get("seq")
    return NameFacts(
        family=pattern.family,
        channel=pattern.channels.get(letter.upper(), letter.lower() if len(letter) > 1 else None)
        if letter
        else None,
        mode=pattern.modes.get(mode, "normal"),
        locked=mode == "PRO",
        sequence=int(sequence) if sequence else None,
        recorded_local=_when(groups.get("stamp") or f"{groups.get('date') or ''}{groups.get('time') or ''}"),
    )


def _when(text: str) -> datetime | None:
    digits = re.sub(r"[^0-9]", "", text)
    if len(digits) == 12:
        digits = f"20{digits}"
    if len(digits) != 14:
        return None
    year, *rest = int(digits[:4]), *(int(digits[i : i + 2]) for i in range(4, 14, 2))
    return moment(year, *rest)
