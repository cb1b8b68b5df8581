"""Sends what watches have to tell, until it arrived: beside the queue, never in its way.

Whatever is to be told lies in the database since the transaction that found it. So it survives any stop, and
is told at least once; receivers know a repeat by its id.
"""

from __future__ import annotations

import asyncio
import logging
import random
import sqlite3
import time
from collections.abc import Callable

import msgspec

from config.settings import NotifySettings
from server import mqtt, webhooks
from server.catalogue import Library, PlateFilter
from server.queue import MICRO
from server.sql import SQL
from server.sqlite import Database
from server.sqlite_watches import SqliteWatches, delivery_from, rfc3339, watch_from
from server.watches import MQTT, TEST, WEBHOOK, Delivery, Watch, event_id, told
from server.webhooks import Refused
from stages.errors import DashcamError

log = logging.getLogger("dashcam.server")

_TICK_SECONDS = 1.0
_AT_ONCE = 16
_LONGEST_PAUSE = 3600.0
_TEST_SECONDS = 300
#: Sightings that a notification about the past shows, and up to how many they are counted.
PAST_SHOWN, PAST_COUNTED = 20, 1000
WAITING, DELIVERED, GAVE_UP = "waiting", "delivered", "gave_up"


class _Due(msgspec.Struct, frozen=True):
    """A notification that is to be sent now."""

    delivery_id: int
    event_id: str
    way: str
    body: str
    attempts: int
    made_at: int
    watch_id: int
    webhook: str | None
    secret: str | None
    topic: str | None

    def of(self, key: tuple[int, str]) -> bool:
        """Whether it goes to this receiver."""
        return (self.watch_id, self.way) == key


