"""What the queue promises, said a second time without looking at how it is done.

Every method answers what a caller must be told, and changes what must be true from then on. Nothing here
uses the code under test: matching, order and the life of a task are written anew from the design.
"""

import json
from dataclasses import dataclass, field
from typing import Any

MAX_FAILURES, MAX_CRASHES, MAX_LOST = 3, 2, 3
#: A device that failed so often in a row, at what another did meanwhile, gets no more of it.
STRIKES = 2
FIRST_PAUSE, LONGEST_PAUSE = 30.0, 3600.0
LEASE, ANONYMOUS_LEASE = 200.0, 900.0

URGENCY = {"critical": 0, "high": 1, "normal": 2, "low": 3}
READS = {
    "PREPROCESS_VIDEO": ["INGEST_VIDEO"],
    "HEAVY_PROCESS_VIDEO": ["INGEST_VIDEO", "PREPROCESS_VIDEO"],
    "ARCHIVE_VIDEO": ["INGEST_VIDEO", "HEAVY_PROCESS_VIDEO"],
}
#: What a caller is told instead of an answer.
STALE, CONFLICT, BAD, UNKNOWN = "StaleLease", "Conflict", "BadInput", "NotFound"


@dataclass
class Strike:
    """A failure that a worker did not make good since."""

    worker: str
    kind: str
    others_did: bool = False


@dataclass
class Promise:
    """One task as everyone may rely on it."""

    number: int
    kind: str
    video: str | None
    inputs: list[dict[str, Any]]
    outputs: list[dict[str, Any]]
    needs: dict[str, Any]
    priority: int
    root: int
    parent: int | None
    source: str | None
    places: set[str] = field(default_factory=set)
    found: bool = False
    phase: str = "ready"
    lease: int = 0
    failures: int = 0
    crashes: int = 0
    lost: int = 0
    delays: int = 0
    pause: tuple[float, float] | None = None
    run_at: int | None = None
    worker: str | None = None
    session: str | None = None
    length: float = 0.0
    deadline: float = 0.0
    vanished: list[str] = field(default_factory=list)
    published: str = ""
    children: int = 0


def can(capabilities: dict[str, Any] | None, needs: dict[str, Any], places: set[str]) -> bool:
    """Whether a device may have a task: minimum, equal, equal, contained; None asks nothing."""
    if capabilities is None:
        return True
    for name, need in needs.items():
        has = capabilities.get(name)
        if need is None:
            continue
        if isinstance(need, list):
            enough = isinstance(has, list) and set(need) <= set(has)
        elif type(need) in (int, float):
            enough = type(has) in (int, float) and has >= need
        else:
            enough = type(has) is type(need) and has == need
        if not enough:
            return False
    return "places" not in capabilities or places <= set(capabilities["places"])


def canonical(bodies: list[dict[str, Any]]) -> str:
    """Equal for equal requests."""
    return json.dumps(bodies, sort_keys=True)


