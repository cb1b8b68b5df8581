"""Which places can be reached now, asked in threads of their own: a dead network mount hangs whoever asks."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable

from stages.files import Place

_EVERY = 10.0
_PATIENCE = 15.0


class Reach:
    """Asks each place again and again. One whose answer does not come counts as absent."""

    def __init__(self, places: Iterable[Place], clock: Callable[[], float] = time.monotonic) -> None:
        self._places = list(places)
        self._clock = clock
        self._heard: dict[str, tuple[float, bool]] = {}
        self._stop = threading.Event()
        self._first = threading.Semaphore(0)
        for place in self._places:
            threading.Thread(target=self._ask, args=(place,), name=f"place-{place.name}", daemon=True).start()

    def _ask(self, place: Place) -> None:
        while True:
            self._heard[place.name] = (self._clock(), place.present())
            self._first.release()
            if self._stop.wait(_EVERY):
                return

    def settle(self, seconds: float = 3.0) -> None:
        """Wait until every place has answered once, or the time is over."""
        end = self._clock() + seconds
        for _ in self._places:
            self._first.acquire(timeout=max(0.0, end - self._clock()))

    def names(self) -> list[str]:
        """The places that answered lately and are there."""
        now = self._clock()
        heard = {
            name: there and now - at <= _EVERY + _PATIENCE for name, (at, there) in self._heard.copy().items()
        }
        return [place.name for place in self._places if heard.get(place.name)]

    def stop(self) -> None:
        """Ask no more."""
        self._stop.set()