class Notifier:
    """One per server. The clock is a parameter, so that tests need not wait."""

    def __init__(
        self,
        database: Database,
        library: Library,
        settings: NotifySettings,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._library = library
        self._settings = settings
        self._clock = clock
        self._slots = asyncio.Semaphore(_AT_ONCE)
        #: Receivers that are being served, and until when one that failed is left alone.
        self._serving: dict[tuple[int, str], asyncio.Task[None]] = {}
        self._resting: dict[tuple[int, str], int] = {}
        #: How often each failed since it took something: whatever waits for it is tried as rarely.
        self._failed: dict[tuple[int, str], int] = {}

    def now(self) -> int:
        """Microseconds since 1970."""
        return int(self._clock() * MICRO)

    async def run(self) -> None:
        """Send until cancelled."""
        try:
            while True:
                try:
                    await self.search_past()
                    await self.send_due()
                except (DashcamError, sqlite3.Error) as error:  # a full disk now is none later
                    log.error("notifications could not be sent: %s", error)
                await asyncio.sleep(_TICK_SECONDS)
        finally:
            for task in self._serving.values():
                task.cancel()

    # -- sending -------------------------------------------------------------------------------

    async def send_due(self) -> None:
        """Begin to serve each receiver that something is due for and that is not being served.

        Receivers are apart: one that hangs, or is away, delays nobody else.
        """
        now = self.now()
        for each in await self._database.read(lambda connection: _due(connection, now)):
            key = (each.watch_id, each.way)
            if key not in self._serving and self._resting.get(key, 0) <= now:
                task = asyncio.create_task(self._serve(key))
                self._serving[key] = task
                task.add_done_callback(lambda _, key=key: self._serving.pop(key, None))  # type: ignore[misc]

    def wake(self, watch_id: int) -> None:
        """A person says that the receivers of a watch are there again, or other ones."""
        for way in (WEBHOOK, MQTT):
            self._resting.pop((watch_id, way), None)
            self._failed.pop((watch_id, way), None)

    async def _serve(self, key: tuple[int, str]) -> None:
        """Send what is due for one receiver, one after the other, until there is no more or one fails."""
        try:
            while True:
                now = self.now()
                due = [each for each in await self._database.read(lambda c: _due(c, now)) if each.of(key)]  # noqa: B023
                if not due:
                    return
                async with self._slots:
                    pause = await self._send(due[0])
                if pause is not None:
                    self._resting[key] = self.now() + int(pause * MICRO)
                    return
        except (DashcamError, sqlite3.Error) as error:
            log.error("a notification could not be noted: %s", error)

    async def _send(self, due: _Due, *, again: bool = True) -> float | None:
        """Send one and note how it ended; after a failure, how long to pause (seconds)."""
        pause: float | None = None
        key = (due.watch_id, due.way)
        try:
            answer, state = await self._try(due), DELIVERED
            self._resting.pop(key, None)
            self._failed.pop(key, None)
        except Refused as refused:
            failed = self._failed.get(key, 0)
            self._failed[key] = failed + 1
            answer, state, pause = str(refused)[:500], WAITING, self._pause(max(due.attempts, failed))
            late = self.now() + int(pause * MICRO) - due.made_at
            if not again or late > self._settings.give_up_hours * 3600 * MICRO:
                state = GAVE_UP
                log.warning("notification %s was given up: %s", due.event_id, answer)
        now = self.now()
        values = {
            "delivery_id": due.delivery_id,
            "state": state,
            "now": now,
            "next_at": now + int((pause or 0) * MICRO) if state == WAITING else None,
            "answer": answer,
        }
        await self._database.awrite(lambda c: c.execute(SQL["note_delivery"], values).rowcount)
        return pause

    async def _try(self, due: _Due) -> str:
        """Send one; what was answered. Raises `Refused`."""
        settings, body = self._settings, self._linked(due.body)
        if due.way == WEBHOOK and due.webhook and due.secret:
            return await webhooks.post(
                due.webhook, due.secret, due.event_id, body, int(self._clock()), settings.timeout_seconds,
                settings.webhook_hosts,
            )  # fmt: skip
        if due.way == MQTT and due.topic:
            await asyncio.to_thread(mqtt.publish, settings, [(due.topic, body)])
            return f"{settings.mqtt_host} has it"
        raise Refused(f"the watch has no {due.way} any more")

    def _linked(self, body: str) -> bytes:
        """With links that lead here from anywhere, where the settings say how this server is reached."""
        base = self._settings.public_url.rstrip("/")
        if not base:
            return body.encode()
        said = msgspec.json.decode(body)
        for each in [said.get("sighting"), *said.get("sightings", [])]:
            for name in ("page", "media"):
                if isinstance(each, dict) and each.get(name):
                    each[name] = base + each[name]
        return msgspec.json.encode(said)

    def _pause(self, attempts: int) -> float:
        """Seconds until the next attempt, jittered."""
        doubled = self._settings.retry_seconds * 2.0 ** min(attempts, 20)
        return min(_LONGEST_PAUSE, doubled) * random.uniform(0.9, 1.1)

    # -- the past ------------------------------------------------------------------------------

    async def search_past(self) -> int:
        """Look through the past for each watch that is new; how many there were."""
        watches = await self._database.read(_unsearched)
        for watch in watches:
            await self._search(watch)
        return len(watches)

    async def _search(self, watch: Watch) -> None:
        which = PlateFilter(text=watch.text, match=watch.match, limit=PAST_COUNTED + 1)
        found = [each.sighting_id for each in await self._library.plates(which)]
        now = self.now()
        await self._database.awrite(
            lambda c: SqliteWatches(c).tell_past(watch, len(found), PAST_COUNTED, found[:PAST_SHOWN], now)
        )

    # -- people --------------------------------------------------------------------------------

    async def test(self, watch_id: int) -> list[Delivery]:
        """Send a test now on each way of a watch; what became of it. Raises `NotFound`."""
        now = self.now()

        def write(connection: sqlite3.Connection) -> str:
            watches = SqliteWatches(connection)
            watch = watches.get(watch_id)
            number = event_id(TEST, watch_id, watch.made_at, now)
            body = told(TEST, number, watch, rfc3339(now))
            # Sent from here: the loop is not to be faster.
            watches.tell(watch, number, TEST, body, now, due=now + _TEST_SECONDS * MICRO)
            return number

        number = await self._database.awrite(write)
        due = await self._database.read(lambda c: _due(c, now + _TEST_SECONDS * MICRO, number))
        await asyncio.gather(*(self._send(each, again=False) for each in due))
        return await self._database.read(lambda c: _of_event(c, number))


def _due(connection: sqlite3.Connection, now: int, number: str | None = None) -> list[_Due]:
    """The first that is due for each receiver; of one event where its number is given."""
    found = connection.execute(SQL["due_deliveries"], {"now": now, "event_id": number}).fetchall()
    return [_Due(*row) for row in found]


def _unsearched(connection: sqlite3.Connection) -> list[Watch]:
    return [watch_from(row) for row in connection.execute(SQL["past_to_search"]).fetchall()]


def _of_event(connection: sqlite3.Connection, number: str) -> list[Delivery]:
    found = connection.execute(SQL["deliveries_of_event"], {"event_id": number}).fetchall()
    return [delivery_from(row) for row in found]
