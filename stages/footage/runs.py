"""A camera's clock over its clips: by how much it was ahead of UTC, and where it was set anew.

Pure functions over a few facts of each clip. Names and GPS of one clip can be wrong; of many, hardly.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from statistics import median, median_low
from typing import NamedTuple

QUARTER = 900  # seconds; every zone's offset is a whole number of quarter hours
#: Seconds by which a clock may be off a whole quarter hour, and by which the clips of one run may differ.
DRIFT = 120
EAST, WEST = 14 * 3600, -12 * 3600

_ROLLOVER = 1024 * 7 * 86400  # old receivers fall back by 1024 weeks
_NEAR = timedelta(days=14)  # in which a clock is hardly set anew unseen: summer time comes twice a year
_TOGETHER = timedelta(minutes=90)  # a counter tells more than a clock that was set back in between


class Sample(NamedTuple):
    """What one clip says of its camera's clock.

    `local` is the start by its name, `gps` by its fixes' clock (both naive). `jump`: by how many seconds the
    fixes' clock jumped at the first fix (see `claims.jump_at_fix`). `gps_is_local`: a maker known to write
    local time. `place`: latitude and longitude in degrees.
    """

    local: datetime
    gps: datetime
    jump: int | None = None
    gps_is_local: bool = False
    sequence: int | None = None
    place: tuple[float, float] | None = None


class Run(NamedTuple):
    """Clips between two settings of the clock, in order of GPS time.

    `ahead`: seconds by which names are ahead of the fixes' clock, whole quarter hours where that is a zone.
    `offset`: seconds ahead of UTC; None when the fixes show the camera's own clock, which tells nothing.
    """

    ahead: int
    offset: int | None
    samples: tuple[Sample, ...]


class CameraClock(NamedTuple):
    """What its other clips say of a camera's clock at some moment.

    `ahead`: seconds ahead of UTC, None when they cannot tell. `place`: where it was then. `doubt`: clips
    before and after disagree.
    """

    ahead: int | None
    place: tuple[float, float] | None = None
    doubt: bool = False


def ahead_of(local: datetime, gps: datetime) -> tuple[int, int]:
    """Seconds by which a name is ahead of GPS, snapped to a zone's offset where it is one; and the seconds
    to add to GPS time because its week counter overflowed.
    """
    weeks = round((local - gps).total_seconds() / _ROLLOVER)
    rolled = weeks * _ROLLOVER if 0 < weeks <= 3 else 0
    return snapped((local - gps).total_seconds() - rolled), rolled


def snapped(ahead: float) -> int:
    """The zone's offset that `ahead` means; itself, when it can be none."""
    quarters = round(ahead / QUARTER) * QUARTER
    return quarters if abs(ahead - quarters) <= DRIFT and WEST <= quarters <= EAST else round(ahead)


def is_zone(ahead: int) -> bool:
    """Whether a clock that is so far ahead of UTC shows some zone's time."""
    return ahead % QUARTER == 0 and WEST <= ahead <= EAST


def camera_runs(samples: Iterable[Sample]) -> list[Run]:
    """The runs of one camera's clips, in order of GPS time.

    A new run begins where names and GPS differ by over 120 s more or less than before. One clip alone
    between two that agree is a receiver's fault, no new setting, and is left out.
    """
    found: list[list[tuple[float, Sample]]] = []
    for sample in sorted(samples, key=lambda each: (each.gps, each.local, each.sequence or 0)):
        ahead = (sample.local - sample.gps).total_seconds() - ahead_of(sample.local, sample.gps)[1]
        _put(found, ahead, sample)
    return [_run(clips) for clips in _without_strays(found)]


def _put(found: list[list[tuple[float, Sample]]], ahead: float, sample: Sample) -> None:
    held = [each for each, _ in found[-1]] if found else []
    if held and max(*held, ahead) - min(*held, ahead) <= DRIFT:
        found[-1].append((ahead, sample))
    else:
        found.append([(ahead, sample)])


def _without_strays(found: list[list[tuple[float, Sample]]]) -> list[list[tuple[float, Sample]]]:
    kept: list[list[tuple[float, Sample]]] = []
    for number, clips in enumerate(found):
        after = found[number + 1] if number + 1 < len(found) else None
        if len(clips) == 1 and kept and after and _agree(kept[-1], after):
            continue
        if kept and number and _agree(kept[-1], clips):
            kept[-1] = kept[-1] + clips
        else:
            kept.append(clips)
    return kept


def _agree(one: list[tuple[float, Sample]], other: list[tuple[float, Sample]]) -> bool:
    every = [ahead for ahead, _ in (*one, *other)]
    return max(every) - min(every) <= DRIFT


def _run(clips: list[tuple[float, Sample]]) -> Run:
    ahead = snapped(median(each for each, _ in clips))
    samples = tuple(sample for _, sample in clips)
    if ahead and not any(sample.gps_is_local for sample in samples):
        return Run(ahead, ahead, samples)
    jumps = [sample.jump for sample in samples if sample.jump]
    return Run(ahead, median_low(jumps) if jumps else None, samples)


def clock_at(
    runs: Sequence[Run], local: datetime, sequence: int | None = None, ahead: int | None = None
) -> CameraClock | None:
    """The camera's clock when it showed `local`, by its nearest clips; None when there is none near.

    `sequence` is that clip's counter. `ahead`: by how much its own name is ahead of its own GPS, where it
    has that; then only runs of the same difference count.
    """
    held = [
        (sample, run) for run in runs if ahead is None or abs(run.ahead - ahead) <= DRIFT
        for sample in run.samples if abs(sample.local - local) <= _NEAR
    ]  # fmt: skip
    if not held:
        return None
    sample, run = _nearest(held, local, sequence)
    return CameraClock(run.offset, sample.place, doubt=_between(held, run, local))


def _nearest(held: list[tuple[Sample, Run]], local: datetime, sequence: int | None) -> tuple[Sample, Run]:
    best = min(held, key=lambda each: abs(each[0].local - local))
    together = [each for each in held if abs(each[0].local - local) <= _TOGETHER]
    counted = [each for each in together if each[0].sequence is not None]
    if sequence is None or len({each[1] for each in together}) < 2 or not counted:
        return best
    return min(
        counted, key=lambda each: (abs((each[0].sequence or 0) - sequence), abs(each[0].local - local))
    )


def _between(held: list[tuple[Sample, Run]], run: Run, local: datetime) -> bool:
    """Whether the clip lies outside its run, with one of another offset on the other side."""
    inside = sorted(sample.local for sample in run.samples)
    if inside[0] <= local <= inside[-1]:
        return False
    after = local > inside[-1]
    return any((sample.local > local) == after and other.offset != run.offset for sample, other in held)
