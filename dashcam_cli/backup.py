"""`dashcam backup`: from the home itself while no server has it, else by that server."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

from config.settings import Settings
from dashcam_cli import common
from dashcam_cli.homekey import on_this_host
from dashcam_cli.output import print_json, say
from stages.errors import BadInput, Conflict, SettingsError, Unreachable

PART = ".part"


def back_up(file: Path, home: Path | None, url: str | None, as_json: bool, *, pictures: bool) -> None:
    """Make one and say what is in it."""
    settings = common.settings(home, url)
    target = file.expanduser().absolute()
    if target.exists():
        raise BadInput(f"{file} exists; give a name that is free")
    if not target.parent.is_dir():
        raise BadInput(f"{target.parent} is not a folder; make it or mount it first")
    made = _make(settings, target, asked=home is not None, told=url is not None, pictures=pictures)
    if as_json:
        print_json(made)
        return
    say(f"{made['file']}: {describe(made)}; checked. It is put back with: dashcam restore {made['file']}")


def _make(settings: Settings, target: Path, *, asked: bool, told: bool, pictures: bool) -> dict[str, Any]:
    """The server that was named; else this home; else, when a server has the home open, that server."""
    from dashcam_cli.server import home_backup

    here = Path(settings.home)
    elsewhere = told or not (on_this_host(settings.server.url) or asked)
    if elsewhere or not (here / "dashcam.sqlite").exists():
        return _fetch(settings, target, pictures=pictures)
    made = home_backup(here, target, pictures=pictures)
    if made is not None:
        return made
    try:
        return _fetch(settings, target, pictures=pictures)
    except Unreachable as error:
        raise SettingsError(
            f"a server has {here} open, and the one at {settings.server.url} did not answer: {error}. "
            "Give its address with --server"
        ) from error


def _fetch(settings: Settings, target: Path, *, pictures: bool) -> dict[str, Any]:
    """By the server, and checked here once more: what came over the network must be whole too."""
    from dashcam_cli.server import checked_backup

    part = target.with_name(target.name + PART)
    client = common.client(settings)
    try:
        client.backup(part, pictures=pictures)
        made = checked_backup(part)
        if target.exists():
            raise Conflict(f"{target} appeared meanwhile; give another name")
        part.replace(target)
    finally:
        client.close()
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
    return made | {"file": str(target)}


def describe(made: dict[str, Any]) -> str:
    """What a backup holds, in words."""
    counts = ", ".join(f"{made[key]} {key}" for key in ("clips", "sightings", "tasks", "pictures"))
    return f"{counts}, {made['size_bytes'] / 1e6:.1f} MB"
