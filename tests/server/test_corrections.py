"""Corrections: applied on top of what was read, whatever order things come in, and taken back without a trace."""

import sqlite3
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from litestar.testing import TestClient

from server import schema
from server.catalogue import Learned, Seen
from server.corrections import Look, Reading, Said, meant
from server.schema import migrate
from server.sqlite_catalogue import SqliteCatalogue
from server.sqlite_corrections import SqliteCorrections
from stages.errors import Conflict, DashcamError

HEAVY = "HEAVY_PROCESS_VIDEO"
TEXTS = ("ABC123", "A8C123", "XYZ789", "XY2789", "LIMO")
CLIPS = ("one", "two")


def seen(plate, at=0.0, **more):
    """A sighting at a second of its clip, which was nearly read as another."""
    more.setdefault("candidates", f'[{{"plate": "{plate[:-1]}x", "confidence": 0.2}}]')
    return Seen(plate=plate, confidence=0.9, frame_number=int(at * 30), first_seconds=at,
                last_seconds=at + 1, reads=3, agreeing=2, **more)  # fmt: skip


def learn(connection, video_id, sightings):
    """A clip was processed, again perhaps."""
    catalogue = SqliteCatalogue(connection)
    catalogue.expect(video_id, 1)
    catalogue.learn(video_id, HEAVY, Learned(sightings=sightings), 1)


@pytest.fixture
def connection(tmp_path):
    """An empty catalogue."""
    opened = sqlite3.connect(tmp_path / "c.sqlite", isolation_level=None)
    opened.execute("PRAGMA foreign_keys=ON")
    migrate(opened)
    yield opened
    opened.close()


def shows(connection, video_id):
    """What a clip's sightings are shown as, in order."""
    return [
        row[0]
        for row in connection.execute(
            "SELECT p.text FROM sighting s JOIN plate p USING (plate_id) WHERE video_id = ? ORDER BY sighting_id",
            (video_id,),
        )
    ]


def dump(connection):
    """Everything that a correction may change and an undo must bring back; plates that nobody shows may stay."""
    tables = {
        "sighting": "SELECT s.*, p.text FROM sighting s JOIN plate p USING (plate_id) ORDER BY sighting_id",
        "dismissed": "SELECT * FROM dismissed ORDER BY sighting_id",
        "corrected": "SELECT * FROM corrected ORDER BY 1, 2",
        "clip": "SELECT video_id, plates_found, plates_shown FROM clip ORDER BY video_id",
        "place": "SELECT * FROM sighting_place ORDER BY 1",
        "nearly": "SELECT sighting_id, text FROM runner_up JOIN runner_up_text USING (text_id) ORDER BY 1, 2",
        "encounter": "SELECT e.axis, p.text, e.begins, e.ends, e.sightings, e.best FROM encounter e "
        "JOIN plate p USING (plate_id) ORDER BY 1, 3, 6",
        "met": "SELECT sighting_id, axis, begins, ends, clock FROM met ORDER BY sighting_id",
    }
    return {name: connection.execute(sql).fetchall() for name, sql in tables.items()}


def test_a_plate_is_corrected_also_in_what_comes_later(connection):
    """Every sighting of it, now and in clips to come; what was read is kept beside."""
    learn(connection, "one", [seen("A8C123"), seen("XYZ789", 5)])
    made = SqliteCorrections(connection).correct_plate("a8c-123", "ABC123", 2)
    assert (made.kind, made.plate, made.text, made.sightings) == ("correct", "A8C123", "ABC123", 1)
    learn(connection, "two", [seen("A8C123")])
    assert (shows(connection, "one"), shows(connection, "two")) == (["ABC123", "XYZ789"], ["ABC123"])
    read = connection.execute("SELECT read_plate, confirmed FROM sighting ORDER BY sighting_id").fetchall()
    assert read == [("A8C123", 1), (None, 0), ("A8C123", 1)]
    assert SqliteCorrections(connection).get(made.correction_id).sightings == 2


