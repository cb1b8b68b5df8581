"""Trips over SQLite, kept current inside the transaction that changes a clip.

`trips.py` links each clip to an earlier one. Clips that hang together are a part, kept as a number at each
clip; a part is a trip, unless a person joined several. The clips around a change are linked anew, and only
what that moves is written.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import msgspec

from server.sql import SQL
from server.trips import DRIVING, KINDS, LONGEST, TOLERANCE, Shot, began_with, length, linked
from stages.sighting import RoutePoint

_MOST = 20_000  # clips around one clip that are looked at
_COLUMNS = ("video_id", "channel", "kind", "starts", "ends", "sequence")


def shot_of(video_id: str, facts: dict[str, Any]) -> tuple[str, Shot] | None:
    """A clip's camera, and the clip as trips see it; None when nobody knows when it was recorded."""
    starts = camera_seconds(facts.get("start_local"))
    if starts is None:
        return None
    seconds = facts.get("duration_seconds")
    lasts = min(max(float(seconds), 0.0), LONGEST) if isinstance(seconds, (int, float)) else 0.0
    shot = Shot(
        video_id=video_id,
        channel=str(facts.get("channel") or ""),
        kind=KINDS.get(str(facts.get("mode")), DRIVING),
        starts=starts,
        ends=starts + lasts,
        sequence=facts.get("sequence"),
    )
    return str(facts.get("camera") or facts.get("family") or "camera"), shot


