"""Which part of which clip: a stretch of a trip as parts of its clips."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

#: Seconds by which clips may overlap or lie apart without a word: cameras cut on whole seconds.
SLACK = 2.0
_LEAST = 0.001  # seconds below which a part is nothing
_USUAL = 60.0  # a clip of unknown length, where its place in a trip must be told


class Span(NamedTuple):
    """One clip on the trip's time: its length in seconds (None: not known) and its start."""

    name: str
    seconds: float | None
    start: datetime | None


class Part(NamedTuple):
    """Part of the clip with index `clip`: seconds from that clip's start; `end` None = to its end."""

    clip: int
    begin: float
    end: float | None


class Plan(NamedTuple):
    """Parts in order, and sentences about gaps and overlaps."""

    parts: list[Part]
    notes: list[str]


def lay(spans: Sequence[Span]) -> list[float]:
    """Where each clip begins, in seconds from the first one's start; `spans` are in order of time.

    A clip whose start is not known follows the one before it.
    """
    begins: list[float] = []
    for number, span in enumerate(spans):
        if number == 0:
            begins.append(0.0)
            continue
        first, last = spans[0].start, spans[number - 1]
        if span.start is not None and first is not None:
            begins.append(max(begins[-1], (span.start - first).total_seconds()))
        else:
            begins.append(begins[-1] + (last.seconds if last.seconds is not None else _USUAL))
    return begins


def length(spans: Sequence[Span]) -> float | None:
    """Seconds from the first clip's start to the last one's end; None when the last length is not known."""
    ends = [
        None if span.seconds is None else at + span.seconds
        for at, span in zip(lay(spans), spans, strict=True)
    ]
    known = [end for end in ends if end is not None]
    return None if not ends or ends[-1] is None else max(known)


def plan(spans: Sequence[Span], begin: float = 0.0, end: float | None = None) -> Plan:
    """The parts of the clips between two moments (seconds from the first clip's start), each moment once.

    What was shown already is left out of the next clip, where they overlap by more than the second or two
    that cameras do.
    """
    parts: list[Part] = []
    notes: list[str] = []
    shown: float | None = None  # until where the parts so far reach
    for number, (at, span) in enumerate(zip(lay(spans), spans, strict=True)):
        stop = None if span.seconds is None else at + span.seconds
        low, high = max(at, begin), _earlier(stop, end)
        if high is not None and high - low < _LEAST:
            continue
        if shown is not None and low < shown - SLACK:
            low = shown
            if high is not None and high - low < _LEAST:
                notes.append(f"{span.name} shows only what the clips before it show, and is left out")
                continue
            notes.append(
                f"{span.name} overlaps what was before it; it is taken from its second {low - at:.1f}"
            )
        if shown is not None and low - shown > SLACK:
            notes.append(f"{low - shown:.0f} s before {span.name} were not recorded")
        parts.append(Part(number, low - at, None if high is None or high == stop else high - at))
        shown = high if high is None or shown is None else max(shown, high)
    return Plan(parts, notes)


def _earlier(one: float | None, other: float | None) -> float | None:
    if one is None or other is None:
        return other if one is None else one
    return min(one, other)