def test_a_clip_processed_again_stays_corrected(connection):
    """Single sightings are found again: the equal one, and after another reading the one at that moment."""
    first = [seen("ABC123", 0), seen("ABC123", 20), seen("XYZ789", 40)]
    learn(connection, "one", first)
    corrections = SqliteCorrections(connection)
    corrections.correct_sighting(2, "LIMO1", 2)
    corrections.dismiss_sighting(3, 3)
    assert shows(connection, "one") == ["ABC123", "LIMO1"]
    learn(connection, "one", first)
    assert shows(connection, "one") == ["ABC123", "LIMO1"]
    learn(
        connection, "one", [seen("ABC123", 0.1), seen("A8C12", 20.4), seen("XYZ78", 40.2), seen("NEW55", 60)]
    )
    assert shows(connection, "one") == ["ABC123", "LIMO1", "NEW55"]
    learn(connection, "one", [seen("ABC123", 0.1), seen("XYZ789", 90)])
    assert shows(connection, "one") == ["ABC123", "XYZ789"]


def test_equal_sightings_are_told_apart(connection):
    """Of three that look the same, the one that was meant."""
    same = [Seen(plate="ABC123", confidence=0.5) for _ in range(3)]
    learn(connection, "one", same)
    SqliteCorrections(connection).correct_sighting(2, "LIMO1", 2)
    assert shows(connection, "one") == ["ABC123", "LIMO1", "ABC123"]
    learn(connection, "one", same)
    assert shows(connection, "one") == ["ABC123", "LIMO1", "ABC123"]


def test_corrections_follow_each_other(connection):
    """A to B and later B to C shows C; back from C to A ends, and the last word counts."""
    learn(connection, "one", [seen("ABC123"), seen("XYZ789", 5)])
    corrections = SqliteCorrections(connection)
    corrections.correct_plate("ABC123", "LIMO1", 2)
    second = corrections.merge("LIMO1", "XYZ789", 3)
    assert shows(connection, "one") == ["XYZ789", "XYZ789"]
    corrections.correct_plate("XYZ789", "ABC123", 4)
    assert shows(connection, "one") == ["ABC123", "ABC123"]
    corrections.undo(second.correction_id, 5)
    assert shows(connection, "one") == ["LIMO1", "ABC123"]


def test_a_dismissed_number_is_not_given_again(connection):
    """What comes back has its number still, although others came in meanwhile."""
    learn(connection, "one", [seen("ABC123"), seen("XYZ789", 5)])
    made = SqliteCorrections(connection).dismiss_plate("XYZ789", 2)
    learn(connection, "two", [seen("LIMO1")])
    SqliteCorrections(connection).undo(made.correction_id, 3)
    found = connection.execute("SELECT sighting_id, video_id FROM sighting ORDER BY 1").fetchall()
    assert found == [(1, "one"), (2, "one"), (3, "two")]


def test_counts_and_encounters_see_corrections(connection):
    """The clip's count of plates and the encounters are those of what is shown."""
    learn(connection, "one", [seen("ABC123", confirmed=True), seen("LIMO1", 5, confirmed=True)])
    corrections = SqliteCorrections(connection)
    made = corrections.merge("LIMO1", "ABC123", 2)
    count = "SELECT coalesce(plates_shown, plates_found), (SELECT count(*) FROM encounter) FROM clip"
    assert connection.execute(count).fetchone() == (1, 1)
    corrections.undo(made.correction_id, 3)
    assert connection.execute(count).fetchone() == (2, 2)


@pytest.mark.parametrize(
    ("look", "at", "about"),
    [
        (Look("ABC123", 0, 0.0, 1.0, 1), 0, 1),
        (Look("ABC123", 9, 0.4, 1.2, 7), 0, 1),  # read again a little later
        (Look("XYZ789", 0, 0.0, 1.0, 1), 0, None),  # in view then, but reads quite otherwise
        (Look("ABC123", 0, 30.0, 31.0, 1), 0, None),  # reads so, but at another time
        (Look("LIM0", 0, 0.0, 1.0, 1), 0, 1),  # what the person said, but for a look-alike
    ],
)
def test_which_sighting_is_meant(look, at, about):
    """The equal one, else the one of that moment that reads about so, else none."""
    said = Said(1, "LIMO", Look("ABC123", 0, 0.0, 1.0, 1), at)
    assert meant(said, [Reading(1, look)]) == about


