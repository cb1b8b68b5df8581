"""`dashcam pull blackvue|viofo ADDRESS`: clips over Wi-Fi, once or again and again."""

from __future__ import annotations

import sys
import threading
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from config.settings import Settings
from dashcam_cli import common, platform
from dashcam_cli.camera_http import CameraHttp
from dashcam_cli.cameras import Camera
from dashcam_cli.card_run import Imported
from dashcam_cli.desk import Desk
from dashcam_cli.import_card import check_zone, locked
from dashcam_cli.ledger import Ledger
from dashcam_cli.output import FAILED, NO_SERVER, leave, print_json, printable, say
from dashcam_cli.places import host_places
from dashcam_cli.puller import Puller
from dashcam_cli.scan import Refusal
from stages.errors import Cancelled, DashcamError
from stages.files import HostPlaces
from stages.footage.keeping import raw_folder


def pull(
    camera: Camera,
    address: str,
    to: str,
    every: float,
    name: str,
    zone: str,
    place_flags: list[str],
    url: str | None,
    home: Path | None,
    as_json: bool,
) -> None:
    """Pull once, or every so many minutes until a stop signal.

    A camera that is not there is normal: exit 0. 1 when a clip did not come over, 3 when tasks wait for the
    server.
    """
    settings = common.settings(home, url)
    check_zone(zone)
    http = CameraHttp(address, camera.allowed, settings.pull.timeout_seconds)
    with closing(http), locked(settings, Path(f"{camera.kind}@{http.address}")):
        pulling = Pulling(settings, camera, http, to, {"camera": name, "time_zone": zone}, place_flags)
        if every:
            pulling.forever(every * 60)
        else:
            pulling.once(as_json)


class Pulling:
    """Visits to one camera."""

    def __init__(
        self,
        settings: Settings,
        camera: Camera,
        http: CameraHttp,
        to: str,
        says: dict[str, str],
        place_flags: list[str],
    ) -> None:
        self._settings = settings
        self._camera = camera
        self._http = http
        self._to = to
        self._says = says
        self._places = HostPlaces(host_places(settings, place_flags))
        self._stop = threading.Event()
        self._said = ""
        self._shown = f"the {camera.kind} camera at {http.address}"

    def once(self, as_json: bool) -> None:
        """One visit, and what came of it."""
        done = Imported()
        with closing(Ledger(Path(self._settings.home))) as ledger, Bar() as bar:
            desk = Desk(common.client(self._settings), ledger, say, places=self._places)
            there = self._visit(ledger, desk, done, bar)
            waiting = ledger.count_waiting()
        for refusal in desk.refused:
            done.refuse(refusal)
        if not there:
            say(f"{self._shown} does not answer; that is normal while it is off or away")
        if as_json:
            _print(there, done, desk, waiting)
        elif there:
            print(", ".join(_words(done, waiting)))  # noqa: T201
        if done.errors:
            leave(FAILED)
        if waiting:
            leave(NO_SERVER)

    def forever(self, seconds: float) -> None:
        """Visit after visit; what changes is said once."""
        platform.on_stop(self._stop.set)
        with closing(Ledger(Path(self._settings.home))) as ledger:
            desk = Desk(common.client(self._settings, patience=1), ledger, say, places=self._places)
            while not self._stop.is_set():
                self._round(ledger, desk)
                desk.tasks.clear()
                desk.refused.clear()
                self._stop.wait(seconds)

    def _round(self, ledger: Ledger, desk: Desk) -> None:
        done = Imported(say)
        try:
            with Bar() as bar:
                there = self._visit(ledger, desk, done, bar)
        except Cancelled:
            return
        except (DashcamError, OSError) as error:
            self._once_only(f"{self._shown}: {printable(str(error))}; it is tried again every time")
            return
        if not there:
            self._once_only(f"{self._shown} does not answer; waiting for it")
            return
        self._said = ""
        if done.copied:
            say(f"{self._shown}: {', '.join(_words(done, ledger.count_waiting()))}")

    def _once_only(self, text: str) -> None:
        if text != self._said:
            say(text)
        self._said = text

    def _visit(self, ledger: Ledger, desk: Desk, done: Imported, bar: Bar) -> bool:
        folder = raw_folder(self._places, self._to or self._settings.stage.ingest.place)

        def tell(name: str, bytes_done: int, size: int | None) -> None:
            if self._stop.is_set():
                raise Cancelled("stopped; what is fetched is kept, and gone on with next time")
            bar.show(name, bytes_done, size)

        puller = Puller(
            self._camera, self._http, folder, ledger, desk, Path(self._settings.home), self._settings.pull,
            says=self._says, sleep=self._stop.wait, tell=tell,
        )  # fmt: skip
        return puller.visit(done)


class Bar:
    """The file that comes now, on a terminal; silence elsewhere."""

    def __init__(self) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn(),
            console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty(),
        )  # fmt: skip
        self._name = ""
        self._task = self._progress.add_task("asking")

    def __enter__(self) -> Bar:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def show(self, name: str, done: int, size: int | None) -> None:
        """How far it is."""
        if name != self._name:
            self._name = name
            self._progress.reset(self._task, total=size, description=name[:60].replace("[", "("))
        self._progress.update(self._task, completed=done)


def _words(done: Imported, waiting: int) -> list[str]:
    words = [f"{done.copied} clips fetched and checked" if done.copied else "nothing new"]
    words += [f"{done.known} known already"] if done.known else []
    words += [f"{waiting} wait here for the server"] if waiting else []
    return words + ([f"{len(done.errors)} did not come over"] if done.errors else [])


def _print(there: bool, done: Imported, desk: Desk, waiting: int) -> None:
    report: dict[str, Any] = {"reachable": there, "clips": done.found, "pulled": done.copied}
    report |= {"known": done.known, "tasks": desk.tasks, "waiting": waiting}
    report |= {"warnings": _plain(done.warnings), "errors": _plain(done.errors)}
    print_json(report)


def _plain(refusals: list[Refusal]) -> list[dict[str, str]]:
    return [msgspec.to_builtins(each) for each in refusals]
