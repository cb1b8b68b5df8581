"""Protection, files for retention, the deletion log, plates that nobody marked: the server's part."""

import asyncio
import base64
import os
import sqlite3
import time
from pathlib import Path

import pytest

from dashcam_cli.homekey import KEY_FILE, host_token
from server.media import Media
from server.retention import _BATCH, Retention
from server.services import Services
from tests.server.test_webui import sighting

DAY = 86400 * 1_000_000
RAW = {"device": "nas", "path": "/videos/raw/a.MP4", "type": "video"}


@pytest.fixture
def known(api):
    """`known(video_id, facts)` makes a clip with a raw file, a preproc folder and an archive."""

    def make(video_id, **facts):
        steps = {
            "INGEST_VIDEO": ([RAW | {"path": f"/videos/raw/{video_id}.MP4"}], [{"type": "clip", **facts}]),
            "PREPROCESS_VIDEO": (
                [
                    {"device": "nas", "path": f"/videos/preproc/{video_id}/{name}"}
                    for name in ("metadata.json", "thumbs/")
                ],
                [],
            ),
            "ARCHIVE_VIDEO": (
                [{"device": "shed", "path": f"/archive/{video_id}/plates/"}],
                [{"type": "archive", "device": "shed", "path": f"/archive/{video_id}/"}],
            ),
        }
        for kind, (outputs, results) in steps.items():
            task = api("POST", "/tasks", {"task_type": kind, "video_id": video_id}).json()["task_id"]
            done = api("POST", f"/tasks/{task}/complete", {"outputs": outputs, "results": results})
            assert done.status_code == 200, done.text
        return video_id

    return make


def candidates(api, query="place=nas&place=shed"):
    """All candidates, page by page."""
    found, after = [], 0
    while after is not None:
        page = api("GET", f"/retention/candidates?{query}&limit=2&after={after}").json()
        found += page["files"]
        after = page["next"]
    return found


def test_candidates_say_all_that_decides(api, known):
    """Each catalogued file, once, with what keeps it; by place, class and clip; places that were not named never."""
    known("v1", start_utc="2024-01-15T11:34:56Z", filename="a.MP4")
    found = candidates(api)
    assert [(each["kind"], each["path"]) for each in found] == [
        ("raw", "/videos/raw/v1.MP4"), ("preproc", "/videos/preproc/v1/metadata.json"),
        ("preproc", "/videos/preproc/v1/thumbs/"), ("archive", "/archive/v1/plates/"),
    ]  # fmt: skip
    raw = found[0]
    assert raw["known_since"].startswith("20")
    assert raw | {"known_since": ""} == {
        "video_id": "v1", "kind": "raw", "device": "nas", "path": "/videos/raw/v1.MP4", "filename": "a.MP4",
        "recorded_at": "2024-01-15T11:34:56Z", "known_since": "", "locked": False, "protected": False,
        "busy": None, "archive": {"device": "shed", "path": "/archive/v1/"},
    }  # fmt: skip
    known("v2")
    assert {each["video_id"] for each in candidates(api, "place=nas&video_id=v2")} == {"v2"}
    assert {each["kind"] for each in candidates(api, "place=nas&place=shed&kind=raw&kind=archive")} == {
        "raw",
        "archive",
    }
    assert candidates(api, "kind=raw") == []
    assert candidates(api, "place=elsewhere") == []
    for query in ("kind=row", "limit=0", "after=-1", "video_id=a/b", f"place={'x' * 256}"):
        assert api("GET", f"/retention/candidates?{query}").status_code == 400, query


@pytest.mark.parametrize(
    ("facts", "locked"),
    [({}, False), ({"locked": True}, True), ({"locked": False}, False), ({"mode": "event"}, True),
     ({"mode": "parking"}, False), ({"mode": "manual"}, True), ({"mode": "sentry"}, True), ({"mode": "normal"}, False)],
)  # fmt: skip
def test_locked_and_event_clips_are_known(api, known, facts, locked):
    """What the camera locked, and what it wrote for an event, a button or a guard."""
    known("v1", **facts)
    assert candidates(api)[0]["locked"] is locked