# -- any order -------------------------------------------------------------------------------------

looks = st.lists(st.tuples(st.sampled_from(TEXTS), st.integers(0, 3)), max_size=4)
steps = st.one_of(
    st.tuples(st.just("learn"), st.sampled_from(CLIPS), looks),
    st.tuples(st.just("correct"), st.sampled_from(TEXTS), st.sampled_from((*TEXTS, "NEW1"))),
    st.tuples(st.just("merge"), st.sampled_from(TEXTS), st.sampled_from(TEXTS)),
    st.tuples(st.just("dismiss"), st.sampled_from(TEXTS), st.none()),
    st.tuples(st.just("correct one"), st.integers(1, 8), st.sampled_from((*TEXTS, "NEW1"))),
    st.tuples(st.just("dismiss one"), st.integers(1, 8), st.none()),
    st.tuples(st.just("undo"), st.integers(1, 8), st.none()),
)


def do(connection, kind, what, with_):
    """One step; False when it was refused, which must change nothing."""
    corrections = SqliteCorrections(connection)
    verbs = {
        "correct": lambda: corrections.correct_plate(what, with_, 2),
        "merge": lambda: corrections.merge(what, with_, 2),
        "dismiss": lambda: corrections.dismiss_plate(what, 2),
        "correct one": lambda: corrections.correct_sighting(what, with_, 2),
        "dismiss one": lambda: corrections.dismiss_sighting(what, 2),
        "undo": lambda: corrections.undo(what, 3),
    }
    try:
        return verbs[kind]()
    except DashcamError:
        return None


def opened(folder):
    """A new catalogue in memory."""
    connection = sqlite3.connect(Path(folder) / "c.sqlite", isolation_level=None)
    connection.execute("PRAGMA synchronous=OFF")
    connection.execute("PRAGMA foreign_keys=ON")
    migrate(connection)
    connection.execute("BEGIN")
    return connection


@given(st.lists(steps, max_size=14))
@settings(max_examples=60, deadline=None)
@pytest.mark.slow
def test_any_history_is_what_holds_applied_to_what_was_read(history):
    """Each step taken back restores exactly; clips told anew to the corrections that hold show the same; all
    taken back leaves what was read.
    """
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as other:
        connection = opened(folder)
        read: dict[str, list[Seen]] = {}
        for kind, what, with_ in history:
            if kind == "learn":
                read[what] = [seen(text, at) for text, at in with_]
                learn(connection, what, read[what])
                continue
            before = dump(connection)
            made = do(connection, kind, what, with_)
            if made is None:
                assert dump(connection) == before
            elif kind != "undo":
                after = dump(connection)
                SqliteCorrections(connection).undo(made.correction_id, 3)
                assert dump(connection) == before
                # Made again by taking the undo back, as only a test may.
                connection.execute(
                    "UPDATE correction SET undone_at = NULL WHERE correction_id = ?", (made.correction_id,)
                )
                for video_id, sightings in read.items():
                    learn(connection, video_id, sightings)
                assert told(connection) == [(text, *rest) for text, *rest in told_of(after)]
        fresh = opened(other)
        fresh.executemany(
            f"INSERT INTO correction VALUES ({','.join('?' * 13)})",
            connection.execute("SELECT * FROM correction ORDER BY correction_id").fetchall(),
        )
        for video_id in reversed(read):
            learn(fresh, video_id, read[video_id])
        assert told(fresh) == told(connection)
        for (number,) in connection.execute(
            "SELECT correction_id FROM correction WHERE undone_at IS NULL"
        ).fetchall():
            SqliteCorrections(connection).undo(number, 9)
        for video_id, sightings in read.items():
            assert shows(connection, video_id) == [each.plate for each in sightings]
        assert connection.execute(
            "SELECT count(*) FROM sighting WHERE read_plate IS NOT NULL OR read_confirmed IS NOT NULL"
        ).fetchone() == (0,)
        assert connection.execute("SELECT count(*) FROM clip WHERE plates_shown IS NOT NULL").fetchone() == (
            0,
        )
        connection.close()
        fresh.close()


