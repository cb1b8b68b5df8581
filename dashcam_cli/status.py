"""`dashcam status`."""

from __future__ import annotations

from typing import Any

from dashcam_cli import common
from dashcam_cli.device import quarantine_of, table_of
from dashcam_cli.output import print_json, table

_NEEDS = ("needs", "ready", "leased", "backing off", "no input", "oldest", "who can do it")
_PHASES = ("ready", "leased", "backing_off", "no_input", "done", "gave_up", "cancelled")


def show(url: str | None, as_json: bool) -> None:
    """What waits and why, the devices, and what failed."""
    client = common.client(common.settings(url=url))
    queue, devices, failures = client.queue(), client.devices(), client.failures()
    if as_json:
        print_json({"queue": queue, "devices": devices, "failures": failures})
        return
    counts = [[kind, *(phases.get(name, 0) for name in _PHASES)] for kind, phases in queue["tasks"].items()]
    table("Tasks", ("type", *_PHASES), counts)
    table("Waiting", ("why",), [[each["why"]] for each in queue["waiting"]], empty="nothing waits")
    table("Needs", _NEEDS, [_needs(each) for each in queue.get("needs", ())], empty="nothing needs anybody")
    running = [
        [each["task_id"], each["device"], f"{each['progress']:.0%}", each["note"]]
        for each in queue["running"]
    ]
    table("Running", ("task", "device", "progress", "now"), running, empty="nothing runs")
    table_of(devices)
    quarantine_of(queue.get("quarantined", []))
    killers = [
        [each["task_id"], each["task_type"], each["video_id"], each["why"]]
        for each in queue.get("poisoned", ())
    ]
    if killers:
        table("Tasks that kill their workers", ("task", "type", "video", "why"), killers)
    gone = [
        [
            each["task_id"],
            each["task_type"],
            each["video_id"],
            each["metadata"].get("filename"),
            each["error"],
        ]
        for each in failures
    ]
    table("Failed", ("task", "type", "video", "file", "why"), gone)


def _needs(group: dict[str, Any]) -> list[Any]:
    """One row: all tasks that need the same."""
    words = [_need(name, value) for name, value in group["needs"].items()]
    words += [f"place {place}" for place in group["places"]]
    oldest = group["oldest_seconds"]
    return [
        ", ".join(words) or "any device",
        *(group[phase] for phase in ("ready", "leased", "backing_off", "no_input")),
        "" if oldest is None else _age(oldest),
        f"nobody: {group['missing']}" if group["missing"] else ", ".join(map(_device, group["devices"])),
    ]


def _need(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return name if value else f"no {name}"
    return f"{name} >= {value}" if isinstance(value, (int, float)) else f"{name} {value}"


def _device(device: dict[str, Any]) -> str:
    return device["hostname"] if device["online"] else f"{device['hostname']} (seen {device['last_seen']})"


def _age(seconds: float) -> str:
    """A time span as people read it: the largest unit that fits."""
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
