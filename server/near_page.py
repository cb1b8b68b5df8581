"""One page of sightings by what they were read as or nearly read as, newest first.

Distinct other readings have an index in memory of their own (`PlateIndex.runners_up`), so that a search which
does not ask for them is as fast as if there were none.
"""

from __future__ import annotations

import sqlite3

import msgspec

from server.catalogue import PlateFilter
from server.plate_bits import Plates
from server.plate_page import WALK, Page, page
from server.sql import SQL

#: One reading is looked up in the time in which so many sightings are walked over; so many are at most, or so
#: many for each sighting up to the end of the page.
WORTH, NEAR, DEEP = 2, 15_000, 16


def near_page(connection: sqlite3.Connection, which: PlateFilter, plates: Plates, texts: Plates) -> list[int]:
    """As `plate_page.page`, also of sightings that were nearly read as one of these texts."""
    whole = msgspec.structs.replace(which, limit=which.limit + which.offset, offset=0)
    found = {*page(connection, whole, plates), *_NearPage(connection, whole).find(texts)}
    values = {"sightings": msgspec.json.encode(list(found)).decode()}
    rows = connection.execute(SQL["newest_among"], values | {"limit": which.limit, "offset": which.offset})
    return [row[0] for row in rows]


class _NearPage(Page):
    """A page by other readings alone. Their index has no times: all of a text cost what the newest do."""

    walked, gathered = "runners_up_walked", "sightings_of_runners_up"

    def farthest(self, count: int) -> int:
        return max(WALK, min(count * WORTH, max(NEAR, self._most * DEEP)))

    def _gathered(self, need: int) -> list[int]:
        del need
        return self._numbers(self.gathered, most=self._most)
