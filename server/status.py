"""Everything that waits says why."""

from __future__ import annotations

from typing import Any

import msgspec

from server.dispatch import stamp
from server.matching import missing, phrase
from server.queue import MICRO
from server.services import Services
from server.store import Count, Device, Needs
from stages.device import REFUSES
from stages.task import Phase, TaskType

_LONGEST_REASON = 300
_WAITING = (Phase.READY, Phase.BACKING_OFF, Phase.NO_INPUT)


async def queue_view(services: Services) -> dict[str, Any]:
    """Counts per type and phase, what runs now, and a sentence for each group that waits."""
    counts, needs = await services.store.counts()
    devices = await services.dispatcher.devices.page(1000, 0)
    by_type: dict[str, dict[str, int]] = {str(kind): {} for kind in TaskType}
    for count in counts:
        phases = by_type.setdefault(count.task_type, {})
        phases[count.phase] = phases.get(count.phase, 0) + count.tasks
    known = {each.needs_id: each for each in needs}
    groups = [count for count in counts if count.phase in _WAITING]
    waiting = [_waiting(services, count, known[count.needs_id], devices) for count in groups]
    running = [
        {
            "task_id": lease.task_id,
            "device": lease.device,
            "progress": round(lease.progress, 3),
            "note": lease.note,
        }
        for lease in services.dispatcher.leases.all()
    ]
    return {"tasks": by_type, "waiting": waiting, "running": running}


def _waiting(services: Services, count: Count, needs: Needs, devices: list[Device]) -> dict[str, Any]:
    equipped = [each for each in devices if not missing(msgspec.json.decode(each.capabilities), needs)]
    refusing = {each.hostname: why for each in equipped if (why := _refusal(each, count.task_type))}
    able = [each for each in equipped if each.hostname not in refusing]
    newest = max(able, key=lambda each: each.last_heartbeat, default=None)
    age = (services.dispatcher.now() - count.oldest) / MICRO
    return {
        "task_type": count.task_type,
        "phase": count.phase,
        "tasks": count.tasks,
        "needs": needs.needs,
        "places": needs.places,
        "oldest_seconds": round(age, 1),
        "devices": [each.hostname for each in able],
        "why": _why(services, count, needs, newest)
        + "".join(f"; {name} takes none: {why}" for name, why in sorted(refusing.items())),
    }


def _refusal(device: Device, task_type: str) -> str:
    """Why a device takes no task of a type; "" when it does not say so."""
    refuses = msgspec.json.decode(device.capabilities).get(REFUSES)
    why = refuses.get(task_type) if isinstance(refuses, dict) else None
    return why[:_LONGEST_REASON] if isinstance(why, str) else ""


def _why(services: Services, count: Count, needs: Needs, newest: Device | None) -> str:
    who = f"{count.tasks} {count.task_type}"
    if count.phase == Phase.NO_INPUT:
        return f"{who} wait for the clip to be ingested: no file of it is known yet"
    if count.phase == Phase.BACKING_OFF:
        return f"{who} wait before the next try; the task's error says why the last one failed"
    wants = [phrase(name, need) for name, need in needs.needs.items()]
    wants += [f"place {place}" for place in needs.places]
    what = f"{who} wait for " + (" and ".join(wants) if wants else "any device")
    if newest is None:
        return f"{what}; no device that has this and takes them was ever seen"
    silent = (services.dispatcher.now() - newest.last_heartbeat) / MICRO
    queue = services.settings.queue
    if silent > queue.heartbeat_seconds * queue.offline_heartbeats:
        return f"{what}; last device that had it: {newest.hostname}, seen {stamp(newest.last_heartbeat)} UTC"
    return f"{what}; {newest.hostname} has it and is online"
