"""The heartbeat: a thread that keeps leases alive and brings orders, however busy the work is."""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable
from typing import Any

from dashcam_cli.client import Client
from stages.device import HeldLease, Orders
from stages.errors import DashcamError

log = logging.getLogger("dashcam.worker")


class Pulse:
    """Beats until stopped. `describe` gives the device's own part; `held` what it holds now."""

    def __init__(
        self,
        client: Client,
        describe: Callable[[], dict[str, Any]],
        held: Callable[[], list[HeldLease]],
        obey: Callable[[Orders], None],
    ) -> None:
        self._client = client
        self._describe = describe
        self._held = held
        self._obey = obey
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)
        self._silent = False

    def start(self) -> None:
        """Begin; the first beat has been sent by the caller."""
        self._thread.start()

    def stop(self) -> None:
        """End, without waiting for a beat under way."""
        self._stop.set()

    def _beat(self) -> None:
        pause = 1.0
        while not self._stop.wait(pause):
            try:
                orders = self._client.heartbeat(self._describe(), self._held())
            except DashcamError as error:
                if not self._silent:  # an absent server is said once, not every 20 seconds
                    log.warning("heartbeat: %s", error)
                self._silent = True
                pause = random.uniform(3.0, 6.0)
                continue
            if self._silent:
                log.warning("heartbeat: the server is back")
            self._silent = False
            pause = orders.next_seconds * random.uniform(0.9, 1.0)  # many workers do not beat as one
            self._obey(orders)
