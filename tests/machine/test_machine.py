"""The queue as a state machine: whatever happens in whatever order, its promises hold.

After each step the server (a real file), the oracle (the same queue on the model store) and the model
(the promises, said a second time) must agree. `DASHCAM_MACHINE=5000` runs so many examples.
"""

import asyncio
import os
import random
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from server import asks
from server.dispatch import Claim, Dispatcher
from server.queue import Completion, Setback
from stages.device import HeldLease
from stages.task import TaskType
from tests.machine.model import BAD, Model
from tests.machine.system import EVERYTHING, Call, System, leases

EXAMPLES = int(os.environ.get("DASHCAM_MACHINE", "20"))
STEPS = 40

PICK = st.integers(0, 10**6)
WORKERS = ("jetson", "rtx", "shed")
PRIORITY = st.sampled_from([None, None, None, "critical", "high", "low", "odd"])
VIDEOS = st.sampled_from([None, "v1", "v1", "v2"])
NEEDS = [
    {}, {"vram": 8}, {}, {"vram": 8.5}, {}, {"coral": True}, {}, {"coral": False}, {"coral": 1}, {"os": "linux"},
    {"codecs": ["hevc"]}, {"codecs": []}, {"vram": 4, "codecs": ["hevc", "h264"]}, {"os": None}, {"x\x00": "é"},
]  # fmt: skip
REFS = [{"device": place, "path": name} for place in ("nas", "card", "shed") for name in "ab"]
#: Most devices can do most things, or little would ever happen.
ABLE = {"vram": 24, "coral": True, "os": "linux", "codecs": ["h264", "hevc"]}
#: Who looks after each step.
ONLOOKERS = [
    (None, None), (ABLE, "rtx"), ({"vram": 8, "places": ["nas"]}, "jetson"), ({}, None), (ABLE | {"places": ["card"]}, "shed"),
]  # fmt: skip


def some_bodies(amount: int = 300) -> list[dict[str, Any]]:
    """Requests for tasks, the plainest first. Drawing one as a whole leaves room for longer stories."""
    pick = random.Random(6).choice
    bodies = []
    for number in range(amount):
        named, source = pick([None, None, "critical", "high", "low", "odd"]), pick([None, None, "card"])
        bodies.append(
            {
                "task_type": "INGEST_VIDEO"
                if number < 3
                else pick(["INGEST_VIDEO", *(str(kind) for kind in TaskType)]),
                "video_id": pick([None, "v1", "v1", "v2"]),
                "inputs": pick([[], [], REFS[:1], REFS[2:3]]),
                "outputs": pick([[], [], REFS[:1], REFS[1:3], REFS[4:]]),
                "metadata": ({"priority": named} if named else {}) | ({"source": source} if source else {}),
                "device_capabilities_required": pick(NEEDS),
            }
        )
    return bodies


