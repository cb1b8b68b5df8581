"""The commands about footage: cards, cameras, clips, trips. `main.py` adds them to the program."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dashcam_cli.common import AsJson, Home, PlaceFlags, Server
from dashcam_cli.output import errors

Camera = Annotated[
    str, typer.Option("--camera", help="The camera's name, where one card layout is used by several.")
]
Zone = Annotated[
    str, typer.Option("--time-zone", help="Time zone of the camera's clock, like Europe/Madrid.")
]
To = Annotated[
    str, typer.Option("--to", help="Place to copy to; default: where ingest copies to.", metavar="PLACE")
]


Address = Annotated[str, typer.Argument(help="The camera, for example 192.168.1.254.", metavar="ADDRESS")]
Every = Annotated[
    float,
    typer.Option("--every", help="Pull again and again, every so many minutes; 0 = once.", min=0, max=10_080),
]

pull_app = typer.Typer(
    no_args_is_help=True,
    help="Fetch clips from a camera over Wi-Fi. The camera is only ever read; a camera that is not there is "
    "normal, and ends with 0.",
)


trip_app = typer.Typer(no_args_is_help=True, help="Trips: clips of one camera, recorded in one go.")


def register(app: typer.Typer) -> None:
    """Add this file's commands."""
    app.add_typer(trip_app, name="trip")
    app.command("import")(import_)
    app.command()(watch)
    app.add_typer(pull_app, name="pull")
    app.command()(prune)
    app.command()(protect)
    app.command()(probe)
    app.command("report-camera")(report_camera)
    app.command()(export)
    app.command()(verify)


def import_(
    card: Annotated[Path, typer.Argument(help="The card's root, where it is mounted.", metavar="CARD")],
    camera: Camera = "",
    time_zone: Zone = "",
    to: To = "",
    wait: Annotated[bool, typer.Option("--wait", help="Wait until the clips are archived.")] = False,
    verify: Annotated[bool, typer.Option("--verify", help="Read every copy back from the disk.")] = False,
    place: PlaceFlags = None,
    server: Server = None,
    home: Home = None,
    json: AsJson = False,
) -> None:
    """Copy what is new on a card, locked and event clips first, and hand it to the queue.

    Nothing is written to the card. Afterwards it may be ejected: the line printed last says so.
    """
    with errors():
        from dashcam_cli.import_card import import_card

        import_card(card, camera, time_zone, to, wait, verify, place or [], server, home, json)


def watch(
    folders: Annotated[list[Path], typer.Argument(help="Folders, or cards' mount points.", metavar="DIR...")],
    once: Annotated[bool, typer.Option("--once", help="Hand in what is there, then end: for cron.")] = False,
    camera: Camera = "",
    time_zone: Zone = "",
    to: To = "",
    place: PlaceFlags = None,
    server: Server = None,
    home: Home = None,
) -> None:
    """Hand in what appears in folders, as soon as it is whole.

    Clips in a kept place stay where they lie; from a card they are copied, as `dashcam import` does.
    """
    with errors():
        from dashcam_cli.watch import watch

        watch(folders, once, camera, time_zone, to, place or [], server, home)


@pull_app.command("blackvue")
def pull_blackvue(
    address: Address,
    to: To = "",
    every: Every = 0,
    camera: Camera = "",
    time_zone: Zone = "",
    place: PlaceFlags = None,
    server: Server = None,
    home: Home = None,
    json: AsJson = False,
) -> None:
    """Fetch what is new on a BlackVue camera, event clips first, and hand it in."""
    with errors():
        from dashcam_cli.pull import pull
        from dashcam_cli.pull_blackvue import BlackVue

        pull(BlackVue(), address, to, every, camera, time_zone, place or [], server, home, json)


@pull_app.command("viofo")
def pull_viofo(
    address: Address,
    to: To = "",
    every: Every = 0,
    camera: Camera = "",
    time_zone: Zone = "",
    place: PlaceFlags = None,
    server: Server = None,
    home: Home = None,
    json: AsJson = False,
) -> None:
    """Fetch what is new on a Viofo or other Novatek camera, locked clips first, and hand it in."""
    with errors():
        from dashcam_cli.pull import pull
        from dashcam_cli.pull_viofo import Viofo

        pull(Viofo(), address, to, every, camera, time_zone, place or [], server, home, json)


