"""The one place that says which distinct plates fit what somebody looks for, from bitmaps in memory."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Iterator
from functools import cached_property
from typing import Any

import msgspec
from rapidfuzz.distance import Levenshtein

from server.folding import WILD, far, fold, normal, pattern
from server.plate_bits import SIZE, Block, Plates, strange
from server.sql import SQL

#: Plates that a search for similar ones takes at most, the nearest first.
MOST_SIMILAR = 2000
_ROWS = 8192


class PlateIndex:
    """Every distinct plate. Each search first reads those that are new, or all anew where some were removed.

    About six bytes for each plate, up to forty once similar ones were asked for; 0.8 s for half a million.
    `runners_up` is the same for what sightings were nearly read as.
    """

    def __init__(self, table: str = "plate", key: str = "plate_id") -> None:
        self._of = {"table": table, "key": key}
        self._lock = threading.Lock()
        self._blocks: list[Block] = []
        self._last = 0
        self._removals: int | None = None

    @cached_property
    def runners_up(self) -> PlateIndex:
        """Every distinct other reading of a sighting; its `plate_id` is `runner_up.text_id`."""
        return PlateIndex("runner_up_text", "text_id")

    def _run(self, connection: sqlite3.Connection, name: str, **values: Any) -> sqlite3.Cursor:
        return connection.execute(SQL[name].format(**self._of), values)

    def load(self, connection: sqlite3.Connection) -> list[Block]:
        """All plates that `connection` sees. Other searches wait meanwhile."""
        with self._lock:
            # Another reading's number is never given again: what is left of one that is gone finds nothing.
            removals = _removals(connection) if self._of["table"] == "plate" else 0
            if removals != self._removals:  # plates are gone, and their numbers may be given again
                self._blocks, self._last, self._removals = [], 0, removals
            cursor = self._run(connection, "plates_after", last=self._last)
            while rows := cursor.fetchmany(_ROWS):
                self._add(rows)
            return list(self._blocks)

    def _add(self, rows: list[tuple[int, str]]) -> None:
        while rows:
            first = rows[0][0] // SIZE * SIZE
            here = [row for row in rows if row[0] < first + SIZE]
            block = Block.of(first, here)
            if self._blocks and self._blocks[-1].first == first:
                block = self._blocks.pop().joined(block)
            self._blocks.append(block)
            self._last = here[-1][0]
            rows = rows[len(here) :]

    def fitting(self, connection: sqlite3.Connection, text: str, match: str) -> Plates:
        """The plates that a search means: `text` as it was given, `match` as in `catalogue.PlateFilter`."""
        if match == "exact":
            rows = self._run(connection, "plate_numbered", text=normal(text))
            return Plates.of(number for (number,) in rows)
        if match == "similar":
            return Plates.of(self.similar(connection, text))
        glob = pattern(text)
        if not any(wild in glob for wild in WILD):
            if not glob:
                return Plates([])
            glob = f"*{glob}*"
        pieces = glob.split("*")
        found = Plates([])
        for block in self.load(connection):
            if bits := block.fitting(pieces):
                found.parts.append((block.first, bits))
        return self._checked(connection, glob, found)

    def _checked(self, connection: sqlite3.Connection, glob: str, found: Plates) -> Plates:
        if not found.parts or not strange(glob):
            return found
        rows = self._run(connection, "plates_among", plates=_json(found.numbers), glob=glob)
        return Plates.of(number for (number,) in rows)

    def similar(self, connection: sqlite3.Connection, text: str) -> list[int]:
        """Plates that equal `text` but for look-alikes, or for as many characters as `far` says.

        The nearest first, MOST_SIMILAR at most.
        """
        folded = fold(text)
        if not folded:
            return []
        off = far(folded)
        near: list[Plates] = [Plates([]) for _ in range(off + 1)]
        for block in self.load(connection):
            for plates, found in zip(near, block.near(folded, off), strict=True):
                if found:
                    plates.parts.append((block.first, found))
        if strange(folded):
            among = _json([n for plates in near for n in plates.numbers])
            return _measured(self._run(connection, "texts_among", plates=among).fetchall(), folded, off)
        numbers: list[int] = []
        for plates in near:
            if len(numbers) < MOST_SIMILAR:
                numbers += plates.numbers[: MOST_SIMILAR - len(numbers)]
        return numbers


@contextlib.contextmanager
def one_state(connection: sqlite3.Connection) -> Iterator[None]:
    """Everything that is read inside is of one state of the database: plates, and the sightings of them."""
    nested = connection.in_transaction
    if nested:
        yield
        return
    connection.execute("BEGIN")
    try:
        yield
    finally:
        if connection.in_transaction:  # a read that failed may have ended it
            connection.execute("COMMIT")


def _removals(connection: sqlite3.Connection) -> int:
    try:
        return int(connection.execute(SQL["plate_removals"]).fetchone()[0])
    except sqlite3.OperationalError:
        return 0  # a file of an older program, which is only read: nobody removes anything


def _measured(rows: list[tuple[int, str]], folded: str, off: int) -> list[int]:
    """Those that are as near as they seemed, the nearest first."""
    apart = [(Levenshtein.distance(folded, fold(text), score_cutoff=off), number) for number, text in rows]
    return [number for distance, number in sorted(apart) if distance <= off][:MOST_SIMILAR]


def _json(numbers: list[int]) -> str:
    return msgspec.json.encode(numbers).decode()
