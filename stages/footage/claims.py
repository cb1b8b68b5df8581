"""What each source says about a clip's start: its name, the movie header, the fixes, files beside it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from statistics import median

from stages.footage.container import Container
from stages.footage.fix import Fix
from stages.footage.names import NameFacts
from stages.footage.runs import EAST, QUARTER, WEST
from stages.sighting import TimeClaim

_2000, _2100 = 946_684_800, 4_102_444_800  # what lies outside is no time of footage


def claims_of(
    name: NameFacts,
    container: Container,
    fixes: Sequence[Fix],
    modified: float | None,
    sidecar: datetime | None,
) -> list[TimeClaim]:
    """Every claim, as its source has it."""
    claims = []
    if name.recorded_local:
        claims.append(TimeClaim("name_local", name.recorded_local.isoformat()))
    if container.created:
        claims.append(TimeClaim("mvhd", container.created.isoformat() + "Z"))
        if container.duration_seconds:
            began = container.created - timedelta(seconds=round(container.duration_seconds))
            claims.append(TimeClaim("mvhd_minus_duration", began.isoformat() + "Z"))
    if gps := gps_start(fixes):
        claims.append(TimeClaim("gps", gps.isoformat() + "Z"))
    valid = [fix.time for fix in fixes if fix.valid and fix.time is not None]
    if valid:
        claims.append(TimeClaim("gps_first", _second(valid[0])))
        claims.append(TimeClaim("gps_last", _second(valid[-1])))
    if sidecar:
        claims.append(TimeClaim("sidecar", sidecar.isoformat()))
    if modified is not None and 0 < modified < _2100:
        when = datetime.fromtimestamp(int(modified), UTC).replace(tzinfo=None)
        claims.append(TimeClaim("mtime", when.isoformat() + "Z"))
    return claims


def _second(when: datetime) -> str:
    return when.isoformat(timespec="seconds") + "Z"


def gps_start(fixes: Sequence[Fix]) -> datetime | None:
    """The clip's start by the clock of its valid fixes (naive, as written), by their median."""
    starts = [
        fix.time.replace(tzinfo=UTC).timestamp() - fix.seconds
        for fix in fixes
        if fix.valid and fix.time is not None and fix.seconds is not None and 2000 <= fix.time.year < 2100
    ]
    if not starts or not _2000 <= median(starts) < _2100:
        return None
    return datetime.fromtimestamp(round(median(starts)), UTC).replace(tzinfo=None)


def place_of(fixes: Sequence[Fix]) -> tuple[float, float] | None:
    """Latitude and longitude of the first valid fix."""
    return next(((f.lat, f.lon) for f in fixes if f.valid and f.lat is not None and f.lon is not None), None)


def jump_at_fix(fixes: Sequence[Fix]) -> int | None:
    """By how many seconds the clock jumps when the receiver gets its first fix, if by whole quarter hours.

    Such a camera wrote UTC before and writes its own local time afterwards.
    """
    for last, fix in pairwise(fixes):
        if last.valid or not fix.valid or last.time is None or fix.time is None:
            continue
        jump = (fix.time - last.time).total_seconds() - ((fix.seconds or 0) - (last.seconds or 0))
        quarters = round(jump / QUARTER)
        if quarters and abs(jump - quarters * QUARTER) <= 5 and WEST <= jump <= EAST:
            return quarters * QUARTER
    return None