def probe(
    # Whether they can be read is ours to say: one line for each, and the others go on.
    clips: Annotated[
        list[Path], typer.Argument(help="Clips, or folders of clips.", metavar="CLIP...", readable=False)
    ],
    root: Annotated[
        Path | None,
        typer.Option("--root", help="The card's root; default: the folders of the path as given."),
    ] = None,
    time_zone: Annotated[
        str | None, typer.Option("--time-zone", help="Time zone of the camera's clock, like Europe/Madrid.")
    ] = None,
    json: AsJson = False,
) -> None:
    """Say all that a clip says about itself: container, camera, time, route. Nothing is written anywhere.

    With --json one line for each clip. Exit code 1 when one is missing, unreadable or no video.
    """
    with errors():
        from dashcam_cli.probe import probe_clips

        probe_clips(clips, root, time_zone, json)


def report_camera(
    clip: Annotated[Path, typer.Argument(help="A clip of the camera.", metavar="CLIP")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The zip to write; default: NAME-report.zip here.")
    ] = None,
    positions: Annotated[
        bool, typer.Option("--positions/--no-positions", help="Leave the GPS positions in, or wipe them.")
    ] = True,
    json: AsJson = False,
) -> None:
    """Make a small bundle for a bug report about a camera that is not known: no picture, no sound.

    It holds the clip's box tree, small boxes and first GPS blocks. What is in it is printed before anybody
    sends it.
    """
    with errors():
        from dashcam_cli.report_camera import report

        report(clip, output, positions, json)


def prune(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what would go, what stays, and why.")
    ] = False,
    place: Annotated[
        list[str] | None,
        typer.Option("--place", help="Only in this place; may be repeated.", metavar="NAME"),
    ] = None,
    gone: Annotated[
        bool,
        typer.Option("--gone", help="Believe that missing files are gone, even when most are missing."),
    ] = False,
    server: Server = None,
    home: Home = None,
    json: AsJson = False,
) -> None:
    """Remove what the retention settings let go: by age, by quota, or while a place is too full.

    Protected clips, the last day's, and what a task still needs always stay.
    """
    with errors():
        from dashcam_cli.prune import prune as run

        run(dry_run, place or [], gone, home, server, json)


def protect(
    videos: Annotated[list[str], typer.Argument(help="Clips by their names.", metavar="VIDEO_ID...")],
    off: Annotated[bool, typer.Option("--off", help="Protect them no longer.")] = False,
    server: Server = None,
    home: Home = None,
    json: AsJson = False,
) -> None:
    """Keep clips from every retention rule."""
    with errors():
        from dashcam_cli.protect import protect as run

        run(videos, off, home, server, json)


