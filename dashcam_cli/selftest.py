"""Self-tests of the stages: a type whose stage cannot do its work here is not taken, and says why.

Each runs in the child that then does the tasks, with its models loaded, while other types are at work.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable

from dashcam_cli.child import ChildDied, StageChild
from stages.registry import installed
from stages.runner import Check, Checked
from stages.stage import Health

log = logging.getLogger("dashcam.worker")

#: Building engines for a GPU takes many minutes the first time; nothing else waits for it.
LIMIT = 1800.0
_FIRST_PAUSE, _LONGEST_PAUSE = 60.0, 900.0


def self_testing(types: Iterable[str]) -> list[str]:
    """The task types whose stage can try itself. Raises `SettingsError` when a stage cannot be loaded."""
    stages = installed()
    return [each for each in types if callable(getattr(stages.get(each), "self_test", None))]


def examine(
    child: StageChild, check: Check, limit: float, stopped: Callable[[], bool] = lambda: False
) -> Health:
    """What a stage in a child finds out about itself; crashes and hangs make it unfit."""
    end = time.monotonic() + limit
    try:
        child.send(check)
        while not stopped():
            message = child.event(0.2)
            if isinstance(message, Checked):
                return message.health
            if time.monotonic() > end:
                return Health(unfit=f"its self-test did not end within {limit:.0f} seconds")
    except ChildDied as death:
        return Health(unfit=f"its process {death} during the self-test")
    return Health(unfit="the worker stops")


class SelfTests:
    """The types of one worker. A test that failed is tried again: a GPU may be free then, a model there."""

    def __init__(
        self, types: tuple[str, ...], check_of: Callable[[str], Check], *, pause: float = _FIRST_PAUSE
    ) -> None:
        self._types = types
        self._check_of = check_of
        self._pause = pause
        self._running = set(self_testing(types))
        self._unfit: dict[str, str] = {}
        self._warm: dict[str, StageChild] = {}
        self._asked: dict[str, int] = {}
        self._passed: set[int] = set()
        self._changed = threading.Condition()
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(each,), name=f"test-{each}", daemon=True)
            for each in sorted(self._running)
        ]

    def start(self) -> None:
        """Begin all of them."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End what still runs, and the children that nobody took."""
        self._stop.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(timeout=5.0)
        for child in self._warm.values():
            child.kill()
        self._warm.clear()

    def fit(self) -> tuple[str, ...]:
        """The types whose tasks may be taken now."""
        with self._changed:
            return tuple(each for each in self._types if each not in self._running | self._unfit.keys())

    def unfit(self) -> dict[str, str]:
        """Why tasks of a type are not taken, by type."""
        with self._changed:
            return dict(self._unfit)

    def running(self) -> bool:
        """Whether a first test has not ended yet."""
        with self._changed:
            return bool(self._running)

    def wait(self, seconds: float) -> None:
        """Until every first test has ended, so long at most."""
        with self._changed:
            self._changed.wait_for(lambda: not self._running, seconds)

    def again(self, orders: dict[str, int], clear: Callable[[str], bool]) -> None:
        """The server asks for a self-test of some types, by numbers; `passed` has those that were passed.

        `clear` ends the child of a type, so that the test has the device's memory to itself; false: not now.
        A type whose stage cannot try itself waits for a person.
        """
        with self._changed:
            self._passed &= set(orders.values())
        for task_type, number in orders.items():
            if self._begins(task_type, number, clear):
                name = f"again-{task_type}"
                thread = threading.Thread(
                    target=self._once_more, args=(task_type, number), name=name, daemon=True
                )
                self._threads.append(thread)
                thread.start()

    def passed(self) -> list[int]:
        """The numbers of the tests that the server asked for and that were passed since."""
        with self._changed:
            return sorted(self._passed)

    def _begins(self, task_type: str, number: int, clear: Callable[[str], bool]) -> bool:
        with self._changed:
            busy = task_type in self._running or task_type in self._unfit
            if busy or self._asked.get(task_type) == number or self._stop.is_set():
                return False
        if not self_testing([task_type]) or not clear(task_type):
            return False
        with self._changed:
            self._asked[task_type] = number
            self._running.add(task_type)
        log.warning("the server gives no %s tasks: they failed here and not elsewhere; testing", task_type)
        return True

    def _once_more(self, task_type: str, number: int) -> None:
        """As at the start, and told to the server once it is passed."""
        child = self._warm.pop(task_type, None)
        if child is not None:
            child.kill()
        self._run(task_type)
        with self._changed:
            if task_type not in self._unfit and not self._stop.is_set():
                self._passed.add(number)

    def take(self, task_type: str) -> StageChild | None:
        """The warm child of a type, once."""
        return self._warm.pop(task_type, None)

    def _run(self, task_type: str) -> None:
        pause = self._pause
        while not self._stop.is_set():
            began = time.monotonic()
            health = self._try(task_type)
            if self._stop.is_set():
                return
            self._note(task_type, health, time.monotonic() - began, pause)
            if not health.unfit:
                return
            self._stop.wait(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _try(self, task_type: str) -> Health:
        """One test; a child that passed it is kept."""
        try:
            child = StageChild(task_type)
        except OSError as error:
            return Health(unfit=f"its process cannot be started: {error}")
        health = examine(child, self._check_of(task_type), LIMIT, self._stop.is_set)
        if self._stop.is_set() or health.unfit:
            child.kill()
        else:
            self._warm[task_type] = child
        return health

    def _note(self, task_type: str, health: Health, seconds: float, pause: float) -> None:
        if health.unfit:
            if self._unfit.get(task_type) != health.unfit:  # the same again is not said again
                again = f"tried again in {pause:.0f} s, then less often"
                log.warning("%s tasks are not taken here: %s (%s)", task_type, health.unfit, again)
        else:
            log.info("%s is ready after %.1f s: %s", task_type, seconds, _models(health))
            for notice in health.notices:
                log.info("%s: %s", task_type, notice)
        with self._changed:
            self._running.discard(task_type)
            if health.unfit:
                self._unfit[task_type] = health.unfit
            else:
                self._unfit.pop(task_type, None)
            self._changed.notify_all()


def _models(health: Health) -> str:
    return ", ".join(f"{each.get('model')} on {where(each)}" for each in health.models) or "no models"


def where(model: dict[str, object]) -> str:
    """What a model runs on: its provider, else its device."""
    return str(model.get("provider") or model.get("device") or "cpu")
