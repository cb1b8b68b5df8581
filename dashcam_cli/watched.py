"""One watched folder: what its files are, and how they are handed in."""

from __future__ import annotations

import logging
import threading
import time
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from config.settings import Settings
from dashcam_cli import platform
from dashcam_cli.card_run import CardRun, Imported
from dashcam_cli.desk import Desk
from dashcam_cli.import_card import card_name
from dashcam_cli.intake import Clip, examine, reference, task_for, unusable
from dashcam_cli.ledger import Ledger
from dashcam_cli.listing import Lister
from dashcam_cli.output import printable
from dashcam_cli.scan import Found, Refusal
from dashcam_cli.watcher import Action, Away, Back, Examine, Look, Report, State, Take, Watcher
from stages.errors import BadInput, Cancelled, DashcamError
from stages.files import HostPlaces, Place
from stages.footage.container import walk
from stages.footage.keeping import raw_folder
from stages.footage.layouts import recognise
from stages.task import FileRef

log = logging.getLogger("dashcam.watch")

_PATIENCE = 60.0  # seconds that a folder may take to be listed before it counts as dead
_RETRY = 60.0  # seconds until a clip is tried again that could not be taken
_REMEMBERED = 10_000  # sentences that are not said again
_SLICE = 200  # files between two visits at the desk


class Judged(NamedTuple):
    """What a file is now."""

    state: State
    reason: str = ""


def judge(path: Path) -> Judged:
    """Whether a file is whole, from its container alone."""
    try:
        container = walk(path)
    except FileNotFoundError:
        return Judged(State.GONE)
    except OSError as error:
        return Judged(State.BROKEN, f"cannot be read: {error.strerror}")
    if reason := unusable(container):
        return Judged(State.BROKEN, reason)
    return Judged(State.CUT, container.reason) if container.state == "truncated" else Judged(State.WHOLE)


