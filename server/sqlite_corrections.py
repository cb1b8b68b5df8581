"""Corrections over SQLite, inside one transaction: made, taken back, applied to clips that come in."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Any

import msgspec

from server.corrections import (
    CORRECT,
    DISMISS,
    MERGE,
    Correction,
    Look,
    Reading,
    Said,
    meant,
    ordinal,
    plate_text,
    shown,
)
from server.folding import fold, normal
from server.sql import SQL
from server.sqlite_encounters import SqliteEncounters
from server.sqlite_runners_up import keep
from stages.errors import Conflict, NotFound

_NOTHING = dict.fromkeys(
    ("video_id", "read", "frame_number", "first_seconds", "last_seconds", "track", "ordinal")
)


class SqliteCorrections:
    """The verbs of people, and what makes them hold for what comes in later."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def _run(self, name: str, **values: Any) -> sqlite3.Cursor:
        return self._connection.execute(SQL[name], values)

    # -- people --------------------------------------------------------------------------------

    def correct_plate(self, plate: str, text: str, now: int) -> Correction:
        """Every sighting of a plate is of another, also those to come."""
        return self._whole(CORRECT, plate, plate_text(text), now)

    def merge(self, plate: str, into: str, now: int) -> Correction:
        """As `correct_plate`, into one that was seen."""
        into = plate_text(into, "into")
        if self._plate_seen(into) is None:
            raise NotFound(f"Plate {into} not found; to give a plate a new text, correct it")
        return self._whole(MERGE, plate, into, now)

    def dismiss_plate(self, plate: str, now: int) -> Correction:
        """What reads so is no plate, also in what is still to come."""
        return self._whole(DISMISS, plate, None, now)

    def correct_sighting(self, sighting_id: int, text: str, now: int) -> Correction:
        """One sighting is of another plate."""
        return self._one(CORRECT, sighting_id, plate_text(text), now)

    def dismiss_sighting(self, sighting_id: int, now: int) -> Correction:
        """One sighting is no plate."""
        return self._one(DISMISS, sighting_id, None, now)

    def undo(self, correction_id: int, now: int) -> Correction:
        """Take a correction back; those made before and after it hold."""
        before = self.get(correction_id)
        if before.undone_at is not None:
            raise Conflict(f"correction {correction_id} is undone already")
        touched = self._ids("sightings_by_correction", correction_id=correction_id)
        self._run("undo_correction", correction_id=correction_id, now=now)
        self._renew(touched)
        return self.get(correction_id)

    def get(self, correction_id: int) -> Correction:
        """A correction by its number."""
        row = self._run("correction", correction_id=correction_id).fetchone()
        if row is None:
            raise NotFound(f"Correction {correction_id} not found")
        return correction_from(row)

    def _whole(self, kind: str, plate: str, text: str | None, now: int) -> Correction:
        plate = normal(plate)
        plate_id = self._plate_seen(plate)
        if plate_id is None:
            raise NotFound(f"Plate {plate[:40]} not found")
        if text == plate:
            raise Conflict(f"{plate} is shown as {plate} already")
        number = self._put(kind, plate=plate, text=text, now=now, **_NOTHING)
        sightings = self._ids("sightings_shown_as", plate_id=plate_id)
        clips = self._clips(sightings)
        self._show(sightings)
        self._settle(clips)
        return self.get(number)

    def _one(self, kind: str, sighting_id: int, text: str | None, now: int) -> Correction:
        row = self._run("sighting_for_correction", sighting_id=sighting_id).fetchone()
        if row is None:
            raise NotFound(f"Sighting {sighting_id} not found")
        video_id, plate = row
        if text == plate:
            raise Conflict(f"the sighting is shown as {plate} already")
        readings = self._readings(video_id)
        look = next(each.look for each in readings if each.sighting_id == sighting_id)
        number = self._put(
            kind,
            plate=plate,
            text=text,
            now=now,
            video_id=video_id,
            ordinal=ordinal(sighting_id, readings),
            **look._asdict(),
        )
        self._renew([sighting_id])
        return self.get(number)

    def _put(self, kind: str, **values: Any) -> int:
        return int(self._run("put_correction", kind=kind, **values).fetchall()[0][0])

    # -- clips that come in --------------------------------------------------------------------

    def forget(self, video_id: str) -> None:
        """The sightings of a clip are about to be replaced."""
        self._run("drop_corrected_clip", video_id=video_id)
        self._run("drop_dismissed_clip", video_id=video_id)

    def apply(self, video_id: str) -> None:
        """Correct what was read in a clip just now. Encounters are renewed by the caller."""
        if self._run("any_correction").fetchone() is None:
            return
        self._show([each.sighting_id for each in self._readings(video_id)])
        self._run("count_plates_shown", videos=_json([video_id]))

    # -- inside --------------------------------------------------------------------------------

    def _renew(self, sightings: list[int]) -> None:
        """Show some sightings as they are after what holds now."""
        numbers = _json(sightings)
        self._run("bring_back", sightings=numbers)
        for sighting_id, candidates in self._run("candidates_of", sightings=numbers).fetchall():
            keep(self._connection, sighting_id, candidates)
        self._run("drop_dismissed", sightings=numbers)
        clips = self._clips(sightings)
        self._show(sightings)
        self._settle(clips)

    def _show(self, sightings: list[int]) -> None:
        """Apply what holds to sightings; those that read alike and are alike corrected go together."""
        rows = self._run("sightings_as_read", sightings=_json(sightings)).fetchall()
        own = self._own({video_id for _, video_id, _ in rows})
        alike: dict[tuple[str, tuple[tuple[int, str | None], ...]], list[int]] = {}
        for sighting_id, _, read in rows:
            alike.setdefault((read, tuple(own.get(sighting_id, ()))), []).append(sighting_id)
        for (read, corrections), numbers in alike.items():
            text, applied = shown(read, corrections, self._following)
            self._put_shown(read, text, applied, _json(numbers))

    def _put_shown(self, read: str, text: str | None, applied: list[int], sightings: str) -> None:
        self._run("drop_corrected", sightings=sightings)
        for number in applied:
            self._run("put_corrected", sightings=sightings, correction_id=number)
        if text is None:
            self._dismiss(sightings)
        elif applied:
            self._run("correct_sightings", sightings=sightings, read=read, into=self._plate(text))
        else:
            self._run("show_as_read", sightings=sightings, plate_id=self._plate(read))

    def _own(self, clips: Iterable[str]) -> dict[int, list[tuple[int, str | None]]]:
        """The corrections of single sightings of some clips, by the sighting that each is about."""
        found: dict[int, list[tuple[int, str | None]]] = {}
        readings: dict[str, list[Reading]] = {}
        for video_id, number, text, *look, which in self._run(
            "corrections_of_clips", videos=_json(list(clips))
        ).fetchall():
            if video_id not in readings:
                readings[video_id] = self._readings(video_id)
            about = meant(Said(number, text, Look(*look), which), readings[video_id])
            if about is not None:
                found.setdefault(about, []).append((number, text))
        return found

    def _following(self, plate: str, after: int) -> tuple[int, str | None] | None:
        row = self._run("following_correction", plate=plate, after=after).fetchone()
        return None if row is None else (row[0], row[1])

    def _dismiss(self, sightings: str) -> None:
        self._run("dismiss_sightings", sightings=sightings)
        self._run("drop_sightings_dismissed", sightings=sightings)

    def _readings(self, video_id: str) -> list[Reading]:
        found = self._run("readings_of_clip", video_id=video_id).fetchall()
        return [Reading(row[0], Look(*row[1:])) for row in found]

    def _clips(self, sightings: list[int]) -> list[str]:
        return [row[0] for row in self._run("clips_of_sightings", sightings=_json(sightings)).fetchall()]

    def _settle(self, clips: list[str]) -> None:
        self._run("count_plates_shown", videos=_json(clips))
        SqliteEncounters(self._connection).renew()

    def _plate_seen(self, text: str) -> int | None:
        """A plate with at least one sighting."""
        row = self._run("plate_by_text", text=text).fetchone()
        if row is None:
            return None
        seen = self._connection.execute("SELECT 1 FROM sighting WHERE plate_id = ? LIMIT 1", row).fetchone()
        return None if seen is None else int(row[0])

    def _plate(self, text: str) -> int:
        found = self._run("plate_by_text", text=text).fetchone()
        if found is None:
            found = self._run("insert_plate", text=text, folded=fold(text)).fetchall()[0]
        return int(found[0])

    def _ids(self, name: str, **values: Any) -> list[int]:
        return [row[0] for row in self._run(name, **values).fetchall()]


def correction_from(row: tuple[Any, ...]) -> Correction:
    """A correction from its row."""
    return Correction(**dict(zip(Correction.__struct_fields__, row, strict=True)))


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
