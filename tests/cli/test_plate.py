"""`dashcam plate` and `dashcam watchlist`: as people use them, with a real server."""

import json

import httpx
import pytest

from tests.house import House


@pytest.fixture
def seen(house: House) -> House:
    """A server that knows two plates."""
    house.server()
    ask = {"task_type": "HEAVY_PROCESS_VIDEO", "video_id": "clip-1"}
    task = httpx.post(f"{house.url}/api/v1/tasks", json=ask).raise_for_status().json()["task_id"]
    sightings = [
        {"plate": plate, "confidence": 0.9, "first_seconds": at}
        for plate, at in (("A8C123", 1), ("XYZ789", 9))
    ]
    body = {"results": [{"type": "sightings", "sightings": sightings}]}
    httpx.post(f"{house.url}/api/v1/tasks/{task}/complete", json=body).raise_for_status()
    return house


def run(house: House, *arguments: str, code: int = 0) -> str:
    """What a command printed."""
    done = house.command("pc", *arguments)
    assert done.returncode == code, (done.stdout, done.stderr)
    return done.stdout


def said(house: House, *arguments: str) -> object:
    """What a command printed as JSON."""
    return json.loads(run(house, *arguments, "--json"))


@pytest.mark.slow
def test_corrected_merged_dismissed_and_undone(seen: House) -> None:
    """The whole round; undo without a number takes the last one back."""
    assert "A8C123 is ABC123 (1 sighting)" in run(seen, "plate", "correct", "a8c-123", "ABC123")
    assert [each["plate_text"] for each in said(seen, "search", "ABC")] == ["ABC123"]
    assert said(seen, "plate", "merge", "XYZ789", "ABC123")["kind"] == "merge"
    shown = said(seen, "plate", "show", "ABC123")
    assert (shown["sightings_count"], {each["plate_text"] for each in shown["read_as"]}) == (
        2,
        {"A8C123", "XYZ789"},
    )
    assert "is taken back" in run(seen, "plate", "undo")
    number = str(said(seen, "search", "XYZ789")[0]["sighting_id"])
    run(seen, "plate", "dismiss-sighting", number)
    assert said(seen, "search", "XYZ789") == []
    run(seen, "plate", "undo")
    run(seen, "plate", "correct-sighting", number, "XYZ788")
    run(seen, "plate", "dismiss", "XYZ788")
    assert [each["text"] for each in said(seen, "plate", "corrections")] == [
        None,
        "XYZ788",
        None,
        "ABC123",
        "ABC123",
    ]
    for _ in range(3):
        run(seen, "plate", "undo")
    run(seen, "plate", "undo", code=4)
    assert sorted(each["plate_text"] for each in said(seen, "search", "")) == ["A8C123", "XYZ789"]


@pytest.mark.slow
def test_named_noted_and_forgotten(seen: House) -> None:
    """A name with its group, a note; what is not there is 4, what makes no sense is 2."""
    run(seen, "plate", "name", "XYZ789", "Anna's Golf", "--group", "neighbours")
    assert "Anna's Golf" in run(seen, "plate", "known")
    run(seen, "plate", "note", "XYZ789", "parks in the drive")
    shown = run(seen, "plate", "show", "XYZ789")
    assert "parks in the drive" in shown
    assert "Anna's Golf (neighbours)" in shown
    run(seen, "plate", "name", "XYZ789", "--remove")
    assert said(seen, "plate", "known") == []
    run(seen, "plate", "name", "XYZ789", code=2)
    run(seen, "plate", "show", "NOBODY", code=4)
    run(seen, "plate", "correct", "NOBODY", "ABC123", code=4)
    run(seen, "plate", "correct", "XYZ789", "-", code=2)


@pytest.mark.slow
def test_watched(seen: House) -> None:
    """Made with its past, tested, changed, listed, removed."""
    made = said(seen, "watchlist", "add", "XYZ*", "--webhook", "http://127.0.0.1:9/x", "--name", "Van")
    assert (made["past_sightings"], made["match"], made["secret"][:6]) == (1, "partial", "whsec_")
    number = str(made["watch_id"])
    assert "webhook_hosts" in run(seen, "watchlist", "test", number, code=1)
    assert {each["event"] for each in said(seen, "watchlist", "told", number)} == {"plate.past", "test"}
    changed = said(seen, "watchlist", "change", number, "--off", "--webhook", "")
    assert (changed["active"], changed["webhook"]) == (False, None)
    assert "Van" in run(seen, "watchlist", "list")
    run(seen, "watchlist", "remove", number)
    assert "nothing is watched" in run(seen, "watchlist", "list")
    run(seen, "watchlist", "remove", number, code=4)
    run(seen, "watchlist", "add", "*", code=2)