def test_tasks_that_need_a_clip_are_named(api, known):
    """A task that waits, is worked on, or was given up keeps its clip's files; a cancelled or done one does not."""
    known("v1")

    def busy():
        return candidates(api)[0]["busy"]

    assert busy() is None
    task = api("POST", "/tasks", {"task_type": "HEAVY_PROCESS_VIDEO", "video_id": "v1"}).json()["task_id"]
    assert busy() == f"task {task} (HEAVY_PROCESS_VIDEO) still waits"
    claimed = api("POST", "/tasks/pending?worker=w", {}).json()[0]
    assert busy() == f"task {task} (HEAVY_PROCESS_VIDEO) is being worked on"
    failed = {"lease": claimed["lease"], "error": "no", "retry": False}
    assert api("POST", f"/tasks/{task}/fail", failed).status_code == 200
    assert busy() == f"task {task} (HEAVY_PROCESS_VIDEO) was given up and waits for a person"
    api("POST", f"/tasks/{task}/retry")
    api("POST", f"/tasks/{task}/cancel")
    assert busy() is None


def test_protection(api, known):
    """It is set, kept when set again, survives another ingest, and ends; a clip that is not known is 404."""
    known("v1")
    first = api("POST", "/videos/v1/protect").json()
    assert (first["protected"], first["video_id"]) == (True, "v1")
    assert api("POST", "/videos/v1/protect", {"protected": True}).json() == first
    known("v1")
    assert {each["protected"] for each in candidates(api)} == {True}
    assert api("GET", "/webui/videos/v1?expand=protected").json()["protected"] is True
    assert api("POST", "/videos/v1/protect", {"protected": False}).json() == {
        "video_id": "v1", "protected": False, "since": None,
    }  # fmt: skip
    assert {each["protected"] for each in candidates(api)} == {False}
    assert api("GET", "/webui/videos/v1?expand=protected").json()["protected"] is False
    assert api("POST", "/videos/v2/protect").status_code == 404
    assert api("POST", "/videos/v1/protect", {"protected": "yes"}).status_code == 400


def test_removed_files_are_forgotten_and_logged_once(api, known):
    """The rows go, the log has one line, a repeat changes nothing; the clip says that its archive is no more."""
    known("v1")
    gone = {
        "video_id": "v1", "kind": "preproc", "device": "nas", "path": "/videos/preproc/v1/",
        "paths": ["/videos/preproc/v1/metadata.json", "/videos/preproc/v1/thumbs/"], "size_bytes": 7,
        "reason": "40 days old, kept 30",
    }  # fmt: skip
    for known_now in (1, 0):
        said = api("POST", "/files/removed", {"files": [gone], "host": "nas-host"})
        assert said.json() == {"forgotten": known_now}
    assert {each["kind"] for each in candidates(api)} == {"raw", "archive"}
    (row,) = api("GET", "/retention/removals?video_id=v1").json()
    assert (row["kind"], row["device"], row["path"], row["size_bytes"], row["reason"], row["how"], row["host"]) == (
        "preproc", "nas", "/videos/preproc/v1/", 7, "40 days old, kept 30", "removed", "nas-host",
    )  # fmt: skip
    assert api("GET", "/webui/videos/v1").json()["archive_path"]
    archive = {"video_id": "v1", "kind": "archive", "device": "shed", "path": "/archive/v1/", "how": "gone"}
    assert (
        api("POST", "/files/removed", {"files": [archive | {"paths": ["/archive/v1/plates/"]}]}).status_code
        == 200
    )
    assert api("GET", "/webui/videos/v1").json()["archive_path"] is None
    assert api("GET", "/webui/videos/v1").json()["status"] == "processed"
    assert candidates(api)[0]["archive"] is None
    known("v1")
    assert api("GET", "/webui/videos/v1").json()["archive_path"]


