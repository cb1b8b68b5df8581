"""What the clips around a clip say of its camera's clock: found in its card's folders, read once each."""

from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from functools import lru_cache
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from stages.footage.camera import card_root, kind_of, of_a_card
from stages.footage.claims import gps_start, jump_at_fix, place_of
from stages.footage.clock import Others
from stages.footage.container import walk
from stages.footage.layouts import unfinished
from stages.footage.names import VIDEO_SUFFIXES, NameFacts, read_name
from stages.footage.runs import CameraClock, Sample, ahead_of, camera_runs, clock_at, is_zone
from stages.footage.way import own_gps

#: Clips with GPS that are asked, and clips that are read for it, at most.
ASKED = 12
_TIMED = 3  # fixes that must agree before a difference that is no zone's speaks for other clips
_LOOKED = 64  # and that are looked at, read or remembered
_CARDS = 16  # remembered
_DEPTH = 5  # folders below a card's root: TeslaCam/SavedClips/EVENT, DCIM/Movie/Parking/RO
_NAMES = 20_000
_FOLDERS, _SAMPLES = 256, 8_192  # remembered


class _Entry(NamedTuple):
    """A clip of a folder: its name, its path below the card's root, what that says."""

    path: Path
    below: PurePosixPath
    name: NameFacts


class _Card(NamedTuple):
    """The dated clips of one camera in order of time: those that mostly have GPS, and those that seldom do
    (of a parked car, of another lens).
    """

    often: tuple[_Entry, ...]
    seldom: tuple[_Entry, ...]

    def near(self, local: datetime) -> Iterator[_Entry]:
        """The nearest first."""
        for row in self:
            after = bisect_left(row, local, key=_begun)
            before = after - 1
            while before >= 0 or after < len(row):
                ahead = after < len(row) and (
                    before < 0 or _begun(row[after]) - local < local - _begun(row[before])
                )
                yield row[after if ahead else before]
                before, after = (before, after + 1) if ahead else (before - 1, after)


class CameraClocks:
    """Reads the GPS of the clips around a clip, as far as that is needed, and remembers it.

    One lives as long as its process: each folder is listed again only when it changed, each clip read once.
    """

    def __init__(self) -> None:
        self._folders: dict[Path, tuple[int, list[str], list[str]]] = {}
        self._samples: dict[tuple[str, int, int], Sample | None] = {}
        self._cards: dict[tuple[Path, str], tuple[object, _Card]] = {}

    def around(self, clip: Path, path: PurePosixPath, tell: Callable[[], None] = lambda: None) -> Others:
        """A function that says what the camera's clips around `clip` tell of its clock.

        `path` is the clip's below its place's root. `tell` is called before each clip that is read; it may
        raise. A clip that cannot be read is passed over.
        """

        def others(ahead: int | None) -> CameraClock | None:
            name = read_name(path)
            if name.recorded_local is None:
                return None
            root = clip.parents[len(path.parts) - 1 - len(card_root(path).parts)]
            card = self._card(root, kind_of(path, name))
            samples = self._asked(
                (each for each in card.near(name.recorded_local) if each.path != clip), tell
            )
            return clock_at(camera_runs(samples), name.recorded_local, name.sequence, ahead)

        return others

    def _card(self, root: Path, kind: str) -> _Card:
        """The clips of one camera below a card's root, worked out anew when a folder changed."""
        folders = list(self._below(root))
        state = tuple((folder, self._folders.get(folder, (0,))[0]) for folder, _ in folders)
        known = self._cards.get((root, kind))
        if known is None or known[0] != state:
            if len(self._cards) >= _CARDS:
                self._cards.clear()
            files = islice((folder / name for folder, names in folders for name in names), _NAMES)
            known = self._cards[root, kind] = (state, _card(root, kind, files))
        return known[1]

    def _below(self, root: Path) -> Iterator[tuple[Path, list[str]]]:
        """A card's root and the camera's own folders below it, each with the names of its clips."""
        waiting, looked = [(root, 0)], 0
        while waiting and looked < _FOLDERS:
            folder, depth = waiting.pop()
            folders, names = self._listed(folder)
            waiting += [(folder / each, depth + 1) for each in folders if depth < _DEPTH]
            looked += 1
            yield folder, names

    def _listed(self, folder: Path) -> tuple[list[str], list[str]]:
        """Folders and clips of a folder."""
        try:
            stamp = folder.stat().st_mtime_ns
            known = self._folders.get(folder)
            if known is None or known[0] != stamp:
                if len(self._folders) >= _FOLDERS:
                    self._folders.clear()
                known = self._folders[folder] = (stamp, *_list(folder))
        except OSError:
            return [], []
        return known[1], known[2]

    def _asked(self, near: Iterable[_Entry], tell: Callable[[], None]) -> list[Sample]:
        samples: list[Sample] = []
        reads = 0
        for entry in islice(near, _LOOKED):
            if len(samples) >= ASKED:
                break
            try:
                stat = entry.path.stat()
                key = (str(entry.path), stat.st_size, stat.st_mtime_ns)
                if key not in self._samples:
                    if reads >= ASKED:
                        continue  # those read before cost nothing more
                    reads += 1
                    tell()
                    if len(self._samples) >= _SAMPLES:
                        self._samples.clear()
                    self._samples[key] = sample_of(entry.path, entry.name)
            except OSError:
                continue
            if sample := self._samples[key]:
                samples.append(sample)
        return samples


