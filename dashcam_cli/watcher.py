"""What to do about the files of a watched folder: a state machine without a disk, a clock or a server.

seen ──unchanged for a while──▶ asked ──whole──▶ taken
  ▲                               │ unfinished: asked again, ever more seldom; after a long while
  └────────── changed ────────────┘ taken up to its end, or reported once and left alone until it changes
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import NamedTuple


class Look(NamedTuple):
    """A file as the folder lists it: bytes and time of change in ns."""

    size: int
    modified: int


class Examine(NamedTuple):
    """Look into a file and say what it is: `Watcher.answer`."""

    path: str
    look: Look


class Take(NamedTuple):
    """Hand a file in. `warning` says what is wrong with it though it can be worked on."""

    path: str
    look: Look
    warning: str = ""


class Report(NamedTuple):
    """Say once what is wrong with a file; it is left alone until it changes."""

    path: str
    look: Look
    reason: str


class Away(NamedTuple):
    """The folder is not there: nothing is deleted, nothing is forgotten. Said once."""

    reason: str


class Back(NamedTuple):
    """It is there again."""


Action = Examine | Take | Report | Away | Back


class State(Enum):
    """How whole a file is."""

    WHOLE = "whole"
    CUT = "cut"  # it breaks off, and can be worked on up to there
    BROKEN = "broken"  # nothing can be done with it as it is
    GONE = "gone"


class _Entry:
    __slots__ = ("asked", "done", "due", "look", "since")

    def __init__(self, look: Look, now: float, due: float, done: bool) -> None:
        self.look = look
        self.since = now
        self.due = due
        self.asked = False
        self.done = done


class Watcher:
    """One folder. Times are seconds of a clock that never goes back, given by the caller.

    `stable`: seconds that a file must stay as it is; `patience`: seconds after which an unfinished file is
    taken for damaged. `settled` says whether a file was dealt with before this watcher began.
    """

    def __init__(self, stable: float, patience: float, settled: Callable[[str, Look], bool]) -> None:
        self._stable = stable
        self._patience = patience
        self._settled = settled
        self._entries: dict[str, _Entry] = {}
        self._had_any = False
        self.away = False

    def step(self, now: float, listing: Mapping[str, Look] | None, why: str = "") -> list[Action]:
        """What to do now. `listing` is None while the folder is not there, and `why` says it.

        A folder that held files and is empty now counts as not there: a mount point without its disk.
        """
        if listing is None or (not listing and self._had_any):
            return self._left(why or "it is empty, and held clips before")
        actions: list[Action] = [Back()] if self.away else []
        self.away = False
        self._had_any = self._had_any or bool(listing)
        for path in [path for path in self._entries if path not in listing]:
            del self._entries[path]
        for path, look in listing.items():
            entry = self._entries.get(path)
            if entry is None or entry.look != look:
                self._entries[path] = _Entry(look, now, now + self._stable, self._settled(path, look))
            elif not entry.done and not entry.asked and now >= entry.due and look.size > 0:
                entry.asked = True
                actions.append(Examine(path, look))
        return actions

    def _left(self, why: str) -> list[Action]:
        self._entries.clear()  # what comes back is looked at afresh; what was dealt with is settled
        if self.away:
            return []
        self.away = True
        return [Away(why)]

    def answer(
        self, now: float, path: str, look: Look, state: State, reason: str = "", age: float = 0.0
    ) -> list[Action]:
        """What an `Examine` found, and what follows. `age`: seconds since the file's time of change."""
        entry = self._entries.get(path)
        if entry is None or entry.look != look or not entry.asked or entry.done:
            return []
        if state is State.GONE:
            del self._entries[path]
            return []
        if state is State.WHOLE:
            entry.done = True
            return [Take(path, look)]
        if max(now - entry.since, age) < self._patience:
            entry.asked = False
            entry.due = now + max(self._stable, now - entry.since)
            return []
        entry.done = True
        return [Take(path, look, reason) if state is State.CUT else Report(path, look, reason)]

    def again(self, now: float, path: str, look: Look, pause: float) -> None:
        """A `Take` could not be carried out: try it again after `pause` seconds."""
        entry = self._entries.get(path)
        if entry is not None and entry.look == look:
            entry.done = entry.asked = False
            entry.due = now + pause

    def open(self) -> int:
        """How many files are not dealt with; empty ones do not count, nothing has begun there."""
        return sum(not entry.done and entry.look.size > 0 for entry in self._entries.values())
