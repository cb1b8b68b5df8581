"""Pages of plate search, against a search that looks at everything."""

import random
import sqlite3
from fnmatch import fnmatchcase

import pytest
from rapidfuzz.distance import Levenshtein

from server import plate_page, search
from server.catalogue import Area, PlateFilter
from server.folding import fold, normal
from server.plate_index import PlateIndex
from server.schema import migrate
from server.sqlite_catalogue import count_plates, read_plates


@pytest.fixture(scope="module")
def archive():
    """3,000 sightings of 400 plates, a few of them common; times repeat, and some are not known."""
    dice = random.Random(3)
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrate(connection)
    plates = sorted(
        {
            "".join(dice.choices("AB", k=2) + dice.choices("0123", k=3) + dice.choices("XY", k=2))
            for _ in range(900)
        }
    )
    plates = [*plates[:380], "Z", "7", "KL", "ABCDEFGH123456", "B12", "Ä12B"]
    rows = []
    connection.executemany(
        "INSERT INTO plate VALUES (?, ?, ?)", [(n, text, fold(text)) for n, text in enumerate(plates, 1)]
    )
    connection.executemany(
        "INSERT INTO clip (video_id, created_at) VALUES (?, 1)", [(f"v{n}",) for n in range(30)]
    )
    for number in range(1, 3001):
        plate = min(int(dice.expovariate(0.02)), len(plates) - 1)
        when = (
            None if number % 97 == 0 else f"2024-{1 + number // 300:02d}-{1 + dice.randrange(5):02d}T10:00:00"
        )
        rows.append((number, f"v{number % 30}", plate + 1, when, number % 3 > 0))
    connection.executemany(
        "INSERT INTO sighting (sighting_id, video_id, plate_id, confidence, confirmed, frame_number, timestamp, candidates,"
        " reads, agreeing) VALUES (?, ?, ?, 0.9, ?, 1, ?, '[]', 1, 1)",
        [(number, video, plate, confirmed, when) for number, video, plate, when, confirmed in rows],
    )
    connection.execute(
        "UPDATE sighting SET lat = 44 + sighting_id % 50 / 100.0, lon = 26 + sighting_id % 70 / 100.0 WHERE sighting_id % 3"
    )
    connection.execute(
        "INSERT OR REPLACE INTO sighting_place SELECT sighting_id, lat, lat, lon, lon FROM sighting WHERE lat IS NOT NULL"
    )
    known = [(plates[plate - 1], when, number, confirmed) for number, _, plate, when, confirmed in rows]
    known.sort(key=lambda row: (row[1] or "", row[2]), reverse=True)
    yield connection, known
    connection.close()


@pytest.fixture(scope="module")
def index():
    """The archive's plates, read once."""
    return PlateIndex()


def looked_at(known, which, wanted):
    """What a search must find, by looking at every sighting."""
    return [
        (plate, when)
        for plate, when, _, confirmed in known
        if wanted(plate)
        and (which.confirmed is None or confirmed == which.confirmed)
        and (which.date_from is None or (when or "") >= which.date_from)
        and (which.date_to is None or (when is not None and when[:10] <= which.date_to))
    ][which.offset : which.offset + which.limit]


@pytest.mark.parametrize("sizes", [(2000, 16, 20_000, 60_000), (5, 2, 10, 40), (3, 1, 1, 20)])
@pytest.mark.parametrize(
    "text",
    ["A", "1", "AB", "AB0", "B12", "a-b 1", "12X", "*", "A*Y", "?B*3*", "*123*", "AB?1*", "Z", "QQQ", "Ä1"],
)
def test_pages_are_what_looking_at_everything_finds(archive, index, monkeypatch, sizes, text):
    """Whichever way a page is found, common or rare, at the edge of a page or behind the last one."""
    for name, value in zip(("WALK", "WORTH", "MANY", "NEAR"), sizes, strict=True):
        monkeypatch.setattr(plate_page, name, value)
    connection, known = archive

    def wanted(plate):
        asked = "".join(c for c in text.upper() if c.isalnum() or c in "?*")
        return fnmatchcase(plate, asked) if asked != normal(text) else asked in plate

    for more in (
        {}, {"limit": 7}, {"limit": 7, "offset": 5}, {"offset": 2990}, {"confirmed": True, "limit": 9},
        {"date_from": "2024-03-02", "date_to": "2024-05-03", "limit": 11}, {"date_to": "2024-02-01", "confirmed": False},
    ):  # fmt: skip
        which = PlateFilter(text=text, **more)
        found = [(seen.plate, seen.timestamp) for seen in read_plates(connection, which, index)]
        assert found == looked_at(known, which, wanted), more


def test_similar_plates_are_those_within_the_distance(archive, index):
    """The index of parts leaves out no plate that comparing with each one would find."""
    connection, known = archive
    texts = dict(connection.execute("SELECT plate_id, folded FROM plate"))
    for asked in (
        "AB012XY",
        "A012XY",
        "AB01XY2",
        "BB333YY",
        "B12",
        "Z",
        "KL9",
        "0AB012X",
        "ABCDEFGH12345",
        "AB210XXY",
    ):
        off = 1 if len(asked) < 6 else 2
        near = {number for number, text in texts.items() if Levenshtein.distance(fold(asked), text) <= off}
        assert set(index.similar(connection, asked)) == near, asked
    which = PlateFilter(text="AB012XY", match="similar", limit=20)
    found = [(seen.plate, seen.timestamp) for seen in read_plates(connection, which, index)]
    assert found == looked_at(
        known, which, lambda plate: Levenshtein.distance(fold("AB012XY"), fold(plate)) <= 2
    )


@pytest.mark.parametrize("rare", [0, 30, 2000])
@pytest.mark.parametrize("text", ["A", "AB0", "B12", "*Y", "?B*3*", "Z", "QQQ"])
def test_in_an_area_or_a_clip_are_those_that_lie_there(archive, index, monkeypatch, rare, text):
    """Whether plates or places are looked up first; and as many as are counted."""
    monkeypatch.setattr(search, "RARE", rare)
    connection, _ = archive
    glob = text if "*" in text else f"*{text}*"
    for more, condition in (
        ({"area": Area(44.1, 26.2, 44.2, 26.4)}, "lat BETWEEN 44.1 AND 44.2 AND lon BETWEEN 26.2 AND 26.4"),
        ({"area": Area(40, 20, 50, 30)}, "lat IS NOT NULL"),
        ({"area": Area(40, 26.5, 50, 26.1)}, "lat IS NOT NULL AND (lon >= 26.5 OR lon <= 26.1)"),
        ({"video_id": "v7"}, "video_id = 'v7'"),
        ({"confirmed": False}, "NOT confirmed"),
        ({}, "1"),
    ):
        which = PlateFilter(text=text, limit=-1, **more)
        found = [seen.sighting_id for seen in read_plates(connection, which, index)]
        wanted = connection.execute(
            f"SELECT sighting_id FROM sighting JOIN plate USING (plate_id) WHERE text GLOB ? AND {condition} "
            "ORDER BY timestamp DESC, sighting_id DESC",
            (glob,),
        )
        assert found == [number for (number,) in wanted], more
        assert count_plates(connection, which, index) == len(found), more
