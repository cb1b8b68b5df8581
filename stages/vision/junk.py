"""Texts that are no plates: how many there were, and enough of them to be found again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from stages.vision.boxes import Box

_MOST_TEXTS = 50  # kept for each reason
_LONGEST = 40  # characters of one


class Junk(NamedTuple):
    """One text that is no plate, on one picture. `box` in pixels of the full frame."""

    reason: str
    text: str
    frame: int
    seconds: float
    box: Box


class JunkText(NamedTuple):
    """A text that was dropped, how often, and between which seconds; `box` is where it was first."""

    reason: str
    text: str
    times: int
    first_seconds: float
    last_seconds: float
    box: Box


class Dropped:
    """What a clip showed that is no plate. Every one is counted; of each reason some texts are kept."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._texts: dict[str, dict[str, JunkText]] = {}

    def add(self, counts: Counter[str], junk: Iterable[Junk] = ()) -> None:
        """Take in what one picture showed."""
        self.counts += counts
        for each in junk:
            self._keep(each)

    def _keep(self, junk: Junk) -> None:
        texts = self._texts.setdefault(junk.reason, {})
        name = junk.text[:_LONGEST]
        known = texts.get(name)
        if known is not None:
            last = max(known.last_seconds, junk.seconds)
            texts[name] = known._replace(times=known.times + 1, last_seconds=last)
        elif len(texts) < _MOST_TEXTS:
            texts[name] = JunkText(junk.reason, name, 1, junk.seconds, junk.seconds, junk.box)

    def texts(self) -> list[JunkText]:
        """The texts that were kept, by reason and in order of first sight."""
        kept = (each for texts in self._texts.values() for each in texts.values())
        return sorted(kept, key=lambda each: (each.reason, each.first_seconds, each.text))