@pytest.mark.parametrize(
    "body",
    [
        {}, {"files": {}}, {"files": [{}]}, {"files": [{"video_id": "v", "kind": "raws", "device": "n", "path": "/"}]},
        {"files": [{"video_id": "v", "kind": "raw", "device": "n", "path": "/", "how": "burnt"}]},
        {"files": [{"video_id": "v", "kind": "raw", "device": "n", "path": "/", "size_bytes": -1}]},
        {"files": [{"video_id": "v", "kind": "raw", "device": "n", "path": "/"}] * 201},
        {"files": [], "host": 7},
    ],
)  # fmt: skip
def test_what_is_no_removal(api, body):
    """Each fault is a 400 that names its field."""
    answer = api("POST", "/files/removed", body)
    assert answer.status_code == 400
    assert answer.json()["errors"]


class Clock:
    """Time that passes when told."""

    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def signed(api, client, settings):
    """Calls with the key of the home."""

    def call(method, path, body=None):
        key = (Path(settings.home) / KEY_FILE).read_bytes()
        return api(method, path, body, headers={"Authorization": f"Bearer {host_token(key, time.time())}"})

    return call


def seen(api, video_id, *sightings, **facts):
    """A clip with sightings."""
    task = api("POST", "/tasks", {"task_type": "HEAVY_PROCESS_VIDEO", "video_id": video_id}).json()["task_id"]
    results = [{"type": "sightings", "sightings": list(sightings)}, {"type": "clip", **facts}]
    assert api("POST", f"/tasks/{task}/complete", {"results": results}).status_code == 200


def age(settings, days):
    """All clips came in so many days ago."""
    with sqlite3.connect(Path(settings.home) / "dashcam.sqlite", timeout=20) as database:
        database.execute("UPDATE clip SET created_at = created_at - ?", (int(days * DAY),))
    database.close()


def picture(number):
    """A JPEG that is another for each number."""
    return base64.b64encode(b"\xff\xd8\xff\xe0" + number.to_bytes(4, "big")).decode()


def plates(api, query=""):
    """Plates that a search finds."""
    return sorted(each["plate_text"] for each in api("GET", f"/webui/plates?limit=1000{query}").json())


def test_only_old_unmarked_sightings_go(api, signed, settings):
    """By both dates; protected clips' and, unless asked for, locked clips' stay; a start in the future counts not."""
    seen(api, "old", sighting("OLD1"), start_utc="2001-01-01T00:00:00Z")
    seen(api, "locked", sighting("LOCK1"), locked=True)
    seen(api, "safe", sighting("SAFE1"))
    seen(api, "future", sighting("FUT1"), start_utc="2999-01-01T00:00:00Z")
    age(settings, 40)
    lately = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 86400))
    seen(api, "fresh", sighting("OLD1"), start_utc="2001-01-01T00:00:00Z")
    seen(api, "recorded", sighting("REC1"), start_utc=lately)
    api("POST", "/videos/safe/protect")
    counted = signed("POST", "/retention/plates", {"days": 30, "dry_run": True}).json()
    assert plates(api) == ["FUT1", "LOCK1", "OLD1", "OLD1", "REC1", "SAFE1"]
    assert signed("POST", "/retention/plates", {"days": 30}).json() == counted
    assert counted == {"sightings": 2, "plates": 2, "days": 30.0}
    assert plates(api) == ["LOCK1", "OLD1", "REC1", "SAFE1"]
    assert signed("POST", "/retention/plates", {"days": 30}).json()["sightings"] == 0
    assert signed("POST", "/retention/plates", {"days": 30, "locked": True}).json()["sightings"] == 1
    log = api("GET", "/retention/removals").json()
    assert [row["kind"] for row in log] == ["plates", "plates"]
    assert "OLD1" not in str(log)


