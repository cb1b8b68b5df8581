"""A film in which no plate can be read but those that are named: sought, blurred, and sought again."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from stages.errors import StageFailed
from stages.export.cut import Stretch
from stages.export.film import Film, write_film
from stages.export.watching import Leak, find_leaks, find_trails
from stages.export.zones import Spot, Trail, Zones, trails
from stages.video.probe import probe
from stages.vision.boxes import Box
from stages.vision.grammar import fold
from stages.vision.spotter import Spotter

Progress = Callable[[float, str], None]

_ROUNDS = 3  # films written at most, each with what the one before still showed
_LOOKS, _COSTLY_LOOKS = 10.0, 5.0  # a second, where a plate model finds them and where a text detector does
_CHECKS = 5.0  # looks a second at the film that was written, between the first ones
_EVERY = 1000.0  # more than any camera's frames a second
_LINE = 2.0  # widths of a read by which the camera's own line goes on beside it
_SHOWN = 5


class Wanted(NamedTuple):
    """How to blur.

    `spared`: plates that stay legible. `every_frame`: look at each frame, not at some. `check`: look at the
    film afterwards. `sound`: keep it. `start_utc` (aware): write this date into the film; None: no metadata.
    """

    spared: tuple[str, ...] = ()
    every_frame: bool = False
    check: bool = True
    sound: bool = False
    start_utc: datetime | None = None
    regions: tuple[str, ...] = ()


class Blurred(NamedTuple):
    """What was written: frames, seconds, pictures looked at, plates (or what may be one) followed.

    `reported`: those that the heavy stage had seen. `spared`: which of the plates to be spared were found.
    `models` that looked; `rounds` of writing; `left_out` are sentences.
    """

    frames: int
    seconds: float
    looked_at: int
    followed: int
    reported: int
    spared: list[str]
    models: list[str]
    rounds: int
    left_out: list[str]


def same_size(stretches: Sequence[Stretch]) -> list[list[int]]:
    """Indices of neighbouring stretches whose pictures have one size. Raises `ClipDamaged`."""
    groups: list[list[int]] = []
    last: tuple[int, int] | None = None
    for number, stretch in enumerate(stretches):
        size = upright_size(stretch.path)
        if groups and size == last:
            groups[-1].append(number)
        else:
            groups.append([number])
        last = size
    return groups


def upright_size(path: Path) -> tuple[int, int]:
    """Width and height of a clip's pictures as they are to be seen. Raises `ClipDamaged`."""
    facts = probe(path)
    return (facts.height, facts.width) if round(facts.rotation / 90) % 2 else (facts.width, facts.height)


def blur(
    stretches: Sequence[Stretch],
    target: Path,
    spotter: Spotter,
    wanted: Wanted,
    *,
    known: Sequence[Sequence[Sequence[Spot]]] = (),
    progress: Progress = lambda _fraction, _note: None,
) -> Blurred:
    """Write stretches of one picture size as a film without legible plates.

    `known`: for each stretch what was seen before, track by track, in pixels of that clip. Raises
    `StageFailed` when something can still be read after three rounds, `ClipDamaged`, OSError (disk).
    """
    run = _Run(stretches, target, spotter, wanted, progress)
    run.look(known)
    film, rounds = run.write()
    models = [str(model["model"]) for model in spotter.describe()]
    followed = sum(len(found) for found in run.trails)
    clear = (trail for found in run.trails for trail in found if trail.spared)
    read = {fold(spot.plate) for trail in clear for spot in trail.spots if spot.plate}
    spared = [plate for plate in wanted.spared if fold(plate) in read]
    return Blurred(
        film.frames,
        film.seconds,
        run.looked_at,
        followed,
        run.reported,
        spared,
        models,
        rounds,
        film.left_out,
    )


