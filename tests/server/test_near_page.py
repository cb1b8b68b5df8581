"""Searches that ask for what sightings were nearly read as: what is found, in which order, and what keeps it true."""

import json
import random
import sqlite3
from fnmatch import fnmatchcase

import pytest
from litestar.testing import TestClient

from server import near_page, plate_page, search
from server.catalogue import Area, PlateFilter
from server.folding import fold, normal
from server.plate_index import PlateIndex
from server.schema import STEPS, build, migrate
from server.sqlite_catalogue import count_plates, read_plates
from server.sqlite_runners_up import keep, keep_all, readings

LETTERS = "AB01"


@pytest.fixture(scope="module")
def archive():
    """Sightings of plates of few characters, most of them nearly read as something else."""
    dice = random.Random(11)
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrate(connection)
    connection.execute("INSERT INTO clip (video_id, created_at) VALUES ('v', 1), ('w', 1)")
    texts = sorted({"".join(dice.choices(LETTERS, k=4)) for _ in range(150)})
    connection.executemany("INSERT INTO plate (text, folded) VALUES (?, ?)", [(t, fold(t)) for t in texts])
    known = []
    for number in range(1, 1201):
        plate = dice.randrange(len(texts))
        others = [
            {"plate": "-".join(dice.choices(LETTERS, k=4)).lower(), "confidence": 0.25}
            for _ in range(dice.choice((0, 0, 1, 3)))
        ]
        when = f"2024-{dice.randrange(1, 13):02}-{dice.randrange(1, 29):02}T08:00:00" if number % 9 else None
        row = (
            "vw"[number % 2],
            plate + 1,
            0.9,
            number % 3 > 0,
            0,
            when,
            50.0,
            number / 100,
            json.dumps(others),
            3,
            2,
        )
        connection.execute(
            "INSERT INTO sighting (video_id, plate_id, confidence, confirmed, frame_number, timestamp, lat, lon,"
            " candidates, reads, agreeing) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row,
        )  # fmt: skip
        keep(connection, number, json.dumps(others))
        known.append((when or "", number, [texts[plate], *(normal(each["plate"]) for each in others)], row))
    known.sort(reverse=True)
    yield connection, known
    connection.close()


@pytest.mark.parametrize("sizes", [(2000, 2, 15_000, 16), (7, 1, 20, 1), (3, 1, 1, 1)])
@pytest.mark.parametrize("few", [10_000, 0])
@pytest.mark.parametrize("text", ["A", "A0", "B1?A", "*10*", "AB01", "ZZ"])
def test_pages_are_what_looking_at_everything_finds(archive, monkeypatch, sizes, few, text):
    """Each sighting once, newest first, whether its plate fits or what it was nearly read as; and so it is counted."""
    for name, value in zip(("WALK", "WORTH", "NEAR", "DEEP"), sizes, strict=True):
        monkeypatch.setattr(near_page, name, value)
    monkeypatch.setattr(plate_page, "MANY", 10)
    monkeypatch.setattr(search, "FEW", few)
    connection, known = archive
    glob = text if "*" in text or "?" in text else f"*{text}*"
    for more, fits in (
        ({}, lambda _: True),
        ({"confirmed": False}, lambda row: not row[3]),
        ({"video_id": "w"}, lambda row: row[0] == "w"),
        ({"area": Area(49, 3.2, 51, 8.3)}, lambda row: 3.2 <= row[7] <= 8.3),
        ({"date_to": "2024-05-31"}, lambda row: row[5] is not None and row[5] < "2024-06-01"),
    ):
        wanted = [n for _, n, read, row in known if fits(row) and any(fnmatchcase(t, glob) for t in read)]
        for limit, offset in ((20, 0), (20, 40), (-1, 0)):
            which = PlateFilter(text=text, candidates=True, limit=limit, offset=offset, **more)
            found = [seen.sighting_id for seen in read_plates(connection, which, PlateIndex())]
            assert found == (wanted if limit < 0 else wanted[offset : offset + limit]), (more, limit, offset)
        assert count_plates(connection, which, PlateIndex()) == len(wanted), more