def some_capabilities(amount: int = 60) -> list[dict[str, Any] | None]:
    """What devices state: most of them much, some little or odd things."""
    pick = random.Random(7).choice
    able = [ABLE, None, ABLE | {"places": ["nas", "shed"]}, ABLE | {"places": ["card"]}]
    values: dict[str, list[Any]] = {
        "vram": [0, 4, 8, 8.5, 24, True, "8"], "coral": [True, False, 1], "os": ["linux", "windows"],
        "codecs": [[], ["hevc"], ["h264", "hevc"], "hevc"], "places": [[], ["nas"], ["card", "nas"], ["nas", "shed"]],
        "x\x00": ["é"],
    }  # fmt: skip
    odd = [{name: pick(some) for name, some in values.items() if pick([True, False])} for _ in range(amount)]
    return able * (amount // 4) + odd


def one_of(values: list[Any]) -> st.SearchStrategy[Any]:
    """One of many; unlike `sampled_from` it does not spell them all out in every report."""
    return st.integers(0, len(values) - 1).map(lambda number: values[number])


BODIES = one_of(some_bodies())
DEVICES = one_of(some_capabilities())
OUTPUTS = st.sampled_from([[], REFS[:1], REFS[1:2], REFS[4:]])
TYPES = st.sampled_from(
    [(), (), ("INGEST_VIDEO",), ("ARCHIVE_VIDEO", "HEAVY_PROCESS_VIDEO"), ("PREPROCESS_VIDEO",)]
)
SEVERAL = st.lists(BODIES, min_size=1, max_size=3)
CHILDREN = st.none() | st.lists(BODIES, max_size=2)
LEASES = st.sampled_from([None, None, 60.0, 5000.0])
FATES = st.sampled_from(
    ["keep", "keep", "backs off", "complete", "keep", "backs off", "failed", "crashed", "absent", "release"]
)
ACTS = st.sampled_from(["complete", "word", "fail", "release", "cancel", "retry", "create", "claim"])


class Poll:
    """A claim, as a call; `peek` is the same without claiming."""

    def __init__(self, claim: Claim) -> None:
        self.claim = claim

    def __call__(self, dispatcher: Dispatcher) -> Any:
        return dispatcher.claim(self.claim)

    def peek(self, dispatcher: Dispatcher) -> Any:
        """What the claim would find."""
        return dispatcher.peek(self.claim)


class QueueMachine(RuleBasedStateMachine):
    """What people and workers do; `known` is what each worker's session believes to hold."""

    system_of: type[System] = System

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.model = Model()
        self.system = self.system_of(Path(self.folder.name), self.model)
        self.sessions = dict.fromkeys(WORKERS, 1)
        self.known: dict[str, set[tuple[int, int]]] = {}
        self.dead: dict[str, list[str]] = {worker: [] for worker in WORKERS}

    def teardown(self) -> None:
        self.system.close()
        self.folder.cleanup()

    # -- small words ---------------------------------------------------------------------------

    def any_task(self, number: int) -> int:
        """One of the tasks."""
        return 1 + number % len(self.model.tasks)

    def any_held(self, number: int) -> tuple[int, int]:
        """One of the leases that hold, by task and number."""
        held = self.model.leased()
        task = held[number % len(held)]
        return task.number, task.lease

    def session(self, worker: str) -> str:
        """The session of a worker since its last start."""
        return f"{worker}-{self.sessions[worker]}"

    def step(self, call: Call, said: Any) -> Any:
        """Do it, and hold the answer against what the model says; what was answered."""
        answer = self.system.both(call)
        assert shape(answer) == said
        return answer

    def completion(self, lease: Any, new: Any = None, video: Any = None, outputs: Any = None) -> Completion:
        """A completion as the API reads it."""
        body = {"lease": lease, "new_tasks": new, "video_id": video, "outputs": outputs}
        return asks.completion(body, media=None)  # type: ignore[arg-type]

    @initialize(bodies=st.lists(BODIES, max_size=4))
    def begin(self, bodies):
        """Some devices have spoken, some tasks are there."""
        for worker, capabilities in zip(
            WORKERS, (ABLE | {"places": ["nas", "card"]}, ABLE, {"places": ["shed"]}), strict=True
        ):
            self.model.hear(worker, capabilities, [])
            self.system.both(lambda d, w=worker, c=capabilities: d.heartbeat(w, "worker", "idle", c, []))
        self.create(bodies, None, False)

    # -- tasks come ----------------------------------------------------------------------------

    @rule(
        bodies=SEVERAL,
        key=st.sampled_from([None, None, "k1", "k2"]),
        bad=st.sampled_from([False] * 5 + [True]),
    )
    def create(self, bodies, key, bad):
        """New tasks are numbered on; with a key that was used, they are those of the first time.

        With a bad one among good ones none is made, and the key is free still.
        """
        if bad:
            bodies = [*bodies, bodies[0] | {"metadata": {"half": "\ud800"}}]
        made = asks.asks(bodies, "tasks")
        if not bad:
            self.step(lambda d: d.create(made, key), self.model.create(bodies, key))
        elif key not in self.model.keys:
            assert self.system.both(lambda d: d.create(made, key))[0] == "UnicodeEncodeError"

    # -- workers -------------------------------------------------------------------------------

    @rule(
        worker=st.sampled_from([None, *WORKERS]), capabilities=DEVICES, types=TYPES,
        limit=st.integers(1, 3), seconds=LEASES, dropped=st.sampled_from([0, 0, 0, 0, 1, 2]), fate=FATES,
    )  # fmt: skip
    def claim(self, worker, capabilities, types, limit, seconds, dropped, fate):
        """A claim gives what the model says, in its order; one whose answer was lost is given it again.

        Most workers do soon what they do with a task.
        """
        session = self.session(worker) if worker else None
        known = self.known.setdefault(session, set()) if session else set()
        claim = Claim(
            worker=worker, session=session, types=types, capabilities=capabilities, limit=limit,
            lease_seconds=seconds, held=[HeldLease(*lease) for lease in sorted(known)],
        )  # fmt: skip
        said = self.model.claim(capabilities, types, worker, limit, session, seconds, list(known))
        rows = self.system.both(Poll(claim))
        given = [(row.task_id, row.lease) for row in rows]
        if isinstance(said, tuple):
            again, amount = said
            assert len(given) == amount
            assert set(given) <= again
        else:
            assert given == said
        if dropped:
            if dropped == 2:  # and asks again, as a worker does whose connection broke
                self.claim(worker, capabilities, types, limit, seconds, 0, fate)
            return
        known.update(given)
        for task_id, lease in given:
            self._meet(fate, task_id, lease)

    def _meet(self, fate, task_id, lease):
        if fate == "complete":
            task = self.model.tasks[task_id]
            left = [] if task.outputs else [{"device": "nas", "path": task.kind}]
            what = self.completion(lease, None, "v1", left)
            self.step(
                lambda d: d.complete(task_id, what), self.model.complete(task_id, lease, None, "v1", left)
            )
        elif fate == "release":
            self.step(lambda d: d.release(task_id, lease), self.model.release(task_id, lease))
        elif fate != "keep":
            kind = "failed" if fate == "backs off" else fate
            setback = Setback(kind=kind, error="e", retry=True)
            self.step(lambda d: d.fail(task_id, lease, setback), self.model.fail(task_id, lease, kind, True))
            if fate == "backs off":
                self._adopt_pauses()
                self._pass(130.0)

    @rule(worker=st.sampled_from(WORKERS), capabilities=st.none() | DEVICES)
    def heartbeat(self, worker, capabilities):
        """A worker renews what it believes to hold, is told what to stop, and believes that."""
        ended, self.dead[worker] = self.dead[worker], []
        self.model.hear(worker, capabilities, ended)
        self.system.both(lambda d: d.heartbeat(worker, "worker", "idle", capabilities, ended))
        known = self.known.setdefault(self.session(worker), set())
        held = sorted(known)
        cancel, lost = self.model.renew(held)
        orders = self.system.both(lambda d: d.orders([HeldLease(*lease) for lease in held]))
        assert (orders.cancel, orders.lost) == (cancel, lost)
        known -= {lease for lease in held if lease[0] in {*cancel, *lost}}

    @rule(
        worker=st.sampled_from(WORKERS),
        act=st.sampled_from(["dies", "dies and says so", "is forgotten", "is cleared"]),
    )
    def worker_goes(self, worker, act):
        """A worker starts anew, in a new session, and may say with its next heartbeat that the old one ended;
        or a person forgets it, which works while it holds nothing, or ends its quarantines.
        """
        if act == "is forgotten":
            self.step(lambda d: d.forget(worker), self.model.forget(worker))
            return
        if act == "is cleared":
            answer = self.system.both(lambda d: d.cleared(worker))
            assert (answer[0] if isinstance(answer, tuple) else len(answer)) == self.model.clear(worker)
            return
        if act == "dies and says so":
            self.dead[worker].append(self.session(worker))
        self.sessions[worker] += 1

    @precondition(lambda self: self.model.leased())
    @rule(number=PICK, new=CHILDREN, video=VIDEOS, outputs=OUTPUTS, again=st.booleans())
    def complete(self, number, new, video, outputs, again):
        """The holder's completion is taken and publishes what it says, once, however often it is said."""
        task_id, lease = self.any_held(number)
        what = self.completion(lease, new, video, outputs)
        for _ in range(1 + again):
            said = self.model.complete(task_id, lease, new, video, outputs)
            self.step(lambda d: d.complete(task_id, what), said)

    @precondition(lambda self: self.model.tasks)
    @rule(number=PICK, new=CHILDREN, lease=st.none() | st.integers(1, 4))
    def say_done(self, number, new, lease):
        """A completion of any task at any time: a person's word, a late worker, a repeat, a guess."""
        task_id = self.any_task(number)
        what = self.completion(lease, new)
        said = self.model.complete(task_id, lease, new, None, [])
        self.step(lambda d: d.complete(task_id, what), said)

    @precondition(lambda self: self.model.leased())
    @rule(number=PICK, new=SEVERAL, video=VIDEOS, way=st.sampled_from(["type", "field", "inside"]))
    def complete_badly(self, number, new, video, way):
        """One invalid item in `new_tasks`: nothing changes, and the lease holds still."""
        task_id, lease = self.any_held(number)
        bad = {
            "type": new[0] | {"task_type": "NO_SUCH"},
            "field": new[0] | {"inputs": [{"device": 7}]},
            "inside": new[0] | {"metadata": {"half": "\ud800"}},
        }[way]

        async def send(dispatcher: Dispatcher) -> Any:
            return await dispatcher.complete(task_id, self.completion(lease, [*new, bad], video))

        answer = self.system.both(send)
        assert answer[0] == ("UnicodeEncodeError" if way == "inside" else BAD)

    @precondition(lambda self: self.model.leased())
    @rule(
        number=PICK,
        kind=st.sampled_from(["failed", "failed", "crashed", "absent", "release"]),
        retry=st.booleans(),
    )
    def give_back(self, number, kind, retry):
        """The holder could not do it, for whatever reason."""
        task_id, lease = self.any_held(number)
        if kind == "release":
            self.step(lambda d: d.release(task_id, lease), self.model.release(task_id, lease))
        else:
            setback = Setback(kind=kind, error="e", retry=retry)
            said = self.model.fail(task_id, lease, kind, retry)
            self.step(lambda d: d.fail(task_id, lease, setback), said)

    @precondition(lambda self: self.model.ended)
    @rule(number=PICK, new=CHILDREN)
    def come_late(self, number, new):
        """A lease that ended ends nothing any more; only who completed under it hears the same again."""
        ended = sorted(self.model.ended)
        task_id, lease = ended[number % len(ended)]
        what = self.completion(lease, new)
        self.step(lambda d: d.complete(task_id, what), self.model.complete(task_id, lease, new, None, []))
        setback = Setback(kind="failed", error="late")
        self.step(lambda d: d.fail(task_id, lease, setback), self.model.fail(task_id, lease, "failed", True))
        self.step(lambda d: d.release(task_id, lease), self.model.release(task_id, lease))

    # -- people --------------------------------------------------------------------------------

    @precondition(lambda self: self.model.tasks)
    @rule(
        number=PICK,
        act=st.sampled_from(["cancel", "retry", "retry", "amend"]),
        priority=PRIORITY,
        needs=st.sampled_from([None, *NEEDS]),
    )
    def person(self, number, act, priority, needs):
        """A person ends what is not done, brings back what ended otherwise, wants it sooner or elsewhere."""
        task_id, metadata = self.any_task(number), {"priority": priority} if priority else None
        if act == "cancel":
            self.step(lambda d: d.cancel(task_id), self.model.cancel(task_id))
        elif act == "retry":
            self.step(lambda d: d.retry(task_id), self.model.retry(task_id))
        else:
            said = self.model.amend(task_id, priority, needs)
            self.step(lambda d: d.amend(task_id, metadata, needs), said)

    # -- time, and the server ------------------------------------------------------------------

    @rule(
        seconds=st.sampled_from([35.0, 0.0, 1.0, 70.0, 150.0, 200.0, 201.0, 4000.0]),
        jump=st.sampled_from([0, 0, 0, -5000, 5000]),
    )
    def pass_time(self, seconds, jump):
        """Time passes, and the wall clock may jump: leases do not follow it."""
        self._pass(seconds, jump)

    def _pass(self, seconds, jump=0):
        self.model.passed += seconds
        self.model.now += seconds + jump
        self.model.tick()
        self.system.both(lambda d: d.tick())

    @rule(how=st.sampled_from(["clean", "killed", "at work"]))
    def restart(self, how):
        """The server starts anew on its file: whatever it answered is there, whatever it did not is not."""
        self.system.restart(how)
        self.model.restart()

    # -- at once -------------------------------------------------------------------------------

    @precondition(lambda self: self.model.tasks)
    @rule(
        acts=st.lists(st.tuples(ACTS, PICK, BODIES, DEVICES), min_size=2, max_size=3),
        polls=st.lists(DEVICES, max_size=2),
    )
    def at_once(self, acts, polls):
        """Several callers at once, some of them waiting for work: as if one came after the other."""
        calls, effects = [], []
        fails = 0
        for act, number, body, capabilities in acts:
            fails += act == "fail"
            call, effect = self._act("release" if fails > 1 else act, number, body, capabilities)
            calls.append(call)
            effects.append(effect)
        for capabilities in polls:
            claim = Claim(worker="poll", capabilities=capabilities, wait=60.0)
            calls.append(Poll(claim))
            effects.append(lambda c=capabilities: self.model.claim(c, (), "poll", 1, None, None, []))
        order = self.system.together(calls[: len(acts)], calls[len(acts) :])
        for number in order:
            effects[number]()

    def _act(self, act, number, body, capabilities):
        model, task_id = self.model, self.any_task(number)
        lease = max(1, model.tasks[task_id].lease)
        setback = Setback(kind="failed", error="e")
        claim = Claim(worker="rtx", capabilities=capabilities)
        new = [body]
        by_lease, by_word, made = (
            self.completion(lease, new),
            self.completion(None, new),
            asks.asks(new, "tasks"),
        )
        return {
            "complete": (lambda d: d.complete(task_id, by_lease), lambda: model.complete(task_id, lease, new, None, [])),
            "word": (lambda d: d.complete(task_id, by_word), lambda: model.complete(task_id, None, new, None, [])),
            "fail": (lambda d: d.fail(task_id, lease, setback), lambda: model.fail(task_id, lease, "failed", True)),
            "release": (lambda d: d.release(task_id, lease), lambda: model.release(task_id, lease)),
            "cancel": (lambda d: d.cancel(task_id), lambda: model.cancel(task_id)),
            "retry": (lambda d: d.retry(task_id), lambda: model.retry(task_id)),
            "create": (lambda d: d.create(made), lambda: model.create(new)),
            "claim": (Poll(claim), lambda: model.claim(capabilities, (), "rtx", 1, None, None, [])),
        }[act]  # fmt: skip

    # -- what must be so after each step -------------------------------------------------------

    def _adopt_pauses(self):
        for row in self.system.rows():
            if row.phase == "backing_off":
                self._pauses_as_promised(row, self.model.tasks[row.task_id])

    @invariant()
    def nothing_is_lost_or_held_twice_or_published_twice(self):
        """Every task is there, in the phase and with the counts that were promised; each child once."""
        rows = self.system.rows()
        assert [row.task_id for row in rows] == sorted(self.model.tasks)
        children = Counter(row.parent_id for row in rows)
        for row in rows:
            task = self.model.tasks[row.task_id]
            assert (row.phase, row.lease) == (task.phase, task.lease)
            assert (row.task_type, row.video_id, row.parent_id) == (task.kind, task.video, task.parent)
            assert (row.priority, row.root_id) == (task.priority, task.root)
            counts = (row.failures, row.crashes, row.lost, row.delays)
            assert counts == (task.failures, task.crashes, task.lost, task.delays)
            assert children[row.task_id] == task.children
            if task.phase == "leased":
                assert (row.device, row.session) == (task.worker, task.session)
            if task.phase == "backing_off":
                self._pauses_as_promised(row, task)
            if task.phase == "gave_up" and task.lost:
                assert row.error.endswith(f"({', '.join(sorted(set(task.vanished)))})")

    def _pauses_as_promised(self, row, task):
        if task.run_at is None:
            least, most = task.pause
            assert least * 1e6 - 1 <= row.run_at <= most * 1e6 + 1
            task.run_at = row.run_at
        assert row.run_at == task.run_at

    @invariant()
    def the_oracle_agrees(self):
        """Every visible row, every count, device and lease is the same on the model store."""
        server, oracle = self.system.server, self.system.oracle
        assert self.system.rows() == self.system.run(oracle.store.page(EVERYTHING))
        assert self.system.run(looks(server)) == self.system.run(looks(oracle))
        assert leases(server) == leases(oracle)
        held = {
            (task.number, task.lease, task.worker, task.session, task.length, task.deadline)
            for task in self.model.leased()
        }
        assert leases(server) == held

    @invariant()
    def nothing_claimable_is_hidden(self):
        """For whoever looks, what may be claimed is what the model says, in its order."""
        claims = [
            Claim(worker=worker, capabilities=capabilities, limit=1000) for capabilities, worker in ONLOOKERS
        ]

        async def look() -> Any:
            return await asyncio.gather(*[self.system.server.peek(claim) for claim in claims])

        for claim, found in zip(claims, self.system.run(look()), strict=True):
            said = self.model.claimable(claim.capabilities, (), claim.worker)
            assert [row.task_id for row in found] == [task.number for task in said]

    @invariant()
    def counts_agree_with_the_rows(self):
        """What the queue page adds up is what there is."""
        counts, _ = self.system.run(self.system.server.store.counts())
        assert sum(each.tasks for each in counts) == len(self.model.tasks)
        phases: Counter[str] = Counter()
        for each in counts:
            phases[each.phase] += each.tasks
        assert phases == Counter(task.phase for task in self.model.tasks.values())


def shape(answer: Any) -> Any:
    """An answer in the model's words."""
    match answer:
        case None:
            return None
        case (str() as error, str()):
            return error
        case (row, {"new_tasks_created": amount}):
            assert row.phase == "done"
            return amount
        case list():
            return [row.task_id for row in answer]
    return answer.phase


async def looks(dispatcher: Dispatcher) -> list[Any]:
    """What the queue page and the lists show; counts come in no promised order."""
    store = dispatcher.store
    (counts, needs), *others = await asyncio.gather(
        store.counts(),
        store.devices(100, 0),
        dispatcher.devices.page(100, 0),
        store.failures(1000),
        store.quarantines(),
    )
    return [sorted(counts, key=lambda each: (each.task_type, each.phase, each.needs_id)), needs, *others]


TestQueue = pytest.mark.slow(QueueMachine.TestCase)
TestQueue.settings = settings(
    max_examples=EXAMPLES,
    stateful_step_count=STEPS,
    deadline=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)
