"""The map: routes and sightings in a box and between dates, newest first, never too many."""

import sqlite3

import msgspec
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from server import schema, sqlite_map
from server.catalogue import Area
from server.lining import line_routes
from server.sqlite_map import MapWish, put_line, read_map
from stages.sighting import RoutePoint

WORLD = Area(-90, -180, 90, 180)


@pytest.fixture
def database():
    """An empty catalogue."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    schema.migrate(connection)
    yield connection
    connection.close()


def clip(connection, name, start, points):
    """A clip with a route."""
    connection.execute(
        "INSERT INTO clip (video_id, created_at, start_local) VALUES (?, 1, ?) ON CONFLICT DO NOTHING",
        (name, start),
    )
    put_line(
        connection, name, [RoutePoint(seconds=i, lat=lat, lon=lon) for i, (lat, lon) in enumerate(points)]
    )


def seen(connection, name, when, lat, lon, plate="B0AB123"):
    """A sighting."""
    connection.execute(
        "INSERT INTO plate (text, folded) VALUES (?, ?) ON CONFLICT DO NOTHING", (plate, plate)
    )
    connection.execute(
        """INSERT INTO sighting (video_id, plate_id, confidence, confirmed, frame_number, timestamp, lat, lon, candidates,
        reads, agreeing) VALUES (?, (SELECT plate_id FROM plate WHERE text = ?), 0.9, 1, 1, ?, ?, ?, '[]', 2, 2)""",
        (name, plate, when, lat, lon),
    )


def found(connection, area=WORLD, **dates):
    """Names of clips and times of sightings that are shown."""
    shown = read_map(connection, MapWish(area=area, **dates))
    return [line.video_id for line in shown.routes], [dot.timestamp for dot in shown.sightings]


def test_a_box_and_dates(database):
    """What lies in the box, on the days; newest first."""
    clip(database, "a", "2026-06-01T08:00:00", [(40.0, -3.0), (40.1, -3.0)])
    clip(database, "b", "2026-06-02T08:00:00", [(50.0, 8.0), (50.1, 8.0)])
    for when, lat, lon in (("2026-06-01T08:00:01", 40.05, -3.0), ("2026-06-02T08:00:01", 50.05, 8.0)):
        seen(database, "a", when, lat, lon)
    assert found(database) == (["b", "a"], ["2026-06-02T08:00:01", "2026-06-01T08:00:01"])
    assert found(database, Area(39, -4, 41, -2)) == (["a"], ["2026-06-01T08:00:01"])
    assert found(database, date_to="2026-06-01") == (["a"], ["2026-06-01T08:00:01"])
    assert found(database, date_from="2026-06-02", date_to="2026-06-02") == (["b"], ["2026-06-02T08:00:01"])
    assert found(database, Area(39, -4, 41, -2), date_from="2026-06-02") == ([], [])


def test_a_route_follows_its_clip(database):
    """A new start moves it in time, a new route in space, no route takes it away."""
    clip(database, "a", None, [(40.0, -3.0), (40.1, -3.0)])
    assert found(database, date_from="2026-01-01") == ([], [])
    database.execute("UPDATE clip SET start_local = '2026-06-01T08:00:00'")
    assert found(database, date_from="2026-01-01") == (["a"], [])
    clip(database, "a", None, [(50.0, 8.0)])
    assert found(database, Area(39, -4, 41, -2)) == ([], [])
    assert found(database, Area(49, 7, 51, 9)) == (["a"], [])
    clip(database, "a", None, [])
    assert found(database) == ([], [])
    assert database.execute("SELECT count(*) FROM route_place").fetchone() == (0,)


@examples(max_examples=60)
@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(1, 28)), max_size=40),
    st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(0, 9), st.integers(0, 9)),
    st.integers(1, 28),
    st.sampled_from([(4000, 60_000), (0, 60_000), (0, 10), (3, 5)]),
    st.integers(1, 5),
)
def test_every_way_finds_what_is_there(places, sides, day, limits, most):
    """Gathered, walked over or both: nothing outside is shown, and all is shown where no more is said."""
    south, north = sorted(sides[:2])
    west, east = sorted(sides[2:])
    area, since = Area(south, west, north, east), f"2026-06-{day:02d}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sqlite_map, "_SORTED", limits[0])
        patch.setattr(sqlite_map, "_WALKED", limits[1])
        patch.setattr(sqlite_map, "MOST_LINES", most)
        patch.setattr(sqlite_map, "MOST_SIGHTINGS", most)
        connection = sqlite3.connect(":memory:", isolation_level=None)
        schema.migrate(connection)
        for number, (lat, lon, on) in enumerate(places):
            when = f"2026-06-{on:02d}T08:00:{number:02d}"
            clip(connection, f"v{number}", when, [(lat, lon)])
            seen(connection, f"v{number}", when, lat, lon)
        shown = read_map(connection, MapWish(area=area, date_from=since))
        connection.close()
    wanted = sorted(
        (f"2026-06-{on:02d}T08:00:{number:02d}", f"v{number}")
        for number, (lat, lon, on) in enumerate(places)
        if south <= lat <= north and west <= lon <= east and on >= day
    )[::-1]
    lines, dots = (
        [(line.start, line.video_id) for line in shown.routes],
        [dot.timestamp for dot in shown.sightings],
    )
    assert len(lines) <= most
    assert set(lines) <= set(wanted)
    assert set(dots) <= {when for when, _ in wanted}
    if not shown.more_routes:
        assert lines == wanted
    if not shown.more_sightings:
        assert dots == [when for when, _ in wanted]
    if limits[1] > len(places):  # walked over all: the newest are shown, whatever the rest
        assert lines == wanted[:most]


def test_lines_are_short(database):
    """A long route has few points on the map of all."""
    clip(database, "a", None, [(40 + i * 1e-4, -3 + (i % 7) * 1e-3) for i in range(5000)])
    line = msgspec.json.decode(read_map(database, MapWish(area=WORLD)).routes[0].points)
    assert 2 <= len(line) <= sqlite_map.LINE_POINTS


def route_of(number):
    """The JSON of a stored route."""
    return msgspec.json.encode([RoutePoint(seconds=0, lat=40.0, lon=number / 10)]).decode()


def test_older_routes_get_their_lines(client):
    """While the server runs, once; a clip without a fix has none."""
    database = client.app.state.services.database
    for number in range(5):
        values = (f"old{number}", route_of(number) if number else "[]")
        database.write(
            lambda c, v=values: c.execute("INSERT INTO route (video_id, points) VALUES (?, ?)", v)
        ).result()
        database.write(
            lambda c, v=values: c.execute("INSERT INTO clip (video_id, created_at) VALUES (?, 1)", v[:1])
        ).result()
    for _ in range(2):
        with client.portal() as portal:
            portal.call(line_routes, database)
    shown = client.get("/data/map").json()["routes"]
    assert sorted(each["video_id"] for each in shown) == ["old1", "old2", "old3", "old4"]


def test_what_the_page_asks_for(client, api):
    """A completed clip stands on the map with its sighting; hostile words come back as they are."""
    task = api("POST", "/tasks", {"task_type": "HEAVY_PROCESS_VIDEO", "video_id": "v1"}).json()["task_id"]
    results = [
        {"type": "clip", "start_local": "2026-06-01T08:00:00", "channel": "<b>front"},
        {"type": "route", "points": [{"seconds": 0, "lat": 40.0, "lon": -3.0}, {"seconds": 9, "lat": 40.1, "lon": -3.0}]},
        {"type": "sightings", "sightings": [{"plate": "AB12CDE", "confidence": 0.9, "first_seconds": 4.5,
         "timestamp": "2026-06-01T08:00:04", "location": {"lat": 40.05, "lon": -3.0}}]},
    ]  # fmt: skip
    assert api("POST", f"/tasks/{task}/complete", {"results": results}).status_code == 200
    shown = client.get("/data/map?bbox=39,-4,41,-2&date_from=2026-06-01").json()
    assert shown["routes"] == [
        {
            "video_id": "v1",
            "start": "2026-06-01T08:00:00",
            "channel": "<b>front",
            "line": [[40.0, -3.0], [40.1, -3.0]],
        }
    ]
    assert shown["sightings"][0] | {"crop": None} == {
        "plate": "AB12CDE", "at": [40.05, -3.0], "time": "2026-06-01T08:00:04", "video_id": "v1", "seconds": 4.5,
        "confirmed": False, "crop": None, "name": None,
    }  # fmt: skip
    assert client.get("/data/map?bbox=0,0,1,1").json()["routes"] == []
    assert client.get("/data/map?bbox=39,170,41,-2").json()["routes"] != []  # over the date line: all around


@pytest.mark.parametrize(
    "query", ["bbox=1,2,3", "bbox=a,b,c,d", "bbox=91,0,92,1", "bbox=nan,0,1,1", "date_from=soon"]
)
def test_what_cannot_be_a_box(client, query):
    """A sentence and 400 for a script; the page says it and shows everything."""
    assert client.get(f"/data/map?{query}").status_code == 400
    page = client.get(f"/map?{query}")
    assert page.status_code == 200
    assert "trouble" in page.text


def policy(app_of, settings, **wanted):
    """The page's policy for pictures under some settings, and the page."""
    from litestar.testing import TestClient

    changed = msgspec.structs.replace(settings, map=msgspec.structs.replace(settings.map, **wanted))
    with TestClient(app_of(changed)) as client:
        page = client.get("/map")
        return page.headers["content-security-policy"], page.text


