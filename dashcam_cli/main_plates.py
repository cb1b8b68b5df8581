"""The commands about plates and the watchlist. `main.py` adds them to the program."""

from __future__ import annotations

from typing import Annotated

import typer

from dashcam_cli.common import AsJson, Server
from dashcam_cli.output import errors

plate_app = typer.Typer(
    no_args_is_help=True, help="One plate: what is known of it, and what people say of it. All can be undone."
)
watchlist_app = typer.Typer(no_args_is_help=True, help="Plates that you want to be told of.")

Plate = Annotated[str, typer.Argument(help="The plate; case, spaces and dashes do not matter.")]
MaybePlate = Annotated[str | None, typer.Argument(help="The plate.")]
Sighting = Annotated[
    int, typer.Argument(help="A sighting's number (sighting_id of dashcam search --json).", min=1)
]
Text = Annotated[str, typer.Argument(help="What it really reads.")]
Number = Annotated[int, typer.Argument(help="The watch's number.", min=1)]
Match = Annotated[
    str | None,
    typer.Option("--match", help="exact, partial (holds it) or similar; default: exact, or the pattern."),
]
Name = Annotated[str | None, typer.Option("--name", help="What it is called; default: the plate.")]
Webhook = Annotated[str | None, typer.Option("--webhook", help="Address that is told by POST.")]
Topic = Annotated[str | None, typer.Option("--topic", help="MQTT topic that is told.")]
Secret = Annotated[
    str | None, typer.Option("--secret", help="What webhooks are signed with; default: a new one.")
]


def register(app: typer.Typer) -> None:
    """Add this file's commands."""
    app.add_typer(plate_app, name="plate")
    app.add_typer(watchlist_app, name="watchlist")


@plate_app.command("show")
def plate_show(plate: Plate, server: Server = None, json: AsJson = False) -> None:
    """Show all that is known of a plate."""
    with errors():
        from dashcam_cli.plate import show_plate

        show_plate(plate, server, json)


@plate_app.command("correct")
def plate_correct(plate: Plate, text: Text, server: Server = None, json: AsJson = False) -> None:
    """Say what a plate really reads, in all its sightings and those to come."""
    with errors():
        from dashcam_cli.plate import correct

        correct(plate, text, server, json)


@plate_app.command("correct-sighting")
def plate_correct_sighting(
    sighting: Sighting, text: Text, server: Server = None, json: AsJson = False
) -> None:
    """Say what one sighting really reads, also when its clip is processed again."""
    with errors():
        from dashcam_cli.plate import correct_sighting

        correct_sighting(sighting, text, server, json)


@plate_app.command("merge")
def plate_merge(
    plate: Plate,
    into: Annotated[str, typer.Argument(help="The plate that it is.")],
    server: Server = None,
    json: AsJson = False,
) -> None:
    """Say that a plate is another one that was seen."""
    with errors():
        from dashcam_cli.plate import merge

        merge(plate, into, server, json)


@plate_app.command("dismiss")
def plate_dismiss(plate: Plate, server: Server = None, json: AsJson = False) -> None:
    """Say that what reads so is no plate: a sign, a sticker, a shadow."""
    with errors():
        from dashcam_cli.plate import dismiss

        dismiss(plate, server, json)


@plate_app.command("dismiss-sighting")
def plate_dismiss_sighting(sighting: Sighting, server: Server = None, json: AsJson = False) -> None:
    """Say that one sighting is no plate."""
    with errors():
        from dashcam_cli.plate import dismiss_sighting

        dismiss_sighting(sighting, server, json)


@plate_app.command("corrections")
def plate_corrections(
    plate: MaybePlate = None,
    limit: Annotated[int, typer.Option("--limit", help="How many at most.", min=1, max=1000)] = 100,
    server: Server = None,
    json: AsJson = False,
) -> None:
    """List what was corrected, newest first, also what was taken back."""
    with errors():
        from dashcam_cli.plate import corrections

        corrections(plate, limit, server, json)


