"""Trips in the database: whatever comes in which order, the same trips as if all had been there at once."""

import json
import sqlite3
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.schema import migrate
from server.sqlite_trips import SqliteTrips
from server.trips import EITHER, TOLERANCE, linked, order
from tests.server.shots import MODES, local, shot_from

GAP = 300.0


@cache
def _empty() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrate(connection)
    SqliteTrips(connection).settle(GAP)
    return connection


def opened() -> sqlite3.Connection:
    """A database in memory, with trips."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    _empty().backup(connection)
    return connection


def facts(starts: float, seconds: float, channel: str, mode: str, sequence: int | None = None) -> dict:
    """What ingest says of a clip."""
    return {
        "start_local": local(starts), "duration_seconds": seconds, "channel": channel, "mode": mode,
        "sequence": sequence, "camera": "viofo@dashcam",
    }  # fmt: skip


def parts(connection: sqlite3.Connection) -> set[frozenset[str]]:
    """The trips that the database has."""
    found: dict[int, set[str]] = {}
    query = "SELECT p.trip, c.video_id FROM trip_clip c JOIN trip_part p USING (part)"
    for trip, video_id in connection.execute(query):
        found.setdefault(trip, set()).add(video_id)
    return {frozenset(each) for each in found.values()}


def at_once(clips: dict[str, dict], gap: float = GAP) -> set[frozenset[str]]:
    """The trips of clips looked at all together."""
    shots = sorted((shot_from(video_id, each) for video_id, each in clips.items()), key=order)
    root: dict[str, str] = {}
    for shot, link in linked(shots, gap):
        root[shot.video_id] = shot.video_id if link is None else root[link]
    groups: dict[str, set[str]] = {}
    for video_id, first in root.items():
        groups.setdefault(first, set()).add(video_id)
    return {frozenset(each) for each in groups.values()}


def sound(connection: sqlite3.Connection) -> None:
    """Every part knows its clips: how many, the first, from when to when."""
    rows = connection.execute("SELECT part, clips, first, starts, ends FROM trip_part").fetchall()
    for part, clips, first, starts, ends in rows:
        held = connection.execute(
            "SELECT video_id, starts, ends FROM trip_clip WHERE part = ? ORDER BY starts, video_id", (part,)
        ).fetchall()
        assert (clips, first, starts, ends) == (len(held), held[0][0], held[0][1], max(h[2] for h in held))


CLIPS = st.lists(
    st.builds(
        facts,
        st.integers(0, 400).map(lambda n: n * 10.0 + 1.7e9),
        st.sampled_from((5.0, 20.0, 60.0, 180.0)),
        st.sampled_from(("front", "rear", "interior")),
        st.sampled_from(MODES),
        st.one_of(st.none(), st.integers(1, 40)),
    ),
    max_size=14,
)


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(CLIPS, st.data())
def test_any_order_gives_the_same_trips(found: list[dict], data: st.DataObject) -> None:
    """Clips that come one by one, in any order, end in the trips of all of them at once."""
    clips = {f"v{number}": each for number, each in enumerate(found)}
    connection = opened()
    for video_id in data.draw(st.permutations(list(clips))):
        SqliteTrips(connection).note(video_id, clips[video_id])
    assert parts(connection) == at_once(clips)
    sound(connection)


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(CLIPS, CLIPS, st.data())
def test_a_clip_that_is_told_anew_moves(found: list[dict], again: list[dict], data: st.DataObject) -> None:
    """Another time, channel or mode for a known clip leaves no trace of the old one."""
    clips = {f"v{number}": each for number, each in enumerate(found)}
    connection = opened()
    for video_id, each in clips.items():
        SqliteTrips(connection).note(video_id, each)
    for each in again:
        if clips:
            video_id = data.draw(st.sampled_from(sorted(clips)))
            clips[video_id] = each
            SqliteTrips(connection).note(video_id, each)
            assert parts(connection) == at_once(clips)
    sound(connection)


@pytest.mark.slow
@settings(max_examples=50, deadline=None)
@given(CLIPS, st.sampled_from((30.0, 60.0, 900.0, 3600.0)))
def test_another_gap_makes_the_trips_anew(found: list[dict], gap: float) -> None:
    """A changed setting gives the trips that it would have given from the beginning."""
    clips = {f"v{number}": each for number, each in enumerate(found)}
    connection = opened()
    for video_id, each in clips.items():
        SqliteTrips(connection).note(video_id, each)
    assert SqliteTrips(connection).settle(gap) == len(clips)
    assert parts(connection) == at_once(clips, gap)
    sound(connection)
    assert SqliteTrips(connection).settle(gap) == 0


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(CLIPS)
def test_no_trip_shows_one_channel_twice(found: list[dict]) -> None:
    """Two clips of one channel that overlap by over 15 seconds are of two trips, event clips aside."""
    clips = {f"v{number}": each for number, each in enumerate(found)}
    for trip in at_once(clips):
        shots = [shot for shot in (shot_from(name, clips[name]) for name in trip) if shot.kind != EITHER]
        for one in shots:
            for other in shots:
                both = min(one.ends, other.ends) - max(one.starts, other.starts)
                assert one is other or one.channel != other.channel or both <= TOLERANCE


def test_clips_from_before_there_were_trips() -> None:
    """A database of an older program gets its trips, and the lengths of its routes, when a server opens it."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrate(connection)
    clips = {f"v{n}": facts(1.7e9 + n * 60.0, 60.0, "front", "normal") for n in range(5)}
    for video_id, each in clips.items():
        row = {"video_id": video_id, "facts": json.dumps(each)}
        connection.execute(
            "INSERT INTO clip (video_id, created_at, facts) VALUES (:video_id, 0, :facts)", row
        )
    connection.execute(
        "INSERT INTO clip (video_id, created_at, facts) VALUES ('odd', 0, '{\"start_local\": 7}')"
    )
    points = [{"seconds": s, "lat": s / 1000, "lon": 0.0} for s in (0, 1)]
    connection.execute("INSERT INTO route (video_id, points) VALUES ('v0', ?)", (json.dumps(points),))
    assert SqliteTrips(connection).settle(GAP) == 5
    assert parts(connection) == {frozenset(clips)}
    assert connection.execute("SELECT round(metres) FROM route").fetchone() == (111.0,)