def test_only_the_host_of_the_setting_is_let_in(app_of, settings):
    """As it comes nobody; a tile host alone; and the page says who learns what is looked at."""
    assert "img-src 'self';" in policy(app_of, settings)[0]
    rules, text = policy(
        app_of, settings, tile_url="https://tiles.example:8443/{z}/{x}/{y}.png", attribution='"<b>'
    )
    assert "img-src 'self' https://tiles.example:8443 data:;" in rules
    assert "tiles.example, which learns" in text
    assert 'data-attribution="&#34;&lt;b&gt;"' in text


def test_the_map_file_is_read_in_parts(app_of, settings, homes):
    """A PMTiles file of the settings, by ranges; without the setting there is none."""
    from litestar.testing import TestClient

    file = homes / "maps" / "city.pmtiles"
    file.parent.mkdir()
    file.write_bytes(b"PMTiles" + bytes(1000))
    changed = msgspec.structs.replace(settings, map=msgspec.structs.replace(settings.map, pmtiles=str(file)))
    with TestClient(app_of(changed)) as client:
        part = client.get("/media/map/tiles.pmtiles", headers={"Range": "bytes=0-6"})
        assert (part.status_code, part.content) == (206, b"PMTiles")
        assert 'data-vector="/media/map/tiles.pmtiles"' in client.get("/map").text
        file.unlink()
        assert client.get("/media/map/tiles.pmtiles").status_code in (404, 503)
    with TestClient(app_of(settings)) as client:
        assert client.get("/media/map/tiles.pmtiles").status_code == 404
