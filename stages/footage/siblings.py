"""The clip of the front camera that belongs to a rear or interior one: many makers log GPS only there."""

from __future__ import annotations

import re
from bisect import bisect_left
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from stages.footage.listings import Stamp, below, is_file, names, rested, stamp
from stages.footage.names import VIDEO_SUFFIXES, NameFacts, read_name

#: Two channels of one moment begin that near to each other by their names.
NEAR = timedelta(seconds=2)

_UP = 2
_FOLDERS = 32  # folders next to each other that are looked into
#: Words in a folder's name that tell a channel, and what stands there for the front.
_CHANNELS = re.compile(
    r"(?<![A-Za-z])(?:front|back|rear|inside|interior|incabin|cabin|extra|in|f|r|b|i)(?![A-Za-z])",
    re.IGNORECASE,
)
#: Folders that say so in another way: where the front clips of theirs lie.
_FRONTS = {
    "incabin_rec": frozenset(
        ("cont_rec", "evt_rec", "manual_rec", "motion_timelapse_rec", "parking_rec", "sos_rec")
    ),
    "movie_e": frozenset(("movie",)),
    "emr_e": frozenset(("emr",)),
}


class _Front(NamedTuple):
    """A front clip: when it began by its name, its maker, and what it is called."""

    begun: datetime
    family: str | None
    name: str


def front_of(clip: Path, name: NameFacts) -> Path | None:
    """The front clip of the same moment, None for a front clip, and where there is none.

    Same maker, begun within two seconds by its name, in the same folder or in one beside it (or beside the
    one above it) whose name differs by the channel alone. Of several the nearest one.
    """
    begun = name.recorded_local
    if begun is None or name.channel in (None, "front"):
        return None
    found: list[tuple[timedelta, Path]] = []
    for folder in _folders(clip.parent):
        found += [
            (abs(front.begun - begun), folder / front.name)
            for front in _near(folder, begun)
            if front.family == name.family and is_file(folder / front.name)
        ]
        if found and min(found)[0] == timedelta(0):
            break
    return min(found)[1] if found else None


def _folders(own: Path) -> list[Path]:
    """The clip's own folder first, then those of the same layout beside it and above."""
    folders = [own]
    for up in range(1, _UP + 1):
        if len(own.parents) < up:
            break
        parent, tail = own.parents[up - 1], own.parts[-up:]
        beside = _beside(parent, tail[0])
        folders += [
            folder for name in beside[:_FOLDERS] if (folder := below(parent, name, *tail[1:])) is not None
        ]
    return folders


def _beside(parent: Path, own: str) -> list[str]:
    """The folders next to one that hold the front clips of its layout."""
    fronts, word = _FRONTS.get(own.lower()), _word(own)
    if fronts:
        return [name for name in names(parent) if name.lower() in fronts]
    return [name for name in names(parent) if name != own and _word(name) == word] if word else []


def _word(name: str) -> str | None:
    """A folder's name without its channel; None when it tells none."""
    rest, count = _CHANNELS.subn("*", name.replace("_", " "))
    return rest.lower() if count else None


def _near(folder: Path, begun: datetime) -> list[_Front]:
    try:
        state = stamp(folder)
    except OSError:
        return []
    fronts = _fronts(state) if rested(state) else _fronts.__wrapped__(state)
    first = bisect_left(fronts, begun - NEAR, key=lambda front: front.begun)
    last = bisect_left(fronts, begun + NEAR + timedelta(microseconds=1), key=lambda front: front.begun)
    return list(fronts[first:last])


@lru_cache(maxsize=16)
def _fronts(state: Stamp) -> tuple[_Front, ...]:
    """The front clips of a folder, by their time."""
    folder = Path(state.path)
    found = []
    for name in names(folder):
        if Path(name).suffix.lower() not in VIDEO_SUFFIXES or name.startswith("."):
            continue
        facts = read_name(Path(*folder.parts[-2:]) / name)
        if facts.recorded_local is not None and facts.channel in (None, "front") and not facts.small:
            found.append(_Front(facts.recorded_local, facts.family, name))
    return tuple(sorted(found, key=lambda front: (front.begun, front.name)))
