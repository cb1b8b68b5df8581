"""Everything that waits says why."""

from __future__ import annotations

from typing import Any

import msgspec

from server.devices import silent_seconds
from server.dispatch import stamp
from server.face import Face
from server.matching import missing, phrase
from server.quarantine import DRAIN
from server.queue import MICRO, reason_of
from server.services import Services
from server.store import Count, Device, Needs, Quarantine
from server.views import V1
from stages.device import REFUSES
from stages.task import Phase, TaskType

_LONGEST_REASON = 300
_MOST_FAILED = 1000
_WAITING = (Phase.READY, Phase.BACKING_OFF, Phase.NO_INPUT)


async def queue_view(services: Services, face: Face = V1) -> dict[str, Any]:
    """Counts per type and phase, what runs now, a sentence for each group that waits, and who could help."""
    counts, needs = await services.store.counts()
    devices = await services.dispatcher.devices.page(1000, 0)
    scene = Scene(services, devices, await services.store.quarantines(), face)
    by_type: dict[str, dict[str, int]] = {str(kind): {} for kind in TaskType}
    for count in counts:
        phases = by_type.setdefault(count.task_type, {})
        phases[count.phase] = phases.get(count.phase, 0) + count.tasks
    known = {each.needs_id: each for each in needs}
    groups = [count for count in counts if count.phase in _WAITING]
    pending: dict[int, list[Count]] = {}
    for count in counts:
        if count.needs_id in known:  # 0: they are finished
            pending.setdefault(count.needs_id, []).append(count)
    running = [
        {
            "task_id": lease.task_id,
            "device": lease.device,
            "progress": round(lease.progress, 3),
            "note": lease.note,
        }
        for lease in services.dispatcher.leases.all()
    ]
    return {
        "tasks": by_type,
        "waiting": [scene.waiting(count, known[count.needs_id]) for count in groups],
        "running": running,
        "needs": [scene.needs(known[number], every) for number, every in sorted(pending.items())],
        "poisoned": await _poisoned(services),
        "quarantined": scene.quarantined(),
    }


async def _poisoned(services: Services) -> list[dict[str, Any]]:
    """Tasks that killed whatever worked at them, newest first."""
    rows = await services.store.failures(_MOST_FAILED)
    killers = [
        row
        for row in rows
        if row.phase == Phase.GAVE_UP and row.crashes >= services.settings.queue.max_crashes
    ]
    return [
        {
            "task_id": row.task_id,
            "task_type": row.task_type,
            "video_id": row.video_id,
            "crashes": row.crashes,
            "why": reason_of(row.error),
        }
        for row in killers
    ]


