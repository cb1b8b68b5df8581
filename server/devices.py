"""Devices as they last spoke. A heartbeat that says nothing new stays in memory: it costs no disk flush."""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec

from server.queue import MICRO
from server.store import Device, Store
from stages.errors import Unavailable

#: A device's last heartbeat is written this often (seconds) when nothing else about it changes.
_WRITE_EVERY = 300
_PAGE = 1000


def silent_seconds(device: Device, now: int) -> float:
    """For how long a device has said nothing.

    A heartbeat from the future was heard before the clock was set back: it is as old as it is far ahead,
    so that a device which is gone is not taken for a living one until that time comes.
    """
    return abs(now - device.last_heartbeat) / MICRO


class Devices:
    """What the store knows, with fresher times from memory. Used by the event loop only."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._fresh: dict[str, Device] = {}
        self._written: dict[str, int] = {}

    async def heard(
        self, hostname: str, device_type: str, status: str, capabilities: str | None, now: int
    ) -> Device:
        """Note a heartbeat; on the disk before this returns when the device or what it says is new."""
        known = self._fresh.get(hostname)
        if known is not None and abs(now - self._written[hostname]) < _WRITE_EVERY * MICRO:
            same = (known.device_type, known.status) == (device_type, status)
            if same and capabilities in (None, known.capabilities):
                device = msgspec.structs.replace(known, last_heartbeat=now)
                self._fresh[hostname] = device
                return device
        try:
            device = await self._store.atransact(
                lambda tx: tx.put_device(hostname, device_type, status, capabilities, now)
            )
        except Unavailable:  # a full disk must not cost a living worker its leases
            if known is None:
                raise
            device = msgspec.structs.replace(known, status=status, last_heartbeat=now)
            self._fresh[hostname] = device
            return device
        self._fresh[hostname], self._written[hostname] = device, now
        return device

    async def page(self, limit: int, offset: int) -> list[Device]:
        """Devices in ascending order of their numbers."""
        return [self._newer(each) for each in await self._store.devices(limit, offset)]

    async def all(self) -> AsyncIterator[Device]:
        """Every device, page by page."""
        offset = 0
        while page := await self.page(_PAGE, offset):
            for each in page:
                yield each
            offset += len(page)

    async def get(self, hostname: str) -> Device | None:
        """A device by its name."""
        found = await self._store.device(hostname)
        return self._newer(found) if found is not None else None

    async def forget(self, hostname: str) -> bool:
        """Forget a device; whether it was known."""
        known = await self._store.atransact(lambda tx: tx.delete_device(hostname))
        self._fresh.pop(hostname, None)
        self._written.pop(hostname, None)
        return known

    async def write(self) -> None:
        """Write every time that is only in memory: the server stops."""
        for each in [
            each for each in self._fresh.values() if self._written[each.hostname] != each.last_heartbeat
        ]:
            await self._store.atransact(
                lambda tx, d=each: tx.put_device(  # type: ignore[misc]
                    d.hostname, d.device_type, d.status, None, d.last_heartbeat
                )
            )

    def _newer(self, stored: Device) -> Device:
        fresh = self._fresh.get(stored.hostname)
        return fresh if fresh is not None and fresh.device_id == stored.device_id else stored
