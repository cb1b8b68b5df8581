"""The two faces of one API: how v1 and v2 name parameters, write times and wrap lists.

The routes are the same functions under both addresses; whatever differs is here.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from typing import Any

from server.queue import MICRO

V2 = "/api/v2/"
#: v2 names of paging; everything else that filters is `filter[NAME]`.
PAGE_LIMIT, PAGE_NUMBER = "page[limit]", "page[number]"


@lru_cache(1024)
def second(seconds: int) -> str:
    """A time as v1 prints it: UTC, to the second, without a zone."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


class Face:
    """One version. v1: bare lists, UTC to the second, no zone; v2: envelopes, RFC 3339 with microseconds."""

    def __init__(self, path: str) -> None:
        self.v2 = path.startswith(V2)

    def stamp(self, micros: int | None) -> str | None:
        """A server time."""
        if micros is None:
            return None
        if not self.v2:
            return second(micros // MICRO)
        when = datetime.fromtimestamp(micros // MICRO, UTC).replace(microsecond=micros % MICRO)
        return when.isoformat(timespec="microseconds")

    def local(self, text: str | None, offset: int | None) -> str | None:
        """A time by a camera's clock, `YYYY-MM-DDTHH:MM:SS`; `offset` in seconds east of UTC."""
        if text is None or not self.v2:
            return text
        try:
            when = datetime.fromisoformat(text)
        except ValueError:
            return text
        if when.tzinfo is None and offset is not None and abs(offset) < 86_400:
            when = when.replace(tzinfo=timezone(timedelta(seconds=offset)))
        return when.isoformat(timespec="microseconds")

    def name(self, name: str) -> str:
        """What a parameter is called."""
        if not self.v2:
            return name
        return PAGE_LIMIT if name == "limit" else f"filter[{name}]"

    def envelope(self, items: list[Any], total: int, limit: int, offset: int) -> Any:
        """A listing: bare in v1, with its page in v2."""
        if not self.v2:
            return items
        pages = -(-total // limit)
        return {"data": items, "meta": {"total": total, "pages": pages, "current_page": offset // limit + 1}}

    def one(self, item: Any) -> Any:
        """A single thing."""
        return {"data": item} if self.v2 else item