class Scene:
    """The devices as they are now, looked at for one answer."""

    def __init__(
        self, services: Services, devices: list[Device], quarantines: list[Quarantine], face: Face
    ) -> None:
        self._now = services.dispatcher.now()
        queue = services.settings.queue
        self._silence = queue.heartbeat_seconds * queue.offline_heartbeats
        self._has = {each.hostname: msgspec.json.decode(each.capabilities) for each in devices}
        self._devices = devices
        self._quarantines = quarantines
        self._face = face

    def waiting(self, count: Count, needs: Needs) -> dict[str, Any]:
        """Tasks of one type in one phase that need the same."""
        equipped = self._equipped(needs)
        refusing = {each.hostname: why for each in equipped if (why := self.refusal(each, count.task_type))}
        able = [each for each in equipped if each.hostname not in refusing]
        return {
            "task_type": count.task_type,
            "phase": count.phase,
            "tasks": count.tasks,
            "needs": needs.needs,
            "places": needs.places,
            "oldest_seconds": self._age(count.oldest),
            "devices": [each.hostname for each in able],
            "why": self._why(count, needs, able, bool(equipped))
            + "".join(f"; {name} takes none: {why}" for name, why in sorted(refusing.items())),
        }

    def needs(self, needs: Needs, counts: list[Count]) -> dict[str, Any]:
        """All that needs the same and is not finished: how much, since when, and who could do it."""
        equipped = self._equipped(needs)
        types = sorted({count.task_type for count in counts})
        waiting = [count.oldest for count in counts if count.phase in _WAITING]
        return {
            "needs": needs.needs,
            "places": needs.places,
            "task_types": types,
            **{
                str(phase): sum(count.tasks for count in counts if count.phase == phase)
                for phase in (*_WAITING, Phase.LEASED)
            },
            "oldest_seconds": self._age(min(waiting)) if waiting else None,
            "devices": [
                {
                    "hostname": each.hostname,
                    "last_seen": self._face.stamp(each.last_heartbeat),
                    "online": self.online(each),
                    "takes_none": {kind: why for kind in types if (why := self.refusal(each, kind))},
                }
                for each in equipped
            ],
            "missing": None if equipped else self._missing(needs),
        }

    def quarantined(self) -> list[dict[str, Any]]:
        """Which devices get no tasks of which type, and why."""
        return [
            {
                "hostname": each.device,
                "task_type": each.task_type,
                "since": self._face.stamp(each.since),
                "why": each.why,
            }
            for each in self._quarantines
            if each.task_type != DRAIN
        ]

    def _equipped(self, needs: Needs) -> list[Device]:
        return [each for each in self._devices if not missing(self._has[each.hostname], needs)]

    def _age(self, since: int) -> float:
        return round((self._now - since) / MICRO, 1)

    def capabilities(self, device: Device) -> dict[str, Any]:
        """What a device states."""
        found: dict[str, Any] = self._has[device.hostname]
        return found

    def online(self, device: Device) -> bool:
        """Whether it spoke lately."""
        return silent_seconds(device, self._now) <= self._silence

    def refusal(self, device: Device, task_type: str) -> str:
        """Why a device takes no task of a type; "" when nothing is known of that."""
        for each in self._quarantines:
            if (each.device, each.task_type) == (device.hostname, DRAIN):
                return f"it is drained since {stamp(each.since)} UTC"
            if (each.device, each.task_type) == (device.hostname, task_type):
                return f"in quarantine since {stamp(each.since)} UTC, {each.why}"[:_LONGEST_REASON]
        refuses = self._has[device.hostname].get(REFUSES)
        why = refuses.get(task_type) if isinstance(refuses, dict) else None
        return why[:_LONGEST_REASON] if isinstance(why, str) else ""

    def _missing(self, needs: Needs) -> str:
        """What nobody has at all; else who comes nearest, and what it lacks."""
        if not self._devices:
            return "no device was ever seen"
        lacks = {each.hostname: missing(self._has[each.hostname], needs) for each in self._devices}
        nobody = set(next(iter(lacks.values()))).intersection(*lacks.values())
        if nobody:
            return f"no device has {' and '.join(sorted(nobody))}"
        newest = sorted(self._devices, key=lambda each: each.last_heartbeat, reverse=True)
        nearest = min(newest, key=lambda each: len(lacks[each.hostname])).hostname
        return f"no device has all of it; {nearest} comes nearest and lacks {' and '.join(lacks[nearest])}"

    def _why(self, count: Count, needs: Needs, able: list[Device], equipped: bool) -> str:
        who = f"{count.tasks} {count.task_type}"
        if count.phase == Phase.NO_INPUT:
            return f"{who} wait for the clip to be ingested: no file of it is known yet"
        if count.phase == Phase.BACKING_OFF:
            return f"{who} wait before the next try; the task's error says why the last one failed"
        wants = [phrase(name, need) for name, need in needs.needs.items()]
        wants += [f"place {place}" for place in needs.places]
        what = f"{who} wait for " + (" and ".join(wants) if wants else "any device")
        newest = max(able, key=lambda each: each.last_heartbeat, default=None)
        if newest is None:
            lack = "" if equipped else f" ({self._missing(needs)})"
            return f"{what}; no device that has this and takes them was ever seen{lack}"
        if not self.online(newest):
            return (
                f"{what}; last device that had it: {newest.hostname}, seen {stamp(newest.last_heartbeat)} UTC"
            )
        return f"{what}; {newest.hostname} has it and is online"
