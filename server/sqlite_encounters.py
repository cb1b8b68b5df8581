"""Encounters over SQLite, kept current inside the transaction that changes a sighting or a clip's time.

Triggers note which sightings changed; what lies near them in time, of look-alike plates, is joined anew.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec

from server.encounters import Encounter, Sight, encounters
from server.sql import SQL

#: No sighting is taken for longer (seconds): a worker may say anything.
_LONGEST = 6 * 3600.0
_BATCH = 50_000
GAP = 300.0


class Span(NamedTuple):
    """A stretch of an axis in seconds."""

    begins: float
    ends: float


class SqliteEncounters:
    """The encounters of every plate, inside one transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def _run(self, name: str, **values: Any) -> sqlite3.Cursor:
        return self._connection.execute(SQL[name], values)

    @property
    def gap(self) -> float:
        """Seconds without a sighting that still belong to an encounter."""
        row = self._run("encounter_gap").fetchone()
        return float(row[0]) if row else GAP

    def settle(self, gap: float) -> None:
        """Begin with this gap: where it is another one than before, everything is joined anew."""
        row = self._run("encounter_gap").fetchone()
        if row is None or row[0] != gap:
            for name in ("drop_encounter_gap", "drop_encounters", "drop_met", "all_sightings_changed"):
                self._run(name)
            self._run("put_encounter_gap", gap=gap)
        self.renew()

    def renew(self) -> None:
        """Take in what changed since the last time."""
        gap: float | None = None
        while changed := [row[0] for row in self._run("changed_sightings", limit=_BATCH).fetchall()]:
            gap = self.gap if gap is None else gap
            touched: dict[str, list[Span]] = {}
            for sighting_id in changed:
                self._note(sighting_id, touched)
            for axis, spans in touched.items():
                self._join(axis, spans, gap)
            self._connection.executemany(SQL["settled_sighting"], [(each,) for each in changed])

    def _note(self, sighting_id: int, touched: dict[str, list[Span]]) -> None:
        """Where a sighting was in time, and where it is now."""
        for axis, begins, ends in self._run("unmeet", sighting_id=sighting_id).fetchall():
            touched.setdefault(axis, []).append(Span(begins, ends))
        row = self._run("sighting_times", sighting_id=sighting_id).fetchone()
        if row is not None:
            axis, span, clock = placed(*row)
            touched.setdefault(axis, []).append(span)
            self._run(
                "meet", sighting_id=sighting_id, axis=axis, begins=span.begins, ends=span.ends, clock=clock
            )

    def _join(self, axis: str, spans: Iterable[Span], gap: float) -> None:
        """Join anew whatever hangs together with some stretches of an axis."""
        known = self._run("encounters_on", axis=axis).fetchall()
        near = _near(known, spans, gap)
        found = self._run("sights_of", encounters=msgspec.json.encode(near).decode(), axis=axis).fetchall()
        plates, clocks = {row[1]: row[7] for row in found}, {row[0]: row[8] for row in found}
        self._connection.executemany(SQL["drop_encounter"], [(number,) for number in near])
        for each in encounters([Sight(*row[:7]) for row in found], gap):
            self._insert(axis, plates[each.plate], each, clocks)

    def _insert(self, axis: str, plate_id: int, each: Encounter, clocks: dict[int, float | None]) -> None:
        first, last = each.sights[0], max(each.sights, key=lambda sight: (sight.ends, sight.sighting_id))
        before, after = clocks[first.sighting_id], clocks[last.sighting_id]
        (row,) = self._run(
            "insert_encounter",
            axis=axis,
            plate_id=plate_id,
            begins=first.begins,
            ends=last.ends,
            local_begins=None if before is None else first.begins + before,
            local_ends=None if after is None else last.ends + after,
            sightings=len(each.sights),
            best=each.best.sighting_id,
        ).fetchall()
        self._connection.executemany(SQL["place_met"], [(row[0], sight.sighting_id) for sight in each.sights])


def _near(known: Sequence[tuple[int, float, float]], spans: Iterable[Span], gap: float) -> list[int]:
    """The encounters that hang together with some stretches, over others if need be."""
    marked = [(begins, ends, number) for number, begins, ends in known]
    marked += [(span.begins, span.ends, 0) for span in spans]
    found: list[int] = []
    group: list[int] = []
    until = 0.0
    for begins, ends, number in [*sorted(marked), (float("inf"), 0.0, -1)]:
        if group and begins - until > gap:
            found += [each for each in group if each] if 0 in group else []
            group = []
        until = max(until, ends) if group else ends
        group.append(number)
    return found


def placed(
    folded: str,
    video_id: str,
    timestamp: str | None,
    first: float | None,
    last: float | None,
    start_utc: str | None,
    start_local: str | None,
) -> tuple[str, Span, float | None]:
    """A sighting's axis, its stretch of it, and what makes it the camera's clock (None = no time is known).

    Where the clip's zone is known the axis is UTC, so that cameras whose clocks differ agree.
    """
    utc, local = seconds_of(start_utc), seconds_of(start_local)
    clock = local - utc if utc is not None and local is not None else 0.0
    start = utc if utc is not None else local
    if start is not None and first is not None:
        long = min(max(0.0, (first if last is None else last) - first), _LONGEST)
        return folded, Span(start + first, start + first + long), clock
    seen = seconds_of(timestamp)
    when = seen - clock if seen is not None else start
    if when is not None:
        return folded, Span(when, when), clock
    begins = first or 0.0
    return f"{folded} {video_id}", Span(begins, max(begins, min(last or begins, begins + _LONGEST))), None


def seconds_of(text: str | None) -> float | None:
    """A time as seconds since 1970; one without a zone on its own clock."""
    try:
        when = datetime.fromisoformat(text) if text else None
        if when is None:
            return None
        return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