def told(connection):
    """What is shown, without the numbers that a clip told anew may change."""
    return told_of(dump(connection))


def told_of(dumped):
    """The sightings of a dump by clip, in order, and the counts of clips."""
    shown = sorted((row[1], row[5], row[-1], row[4], row[-3]) for row in dumped["sighting"])
    gone = sorted((row[1], row[5], row[2]) for row in dumped["dismissed"])
    return [("shown", shown), ("gone", gone), ("clips", dumped["clip"])]


# -- the API ---------------------------------------------------------------------------------------


@pytest.fixture
def saw(api):
    """Tell of a clip's plates: `saw("clip-1", "ABC123", ...)`."""

    def tell(video_id, *plates):
        made = api("POST", "/tasks", {"task_type": HEAVY, "video_id": video_id}).json()
        sightings = [
            {"plate": plate, "confidence": 0.9, "confirmed": True, "first_seconds": n * 5.0, "last_seconds": n * 5.0,
             "timestamp": f"2024-01-15T10:30:{n:02d}", "location": {"lat": 52.5, "lon": 13.4},
             "candidates": [{"plate": plate[:-1] + "X", "confidence": 0.2}], "reads": 3, "agreeing": 2}
            for n, plate in enumerate(plates)
        ]  # fmt: skip
        body = {"results": [{"type": "sightings", "sightings": sightings}]}
        assert api("POST", f"/tasks/{made['task_id']}/complete", body).status_code == 200

    return tell


def found(api, text, **more):
    """The plates that a search finds."""
    asked = {"plate_query": text, **more}
    return [each["plate_text"] for each in api("GET", "/webui/plates", params=asked).json()]


def test_search_finds_what_is_shown(api, saw):
    """A corrected plate is found by its new text, not by its old one, until that is undone."""
    saw("clip-1", "A8C123", "XYZ789")
    made = api("POST", "/plates/A8C123/correct", {"text": "abc 123"}).json()
    assert (made["kind"], made["text"], made["sightings_count"], made["undone_at"]) == (
        "correct",
        "ABC123",
        1,
        None,
    )
    assert (found(api, "A8C123"), found(api, "ABC")) == ([], ["ABC123"])
    assert api("DELETE", f"/corrections/{made['correction_id']}").json()["undone_at"] is not None
    assert (found(api, "A8C123", match="exact"), found(api, "ABC")) == (["A8C123"], [])
    assert api("DELETE", f"/corrections/{made['correction_id']}").status_code == 409


def test_all_that_is_known_of_a_plate(api, saw):
    """Its counts, days, runners-up, what was read otherwise, and what people said."""
    saw("clip-1", "ABC123", "A8C123")
    saw("clip-2", "ABC123")
    api("POST", "/plates/A8C123/merge", {"into": "ABC123"})
    api("POST", "/plates/ABC123/note", {"text": "always parks\nin the drive"})
    api("POST", "/plates/ABC123/name", {"name": "Anna's Golf", "group": "neighbours"})
    book = api("GET", "/plates/abc123").json()
    assert (book["sightings_count"], book["confirmed_count"], book["counted_all"]) == (3, 3, True)
    assert book["known"]["name"] == "Anna's Golf"
    assert book["note"] == "always parks\nin the drive"
    assert book["read_as"] == [{"plate_text": "A8C123", "sightings_count": 1}]
    assert book["days"] == [{"day": "2024-01-15", "sightings_count": 3}]
    assert {each["plate_text"] for each in book["runners_up"]} == {"ABC12X", "A8C12X"}
    assert [(each["kind"], each["plate_text"]) for each in book["corrections"]] == [("merge", "A8C123")]
    assert book["best"]["plate_text"] == "ABC123"
    assert api("GET", "/plates/NOBODY").status_code == 404


