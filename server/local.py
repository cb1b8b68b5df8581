"""Reading a database file without a server, for `--db`."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from config.settings import ArchiveFace
from server import views
from server.catalogue import PlateFilter
from server.plate_index import PlateIndex
from server.search import day
from server.sql import SQL
from server.sqlite_catalogue import SqliteCatalogue, read_plates
from server.sqlite_encounter_list import read_encounters
from server.views_encounters import encounter
from stages.errors import BadInput, NotFound

T = TypeVar("T")


def plates(path: Path, filters: dict[str, Any]) -> list[dict[str, Any]]:
    """Sightings in the shape of `/webui/plates`, with what `expand` names."""
    which = _filter(filters)
    expand = views.expansion([filters.get("expand") or ""], views.PLATE_MORE)
    found = _asked(path, lambda connection: read_plates(connection, which, PlateIndex()))
    shown = [views.plate(seen, ArchiveFace().public_prefix, expand) for seen in found]
    return msgspec.json.decode(msgspec.json.encode(shown), type=list[dict[str, Any]])


def encounters(path: Path, filters: dict[str, Any]) -> list[dict[str, Any]]:
    """Encounters in the shape of `/webui/encounters`."""
    which = _filter(filters)
    found = _asked(path, lambda connection: read_encounters(connection, which, PlateIndex()))
    shown = [encounter(each) for each in found]
    return msgspec.json.decode(msgspec.json.encode(shown), type=list[dict[str, Any]])


def _filter(filters: dict[str, Any]) -> PlateFilter:
    return PlateFilter(
        text=filters.get("plate_query") or "",
        date_from=day(filters.get("date_from"), "date_from"),
        date_to=day(filters.get("date_to"), "date_to"),
        confirmed=filters.get("confirmed"),
        limit=filters.get("limit", 100),
    )


def clip(path: Path, video_id: str) -> dict[str, Any]:
    """A clip's `facts` and `files` in the shape of `/webui/videos/{video_id}`. Raises NotFound."""

    def read(connection: sqlite3.Connection) -> dict[str, Any]:
        row = connection.execute(SQL["facts_of"], {"video_id": video_id}).fetchone()
        if row is None:
            raise NotFound(f"Video {video_id[:128]} not found")
        files = SqliteCatalogue(connection).files(video_id)
        known = [{"task_type": task_type, "file": ref} for task_type, ref in files]
        return {"facts": msgspec.json.decode(row[0]), "files": msgspec.to_builtins(known)}

    return _asked(path, read)


def _asked(path: Path, ask: Callable[[sqlite3.Connection], T]) -> T:
    try:
        return _read(path, ask, "mode=ro")
    except sqlite3.OperationalError:
        try:  # a copy in a folder that cannot be written: there is no server beside it
            return _read(path, ask, "immutable=1")
        except sqlite3.Error as error:
            raise BadInput(f"{path} is not a dashcam database: {error}") from error
    except sqlite3.Error as error:
        raise BadInput(f"{path} is not a dashcam database: {error}") from error


def _read(path: Path, ask: Callable[[sqlite3.Connection], T], how: str) -> T:
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?{how}", uri=True)
    try:
        return ask(connection)
    finally:
        connection.close()
