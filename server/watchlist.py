"""The watchlist for people: watches made, changed and removed, and what became of what they told."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from typing import Any

from server import mqtt, webhooks
from server.folding import WILD, fold
from server.queue import MICRO
from server.sql import SQL
from server.sqlite import Database
from server.sqlite_watches import SqliteWatches, delivery_from, watch_from
from server.watches import EXACT, PARTIAL, SIMILAR, Delivery, Watch, alike, watched_text
from stages.errors import BadInput, Conflict, NotFound

NAME_MOST = 80
#: What a person may say of a watch.
FIELDS = ("name", "text", "match", "active", "webhook", "secret", "topic")


class Watchlist:
    """One per server. The clock is a parameter, so that tests need not wait."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock

    def _now(self) -> int:
        return int(self._clock() * MICRO)

    async def add(self, said: dict[str, Any]) -> tuple[Watch, str | None]:
        """A new watch, and the secret that its webhook is signed with. Raises `BadInput`."""
        fields = checked({"active": True, "webhook": None, "topic": None} | said, None)
        now = self._now()
        watch = await self._database.awrite(lambda c: SqliteWatches(c).add(now, **fields))
        return watch, fields["secret"]

    async def change(self, watch_id: int, said: dict[str, Any]) -> tuple[Watch, str | None]:
        """Change what `said` names; the watch, and its secret where that is a new one."""

        def write(connection: sqlite3.Connection) -> tuple[Watch, str | None]:
            watches = SqliteWatches(connection)
            before, secret = watches.get(watch_id), watches.secret(watch_id)
            now = {name: getattr(before, name) for name in FIELDS if name != "secret"}
            fields = checked(now | said, secret)
            return watches.change(watch_id, **fields), None if fields["secret"] == secret else fields[
                "secret"
            ]

        return await self._database.awrite(write)

    async def drop(self, watch_id: int) -> Watch:
        """Remove a watch, and the list of what it told."""
        return await self._database.awrite(lambda c: SqliteWatches(c).drop(watch_id))

    async def get(self, watch_id: int) -> Watch:
        """A watch by its number."""
        return await self._database.read(lambda c: SqliteWatches(c).get(watch_id))

    async def watches(self, limit: int, offset: int) -> list[Watch]:
        """Every watch, oldest first."""
        values = {"limit": limit, "offset": offset}
        return await self._database.read(
            lambda c: [watch_from(row) for row in c.execute(SQL["watches"], values).fetchall()]
        )

    async def for_plate(self, plate: str) -> list[Watch]:
        """Watches that a plate is for."""
        values = {"plate": plate, "folded": fold(plate)}
        found = await self._database.read(lambda c: c.execute(SQL["watches_for"], values).fetchall())
        watches = [(watch_from(row[:-1]), row[-1]) for row in found]
        return [watch for watch, like in watches if watch.match != SIMILAR or alike(values["folded"], like)]

    async def count(self) -> int:
        """How many there are."""
        return await self._database.read(lambda c: int(c.execute(SQL["count_watches"]).fetchone()[0]))

    async def deliveries(self, watch_id: int | None, limit: int, offset: int) -> list[Delivery]:
        """What was told, newest first; of one watch."""
        values = {"watch_id": watch_id, "limit": limit, "offset": offset}
        return await self._database.read(
            lambda c: [delivery_from(row) for row in c.execute(SQL["deliveries"], values).fetchall()]
        )

    async def count_deliveries(self, watch_id: int | None) -> int:
        """How many there are, on all pages."""
        values = {"watch_id": watch_id}
        return await self._database.read(
            lambda c: int(c.execute(SQL["count_deliveries"], values).fetchone()[0])
        )

    async def retry(self, delivery_id: int) -> Delivery:
        """Send a notification again as soon as may be; also one that was given up or delivered."""
        values = {"delivery_id": delivery_id, "now": self._now()}

        def write(connection: sqlite3.Connection) -> Delivery:
            changed = connection.execute(SQL["retry_delivery"], values).rowcount
            row = connection.execute(SQL["delivery"], values).fetchone()
            if row is None:
                raise NotFound(f"Delivery {delivery_id} not found")
            if not changed:
                raise Conflict(f"delivery {delivery_id} is only listed; its watch has no way to tell of it")
            return delivery_from(row)

        return await self._database.awrite(write)


def checked(said: dict[str, Any], secret: str | None) -> dict[str, Any]:
    """What a person said of a watch as it is kept; `secret`: the one it has. Raises `BadInput`."""
    text = said.get("text")
    match = said.get("match")
    if not isinstance(text, str):
        raise BadInput("text is missing: a plate, or a pattern with ? and *", [("text", "is required")])
    if match in (None, EXACT):
        match = PARTIAL if any(wild in text for wild in WILD) else EXACT
    kept, pattern = watched_text(text, match)
    given = said.get("name") or ""
    name = "".join(c if c.isprintable() else "\ufffd" for c in given.strip()) or kept
    if len(given) > NAME_MOST:
        raise BadInput(f"name must be {NAME_MOST} characters at most", [("name", "is too long")])
    webhook, topic = said["webhook"] or None, said["topic"] or None
    if said.get("secret"):
        secret = webhooks.checked_secret(said["secret"])
    if webhook is not None:
        webhook = webhooks.checked_url(webhook)
        secret = secret or webhooks.new_secret()
    if topic is not None:
        topic = mqtt.checked_topic(topic)
    return {
        "name": name, "text": kept, "match": match, "pattern": pattern, "active": int(said["active"]),
        "webhook": webhook, "secret": secret if webhook else None, "topic": topic,
    }  # fmt: skip
