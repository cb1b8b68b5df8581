"""The server as the ways in see it: it may be away for hours, and nothing is lost or done twice."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

from dashcam_cli.client import Client
from dashcam_cli.ledger import Ledger
from dashcam_cli.moved import tell_moved
from dashcam_cli.output import printable
from dashcam_cli.scan import Refusal
from stages.errors import BadInput, Unreachable
from stages.files import HostPlaces
from stages.footage.names import read_name
from stages.task import FileRef, State, TaskType

_BATCH = 500  # tasks in one call
ASKED = 5000  # contents in one question
_PAGE = 1000
_OFTEN = 2.0  # seconds
_FIRST_PAUSE, _LONGEST_PAUSE = 5.0, 300.0


class Desk:
    """Asks what is known, and hands in what waits in the ledger.

    While no server answers, `away` says why, and it is asked again after 5 s, doubling to 5 minutes; the
    coming and going is said once each. `tasks` and `refused` collect what came of it.
    """

    def __init__(
        self,
        client: Client,
        ledger: Ledger,
        tell: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
        *,
        places: HostPlaces,
    ) -> None:
        self.client = client
        self.away = ""
        self.tasks: list[dict[str, Any]] = []
        self.refused: list[Refusal] = []
        self._ledger = ledger
        self._places = places
        self._tell = tell
        self._clock = clock
        self._pause = _FIRST_PAUSE
        self._next = clock()
        self._handed = clock()

    def known(self, fingerprints: list[str]) -> dict[str, str] | None:
        """Which of at most `ASKED` contents the server knows; None when there is none to ask."""
        if self.away and self._clock() < self._next:
            return None
        try:
            there = self.client.known(fingerprints) if fingerprints else {}
        except Unreachable as error:
            self._lost(error)
            return None
        if fingerprints:
            self._found()
        return there

    def now_and_then(self) -> None:
        """Hand in, if that was not done just now: for use after each clip."""
        if self._clock() - self._handed >= _OFTEN:
            self.hand_in()

    def hand_in(self) -> None:
        """Create the tasks that wait, each once; what cannot be handed in now waits on."""
        self._handed = self._clock()
        if self.away and self._clock() < self._next:
            return
        try:
            while batch := self._ledger.waiting(_BATCH):
                there = self.client.known([fingerprint for fingerprint, _ in batch])
                self._seen_again([(each, task) for each, task in batch if each in there])
                self._create([task for fingerprint, task in batch if fingerprint not in there])
                self._ledger.handed(fingerprint for fingerprint, _ in batch)
                self._found()
        except Unreachable as error:
            self._lost(error)

    def moved(self, seen: Iterable[tuple[str, FileRef]]) -> None:
        """Tell where known contents were seen: a camera locks a clip by moving it."""
        if self.away:
            return
        try:
            self._moved(seen)
        except Unreachable as error:
            self._lost(error)

    def _moved(self, seen: Iterable[tuple[str, FileRef]]) -> None:
        for news in tell_moved(self.client, self._places, seen).values():
            self._tell(f"a known clip is {printable(news)}")

    def _seen_again(self, known: list[tuple[str, dict[str, Any]]]) -> None:
        """Contents that the server has: it hears where they lie, and which the camera has locked since."""
        self._moved((fingerprint, FileRef(**task["inputs"][0])) for fingerprint, task in known)
        locked = [
            {"fingerprint": fingerprint, "device": ref["device"], "path": ref["path"], "locked": True}
            for fingerprint, task in known
            for ref in task["inputs"]
            if task["metadata"].get("locked") or read_name(task["metadata"].get("origin", "")).locked
        ]
        if locked:
            self.client.moved(locked)

    def _create(self, tasks: list[dict[str, Any]]) -> None:
        """All at once; where the server will not, one by one: a bad one must not hold up the others."""
        if not tasks:
            return
        try:
            self.tasks += self.client.create(tasks)
        except BadInput as error:
            if len(tasks) == 1:
                name = str(tasks[0]["metadata"].get("filename") or tasks[0]["video_id"])
                self.refused.append(Refusal(name, f"the server refused it: {error}"))
                return
            for task in tasks:
                self._create([task])

    def wanted_from_cards(self, fingerprints: set[str]) -> int:
        """How many of these contents wait in the queue for a worker that copies them from a card."""
        count = 0
        try:
            for offset in range(0, 100 * _PAGE, _PAGE) if fingerprints else ():
                tasks = self.client.tasks(
                    task_type=TaskType.INGEST_VIDEO, state=State.PENDING, limit=_PAGE, offset=offset
                )
                for task in tasks:
                    device = task["inputs"][0]["device"] if task["inputs"] else ""
                    removable = self._places.knows(device) and not self._places.is_kept(device)
                    count += removable and task["metadata"].get("fingerprint") in fingerprints
                if len(tasks) < _PAGE:
                    break
        except Unreachable as error:
            self._lost(error)
        return count

    def _lost(self, error: Unreachable) -> None:
        if not self.away:
            self._tell(f"{printable(str(error))}; what is new waits here, and is handed in when it answers")
        else:
            self._pause = min(self._pause * 2, _LONGEST_PAUSE)
        self.away = str(error)
        self._next = self._clock() + self._pause

    def _found(self) -> None:
        if self.away:
            self._tell("the server answers again")
        self.away, self._pause = "", _FIRST_PAUSE
