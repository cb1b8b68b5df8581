"""The worker: claim, run in a warm child, publish; stop cleanly, survive what the child does."""

from __future__ import annotations

import logging
import random
import shutil
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import msgspec

from config.settings import Settings
from dashcam_cli import platform
from dashcam_cli.child import ChildDied, StageChild, settings_for
from dashcam_cli.client import Claimed, Client
from dashcam_cli.identity import Identity
from dashcam_cli.pulse import Pulse
from dashcam_cli.reach import Reach
from dashcam_cli.selftest import SelfTests
from stages.device import PLACES, REFUSES, HeldLease, Orders
from stages.errors import BadInput, Conflict, DashcamError, NotFound, Refused, Unreachable
from stages.files import HostPlaces, Place, sweep_aside
from stages.runner import Cancel, Check, Done, Failed, Job, Progress
from stages.task import Task

log = logging.getLogger("dashcam.worker")

_AWAY_PAUSE = 5.0  # about
_LOOK_AGAIN = 0.5
_CANCEL_PATIENCE = 10.0
_TOLD = 300  # characters of a reason that are told to the server


def _away() -> float:
    """Seconds until the server is tried again, never the same: not all ask at once when it is back."""
    return _AWAY_PAUSE * random.uniform(0.6, 1.2)


class StopAsked(BaseException):
    """Raised in the polling thread by a stop signal; not an `Exception`, so that nothing swallows it."""


class Watcher(Protocol):
    """Somebody who is shown the work."""

    def started(self, task: Task) -> None:
        """A task begins."""

    def progressed(self, task: Task, fraction: float, note: str) -> None:
        """It goes on."""

    def ended(self, task: Task, outcome: str, error: str, seconds: float) -> None:
        """It ended: done, failed, absent, crashed, cancelled, lost or released."""


