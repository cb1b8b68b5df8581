"""Pages of plate search, against a search that looks at everything."""

import random
import sqlite3
from fnmatch import fnmatchcase

import pytest
from rapidfuzz.distance import Levenshtein

from server import plate_page
from server.catalogue import PlateFilter
from server.folding import fold, normal
from server.schema import migrate
from server.similar import Similar
from server.sqlite_catalogue import read_plates


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
    known = [(plates[plate - 1], when, number, confirmed) for number, _, plate, when, confirmed in rows]
    known.sort(key=lambda row: (row[1] or "", row[2]), reverse=True)
    yield connection, known
    connection.close()


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


@pytest.mark.parametrize(
    "sizes", [(2000, (500, 20_000), 20_000, (2_000, 50_000)), (3, (5, 20), 10, (3, 40)), (0, (1, 1), 1, ())]
)
@pytest.mark.parametrize(
    "text",
    ["A", "1", "AB", "AB0", "B12", "a-b 1", "12X", "*", "A*Y", "?B*3*", "*123*", "AB?1*", "Z", "QQQ", "Ä1"],
)
def test_pages_are_what_looking_at_everything_finds(archive, monkeypatch, sizes, text):
    """Whichever way a page is found, common or rare, at the edge of a page or behind the last one."""
    for name, value in zip(("RARE", "WALKED", "_SORTED", "_RANKS"), sizes, strict=True):
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
        found = [(seen.plate, seen.timestamp) for seen in read_plates(connection, which, Similar())]
        assert found == looked_at(known, which, wanted), more


def test_similar_plates_are_those_within_the_distance(archive):
    """The index of parts leaves out no plate that comparing with each one would find."""
    connection, known = archive
    similar = Similar()
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
        assert set(similar.ids(connection, asked)) == near, asked
    which = PlateFilter(text="AB012XY", match="similar", limit=20)
    found = [(seen.plate, seen.timestamp) for seen in read_plates(connection, which, similar)]
    assert found == looked_at(
        known, which, lambda plate: Levenshtein.distance(fold("AB012XY"), fold(plate)) <= 2
    )
