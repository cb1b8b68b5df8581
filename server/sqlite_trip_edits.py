"""What people say of trips: joined, cut, and both taken back. Kept apart from clips, so it survives them."""

from __future__ import annotations

import sqlite3
from itertools import pairwise
from typing import Any

import msgspec

from server.catalogue import TripEdit
from server.sql import SQL
from server.sqlite_trips import SqliteTrips
from server.trips import TOLERANCE, Shot, began_with
from stages.errors import BadInput, Conflict, NotFound

MERGE, SPLIT = "merge", "split"


class SqliteTripEdits:
    """The verbs of people, inside one transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._trips = SqliteTrips(connection)

    def _run(self, name: str, **values: Any) -> sqlite3.Cursor:
        return self._connection.execute(SQL[name], values)

    def merge(self, trip_ids: list[str], now: int) -> TripEdit:
        """Make several trips of one camera one, until that is undone."""
        trips: dict[int, str] = {}
        for trip_id in trip_ids:
            trip, camera = self._trip(trip_id)
            trips[trip] = camera
        if len(trips) < 2:
            raise BadInput("name at least two different trips", [("trip_ids", "names fewer than two trips")])
        if len(set(trips.values())) > 1:
            named = ", ".join(sorted(set(trips.values()))[:5])
            raise BadInput(
                f"the trips are of several cameras ({named}); if that is one camera, give it a name with "
                "[cameras.NAME] and ingest its clips again",
                [("trip_ids", "are of several cameras")],
            )
        edit = self._edit(MERGE, {"trip_ids": trip_ids}, now)
        ordered = sorted(trips, key=lambda trip: self._run("trip_part_begin", part=trip).fetchone())
        for earlier, later in pairwise(ordered):
            last = self._run("last_of_trip", trip=earlier).fetchone()[0]
            first = self._run("trip_part_begin", part=later).fetchone()[1]
            self._join(edit, last, first)
        self._trips.renew(trips[ordered[0]])
        return self.get(edit)

    def split(self, trip_id: str, video_id: str, now: int) -> TripEdit:
        """Begin another trip with a clip of one, until that is undone."""
        trip, camera = self._trip(trip_id)
        row = self._run("trip_clip", video_id=video_id).fetchone()
        if row is None or self._trip(video_id)[0] != trip:
            raise NotFound(f"Video {video_id[:128]} not found in trip {trip_id[:128]}")
        shot = Shot(*row[1:])
        since = self._moment(camera, shot)
        if self._run("trip_has_before", trip=trip, since=since).fetchone() is None:
            raise BadInput(
                f"trip {trip_id[:128]} begins with {video_id[:128]}; name a later clip",
                [("video_id", "is the first of the trip")],
            )
        later = [row[0] for row in self._run("trip_clips_since", trip=trip, since=since).fetchall()]
        edit = self._edit(SPLIT, {"trip_id": trip_id, "video_id": video_id}, now)
        self._run("end_trip_joins", edit_id=edit, trip=trip, since=since)
        self._run("put_trip_cut", edit_id=edit, video_id=video_id)
        self._trips.around(video_id)
        self._trips.renew(camera)
        self._hold_together(edit, camera, later)
        return self.get(edit)

    def undo(self, edit_id: int, now: int) -> TripEdit:
        """Take an edit back; what was said before and after it stays."""
        edit = self.get(edit_id)
        if edit.undone_at is not None:
            raise Conflict(f"edit {edit_id} is undone already")
        self._run("undo_trip_edit", edit_id=edit_id, now=now)
        for (video_id,) in self._run("cut_of_edit", edit_id=edit_id).fetchall():
            self._trips.around(video_id)
        for (camera,) in self._run("cameras_of_edit", edit_id=edit_id).fetchall():
            self._trips.renew(camera)
        return self.get(edit_id)

    def get(self, edit_id: int) -> TripEdit:
        """An edit by its number."""
        row = self._run("trip_edit", edit_id=edit_id).fetchone()
        if row is None:
            raise NotFound(f"Edit {edit_id} not found")
        return edit_from(row)

    def _trip(self, video_id: str) -> tuple[int, str]:
        """The trip that a clip is of, and its camera. Its first clip names a trip; any other does too."""
        row = self._run("trip_of_clip", video_id=video_id).fetchone()
        if row is None:
            raise NotFound(f"Trip {video_id[:128]} not found")
        return row[0], row[1]

    def _edit(self, kind: str, said: dict[str, Any], now: int) -> int:
        text = msgspec.json.encode(said).decode()
        return int(self._run("put_trip_edit", kind=kind, said=text, now=now).fetchall()[0][0])

    def _join(self, edit: int, earlier: str, later: str) -> None:
        self._run("put_trip_join", edit_id=edit, earlier=earlier, later=later)

    def _moment(self, camera: str, shot: Shot) -> float:
        near = self._run(
            "trip_clips_between",
            camera=camera,
            first=shot.starts - TOLERANCE,
            last=shot.starts + TOLERANCE,
            most=1000,
        )
        return began_with(shot, [Shot(*row[:6]) for row in near.fetchall()])

    def _hold_together(self, edit: int, camera: str, clips: list[str]) -> None:
        """What hung together only by what came before the cut is one trip still."""
        trips = {self._trip(video_id)[0] for video_id in clips}
        firsts = sorted(self._run("trip_part_begin", part=trip).fetchone() for trip in trips)
        for earlier, later in pairwise(firsts):
            self._join(edit, earlier[1], later[1])
        if len(firsts) > 1:
            self._trips.renew(camera)


def edit_from(row: tuple[Any, ...]) -> TripEdit:
    """An edit from its row: number, kind, what was said, when, when undone."""
    edit_id, kind, said, made_at, undone_at = row
    fields = msgspec.json.decode(said)
    return TripEdit(edit_id=edit_id, kind=kind, made_at=made_at, undone_at=undone_at, **fields)
