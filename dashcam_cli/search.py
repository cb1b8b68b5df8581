"""`dashcam search`."""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import Any

from dashcam_cli import common
from dashcam_cli.output import local_time, print_json, printable, table
from stages.errors import BadInput

_COLUMNS = (
    "plate_text", "confidence", "confirmed", "timestamp", "lat", "lon", "video_id", "first_seconds",
    "frame_number", "utc_offset_seconds",
)  # fmt: skip


def find(
    plate: str,
    date_from: str | None,
    date_to: str | None,
    confirmed: bool,
    limit: int,
    db: Path | None,
    url: str | None,
    as_json: bool,
    as_csv: bool,
    encounters: bool = False,
) -> None:
    """Print sightings, or what they make together, newest first; none is no error."""
    if as_json and as_csv:
        raise BadInput("choose one of --json and --csv")
    if encounters:
        if as_csv:
            raise BadInput("--encounters prints a table or --json; leave --csv out")
        from dashcam_cli.search_encounters import find_encounters

        wanted = {"plate_query": plate or None, "date_from": date_from, "date_to": date_to}
        find_encounters(wanted | {"confirmed": confirmed or None}, limit, db, url, as_json)
        return
    filters: dict[str, Any] = {
        "plate_query": plate or None,
        "date_from": date_from,
        "date_to": date_to,
        "confirmed": True if confirmed else None,
        "limit": limit,
        "expand": "sighting_id" if as_json else "confirmed,first_seconds,utc_offset_seconds",
    }
    found = _ask(db, url, filters)
    if as_json:
        print_json(found)
        return
    rows = [_row(each) for each in found]
    if as_csv:
        writer = csv.writer(sys.stdout)
        writer.writerow(_COLUMNS)
        writer.writerows([[_cell(value) for value in row] for row in rows])
        return
    shown = [
        [
            row[0],
            f"{row[1]:.2f}",
            "yes" if row[2] else "no",
            local_time(row[3], row[9]),
            _place(row),
            row[6],
            _at(row[7]),
        ]
        for row in rows
    ]
    table(
        "Plates",
        ("plate", "confidence", "confirmed", "when", "where", "clip", "at"),
        shown,
        empty="none found",
    )


def _ask(db: Path | None, url: str | None, filters: dict[str, Any]) -> list[dict[str, Any]]:
    if db is not None:
        from dashcam_cli.server import local_plates

        return local_plates(db, filters)
    if filters["confirmed"]:
        filters["confirmed"] = "true"
    return common.client(common.settings(url=url)).plates(**filters)


def _row(each: dict[str, Any]) -> list[Any]:
    where = each["location"] or {"lat": None, "lon": None}
    values = each | {"lat": where["lat"], "lon": where["lon"]}
    return [values[name] for name in _COLUMNS]


def _cell(value: Any) -> Any:
    """A spreadsheet takes a cell that starts with =, +, - or @ for a formula; plates come from the street."""
    if isinstance(value, str):
        text = printable(value)
        return f"'{text}" if text[:1] in ("=", "+", "-", "@") else text
    return value


def _place(row: list[Any]) -> str:
    return "" if row[4] is None else f"{row[4]:.5f}, {row[5]:.5f}"


def _at(seconds: float | None) -> str:
    return "" if seconds is None else f"{int(seconds) // 60}:{seconds % 60:04.1f}"
