"""`dashcam import`: a card's clips into the place where they are kept, then into the queue."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import msgspec

from config.settings import Settings
from dashcam_cli import common, platform
from dashcam_cli.card_run import CardRun, Imported
from dashcam_cli.desk import Desk
from dashcam_cli.follow import follow
from dashcam_cli.ledger import Ledger
from dashcam_cli.output import FAILED, NO_SERVER, leave, print_json, printable, say
from dashcam_cli.places import host_places
from stages.errors import BadInput, SettingsError
from stages.files import HostPlaces
from stages.footage.keeping import RawFolder, raw_folder
from stages.footage.layouts import Layout


def import_card(
    card: Path,
    camera: str,
    zone: str,
    to: str,
    wait: bool,
    verify: bool,
    place_flags: list[str],
    url: str | None,
    home: Path | None,
    as_json: bool,
) -> None:
    """Copy what is new, hand it in, say what came of it.

    Exit 1 when something did not come over or (with `wait`) failed, 3 when the tasks wait for the server.
    """
    settings = common.settings(home, url)
    check_zone(zone)
    places = HostPlaces(host_places(settings, place_flags))
    root = _card(card, places)
    folder = raw_folder(places, to or settings.stage.ingest.place)
    _apart(root, folder)
    done = Imported()
    with locked(settings, root), closing(Ledger(Path(settings.home))) as ledger:
        desk = Desk(common.client(settings), ledger, say, places=places)
        says = {"camera": camera, "time_zone": zone, "source": card_name(places, root)}
        run = CardRun(
            root, Path(settings.home), places, folder, ledger, desk, done, says=says, check=verify
        )  # fmt: skip
        _announce(root, run.layout)
        run.all()
        waiting = ledger.count_waiting()
    for refusal in desk.refused:
        done.refuse(refusal)
    failed = follow(desk.client, desk.tasks) if wait and desk.tasks and not desk.away else []
    if as_json:
        _print(done, run.layout, desk, waiting, failed)
    else:
        print(", ".join(_words(done, waiting, failed, wait)))  # noqa: T201
    if done.errors or failed:
        leave(FAILED)
    if waiting:
        leave(NO_SERVER)


def _announce(root: Path, layout: Layout | None) -> None:
    name = printable(str(root))
    if layout:
        say(f"{name}: it looks like {layout.title}")
    else:
        say(f"{name}: its layout is none that is known here; what its names and folders tell goes by rule")


def check_zone(zone: str) -> None:
    """Refuse a time zone that nobody knows."""
    from stages.footage.zones import named_zone

    named_zone(zone, "--time-zone")


def _card(card: Path, places: HostPlaces) -> Path:
    root = card.expanduser().absolute()
    if not root.is_dir():
        raise BadInput(f"{card} is no folder; name the root of the card, where it is mounted")
    try:
        str(root).encode("utf-8")
    except UnicodeEncodeError:
        raise BadInput(f"{printable(str(root))} is not Unicode; mount the card elsewhere") from None
    ref = places.reference(root)
    if ref is not None and places.is_kept(ref.device):
        raise BadInput(
            f"{card} lies in the kept place {ref.device}: its clips need no copy; use: dashcam submit {card}"
        )
    return root


def card_name(places: HostPlaces, root: Path) -> str:
    """The name of the place that a card is, "" where it has none."""
    ref = places.reference(root)
    return ref.device if ref else ""


def _apart(root: Path, folder: RawFolder) -> None:
    card, kept = root.resolve(), folder.root.resolve()
    if kept.is_relative_to(card):
        raise BadInput(
            f"the place {folder.place} lies on the card itself ({folder.root}); name another: --to"
        )


@contextmanager
def locked(settings: Settings, root: Path) -> Iterator[None]:
    """One import, watch or pull over the same thing at a time."""
    name = hashlib.blake2b(str(root).encode("utf-8", "replace"), digest_size=8).hexdigest()
    lock = platform.try_lock(Path(settings.home) / "intake" / f"{name}.lock")
    if lock is None:
        raise SettingsError(f"another dashcam works on {root} already; let it end, or stop it")
    try:
        yield
    finally:
        lock.release()


def _print(
    done: Imported, layout: Layout | None, desk: Desk, waiting: int, failed: list[dict[str, str]]
) -> None:
    print_json(
        {
            "layout": layout.name if layout else None,
            "clips": done.found,
            "copied": done.copied,
            "known": done.known,
            "tasks": desk.tasks,
            "waiting": waiting,
            "ejectable": not done.errors and not done.only_there,
            "warnings": [msgspec.to_builtins(each) for each in done.warnings],
            "errors": [msgspec.to_builtins(each) for each in done.errors] + failed,
        }
    )


def _words(done: Imported, waiting: int, failed: list[dict[str, str]], waited: bool) -> Iterator[str]:
    if done.copied:
        yield f"{done.copied} clips copied and checked"
    else:
        yield "nothing new" if done.found else "no clips"
    if done.known:
        yield f"{done.known} known already"
    if waiting:
        yield f"{waiting} wait here for the server"
    if failed or waited:
        yield f"{len(failed)} failed"
    if done.errors:
        yield f"{len(done.errors) + done.left} did not come over: leave the card as it is"
    elif done.only_there:
        yield f"{done.only_there} wait in the queue to be copied by a worker: leave the card in"
    elif not done.found:
        yield "is the card mounted here?"
    else:
        yield "the card may be ejected"