_read_name = lru_cache(maxsize=_NAMES)(read_name)


def sample_of(clip: Path, name: NameFacts) -> Sample | None:
    """What a clip says of its camera's clock; None without GPS or date. Raises OSError."""
    container = walk(clip)
    log = own_gps(clip, container, container.duration_seconds)
    gps = gps_start(log.fixes)
    if gps is None or name.recorded_local is None:
        return None
    timed = sum(fix.valid and fix.time is not None for fix in log.fixes)
    if timed < _TIMED and not is_zone(ahead_of(name.recorded_local, gps)[0]):
        return None  # one stray fix must not move all the clips around it by years
    return Sample(
        local=name.recorded_local,
        gps=gps,
        jump=jump_at_fix(log.fixes),
        gps_is_local=log.local_clock,
        sequence=name.sequence,
        place=place_of(log.fixes),
    )


def _card(root: Path, kind: str, files: Iterable[Path]) -> _Card:
    often: list[_Entry] = []
    seldom: list[_Entry] = []
    for file in files:
        below = PurePosixPath(file.relative_to(root).as_posix())
        name = _read_name(str(below))
        if name.recorded_local is None or name.small or kind_of(below, name) != kind:
            continue
        parked = name.mode in ("parking", "timelapse", "sentry")
        row = seldom if parked or name.channel not in (None, "front") else often
        row.append(_Entry(file, below, name))
    return _Card(tuple(sorted(often, key=_order)), tuple(sorted(seldom, key=_order)))


def _begun(entry: _Entry) -> datetime:
    return entry.name.recorded_local or datetime.min  # noqa: DTZ901  # those without were left out


def _order(entry: _Entry) -> tuple[datetime, str]:
    return _begun(entry), str(entry.below)


def _list(folder: Path) -> tuple[list[str], list[str]]:
    folders, names = [], []
    with os.scandir(folder) as entries:
        for entry, _ in zip(entries, range(_NAMES), strict=False):
            if unfinished(entry.name):
                continue
            if entry.is_dir(follow_symlinks=False):
                if of_a_card(entry.name):
                    folders.append(entry.name)
            elif Path(entry.name).suffix.lower() in VIDEO_SUFFIXES and entry.is_file(follow_symlinks=False):
                names.append(entry.name)
    return sorted(folders, reverse=True), sorted(names)
