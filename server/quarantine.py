"""Devices that fail at what others do: they get no more of it until they are well. `queue.py` calls this.

A strike is a failure (or crash) of a device at a task; a failure that trying again cannot help says nothing
of the device and is none. Completing a task of the type ends the row. When as many strikes as the setting
says stand in a row, and another device completed a task of that type since the first of them, it is the
device. Types are looked at apart: a broken GPU is no reason not to copy clips.
"""

from __future__ import annotations

from config.settings import QueueSettings
from server.store import Row, Strike, Tx
from stages.errors import NotFound
from stages.task import TaskType

_TOLD = 300  # characters of the last error
#: In the place of a type: a person lets the device finish what it holds, and gives it nothing more.
DRAIN = "*"


def failed(tx: Tx, row: Row, error: str, now: int, settings: QueueSettings) -> None:
    """A device gave a task back as failed or crashed."""
    if row.device is not None and settings.quarantine_failures:
        tx.put_strike(row.device, row.task_type, row.task_id, error, now)
        _judge(tx, row.device, tx.strikes(row.task_type), now, settings)


def succeeded(tx: Tx, row: Row, now: int, settings: QueueSettings) -> None:
    """A device completed a task under its lease."""
    if row.device is None or not settings.quarantine_failures:
        return
    strikes = tx.strikes(row.task_type)
    if not strikes:
        return
    tx.drop_strikes(row.device, row.task_type)
    others = {each.device for each in strikes} - {row.device}
    if others:
        tx.tell_strikes(row.task_type)
        strikes = tx.strikes(row.task_type)
        for device in sorted(others):
            _judge(tx, device, strikes, now, settings)


def allowed(tx: Tx, device: str | None, types: tuple[str, ...]) -> tuple[str, ...] | None:
    """The types of a claim that a device may have; () = any, None = none at all."""
    held = {each.task_type for each in tx.quarantines(device)} if device is not None else set()
    if not held:
        return types
    if DRAIN in held:
        return None
    return tuple(each for each in types or tuple(TaskType) if each not in held) or None


def clear(tx: Tx, device: str) -> list[str]:
    """A person's word: the device may have everything again, and its failures are forgotten."""
    if device not in {each.device for each in tx.quarantines(device)} and not tx.knows_device(device):
        raise NotFound(f"Device {device[:255]} not found")
    held = [each.task_type for each in tx.quarantines(device) if each.task_type != DRAIN]
    return [each for each in held if _lift(tx, device, each)]


def drain(tx: Tx, device: str, now: int, *, wanted: bool) -> bool:
    """A person's word: the device gets nothing more, or again what there is; whether that changed."""
    draining = any(each.task_type == DRAIN for each in tx.quarantines(device))
    if wanted and not draining:
        if not tx.knows_device(device):
            raise NotFound(f"Device {device[:255]} not found")
        tx.put_quarantine(device, DRAIN, now, "a person drains it")
    elif draining and not wanted:
        tx.drop_quarantine(device, DRAIN)
    elif not tx.knows_device(device):
        raise NotFound(f"Device {device[:255]} not found")
    return draining != wanted


def passed(tx: Tx, device: str, numbers: list[int]) -> list[str]:
    """The device passed the self-tests that it was told to do because of these quarantines."""
    found = [
        each for each in tx.quarantines(device) if each.quarantine_id in numbers and each.task_type != DRAIN
    ]
    return [each.task_type for each in found if _lift(tx, device, each.task_type)]


def _lift(tx: Tx, device: str, task_type: str) -> bool:
    tx.drop_strikes(device, task_type)
    tx.drop_quarantine(device, task_type)
    return True


def _judge(tx: Tx, device: str, strikes: list[Strike], now: int, settings: QueueSettings) -> None:
    row = [each for each in strikes if each.device == device][-settings.quarantine_failures :]
    if len(row) < settings.quarantine_failures or not row[0].others_did:
        return
    last = row[-1]
    if any(each.task_type == last.task_type for each in tx.quarantines(device)):
        return
    tasks = ", ".join(str(each) for each in dict.fromkeys(strike.task_id for strike in row))
    why = (
        f"failed {len(row)} times in a row (tasks {tasks}) while others completed {last.task_type} tasks; "
        f"the last: {last.error[:_TOLD]}"
    )
    tx.put_quarantine(device, last.task_type, now, why)
