"""What the page of a clip asks for: one clock, lanes, why, and the route as files."""

import csv
import io

import msgspec
import pytest
from litestar.testing import TestClient

from config.settings import PlaceSettings
from server import reports

FRONT, REAR, NEXT = "20260601T080000-F-01", "20260601T080000-R-02", "20260601T080100-F-03"
REPORT = {
    "frames_looked_at": 40,
    "last_seconds": 10.0,
    "looked": {"per_second": 4.0, "moments": [[0.0, 8.0]], "min_plate_height": 10},
    "tracks": [
        {
            "track": 1, "label": "car", "first_seconds": 1.0, "last_seconds": 3.0, "outcomes": {"read": 2},
            "verdict": {"plate": "AB12CDE", "confidence": 0.9, "confirmed": True, "told": True, "reads": 2, "agreeing": 2},
            "looks": [
                {"seconds": 1.0, "box": [0, 0, 90, 50], "outcome": "read",
                 "read": {"text": "AB12 CDE", "plate": "AB12CDE", "characters": [0.9, 0.8], "height": 30}},
                {"seconds": 3.0, "box": [0, 0, 90, 50], "outcome": "read",
                 "read": {"text": "AB12 CDE", "plate": "AB12CDE", "characters": [0.9, 0.9], "height": 30}},
            ],
        },
        {
            "track": 2, "label": "truck", "first_seconds": 5.0, "last_seconds": 6.0, "outcomes": {"too small": 3},
            "looks": [{"seconds": 5.0, "box": [0, 0, 30, 20], "outcome": "too small", "glimpse": {"height": 6.0}}],
        },
    ],
}  # fmt: skip


@pytest.fixture
def nas(homes, settings):
    """A kept place with the heavy stage's folder of one clip."""
    folder = homes / "nas" / "videos" / "heavy_output" / FRONT
    folder.mkdir(parents=True)
    (homes / "nas" / ".dashcam-place").write_text("nas")
    (folder / "detections.json").write_bytes(msgspec.json.encode(REPORT))
    return homes / "nas"


@pytest.fixture
def client(settings, app_of, nas):
    """A server with three clips of two channels; the front one was looked at."""
    with TestClient(
        app_of(msgspec.structs.replace(settings, places={"nas": PlaceSettings(root=str(nas))}))
    ) as c:
        clip(c, FRONT, "front", "2026-06-01T08:00:00", route=True, mode="event", locked=True)
        clip(c, REAR, "rear", "2026-06-01T08:00:02")
        clip(c, NEXT, "front", "2026-06-01T08:01:00")
        heavy = {"outputs": [{"device": "nas", "path": f"/videos/heavy_output/{FRONT}/"}], "results": [{
            "type": "sightings", "tracks": 2, "sightings": [
                {"plate": "AB12CDE", "confidence": 0.9, "confirmed": True, "first_seconds": 1.0, "last_seconds": 3.0}]}]}  # fmt: skip
        done(c, "HEAVY_PROCESS_VIDEO", FRONT, heavy)
        yield c


def done(client, kind, video_id, body):
    """A completed task."""
    task = client.post("/api/v1/tasks", json={"task_type": kind, "video_id": video_id}).json()["task_id"]
    answer = client.post(f"/api/v1/tasks/{task}/complete", json=body)
    assert answer.status_code == 200, answer.text


def clip(client, video_id, channel, start, *, route=False, **facts):
    """A clip of a minute that was taken in."""
    known = {"type": "clip", "camera": "golf", "channel": channel, "start_local": start, "start_utc": f"{start}Z",
             "duration_seconds": 60.0, "fps": 25.0, **facts}  # fmt: skip
    points = [
        {
            "seconds": i,
            "lat": 40 + i / 1e4,
            "lon": -3.0,
            "speed_kmh": 60 if i < 20 else max(0, 60 - 15 * (i - 19)),
        }
        for i in range(40)
    ]
    results = [known, {"type": "route", "points": points, "dialect": "nmea"}] if route else [known]
    done(client, "INGEST_VIDEO", video_id, {"results": results})


