"""The `dashcam` command. Each command's work is imported when it is called: `--help` stays instant."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dashcam_cli import main_footage, main_models, main_plates, main_upkeep
from dashcam_cli.common import AsJson, Home, PlaceFlags, Server
from dashcam_cli.output import errors

app = typer.Typer(
    name="dashcam",
    no_args_is_help=True,
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    help="Turns a card of dashcam clips into an archive you can search: which plates, where, when, show me.",
)
place_app = typer.Typer(no_args_is_help=True, help="The places of this host: named roots where files lie.")
app.add_typer(place_app, name="place")
token_app = typer.Typer(no_args_is_help=True, help="The tokens that let people, workers and scripts in.")
app.add_typer(token_app, name="token")


@app.callback()
def _dashcam(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version, and end.", is_eager=True)
    ] = False,
) -> None:
    if version:
        from importlib import metadata

        typer.echo(f"dashcam {metadata.version('dashcam-processor')}")
        raise typer.Exit


# Whether they can be read is ours to say: one line for each, and the others go on.
Thorough = Annotated[
    bool, typer.Option("--thorough", help="Look at every frame; also of clips that are known already.")
]
Clips = Annotated[
    list[Path], typer.Argument(help="Clips, or folders of clips.", metavar="CLIP...", readable=False)
]


@app.command()
def server(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
    home: Home = None,
    rate_limit: Annotated[
        int | None, typer.Option(help="Requests a minute per address; 0 = no limit.")
    ] = None,
    max_concurrent: Annotated[
        int | None, typer.Option(help="Requests at once per address; 0 = no limit.")
    ] = None,
    auth: Annotated[
        str | None, typer.Option(help="open: private networks need no token; required: everybody needs one.")
    ] = None,
    log_file: Annotated[
        Path | None, typer.Option(help="Where requests are logged; default: server.log in the home.")
    ] = None,
) -> None:
    """Run the server: the API, the queue and the catalogue."""
    with errors():
        from dashcam_cli.server import serve

        serve(host, port, home, rate_limit, max_concurrent, auth, log_file)


@app.command()
def worker(
    server: Server = None,
    name: Annotated[str | None, typer.Option(help="This worker's name; default: the host's.")] = None,
    type: Annotated[
        list[str] | None, typer.Option("--type", help="Task type to take; may be repeated.")
    ] = None,
    place: PlaceFlags = None,
    once: Annotated[bool, typer.Option("--once", help="End when there is nothing to do.")] = False,
    home: Home = None,
) -> None:
    """Take tasks from the server and do them."""
    with errors():
        from dashcam_cli.worker import work

        work(server, name, type or [], place or [], once, home)


@app.command()
def submit(
    clips: Annotated[
        list[str] | None,
        typer.Argument(
            help="Clips, folders of clips, or - for a list on standard input.", metavar="[CLIP...|-]"
        ),
    ] = None,
    csv: Annotated[
        str | None, typer.Option("--csv", help="File with the columns video_id,filename,source; - = stdin.")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until the clips are archived.")] = False,
    thorough: Thorough = False,
    place: PlaceFlags = None,
    server: Server = None,
    home: Home = None,
    json: AsJson = False,
) -> None:
    """Hand clips to the queue. What is known already is skipped, unless it is to be looked at thoroughly."""
    with errors():
        from dashcam_cli.submit import submit_clips

        submit_clips(clips or [], csv, wait, place or [], server, home, json, thorough=thorough)


@app.command()
def status(server: Server = None, json: AsJson = False) -> None:
    """Show what waits and why, the devices, and what failed."""
    with errors():
        from dashcam_cli.status import show

        show(server, json)


@app.command()
def retry(
    tasks: Annotated[list[int] | None, typer.Argument(help="Tasks by number.", metavar="[TASK...]")] = None,
    failed: Annotated[bool, typer.Option("--failed", help="Every task that was given up.")] = False,
    server: Server = None,
    json: AsJson = False,
) -> None:
    """Put tasks that were given up or cancelled back into the queue."""
    with errors():
        from dashcam_cli.retry import retry_tasks

        retry_tasks(tasks or [], failed, server, json)


@app.command()
def search(
    plate: Annotated[str, typer.Argument(help="A plate or a part of one; nothing = every plate.")] = "",
    date_from: Annotated[str | None, typer.Option("--from", help="First day, YYYY-MM-DD.")] = None,
    date_to: Annotated[str | None, typer.Option("--to", help="Last day, YYYY-MM-DD.")] = None,
    confirmed: Annotated[bool, typer.Option("--confirmed", help="Only what two looks agree on.")] = False,
    limit: Annotated[int, typer.Option(help="Sightings or encounters at most.", min=1, max=1000)] = 100,
    encounters: Annotated[
        bool,
        typer.Option(
            "--encounters", help="Join what was seen of a plate without a long pause into one line."
        ),
    ] = False,
    db: Annotated[
        Path | None, typer.Option("--db", help="Search this database file, without a server.")
    ] = None,
    server: Server = None,
    json: AsJson = False,
    csv: Annotated[bool, typer.Option("--csv", help="Print CSV instead of a table.")] = False,
) -> None:
    """Find plates: which, when, where, in which clip."""
    with errors():
        from dashcam_cli.search import find

        find(plate, date_from, date_to, confirmed, limit, db, server, json, csv, encounters)


@app.command()
def why(
    clip: Annotated[
        str,
        typer.Argument(help="A clip's name; or a detections.json, or a folder with one.", metavar="VIDEO_ID"),
    ],
    at: Annotated[
        str | None, typer.Option("--at", help="Only what was there at this moment: 12.5, 0:12, 16:28:05.")
    ] = None,
    plate: Annotated[
        str, typer.Option("--plate", help="Only what was read like this plate.", metavar="TEXT")
    ] = "",
    crops: Annotated[
        Path | None,
        typer.Option("--crops", help="Cut a picture of each track from the clip into DIR.", metavar="DIR"),
    ] = None,
    db: Annotated[Path | None, typer.Option("--db", help="Ask this database file, without a server.")] = None,
    place: PlaceFlags = None,
    home: Home = None,
    server: Server = None,
    json: AsJson = False,
) -> None:
    """Tell why a plate was, or was not, found in a clip: every look at it, and what the vote said."""
    with errors():
        from dashcam_cli.why import Wish
        from dashcam_cli.why import why as tell

        tell(Wish(clip, at, plate, crops, db, json), place or [], home, server)


@app.command()
def run(clips: Clips, thorough: Thorough = False, home: Home = None, json: AsJson = False) -> None:
    """Run the whole pipeline on this machine, then print the plates found."""
    with errors():
        from dashcam_cli.run import run_clips

        run_clips(clips, home, json, thorough=thorough)


@app.command()
def demo(
    home: Home = None,
    no_open: Annotated[bool, typer.Option("--no-open", help="Do not open a browser.")] = False,
    exit: Annotated[bool, typer.Option("--exit", help="End at once instead of serving the result.")] = False,
) -> None:
    """Render a short drive, run it through everything, compare found with planted, serve the result."""
    with errors():
        from dashcam_cli.demo import run_demo

        run_demo(home, not no_open, exit)


@app.command()
def read(
    images: Annotated[list[Path], typer.Argument(help="Photos.", metavar="IMAGE...", readable=False)],
    json: AsJson = False,
) -> None:
    """Read the plates in photos."""
    with errors():
        from dashcam_cli.read import read_images

        read_images(images, json)


@app.command()
def doctor(home: Home = None, server: Server = None, json: AsJson = False) -> None:
    """Check this host: packages, models, places, server; each finding with its mend."""
    with errors():
        from dashcam_cli.doctor import examine

        examine(home, server, json)


@place_app.command("add")
def place_add(
    name: Annotated[str, typer.Argument(help="Its name, for example indoor_nas.")],
    folder: Annotated[Path, typer.Argument(help="Its root on this host.", metavar="DIR")],
    removable: Annotated[
        bool, typer.Option("--removable", help="A card or camera: never written to.")
    ] = False,
    home: Home = None,
) -> None:
    """Name a folder of this host, and mark it unless it is removable."""
    with errors():
        from dashcam_cli.place import add

        add(name, folder, removable, home)


@place_app.command("list")
def place_list(home: Home = None, json: AsJson = False) -> None:
    """Show the places of this host and whether they can be reached now."""
    with errors():
        from dashcam_cli.place import show

        show(home, json)


@token_app.command("create")
def token_create(
    name: Annotated[str, typer.Argument(help="Whose it is, for example a person's or a worker's name.")],
    role: Annotated[
        str, typer.Option(help="viewer: looks; worker: also works; admin: everything.")
    ] = "viewer",
    days: Annotated[float | None, typer.Option(help="It ends after so many days; not given: never.")] = None,
    home: Home = None,
    server: Server = None,
    json: AsJson = False,
) -> None:
    """Make a token and print it, once: it is kept nowhere."""
    with errors():
        from dashcam_cli.token import create

        create(name, role, days, home, server, json)


@token_app.command("list")
def token_list(home: Home = None, server: Server = None, json: AsJson = False) -> None:
    """Show the tokens that were given out."""
    with errors():
        from dashcam_cli.token import show

        show(home, server, json)


@token_app.command("revoke")
def token_revoke(
    name: Annotated[str, typer.Argument(help="Its name or its id.", metavar="NAME_OR_ID")],
    home: Home = None,
    server: Server = None,
    json: AsJson = False,
) -> None:
    """End a token; the next call with it is refused."""
    with errors():
        from dashcam_cli.token import revoke

        revoke(name, home, server, json)


# After ours: help lists commands in this order.
main_footage.register(app)
main_models.register(app)
main_plates.register(app)
main_upkeep.register(app)


def main() -> None:
    """Entry point of the script."""
    app(prog_name="dashcam")


if __name__ == "__main__":
    main()
