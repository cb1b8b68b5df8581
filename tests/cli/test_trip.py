"""`dashcam trip`, and clips that were moved: as people use them, with a real server."""

import json
import shutil
from pathlib import Path

import httpx
import pytest

from tests.house import House
from tests.server.shots import local
from tests.stages.clips import make_clip
from tests.stages.work import kept_place

START = 1_705_322_096


def told(house: House, video_id: str, starts: float, **more: object) -> None:
    """Tell the server of a clip as ingest does."""
    facts = {
        "type": "clip", "start_local": local(START + starts), "duration_seconds": 60.0, "channel": "front",
        "mode": "normal", "camera": "viofo@dashcam", **more,
    }  # fmt: skip
    ask = {"task_type": "INGEST_VIDEO", "video_id": video_id}
    task = httpx.post(f"{house.url}/api/v1/tasks", json=ask).raise_for_status().json()["task_id"]
    done = httpx.post(f"{house.url}/api/v1/tasks/{task}/complete", json={"results": [facts]})
    done.raise_for_status()


@pytest.fixture
def driven(house: House) -> House:
    """A server with two trips: a and b; c an hour later."""
    house.server()
    told(house, "a", 0)
    told(house, "ar", 1, channel="rear", locked=True)
    told(house, "b", 60, mode="event")
    told(house, "c", 3600)
    return house


def run(house: House, *arguments: str, code: int = 0) -> str:
    """What `dashcam trip ARGUMENTS` printed."""
    done = house.command("pc", "trip", *arguments)
    assert done.returncode == code, done.stderr
    return done.stdout


def ids(house: House) -> list[str]:
    """The trips, newest first."""
    return [each["trip_id"] for each in json.loads(run(house, "list", "--json"))]


def test_list_show_merge_split_undo(driven: House) -> None:
    """The whole round: what is shown, what is joined and cut, and that taken back."""
    listed = run(driven, "list")
    assert "2024-01-15T12:34:56" in listed
    assert "0:02:00" in listed
    shown = run(driven, "show", "ar")
    assert "front" in shown
    assert "rear" in shown
    assert "event" in shown
    assert "locked" in shown
    merged = driven.command("pc", "trip", "merge", "a", "c")
    assert "dashcam trip undo 1" in merged.stderr
    assert ids(driven) == ["a"]
    split = json.loads(run(driven, "split", "a", "b", "--json"))
    assert [trip["trip_id"] for trip in split["trips"]] == ["a", "b"]
    assert split["trips"][1]["clips_count"] == 2
    assert "edit 2" in run(driven, "undo")
    assert "edit 1" in run(driven, "undo", "1")
    assert ids(driven) == ["c", "a"]
    run(driven, "undo", code=4)


def test_what_is_not_there(driven: House) -> None:
    """Unknown trips are 4, what cannot be done is 2, each with one line."""
    run(driven, "show", "nobody", code=4)
    run(driven, "split", "a", "c", code=4)
    run(driven, "merge", "a", "ar", code=2)
    run(driven, "split", "a", "a", code=2)
    assert "none found" in run(driven, "list", "--from", "2030-01-01")


# -- clips that were moved ---------------------------------------------------------------------------

NAME = "2024_0115_123456_000001F.MP4"


def kept(folder: Path) -> Path:
    """A kept place, although it looks like a card."""
    return Path(kept_place(folder / "nas", "indoor_nas").root)


def submit(house: House, *arguments: str) -> dict:
    """What `dashcam submit --json` says."""
    done = house.command("pc", "submit", "--json", *arguments)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def facts(house: House) -> tuple[bool, list[str]]:
    """Lock of the one clip, and where it lies."""
    (video,) = house.get("/webui/videos?status=all")
    whole = house.get(f"/webui/videos/{video['video_id']}?expand=facts,files")
    raw = [each["file"]["path"] for each in whole["files"] if each["task_type"] == "INGEST_VIDEO"]
    return bool(whole["facts"].get("locked")), raw


def test_a_clip_that_the_camera_locked_is_followed(house: House, tmp_path: Path) -> None:
    """Moved into RO it is no new clip: path and lock follow, nothing is queued again."""
    nas = kept(tmp_path)
    clip = make_clip(nas / "DCIM/Movie" / NAME)
    house.server()
    place = ("--place", f"indoor_nas={nas}")
    assert len(submit(house, str(nas), *place)["tasks"]) == 1
    worked = house.command("pc", "worker", "--once", "--type", "INGEST_VIDEO", *place)
    assert worked.returncode == 0, worked.stderr
    assert facts(house) == (False, [f"/DCIM/Movie/{NAME}"])
    (nas / "DCIM/Movie/RO").mkdir()
    clip.rename(nas / "DCIM/Movie/RO" / NAME)
    again = submit(house, str(nas), *place)
    assert again["tasks"] == []
    assert f"moved to /DCIM/Movie/RO/{NAME}, locked" in again["skipped"][0]["reason"]
    assert facts(house) == (True, [f"/DCIM/Movie/RO/{NAME}"])
    (waiting,) = house.get("/tasks?state=pending&expand=resolved_inputs")
    assert waiting["resolved_inputs"][0]["path"] == f"/DCIM/Movie/RO/{NAME}"
    worked = house.command("pc", "worker", "--once", "--type", "PREPROCESS_VIDEO", *place)
    assert worked.returncode == 0, worked.stderr


