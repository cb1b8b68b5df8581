"""What lies in a folder, remembered: a card's 3,000 clips lie in a handful of folders."""

from __future__ import annotations

import os
import re
import stat
import time
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

#: Entries read from one folder.
MOST = 100_000

_RESTED = 5 * 10**9  # ns; a folder that changed just now may change again within the same tick of its clock


class Stamp(NamedTuple):
    """What tells that a file or folder is still the one that was read."""

    path: str
    modified: int
    size: int


def names(folder: Path) -> tuple[str, ...]:
    """The names in a folder, sorted; empty where it cannot be listed."""
    try:
        state = stamp(folder)
    except OSError:
        return ()
    return _names(state) if rested(state) else _names.__wrapped__(state)


def matching(folder: Path, pattern: re.Pattern[str]) -> tuple[str, ...]:
    """The names in a folder that match a pattern wholly, sorted."""
    try:
        state = stamp(folder)
    except OSError:
        return ()
    return _matching(state, pattern) if rested(state) else _matching.__wrapped__(state, pattern)


def same_stem(folder: Path, stem: str) -> tuple[str, ...]:
    """The names in a folder of that stem, letter case aside, sorted."""
    try:
        state = stamp(folder)
    except OSError:
        return ()
    stems = _stems(state) if rested(state) else _stems.__wrapped__(state)
    return tuple(stems.get(stem.lower(), ()))


def stamp(path: Path) -> Stamp:
    """The state of a file or folder, to remember by what was read from it. Raises OSError."""
    state = path.stat()
    return Stamp(os.fspath(path), state.st_mtime_ns, state.st_size)


def rested(state: Stamp) -> bool:
    """Whether a file or folder has not changed for so long that its time tells every change."""
    return abs(time.time_ns() - state.modified) > _RESTED


def below(parent: Path, *parts: str) -> Path | None:
    """A folder below another, by way of folders alone; None when it is not there, or behind a link."""
    for part in parts:
        parent = parent / part
        try:
            if not stat.S_ISDIR(parent.lstat().st_mode):
                return None
        except OSError:
            return None
    return parent


def is_file(path: Path) -> bool:
    """Whether it is a regular file itself; links are not followed out of a card."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False


@lru_cache(maxsize=32)
def _matching(state: Stamp, pattern: re.Pattern[str]) -> tuple[str, ...]:
    return tuple(name for name in names(Path(state.path)) if pattern.fullmatch(name))


@lru_cache(maxsize=8)
def _stems(state: Stamp) -> dict[str, list[str]]:
    stems: dict[str, list[str]] = {}
    for name in names(Path(state.path)):
        stems.setdefault(name.rpartition(".")[0].lower(), []).append(name)
    return stems


@lru_cache(maxsize=8)
def _names(state: Stamp) -> tuple[str, ...]:
    try:
        with os.scandir(state.path) as entries:
            return tuple(sorted(entry.name for entry, _ in zip(entries, range(MOST), strict=False)))
    except OSError:
        return ()
