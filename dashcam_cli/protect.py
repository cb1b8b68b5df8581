"""`dashcam protect`: keep clips from every retention rule."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

from dashcam_cli import common
from dashcam_cli.output import NOT_FOUND, leave, print_json, printable, say, table
from stages.errors import NotFound


def protect(videos: list[str], off: bool, home: Path | None, url: str | None, as_json: bool) -> None:
    """Protect clips, or with `off` no longer; one that is not known does not stop the others."""
    rows: list[dict[str, Any]] = []
    missing = 0
    with contextlib.closing(common.client(common.settings(home, url))) as client:
        for video_id in dict.fromkeys(videos):
            try:
                rows.append(client.protect(video_id, on=not off))
            except NotFound as error:
                missing += 1
                say(f"dashcam: {printable(str(error))}")
    if as_json:
        print_json(rows)
    else:
        cells = [[row["video_id"], "yes" if row["protected"] else "no", row["since"] or ""] for row in rows]
        table("Clips", ("clip", "protected", "since (UTC)"), cells)
    if missing:
        leave(NOT_FOUND)
