"""`dashcam watch`: what appears in folders is handed in as soon as it is whole."""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from contextlib import ExitStack, closing
from pathlib import Path

from config.settings import WatchSettings
from dashcam_cli import common, platform
from dashcam_cli.desk import Desk
from dashcam_cli.import_card import check_zone, locked
from dashcam_cli.ledger import Ledger
from dashcam_cli.output import FAILED, NO_SERVER, leave, printable
from dashcam_cli.places import host_places
from dashcam_cli.watched import WatchedFolder, hand_over, log
from stages.files import HostPlaces

_SHARE = 10  # a folder is listed at most a tenth of the time


def watch(
    folders: list[Path],
    once: bool,
    camera: str,
    zone: str,
    to: str,
    place_flags: list[str],
    url: str | None,
    home: Path | None,
) -> None:
    """Watch until a stop signal, or with `once` until nothing is left that is at rest.

    With `once`: exit 1 when something is damaged or a kept place is not there, 3 when tasks wait for the
    server.
    """
    settings = common.settings(home, url)
    check_zone(zone)
    speak()
    places = host_places(settings, place_flags)
    stop = threading.Event()
    platform.on_stop(stop.set)
    with ExitStack() as stack:
        ledger = stack.enter_context(closing(Ledger(Path(settings.home))))
        desk = Desk(common.client(settings, patience=1), ledger, log.info, places=HostPlaces(places))
        says = {"camera": camera, "time_zone": zone}
        watched = []
        for root in [folder.expanduser().absolute() for folder in folders]:
            stack.enter_context(locked(settings, root))
            watched.append(WatchedFolder(root, settings, places, ledger, desk, to, says, stop))
        run = Rounds(watched, desk, settings.watch, stop)
        run.once() if once else run.forever()
        waiting = ledger.count_waiting()
    if once and any(each.trouble for each in watched):
        leave(FAILED)
    if once and waiting:
        leave(NO_SERVER)


def speak() -> None:
    """One line each on stderr; where systemd listens, with the priority that it understands and no time."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Lines())
    root = logging.getLogger("dashcam")
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)


class _Lines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        text = printable(record.getMessage())
        if os.environ.get("JOURNAL_STREAM"):
            return f"<{4 if record.levelno >= logging.WARNING else 6}>{text}"
        return f"{self.formatTime(record)} {record.levelname} {text}"


class Rounds:
    """Looks at each folder in turn."""

    def __init__(
        self, folders: list[WatchedFolder], desk: Desk, settings: WatchSettings, stop: threading.Event
    ) -> None:
        self._folders = folders
        self._desk = desk
        self._settings = settings
        self._stop = stop

    def forever(self) -> None:
        """Until the stop."""
        while not self._stop.is_set():
            self._stop.wait(self._round())

    def once(self) -> None:
        """Until what is there has had its time to rest; what is still written to is left to the next run."""
        end = time.monotonic() + max(each.stable for each in self._folders)
        while not self._stop.is_set():
            late = time.monotonic() > end
            pause = self._round()
            if late or not any(each.open() for each in self._folders):
                break
            self._stop.wait(min(pause, max(0.1, end - time.monotonic() + 0.1)))
        left = sum(each.open() for each in self._folders)
        if left:
            log.info("%d files are not finished; the next run looks at them again", left)

    def _round(self) -> float:
        """One look at every folder; the pause until the next."""
        began = time.monotonic()
        for folder in self._folders:
            if self._stop.is_set():
                break
            folder.round()
        hand_over(self._desk)
        return max(self._settings.poll_seconds, (time.monotonic() - began) * (_SHARE - 1))
