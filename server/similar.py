"""Plates like one that somebody remembers, among all distinct ones, in memory."""

from __future__ import annotations

import itertools
import sqlite3
import threading
from array import array

from rapidfuzz import process
from rapidfuzz.distance import Levenshtein

from server.folding import fold
from server.sql import SQL

#: Plates that one search takes at most, the nearest first.
MOST = 2000
_OFF = 2  # characters that may be wrong at most
_PARTS = _OFF + 1


class Similar:
    """Every distinct plate, folded, and an index of their parts.

    A plate in three parts with two characters wrong has one part unharmed, and that cannot have moved far:
    only plates with such a part are compared (Li, Deng, Wang, Feng: Pass-Join, VLDB 2011).
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._clear()

    def _clear(self) -> None:
        self._ids: list[int] = []
        self._folded: list[str] = []
        self._short: list[int] = []
        #: By length: where each part lies, and the plates by its text.
        self._parts: dict[int, list[tuple[int, int, dict[str, array[int]]]]] = {}

    def forget(self) -> None:
        """Plates were removed: read them anew, since their numbers may be given again."""
        with self._lock:
            self._clear()

    def ids(self, connection: sqlite3.Connection, text: str) -> list[int]:
        """Plates that equal `text` but for look-alikes, or for one character (two in six and more)."""
        with self._lock:
            last = self._ids[-1] if self._ids else 0
            for plate_id, _, folded in connection.execute(SQL["plates_after"], {"plate_id": last}):
                self._add(plate_id, folded)
            wanted = fold(text)
            near = list(self._near(wanted))
            found = process.extract(
                wanted,
                [self._folded[place] for place in near],
                scorer=Levenshtein.distance,
                score_cutoff=1 if len(wanted) < 6 else _OFF,
                limit=MOST,
            )
            return [self._ids[near[place]] for _, _, place in found]

    def _add(self, plate_id: int, folded: str) -> None:
        place = len(self._ids)
        self._ids.append(plate_id)
        self._folded.append(folded)
        if len(folded) < _PARTS:
            self._short.append(place)
            return
        parts = self._parts.get(len(folded))
        if parts is None:
            parts = self._parts[len(folded)] = [(begin, end, {}) for begin, end in _cuts(len(folded))]
        for begin, end, among in parts:
            text = folded[begin:end]
            if text in among:
                among[text].append(place)
            else:
                among[text] = array("I", (place,))

    def _near(self, wanted: str) -> set[int]:
        """Places of plates that share a part with `wanted` where it may lie."""
        near = set(self._short)
        size = len(wanted)
        for length in range(max(_PARTS, size - _OFF), size + _OFF + 1):
            longer = size - length
            for number, (begin, end, among) in enumerate(self._parts.get(length, ())):
                left, right = number, _OFF - number
                first = max(0, begin - left, begin + longer - right)
                last = min(size - (end - begin), begin + left, begin + longer + right)
                for at in range(first, last + 1):
                    near.update(among.get(wanted[at : at + end - begin], ()))
        return near


def _cuts(length: int) -> list[tuple[int, int]]:
    """Begin and end of each part of a text."""
    edges = [length * number // _PARTS for number in range(_PARTS + 1)]
    return list(itertools.pairwise(edges))
