"""One page of the sightings in a box, newest first, where they are dense enough to come across them."""

from __future__ import annotations

import sqlite3

from server.catalogue import PlateFilter
from server.plate_index import PlateIndex
from server.search import plate_conditions
from server.sql import SQL

#: Sightings that are walked over, newest first, before the box is looked up as a whole.
_WALKED = (2_000, 20_000)
#: With so many sightings or fewer a box is looked up at once.
_FEW = 2_000


def area_page(connection: sqlite3.Connection, which: PlateFilter, index: PlateIndex) -> list[int] | None:
    """The numbers of the sightings on a page of a search by box; None when they are not to be found so."""
    area = which.area
    if area is None or area.west > area.east or which.video_id or which.limit < 0:
        return None
    if which.text and not which.candidates:
        return None
    asked = plate_conditions(connection, which, index, tree=False)
    if asked is None:
        return None
    conditions, values = asked
    if which.text and "text_flags" not in values:
        return None  # they are few enough to be looked up
    if connection.execute(SQL["count_in_box"], values | {"most": _FEW + 1}).fetchone()[0] <= _FEW:
        return None
    dates = "".join(
        condition
        for name, condition in (
            ("date_from", " AND timestamp >= :date_from"),
            ("date_to", " AND timestamp < :date_to"),
        )
        if name in values
    )
    statement = SQL["walk_in_box"].format(dates=dates, conditions=conditions)
    most = which.limit + which.offset
    for walked in _WALKED:
        more = {"walked": walked, "limit": most}
        numbers = [row[0] for row in connection.execute(statement, values | more)]
        if len(numbers) >= most:
            return numbers[which.offset :]
    return None