def test_a_plate_that_comes_again_is_found(api, signed, settings):
    """After plates went, numbers are given again: searching by likeness still finds new plates, and no old ones."""
    seen(api, "a", sighting("ABC123"))
    assert plates(api, "&plate_query=ABC123&match=similar") == ["ABC123"]
    age(settings, 40)
    assert signed("POST", "/retention/plates", {"days": 30}).json()["plates"] == 1
    seen(api, "b", sighting("XYZ789"))
    assert plates(api, "&plate_query=ABC123&match=similar") == []
    assert plates(api, "&plate_query=XYZ789&match=similar") == ["XYZ789"]
    assert plates(api, "&plate_query=XYZ") == ["XYZ789"]
    assert plates(api, "&plate_query=ABC") == []


@pytest.mark.slow
def test_more_than_one_batch_goes(api, signed, settings):
    """However many there are, all go, and each plate is counted once."""
    many = [sighting(f"P{n % 700:04d}", frame=n, crop=None) for n in range(_BATCH + 500)]
    seen(api, "a", *many)
    age(settings, 40)
    assert signed("POST", "/retention/plates", {"days": 30}).json() == {
        "sightings": _BATCH + 500, "plates": 700, "days": 30.0,
    }  # fmt: skip


def test_pictures_go_with_the_last_that_names_them(settings):
    """A crop that another sighting or a poster shows stays; a fresh one waits; nothing is forgotten by a restart."""
    services = Services(settings)
    media, home = services.media, Path(settings.home)
    digests = [media.keep(base64.b64decode(picture(n))) for n in range(4)]
    clock = Clock()
    retention = Retention(services.database, media, clock)

    def fill(connection):
        connection.execute(
            "INSERT INTO clip (video_id, created_at, poster) VALUES ('v', 0, ?)", (digests[0],)
        )
        connection.execute("INSERT INTO plate (plate_id, text, folded) VALUES (1, 'A', 'A')")
        for digest in digests:
            connection.execute(
                "INSERT INTO sighting (video_id, plate_id, confidence, confirmed, frame_number, candidates, crop, reads, agreeing) "
                "VALUES ('v', 1, 1, 1, 0, '[]', ?, 1, 1)", (digest,),
            )  # fmt: skip
        connection.execute("INSERT INTO clip (video_id, created_at) VALUES ('w', ?)", (int(clock.now * 1e6),))
        connection.execute("UPDATE sighting SET video_id = 'w' WHERE crop = ?", (digests[1],))

    services.database.write(fill).result()
    old = time.time() - 7200
    for digest in digests[:3]:
        _set_time(home, digest, old)

    asyncio.run(retention.forget_plates(30, spared=False, dry_run=False, host=""))
    there = [media.read(digest) is not None for digest in digests]
    assert there == [True, True, False, True]
    _set_time(home, digests[3], old)
    services.database.close()
    again = Services(settings)
    asyncio.run(
        Retention(again.database, again.media, clock).forget_plates(30, spared=False, dry_run=False, host="")
    )
    assert again.media.read(digests[3]) is None
    left = again.database.read_now(lambda c: c.execute("SELECT count(*) FROM dropped_picture").fetchone())
    assert left == (0,)
    again.database.close()


def _set_time(home, digest, when):

    os.utime(home / "media" / digest[:2] / f"{digest}.jpg", (when, when))


def test_a_picture_that_is_kept_again_is_not_dropped(tmp_path):
    """Who keeps a picture that is there already makes it fresh: dropping it must wait until it is named."""
    media = Media(tmp_path)
    digest = media.keep(base64.b64decode(picture(1)))
    path = tmp_path / digest[:2] / f"{digest}.jpg"

    os.utime(path, (1, 1))
    media.keep(base64.b64decode(picture(1)))
    assert media.drop(digest) is False
    os.utime(path, (1, 1))
    assert media.drop(digest) is True
    assert media.drop(digest) is True
    assert media.read(digest) is None
