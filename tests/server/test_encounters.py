"""Which sightings are one encounter: against brute force, whatever the order in which they come and go."""

import itertools
import json
import random
import sqlite3

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.catalogue import Learned, PlateFilter, Seen
from server.encounters import Sight, encounters
from server.plate_index import PlateIndex
from server.schema import migrate
from server.search import fold
from server.sqlite_catalogue import SqliteCatalogue
from server.sqlite_encounter_list import MOST_SIGHTINGS, read_encounters
from server.sqlite_encounters import SqliteEncounters
from stages.sighting import ClipFacts

GAP = 300.0
HEAVY, INGEST = "HEAVY_PROCESS_VIDEO", "INGEST_VIDEO"


def brute(sights: list[Sight], gap: float = GAP) -> set[tuple[str, frozenset[int]]]:
    """The definition, spelled out: components of what is near, then of each plate's own sightings."""
    found = set()
    for run in components(sights, gap):
        sure = {s.plate for s in run if s.confirmed}
        if len(sure) == 1:
            found.add((*sure, frozenset(s.sighting_id for s in run)))
            continue
        plates: dict[str, list[Sight]] = {}
        for s in run:
            plate = s.plate
            if sure and s.plate not in sure:
                of = min(
                    (o for o in run if o.confirmed),
                    key=lambda o: (abs(o.begins - s.begins), o.begins, o.plate),
                )
                plate = of.plate
            plates.setdefault(plate, []).append(s)
        for plate, mine in plates.items():
            found |= {(plate, frozenset(s.sighting_id for s in part)) for part in components(mine, gap)}
    return found


def components(sights: list[Sight], gap: float) -> list[list[Sight]]:
    """Connected components: two sightings touch when no more than the gap lies between them."""
    left, out = list(sights), []
    while left:
        part = [left.pop()]
        for one in part:
            near = [o for o in left if o.begins - one.ends <= gap and one.begins - o.ends <= gap]
            part += near
            left = [o for o in left if o not in near]
        out.append(part)
    return out


TEXTS = st.sampled_from(["ABC0", "ABCO", "A8C0", "XYZ1"])
SIGHTS = st.lists(
    st.tuples(TEXTS, st.integers(0, 40), st.integers(0, 8), st.booleans()), max_size=14
).map(
    lambda rows: [
        Sight(n, plate, 100.0 * at, 100.0 * at + 50.0 * long, sure)
        for n, (plate, at, long, sure) in enumerate(rows, start=1)
    ]
)  # fmt: skip


@given(SIGHTS, st.randoms(use_true_random=False))
def test_encounters_are_what_the_definition_says(sights, shuffle):
    """The sweep finds what brute force finds, in whatever order sightings come."""
    alike = [s for s in sights if fold(s.plate) == fold("ABC0")]
    shuffle.shuffle(alike)
    found = encounters(alike, GAP)
    assert {(e.plate, frozenset(s.sighting_id for s in e.sights)) for e in found} == brute(alike)
    assert sum(len(e.sights) for e in found) == len(alike)


def test_rules_by_example():
    """A misread one joins the confirmed one; two confirmed texts stay two; doubtful texts join only equal ones."""

    def plates(*rows):
        sights = [Sight(n, p, t, t, sure) for n, (p, t, sure) in enumerate(rows, 1)]
        return sorted((e.plate, len(e.sights)) for e in encounters(sights, GAP))

    assert plates(("ABC0", 0, True), ("ABCO", 200, False), ("ABC0", 400, True)) == [("ABC0", 3)]
    assert plates(("ABC0", 0, True), ("ABCO", 200, True)) == [("ABC0", 1), ("ABCO", 1)]
    assert plates(("ABC0", 0, False), ("ABCO", 200, False)) == [("ABC0", 1), ("ABCO", 1)]
    assert plates(("ABC0", 0, True), ("ABCO", 300, True), ("A8C0", 200, False)) == [("ABC0", 1), ("ABCO", 2)]
    assert plates(("ABC0", 0, True), ("ABC0", 301, True)) == [("ABC0", 1), ("ABC0", 1)]