def camera_seconds(text: Any) -> float | None:
    """A time by the camera's clock as seconds since 1970 on that clock."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()
    except (TypeError, ValueError, OverflowError):
        return None


class SqliteTrips:
    """The trips of every camera, inside one transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def _run(self, name: str, **values: Any) -> sqlite3.Cursor:
        return self._connection.execute(SQL[name], values)

    def _value(self, name: str, **values: Any) -> Any:
        row = self._run(name, **values).fetchone()
        return None if row is None else row[0]

    @property
    def gap(self) -> float:
        """Seconds between clips of one trip at most."""
        return float(self._value("trip_gap") or 300.0)

    # -- clips -----------------------------------------------------------------------------------

    def note(self, video_id: str, facts: dict[str, Any]) -> None:
        """Take in what is known of a clip; nothing happens when that is nothing new about its time."""
        found = shot_of(video_id, facts)
        row = self._run("trip_clip", video_id=video_id).fetchone()
        old = (row[0], Shot(*row[1:])) if row else None
        if old == found:
            return
        if old is not None:
            self._leave(*old)
        if found is not None:
            self._enter(*found)

    def _enter(self, camera: str, shot: Shot) -> None:
        part = self._new_part(camera, 1)
        self._run("put_trip_clip", camera=camera, part=part, **shot._asdict())
        self._run("put_trip_camera", camera=camera, longest=shot.ends - shot.starts)
        self._touched(camera, {part} | self._relink(camera, shot.starts, shot.ends))

    def _leave(self, camera: str, shot: Shot) -> None:
        changed = self._relink(camera, shot.starts, shot.ends, without=shot.video_id)
        left = self._run("trip_place", video_id=shot.video_id).fetchone()[0]
        part = self._split_off(shot.video_id)
        self._run("drop_trip_clip", video_id=shot.video_id)
        self._run("drop_trip_part", part=part)
        self._touched(camera, (changed | {left}) - {part})

    def _relink(self, camera: str, starts: float, ends: float, without: str = "") -> set[int]:
        """Link the clips around a time anew; the parts that this changed."""
        reach = self.gap + float(self._value("trip_camera", camera=camera) or 0.0) + TOLERANCE
        # The clip may give an event clip near it another kind, and that one the clips near it another link.
        first, until = starts - reach, ends + 2 * reach
        while True:
            rows = self._window(camera, first - 2 * reach, until + 2 * reach)
            shots = [shot for shot, _, _ in rows if shot.video_id != without]
            changes, dirty = self._changes(camera, rows, shots, first, until, reach)
            if dirty <= until or len(rows) >= _MOST:
                break
            until = dirty
        return self._apply(changes)

    def _changes(
        self,
        camera: str,
        rows: list[tuple[Shot, str | None, int]],
        shots: list[Shot],
        first: float,
        until: float,
        reach: float,
    ) -> tuple[list[tuple[str, str | None]], float]:
        """New links from `first` on, and until when clips may have others because of them."""
        known = {shot.video_id: link for shot, link, _ in rows}
        since = next((i for i, shot in enumerate(shots) if shot.starts >= first), len(shots))
        changes, dirty = [], until
        for shot, link in linked(shots, self.gap, self._cuts(camera, shots), known, since):
            if shot.starts > dirty:
                break
            if link != known[shot.video_id]:
                changes.append((shot.video_id, link))
                dirty = max(dirty, shot.ends + reach)
        return changes, dirty

    def _window(self, camera: str, first: float, last: float) -> list[tuple[Shot, str | None, int]]:
        found = self._run("trip_clips_between", camera=camera, first=first, last=last, most=_MOST).fetchall()
        return [(Shot(*row[:6]), row[6], row[7]) for row in found]

    def _cuts(self, camera: str, shots: list[Shot]) -> list[float]:
        """When a person has a trip end: at the start of the moments of the clips named."""
        if not shots:
            return []
        span = {"first": shots[0].starts, "last": shots[-1].starts}
        named = {row[0] for row in self._run("trip_cuts_between", camera=camera, **span).fetchall()}
        return sorted(began_with(shot, shots) for shot in shots if shot.video_id in named)

    # -- parts -----------------------------------------------------------------------------------

    def _apply(self, changes: Iterable[tuple[str, str | None]]) -> set[int]:
        parts: set[int] = set()
        for video_id, link in changes:
            part, old = self._run("trip_place", video_id=video_id).fetchone()
            parts.add(part)
            if link is None:
                parts.add(self._split_off(video_id))
                continue
            target = self._run("trip_place", video_id=link).fetchone()[0]
            if target != part and old is not None:
                part = self._split_off(video_id)
            self._run("link_trip_clip", video_id=video_id, link=link)
            parts |= {target, part}
            if target != part:
                parts.discard(self._merge(part, target))
        return parts

    def _new_part(self, camera: str, clips: int) -> int:
        return int(self._run("new_trip_part", camera=camera, clips=clips).fetchall()[0][0])

    def _split_off(self, video_id: str) -> int:
        """A part of its own for a clip and all that is linked to it."""
        part, link = self._run("trip_place", video_id=video_id).fetchone()
        if link is None:
            return int(part)
        self._run("link_trip_clip", video_id=video_id, link=None)
        new = self._new_part(self._value("trip_part_camera", part=part), 0)
        moved = self._run("split_trip_part", video_id=video_id, part=new).rowcount
        self._run("count_trip_part", part=new, clips=moved)
        self._run("count_trip_part", part=part, clips=-moved)
        return new

    def _merge(self, one: int, other: int) -> int:
        """Make two parts one, moving the smaller; the one that is gone."""
        sizes = {part: self._value("trip_part_clips", part=part) for part in (one, other)}
        gone, kept = sorted((one, other), key=lambda part: (sizes[part], -part))
        self._run("merge_trip_parts", gone=gone, kept=kept)
        self._run("count_trip_part", part=kept, clips=sizes[gone])
        self._run("drop_trip_part", part=gone)
        return gone

    def _touched(self, camera: str, parts: set[int]) -> None:
        """Bring parts up to date with their clips, and trips with their parts."""
        for part in parts:
            self._run("renew_trip_part", part=part)
        self._run("unjoin_trip_parts", camera=camera)
        pairs = self._run("trip_joined_parts", camera=camera).fetchall()
        if not pairs:
            return
        for group in _groups(pairs):
            trip = min(group, key=self._begin)
            for part in group:
                self._run("join_trip_part", part=part, trip=trip)

    def _begin(self, part: int) -> tuple[float, str]:
        starts, first = self._run("trip_part_begin", part=part).fetchone()
        return starts, first

    def around(self, video_id: str) -> None:
        """Link the clips around one anew: something that a person said of it changed."""
        row = self._run("trip_clip", video_id=video_id).fetchone()
        if row is not None:
            camera, shot = row[0], Shot(*row[1:])
            self._touched(camera, self._relink(camera, shot.starts - TOLERANCE, shot.ends))

    def renew(self, camera: str) -> None:
        """What a person joined, or joined no longer, is so from now on."""
        self._touched(camera, set())

    # -- all of them -----------------------------------------------------------------------------

    def settle(self, gap: float) -> int:
        """Make every trip anew when the rule is another than before; how many clips that took."""
        before = self._value("trip_gap")
        if before is None:
            self._measure()
            for video_id, facts in self._connection.execute(SQL["all_facts"]):
                self._put(video_id, msgspec.json.decode(facts))
        if before == gap:
            return 0
        for name in ("drop_trip_gap", "drop_trip_parts"):
            self._run(name)
        self._run("put_trip_gap", gap=gap)
        cameras = [row[0] for row in self._run("trip_cameras").fetchall()]
        return sum(self._settle_camera(camera) for camera in cameras)

    def _measure(self) -> None:
        """Lengths of routes from before there were trips."""
        while routes := self._run("unmeasured_routes").fetchall():
            for video_id, points in routes:
                route = msgspec.json.decode(points, type=list[RoutePoint])
                self._run("measure_route", video_id=video_id, metres=length(route))

    def _put(self, video_id: str, facts: dict[str, Any]) -> None:
        """A clip from before there were trips."""
        if found := shot_of(video_id, facts):
            camera, shot = found
            self._run("put_trip_clip", camera=camera, part=0, **shot._asdict())
            self._run("put_trip_camera", camera=camera, longest=shot.ends - shot.starts)

    def _settle_camera(self, camera: str) -> int:
        shots = [shot for shot, _, _ in self._window_of_all(camera)]
        places: list[tuple[int, str | None, str]] = []
        parts: dict[str, int] = {}
        for shot, link in linked(shots, self.gap, self._cuts(camera, shots)):
            parts[shot.video_id] = self._new_part(camera, 0) if link is None else parts[link]
            places.append((parts[shot.video_id], link, shot.video_id))
        self._connection.executemany(SQL["place_trip_clip"], places)
        for part in set(parts.values()):
            self._run("recount_trip_part", part=part)
        self._touched(camera, set(parts.values()))
        return len(shots)

    def _window_of_all(self, camera: str) -> list[tuple[Shot, str | None, int]]:
        found = self._run("trip_clips_between", camera=camera, first=-1e15, last=1e15, most=-1).fetchall()
        return [(Shot(*row[:6]), row[6], row[7]) for row in found]


def _groups(pairs: Iterable[tuple[int, int]]) -> list[set[int]]:
    """What hangs together by pairs."""
    group: dict[int, set[int]] = {}
    for one, other in pairs:
        joined = group.get(one, {one}) | group.get(other, {other})
        for each in joined:
            group[each] = joined
    return list({id(each): each for each in group.values()}.values())
