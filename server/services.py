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
from server.lining import line_routes
from server.mapping import map_shelf
from server.marks import Marks
from server.media import Media
from server.notifier import Notifier
from server.opening import DATABASE as DATABASE
from server.opening import backup_folder, open_database
from server.retention import Retention
from server.shelves import Shelves, host_places
from server.sqlite_catalogue import SqliteLibrary
from server.sqlite_clip_list import SqliteClipList
from server.sqlite_encounter_list import SqliteEncounterList
from server.sqlite_encounters import SqliteEncounters
from server.sqlite_store import SqliteStore
from server.sqlite_triplist import SqliteTripList
from server.sqlite_trips import SqliteTrips
from server.streaming import Streams
from server.upkeep import Upkeep
from server.watchlist import Watchlist
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
        self.encounters = SqliteEncounterList(self.database, self.library.index)
        self.trips = SqliteTripList(self.database)
        self.clips = SqliteClipList(self.database)
        self.media = Media(home / "media")
        self.retention = Retention(self.database, self.media)
        self.notifier = Notifier(self.database, self.library, settings.notify)
        self.marks, self.watchlist = Marks(self.database), Watchlist(self.database)
        self.dispatcher = Dispatcher(self.store, settings.queue)
        self.database.on_rollback.append(self.dispatcher.matcher.forget)
        self.upkeep = Upkeep(self.database, settings, removed=self.dispatcher.tally.forget)
        self.shelves = Shelves(host_places(settings))
        self.map_shelf = map_shelf(settings)
        self.streams = Streams()
        self._ticking: asyncio.Task[None] | None = None
        self._lining: asyncio.Task[None] | None = None
        self._keeping: asyncio.Task[None] | None = None
        self._reading: asyncio.Task[None] | None = None
        self._telling: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def start(self) -> None:
        """Load the leases and let time pass."""
        self._loop = asyncio.get_running_loop()
        await self.dispatcher.start(alone=self._alone)
        self._ticking = asyncio.create_task(self._tick())
        if not self._alone:
            self._keeping = asyncio.create_task(self.upkeep.run())
            self._reading = asyncio.create_task(self.library.read_index())
            self._lining = asyncio.create_task(line_routes(self.database))
        self._telling = asyncio.create_task(self.notifier.run())

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
        tasks = (self._ticking, self._keeping, self._lining, self._telling, self._reading)
        running = [each for each in tasks if each is not None]
        for each in running:
            each.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        with contextlib.suppress(Unavailable):
            await self.dispatcher.devices.write()
        self.shelves.close()
        self.map_shelf.close()
        await asyncio.to_thread(self.database.close)


def of(request: Request) -> Services:  # type: ignore[type-arg]
    """The services of the app that a request came to."""
    services = request.app.state.services
    assert isinstance(services, Services)
    return services
