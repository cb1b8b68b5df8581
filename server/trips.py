"""Which clips were recorded in one go: pure functions over a camera's clips in order of time.

Every clip is linked to the clip before it in its trip, or to none. That is decided by the clips a little
before (and, for event clips, a little after) alone, so that one more clip changes only what is near it, and
the order in which clips come in does not matter.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from stages.sighting import RoutePoint

DRIVING, PARKED, EITHER = "driving", "parked", "either"
#: An event clip belongs to whatever it happened in. It may overlap others: it begins before its cause.
KINDS = {
    "parking": PARKED, "timelapse": PARKED, "sentry": PARKED, "event": EITHER, "manual": EITHER,
}  # fmt: skip
#: Channels of one moment begin within so many seconds; clips of one channel overlap by no more.
TOLERANCE = 15.0
#: No clip is taken for longer (seconds).
LONGEST = 6 * 3600.0

_SEEN = 256  # clips before a clip that are looked at
_COUNTED = 64  # files by which a camera's counter may go on between two clips
_EARTH = 6_371_008.8


class Shot(NamedTuple):
    """A clip as trips see it; times in seconds since 1970 by the camera's own clock."""

    video_id: str
    channel: str
    kind: str
    starts: float
    ends: float
    sequence: int | None = None


def order(shot: Shot) -> tuple[float, str]:
    """The order in which clips of a camera are looked at."""
    return shot.starts, shot.video_id


def linked(
    shots: Sequence[Shot],
    gap: float,
    cuts: Sequence[float] = (),
    known: Mapping[str, str | None] | None = None,
    since: int = 0,
) -> Iterator[tuple[Shot, str | None]]:
    """Each clip of one camera, in order, with the clip before it in its trip; None: a trip begins.

    `shots` are in `order`; `gap` is in seconds; no link goes across a time in `cuts` (ascending). With
    `since` only the clips from that index on are decided, and `known` has the links of those before.
    """
    kinds = _settled_kinds(shots, gap)
    links: list[str | None] = []
    for place, shot in enumerate(shots):
        if place < since:
            links.append((known or {}).get(shot.video_id))
        else:
            links.append(_link(place, shots, kinds, links, gap, cuts))
            yield shot, links[place]


def _settled_kinds(shots: Sequence[Shot], gap: float) -> list[str]:
    """The kind of each clip; that of an event is the nearest other clip's."""
    plain = [shot for shot in shots if shot.kind != EITHER]
    starts = [shot.starts for shot in plain]
    longest = max((shot.ends - shot.starts for shot in plain), default=0.0)

    def of(shot: Shot) -> str:
        if shot.kind != EITHER:
            return shot.kind
        first = bisect_left(starts, shot.starts - gap - longest)
        last = bisect_left(starts, shot.ends + gap + 1e-6)
        away = ((_away(other, shot), order(other), other.kind) for other in plain[first:last])
        nearest = min((each for each in away if each[0] <= gap), default=None)
        return nearest[2] if nearest else DRIVING

    return [of(shot) for shot in shots]


def _away(one: Shot, other: Shot) -> float:
    """Seconds between two clips; 0 when they overlap."""
    return max(0.0, one.starts - other.ends, other.starts - one.ends)


def _overlap(one: Shot, other: Shot) -> float:
    return min(one.ends, other.ends) - max(one.starts, other.starts)


def _clash(one: Shot, other: Shot) -> bool:
    """Whether one camera cannot have recorded both with one setting of its clock."""
    plain = one.kind != EITHER and other.kind != EITHER
    return plain and one.channel == other.channel and _overlap(one, other) > TOLERANCE


def _link(
    place: int,
    shots: Sequence[Shot],
    kinds: Sequence[str],
    links: Sequence[str | None],
    gap: float,
    cuts: Sequence[float],
) -> str | None:
    shot = shots[place]
    near = [i for i in range(max(0, place - _SEEN), place) if shots[i].ends >= shot.starts - gap]
    trips: dict[str, str] = {}  # the first clip here of the trip of each
    last: dict[str, str] = {}
    for i in range(near[0], place) if near else ():
        name, link = shots[i].video_id, links[i]
        trips[name] = trips.get(link, name) if link is not None else name
        last[trips[name]] = name
    clashing = {trips[shots[i].video_id] for i in near if _clash(shots[i], shot)}
    cut = cuts[bisect_left(cuts, shot.starts + 1e-6) - 1] if cuts and cuts[0] <= shot.starts else -math.inf
    best: tuple[tuple[float, ...], int] | None = None
    foreign: list[Shot] = []
    for i in reversed(near):
        other = shots[i]
        if kinds[i] != kinds[place]:
            if other.kind != EITHER and _overlap(other, shot) <= TOLERANCE:
                foreign.append(other)
            continue
        if other.starts < cut or trips[other.video_id] in clashing:
            continue
        if any(_overlap(each, other) <= TOLERANCE for each in foreign):
            continue  # the car was parked in between, or driven
        score = _score(other, shot), i
        best = score if best is None or score[0] < best[0] else best
    return last[trips[shots[best[1]].video_id]] if best else None


def _score(other: Shot, shot: Shot) -> tuple[float, ...]:
    """How badly `shot` follows `other`: channels of one moment fit best, then the channel's last clip."""
    apart = shot.starts - other.starts
    if other.channel != shot.channel and apart <= TOLERANCE:
        return 0, apart
    pause = abs(shot.starts - other.ends)
    if other.channel == shot.channel and other.kind != EITHER:
        return 1, float(not _counts_on(other, shot)), pause
    return 2, pause


def _counts_on(other: Shot, shot: Shot) -> bool:
    if other.sequence is None or shot.sequence is None:
        return True
    return 0 < shot.sequence - other.sequence <= _COUNTED


def moments(shots: Sequence[Shot]) -> list[list[Shot]]:
    """Clips of a trip, in order, in groups of what was recorded at once: one for each channel at most."""
    found: list[list[Shot]] = []
    for shot in sorted(shots, key=order):
        group = next(
            (
                each for each in reversed(found[-8:])
                if shot.starts - each[0].starts <= TOLERANCE and all(o.channel != shot.channel for o in each)
            ),
            None,
        )  # fmt: skip
        if group is None:
            found.append([shot])
        else:
            group.append(shot)
    return found


def began_with(shot: Shot, shots: Sequence[Shot]) -> float:
    """When the moment began that a clip is of: the earliest start of its other channels."""
    same = [
        each.starts for each in shots
        if each.channel != shot.channel and 0 <= shot.starts - each.starts <= TOLERANCE
    ]  # fmt: skip
    return min([shot.starts, *same])


def covered(shots: Sequence[tuple[Shot, float | None]]) -> float | None:
    """The length of the way in metres, over the clips that do not overlap one counted before.

    `shots` are in `order`, each with the length of its own route; None when none has one.
    """
    total, until = None, -math.inf
    for shot, metres in shots:
        if metres is not None and shot.starts >= until - TOLERANCE:
            total = (total or 0.0) + metres
            until = max(until, shot.ends)
    return total


def length(points: Sequence[RoutePoint]) -> float:
    """Metres along a route."""
    return sum(metres(one, other) for one, other in pairwise(points))


def metres(one: RoutePoint, other: RoutePoint) -> float:
    """How far two fixes are apart (haversine)."""
    a, b = math.radians(one.lat), math.radians(other.lat)
    h = (
        math.sin((b - a) / 2) ** 2
        + math.cos(a) * math.cos(b) * math.sin(math.radians(other.lon - one.lon) / 2) ** 2
    )
    return 2 * _EARTH * math.asin(math.sqrt(min(1.0, h)))
