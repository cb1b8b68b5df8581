"""How one task is run, without HTTP and without a queue: in a warm child process of the worker.

Parent and child speak lines of JSON over the child's stdin and stdout. The child ends when its parent
does (stdin closes), whatever it is doing. Native code that crashes takes the child with it, never the worker.
"""

from __future__ import annotations

import logging
import os
import shutil
import sys
import threading
import time
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from stages.errors import BadInput, Cancelled, DashcamError, PlaceAbsent, StageFailed
from stages.files import HostPlaces, Place, writing
from stages.registry import installed
from stages.stage import Health, Places, Result, SelfTesting, Stage
from stages.task import Task

#: Progress is passed on this often at most (seconds).
_PROGRESS_EVERY = 0.2
log = logging.getLogger("dashcam.stage")


class Job(msgspec.Struct, frozen=True, kw_only=True, tag="job"):
    """To the child: do this."""

    task: Task
    settings: dict[str, Any]
    places: dict[str, Place]
    scratch: str
    models: str


class Cancel(msgspec.Struct, frozen=True, tag="cancel"):
    """To the child: stop this task as soon as you can."""

    task_id: int


class Check(msgspec.Struct, frozen=True, kw_only=True, tag="check"):
    """To the child: load what you need and try yourself."""

    settings: dict[str, Any]
    models: str


class Checked(msgspec.Struct, frozen=True, tag="checked"):
    """From the child: what the self-test found."""

    health: Health


class Progress(msgspec.Struct, frozen=True, tag="progress"):
    """From the child: still at work."""

    fraction: float
    note: str = ""


class Done(msgspec.Struct, frozen=True, tag="done"):
    """From the child: the result."""

    result: Result


class Failed(msgspec.Struct, frozen=True, kw_only=True, tag="failed"):
    """From the child: no result. `kind`: failed, absent (a place or its disk is away) or cancelled."""

    kind: str
    error: str
    retry: bool = True


ToChild = Job | Cancel | Check
FromChild = Progress | Done | Failed | Checked


class HostWork:
    """`stages.stage.Work` on this host."""

    def __init__(self, places: Places, settings: Any, scratch: Path, models: Path, tell: Any) -> None:
        self.places = places
        self.settings = settings
        self.scratch = scratch
        self.models = models
        self.cancelled = threading.Event()
        self._tell = tell
        self._told = 0.0

    def progress(self, fraction: float, note: str = "") -> None:
        """Tell how far the work is. Raises `Cancelled`."""
        if self.cancelled.is_set():
            raise Cancelled("the task was taken back")
        now = time.monotonic()
        if now - self._told >= _PROGRESS_EVERY:
            self._told = now
            self._tell(Progress(max(0.0, min(1.0, fraction)), note))


def run_task(stage: Stage, task: Task, work: HostWork) -> Done | Failed:
    """Run one task and sort out how it ended."""
    present = set(work.places.names(kept=True))
    outcome = _attempt(stage, task, work)
    gone = sorted(present - set(work.places.names(kept=True)))
    if isinstance(outcome, Failed) and outcome.kind == "failed" and gone:
        return Failed(kind="absent", error=f"the place {gone[0]} went away during the work ({outcome.error})")
    return outcome


def _attempt(stage: Stage, task: Task, work: HostWork) -> Done | Failed:
    try:
        with writing(work.scratch):
            work.scratch.mkdir(parents=True, exist_ok=True)
            work.progress(0.0, "loading")
            stage.warm_up(work.settings)
            return Done(stage.run(task, work))
    except Cancelled as error:
        return Failed(kind="cancelled", error=str(error))
    except PlaceAbsent as error:
        return Failed(kind="absent", error=str(error))
    except StageFailed as error:
        return Failed(kind="failed", error=str(error), retry=error.retry)
    except (BadInput, msgspec.ValidationError) as error:
        return Failed(kind="failed", error=str(error), retry=False)
    except DashcamError as error:
        return Failed(kind="failed", error=str(error))
    except Exception as error:
        # The task boundary: what a stage or a library raises is the task's failure, not the worker's.
        log.exception("task %s failed in an unexpected way", task.task_id)
        return Failed(kind="failed", error=f"{type(error).__name__}: {error}"[:1000])
    finally:
        shutil.rmtree(work.scratch, ignore_errors=True)


def check(stage: Stage, asked: Check) -> Health:
    """Let a stage try itself; one that cannot is fit."""
    if not isinstance(stage, SelfTesting):
        return Health()
    try:
        return stage.self_test(stage_settings(stage, asked.settings), Path(asked.models))
    except (DashcamError, msgspec.ValidationError) as error:
        return Health(unfit=str(error))
    except ImportError as error:
        return Health(unfit=f"a package is missing or broken ({error}); install the extra cpu or gpu again")
    except Exception as error:
        # As at the task boundary: whatever a stage or a library raises, it is why no task is taken.
        log.exception("the self-test failed in an unexpected way")
        return Health(unfit=f"{type(error).__name__}: {error}"[:1000])


def stage_settings(stage: Stage, given: dict[str, Any]) -> Any:
    """A stage's settings from plain JSON. Raises `msgspec.ValidationError`."""
    return msgspec.convert(given, stage.settings_type, strict=False)


class Child:
    """The child's side: one stage, kept warm."""

    def __init__(self, stage: Stage, out: BinaryIO) -> None:
        self._stage = stage
        self._out = out
        self._lock = threading.Lock()
        self._work: HostWork | None = None
        self._task_id = 0

    def tell(self, message: FromChild) -> None:
        """Send one line to the parent."""
        line = msgspec.json.encode(message) + b"\n"
        with self._lock:
            self._out.write(line)
            self._out.flush()

    def cancel(self, task_id: int) -> None:
        """Called by the listening thread."""
        work = self._work
        if work is not None and task_id == self._task_id:
            work.cancelled.set()

    def perform(self, job: Job | Check) -> None:
        """Run one job, or the self-test, and send what came of it."""
        if isinstance(job, Check):
            self.tell(Checked(check(self._stage, job)))
            return
        settings = stage_settings(self._stage, job.settings)
        work = HostWork(HostPlaces(job.places), settings, Path(job.scratch), Path(job.models), self.tell)
        self._task_id, self._work = job.task.task_id, work
        self.tell(run_task(self._stage, job.task, work))
        self._work = None


def _listen(child: Child, jobs: list[Job | Check], wake: threading.Semaphore) -> None:
    for line in sys.stdin.buffer:
        message: ToChild = msgspec.json.decode(line, type=ToChild)
        if isinstance(message, Cancel):
            child.cancel(message.task_id)
        else:
            jobs.append(message)
            wake.release()
    os._exit(0)  # the parent is gone: so is the reason for this work


def main() -> None:
    """`python -m stages.runner TASK_TYPE`, started by the worker."""
    # What libraries print must not mix with our lines: they get stderr, we keep the real stdout.
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    logging.basicConfig(
        stream=sys.stderr, level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s"
    )
    child = Child(installed()[sys.argv[1]](), out)
    jobs: list[Job | Check] = []
    wake = threading.Semaphore(0)
    threading.Thread(target=_listen, args=(child, jobs, wake), name="parent", daemon=True).start()
    while True:
        wake.acquire()
        child.perform(jobs.pop(0))


if __name__ == "__main__":
    main()
