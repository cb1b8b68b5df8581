"""(e) Plate search, a page of 100, for fragments and patterns of plates that were seen."""

from __future__ import annotations

import json
import random
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from queueing import servers
from queueing.filling import fill_sightings
from queueing.generator import connect, quantile, request, talk
from server.schema import migrate
from server.services import DATABASE

PLATES = 500_000
#: Plates that are common: their sightings are many thousands each in the largest archive.
_COMMON = 100


def _part(size: int) -> Callable[[str, random.Random], str]:
    def cut(plate: str, dice: random.Random) -> str:
        at = dice.randrange(len(plate) - size + 1)
        return plate[at : at + size]

    return cut


def _one_unknown(plate: str, dice: random.Random) -> str:
    at = dice.randrange(1, len(plate) - 1)
    return f"{plate[:at]}?{plate[at + 1 :]}"


def _two_and_two(plate: str, dice: random.Random) -> str:
    del dice
    return f"{plate[:2]}*{plate[-2:]}"


def _misread(plate: str, dice: random.Random) -> str:
    at = dice.randrange(len(plate))
    return f"{plate[:at]}{dice.choice('0123456789')}{plate[at + 1 :]}"


#: What is searched, and whether it names three or more characters.
KINDS: dict[str, tuple[str, Callable[[str, random.Random], str], bool]] = {
    "3 characters": ("partial", _part(3), True),
    "4 characters": ("partial", _part(4), True),
    "whole plate": ("partial", lambda plate, _: plate, True),
    "exact": ("exact", lambda plate, _: plate, True),
    "one unknown (AB?23CD)": ("partial", _one_unknown, True),
    "ends known (AB*CD)": ("partial", _two_and_two, True),
    "similar, one misread": ("similar", _misread, True),
    "2 characters": ("partial", _part(2), False),
    "1 character": ("partial", _part(1), False),
    "pattern (*A?7*)": ("partial", lambda plate, dice: f"*{plate[0]}?{dice.choice('0123456789')}*", False),
    "pattern without a plate": ("partial", lambda plate, _: f"*{plate[0]}?9*9?8*", False),
}


def measure(folder: Path, sizes: list[int], searches: int) -> list[dict[str, Any]]:
    """A line for each archive and kind of search; half of the plates asked for are common ones."""
    lines = []
    for size in sizes:
        home = folder / f"sightings-{size}"
        if not (home / DATABASE).exists():
            fill_sightings(home, size, min(PLATES, max(1, size // 2)))
        lines += [{"sightings": size} | line for line in _archive(home, searches)]
    return lines


def _archive(home: Path, searches: int) -> list[dict[str, Any]]:
    dice = random.Random(11)
    with sqlite3.connect(home / DATABASE, isolation_level=None) as made:
        migrate(made)  # one that was kept from before
        plates = [row[0] for row in made.execute("SELECT text FROM plate ORDER BY plate_id")]
    made.close()
    lines = []
    with servers.product(home) as server:
        connection = connect(server.port)
        began = time.perf_counter()
        _ask(server, connection, "AB123CD", "similar")  # waits until every plate was read
        first = time.perf_counter() - began
        for name, (match, spell, three) in KINDS.items():
            latencies, hits, before = [], 0, server.cpu()
            for number in range(searches):
                text = spell(dice.choice(plates[:_COMMON] if number % 2 else plates), dice)
                began = time.perf_counter()
                hits += _ask(server, connection, text, match)
                latencies.append(time.perf_counter() - began)
            lines.append(
                {
                    "search": name,
                    "3+ characters": three,
                    "p50 ms": round(1000 * quantile(latencies, 0.5), 1),
                    "p95 ms": round(1000 * quantile(latencies, 0.95), 1),
                    "CPU ms": round(1000 * (server.cpu() - before) / searches, 1),
                    "hits": round(hits / searches, 1),
                }
            )
        connection.close()
    lines.append({"search": "similar, the first after a start", "p50 ms": round(1000 * first)})
    return lines


def _ask(server: servers.Server, connection: Any, text: str, match: str) -> int:
    asked = urlencode({"plate_query": text, "match": match, "limit": 100})
    status, body = talk(server.port, request("GET", f"/api/v1/webui/plates?{asked}"), connection)
    assert status == 200, body[:300]
    return len(json.loads(body))
