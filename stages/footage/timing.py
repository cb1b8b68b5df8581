"""Where in the video each fix of a log lies, for logs that do not say so themselves."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC
from itertools import groupby
from statistics import median

from stages.footage.fix import Fix

_JUMP = 600.0  # seconds; a receiver's clock that jumps further when it sees the sky was wrong before


def timed(fixes: Sequence[Fix], duration: float | None = None) -> list[Fix]:
    """The fixes, in their order, each with `seconds` from the clip's start.

    What a source ties to the video stays. Else the log begins with the clip and its clock counts; without a
    clock the fixes lie evenly over the clip, or one a second. Several in the same second are spread over it.
    """
    if any(fix.seconds is not None for fix in fixes):
        return _spread(_filled(fixes))
    clocked = [fix for fix in fixes if fix.time is not None]
    if not clocked:
        step = duration / len(fixes) if duration and fixes else 1.0
        return [fix._replace(seconds=i * step) for i, fix in enumerate(fixes)]
    start = _start(clocked)
    return _spread([fix._replace(seconds=round(_clock(fix) - start, 3)) for fix in clocked])


def _clock(fix: Fix) -> float:
    if fix.time is None:
        raise ValueError("a fix without a time has no clock")
    return fix.time.replace(tzinfo=UTC).timestamp()


def _start(clocked: list[Fix]) -> float:
    """What the clock of the valid fixes showed when the log began."""
    valid = next((i for i, fix in enumerate(clocked) if fix.valid), 0)
    first, seen = _clock(clocked[0]), _clock(clocked[valid])
    return first if abs(seen - first) <= _JUMP else seen - valid


def _filled(fixes: Sequence[Fix]) -> list[Fix]:
    """Those without a place in the video get one by their clock; those without both are left out."""
    slips = [_clock(fix) - fix.seconds for fix in fixes if fix.time is not None and fix.seconds is not None]
    slip = median(slips) if slips else None
    found = []
    for fix in fixes:
        if fix.seconds is not None:
            found.append(fix)
        elif fix.time is not None and slip is not None:
            found.append(fix._replace(seconds=_clock(fix) - slip))
    return found


def _spread(fixes: list[Fix]) -> list[Fix]:
    """Fixes that share a second lie evenly in it: a clock of whole seconds, and several fixes in each."""
    found: list[Fix] = []
    for seconds, group in groupby(fixes, key=lambda fix: fix.seconds):
        same = list(group)
        found += [fix._replace(seconds=(seconds or 0.0) + i / len(same)) for i, fix in enumerate(same)]
    return found
