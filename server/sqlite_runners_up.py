"""What sightings were nearly read as, kept as they come in: the other readings that lost the vote."""

from __future__ import annotations

import sqlite3
from typing import Any

import msgspec

from server.folding import normal
from server.sql import SQL

_ROWS = 5000
#: Other readings of one sighting that count, and the length of one, as a plate's is limited.
_MOST, _LONGEST = 16, 32


def readings(candidates: str) -> list[tuple[str, float | None]]:
    """The other readings of a sighting as they are compared, best first, each with its share of the votes."""
    found: dict[str, float | None] = {}
    try:
        every = msgspec.json.decode(candidates, type=list[Any])
    except msgspec.DecodeError:  # in a file that came from elsewhere
        return []
    for each in every:
        text = normal(str(each.get("plate") or "")) if isinstance(each, dict) else ""
        if 0 < len(text) <= _LONGEST:
            share = each.get("confidence")
            found.setdefault(text, share if isinstance(share, int | float) else None)
    return list(found.items())[:_MOST]


def keep(connection: sqlite3.Connection, sighting_id: int, candidates: str) -> None:
    """Let a sighting that was inserted just now be found by its other readings."""
    if candidates == "[]":
        return
    for text, _ in readings(candidates):
        connection.execute(SQL["put_runner_up_text"], {"text": text})
        connection.execute(SQL["put_runner_up"], {"sighting_id": sighting_id, "text": text})


def keep_all(connection: sqlite3.Connection) -> None:
    """Fill the tables from the sightings that there are, for a database that had none."""
    rows = connection.execute(SQL["sightings_with_candidates"])
    while some := rows.fetchmany(_ROWS):
        pairs = [(number, text) for number, candidates in some for text, _ in readings(candidates)]
        texts = sorted({text for _, text in pairs})
        connection.executemany(SQL["put_runner_up_text"], [{"text": text} for text in texts])
        connection.executemany(SQL["put_runner_up"], [{"sighting_id": n, "text": text} for n, text in pairs])