def data(client, video_id=FRONT, more=""):
    """What the page's script gets."""
    answer = client.get(f"/data/videos/{video_id}{more}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_one_clock(client):
    """Channels of one moment with their offsets, and the clips before and after of the same channel."""
    front, rear, after = data(client), data(client, REAR), data(client, NEXT)
    assert front["channels"] == [
        {"video_id": FRONT, "channel": "front", "offset": 0.0},
        {"video_id": REAR, "channel": "rear", "offset": 2.0},
    ]
    assert rear["channels"][0] == {"video_id": FRONT, "channel": "front", "offset": -2.0}
    assert (front["before"], front["after"], after["before"], after["after"]) == (None, NEXT, FRONT, None)
    assert (rear["before"], rear["after"]) == (None, None)


def test_what_happened(client):
    """The camera's marks, the braking and the stand; the plates with their seconds."""
    known = data(client)
    assert [event["kind"] for event in known["events"]] == ["event", "locked", "braking", "standing"]
    assert known["events"][2]["seconds"] == 19
    assert known["route_fixes"] == 40
    assert [fix[0] for fix in known["route"]] == [0, 19, 23, 39]
    assert [(seen["plate"], seen["first"], seen["last"]) for seen in known["sightings"]] == [
        ("AB12CDE", 1.0, 3.0)
    ]
    assert known["fps"] == 25.0


def test_the_route_as_files(client):
    """GPX and CSV have every fix, with times in UTC, and are saved under the clip's name."""
    gpx = client.get(f"/data/videos/{FRONT}/route.gpx")
    assert gpx.headers["content-disposition"] == f'attachment; filename="{FRONT}.gpx"'
    assert gpx.text.count("<trkpt") == 40
    assert "<time>2026-06-01T08:00:39Z</time>" in gpx.text
    table = list(csv.DictReader(io.StringIO(client.get(f"/data/videos/{FRONT}/route.csv").text)))
    assert len(table) == 40
    assert (table[1]["utc"], table[1]["lat"], table[1]["speed_kmh"]) == (
        "2026-06-01T08:00:01Z",
        "40.0001",
        "60.0",
    )


def test_lanes(client):
    """Every object that was followed."""
    assert data(client, more="/tracks") == {
        "says": "",
        "tracks": [
            {
                "track": 1,
                "label": "car",
                "first": 1.0,
                "last": 3.0,
                "plate": "AB12CDE",
                "confirmed": True,
                "told": True,
            },
            {
                "track": 2,
                "label": "truck",
                "first": 5.0,
                "last": 6.0,
                "plate": None,
                "confirmed": False,
                "told": False,
            },
        ],
    }


def test_why_at_a_moment(client):
    """The object that was in view then, and why it was not read."""
    found = data(client, more="/why?at=5.5")
    assert [track["label"] for track in found["tracks"]] == ["truck"]
    assert found["tracks"][0]["conclusion"] == "never read"
    assert found["tracks"][0]["reasons"] == [
        "too small: its plate was 6 pixels high; from 10 on a read is tried"
    ]
    nothing = data(client, more="/why?at=9")
    assert nothing["tracks"] == []
    assert nothing["nearest"]["track"] == 2
    assert "left this moment out" in " ".join(nothing["says"])


def test_why_of_a_plate(client):
    """A text that was read nearly so, with its reads."""
    found = data(client, more="/why?plate=A812CDE")
    assert [track["track"] for track in found["tracks"]] == [1]
    assert [read["seconds"] for read in found["tracks"][0]["reads"]] == [1.0, 3.0]


@pytest.mark.parametrize("query", ["at=-1", "at=nan", "at=soon", "at=1e99"])
def test_no_such_moment(client, query):
    """400 with a sentence."""
    assert client.get(f"/data/videos/{FRONT}/why?{query}").status_code == 400


def test_a_report_that_is_not_there(client, nas):
    """Which place is away; that it was not looked at; that it is damaged."""
    assert data(client, REAR, "/tracks")["says"] == "This clip was not looked at closely yet."
    report = nas / "videos" / "heavy_output" / FRONT / "detections.json"
    report.write_bytes(b'{"tracks": [{"first_seconds": "x"}]}')
    assert "damaged" in data(client, more="/tracks")["says"]
    assert "damaged" in data(client, more="/why?at=1")["says"][0]
    report.unlink()
    assert "not in the place nas any more" in data(client, more="/tracks")["says"]
    nas.rename(nas.with_name("asleep"))
    assert "The place nas is away" in data(client, more="/why?at=1")["says"][0]
    assert data(client)["sightings"] != []


def test_a_report_that_is_too_large(client, monkeypatch):
    """A page reads no endless file into the server."""
    monkeypatch.setattr(reports, "MOST_READ", 100)
    assert "dashcam why" in data(client, more="/why?at=1")["says"][0]


def test_an_unknown_clip(client):
    """404 everywhere."""
    for more in ("", "/films", "/tracks", "/why", "/route.gpx", "/route.csv"):
        assert client.get(f"/data/videos/nobody{more}").status_code == 404, more
    assert client.get("/videos/nobody").status_code == 404


def test_the_page_shows_hostile_words_as_words(client):
    """A file name is no markup, and nothing of the page is inline."""
    name = '"><img src=x onerror=alert(1)>.MP4'
    clip(
        client,
        "hostile",
        "front",
        "2026-06-03T08:00:00",
        filename=name,
        camera_name="<script>x</script>",
        warnings=["<b>"],
    )
    page = client.get("/videos/hostile")
    assert "<img src=x" not in page.text
    assert "<script>x" not in page.text
    assert " style=" not in page.text
    assert "onerror=alert(1)&gt;" in page.text


def test_a_clip_of_which_only_the_name_is_known(client):
    """A page all the same."""
    client.post("/api/v1/tasks", json={"task_type": "INGEST_VIDEO", "video_id": "bare"})
    assert client.get("/videos/bare").status_code == 200
    known = data(client, "bare")
    assert (known["route"], known["events"], known["before"]) == ([], [], None)
    assert data(client, "bare", "/films") == {
        "films": [], "says": "No file of this clip is known yet; it may still wait to be taken in.",
    }  # fmt: skip