def export(
    video_id: Annotated[str | None, typer.Argument(help="A clip by its name.", metavar="VIDEO_ID")] = None,
    trip: Annotated[
        str | None,
        typer.Option("--trip", help="A trip, by its name or that of a clip of it.", metavar="TRIP_ID"),
    ] = None,
    begin: Annotated[
        str | None,
        typer.Option(
            "--from",
            help="Where to begin: seconds, H:MM:SS from the start, or the camera's clock, also with date.",
            metavar="T",
        ),
    ] = None,
    end: Annotated[str | None, typer.Option("--to", help="Where to end, likewise.", metavar="T")] = None,
    channel: Annotated[
        str | None, typer.Option("--channel", help="Which channel of a trip; default: front.")
    ] = None,
    to_dir: Annotated[
        Path | None,
        typer.Option("--to-dir", help="The folder to write to; default: this one.", metavar="DIR"),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", help="The file to write (.mp4, .mov, .mkv, .ts, .gpx).", metavar="FILE"
        ),
    ] = None,
    blur: Annotated[bool, typer.Option("--blur", help="Code anew, with every plate blurred.")] = False,
    spared: Annotated[
        list[str] | None,
        typer.Option("--except", help="A plate that is not blurred; may be repeated.", metavar="PLATE"),
    ] = None,
    audio: Annotated[bool, typer.Option("--audio", help="Keep the sound of a blurred film.")] = False,
    keep_metadata: Annotated[
        bool, typer.Option("--keep-metadata", help="Keep the date of a blurred film, in it and in its name.")
    ] = False,
    every_frame: Annotated[
        bool, typer.Option("--every-frame", help="Look for plates in every frame, not in ten a second.")
    ] = False,
    check: Annotated[
        bool,
        typer.Option("--check/--no-check", help="Read the blurred film, and blur again what is legible."),
    ] = True,
    gpx: Annotated[bool, typer.Option("--gpx", help="The route as a GPX file beside the film.")] = False,
    evidence: Annotated[
        bool,
        typer.Option("--evidence", help="The original files with hashes, route, plates and a page to print."),
    ] = False,
    zipped: Annotated[bool, typer.Option("--zip", help="Evidence as one zip file.")] = False,
    archive: Annotated[
        bool, typer.Option("--archive", help="From the archive's low-resolution copy.")
    ] = False,
    place: PlaceFlags = None,
    server: Server = None,
    home: Home = None,
    json: AsJson = False,
) -> None:
    """Get a clip, a part of one, or a trip out: cut without loss, blurred, as GPX, or as evidence.

    Prints the path of each file; nothing is ever overwritten.
    """
    with errors():
        from dashcam_cli.export import export as run
        from dashcam_cli.export_wishes import Wishes

        wishes = Wishes(
            video_id, trip, begin, end, channel, to_dir, output, blur, tuple(spared or ()), audio,
            keep_metadata, every_frame, check, gpx, evidence, zipped, archive, json,
        )  # fmt: skip
        run(wishes, place or [], home, server)


def verify(
    paths: Annotated[
        list[Path],
        typer.Argument(
            help="Evidence (folder or zip), archives, finished folders, or a folder of such.",
            metavar="PATH...",
            readable=False,
        ),
    ],
    json: AsJson = False,
) -> None:
    """Check that files are what was written: hashes, and what is missing or was added.

    Exit code 1 when anything is not as it was.
    """
    with errors():
        from dashcam_cli.verify import verify_paths

        verify_paths(paths, json)


@trip_app.command("list")
def trip_list(
    camera: Annotated[str | None, typer.Option(help="Only trips of this camera.")] = None,
    date_from: Annotated[str | None, typer.Option("--from", help="First day, YYYY-MM-DD.")] = None,
    date_to: Annotated[str | None, typer.Option("--to", help="Last day, YYYY-MM-DD.")] = None,
    limit: Annotated[int, typer.Option(help="Trips at most.", min=1, max=1000)] = 50,
    server: Server = None,
    json: AsJson = False,
) -> None:
    """Show trips, newest first."""
    with errors():
        from dashcam_cli.trip import list_trips

        list_trips(camera, date_from, date_to, limit, server, json)


Trip = Annotated[str, typer.Argument(help="A trip, by its name or that of any of its clips.", metavar="TRIP")]


@trip_app.command("show")
def trip_show(trip: Trip, server: Server = None, json: AsJson = False) -> None:
    """Show one trip: its moments, and the clips of each."""
    with errors():
        from dashcam_cli.trip import show_trip

        show_trip(trip, server, json)


@trip_app.command("merge")
def trip_merge(
    trips: Annotated[list[str], typer.Argument(help="Two trips or more of one camera.", metavar="TRIP...")],
    server: Server = None,
    json: AsJson = False,
) -> None:
    """Make trips one, whatever the pauses between them."""
    with errors():
        from dashcam_cli.trip import merge_trips

        merge_trips(trips, server, json)


@trip_app.command("split")
def trip_split(
    trip: Trip,
    video: Annotated[
        str, typer.Argument(help="The clip that the later trip begins with.", metavar="VIDEO_ID")
    ],
    server: Server = None,
    json: AsJson = False,
) -> None:
    """Let another trip begin with a clip of one."""
    with errors():
        from dashcam_cli.trip import split_trip

        split_trip(trip, video, server, json)


@trip_app.command("undo")
def trip_undo(
    edit: Annotated[int | None, typer.Argument(help="The edit; default: the last that holds.")] = None,
    server: Server = None,
    json: AsJson = False,
) -> None:
    """Take a merge or a split back."""
    with errors():
        from dashcam_cli.trip import undo

        undo(edit, server, json)
