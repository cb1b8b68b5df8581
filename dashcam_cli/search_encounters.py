"""`dashcam search --encounters`: sightings of one plate that belong together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dashcam_cli import common
from dashcam_cli.output import print_json, table

_PAGE = 200


def find_encounters(
    filters: dict[str, Any], limit: int, db: Path | None, url: str | None, as_json: bool
) -> None:
    """Print encounters, newest first; none is no error."""
    if db is not None:
        from dashcam_cli.server import local_encounters

        found = local_encounters(db, filters | {"limit": limit})
    else:
        found = _ask(filters, limit, url)
    if as_json:
        print_json(found)
        return
    table(
        "Encounters",
        ("plate", "from", "to", "sightings", "clips", "channels", "where", "best", "clip"),
        [_row(each) for each in found],
        empty="none found",
    )


def _ask(filters: dict[str, Any], limit: int, url: str | None) -> list[dict[str, Any]]:
    client = common.client(common.settings(url=url))
    wanted = filters | {"confirmed": "true" if filters["confirmed"] else None}
    found: list[dict[str, Any]] = []
    while len(found) < limit:
        size = min(_PAGE, limit - len(found))
        page = client.encounters(**wanted, limit=size, offset=len(found))
        found += page
        if len(page) < size:
            break
    return found


def _row(each: dict[str, Any]) -> list[Any]:
    where, best = each["location"], each["best"]
    sure = "" if best["confirmed"] else ", not confirmed"
    return [
        each["plate_text"],
        each["first_seen"],
        each["last_seen"],
        each["sightings_count"],
        each["clips_count"],
        ", ".join(each["channels"]),
        "" if where is None else f"{where['lat']:.5f}, {where['lon']:.5f}",
        f"{best['confidence']:.2f}{sure}",
        best["video_id"],
    ]