class _Run:
    """One run of `blur`."""

    def __init__(
        self,
        stretches: Sequence[Stretch],
        target: Path,
        spotter: Spotter,
        wanted: Wanted,
        progress: Progress,
    ) -> None:
        self._stretches, self._target, self._spotter = stretches, target, spotter
        self._wanted, self._progress = wanted, progress
        self._rate = _COSTLY_LOOKS if spotter.by_text else _LOOKS
        self.trails: list[list[Trail]] = []
        self.looked_at = self.reported = 0

    def look(self, known: Sequence[Sequence[Sequence[Spot]]]) -> None:
        """Find what is to be blurred in each stretch."""
        for number, stretch in enumerate(self._stretches):
            end = stretch.end if stretch.end is not None else probe(stretch.path).duration_seconds or 1e9
            length = max(0.1, end - stretch.begin)

            def tell(
                seconds: float, note: str, n: int = number, s: Stretch = stretch, size: float = length
            ) -> None:
                share = min(1.0, max(0.0, (seconds - s.begin) / size))
                self._progress(0.6 * (n + share) / len(self._stretches), note)

            found = find_trails(
                stretch.path,
                self._spotter,
                begin=stretch.begin,
                end=end,
                per_second=_EVERY if self._wanted.every_frame else self._rate,
                spared=self._wanted.spared,
                regions=self._wanted.regions,
                tell=tell,
            )
            self.looked_at += found.pictures
            before = known[number] if number < len(known) else ()
            self.reported += len(before)
            more = [trail for spots in before for trail in trails(spots, self._wanted.spared)]
            self.trails.append(found.trails + more)

    def write(self) -> tuple[Film, int]:
        """Write the film until nothing can be read in it."""
        for number in range(1, _ROUNDS + 1):
            zones = [Zones(found) for found in self.trails]
            film = write_film(
                self._stretches,
                zones,
                self._target,
                sound=self._wanted.sound,
                start_utc=self._wanted.start_utc,
                progress=lambda share, note: self._progress(0.6 + 0.2 * share, note),
            )
            if not self._wanted.check:
                return film, number
            leaks = self._check(film, zones)
            if not leaks:
                return film, number
            self._remember(film, leaks)
        shown = ", ".join(f"{leak.plate} at {leak.seconds:.1f} s" for leak in leaks[:_SHOWN])
        raise StageFailed(
            f"after {_ROUNDS} rounds something can still be read ({shown}), so nothing was kept; "
            "if that is no plate, give --no-check"
        )

    def _check(self, film: Film, zones: Sequence[Zones]) -> list[Leak]:
        def clear(seconds: float) -> list[Box]:
            stretch, at = self._source(film, seconds)
            return zones[stretch].spared(at)

        return find_leaks(
            self._target,
            self._spotter,
            clear,
            per_second=_CHECKS,
            regions=self._wanted.regions,
            tell=lambda at, note: self._progress(0.8 + 0.2 * min(1.0, at / max(0.1, film.seconds)), note),
        )

    def _remember(self, film: Film, leaks: Sequence[Leak]) -> None:
        """What can still be read is blurred in the next round, whatever it is.

        What the camera itself writes into the picture stands still, so its whole line goes for good.
        """
        for leak in leaks:
            stretch, at = self._source(film, leak.seconds)
            spots: tuple[Spot, ...] = (Spot(at, leak.box),)
            if leak.at_edge:
                (x1, y1, x2, y2), begin = leak.box, self._stretches[stretch].begin
                line = x1 - _LINE * (x2 - x1), y1, x2 + _LINE * (x2 - x1), y2
                spots = (Spot(begin, line), Spot(begin + film.seconds, line))
            self.trails[stretch].append(Trail(spots))

    def _source(self, film: Film, seconds: float) -> tuple[int, float]:
        """A moment of the film as stretch and seconds of its clip."""
        number = max(0, bisect_right(film.begins, seconds + 1e-6) - 1)
        return number, self._stretches[number].begin + seconds - film.begins[number]
