"""How cards and cameras lay out their folders, as data: what a root looks like, and what on it is no footage.

Which clips are locked or events is told by `names.read_name`, from names and folders alike.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

from stages.footage import twins

_ENTRIES = 5_000  # of one folder are looked at


class Layout(NamedTuple):
    """A maker's card. `signs`: it is one when every pattern of one row is there, letter case aside."""

    name: str
    title: str
    signs: tuple[tuple[str, ...], ...]


#: The first that fits wins: makers' own folders come before those that many share.
LAYOUTS: tuple[Layout, ...] = (
    Layout("tesla", "a Tesla card", (("TeslaCam",),)),
    Layout("blackvue", "a BlackVue card", (("BlackVue/Record",),)),
    Layout(
        "thinkware",
        "a Thinkware card",
        (("cont_rec",), ("evt_rec",), ("parking_rec", "manual_rec"), ("motion_timelapse_rec",)),
    ),
    Layout("wolfbox", "a Wolfbox or Redtiger card", (("front_norm",), ("front_emer",))),
    Layout("ford", "a Ford card", (("FordFootage",),)),
    Layout(
        "garmin",
        "a Garmin card",
        (
            ("DCIM/[0-9][0-9][0-9]UNSVD",),
            ("DCIM/[0-9][0-9][0-9]EVENT", "DCIM/[0-9][0-9][0-9]SAVED"),
            ("DCIM/[0-9][0-9][0-9]SAVED/GRMN*",),
        ),
    ),
    Layout("gopro", "a GoPro card", (("DCIM/[0-9][0-9][0-9]GOPRO",),)),
    Layout(
        "ddpai",
        "a DDPai card",
        (("DCIM/200video",), ("DCIM/203gps",), ("NormalVideo",), ("EventVideo",)),
    ),
    Layout(
        "70mai",
        "a 70mai card",
        (
            ("Normal", "GPSData*.txt"),
            ("Event", "GPSData*.txt"),
            ("Normal", ".formated"),
            ("Event", ".formated"),
            ("Normal/Front/NO2*",),
            ("Normal/NO2*",),
        ),
    ),
    Layout("vantrue", "a Vantrue card", (("Normal/*_[NEPT]_[A-D].*",), ("Event/*_[NEPT]_[A-D].*",))),
    Layout("mivue", "a MiVue (Mio) card or one like it", (("Normal/FILE[0-9]*",), ("Event/FILE[0-9]*",))),
    Layout("carcam", "a CarCam card", (("Normal/[A-D]/REC*",), ("Normal/REC2*",))),
    Layout(
        "nextbase",
        "a Nextbase card",
        (("Video", "Protected"), ("Videos", "Protected"), ("Video/*_[FRBI][HL].*",)),
    ),
    Layout(
        "viofo",
        "a Viofo card",
        (
            ("DCIM/Movie/RO",),
            ("DCIM/Movie/Parking",),
            ("DCIM/Parking",),
            ("DCIM/Movie/20[0-9][0-9]_*[0-9][FRIT].*",),
        ),
    ),
    Layout(
        "novatek",
        "the card of a Novatek camera (Viofo, Rexing, Rove and others)",
        (("DCIM/Movie",), ("DCIM/EMR",), ("CARDV/Movie",), ("Movie", "EMR"), ("Movie", "RO")),
    ),
    Layout(
        "folders",
        "a camera's card with folders like Normal and Event",
        (
            ("Normal", "Event"),
            ("Normal", "Parking"),
            ("Normal/Front",),
            ("Normal/*20[0-9][0-9]*.*",),
            ("Event/*20[0-9][0-9]*.*",),
            ("Movie/*20[0-9][0-9]*.*",),
        ),
    ),
    Layout("dcim", "a camera's card with a DCIM folder", (("DCIM",),)),
)

#: Folders that hold no footage, upper case; hidden ones are passed over too.
_NO_FOOTAGE = frozenset(
    {
        "THUMBNAIL", "THUMB", "SETTING", "CONFIG", "TESLATRACKMODE", "PHOTOBOOTH", "LOST.DIR", "LOST+FOUND",
        "SYSTEM VOLUME INFORMATION", "$RECYCLE.BIN", "RECYCLER", "@EADIR", "#RECYCLE",
    }
)  # fmt: skip
_FOUND = re.compile(r"FOUND\.\d{3}", re.IGNORECASE | re.ASCII)

#: Folders whose clips cannot be read, upper case, and what to do about it.
_TOLD = {
    "ENCRYPTEDCLIPS": "holds clips that the car encrypted, and only its maker can read them; "
    "switch that off in the car: Controls > Safety > Encrypt Dashcam Recordings"
}

#: What copy programs and sync tools call a file that they have not finished.
_UNFINISHED = (".part", ".tmp", ".crdownload", ".filepart", ".partial", ".!sync", "~")
_SYNC_MARK = "~syncthing~"


def recognise(root: Path) -> Layout | None:
    """The layout of a card's or camera's root; None when it is none that is known. Never raises."""
    look = _Look(root)
    return next((each for each in LAYOUTS if any(look.shows(row) for row in each.signs)), None)


def holds_no_footage(folder: str) -> bool:
    """Whether a folder of this name is passed over, wherever it lies."""
    upper = folder.upper()
    return folder.startswith(".") or upper in _NO_FOOTAGE or _FOUND.fullmatch(folder) is not None


def unreadable(folder: str) -> str:
    """What to say of a folder whose clips nobody can read; "" for every other."""
    return _TOLD.get(folder.upper(), "")


def unfinished(name: str) -> bool:
    """Whether a name says that somebody is still writing the file, or that it is no file of the camera's."""
    lower = name.lower()
    return name.startswith((".", "~")) or lower.endswith(_UNFINISHED) or _SYNC_MARK in lower


def low_twins(names: Iterable[str]) -> set[str]:
    """The clips of one folder that another one there shows in better quality."""
    return set(twins.low_twins(names))


class _Look:
    """The folders of a root, each listed once and only so far."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._lists: dict[Path, list[str]] = {}

    def shows(self, row: tuple[str, ...]) -> bool:
        """Whether every pattern of a row is there."""
        return all(self.find(pattern) for pattern in row)

    def find(self, pattern: str) -> list[Path]:
        """What fits a pattern below the root."""
        found = [self._root]
        for part in pattern.upper().split("/"):
            found = [
                folder / name
                for folder in found
                for name in self._names(folder)
                if fnmatchcase(name.upper(), part)
            ]
        return found

    def _names(self, folder: Path) -> list[str]:
        if folder not in self._lists:
            try:
                with os.scandir(folder) as entries:
                    self._lists[folder] = [entry.name for entry, _ in zip(entries, range(_ENTRIES))]  # noqa: B905
            except OSError:
                self._lists[folder] = []
        return self._lists[folder]