@pytest.mark.slow
def test_one_more_clip_among_very_many_looks_at_few() -> None:
    """With 100,000 clips in one unbroken drive, another one reads a few hundred rows and writes a few."""
    connection = opened()
    rows = [
        (f"c{n:06d}", "viofo@dashcam", "front", "driving", 1.7e9 + n * 60.0, 1.7e9 + n * 60.0 + 60.0, n, 0)
        for n in range(100_000)
        if n != 50_000
    ]
    connection.executemany(
        "INSERT INTO trip_clip (video_id, camera, channel, kind, starts, ends, sequence, part)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        rows,
    )
    connection.execute("INSERT INTO trip_camera VALUES ('viofo@dashcam', 60.0)")
    SqliteTrips(connection).settle(240.0)
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    connection.set_progress_handler(count, 100)
    before = connection.total_changes
    SqliteTrips(connection).note("c050000", facts(1.7e9 + 50_000 * 60.0, 60.0, "front", "normal", 50_000))
    SqliteTrips(connection).note("c100000", facts(1.7e9 + 100_000 * 60.0, 60.0, "front", "normal", 100_000))
    assert steps * 100 < 40_000
    assert connection.total_changes - before < 60
    assert len(parts(connection)) == 1


def test_a_time_that_is_none() -> None:
    """A clip whose time cannot be read is of no trip, and a clip that loses its time leaves its trip."""
    connection = opened()
    trips = SqliteTrips(connection)
    trips.note("a", facts(1.7e9, 60.0, "front", "normal") | {"start_local": "yesterday"})
    trips.note("b", facts(1.7e9, 60.0, "front", "normal"))
    assert parts(connection) == {frozenset({"b"})}
    trips.note("b", {"camera": "viofo@dashcam"})
    assert parts(connection) == set()
    assert connection.execute("SELECT count(*) FROM trip_part").fetchone() == (0,)
