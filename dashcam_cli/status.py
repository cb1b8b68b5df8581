"""`dashcam status`."""

from __future__ import annotations

from dashcam_cli import common
from dashcam_cli.device import quarantine_of, table_of
from dashcam_cli.output import print_json, table

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
    lacking = [
        [each["missing"], ", ".join(each["task_types"])] for each in queue.get("needs", ()) if each["missing"]
    ]
    if lacking:
        table("Nobody can do", ("because", "type"), lacking)
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
