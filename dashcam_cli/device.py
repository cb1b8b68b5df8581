"""`dashcam device list`, `clear`, `drain` and `forget`."""

from __future__ import annotations

from typing import Any

from dashcam_cli import common
from dashcam_cli.output import print_json, printable, say, table


def show(url: str | None, as_json: bool) -> None:
    """Every device that ever spoke."""
    devices = common.client(common.settings(url=url)).devices()
    if as_json:
        print_json(devices)
    else:
        table_of(devices)
        quarantine_of(
            [each | {"hostname": one["hostname"]} for one in devices for each in one.get("quarantine", ())]
        )


def table_of(devices: list[dict[str, Any]]) -> None:
    """A table of devices."""
    rows = [
        [
            each["hostname"],
            each["device_type"],
            each["status"] + (", drained" if each.get("draining") else ""),
            each["last_heartbeat"],
            each["tasks_running"],
        ]
        for each in devices
    ]
    table("Devices", ("name", "type", "status", "last heartbeat (UTC)", "running"), rows)


def quarantine_of(held: list[dict[str, Any]]) -> None:
    """A table of devices that get no tasks of a type, if there are any."""
    if held:
        rows = [[each["hostname"], each["task_type"], each["since"], each["why"]] for each in held]
        table("In quarantine", ("name", "gets no", "since (UTC)", "why"), rows)
        say("they get such tasks again once their self-test passes, or with: dashcam device clear NAME")


def clear(name: str, url: str | None, as_json: bool) -> None:
    """End a device's quarantines."""
    said = common.client(common.settings(url=url)).clear_device(name)
    if as_json:
        print_json(said)
    else:
        say(printable(said["message"]))


def drain(name: str, url: str | None, as_json: bool, *, wanted: bool) -> None:
    """Give a device nothing more, or tasks again."""
    said = common.client(common.settings(url=url)).drain_device(name, wanted)
    if as_json:
        print_json(said)
    else:
        say(printable(said["message"]))


def forget(name: str, url: str | None) -> None:
    """Take a device off the list."""
    common.client(common.settings(url=url)).forget_device(name)
    say(f"{printable(name)} is forgotten")