def test_known_plates_can_be_hidden(api, saw):
    """A search shows them unless it is told not to, or shows nothing else."""
    saw("clip-1", "MYCAR1", "XYZ789")
    api("POST", "/plates/MYCAR1/name", {"name": "Mine", "group": "mine"})
    assert sorted(found(api, "")) == ["MYCAR1", "XYZ789"]
    for text in ("", "?Y*", "Y", "MYCAR1"):
        assert "MYCAR1" not in found(api, text, known="hide")
    assert found(api, "", known="only") == ["MYCAR1"]
    assert found(api, "Y", known="only") == ["MYCAR1"]
    assert found(api, "MYCAR1", known="only", match="similar") == ["MYCAR1"]
    assert [each["plate_text"] for each in api("GET", "/webui/encounters?known=only").json()] == ["MYCAR1"]
    assert [each["name"] for each in api("GET", "/known-plates").json()] == ["Mine"]
    assert api("DELETE", "/plates/mycar1/name").json()["plate_text"] == "MYCAR1"
    assert api("DELETE", "/plates/mycar1/name").status_code == 404
    assert found(api, "Y", known="hide", match="partial") != []


def test_a_single_sighting(api, saw):
    """It is corrected, then dismissed, by its number; both are listed and taken back in any order."""
    saw("clip-1", "ABC123", "XYZ789")
    number = api("GET", "/webui/plates?plate_query=XYZ789&expand=sighting_id").json()[0]["sighting_id"]
    first = api("POST", f"/sightings/{number}/correct", {"text": "XYZ788"}).json()
    assert found(api, "XYZ") == ["XYZ788"]
    second = api("POST", f"/sightings/{number}/dismiss").json()
    assert found(api, "XYZ") == []
    assert [c["correction_id"] for c in api("GET", "/corrections?video_id=clip-1").json()] == [
        second["correction_id"], first["correction_id"],
    ]  # fmt: skip
    api("DELETE", f"/corrections/{first['correction_id']}")
    assert found(api, "XYZ") == []
    api("DELETE", f"/corrections/{second['correction_id']}")
    assert found(api, "XYZ") == ["XYZ789"]


@pytest.mark.parametrize(
    ("path", "body", "status", "says"),
    [
        ("/plates/ABC123/correct", {"text": "ABC123"}, 409, "already"),
        ("/plates/ABC123/correct", {"text": "---"}, 400, "letters and digits"),
        ("/plates/ABC123/correct", {"text": "A" * 40}, 400, "letters and digits"),
        ("/plates/ABC123/correct", {}, 400, "text"),
        ("/plates/ABC123/merge", {"into": "NOWHERE"}, 404, "not found"),
        ("/plates/NOWHERE/dismiss", {}, 404, "not found"),
        ("/sightings/99/correct", {"text": "ABC123"}, 404, "not found"),
        ("/sightings/x/dismiss", None, 404, "not found"),
        ("/plates/ABC123/name", {"name": ""}, 400, "name"),
        ("/plates/ABC123/name", {"name": "x" * 100}, 400, "name"),
        ("/plates/ABC123/note", {"text": 5}, 400, "text"),
    ],
)
def test_what_is_refused(api, saw, path, body, status, says):
    """In one sentence, and nothing is changed."""
    saw("clip-1", "ABC123")
    answer = api("POST", path, body)
    assert (answer.status_code, says in answer.json()["detail"]) == (status, True), answer.text
    assert api("GET", "/corrections").json() == []


def test_v2_has_envelopes(settings_v2):
    """Lists have their page, single things their envelope, and unknown fields are refused."""
    client, headers = settings_v2
    assert client.get("/api/v2/known-plates").status_code == 401
    made = client.post("/api/v2/plates/MYCAR1/name", json={"name": "Mine"}, headers=headers).json()["data"]
    assert made["group"] == "known"
    listed = client.get("/api/v2/known-plates", headers=headers).json()
    assert listed["meta"] == {"total": 1, "pages": 1, "current_page": 1}
    assert client.get("/api/v2/corrections", headers=headers).json()["data"] == []
    refused = client.post("/api/v2/plates/MYCAR1/name", json={"nome": "Mine"}, headers=headers)
    assert (refused.status_code, "nome" in refused.json()["detail"]) == (400, True)