@pytest.fixture
def store():
    """An empty catalogue."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrate(connection)
    SqliteEncounters(connection).settle(GAP)
    yield connection
    connection.close()


def learn(connection, video, start, rows, *, zone=0, channel="front"):
    """A clip that starts `start` seconds into a day, with sightings (plate, seconds, length, confirmed)."""
    facts = ClipFacts(
        start_local=clock(start + zone),
        start_utc=clock(start) + "Z",
        utc_offset_seconds=zone,
        channel=channel,
    )
    catalogue = SqliteCatalogue(connection)
    catalogue.learn(video, INGEST, Learned(facts=facts), 1)
    catalogue.learn(video, HEAVY, Learned(sightings=[
        Seen(plate=plate, confidence=0.5 + n / 100, confirmed=sure, first_seconds=at, last_seconds=at + long,
             timestamp=clock(start + zone + at), lat=40.0 + n / 100, lon=-3.0, crop=None)
        for n, (plate, at, long, sure) in enumerate(rows)
    ]), 1)  # fmt: skip


def clock(seconds):
    """Seconds into a day as a time."""
    return f"2026-06-{1 + seconds // 86400:02d}T{seconds // 3600 % 24:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def kept(connection):
    """What the tables say: plate and sightings of each encounter."""
    found = read_encounters(connection, PlateFilter(limit=-1), PlateIndex())
    return {(e.plate, frozenset(m.sighting_id for m in e.met)) for e in found}


def wanted(connection, gap=GAP):
    """What the definition says of the sightings that are there."""
    rows = connection.execute(
        "SELECT sighting_id, text, folded, strftime('%s', start_utc) + first_seconds, last_seconds - first_seconds, "
        "confirmed FROM sighting JOIN plate USING (plate_id) JOIN clip USING (video_id)"
    ).fetchall()
    folds: dict[str, list[Sight]] = {}
    for number, plate, folded, begins, long, sure in rows:
        folds.setdefault(folded, []).append(Sight(number, plate, begins, begins + long, bool(sure)))
    return set().union(*(brute(sights, gap) for sights in folds.values())) if folds else set()


ROWS = st.lists(
    st.tuples(TEXTS, st.integers(0, 100), st.integers(0, 60), st.booleans()), max_size=4
)  # fmt: skip
STEPS = st.lists(
    st.tuples(st.integers(1, 5), st.integers(0, 25).map(lambda n: n * 60), ROWS) | st.integers(1, 20),
    max_size=12,
)


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(STEPS, st.sampled_from([60.0, 300.0, 900.0]))
def test_kept_encounters_follow_every_change(steps, gap):
    """Clips come, are processed again at other times, sightings are forgotten: the tables always say the same."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrate(connection)
    SqliteEncounters(connection).settle(gap)
    for step in steps:
        if isinstance(step, int):
            connection.execute("DELETE FROM sighting WHERE sighting_id = ?", (step,))
            SqliteEncounters(connection).renew()
        else:
            number, start, rows = step
            learn(connection, f"v{number}", start, rows)
        assert kept(connection) == wanted(connection, gap)
    SqliteEncounters(connection).settle(120.0)  # the setting was changed: everything is joined anew
    assert kept(connection) == wanted(connection, 120.0)
    connection.close()


def test_channels_clips_and_zones(store):
    """Front and rear, and clip after clip, are one encounter, also where a camera's clock has another zone."""
    learn(store, "front1", 1000, [("ABC123", 10, 5, True)])
    learn(store, "rear1", 1000, [("ABC123", 30, 5, True)], channel="rear", zone=7200)
    learn(store, "front2", 1180, [("A8C123", 10, 5, False)])
    learn(store, "other", 9000, [("ABC123", 10, 5, True)])
    later, first = read_encounters(store, PlateFilter(), PlateIndex())
    assert (first.count, first.clips, first.channels) == (3, 3, ["front", "rear"])
    assert [met.plate for met in first.met] == ["ABC123", "ABC123", "A8C123"]
    assert (later.count, later.best.video_id) == (1, "other")


def test_sightings_without_a_time_are_kept(store):
    """Where nobody knows when, only sightings of one clip are joined."""
    for video in ("a", "b"):
        seen = [Seen(plate="ABC123", confidence=0.9, first_seconds=at, last_seconds=at) for at in (1.0, 9.0)]
        SqliteCatalogue(store).learn(video, HEAVY, Learned(sightings=seen), 1)
    found = read_encounters(store, PlateFilter(), PlateIndex())
    assert [(e.count, e.clips, e.met[0].clock) for e in found] == [(2, 1, None)] * 2


@pytest.mark.slow
def test_a_page_over_many_sightings_is_little_work(store):
    """Among 20,000 sightings a page of encounters takes the database few steps, however it is asked for."""
    dice = random.Random(3)
    plates = [f"{dice.randrange(1000):03d}{''.join(dice.choices('ABCDEFGH', k=3))}" for _ in range(4_000)]
    store.execute("BEGIN")
    for clip in range(400):
        learn(store, f"v{clip}", clip * 60, [(dice.choice(plates), n, 2, n % 2 == 0) for n in range(50)])
    store.execute("COMMIT")
    assert store.execute("SELECT count(*) FROM sighting").fetchone() == (20_000,)
    index = PlateIndex()
    for which in (
        PlateFilter(limit=50),
        PlateFilter(limit=50, offset=4_000),
        PlateFilter(text=plates[0][:4], limit=50),
        PlateFilter(text=plates[0], match="exact", limit=50),
        PlateFilter(confirmed=True, limit=50),
        PlateFilter(date_from="2026-06-01", date_to="2026-06-01", limit=50),
        PlateFilter(date_from="2027-01-01", limit=50),
        PlateFilter(video_id="v7", limit=50),
    ):
        steps = itertools.count()
        store.set_progress_handler(lambda steps=steps: next(steps) < 0, 1000)
        read_encounters(store, which, index)
        store.set_progress_handler(None, 0)
        taken = next(steps)
        print(f"{taken} thousand steps", which)
        assert taken < 300, which


