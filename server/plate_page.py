"""One page of sightings by their plate, newest first, at a cost that hardly grows with the archive.

Of what is common a page is found by walking back from the newest sighting. What is rare is gathered plate by
plate. Neither sorts every sighting of a common plate.
"""

from __future__ import annotations

import re
import sqlite3
from typing import Any

import msgspec

from server.catalogue import PlateFilter
from server.folding import normal, pattern
from server.search import next_day
from server.sql import SQL

#: Plates with a fragment up to which it counts as rare.
RARE = 2000
#: Sightings that are looked at, newest first, before plates are looked for: at first, and at most.
WALKED = (500, 20_000)
#: So many sightings of the plates found are simply sorted; with more of them the newest are tried first:
#: those up to these ranks among all.
_SORTED, _RANKS = 20_000, (2_000, 50_000)
_RUN = re.compile(r"[^?*]{3,}")


def page(connection: sqlite3.Connection, which: PlateFilter, similar: list[int] | None) -> list[int]:
    """The numbers of the sightings on a page. `similar`: the plates to look for instead of a text."""
    return _Page(connection, which).find(similar)


class _Page:
    """A search for one page: `most` sightings from the newest on, of which the last ones are the page."""

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

    def find(self, similar: list[int] | None) -> list[int]:
        if similar is not None:
            return self._of(similar)
        text = normal(self._which.text)
        if self._which.match == "exact":
            return self._of(self._numbers("plate_by_text", text=text))
        glob = pattern(self._which.text)
        wild = glob != text
        if not text and not wild:
            return []
        runs = _RUN.findall(glob)
        condition = "p.text GLOB :glob" if wild else "instr(p.text, :glob) > 0"
        self._values["glob"] = glob
        if runs:
            # Quoted: letters and digits, never a query language.
            match = " AND ".join(f'text : "{run}"' for run in runs)
            found = self._numbers("plates_matching", condition, match=match, limit=RARE + 1)
            if len(found) <= RARE:
                return self._of(found)
        walked = self._walk(condition)
        if walked is not None:
            return walked[self._which.offset :]
        if runs:
            return self._of(self._numbers("plates_matching", condition, match=match, limit=-1))
        return self._of(self._numbers("plates_like", condition))

    def _walk(self, condition: str) -> list[int] | None:
        """The newest sightings of plates that fit; None when they are too rare to come across enough."""
        far, most = WALKED
        while True:
            found = self._numbers("sightings_walked", condition, most=self._most, walked=far)
            if len(found) >= self._most:
                return found
            # As dense as so far, with some more; but not further than looking at every plate would take.
            following = far * 10 if not found else far * self._most * 3 // (len(found) * 2)
            if far >= most // 4 and following > most:
                return None
            far = max(far * 2, min(following, most))
            if far > most:
                return None

    def _of(self, plates: list[int]) -> list[int]:
        """The page among the sightings of some plates."""
        if not plates:
            return []
        self._values["plates"] = msgspec.json.encode(plates).decode()
        if self._numbers("count_sightings_of_plates", most=_SORTED)[0] >= _SORTED:
            for rank in _RANKS:
                since = next(iter(self._numbers("timestamp_of_rank", rank=rank)), None)
                if since is None:
                    break
                found = self._numbers(
                    "sightings_of_plates", " AND s.timestamp >= :since", since=since, most=self._most
                )
                if len(found) >= self._most:
                    return found[self._which.offset :]
        return self._numbers("sightings_of_plates", most=self._most)[self._which.offset :]

    def _numbers(self, name: str, condition: str = "", **values: Any) -> list[Any]:
        statement = SQL[name].format(condition=condition, dates=self._dates, other=self._other)
        return [row[0] for row in self._connection.execute(statement, self._values | values)]