@pytest.mark.parametrize(("match", "count"), [("exact", 1), ("similar", 2)])
def test_other_ways_to_compare(match, count):
    """Exactly, and by likeness, as plates are."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrate(connection)
    connection.execute("INSERT INTO clip (video_id, created_at) VALUES ('v', 1)")
    connection.execute("INSERT INTO plate (text, folded) VALUES ('M99', 'M99')")
    for number, other in enumerate(("KA-B 1234", "KA8I2Z4", "XY1"), 1):
        candidates = json.dumps([{"plate": other, "confidence": 0.3}])
        connection.execute(
            "INSERT INTO sighting (video_id, plate_id, confidence, confirmed, frame_number, candidates, reads, agreeing)"
            " VALUES ('v', 1, 0.9, 1, 0, ?, 3, 2)", (candidates,),
        )  # fmt: skip
        keep(connection, number, candidates)
    which = PlateFilter(text="kab1234", match=match, candidates=True)
    assert len(read_plates(connection, which, PlateIndex())) == count
    connection.close()


def test_an_earlier_database_is_filled():
    """What sightings were nearly read as is found after the upgrade; what is not a reading does no harm."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    before = {name for name, _ in STEPS if name < "0017"}
    build(connection, before)
    connection.execute("INSERT INTO clip (video_id, created_at) VALUES ('v', 1)")
    connection.execute("INSERT INTO plate (text, folded) VALUES ('M99', 'M99')")
    odd = (
        '[{"plate": "m-98", "confidence": 0.4}, {"plate": "M98"}, {"plate": "--"}, {"plate": null}, {"plate": "'
        + "M" * 33
        + '"}, 7, {}]'
    )
    for candidates in (odd, "[]"):
        connection.execute(
            "INSERT INTO sighting (video_id, plate_id, confidence, confirmed, frame_number, candidates, reads, agreeing)"
            " VALUES ('v', 1, 0.9, 1, 0, ?, 3, 2)", (candidates,),
        )  # fmt: skip
    assert readings(odd) == [("M98", 0.4)]
    assert readings("{}") == readings("[") == []
    build(connection, {"0017_runners_up"})
    assert connection.execute("SELECT text FROM runner_up_text").fetchall() == [("M98",)]
    keep_all(connection)  # once more changes nothing
    assert connection.execute("SELECT sighting_id FROM runner_up").fetchall() == [(1,)]
    connection.execute("DELETE FROM sighting WHERE sighting_id = 1")
    assert connection.execute("SELECT count(*) FROM runner_up_text").fetchone() == (0,)
    connection.close()


def test_a_sighting_is_found_by_what_it_was_nearly_read_as(api, client: TestClient):
    """Only where that is asked for, in both versions; looked at anew, dismissed and brought back it follows."""
    made = api("POST", "/tasks", {"task_type": "HEAVY_PROCESS_VIDEO", "video_id": "v"}).json()

    def seen(other):
        task = (
            made["task_id"]
            if other == "ABC128"
            else api("POST", "/tasks", made | {"inputs": []}).json()["task_id"]
        )
        each = {
            "plate": "ABC123",
            "confidence": 0.9,
            "confirmed": True,
            "candidates": [{"plate": other, "confidence": 0.31}],
        }
        body = {"results": [{"type": "sightings", "sightings": [each]}]}
        assert api("POST", f"/tasks/{task}/complete", body).status_code == 200

    def found(text, more="&candidates=true"):
        return [each["plate_text"] for each in api("GET", f"/webui/plates?plate_query={text}{more}").json()]

    seen("ABC128")
    assert (found("C128"), found("C128", ""), found("C128", "&candidates=false")) == (["ABC123"], [], [])
    page = client.get("/plates?q=C128&candidates=true").text
    assert "candidate ABC128, 31 % of its votes" in page
    assert "candidate ABC128" not in client.get("/plates?q=C128").text
    number = api("GET", "/webui/plates?plate_query=ABC123&expand=sighting_id").json()[0]["sighting_id"]
    correction = api("POST", f"/sightings/{number}/dismiss", {}).json()["correction_id"]
    assert found("C128") == []
    assert api("DELETE", f"/corrections/{correction}").status_code == 200
    assert found("C128") == ["ABC123"]
    seen("ABC12B")
    assert (found("C128"), found("C12B")) == ([], ["ABC123"])
    assert api("GET", "/webui/plates?plate_query=A&candidates=maybe").status_code == 400
