"""What a running server does for itself: backups, the removal of finished tasks, statistics for SQLite.

Room that removed tasks leave in the file is used again by the next ones (no incremental vacuum): the queue's
size is about the same every month, and handing pages back would move others and write twice for nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from config.settings import Settings
from server import backup
from server.backup import PART, Copy
from server.opening import BACKUPS, backup_folder, thin_out
from server.queue import KEY_SECONDS, MICRO
from server.sql import SQL
from server.sqlite import Database
from stages.errors import Conflict, DashcamError, Unavailable

log = logging.getLogger("dashcam.server")

#: Scheduled backups are named by the time (UTC) at which they were made.
_NAME = "dashcam-%Y%m%dT%H%M%SZ.sqlite"
_PATTERN = "dashcam-*Z.sqlite"
#: Seconds: the first look after a start (a short run makes no backup), between looks, after trouble.
_FIRST, _LOOK, _AGAIN = 300.0, 60.0, 3600.0
_DAY = 86_400.0
#: Tasks removed in one transaction, and the pause after it: others write in between.
BATCH = 500
_BREATH = 0.02


class Upkeep:
    """One per server; `removed` is told when tasks went. Clocks are parameters: tests need not wait."""

    def __init__(
        self,
        database: Database,
        settings: Settings,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        removed: Callable[[], None] | None = None,
    ) -> None:
        self._database = database
        self._home = Path(settings.home)
        self._settings = settings
        self._clock = clock
        self._monotonic = monotonic
        self._removed = removed
        self._saving = asyncio.Lock()
        self._not_before = 0.0
        self._tidied = -_DAY
        self.folder = backup_folder(self._home, settings.backup.folder)

    async def run(self) -> None:
        """Look after the home until cancelled."""
        self._sweep()
        await asyncio.sleep(_FIRST)
        while True:
            await self.look()
            await asyncio.sleep(_LOOK)

    async def look(self) -> None:
        """Do what is due now. Trouble is logged, and what was not done is tried again later."""
        now = self._monotonic()
        if await asyncio.to_thread(self.due) and now >= self._not_before:
            try:
                made = await self.scheduled()
                log.info("backup %s: %d clips, %d bytes", made.file, made.clips, made.size_bytes)
            except (DashcamError, OSError) as error:
                self._not_before = now + _AGAIN
                log.error("no backup was made, it is tried again in an hour: %s", error)
        if now - self._tidied >= _DAY:
            self._tidied = now
            try:
                await self.tidy()
            except (DashcamError, sqlite3.Error) as error:
                log.error("finished tasks were not removed: %s", error)

    # -- backups -------------------------------------------------------------------------------

    def due(self) -> bool:
        """Whether the newest scheduled backup is too old, or from the future: then a clock was wrong."""
        hours = self._settings.backup.every_hours
        if not hours:
            return False
        made = [when for each in self._backups() if (when := _made(each)) is not None]
        return not made or abs(self._clock() - max(made)) >= hours * 3600

    async def scheduled(self) -> Copy:
        """Make one now, and remove those that are too many."""
        wanted = self._settings.backup
        if wanted.folder and not await asyncio.to_thread(self.folder.is_dir):
            raise Unavailable(f"the folder {self.folder} is not there; mount its disk, or make it")
        name = datetime.fromtimestamp(self._clock(), UTC).strftime(_NAME)
        made = await self.save(self.folder / name, pictures=wanted.pictures)
        # Others may lie there, and have a name of the kind: the folder may be the home.
        ours = [each for each in await asyncio.to_thread(self._backups) if _made(each) is not None]
        await asyncio.to_thread(thin_out, self.folder / name, ours, wanted.keep)
        return made

    async def save(self, target: Path, *, pictures: bool) -> Copy:
        """A verified copy of the database. Raises `Conflict` while another one is being made."""
        if self._saving.locked():
            raise Conflict("a backup is being made already; try again when it is done")
        async with self._saving:
            media = self._home / "media" if pictures else None
            return await asyncio.to_thread(backup.save, self._database.path, target, media)

    def _backups(self) -> list[Path]:
        try:
            return list(self.folder.glob(_PATTERN))
        except OSError:
            return []

    def _sweep(self) -> None:
        """What an earlier server left half done: it can be of no use to anybody."""
        wanted = {
            self.folder: f"*.sqlite{PART}",
            self._home / BACKUPS: f"asked-*{PART}*",
            self._home: f"*.sqlite*{PART}",
        }
        for folder, pattern in wanted.items():
            with contextlib.suppress(OSError):  # a disk that is away must not end what comes after
                for each in list(folder.glob(pattern)):
                    each.unlink()

    # -- tasks ---------------------------------------------------------------------------------

    async def tidy(self) -> int:
        """Remove tasks that were finished long ago, refresh SQLite's statistics; how many tasks went."""
        gone = await self._remove_finished()
        if gone:
            log.info("%d tasks that were finished long ago were removed", gone)
        await self._database.awrite(lambda connection: connection.execute("PRAGMA optimize").fetchall())
        return gone

    async def _remove_finished(self) -> int:
        """From the newest to the oldest: what follows from a task has a higher number, so it goes first.

        A task from which anything follows that is still there stays. What was given up or cancelled stays.
        """
        days = self._settings.queue.keep_finished_days
        if not days:
            return 0
        now = self._clock()
        before = int((now - max(days, 1) * _DAY) * MICRO)
        gone, below = 0, (1 << 63) - 1
        while True:
            found = await asyncio.to_thread(
                self._finished, {"below": below, "before": before, "limit": BATCH}
            )
            if not found:
                break
            gone += await self._database.awrite(lambda c: _remove(c, found))  # noqa: B023
            if self._removed is not None:
                self._removed()
            below = found[-1]
            await asyncio.sleep(_BREATH)
        # An idempotency key answers with its tasks: it must not outlive them.
        keys = int((now - KEY_SECONDS) * MICRO)
        await self._database.awrite(lambda c: c.execute(SQL["forget_keys"], {"before": keys}).rowcount)
        return gone

    def _finished(self, values: dict[str, int]) -> list[int]:
        """Tasks that may go. Not by a reader of the pool: it would keep the whole table in its cache."""
        with contextlib.closing(self._database.reader()) as connection:
            return [task_id for (task_id,) in connection.execute(SQL["finished_tasks"], values)]


def _remove(connection: sqlite3.Connection, tasks: list[int]) -> int:
    return sum(connection.execute(SQL["remove_task"], {"task_id": task_id}).rowcount for task_id in tasks)


def _made(path: Path) -> float | None:
    try:
        return datetime.strptime(path.name, _NAME).replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None
