"""What one kind of GPS track is: the seam that every layout of samples stands behind."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

from stages.footage.container import Container
from stages.footage.fix import Fix
from stages.footage.gps.log import GpsLog
from stages.footage.gps.samples import Sample, Track

#: Fixes of one track; twenty a second make 72 000 in an hour.
MAX_FIXES = 100_000


class Clip(NamedTuple):
    """The clip that a track belongs to; `duration` in seconds where it is known."""

    path: Path
    container: Container
    duration: float | None


def as_they_are(name: str, fixes: list[Fix], clip: Clip) -> GpsLog:  # noqa: ARG001
    """The usual end: nothing is left to be done."""
    return GpsLog(name, fixes)


class Layout(NamedTuple):
    """One layout of samples.

    `fits` says whether a track can be of it. `decode` reads one sample: None when the sample is none of
    its, else the fixes in it, void ones without a position. `finish` makes the log of them all.
    """

    name: str
    fits: Callable[[Track], bool]
    decode: Callable[[bytes], list[Fix] | None]
    finish: Callable[[str, list[Fix], Clip], GpsLog] = as_they_are

    def read(self, samples: Iterable[Sample], clip: Clip) -> GpsLog:
        """The log of a track. Several fixes in one sample lie evenly over it."""
        fixes: list[Fix] = []
        for sample in samples:
            found = self.decode(sample.data) or []
            step = sample.duration / len(found) if found else 0.0
            for place, fix in enumerate(found):
                after = fix.seconds if fix.seconds is not None else step * place
                fixes.append(fix._replace(seconds=sample.seconds + after))
            if len(fixes) >= MAX_FIXES:
                break
        return self.finish(self.name, fixes, clip)


def paced(name: str, fixes: list[Fix], clip: Clip) -> GpsLog:  # noqa: ARG001
    """Fixes without a clock get it from the last one that has it, by where they lie in the video."""
    timed: list[Fix] = []
    last: Fix | None = None
    for fix in fixes:
        if fix.time is not None:
            last = fix
        elif last is not None and last.time is not None and fix.valid:
            passed = (fix.seconds or 0.0) - (last.seconds or 0.0)
            fix = fix._replace(time=last.time + timedelta(milliseconds=round(passed * 1000)))
        timed.append(fix)
    return GpsLog(name, timed)