class Worker:
    """One device's loop. One task at a time; one warm child per task type."""

    def __init__(
        self,
        client: Client,
        beat_client: Client,
        settings: Settings,
        identity: Identity,
        places: dict[str, Place],
        types: Sequence[str],
        watcher: Watcher,
    ) -> None:
        self._client = client
        self._beat_client = beat_client
        self._settings = settings
        self._identity = identity
        self._places = places
        self._host_places = HostPlaces(places)
        self._watcher = watcher
        self._children: dict[str, StageChild] = {}
        self._scratch = Path(settings.home) / "scratch" / identity.name
        self._models = Path(settings.models.dir or Path(settings.home) / "models")
        self._reach = Reach(places.values())
        self._tests = SelfTests(tuple(types), self._check)
        self._known = False
        self._capabilities = platform.capabilities(Path(settings.home)) | settings.worker.capabilities
        self._current: Claimed | None = None
        self._fraction, self._note = 0.0, ""
        self._taken_back = threading.Event()
        self._stop = threading.Event()
        self._polling = False
        self.failed = 0
        self.pulse = Pulse(beat_client, self._describe, self._held, self._obey)

    # -- the device ----------------------------------------------------------------------------

    def _state(self) -> dict[str, Any]:
        unfit = {kind: why[:_TOLD] for kind, why in self.unfit().items()}
        refuses = {REFUSES: unfit} if unfit else {}
        return self._capabilities | {PLACES: self._reach.names()} | refuses

    def _describe(self) -> dict[str, Any]:
        return {
            "hostname": self._identity.name,
            "device_type": self._settings.worker.device_type,
            "status": "busy" if self._current else "online",
            "capabilities": self._state(),
            "passed": self._tests.passed(),
        }

    def _held(self) -> list[HeldLease]:
        task = self._current
        return [HeldLease(task.task_id, task.lease, self._fraction, self._note)] if task else []

    def _obey(self, orders: Orders) -> None:
        self._tests.again(orders.examine, self._make_room)
        task = self._current
        if task is not None and task.task_id in {*orders.cancel, *orders.lost}:
            self._taken_back.set()

    def _make_room(self, task_type: str) -> bool:
        """End the child of a type before its self-test; not while it works."""
        task = self._current
        if task is not None and task.task_type == task_type:
            return False
        self._drop_child(task_type)
        return True

    def unfit(self) -> dict[str, str]:
        """Why tasks of a type are not taken, by type."""
        return self._tests.unfit()

    def stop(self) -> None:
        """Ask the loop to end: from a signal handler or another thread."""
        self._stop.set()
        if self._polling and threading.current_thread() is threading.main_thread():
            raise StopAsked

    # -- the loop ------------------------------------------------------------------------------

    def run(self, *, once: bool = False, more: Callable[[], bool] = lambda: False) -> None:
        """Work until stopped; with `once`, until there is nothing to do and `more` expects nothing either."""
        shutil.rmtree(self._scratch, ignore_errors=True)
        self._tests.start()
        self._reach.settle()
        try:
            self._say_hello(once)
            self.pulse.start()
            while not self._stop.is_set():
                untested = self._tests.running()
                task = self._poll(0.0 if once else self._settings.worker.poll_seconds)
                if task is not None:
                    self._do(task)
                elif once and untested:
                    self._tests.wait(_LOOK_AGAIN)
                elif once and not more():
                    return
                elif once:
                    self._stop.wait(_LOOK_AGAIN)
        except StopAsked:
            log.info("stopping")
        finally:
            self._end()

    def _say_hello(self, once: bool) -> None:
        while not self._stop.is_set():
            try:
                body = self._describe() | {"ended_sessions": self._identity.ended}
                self._client.heartbeat(body, [])
                self._identity.announced()
                self._known = True
                return
            except Unreachable as error:
                if once:
                    raise
                log.warning("%s; trying again", error)
                self._stop.wait(_away())

    def _poll(self, wait: float) -> Claimed | None:
        """One task of a type that passed its self-test, if there is one within so many seconds."""
        name, session = self._identity.name, self._identity.session
        if self._tests.running():
            wait = min(wait, _LOOK_AGAIN)  # a type that just became fit is asked for soon
        types = self._tests.fit()
        if not types:  # asking for none would be asking for any
            self._stop.wait(min(wait, _away()))
            return None
        try:
            self._polling = True
            return self._client.claim(name, session, types, self._state(), wait)
        except Unreachable as error:
            if not wait:
                raise
            log.warning("%s; trying again", error)
        except DashcamError as error:
            log.warning("no task could be had: %s", error)
        finally:
            self._polling = False
        self._stop.wait(_away())
        return None

    def _end(self) -> None:
        self.pulse.stop()
        self._tests.stop()
        for child in self._children.values():
            child.kill()
        shutil.rmtree(self._scratch, ignore_errors=True)
        self._reach.stop()
        if self._known:
            self._say_goodbye()
        self._identity.release()

    def _say_goodbye(self) -> None:
        """Whatever the server believes this session holds is free at once."""
        name, kind = self._identity.name, self._settings.worker.device_type
        body = {"hostname": name, "device_type": kind, "status": "offline"}
        try:
            self._beat_client.heartbeat(body | {"ended_sessions": [self._identity.session]}, [])
        except DashcamError as error:
            log.info("the server was not told: %s", error)

    # -- one task ------------------------------------------------------------------------------

    def _do(self, task: Claimed) -> None:
        self._taken_back.clear()
        self._fraction, self._note = 0.0, ""
        self._current = task
        began = time.monotonic()
        self._watcher.started(task)
        try:
            outcome, error = self._run(task, began)
            if self._stop.is_set() and outcome == "released":
                log.info("task %s given back", task.task_id)
        except (Conflict, NotFound) as stale:
            outcome, error = "lost", str(stale)
        finally:
            self._current = None
        self.failed += outcome in ("failed", "crashed")
        self._watcher.ended(task, outcome, error, time.monotonic() - began)

    def _run(self, task: Claimed, began: float) -> tuple[str, str]:
        try:
            ended = self._in_child(task)
        except ChildDied as death:
            printed = self._printed(task.task_type)
            self._drop_child(task.task_type)
            error = f"the {task.task_type} process {death}"
            self._patiently(lambda: self._client.fail(task, "crashed", error, retry=True, log=printed))
            return "crashed", error
        if ended is None:
            if self._taken_back.is_set():
                return "cancelled", "taken back by the server"
            self._patiently(lambda: self._client.release(task))
            return "released", ""
        if isinstance(ended, Failed):
            if ended.kind == "cancelled":
                return "cancelled", ended.error
            printed = self._printed(task.task_type)
            self._patiently(
                lambda: self._client.fail(task, ended.kind, ended.error, retry=ended.retry, log=printed)
            )
            return ended.kind, ended.error
        metadata = ended.result.metadata | {"seconds": round(time.monotonic() - began, 3)}
        result = msgspec.structs.replace(ended.result, metadata=metadata)
        try:
            self._patiently(lambda: self._client.complete(task, result))
        except (BadInput, Refused) as error:  # a stage of somebody's that leaves what the API does not take
            again = isinstance(error, Refused)
            self._patiently(lambda: self._client.fail(task, "failed", str(error), retry=again))
            return "failed", str(error)
        try:
            sweep_aside(self._host_places, ended.result.outputs)
        except (DashcamError, OSError) as error:
            log.info("old outputs were left: %s", error)
        return "done", ""

    def _in_child(self, task: Claimed) -> Done | Failed | None:
        """The child's last word; None when the task was taken back or must be given back."""
        child = self._child(task.task_type)
        child.send(self._job(task))
        heard = time.monotonic()
        deadline = None
        cancelled = False
        while True:
            message = child.event(0.5)
            now = time.monotonic()
            if isinstance(message, (Done, Failed)):
                return message
            if isinstance(message, Progress):
                heard, self._fraction, self._note = now, message.fraction, message.note
                self._watcher.progressed(task, message.fraction, message.note)
            if deadline is None and self._stop.is_set():
                deadline = now + self._settings.worker.grace_seconds
            if not cancelled and self._taken_back.is_set():
                child.send(Cancel(task.task_id))
                cancelled, deadline = True, now + _CANCEL_PATIENCE
            if deadline is not None and now > deadline:
                self._drop_child(task.task_type)
                return None
            if now - heard > self._settings.worker.hang_seconds:
                raise ChildDied(f"showed no progress for {now - heard:.0f} seconds and was killed")

    def _job(self, task: Claimed) -> Job:
        return Job(
            task=msgspec.convert(msgspec.to_builtins(task), Task),
            settings=settings_for(self._settings, task.task_type),
            places=self._places,
            scratch=str(self._scratch / f"{task.task_id}-{task.lease}"),
            models=str(self._models),
        )

    def _check(self, task_type: str) -> Check:
        return Check(settings=settings_for(self._settings, task_type), models=str(self._models))

    def _child(self, task_type: str) -> StageChild:
        child = self._children.get(task_type)
        if child is None or not child.alive():
            self._drop_child(task_type)
            child = self._tests.take(task_type) or StageChild(task_type)
            self._children[task_type] = child
        return child

    def _printed(self, task_type: str) -> str:
        """What the process of a type printed last; "" when there is none any more."""
        child = self._children.get(task_type)
        return "" if child is None else child.printed()

    def _drop_child(self, task_type: str) -> None:
        child = self._children.pop(task_type, None)
        if child is not None:
            child.kill()

    def _patiently(self, call: Any) -> None:
        """Tell the server how a task ended, as long as it takes: the work must not be lost."""
        while True:
            try:
                call()
                return
            except Unreachable as error:
                if self._stop.is_set() or self._taken_back.is_set():
                    raise Conflict(f"the result could not be handed in: {error}") from error
                log.warning("%s; the result waits", error)
                self._stop.wait(_away())
