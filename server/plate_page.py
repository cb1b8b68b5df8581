"""One page of the sightings of some plates, newest first, at a cost that hardly grows with the archive.

What is common comes up by walking back from the newest sighting, for as long as it would take to look up the
plates. What is rarer is gathered plate by plate. Neither sorts every sighting of a common plate.
"""

from __future__ import annotations

import sqlite3
from typing import Any

import msgspec

from server.catalogue import PlateFilter
from server.plate_bits import Plates
from server.search import by_name, next_day
from server.sql import SQL

#: Newest sightings that are walked over at least.
WALK = 2000
#: So many sightings are walked over in the time in which one plate's are looked up.
WORTH = 16
#: So many sightings are not simply sorted; the newest are tried first, up to such a rank among all.
MANY, NEAR = 20_000, 60_000


def page(connection: sqlite3.Connection, which: PlateFilter, plates: Plates) -> list[int]:
    """The numbers of the sightings on a page of a search, which is for these plates."""
    return Page(connection, which).find(plates)


class Page:
    """A search for one page: `most` sightings from the newest on, of which the last ones are the page."""

    #: The statements that it goes by.
    walked, gathered = "sightings_walked", "sightings_of_plates"

    def __init__(self, connection: sqlite3.Connection, which: PlateFilter) -> None:
        self._connection = connection
        self._which = which
        self._most = which.limit + which.offset
        self._values: dict[str, Any] = {
            "date_from": which.date_from,
            "until": next_day(which.date_to),
            "confirmed": which.confirmed,
        }
        self._dates = "".join(
            condition
            for name, condition in (
                ("date_from", " AND s.timestamp >= :date_from"),
                ("until", " AND s.timestamp < :until"),
            )
            if self._values[name] is not None
        )
        self._other = "" if which.confirmed is None else " AND s.confirmed = :confirmed"
        if which.sure is not None:
            self._values["sure"] = which.sure
            self._other += " AND s.confidence >= :sure"
        if which.known is not None:
            self._other += f" AND {by_name(which.known)}"

    def farthest(self, count: int) -> int:
        """How many sightings are walked over before this many plates are looked up."""
        return max(WALK, min(count * WORTH, NEAR))

    def find(self, plates: Plates) -> list[int]:
        """The numbers of the sightings on the page."""
        count = plates.count()
        if not count:
            return []
        self._values["flags"] = plates.flags
        need, found = WALK, list[int]()
        while len(found) < self._most and need <= self.farthest(count):
            found = self._numbers(self.walked, walked=need, most=self._most)
            need = self._enough(need, len(found))
        if len(found) < self._most:
            self._values["plates"] = msgspec.json.encode(plates.numbers).decode()
            found = self._gathered(need)
        return found[self._which.offset :]

    def _enough(self, walked: int, found: int) -> int:
        """Among how many of the newest sightings there should be a page, with some more."""
        return walked * self._most * 3 // (found * 2) if found else NEAR * 10

    def _gathered(self, need: int) -> list[int]:
        """Sightings plate by plate: the newest where these should do, or all where they are not many."""
        ranks = [need]
        if need > NEAR:
            many = self._numbers("count_sightings_of_plates", most=MANY)[0] >= MANY
            ranks = [NEAR, NEAR * 10] if many else []
        for rank in ranks:
            since = next(iter(self._numbers("timestamp_of_rank", rank=rank)), None)
            if since is None:
                break
            newest = self._numbers(self.gathered, " AND s.timestamp >= :since", since=since, most=self._most)
            if len(newest) >= self._most:
                return newest
        return self._numbers(self.gathered, most=self._most)

    def _numbers(self, name: str, condition: str = "", **values: Any) -> list[Any]:
        statement = SQL[name].format(condition=condition, dates=self._dates, other=self._other)
        return [row[0] for row in self._connection.execute(statement, self._values | values)]