@pytest.fixture
def settings_v2(settings, app_of):
    """A client with an admin's token."""
    with TestClient(app_of(settings)) as client:

        async def token() -> str:
            return (await client.app.state.tokens.create("tester", "admin"))[1]

        with client.portal() as portal:
            yield client, {"Authorization": f"Bearer {portal.call(token)}"}


def test_a_correction_outlives_an_earlier_schema(tmp_path):
    """A home of before this migration opens, and its sightings can be corrected."""
    opened = sqlite3.connect(tmp_path / "old.sqlite", isolation_level=None)
    steps, schema.STEPS = schema.STEPS, [each for each in schema.STEPS if each[0] < "0011"]
    try:
        migrate(opened)
    finally:
        schema.STEPS = steps
    opened.execute("INSERT INTO plate (text, folded) VALUES ('ABC123', 'A8C123')")
    opened.execute(
        "INSERT INTO sighting (video_id, plate_id, confidence, confirmed, frame_number, candidates, reads, agreeing)"
        " VALUES ('one', 1, 0.5, 0, 0, '[]', 1, 1)"
    )
    opened.execute("INSERT INTO clip (video_id, created_at) VALUES ('one', 1)")
    migrate(opened)
    SqliteCorrections(opened).correct_plate("ABC123", "LIMO1", 2)
    assert shows(opened, "one") == ["LIMO1"]
    with pytest.raises(Conflict):
        SqliteCorrections(opened).correct_plate("LIMO1", "LIMO1", 2)
    opened.close()


def test_a_rebuilt_clip_is_corrected(api):
    """What stages left beside their outputs is taken in as they said it, and shown as people said."""
    api("POST", "/plates/MYCAR1/name", {"name": "Mine"})
    left = [
        {"video_id": f"clip-{n}", "task_type": HEAVY,
         "results": [{"type": "sightings", "sightings": [{"plate": "A8C123", "confidence": 0.9}]}]}
        for n in (1, 2)
    ]  # fmt: skip
    api("POST", "/catalogue/rebuild", {"results": left[:1]}).raise_for_status()
    assert api("POST", "/plates/A8C123/correct", {"text": "ABC123"}).status_code == 200
    api("POST", "/catalogue/rebuild", {"results": left}).raise_for_status()
    assert found(api, "C123") == ["ABC123", "ABC123"]


def test_what_people_marked_is_not_forgotten(connection):
    """Named, noted, corrected (also into) and watched plates are kept by the rule that forgets the others."""
    texts = ("NAMED1", "NOTED1", "WRONG1", "RIGHT1", "WATCH1", "WATCX1", "OTHER1", "SIM1LAR")
    learn(connection, "one", [seen(text, at * 5) for at, text in enumerate(texts)])
    connection.execute("INSERT INTO known_plate VALUES ('NAMED1', 'x', 'mine', 1)")
    connection.execute("INSERT INTO note VALUES ('NOTED1', 'x', 1)")
    SqliteCorrections(connection).correct_plate("WRONG1", "RIGHT1", 2)
    watch = "INSERT INTO watch (name, text, match, pattern, active, made_at) VALUES ('x', ?, ?, ?, 1, 1)"
    connection.execute(watch, ("WATC*", "partial", "WATC*"))
    connection.execute(watch, ("SIMILAR", "similar", "51M11AR"))
    marked = "SELECT text FROM plate WHERE plate_id IN (SELECT plate_id FROM marked_plate) ORDER BY text"
    kept = [text for (text,) in connection.execute(marked)]
    assert kept == ["NAMED1", "NOTED1", "RIGHT1", "SIM1LAR", "WATCH1", "WATCX1", "WRONG1"]
