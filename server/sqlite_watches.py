"""Watches over SQLite, inside one transaction: a notification is written with its sighting."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from server.queue import MICRO
from server.sql import SQL
from server.views import crop_url
from server.watches import (
    MOST,
    PAGE,
    PAST,
    SEEN,
    Delivery,
    Watch,
    alike,
    event_id,
    told,
)
from stages.errors import BadInput, NotFound


class SqliteWatches:
    """The verbs of watches."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def _run(self, statement: str, **values: Any) -> sqlite3.Cursor:
        return self._connection.execute(SQL[statement], values)

    def get(self, watch_id: int) -> Watch:
        """A watch by its number."""
        row = self._run("watch", watch_id=watch_id).fetchone()
        if row is None:
            raise NotFound(f"Watch {watch_id} not found")
        return watch_from(row)

    def add(self, now: int, **fields: Any) -> Watch:
        """A new one; what the past has is looked for afterwards."""
        if self._run("count_watches").fetchone()[0] >= MOST:
            raise BadInput(f"there are {MOST} watches already; remove one first")
        return self.get(int(self._run("put_watch", now=now, **fields).fetchall()[0][0]))

    def change(self, watch_id: int, **fields: Any) -> Watch:
        """Another name, text, address, or off."""
        self._run("change_watch", watch_id=watch_id, **fields)
        return self.get(watch_id)

    def drop(self, watch_id: int) -> Watch:
        """A watch is no more, nor what it told."""
        watch = self.get(watch_id)
        self._run("drop_deliveries", watch_id=watch_id)
        self._run("drop_watch", watch_id=watch_id)
        return watch

    def secret(self, watch_id: int) -> str | None:
        """What its webhook is signed with."""
        row = self._run("watch_secret", watch_id=watch_id).fetchone()
        return None if row is None else row[0]

    def look_at(self, video_id: str, now: int) -> None:
        """A clip's plates are known: tell of those that are watched. Told once for each plate of a clip."""
        if self._run("any_watch").fetchone() is None:
            return
        seen: set[tuple[int, str]] = set()
        for watch_id, sighting_id, plate in [*self._found(video_id), *self._similar(video_id)]:
            if (watch_id, plate) not in seen:  # the surest of its sightings comes first
                seen.add((watch_id, plate))
                self._tell_seen(self.get(watch_id), sighting_id, plate, video_id, now)

    def _found(self, video_id: str) -> list[tuple[int, int, str]]:
        return self._run("watched_in_clip", video_id=video_id).fetchall()

    def _similar(self, video_id: str) -> Iterator[tuple[int, int, str]]:
        watches = self._run("similar_watches").fetchall()
        if not watches:
            return
        for sighting_id, plate, folded in self._run("plates_in_clip", video_id=video_id).fetchall():
            for watch_id, watched in watches:
                if alike(folded, watched):
                    yield watch_id, sighting_id, plate

    def _tell_seen(self, watch: Watch, sighting_id: int, plate: str, video_id: str, now: int) -> None:
        number = event_id(SEEN, watch.watch_id, watch.made_at, video_id, plate)
        body = told(SEEN, number, watch, rfc3339(now), sighting=self.sighting(sighting_id))
        self.tell(watch, number, SEEN, body, now, plate=plate, video_id=video_id)

    def tell(
        self,
        watch: Watch,
        number: str,
        event: str,
        body: str,
        now: int,
        plate: str | None = None,
        video_id: str | None = None,
        due: int | None = None,
    ) -> None:
        """Write a notification down, for each way of its watch; one that is there is not told again."""
        for way in watch.ways:
            self._run(
                "put_delivery",
                watch_id=watch.watch_id,
                event_id=number,
                event=event,
                way=way,
                plate=plate,
                video_id=video_id,
                body=body,
                state="listed" if way == PAGE else "waiting",
                now=now,
                next_at=None if way == PAGE else due or now,
            )

    def tell_past(self, watch: Watch, count: int, most: int, sightings: list[int], now: int) -> None:
        """What was there before a watch was made, as one notification."""
        values = {"count": count, "now": now, "text": watch.text, "match": watch.match}
        if not self._run("note_past", watch_id=watch.watch_id, **values).rowcount:
            return  # it was removed meanwhile, or looks for another text: that is still to be searched for
        if not count:
            return
        number = event_id(PAST, watch.watch_id, watch.made_at, watch.text, watch.match)
        shown = [self.sighting(each) for each in sightings]
        body = told(
            PAST,
            number,
            watch,
            rfc3339(now),
            count=count,
            more=count > most,
            sightings=[s for s in shown if s],
        )
        self.tell(watch, number, PAST, body, now)

    def sighting(self, sighting_id: int) -> dict[str, Any] | None:
        """A sighting as notifications show it."""
        cursor = self._run("told_sighting", sighting_id=sighting_id)
        row = cursor.fetchone()
        if row is None:
            return None
        each = dict(zip((column[0] for column in cursor.description), row, strict=True))
        at = "" if each["first_seconds"] is None else f"?t={each['first_seconds']:.1f}"
        return {
            "plate_text": each["plate"],
            "name": each["name"],
            "group": each["kind"],
            "read_as": each["read_plate"],
            "video_id": each["video_id"],
            "timestamp": each["timestamp"],
            "utc_offset_seconds": each["utc_offset_seconds"],
            "location": None if each["lat"] is None else {"lat": each["lat"], "lon": each["lon"]},
            "confidence": each["confidence"],
            "confirmed": bool(each["confirmed"]),
            "first_seconds": each["first_seconds"],
            "page": f"/videos/{each['video_id']}{at}",
            "media": crop_url(each["crop"]),
        }


def watch_from(row: tuple[Any, ...]) -> Watch:
    """A watch from its row."""
    fields = dict(zip(Watch.__struct_fields__, row, strict=True))
    return Watch(**fields | {"active": bool(fields["active"])})


def delivery_from(row: tuple[Any, ...]) -> Delivery:
    """A delivery from its row."""
    return Delivery(**dict(zip(Delivery.__struct_fields__, row, strict=True)))


def rfc3339(micros: int) -> str:
    """A server time."""
    return datetime.fromtimestamp(micros // MICRO, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
