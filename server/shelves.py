"""What the server's host reaches of the places, asked in threads of their own.

A dead network mount hangs whoever asks it. So each place has a few threads, and only those hang: nobody
waits for them longer than `PATIENCE`, the event loop never, and other places not at all.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from config.settings import Settings
from stages.errors import DashcamError, PlaceAbsent, Unavailable
from stages.places import MARKER, HostPlaces, Place
from stages.task import FileRef

T = TypeVar("T")
#: The kept place that `dashcam run` makes in a home without any.
HOME_PLACE = "home"
#: Names that mean a card, as in the reference's examples (`dashcam_cli.places`).
CARD_NAMES = {"dashcam", "card", "sdcard"}
#: Seconds that an answer of a place is waited for.
PATIENCE = 5.0
_THREADS = 4
_WAITING = 64
#: What a question may raise; anything else is a fault of ours, and ends its thread with a traceback.
_EXPECTED = (DashcamError, msgspec.MsgspecError, OSError, RuntimeError, UnicodeError, MemoryError)


class Shelves:
    """Some places. Threads are started with the first question to each."""

    def __init__(self, places: Mapping[str, Place], patience: float = PATIENCE) -> None:
        self.places = HostPlaces(places)
        self._patience = patience
        self._lanes: dict[str, _Lane] = {}

    async def ask(self, device: str, question: Callable[[], T], patience: float | None = None) -> T:
        """The answer to a question that touches the files of one place, `patience` seconds long.

        Raises what `question` raises, and PlaceAbsent when the place does not answer in time.
        """
        lane = self._lanes.get(device)
        if lane is None:
            if not self.places.knows(device):
                raise PlaceAbsent(
                    f"the server's host has no place {device!r}; add it to its settings to see its files here"
                )
            lane = self._lanes[device] = _Lane(device)
        answered = lane.ask(question, self._patience)
        try:
            found: T = await asyncio.wait_for(answered, patience or self._patience)
        except TimeoutError:
            raise PlaceAbsent(_silent(device)) from None
        return found

    def tell(self, device: str, errand: Callable[[], Any]) -> None:
        """Have something done that nobody waits for, such as closing a file."""
        if (lane := self._lanes.get(device)) is not None:
            lane.tell(errand)

    async def find(self, ref: FileRef) -> Path:
        """The file or folder that a reference names. Raises PlaceAbsent, InputGone, BadInput."""
        return await self.ask(ref.device, lambda: self.places.existing(ref))

    def close(self) -> None:
        """Let the threads end; one that hangs is left behind."""
        for lane in self._lanes.values():
            lane.close()


def host_places(settings: Settings) -> dict[str, Place]:
    """The places that the server's own settings name, and the one in its home."""
    places = {}
    for name, each in settings.places.items():
        root = Path(each.root).expanduser().absolute()
        removable = each.removable if each.removable is not None else name in CARD_NAMES
        places[name] = Place(name=name, root=str(root), removable=removable, prefix=each.prefix)
    own = Path(settings.home) / "files"
    if (own / MARKER).is_file():
        places.setdefault(HOME_PLACE, Place(name=HOME_PLACE, root=str(own)))
    return places


def _silent(device: str) -> str:
    return f"the place {device} does not answer; is its host asleep, or its mount dead?"


class _Lane:
    """The threads of one place. They end with the process, also when they hang."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._jobs: queue.SimpleQueue[tuple[Callable[[], Any], _Answer | None] | None] = queue.SimpleQueue()
        self._begun: dict[int, float] = {}
        for number in range(_THREADS):
            threading.Thread(
                target=self._work, args=(number,), name=f"shelf-{name}-{number}", daemon=True
            ).start()

    def ask(self, question: Callable[[], Any], patience: float) -> asyncio.Future[Any]:
        """Queue a question; refused at once while every thread hangs, or too many wait."""
        since = list(self._begun.values())
        late = time.monotonic() - patience
        if self._jobs.qsize() >= _WAITING or (len(since) == _THREADS and max(since) < late):
            raise PlaceAbsent(_silent(self._name))
        answer = _Answer(asyncio.get_running_loop())
        self._jobs.put((question, answer))
        return answer.future

    def tell(self, errand: Callable[[], Any]) -> None:
        self._jobs.put((errand, None))

    def _work(self, number: int) -> None:
        while (job := self._jobs.get()) is not None:
            question, answer = job
            self._begun[number] = time.monotonic()
            if answer is None:
                with contextlib.suppress(*_EXPECTED):
                    question()
            elif not answer.future.cancelled():
                answer.settle(question)
            self._begun.pop(number, None)

    def close(self) -> None:
        for _ in range(_THREADS):
            self._jobs.put(None)


class _Answer:
    """Carries what a thread found back into the loop, unless nobody waits any more."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.future: asyncio.Future[Any] = loop.create_future()

    def settle(self, question: Callable[[], Any]) -> None:
        """Ask, and hand over what came of it."""
        error: BaseException = Unavailable("a file could not be looked at; the server's log says more")
        try:
            found = question()
        except _EXPECTED as expected:
            error = expected
        else:
            self._tell(lambda: self.future.set_result(found))
            return
        finally:
            self._tell(lambda: self.future.set_exception(error))

    def _tell(self, tell: Callable[[], None]) -> None:
        def unless_told() -> None:
            if not self.future.done():
                tell()

        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            self._loop.call_soon_threadsafe(unless_told)