def test_a_long_encounter_is_counted_and_cut(store):
    """Of a car that parks before the camera all sightings count, and some are listed."""
    learn(store, "v", 0, [("ABC123", n, 0, True) for n in range(MOST_SIGHTINGS + 50)])
    (found,) = read_encounters(store, PlateFilter(), PlateIndex())
    assert (found.count, len(found.met)) == (MOST_SIGHTINGS + 50, MOST_SIGHTINGS)
    assert found.best.confidence == pytest.approx(0.5 + (MOST_SIGHTINGS + 49) / 100)


def results(plate, **more):
    """What a heavy stage sends."""
    seen = {"plate": plate, "confidence": 0.9, "confirmed": True, "timestamp": "2024-01-15T12:36:45",
            "location": {"lat": 37.7749, "lon": -122.4194}, "first_seconds": 100, "last_seconds": 104, **more}  # fmt: skip
    clip = {"type": "clip", "channel": "front", "start_local": "2024-01-15T12:35:00",
            "start_utc": "2024-01-15T20:35:00Z", "utc_offset_seconds": -28800}  # fmt: skip
    return [{"type": "sightings", "sightings": [seen]}, clip]


def test_over_http(api):
    """The answer has the documented keys in order; the filters of plate search choose."""
    for number, plate in enumerate(["ABC123", "XYZ789", "ABCI23"], 1):
        api("POST", "/tasks", {"task_type": HEAVY, "video_id": f"v{number}"})
        body = {"results": results(plate, confirmed=number != 3)}
        assert api("POST", f"/tasks/{number}/complete", body).status_code == 200
    found = api("GET", "/webui/encounters?plate_query=abc").json()
    (one,) = found
    assert list(one) == [
        "plate_text", "first_seen", "last_seen", "sightings_count", "clips_count", "channels", "location",
        "best", "sightings",
    ]  # fmt: skip
    assert (one["plate_text"], one["sightings_count"], one["clips_count"]) == ("ABC123", 2, 2)
    assert (one["first_seen"], one["last_seen"]) == ("2024-01-15T12:36:40", "2024-01-15T12:36:44")
    assert [each["video_id"] for each in one["sightings"]] == ["v1", "v3"]
    assert len(api("GET", "/webui/encounters").json()) == 2
    assert len(api("GET", "/webui/encounters?limit=1&offset=1").json()) == 1
    for query, count in (
        ("bbox=37,-123,38,-122", 2), ("bbox=0,0,1,1", 0), ("confirmed=false", 1), ("video_id=v2", 1),
        ("date_from=2024-01-16", 0), ("date_from=2024-01-15&date_to=2024-01-15", 2), ("date_to=2024-01-14", 0), ("match=similar&plate_query=ABC128", 1), ("near=37.7749,-122.4194", 2),
    ):  # fmt: skip
        assert len(api("GET", f"/webui/encounters?{query}").json()) == count, query
    assert api("GET", "/webui/encounters?limit=0").status_code == 400
    assert (
        "did you mean plate_query"
        in api("GET", "/webui/encounters?plate_quer=x").headers["X-Unknown-Parameters"]
    )
    api("POST", "/tasks", {"task_type": HEAVY, "video_id": "v1"})
    assert (
        api("POST", "/tasks/4/complete", {"results": [{"type": "sightings", "sightings": []}]}).status_code
        == 200
    )
    (one,) = api("GET", "/webui/encounters?plate_query=abc").json()
    assert (one["plate_text"], one["sightings_count"]) == ("ABCI23", 1)


def test_on_the_command_line(house, tmp_path):
    """`dashcam search --encounters` asks the server, or reads the database file beside it."""
    house.server("h")
    for number, plate in enumerate(["ABC123", "ABC123", "XYZ789"], 1):
        task = {"task_type": HEAVY, "video_id": f"v{number}"}
        httpx.post(f"{house.url}/api/v1/tasks", json=task).raise_for_status()
        url = f"{house.url}/api/v1/tasks/{number}/complete"
        httpx.post(url, json={"results": results(plate)}).raise_for_status()
    shown = house.command("h", "search", "--encounters")
    assert "ABC123" in shown.stdout
    assert "2024-01-15T12:36:40" in shown.stdout
    asked = json.loads(house.command("h", "search", "abc", "--encounters", "--json").stdout)
    db = str(tmp_path / "hosts" / "h" / "dashcam.sqlite")
    read = json.loads(house.command("h", "search", "abc", "--encounters", "--json", "--db", db).stdout)
    assert asked == read
    assert [(each["plate_text"], each["sightings_count"]) for each in read] == [("ABC123", 2)]
    assert house.command("h", "search", "--encounters", "--csv").returncode == 2
