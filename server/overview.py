"""What is worked on and what waits, for pages: told from counts that are kept, never by counting tasks."""

from __future__ import annotations

import sqlite3
from typing import Any

import msgspec

from server.devices import silent_seconds
from server.quarantine import DRAIN
from server.queue import MICRO
from server.services import Services
from server.sql import SQL
from server.sqlite_known import NeedsTable, rows
from server.sqlite_store import tasks
from server.status import Scene
from server.store import Count, Device, Needs, Quarantine, Row
from server.tally import Key
from server.views import V1
from stages.task import Phase, TaskType

#: The columns of the page: phases that mean the same to a person.
STATES: dict[str, tuple[str, ...]] = {
    "waiting": (Phase.READY, Phase.BACKING_OFF, Phase.NO_INPUT),
    "running": (Phase.LEASED,),
    "done": (Phase.DONE,),
    "gave up": (Phase.GAVE_UP,),
    "cancelled": (Phase.CANCELLED,),
}
#: Groups of waiting tasks, running tasks and devices that are told; the rest is counted.
_GROUPS, _RUNNING, _HOSTS = 30, 50, 1000
_FIRST: dict[str, str] = {Phase.READY: "first_ready", Phase.NO_INPUT: "first_no_input"}


class Group(msgspec.Struct, frozen=True):
    """Tasks that wait for the same. `seconds`: how long the first in line does, where that is known."""

    task_type: str
    phase: str
    tasks: int
    why: str
    seconds: float | None


class Running(msgspec.Struct, frozen=True):
    """A task under lease. `progress` from 0 to 1."""

    row: Row
    device: str | None
    progress: float
    note: str


class Host(msgspec.Struct, frozen=True):
    """A device as it is now. `refuses`: types of which it gets or takes none, each with the reason."""

    device: Device
    status: str
    silent: float
    running: int
    capabilities: dict[str, Any]
    refuses: dict[str, str]
    quarantined: bool
    draining: bool


class Overview(msgspec.Struct, frozen=True):
    """`tasks`: how many by type and by the words of `STATES`; `more` of each: what is left out; `seq`: the
    last change of a task (`feed.py`) that is surely in it.
    """

    seq: int
    tasks: dict[str, dict[str, int]]
    waiting: list[Group]
    more_waiting: int
    running: list[Running]
    more_running: int
    hosts: list[Host]

    def total(self, state: str) -> int:
        """How many tasks of all types are in a state."""
        return sum(each.get(state, 0) for each in self.tasks.values())


async def overview(services: Services) -> Overview:
    """All of it, as it is now."""
    seq = services.dispatcher.feed.seq
    numbers = await services.dispatcher.tally.known(lambda: services.database.awrite(_count))
    counts, needs = await services.database.read(lambda c: _since(c, numbers))
    devices = await services.dispatcher.devices.page(_HOSTS, 0)
    quarantines = await services.store.quarantines()
    scene = Scene(services, devices, quarantines, V1)
    known = {each.needs_id: each for each in needs}
    groups = sorted(
        (count for count in counts if count.phase in STATES["waiting"] and count.needs_id in known),
        key=lambda count: -count.tasks,
    )
    leases = sorted(services.dispatcher.leases.all(), key=lambda lease: (lease.device or "~", lease.task_id))
    told = leases[:_RUNNING]
    held = await services.database.read(lambda c: _rows(c, [lease.task_id for lease in told]))
    return Overview(
        seq=seq,
        tasks=_by_state(counts),
        waiting=[_group(services, scene, count, known[count.needs_id]) for count in groups[:_GROUPS]],
        more_waiting=sum(count.tasks for count in groups[_GROUPS:]),
        running=[
            Running(held[lease.task_id], lease.device, lease.progress, lease.note)
            for lease in told
            if lease.task_id in held
        ],
        more_running=len(leases) - len(told),
        hosts=[_host(services, scene, each, quarantines) for each in devices],
    )


def _count(connection: sqlite3.Connection) -> dict[Key, int]:
    found = connection.execute(SQL["tally"]).fetchall()
    return {(task_type, phase, needs_id): number for task_type, phase, needs_id, number in found}


def _since(connection: sqlite3.Connection, numbers: dict[Key, int]) -> tuple[list[Count], list[Needs]]:
    """The counts, each with the time since when the first in line waits."""
    counts = []
    for (task_type, phase, needs_id), number in sorted(numbers.items()):
        first = None
        if (name := _FIRST.get(phase)) is not None:
            values = {"needs_id": needs_id, "task_type": task_type}
            first = connection.execute(SQL[name], values).fetchone()
        counts.append(Count(task_type, phase, needs_id, number, first[0] if first else 0))
    return counts, NeedsTable().all(connection)


def _rows(connection: sqlite3.Connection, numbers: list[int]) -> dict[int, Row]:
    found = [tasks(connection.execute(SQL["get_task"], {"task_id": number})) for number in numbers]
    return {each[0].task_id: each[0] for each in found if each}


def _by_state(counts: list[Count]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {str(kind): {} for kind in TaskType}
    words = {phase: word for word, phases in STATES.items() for phase in phases}
    for count in counts:
        mine = found.setdefault(count.task_type, {})
        mine[words[count.phase]] = mine.get(words[count.phase], 0) + count.tasks
    return found


def _group(services: Services, scene: Scene, count: Count, needs: Needs) -> Group:
    seconds = (services.dispatcher.now() - count.oldest) / MICRO if count.oldest else None
    return Group(count.task_type, count.phase, count.tasks, scene.waiting(count, needs)["why"], seconds)


def _host(services: Services, scene: Scene, device: Device, quarantines: list[Quarantine]) -> Host:
    mine = [each.task_type for each in quarantines if each.device == device.hostname]
    refuses = {str(kind): scene.refusal(device, kind) for kind in TaskType}
    return Host(
        device=device,
        status=device.status if scene.online(device) else "offline",
        silent=silent_seconds(device, services.dispatcher.now()),
        running=services.dispatcher.leases.running().get(device.hostname, 0),
        capabilities=scene.capabilities(device),
        refuses={kind: why for kind, why in refuses.items() if why},
        quarantined=any(each != DRAIN for each in mine),
        draining=DRAIN in mine,
    )


async def task_list(
    services: Services, state: str, types: list[str], before: int, limit: int
) -> tuple[list[Row], bool]:
    """Tasks in a state (as the API names it), newest first, with a number below `before`; are there more?"""

    def read(connection: sqlite3.Connection) -> list[Row]:
        values = {"state": state, "before": before, "limit": limit + 1}
        found = [
            row
            for kind in types
            for row in tasks(connection.execute(SQL["task_list"], values | {"task_type": kind}))
        ]
        return sorted(found, key=lambda row: -row.task_id)

    found = await services.database.read(read)
    return found[:limit], len(found) > limit


async def chain(services: Services, video_id: str, limit: int) -> list[Row]:
    """Every task of a clip, in the order in which they were made; the newest `limit`."""
    values = {"video_id": video_id, "limit": limit}
    found = await services.database.read(lambda c: tasks(c.execute(SQL["task_chain"], values)))
    return found[::-1]


async def next_due(services: Services, limit: int) -> list[Row]:
    """Tasks that wait before the next try, the next one first."""
    return await services.database.read(lambda c: rows(c.execute(SQL["next_due"], {"limit": limit}), Row))