class WatchedFolder:
    """One folder: registered where it lies when it is in a kept place, copied from when it is a card.

    `trouble` becomes true when something was damaged, did not come over, or a kept place was not there.
    Raises BadInput for a folder that lies in no place and is no card.
    """

    def __init__(
        self,
        root: Path,
        settings: Settings,
        places: dict[str, Place],
        ledger: Ledger,
        desk: Desk,
        to: str,
        says: dict[str, str],
        stop: threading.Event,
    ) -> None:
        self.root = root
        self.trouble = False
        far, timing = platform.on_network(root), settings.watch
        self.stable = timing.network_stable_seconds if far else timing.stable_seconds
        self._settings = settings
        self._places = HostPlaces(places)
        self._ledger = ledger
        self._desk = desk
        self._to = to
        self._says = says
        self._stop = stop
        self._said: set[str] = set()
        self._base = self._places.reference(root)
        place = _place_of(root, places, self._base)
        self.card = place is None or place.removable
        self._prefix = place.prefix if place else ""
        self._lister = Lister(root, place)
        self._watcher = Watcher(self.stable, timing.damaged_minutes * 60, self._settled)
        log.info("watching %s (%s)", root, self._what(place))

    def _what(self, place: Place | None) -> str:
        if place is None or place.removable:
            return f"a card: its clips are copied to {self._to or 'the ingest place'}"
        return f"place {place.name}: its clips stay where they lie"

    def open(self) -> int:
        """How many files are not dealt with."""
        return 0 if self._watcher.away else self._watcher.open()

    def round(self) -> None:
        """List, look into what is at rest, hand in what is whole."""
        listing = self._lister.ask(_PATIENCE)
        for refusal in listing.refusals[:1000]:
            self._say(f"{refusal.clip}: {refusal.reason}")
        takes: list[Take] = []
        for number, action in enumerate(self._watcher.step(time.monotonic(), listing.files, listing.why), 1):
            if self._stop.is_set():
                return
            takes += self._act(action)
            if number % _SLICE == 0 and not self.card:
                self._register(takes)
                takes = []
        if self.card and takes:
            self._copy(takes)
        else:
            self._register(takes)

    def _say(self, text: str) -> None:
        """Once, however often it comes up."""
        if text not in self._said:
            if len(self._said) >= _REMEMBERED:
                self._said.clear()
            self._said.add(text)
            log.warning("%s", text)

    # -- what is there ---------------------------------------------------------------------------

    def _found(self, below: str, look: Look) -> Found:
        return Found(self.root / below, below, *look)

    def _settled(self, below: str, look: Look) -> bool:
        return self._ledger.done(str(self.root), self._found(below, look))

    def _act(self, action: Action) -> list[Take]:
        if isinstance(action, Away):
            self.trouble = self.trouble or not self.card
            level = logging.INFO if self.card else logging.WARNING
            log.log(level, "%s: %s; waiting for it, nothing is forgotten", self.root, action.reason)
        elif isinstance(action, Back):
            log.info("%s is there again", self.root)
        elif isinstance(action, Examine):
            return self._examine(action)
        return []

    def _examine(self, asked: Examine) -> list[Take]:
        judged = judge(self.root / asked.path)
        age = max(0.0, time.time() - asked.look.modified / 1e9)
        now = time.monotonic()
        takes = []
        for action in self._watcher.answer(now, asked.path, asked.look, judged.state, judged.reason, age):
            if isinstance(action, Take):
                takes.append(action)
            elif isinstance(action, Report):
                self._report(action)
        return takes

    def _report(self, report: Report) -> None:
        self.trouble = True
        log.warning("%s: %s; it is left alone until it changes", self.root / report.path, report.reason)
        self._ledger.finish(str(self.root), self._found(report.path, report.look))

    def _again(self, take: Take) -> None:
        self.trouble = True
        self._watcher.again(time.monotonic(), take.path, take.look, _RETRY)

    # -- kept places -----------------------------------------------------------------------------

    def _register(self, takes: list[Take]) -> None:
        for take in takes:
            if self._stop.is_set():
                return
            found = self._found(take.path, take.look)
            try:
                clip = self._let_wait(found)
            except FileNotFoundError:
                continue
            except OSError as error:
                clip = Refusal(str(found.path), f"cannot be read: {error.strerror}")
            if isinstance(clip, Refusal):
                self._say(f"{clip.clip}: {clip.reason}")
                self._again(take)
            elif take.warning:
                log.warning("%s: %s; it is worked on up to its end", found.path, take.warning)
        hand_over(self._desk)

    def _let_wait(self, found: Found) -> Clip | Refusal:
        ref = self._ref(found)
        if isinstance(ref, Refusal):
            return ref
        clip = examine(found.path, datetime.now(), ref.path)  # noqa: DTZ005  # the camera's clock is local too
        if isinstance(clip, Clip):
            self._ledger.hand(str(self.root), found, clip, task_for(clip, ref, **self._says))
        elif not found.path.exists():
            raise FileNotFoundError(found.path)
        return clip

    def _ref(self, found: Found) -> FileRef | Refusal:
        """Without a look at the other places' roots: one of them may be a dead mount."""
        if self._base is None or self._prefix:
            return reference(self._places, found.path)
        return FileRef(self._base.device, f"{self._base.path.rstrip('/')}/{found.below}")

    # -- cards -----------------------------------------------------------------------------------

    def _copy(self, takes: list[Take]) -> None:
        done = Imported(self._say)
        try:
            folder = raw_folder(self._places, self._to or self._settings.stage.ingest.place)
            run = CardRun(
                self.root, Path(self._settings.home), self._places, folder, self._ledger, self._desk, done,
                says=self._says | {"source": card_name(self._places, self.root)},
                quiet=True, only={take.path for take in takes}, stopped=self._stop.is_set,
            )  # fmt: skip
            run.all()
        except Cancelled:
            return
        except (DashcamError, OSError) as error:
            done.refuse(Refusal(str(self.root), str(error)))
        if done.copied:
            log.info("%s: %d clips copied and checked", self.root, done.copied)
            self._said.clear()
        self.trouble = self.trouble or bool(done.errors)
        hopeless = {refusal.clip for refusal in done.errors}  # until the card is put in again
        for take in takes:
            if not self._settled(take.path, take.look) and str(self.root / take.path) not in hopeless:
                self._again(take)


def _place_of(root: Path, places: dict[str, Place], ref: FileRef | None) -> Place | None:
    """The place that a folder lies in; None for a card that has no name. Raises BadInput for any other."""
    if ref is not None:
        return places[ref.device]
    if root.is_dir() and recognise(root) is None and any(root.iterdir()):
        raise BadInput(
            f"{root} lies in no place of this host and is no card that is known; "
            f"name it with: dashcam place add NAME {root}"
        )
    return None


def hand_over(desk: Desk) -> None:
    """Hand in what waits, and say what came of it."""
    desk.hand_in()
    if desk.tasks:
        log.info("%d clips handed in", len(desk.tasks))
        desk.tasks.clear()
    for refusal in desk.refused:
        log.warning("%s: %s", printable(refusal.clip), printable(refusal.reason))
    desk.refused.clear()