class Model:
    """All promises at one moment. `now` is the wall clock, `passed` the time that never jumps; seconds."""

    def __init__(self) -> None:
        self.tasks: dict[int, Promise] = {}
        self.files: dict[tuple[str, str], list[dict[str, Any]]] = {}
        self.devices: dict[str, dict[str, Any]] = {}
        self.strikes: list[Strike] = []
        self.barred: set[tuple[str, str]] = set()
        self.keys: dict[str, tuple[str, list[int]]] = {}
        self.ended: set[tuple[int, int]] = set()
        self.now = self.passed = 100_000.0

    # -- creating ------------------------------------------------------------------------------

    def create(self, bodies: list[dict[str, Any]], key: str | None = None) -> Any:
        """Numbers of the tasks; with a key, always the same ones for the same request."""
        if key is None:
            return [self._make(body).number for body in bodies]
        if key not in self.keys:
            self.keys[key] = (canonical(bodies), [self._make(body).number for body in bodies])
        asked, numbers = self.keys[key]
        return numbers if asked == canonical(bodies) else CONFLICT

    def _make(self, body: dict[str, Any], parent: Promise | None = None) -> Promise:
        number = len(self.tasks) + 1
        named = body["metadata"].get("priority")
        otherwise = parent.priority if parent else URGENCY["normal"]
        task = Promise(
            number,
            body["task_type"],
            body["video_id"] if body["video_id"] or not parent else parent.video,
            body["inputs"],
            list(body["outputs"]),
            body["device_capabilities_required"],
            URGENCY.get(named, otherwise),
            parent.root if parent else number,
            parent.number if parent else None,
            body["metadata"].get("source"),
        )
        self.tasks[number] = task
        self._set_places(task)
        self._look_for_files(task)
        return task

    def _set_places(self, task: Promise) -> None:
        task.places = {ref["device"] for ref in [*task.inputs, *task.outputs]}
        stated = {place for each in self.devices.values() for place in each.get("places", ())}
        if task.kind == "INGEST_VIDEO" and not task.inputs and task.source in stated:
            task.places.add(task.source)

    def _look_for_files(self, task: Promise) -> None:
        """Ready, or waiting for the clip; what is found once stays found."""
        task.phase = "ready"
        if task.inputs or task.found or task.kind == "INGEST_VIDEO":
            return
        if (task.video, "INGEST_VIDEO") not in self.files:
            task.phase = "no_input"
            return
        task.found = True
        files = [ref for kind in READS[task.kind] for ref in self.files.get((str(task.video), kind), ())]
        task.places = {ref["device"] for ref in [*files, *task.outputs]}

    # -- claiming ------------------------------------------------------------------------------

    def claimable(self, capabilities: Any, types: tuple[str, ...], worker: str | None) -> list[Promise]:
        """All that such a caller may have, in the order in which it is to be done."""
        phases = ("ready",) if worker else ("ready", "no_input")
        found = [
            task
            for task in self.tasks.values()
            if task.phase in phases
            and (not types or task.kind in types)
            and can(capabilities, task.needs, task.places)
        ]
        return sorted(found, key=lambda task: (task.priority, task.root, task.number))

    def claim(
        self, capabilities: Any, types: tuple[str, ...], worker: str | None, limit: int, session: str | None,
        seconds: float | None, known: list[tuple[int, int]],
    ) -> Any:  # fmt: skip
        """Numbers and leases: those that this session was given and does not know, else new ones."""
        if session is not None:
            mine = [task for task in self.leased() if task.session == session]
            unheard = [task for task in mine if (task.number, task.lease) not in known]
            for task in unheard:
                task.deadline = self.passed + task.length
            if unheard:  # which of them first is not promised
                return {(task.number, task.lease) for task in unheard}, min(limit, len(unheard))
        allowed = [
            task
            for task in self.claimable(capabilities, types, worker)
            if (worker, task.kind) not in self.barred
        ]
        given = allowed[:limit]
        for task in given:
            task.phase, task.lease = "leased", task.lease + 1
            task.worker, task.session = worker, session
            task.length = seconds or (LEASE if worker else ANONYMOUS_LEASE)
            task.deadline = self.passed + task.length
        return [(task.number, task.lease) for task in given]

    def leased(self) -> list[Promise]:
        """Everything that somebody holds."""
        return [task for task in self.tasks.values() if task.phase == "leased"]

    def _fenced(self, task: Promise, lease: int) -> bool:
        return task.phase == "leased" and task.lease == lease

    # -- ending --------------------------------------------------------------------------------

    def complete(
        self, number: int, lease: int | None, new: list[dict[str, Any]] | None, video: str | None,
        outputs: list[dict[str, Any]],
    ) -> Any:  # fmt: skip
        """How many tasks were published, now or when it was completed."""
        task = self.tasks[number]
        if task.phase == "done":
            if lease is not None and lease != task.lease:
                return STALE
            return CONFLICT if new and canonical(new) != task.published else task.children
        if lease is not None and not self._fenced(task, lease):
            return STALE
        if lease is None:
            self._end(task, "done")
            task.lease += 1
        else:
            self._succeeded(task)
            self._end(task, "done")
        task.video = task.video or video
        task.outputs += [ref for ref in outputs if ref not in task.outputs]
        if task.video and task.outputs:
            self.files[task.video, task.kind] = task.outputs
        for body in new or []:
            self._make(body, task)
        task.published, task.children = canonical(new or []), len(new or [])
        for other in self.tasks.values():
            if task.video and other.video == task.video and other.phase == "no_input":
                self._look_for_files(other)
        return task.children

    def fail(self, number: int, lease: int, kind: str, retry: bool) -> Any:
        """The phase that the task is in afterwards."""
        task = self.tasks[number]
        if not self._fenced(task, lease):
            return STALE
        task.lost = 0
        task.delays += kind == "absent"
        task.failures += kind == "failed"
        task.crashes += kind == "crashed"
        if kind != "absent" and retry and task.worker:
            self.strikes.append(Strike(task.worker, task.kind))
            self._judge(task.kind)
        spent = task.failures >= MAX_FAILURES or task.crashes >= MAX_CRASHES or not retry
        if kind != "absent" and spent:
            self._end(task, "gave_up")
            return task.phase
        self._end(task, "backing_off")
        times = task.delays if kind == "absent" else task.failures + task.crashes
        longest = min(FIRST_PAUSE * 2 ** (times - 1), LONGEST_PAUSE)
        task.pause = (self.now + 0.75 * longest, self.now + longest)
        return task.phase

    def release(self, number: int, lease: int) -> Any:
        """The phase that the task is in afterwards."""
        task = self.tasks[number]
        if not self._fenced(task, lease):
            return STALE
        task.lost = 0
        self._end(task, "")
        self._look_for_files(task)
        return task.phase

    def cancel(self, number: int) -> Any:
        """The phase that the task is in afterwards."""
        task = self.tasks[number]
        if task.phase == "done":
            return CONFLICT
        if task.phase != "cancelled":
            self._end(task, "cancelled")
            task.lease += 1
        return task.phase

    def retry(self, number: int) -> Any:
        """The phase that the task is in afterwards."""
        task = self.tasks[number]
        if task.phase in ("done", "leased"):
            return CONFLICT
        if task.phase not in ("ready", "no_input"):
            self._end(task, "")
            task.failures = task.crashes = task.lost = task.delays = 0
            self._look_for_files(task)
        return task.phase

    def amend(self, number: int, priority: str | None, needs: dict[str, Any] | None) -> Any:
        """The phase, which is what it was."""
        task = self.tasks[number]
        if needs is not None and task.phase in ("leased", "done"):
            return CONFLICT
        task.priority = URGENCY.get(str(priority), task.priority)
        if needs is not None:
            task.needs = needs
            if not task.found:
                self._set_places(task)
        return task.phase

    def _end(self, task: Promise, phase: str) -> None:
        if task.phase == "leased":
            self.ended.add((task.number, task.lease))
        task.phase, task.run_at, task.pause = phase, None, None

    def _succeeded(self, task: Promise) -> None:
        """Its worker is well, whatever it failed at before; others that failed are told."""
        if task.worker is None:
            return
        self.strikes = [each for each in self.strikes if (each.worker, each.kind) != (task.worker, task.kind)]
        for each in self.strikes:
            each.others_did |= each.kind == task.kind
        self._judge(task.kind)

    def _judge(self, kind: str) -> None:
        for worker in {each.worker for each in self.strikes}:
            row = [each for each in self.strikes if (each.worker, each.kind) == (worker, kind)][-STRIKES:]
            if len(row) == STRIKES and row[0].others_did:
                self.barred.add((worker, kind))

    def clear(self, worker: str) -> Any:
        """A person lets a worker have everything again."""
        mine = {(name, kind) for name, kind in self.barred if name == worker}
        if worker not in self.devices and not mine:
            return UNKNOWN
        self.barred -= mine
        self.strikes = [each for each in self.strikes if (each.worker, each.kind) not in mine]
        return len(mine)

    def lose(self, task: Promise) -> None:
        """Its device vanished: nobody's failure, until it happens too often in a row."""
        who = task.worker or "an anonymous client"
        task.vanished = [*task.vanished, who] if task.lost else [who]
        task.lost += 1
        self._end(task, "gave_up")
        if task.lost < MAX_LOST:
            self._look_for_files(task)

    # -- time and devices ----------------------------------------------------------------------

    def tick(self) -> None:
        """Leases that are over are lost; what has backed off long enough is ready."""
        for task in self.leased():
            if task.deadline <= self.passed:
                self.lose(task)
        for task in self.tasks.values():
            if task.phase != "backing_off" or task.run_at is None:
                continue
            pause = task.run_at / 1e6 - self.now
            if pause <= 0 or pause > LONGEST_PAUSE:  # the second: the clock was set back
                task.run_at = None
                self._look_for_files(task)

    def renew(self, held: list[tuple[int, int]]) -> tuple[list[int], list[int]]:
        """What a worker must stop: cancelled tasks, and leases that are not its own any more."""
        cancel, lost = [], []
        for number, lease in held:
            task = self.tasks[number]
            if self._fenced(task, lease):
                task.deadline = self.passed + task.length
            else:
                (cancel if task.phase == "cancelled" else lost).append(number)
        return cancel, lost

    def hear(self, name: str, capabilities: dict[str, Any] | None, ended: list[str]) -> None:
        """A device speaks, and says which of its sessions are over."""
        if capabilities is not None or name not in self.devices:
            self.devices[name] = capabilities or {}
        for task in self.leased():
            if task.worker == name and task.session in ended:
                self.lose(task)

    def forget(self, name: str) -> Any:
        """Only a device that holds nothing can go."""
        if any(task.worker == name for task in self.leased()):
            return CONFLICT
        self.strikes = [each for each in self.strikes if each.worker != name]
        self.barred = {each for each in self.barred if each[0] != name}
        return UNKNOWN if self.devices.pop(name, None) is None else None

    def restart(self) -> None:
        """Every lease gets one full period, from now on."""
        for task in self.leased():
            task.length = LEASE if task.worker else ANONYMOUS_LEASE
            task.deadline = self.passed + task.length
        self.tick()
