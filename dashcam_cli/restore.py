"""`dashcam restore`: a backup takes the place of a home's database."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dashcam_cli import common
from dashcam_cli.backup import describe
from dashcam_cli.output import print_json, say
from stages.errors import NotFound


def put_back(file: Path, home: Path | None, as_json: bool, *, check: bool) -> None:
    """Do it, or with `check` only look; say what is in the file and where the former database lies."""
    from dashcam_cli.server import checked_backup, home_restore

    if not file.expanduser().is_file():
        raise NotFound(f"there is no file {file}")
    path = file.expanduser().absolute()
    if check:
        found = checked_backup(path)
        if as_json:
            print_json(found)
        else:
            say(f"{file} is whole: {describe(found)}, {_when(found)}")
        return
    here = Path(common.settings(home).home)
    done = home_restore(path, here)
    if as_json:
        print_json(done)
        return
    say(f"{here} has the database of {file} now: {describe(done['copy'])}, {_when(done['copy'])}")
    if done["former"]:
        say(f"the database that was there is kept as {done['former']}; remove it when you no longer need it")
    if not done["copy"]["pictures"]:
        say("no pictures were in it; those that the home lacks come back with: dashcam rebuild")


def _when(found: dict[str, Any]) -> str:
    made = found["made_at"]
    if made is None:
        return "a home's own file"
    return f"made {datetime.fromtimestamp(made / 1e6, UTC):%Y-%m-%d %H:%M} UTC"
