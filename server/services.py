"""What the routes call, in one place."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
from pathlib import Path

from litestar import Request

from config.settings import Settings
from server.dispatch import Dispatcher
from server.media import Media
from server.opening import DATABASE as DATABASE
from server.opening import backup_folder, open_database
from server.retention import Retention
from server.sqlite_catalogue import SqliteLibrary
from server.sqlite_encounter_list import SqliteEncounterList
from server.sqlite_encounters import SqliteEncounters
from server.sqlite_store import SqliteStore
from server.sqlite_triplist import SqliteTripList
from server.sqlite_trips import SqliteTrips
from server.upkeep import Upkeep
from stages.errors import DashcamError, Unavailable

_TICK_SECONDS = 1.0
log = logging.getLogger("dashcam.server")


class Services:
    """Opened with the server, closed with it."""

    def __init__(self, settings: Settings, *, alone: bool = False) -> None:
        home = Path(settings.home)
        self.settings = settings
        self._alone = alone
        self.database = open_database(home, backup_folder(home, settings.backup.folder))
        gap = settings.trips.gap_minutes * 60
        self.database.write(lambda connection: SqliteTrips(connection).settle(gap)).result()
        pause = settings.encounters.gap_minutes * 60
        self.database.write(lambda connection: SqliteEncounters(connection).settle(pause)).result()
        self.store = SqliteStore(self.database)
        self.library = SqliteLibrary(self.database)
        self.encounters = SqliteEncounterList(self.database, self.library.similar)
        self.trips = SqliteTripList(self.database)
        self.media = Media(home / "media")
        self.retention = Retention(self.database, self.media, self.library.similar)
        self.dispatcher = Dispatcher(self.store, settings.queue)
        self.database.on_rollback.append(self.dispatcher.matcher.forget)
        self.upkeep = Upkeep(self.database, settings)
        self._ticking: asyncio.Task[None] | None = None
        self._keeping: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def start(self) -> None:
        """Load the leases and let time pass."""
        self._loop = asyncio.get_running_loop()
        await self.dispatcher.start(alone=self._alone)
        self._ticking = asyncio.create_task(self._tick())
        if not self._alone:
            self._keeping = asyncio.create_task(self.upkeep.run())

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(_TICK_SECONDS)
            try:
                await self.dispatcher.tick()
            except (DashcamError, sqlite3.Error) as error:  # a full disk now is none later: time must go on
                log.error("leases and pauses could not be looked after: %s", error)

    def let_go(self) -> None:
        """Let waiting polls go now: the server is about to end. May be called from any thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self.dispatcher.stop)

    async def stop(self) -> None:
        """Let waiting polls go, finish what is queued, close the file."""
        self.dispatcher.stop()
        running = [each for each in (self._ticking, self._keeping) if each is not None]
        for each in running:
            each.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        with contextlib.suppress(Unavailable):
            await self.dispatcher.devices.write()
        await asyncio.to_thread(self.database.close)


def of(request: Request) -> Services:  # type: ignore[type-arg]
    """The services of the app that a request came to."""
    services = request.app.state.services
    assert isinstance(services, Services)
    return services
