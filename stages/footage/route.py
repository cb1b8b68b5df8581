"""From fixes to a route: what cannot be true is left out, because a wrong place is worse than none."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from datetime import UTC, timedelta
from itertools import pairwise
from statistics import median

from stages.footage.fix import Fix
from stages.sighting import Location, RoutePoint

#: Seconds between a moment and the fix that may still speak for it.
MAX_AGE = 3.0
#: No car goes faster (m/s).
MAX_SPEED = 85.0

_STRAY = 50.0  # metres that a fix may be off on top of what the speed allows
_CHAINS = 8
_EVERY = 0.2  # seconds between kept points; some cameras write one per video frame
_CLOCK_SLIP = 5.0  # seconds that a fix's own clock may differ from where it lies in the video
_LAPSE = 1.5  # seconds of the clock for one of the video, from which a clip counts as a time lapse
_STILL = 0.02  # and below which the clock stands
_LONGEST = 30 * 86400.0
_HEIGHTS = (-600.0, 12_000.0)  # metres at which a car can be, an error of the receiver's included
_EARTH = 6_371_008.8


def build(
    fixes: Sequence[Fix], *, duration: float | None = None, to_utc_seconds: float = 0.0
) -> list[RoutePoint]:
    """The believable fixes as route points, in order of `seconds`; at most 100 000.

    `to_utc_seconds` is added to each fix's clock (minus the zone's offset where it is local time). Void,
    stale and repeated fixes, teleports and those outside the clip are left out.
    """
    timed = sorted((fix for fix in fixes if fix.valid and _inside(fix, duration)), key=_seconds)
    kept = _thin(_connected(_fresh(timed)))
    return [_point(fix, to_utc_seconds) for fix in kept[:100_000]]


def position_at(route: Sequence[RoutePoint], seconds: float, max_age: float = MAX_AGE) -> Location | None:
    """Where the camera was: between two fixes by straight line, else the nearest; None without a fix
    within `max_age` seconds.
    """
    if not route or not math.isfinite(seconds):
        return None
    at = bisect_left(route, seconds, key=lambda point: point.seconds)
    before, after = (route[at - 1] if at else None), (route[at] if at < len(route) else None)
    near = [p for p in (before, after) if p is not None and abs(p.seconds - seconds) <= max_age]
    if len(near) == 2 and near[1].seconds > near[0].seconds:
        return _between(near[0], near[1], seconds)
    if not near:
        return None
    return Location(near[0].lat, near[0].lon)


def distance(lat: float, lon: float, other_lat: float, other_lon: float) -> float:
    """Metres between two places (haversine)."""
    a, b = math.radians(lat), math.radians(other_lat)
    h = (
        math.sin((b - a) / 2) ** 2
        + math.cos(a) * math.cos(b) * math.sin(math.radians(other_lon - lon) / 2) ** 2
    )
    return 2 * _EARTH * math.asin(math.sqrt(min(1.0, h)))


def _place(fix: Fix) -> tuple[float, float]:
    if fix.lat is None or fix.lon is None:
        raise ValueError("a void fix has no place")
    return fix.lat, fix.lon


def _seconds(fix: Fix) -> float:
    return fix.seconds if fix.seconds is not None else math.inf


def _inside(fix: Fix, duration: float | None) -> bool:
    if fix.seconds is None or not math.isfinite(fix.seconds):
        return False
    if fix.speed_kmh is not None and fix.speed_kmh / 3.6 > MAX_SPEED:
        return False
    return -MAX_AGE <= fix.seconds <= (_LONGEST if duration is None else duration + MAX_AGE)


def _fresh(fixes: list[Fix]) -> list[Fix]:
    """Without what a receiver repeats after it lost the sky: an old clock, or moving on the spot."""
    rate = _rate(fixes)
    slips = [_slip(fix, rate) for fix in fixes]
    known = [slip for slip in slips if slip is not None]
    usual = median(known) if known else 0.0
    # Where all fixes lie on one spot while speed and course change, somebody rounded them for privacy.
    rounded = len({(fix.lat, fix.lon) for fix in fixes}) == 1
    kept: list[Fix] = []
    for fix, slip in zip(fixes, slips, strict=True):
        if slip is not None and abs(slip - usual) > _CLOCK_SLIP:
            continue
        last = kept[-1] if kept else None
        if last and (last.lat, last.lon) == (fix.lat, fix.lon) and (fix.speed_kmh or 0) > 5:
            same = (last.speed_kmh, last.course) == (fix.speed_kmh, fix.course)
            if same or not rounded:
                continue
        kept.append(fix)
    return kept


def _rate(fixes: list[Fix]) -> float:
    """Seconds of the clock that pass in one of the video: 1 but for a time lapse or slow motion.

    Believed where most steps are alike: half-second fixes of a clock of whole seconds, and a clock that
    stands still for half of the clip, make steps of two kinds.
    """
    rates = [
        (after.time - before.time).total_seconds() / (_seconds(after) - _seconds(before))
        for before, after in pairwise(fixes)
        if before.time and after.time and _seconds(after) > _seconds(before)
    ]
    rate = median(rates) if rates else 1.0
    alike = sum(rate / 2 <= each <= rate * 3 / 2 for each in rates)
    other = _LAPSE < rate < 1e6 or _STILL < rate < 1 / _LAPSE
    return rate if other and alike * 3 >= len(rates) * 2 else 1.0


def _slip(fix: Fix, rate: float) -> float | None:
    if fix.time is None or fix.seconds is None:
        return None
    return fix.time.replace(tzinfo=UTC).timestamp() - fix.seconds * rate


def _connected(fixes: list[Fix]) -> list[Fix]:
    """The longest chain of fixes that one car can have driven; nothing when two are equally long."""
    chains: list[list[Fix]] = []
    for fix in fixes:
        chain = next((c for c in reversed(chains) if _reachable(c[-1], fix)), None)
        if chain is None:
            # Strays are few; a source that only jumps about is no route at all.
            if len(chains) == _CHAINS:
                chains.remove(min(chains, key=len))
            chain = []
            chains.append(chain)
        chain.append(fix)
    chains.sort(key=len, reverse=True)
    if not chains or (len(chains) > 1 and len(chains[0]) == len(chains[1])):
        return []
    return chains[0]


def _reachable(last: Fix, fix: Fix) -> bool:
    gone = _seconds(fix) - _seconds(last)
    if fix.time and last.time:  # in a time lapse the clock says more than the video
        gone = max(gone, (fix.time - last.time).total_seconds())
    reach = _STRAY + MAX_SPEED * max(0.0, gone)
    return distance(*_place(last), *_place(fix)) <= reach


def _thin(fixes: list[Fix]) -> list[Fix]:
    kept: list[Fix] = []
    for fix in fixes:
        if not kept or _seconds(fix) - _seconds(kept[-1]) >= _EVERY - 1e-6:
            kept.append(fix)
    return kept


def _point(fix: Fix, to_utc_seconds: float) -> RoutePoint:
    lat, lon = _place(fix)
    time = None
    if fix.time is not None:
        time = (fix.time + timedelta(seconds=to_utc_seconds)).isoformat() + "Z"
    return RoutePoint(
        seconds=round(_seconds(fix), 3),
        lat=round(lat, 7),
        lon=round(lon, 7),
        time=time,
        speed_kmh=_within(fix.speed_kmh, 0.0, MAX_SPEED * 3.6),
        course=_within(fix.course, 0.0, 360.0),
        altitude=_within(fix.altitude, *_HEIGHTS),
    )


def _within(value: float | None, least: float, most: float) -> float | None:
    """The value to two decimals; None when it cannot be."""
    return round(value, 2) if value is not None and least <= value <= most else None


def _between(first: RoutePoint, second: RoutePoint, seconds: float) -> Location:
    share = (seconds - first.seconds) / (second.seconds - first.seconds)
    # The short way round, also where 180 degrees east meets west.
    east = (second.lon - first.lon + 180) % 360 - 180
    lon = (first.lon + east * share + 180) % 360 - 180
    return Location(first.lat + (second.lat - first.lat) * share, lon)
