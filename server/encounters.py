"""Which sightings are one encounter with a car: pure functions over the sightings of look-alike plates.

One plate, seen again and again with pauses no longer than a gap, through whatever channel and clip, is one
encounter. Sightings whose texts differ only by look-alikes (O and 0) are of one car where one text alone
is confirmed: then the others are misread. Two confirmed texts stay two plates, since for each enough looks
agreed; a doubtful sighting between them goes to the nearest in time. Without any confirmed text only equal
ones are joined: which of them is misread nobody knows. The order in which sightings come in does not matter.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from typing import NamedTuple


class Sight(NamedTuple):
    """A sighting as encounters see it; times in seconds on one time axis."""

    sighting_id: int
    plate: str
    begins: float
    ends: float
    confirmed: bool = False
    confidence: float = 0.0
    agreeing: int = 0


class Encounter(NamedTuple):
    """One encounter: its plate, and its sightings in order of time."""

    plate: str
    sights: tuple[Sight, ...]

    @property
    def best(self) -> Sight:
        """The surest of its sightings."""
        return max(self.sights, key=lambda s: (s.confirmed, s.confidence, s.agreeing, -s.sighting_id))


def encounters(sights: Sequence[Sight], gap: float) -> list[Encounter]:
    """Sightings of plates that equal but for look-alikes, as encounters; `gap` in seconds."""
    found: list[Encounter] = []
    for run in runs(sights, gap):
        confirmed = sorted({sight.plate for sight in run if sight.confirmed})
        if len(confirmed) == 1:
            found.append(Encounter(confirmed[0], tuple(run)))
            continue
        texts: dict[str, list[Sight]] = {}
        for sight, plate in _assigned(run, confirmed):
            texts.setdefault(plate, []).append(sight)
        for plate, mine in texts.items():
            found += [Encounter(plate, tuple(part)) for part in runs(mine, gap)]
    return found


def runs(sights: Sequence[Sight], gap: float) -> Iterator[list[Sight]]:
    """Sightings in order of time, parted wherever nothing was seen for longer than the gap."""
    run: list[Sight] = []
    until = -math.inf
    for sight in sorted(sights, key=lambda s: (s.begins, s.sighting_id)):
        if run and sight.begins - until > gap:
            yield run
            run = []
        run.append(sight)
        until = max(until, sight.ends) if len(run) > 1 else sight.ends
    if run:
        yield run


def _assigned(run: Sequence[Sight], confirmed: Sequence[str]) -> Iterator[tuple[Sight, str]]:
    """Each sighting with the text of the plate it is of."""
    sure = sorted((s.begins, s.plate) for s in run if s.confirmed)
    times = [begins for begins, _ in sure]
    for sight in run:
        own = sight.confirmed or not sure or sight.plate in confirmed
        yield sight, sight.plate if own else _nearest(sure, times, sight.begins)


def _nearest(sure: Sequence[tuple[float, str]], times: Sequence[float], at: float) -> str:
    """The confirmed text that began nearest to an instant; of two the earlier, then by alphabet."""
    after = bisect_right(times, at)
    near = [sure[after]] if after < len(sure) else []
    if after:
        near.append(sure[bisect_left(times, times[after - 1])])
    return min(near, key=lambda each: (abs(each[0] - at), each))[1]
