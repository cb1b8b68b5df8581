"""Routes from before there was a map get their lines while the server runs."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3

from server.sqlite import Database
from server.sqlite_map import put_lines, unlined
from stages.errors import DashcamError

log = logging.getLogger("dashcam.server")

#: Seconds between two portions: others write in between.
_BREATH = 0.05


async def line_routes(database: Database) -> None:
    """Until none is without a line; a start that is cut off goes on at the next one."""
    after, count = "", 0
    try:
        while lines := await asyncio.to_thread(_portion, database, after):
            await database.awrite(lambda connection: put_lines(connection, lines))
            after, count = lines[-1][0], count + len(lines)
            await asyncio.sleep(_BREATH)
    except (DashcamError, sqlite3.Error) as error:
        log.error("older routes do not all stand on the map, it is tried again at the next start: %s", error)
    if count:
        log.info("%d routes from before there was a map stand on it now", count)


def _portion(database: Database, after: str):  # type: ignore[no-untyped-def]
    """Not by a reader of the pool: it would keep the routes in its cache."""
    with contextlib.closing(database.reader()) as connection:
        return unlined(connection, after)