@plate_app.command("undo")
def plate_undo(
    number: Annotated[
        int | None, typer.Argument(help="The correction; default: the last that holds.")
    ] = None,
    server: Server = None,
    json: AsJson = False,
) -> None:
    """Take a correction back; all is as if it had not been made."""
    with errors():
        from dashcam_cli.plate import undo

        undo(number, server, json)


@plate_app.command("note")
def plate_note(
    plate: Plate,
    text: Annotated[str, typer.Argument(help="The note; an empty one removes it.")] = "",
    server: Server = None,
    json: AsJson = False,
) -> None:
    """Write a note on a plate."""
    with errors():
        from dashcam_cli.plate import note

        note(plate, text, server, json)


@plate_app.command("name")
def plate_name(
    plate: Plate,
    name: Annotated[str, typer.Argument(help="Its name.")] = "",
    group: Annotated[
        str | None, typer.Option("--group", help="mine, family, neighbours, or any other word.")
    ] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Take its name away.")] = False,
    server: Server = None,
    json: AsJson = False,
) -> None:
    """Give a plate a name: lists leave it out from then on, searches find it."""
    with errors():
        from dashcam_cli.plate import name as run

        run(plate, name, group, remove, server, json)


@plate_app.command("known")
def plate_known(server: Server = None, json: AsJson = False) -> None:
    """List the plates that have a name."""
    with errors():
        from dashcam_cli.plate import known

        known(server, json)


@watchlist_app.command("list")
def watchlist_list(server: Server = None, json: AsJson = False) -> None:
    """List what is watched for."""
    with errors():
        from dashcam_cli.watchlist import list_watches

        list_watches(server, json)


@watchlist_app.command("add")
def watchlist_add(
    plate: Annotated[str, typer.Argument(help="A plate, or a pattern: ? is one character, * any run.")],
    match: Match = None,
    name: Name = None,
    webhook: Webhook = None,
    topic: Topic = None,
    secret: Secret = None,
    server: Server = None,
    json: AsJson = False,
) -> None:
    """Watch for a plate, in what comes in and in the past."""
    with errors():
        from dashcam_cli.watchlist import add

        said = {"text": plate, "match": match, "name": name, "webhook": webhook, "topic": topic}
        add(said | {"secret": secret}, server, json)


@watchlist_app.command("change")
def watchlist_change(
    number: Number,
    plate: Annotated[str | None, typer.Option("--plate", help="Another plate or pattern.")] = None,
    match: Match = None,
    name: Name = None,
    webhook: Webhook = None,
    topic: Topic = None,
    secret: Secret = None,
    on: Annotated[bool | None, typer.Option("--on/--off", help="Switch it on or off.")] = None,
    server: Server = None,
    json: AsJson = False,
) -> None:
    """Change what is named of a watch; --webhook "" or --topic "" removes it."""
    with errors():
        from dashcam_cli.watchlist import change

        said = {"text": plate, "match": match, "name": name, "webhook": webhook, "topic": topic}
        change(number, said | {"secret": secret, "active": on}, server, json)


@watchlist_app.command("remove")
def watchlist_remove(number: Number, server: Server = None, json: AsJson = False) -> None:
    """Remove a watch, and the list of what it told."""
    with errors():
        from dashcam_cli.watchlist import remove

        remove(number, server, json)


@watchlist_app.command("test")
def watchlist_test(number: Number, server: Server = None, json: AsJson = False) -> None:
    """Send a test on each way of a watch. Exit code 1 when one did not arrive."""
    with errors():
        from dashcam_cli.watchlist import test

        test(number, server, json)


@watchlist_app.command("told")
def watchlist_told(
    watch: Annotated[int | None, typer.Argument(help="Only what this watch told.", min=1)] = None,
    limit: Annotated[int, typer.Option("--limit", help="How many at most.", min=1, max=1000)] = 50,
    server: Server = None,
    json: AsJson = False,
) -> None:
    """List what watches told, newest first, and what became of it."""
    with errors():
        from dashcam_cli.watchlist import told

        told(watch, limit, server, json)
