"""The clips beside a clip: other channels of the same moment on its clock, and the ones before and after."""

from __future__ import annotations

import sqlite3

import msgspec

from server.sql import SQL
from server.trips import TOLERANCE


class Channel(msgspec.Struct, frozen=True):
    """A clip of the same moment. Its second 0 is second `offset` of the clip that was asked about."""

    video_id: str
    channel: str
    offset: float


class Beside(msgspec.Struct, frozen=True):
    """What stands beside a clip; the clip itself is one of its channels. `routed`: it has a route."""

    channels: list[Channel]
    before: str | None = None
    after: str | None = None
    routed: bool = False


def beside(connection: sqlite3.Connection, video_id: str) -> Beside:
    """What stands beside a clip. Of a clip whose time is not known that is the clip alone."""
    row = connection.execute(SQL["clock_of_clip"], {"video_id": video_id}).fetchone()
    found = connection.execute(SQL["has_route"], {"video_id": video_id}).fetchone()
    routed = bool(found and found[0])
    if row is None:
        return Beside([Channel(video_id, "", 0.0)], routed=routed)
    _, camera, channel, starts = row
    values = {"video_id": video_id, "camera": camera, "channel": channel, "starts": starts}
    mates: dict[str, str] = {channel: video_id}
    tolerance = values | {"tolerance": TOLERANCE}
    for name, its in connection.execute(SQL["trip_mates"], tolerance):
        mates.setdefault(its, name)
    named = msgspec.json.encode(list(mates.values())).decode()
    begins = dict(connection.execute(SQL["clocks_of_clips"], {"videos": named}).fetchall())
    channels = [
        Channel(name, its, round(begins.get(name, starts) - starts, 3)) for its, name in sorted(mates.items())
    ]
    neighbours = [connection.execute(SQL[name], values).fetchone() for name in ("clip_before", "clip_after")]
    before, after = (row[0] if row else None for row in neighbours)
    return Beside(channels, before, after, routed)
