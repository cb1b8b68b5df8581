"""The commands that keep a home: backups, rebuilding, devices. `main.py` adds them to the program."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dashcam_cli.common import AsJson, Home, PlaceFlags, Server
from dashcam_cli.output import errors

device_app = typer.Typer(
    no_args_is_help=True, help="The devices that ever worked: seen when, and how they fare."
)


def register(app: typer.Typer) -> None:
    """Add this file's commands."""
    app.command()(backup)
    app.command()(restore)
    app.command()(rebuild)
    app.add_typer(device_app, name="device")


def backup(
    file: Annotated[Path, typer.Argument(help="The new file.", metavar="FILE")],
    pictures: Annotated[
        bool, typer.Option("--pictures/--no-pictures", help="With the small pictures, or without.")
    ] = True,
    home: Home = None,
    server: Server = None,
    json: AsJson = False,
) -> None:
    """Copy the server's database to a file, checked; the server may run meanwhile."""
    with errors():
        from dashcam_cli.backup import back_up

        back_up(file, home, server, json, pictures=pictures)


def restore(
    file: Annotated[Path, typer.Argument(help="A backup.", metavar="FILE", readable=False)],
    check: Annotated[bool, typer.Option("--check", help="Only say whether the file is whole.")] = False,
    home: Home = None,
    json: AsJson = False,
) -> None:
    """Put a backup in the place of a home's database, which is kept beside it. The server must not run."""
    with errors():
        from dashcam_cli.restore import put_back

        put_back(file, home, json, check=check)


def rebuild(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be told.")] = False,
    place: PlaceFlags = None,
    home: Home = None,
    server: Server = None,
    json: AsJson = False,
) -> None:
    """Fill a catalogue from what the stages left in this host's places: archives, detections, thumbnails."""
    with errors():
        from dashcam_cli.rebuild import rebuild as fill

        fill(place or [], home, server, json, dry_run=dry_run)


@device_app.command("list")
def device_list(server: Server = None, json: AsJson = False) -> None:
    """Show the devices, when they were last seen, and which get no tasks of a type, with the reason."""
    with errors():
        from dashcam_cli.device import show

        show(server, json)


@device_app.command("clear")
def device_clear(
    name: Annotated[str, typer.Argument(help="The device's name.")],
    server: Server = None,
    json: AsJson = False,
) -> None:
    """Let a device have tasks again that got none, since it failed at what others did."""
    with errors():
        from dashcam_cli.device import clear

        clear(name, server, json)


@device_app.command("drain")
def device_drain(
    name: Annotated[str, typer.Argument(help="The device's name.")],
    end: Annotated[bool, typer.Option("--end", help="Give it tasks again.")] = False,
    server: Server = None,
    json: AsJson = False,
) -> None:
    """Let a device finish what it holds and give it nothing more, for example before it is switched off."""
    with errors():
        from dashcam_cli.device import drain

        drain(name, server, json, wanted=not end)


@device_app.command("forget")
def device_forget(
    name: Annotated[str, typer.Argument(help="The device's name.")], server: Server = None
) -> None:
    """Take a device that is gone for good off the list."""
    with errors():
        from dashcam_cli.device import forget

        forget(name, server)
