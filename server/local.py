"""Reading a database file without a server, for `dashcam search --db`."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import msgspec

from config.settings import ArchiveFace
from server import views
from server.catalogue import Found, PlateFilter
from server.search import Similar, day
from server.sqlite_catalogue import read_plates
from stages.errors import BadInput


def plates(path: Path, filters: dict[str, Any]) -> list[dict[str, Any]]:
    """Sightings in the shape of `/webui/plates`, with what `expand` names."""
    which = PlateFilter(
        text=filters.get("plate_query") or "",
        date_from=day(filters.get("date_from"), "date_from"),
        date_to=day(filters.get("date_to"), "date_to"),
        confirmed=filters.get("confirmed"),
        limit=filters.get("limit", 100),
    )
    expand = views.expansion([filters.get("expand") or ""], views.PLATE_MORE)
    try:
        found = _read(path, which, "mode=ro")
    except sqlite3.OperationalError:
        try:  # a copy in a folder that cannot be written: there is no server beside it
            found = _read(path, which, "immutable=1")
        except sqlite3.Error as error:
            raise BadInput(f"{path} is not a dashcam database: {error}") from error
    except sqlite3.Error as error:
        raise BadInput(f"{path} is not a dashcam database: {error}") from error
    shown = [views.plate(seen, ArchiveFace().public_prefix, expand) for seen in found]
    return msgspec.json.decode(msgspec.json.encode(shown), type=list[dict[str, Any]])


def _read(path: Path, which: PlateFilter, how: str) -> list[Found]:
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?{how}", uri=True)
    try:
        return read_plates(connection, which, Similar())
    finally:
        connection.close()
