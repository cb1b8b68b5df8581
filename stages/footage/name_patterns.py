"""The names and folders of every maker that is known, as data. Add a row; `names.py` reads them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

_CHANNELS = {"F": "front", "R": "rear", "B": "rear", "I": "interior", "T": "telephoto", "O": "other"}
_MAI = {**_CHANNELS, "C": "interior"}
_LENSES = {"A": "front", "B": "interior", "C": "rear", "D": "other"}  # index letters; owners may rewire them
_INDEX = {"A": "front", "B": "rear", "C": "interior", "D": "other", "F": "front", "R": "rear"}
_NUMBERS = {"1": "front", "2": "rear", "3": "interior", "4": "other"}
_TESLA = {
    **{side.upper(): side for side in ("left_repeater", "right_repeater", "left_pillar", "right_pillar")},
    "FRONT": "front",
    "BACK": "rear",
    "CABIN": "interior",
}

#: What a mode's letters mean where a maker has no table of his own; `*` stands for any other letters.
MODES = {
    **dict.fromkeys(("E", "EV", "EVT", "VL", "G", "PRO", "SOS"), "event"),
    **dict.fromkeys(("P", "PA", "PAK", "PARK", "PAR"), "parking"),
    **dict.fromkeys(("M", "MAN"), "manual"),
    **dict.fromkeys(("LA", "TL", "TIM", "MOT"), "timelapse"),
}
# BlackVue's help centre counts every letter but N, P and M as an event, an impact while parked (I) too.
_BLACKVUE = {**dict.fromkeys("EIOATBRXGDLYF", "event"), "P": "parking", "M": "manual"}
_VANTRUE = {**MODES, "T": "timelapse"}
_NEXTBASE = {
    **dict.fromkeys(("NORM", "NORMAL"), "normal"),
    "PARK": "parking",
    "TLPS": "timelapse",
    "*": "event",
}


class Pattern(NamedTuple):
    """A maker's names, matched against the whole stem, letter case aside.

    Groups, none of them required: `date` and `time` (or `stamp`), `ch`, `mode`, `seq`, `part`, `quality`.
    """

    family: str
    regex: re.Pattern[str]
    channels: Mapping[str, str] = _CHANNELS
    modes: Mapping[str, str] = MODES


def _row(
    family: str,
    regex: str,
    channels: Mapping[str, str] = _CHANNELS,
    modes: Mapping[str, str] = MODES,
) -> Pattern:
    return Pattern(family, re.compile(regex, re.IGNORECASE | re.ASCII), channels, modes)


_DATE = r"(?P<date>20\d{6})"
_TIME = r"(?P<time>\d{6})"
_STAMP = r"(?P<stamp>20\d{12})"
_DASHED = r"(?P<date>20\d\d-\d\d-\d\d)"
_SPLIT = r"(?P<date>20\d\d_\d\d_\d\d)_(?P<time>\d{6})"
_NOVATEK = r"(?P<date>20\d\d_\d{4})_(?P<time>\d{6})"
_SEQ = r"(?P<seq>\d{1,9})"
_FILE = rf"FILE(?P<date>\d{{6}})-{_TIME}"

#: Tried in this order; the first that fits wins.
PATTERNS: tuple[Pattern, ...] = (
    _row(
        "tesla",
        rf"{_DASHED}_(?P<time>\d\d-\d\d-\d\d)-"
        r"(?P<ch>front|back|left_repeater|right_repeater|left_pillar|right_pillar|cabin)",
        _TESLA,
    ),
    # Beferich cameras write the same names, as MP4.
    _row("ford", rf"{_DASHED}_(?P<time>\d\d_\d\d_\d\d)_(?P<ch>[A-Z])", {**_CHANNELS, "T": "other"}),
    _row(
        "blackvue",
        rf"{_DATE}_{_TIME}_(?P<mode>[NEPMIOATBRXGDLYF])(?P<ch>[FRIO])(?P<quality>[LS]?)",
        modes=_BLACKVUE,
    ),
    _row("vueroid", rf"{_DATE}_{_TIME}_INF_(?P<ch>[FR])_(?P<mode>[NEP])"),
    _row(
        "thinkware",
        r"(?P<mode>REC|EVT|MOT|PAK|PARK|MAN|TIM|SOS)_(?P<date>20\d\d_?\d\d_?\d\d)_"
        r"(?P<time>\d\d_?\d\d_?\d\d)(?:_(?P<ch>[FRI]))?",
    ),
    _row(
        "70mai",
        rf"(?P<mode>NO|EV|PA|LA|VL|TL)?{_DATE}-{_TIME}(?:-{_SEQ})?(?P<ch>[FBRIC])?"
        r"(?:-\d{14})?(?P<ch2>[FBRIC])?",
        _MAI,
    ),
    _row(
        "nextbase",
        rf"(?P<date>\d{{6}})_{_TIME}_(?P<seq>\d{{3,9}})_(?P<ch>[FRBIC])(?P<quality>[HL])"
        r"(?:_(?P<mode>[A-Z]{1,16}))?",
        _MAI,
        _NEXTBASE,
    ),
    _row("vantrue", rf"{_DATE}_{_TIME}_{_SEQ}_(?P<mode>[NEPT])_(?P<ch>[A-D])", _LENSES, _VANTRUE),
    _row("vantrue", rf"{_SPLIT}_(?P<mode>[NEPT])_(?P<ch>[A-D])", _LENSES, _VANTRUE),
    _row("wolfbox", rf"{_SPLIT}_(?P<mode>\d\d)_(?P<ch>[FIR])", modes={"02": "event"}),
    _row("viofo", rf"{_NOVATEK}_{_SEQ}?(?P<mode>[PE]?)(?P<ch>[FRTI])"),
    _row("novatek", rf"{_NOVATEK}_{_SEQ}(?P<mode>[PE]?)(?P<ch>[AB]?)", {"A": "front", "B": "rear"}),
    # S and Q are the two lenses of a time lapse of the parked car.
    _row(
        "ddpai",
        rf"(?P<mode>(?P<ch>[SQ]))_{_STAMP}_\d{{1,6}}_\d{{1,6}}",
        {"S": "front", "Q": "rear"},
        dict.fromkeys("SQ", "timelapse"),
    ),
    _row("ddpai", rf"G_{_STAMP}_\d{{1,6}}_(?P<mode>[LX])", modes={"L": "event", "X": "parking"}),
    # The last digits are the clip's length; Novatek's counter has more, see `told_apart`.
    _row("ddpai", rf"{_STAMP}_\d{{2,4}}(?:_(?P<ch>A))?", {"A": "rear"}),
    _row(
        "novatek",
        rf"{_STAMP}_(?P<seq>\d{{5,8}})(?:_(?P<ch2>A))?(?P<mode>P?)(?P<ch>[FRI]?)",
        {**_CHANNELS, "A": "rear"},
    ),
    _row("novatek", rf"{_STAMP}_(?P<seq>\d{{2,4}})(?P<mode>P?)(?P<ch>[FRI])"),
    _row("fitcamx", rf"{_STAMP}_(?P<seq>\d{{6}})(?:A(?P<ch>[AB]))?[A-Z]", {"A": "front", "B": "rear"}),
    _row("carcam", rf"REC{_DATE}-{_TIME}-{_SEQ}-(?P<ch>[A-D])", _INDEX),
    _row("neoline", rf"INF{_DATE}-{_TIME}-{_SEQ}(?:-(?P<ch>[FR]))?"),
    _row("rove", rf"(?P<mode>REC|PRO){_DATE}-{_TIME}-{_SEQ}(?:-(?P<ch>[A-DFR]))?", _INDEX),
    _row("ibox", rf"(?P<mode>SOS|PAR){_DATE}-{_TIME}-{_SEQ}", _INDEX),
    _row("sigmastar", rf"CH(?P<ch>[1-4])-{_DATE}-{_TIME}", _NUMBERS),
    _row("hp", rf"HPIM{_DATE}-{_TIME}(?P<ch>[A-Z])"),
    _row("mivue", rf"{_FILE}(?:-(?P<seq>\d{{6}}))?(?P<ch>[FRI])?(?P<mode>E)?"),
    _row("e-ace", rf"{_DATE}_{_TIME}(?P<ch>[FR])"),
    _row("escort", rf"{_DATE}_(?P<time>\d{{4}})_CAM"),
    _row("gopro", r"G(?:[HXSG]|(?P<quality>L))(?P<part>\d\d|[A-Z]{2})(?P<seq>\d{4})"),
    _row("gopro", r"G(?:OPR|P(?P<part>\d\d))(?P<seq>\d{4})"),
    _row("garmin", r"GRMN(?P<seq>\d{4})"),
    _row("ambarella", r"AMBA(?P<seq>\d{4})"),
)

#: The last resort, searched anywhere in the stem.
GENERIC = re.compile(
    r"(?<!\d)(20\d\d)[-_T.]?(\d\d)[-_.]?(\d\d)[-_T ]?(\d\d)[-_:.]?(\d\d)[-_:.]?(\d\d)(?!\d)",
    re.IGNORECASE | re.ASCII,
)

#: Letters of a name's `quality` group that say: a small copy of another clip of the same seconds.
SMALL = frozenset("LS")

# Folders, upper case, as `names.folder_words` gives them: Garmin's 102SAVED is SAVED, RedTiger's EVENT_F is
# EVENT and F.
LOCKED_FOLDERS = frozenset(
    {"RO", "EMR", "EMR_E", "EMER", "PROTECTED", "LOCKED", "LOCK", "SAVED", "SAVEDCLIPS", "SENTRYCLIPS",
     "MANUAL_REC", "FAVORITES"}
)  # fmt: skip
FOLDER_MODES = {
    **dict.fromkeys(("PARKING", "PARK", "PARKING_REC", "PARKINGVIDEO", "PARKM"), "parking"),
    **dict.fromkeys(("EVENT", "EVENTS", "EVT_REC", "EVENTVIDEO", "EMR", "EMR_E", "EMER", "SOS_REC"), "event"),
    **dict.fromkeys(("LAPSE", "TLPSE", "TIMELAPSE", "MOTION_TIMELAPSE_REC", "MOTION_REC"), "timelapse"),
    **dict.fromkeys(("MANUAL", "MANUAL_REC", "FAVORITES", "SAVEDCLIPS"), "manual"),
    "SENTRYCLIPS": "sentry",
}
FOLDER_CHANNELS = {
    "FRONT": "front",
    **dict.fromkeys(("BACK", "REAR", "MOVIE_E", "EMR_E"), "rear"),
    **dict.fromkeys(("INTERIOR", "INSIDE", "EXTRA", "INCABIN_REC", "CABIN"), "interior"),
}
