"""`dashcam rebuild`: after the database is gone, the places tell what was in it."""

import json
import os
import shutil
import sqlite3

import pytest

from tests.house import House
from tests.kept import Kept

ONE, TWO = "20240115T123456-F-1a2b3c4d", "20240116T080000-R-5e6f7a8b"
PATHS = ("/webui/plates?expand=media,confirmed", "/trips", "/webui/encounters",
         *(f"/webui/videos/{each}?expand=facts,files,media,route,sightings" for each in (ONE, TWO)))  # fmt: skip


@pytest.fixture(scope="module")
def left(tmp_path_factory):
    """Places in which the stages left everything of two clips; nobody changes them."""
    kept = Kept(tmp_path_factory.mktemp("left"))
    return kept, {ONE: kept.clip(ONE), TWO: kept.clip(TWO, plate="5678FGH")}


@pytest.fixture
def places(left, house: House, tmp_path):
    """A copy of them, known to the server's host."""
    kept, done = left
    mine = Kept(tmp_path / "copy")
    for name in ("nas", "shed"):
        shutil.copytree(kept.folder / name, mine.folder / name, dirs_exist_ok=True)
    (tmp_path / "hosts" / "server").mkdir(parents=True)
    (tmp_path / "hosts" / "server" / "dashcam.toml").write_text(mine.settings(""))
    return mine, done


def rebuilt(house, *flags, code=0):
    """What `dashcam rebuild` says as JSON."""
    ran = house.command("server", "rebuild", "--json", *flags)
    assert ran.returncode == code, ran.stderr
    return json.loads(ran.stdout)


def answers(house):
    """Everything people look at. The archive stage saw the clip in another folder than the test's ingest did:
    what follows from folders (the camera's name) is left out.
    """
    found = {path: house.get(path) for path in PATHS}
    trips = [
        (each["trip_id"], each["start"], each["clips_count"], each["plates_found"])
        for each in found["/trips"]
    ]
    for path in PATHS[3:]:
        facts = found[path].pop("facts")
        found[path]["blake2"], found[path]["start_local"] = facts["blake2"], facts["start_local"]
    return found | {"/trips": trips}


def test_a_lost_database_is_told_anew(places, house: House):
    """Search, videos, files, routes, trips and pictures are as before; a repeat changes nothing."""
    kept, done = places
    server = house.server()
    kept.url, kept.home = house.url, house.folder / "hosts" / "server"
    for video_id, results in done.items():
        kept.tell(video_id, results)
    before = answers(house)
    pictures = sorted(path.name for path in (kept.home / "media").rglob("*.jpg"))
    server.stop()
    for path in kept.home.glob("dashcam.sqlite*"):
        path.unlink()
    shutil.rmtree(kept.home / "media")

    house.url = ""
    first = rebuilt(house)
    assert {each["outcome"] for each in first["results"]} == {"taken"}
    assert len(first["results"]) == 8
    assert {each["outcome"] for each in rebuilt(house)["results"]} == {"known"}
    house.server()
    kept.url = house.url
    assert answers(house) == before
    assert sorted(path.name for path in (kept.home / "media").rglob("*.jpg")) == pictures
    made = kept.post("/tasks", {"task_type": "INGEST_VIDEO"})
    assert made["task_id"] > 1_000_000


def test_a_running_server_is_told_and_keeps_what_it_knows(places, house: House):
    """Over HTTP: what is known is not replaced, what is missing comes."""
    kept, done = places
    house.server()
    kept.url, kept.home = house.url, house.folder / "hosts" / "server"
    kept.tell(ONE, done[ONE], camera_name="mine")
    outcomes = {(each["video_id"], each["outcome"]) for each in rebuilt(house)["results"]}
    assert outcomes == {(ONE, "known"), (TWO, "taken")}
    assert house.get(f"/webui/videos/{ONE}?expand=facts")["facts"]["camera_name"] == "mine"


def test_an_archive_alone_is_enough(places, house: House):
    """Everything but the archives is gone: plates and routes are there all the same; the clip's file is not."""
    kept, _ = places
    shutil.rmtree(kept.nas / "videos")
    assert {each["outcome"] for each in rebuilt(house)["results"]} == {"taken"}
    house.server()
    assert {each["plate_text"] for each in house.get("/webui/plates")} == {"1234BCD", "5678FGH"}
    files = house.get(f"/webui/videos/{ONE}?expand=files")["files"]
    assert {each["task_type"] for each in files} == {"ARCHIVE_VIDEO"}


@pytest.mark.parametrize(
    "kind", ["cut", "foreign", "outside", "other-clip", "no-plate", "deep", "link", "pipe", "manifest"]
)
def test_what_cannot_be_trusted_is_skipped(places, house: House, kind):
    """Cut, foreign and hostile results: named with a reason, exit code 1, and the rest is taken."""
    kept, _ = places
    path = kept.nas / "videos" / "heavy_output" / ONE / "result.json"
    record = json.loads(path.read_bytes())
    if kind == "cut":
        path.write_bytes(path.read_bytes()[:200])
    elif kind == "foreign":
        path.write_text('{"name": "somebody else"}')
    elif kind == "outside":
        record["result"]["outputs"] = [{"device": "nas", "path": "/videos/heavy_output/../../secret"}]
    elif kind == "other-clip":
        record["video_id"] = TWO
    elif kind == "no-plate":
        record["result"]["results"][0]["sightings"][0]["plate"] = "***"
    elif kind == "deep":
        path.write_text('{"key":' + "[" * 200_000)
    elif kind == "pipe":
        path.unlink()
        os.mkfifo(path)
    elif kind == "link":
        path.rename(path.with_name("real.json"))
        path.symlink_to(path.with_name("real.json"))
    else:
        manifest = kept.shed / "archive" / ONE / "manifest.json"
        manifest.write_bytes(manifest.read_bytes().replace(b"1234BCD", b"9999XXX"))
    if kind in ("outside", "other-clip", "no-plate"):
        path.write_text(json.dumps(record))
    found = rebuilt(house, code=1)
    assert len(found["skipped"]) == 1
    assert ONE in found["skipped"][0]["what"]
    assert found["skipped"][0]["why"]
    taken = [each for each in found["results"] if each["outcome"] == "taken"]
    assert len([each for each in taken if each["video_id"] == TWO]) == 4
    with sqlite3.connect(house.folder / "hosts" / "server" / "dashcam.sqlite") as database:
        texts = {
            text for (text,) in database.execute("SELECT text FROM plate JOIN sighting USING (plate_id)")
        }
    database.close()
    assert "5678FGH" in texts
    assert texts <= {"1234BCD", "5678FGH"}


def test_dry_run_tells_nobody(places, house: House):
    """Only what would be told is said; no database is made."""
    assert len(rebuilt(house, "--dry-run")["results"]) == 8
    assert not (house.folder / "hosts" / "server" / "dashcam.sqlite").exists()


def test_an_absent_place_is_said(places, house: House):
    """A place that is not mounted is no empty one: it is named, and the exit code says that something is missing."""
    kept, _ = places
    (kept.shed / ".dashcam-place").unlink()
    found = rebuilt(house, code=1)
    assert ["shed" in each for each in found["absent"]] == [True]
    assert {each["task_type"] for each in found["results"]} == {"PREPROCESS_VIDEO", "HEAVY_PROCESS_VIDEO"}