def test_the_owners_camera_reaches_ingest(house: House, tmp_path: Path) -> None:
    """`[cameras.NAME]` in the settings of the host that ingests names the camera and its zone."""
    nas = kept(tmp_path)
    make_clip(nas / "cars/golf/DCIM/Movie" / NAME)
    house.server()
    home = Path(house.env("pc")["DASHCAM_HOME"])
    (home / "dashcam.toml").write_text(
        '[cameras.golf]\nname = "The Golf"\nfolder = "cars/golf"\ntime_zone = "Asia/Tokyo"\n'
    )
    place = ("--place", f"indoor_nas={nas}")
    submit(house, str(nas), *place)
    house.command("pc", "worker", "--once", "--type", "INGEST_VIDEO", *place)
    (trip,) = house.get("/trips?camera=golf")
    assert (trip["camera_name"], trip["start"], trip["start_utc"]) == (
        "The Golf", "2024-01-15T12:34:56", "2024-01-15T03:34:56Z",
    )  # fmt: skip


def test_a_second_copy_is_no_move(house: House, tmp_path: Path) -> None:
    """The same content in another folder, with the first still there: skipped, and nothing changes."""
    nas = kept(tmp_path)
    make_clip(nas / "DCIM/Movie" / NAME)
    house.server()
    place = ("--place", f"indoor_nas={nas}")
    submit(house, str(nas), *place)
    house.command("pc", "worker", "--once", "--type", "INGEST_VIDEO", *place)
    (nas / "backup").mkdir()
    shutil.copy2(nas / "DCIM/Movie" / NAME, nas / "backup" / NAME)
    again = submit(house, str(nas / "backup"), *place)
    assert (again["tasks"], len(again["skipped"])) == ([], 1)
    assert facts(house) == (False, [f"/DCIM/Movie/{NAME}"])


def test_a_card_tells_of_locks(house: House, tmp_path: Path) -> None:
    """Imported, then locked in the camera: the next import of the card only locks the clip."""
    nas, card = tmp_path / "nas", tmp_path / "card"
    nas.mkdir()
    clip = make_clip(card / "DCIM/Movie" / NAME)
    house.server()
    place = ("--place", f"indoor_nas={nas}")
    assert house.command("pc", "import", str(card), *place).returncode == 0
    assert house.command("pc", "worker", "--once", "--type", "INGEST_VIDEO", *place).returncode == 0
    (card / "DCIM/Movie/RO").mkdir()
    clip.rename(card / "DCIM/Movie/RO" / NAME)
    again = house.command("pc", "import", str(card), *place)
    assert again.returncode == 0, again.stderr
    assert "a known clip is locked now" in again.stderr
    assert facts(house) == (True, [f"/videos/raw/{NAME}"])
    assert len(house.get("/tasks?task_type=INGEST_VIDEO")) == 1


def test_a_watched_folder_follows_too(house: House, tmp_path: Path) -> None:
    """`dashcam watch` on a kept place sees the move."""
    nas = kept(tmp_path)
    clip = make_clip(nas / "DCIM/Movie" / NAME)
    house.server()
    place = ("--place", f"indoor_nas={nas}")
    quick = {"DASHCAM_WATCH__STABLE_SECONDS": "0.5"}
    house.command("pc", "watch", "--once", str(nas), *place, **quick)
    house.command("pc", "worker", "--once", "--type", "INGEST_VIDEO", *place)
    assert facts(house) == (False, [f"/DCIM/Movie/{NAME}"])
    (nas / "DCIM/Movie/RO").mkdir()
    clip.rename(nas / "DCIM/Movie/RO" / NAME)
    watched = house.command("pc", "watch", "--once", str(nas), *place, **quick)
    assert "a known clip is moved to" in watched.stderr, watched.stderr
    assert facts(house) == (True, [f"/DCIM/Movie/RO/{NAME}"])
    assert len(house.get("/tasks?task_type=INGEST_VIDEO")) == 1


def test_small_copies_are_passed_over_with_a_reason(house: House, tmp_path: Path) -> None:
    """Of a Nextbase pair only the full picture is handed in; alone, the small one is."""
    nas = kept(tmp_path)
    make_clip(nas / "Video/240115_123456_001_FH.MP4", seed=1)
    small = make_clip(nas / "Video/240115_123456_001_FL.MP4", seed=2)
    make_clip(nas / "Video/240115_123556_002_FL.MP4", seed=3)
    house.server()
    place = ("--place", f"indoor_nas={nas}")
    done = submit(house, str(nas), *place)
    names = {task["metadata"]["filename"] for task in done["tasks"]}
    assert names == {"240115_123456_001_FH.MP4", "240115_123556_002_FL.MP4"}
    assert [(each["clip"], each["reason"]) for each in done["skipped"]] == [
        (str(small), "a small copy of 240115_123456_001_FH.MP4")
    ]
    alone = submit(house, str(small), *place)
    assert (alone["tasks"], alone["skipped"][0]["reason"]) == ([], "a small copy of 240115_123456_001_FH.MP4")
