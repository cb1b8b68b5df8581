"""One pass over a card: look, ask the server what it knows, copy the rest, hand it in."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from dashcam_cli.desk import ASKED, Desk
from dashcam_cli.indexing import index
from dashcam_cli.intake import Clip
from dashcam_cli.keeper import Keeper
from dashcam_cli.ledger import Ledger
from dashcam_cli.output import printable, say
from dashcam_cli.scan import Found, Refusal
from stages.errors import Cancelled, DashcamError, PlaceAbsent, StageFailed
from stages.files import HostPlaces
from stages.footage.keeping import RawFolder
from stages.footage.layouts import Layout, recognise
from stages.task import FileRef


class Imported:
    """What came of it, as it comes. `only_there`: clips that a worker has yet to copy from the card; `left`:
    those that were not tried, because the card or the place went away.
    """

    def __init__(self, tell: Callable[[str], None] = say) -> None:
        self.found = self.copied = self.known = self.only_there = self.left = 0
        self.errors: list[Refusal] = []
        self.warnings: list[Refusal] = []
        self.tell = tell

    def refuse(self, refusal: Refusal) -> None:
        """A clip that did not come over."""
        self.errors.append(refusal)
        self.tell(f"dashcam: {printable(refusal.clip)}: {printable(refusal.reason)}")

    def warn(self, clip: str, reason: str) -> None:
        """Something to know of a clip that did."""
        self.warnings.append(Refusal(clip, reason))
        self.tell(f"{printable(clip)}: {printable(reason)}")


class CardRun:
    """One pass over a card. `says` goes into the tasks' metadata; `check` reads every copy back.

    `only`: the paths below the card that may be taken, None = all. When `stopped` says so the pass ends with
    `Cancelled`, between two clips or in the middle of one.
    """

    def __init__(
        self,
        root: Path,
        home: Path,
        places: HostPlaces,
        folder: RawFolder,
        ledger: Ledger,
        desk: Desk,
        done: Imported,
        *,
        says: dict[str, str],
        check: bool = False,
        quiet: bool = False,
        only: set[str] | None = None,
        stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        self.layout: Layout | None = recognise(root)
        self._root = root
        self._places = places
        self._folder = folder
        self._ledger = ledger
        self._desk = desk
        self._done = done
        self._only = only
        self._stopped = stopped
        self._bars = bars(quiet)
        self._bar = self._bars.add_task("looking", total=None, amount="")
        self._looked = self._past = self._total = 0
        self._source = says.get("source") or "card"
        self._keeper = Keeper(folder, ledger, home, str(root), says=says, check=check, tell=self._progressed)

    def all(self) -> None:
        """Look, ask, copy, hand in."""
        self._desk.hand_in()  # what an earlier run could not
        with self._bars:
            for clip in index(self._ledger, self._root, self._only):
                self._look_up()
                if isinstance(clip, Refusal):
                    self._done.refuse(clip)
                self._looked += 1
                self._bars.update(self._bar, amount=f"{self._looked} clips")
            if new := self._new():
                self._copy(new)
        self._desk.hand_in()

    def _look_up(self) -> None:
        if self._stopped():
            raise Cancelled("stopped; what is copied is kept")

    # -- what is new -----------------------------------------------------------------------------

    def _new(self) -> list[tuple[Found, Clip]]:
        """The clips to copy, in order."""
        new: list[tuple[Found, Clip]] = []
        seen: set[str] = set()
        batch: list[tuple[Found, Clip]] = []
        for found, clip in self._ledger.found(str(self._root)):
            self._done.found += 1
            if clip.fingerprint in seen:
                self._done.known += 1
                continue
            seen.add(clip.fingerprint)
            batch.append((found, clip))
            if len(batch) == ASKED:
                new += self._unknown(batch)
                batch = []
        return new + self._unknown(batch)

    def _unknown(self, batch: list[tuple[Found, Clip]]) -> list[tuple[Found, Clip]]:
        there = self._desk.known([clip.fingerprint for _, clip in batch])
        self._desk.moved(
            (clip.fingerprint, FileRef(device=self._source, path=f"/{found.below}"))
            for found, clip in batch
            if there and clip.fingerprint in there
        )
        if there:
            loose = {fingerprint for fingerprint in there if self._ledger.copy_of(fingerprint) is None}
            self._done.only_there += self._desk.wanted_from_cards(loose)
        new = [(found, clip) for found, clip in batch if not self._is_known(clip, there)]
        self._done.known += len(batch) - len(new)
        waiting = {clip.fingerprint for _, clip in new}
        self._ledger.begin()
        for found, clip in batch:
            if clip.fingerprint not in waiting:
                self._ledger.finish(str(self._root), found)
        self._ledger.commit()
        return new

    def _is_known(self, clip: Clip, there: dict[str, str] | None) -> bool:
        """The server is the judge where there is one; damaged clips have no task, so it cannot know them."""
        if there is None or clip.problem:
            return self._has(clip)
        return clip.fingerprint in there

    def _has(self, clip: Clip) -> bool:
        """Whether this host copied the content, and the server has had it or it is still there."""
        copy = self._ledger.copy_of(clip.fingerprint)
        if copy is None:
            return False
        if copy.handed:
            return True
        try:
            return self._places.existing(FileRef(copy.device, copy.path)).stat().st_size == copy.size
        except (DashcamError, OSError):
            return False

    # -- copying ---------------------------------------------------------------------------------

    def _copy(self, new: list[tuple[Found, Clip]]) -> None:
        self._total = sum(found.size for found, _ in new)
        self._bars.reset(self._bar, total=self._total, description="copying")
        self._keeper.sweep()
        for number, (found, clip) in enumerate(new, 1):
            name = printable(clip.path.name)[:40].replace("[", "(")
            self._bars.update(self._bar, description=f"copying {name}")
            try:
                self._one(found, clip)
            except PlaceAbsent as error:
                self._done.refuse(Refusal(str(clip.path), str(error)))
                self._done.left = len(new) - number
                return
            self._past += found.size
            self._desk.now_and_then()

    def _progressed(self, done: int) -> None:
        self._look_up()
        past = self._past + done
        self._bars.update(self._bar, completed=past, amount=f"{past / 1e9:.1f}/{self._total / 1e9:.1f} GB")

    def _one(self, found: Found, clip: Clip) -> None:
        try:
            warnings = self._keeper.keep(clip, found)
        except (StageFailed, OSError) as error:
            if not still_there(self._root):
                raise PlaceAbsent(
                    f"{self._root} is gone; put the card in again and run it again: what is copied is kept"
                ) from error
            self._done.refuse(Refusal(str(clip.path), str(error)))
            return
        self._done.copied += 1
        if clip.problem:
            warnings.append(f"{clip.problem}; it is kept, but cannot be worked on")
        for warning in [*warnings, clip.warning]:
            if warning:
                self._done.warn(str(clip.path), warning)


def still_there(root: Path) -> bool:
    """Whether a card is in: its mount point holds something."""
    try:
        return any(not entry.name.startswith(".") for entry in root.iterdir())
    except OSError:
        return False


def bars(quiet: bool = False) -> Progress:
    """Progress on a terminal, silence elsewhere."""
    return Progress(
        TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[amount]}"),
        TimeRemainingColumn(),
        console=Console(stderr=True), transient=True, disable=quiet or not sys.stderr.isatty(),
    )  # fmt: skip
