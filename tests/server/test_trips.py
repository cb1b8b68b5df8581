"""Trips over the API: made as clips come in, joined and split by people, and that taken back."""

import msgspec
import pytest
from litestar.testing import TestClient

from tests.server.shots import local

START = 1_705_322_096  # 2024-01-15 12:34:56 on the camera's clock


@pytest.fixture
def ingest(api):
    """Tell of a clip as ingest does: `ingest("a", 0)` began at START."""

    def tell(video_id, starts, seconds=60.0, channel="front", mode="normal", route=None, **more):
        facts = {
            "type": "clip", "start_local": local(START + starts), "duration_seconds": seconds,
            "channel": channel, "mode": mode, "camera": "viofo@dashcam", "utc_offset_seconds": -28800,
            "start_utc": local(START + starts + 28800) + "Z", **more,
        }  # fmt: skip
        results = [facts] if route is None else [facts, {"type": "route", "points": route}]
        made = api("POST", "/tasks", {"task_type": "INGEST_VIDEO", "video_id": video_id}).json()
        answer = api("POST", f"/tasks/{made['task_id']}/complete", {"results": results})
        assert answer.status_code == 200, answer.text

    return tell


@pytest.fixture
def trips(api):
    """The trips that are listed, each as the clips of its moments."""

    def listed():
        found = {}
        for each in api("GET", "/trips").json():
            whole = api("GET", f"/trips/{each['trip_id']}").json()
            found[each["trip_id"]] = [
                tuple(clip["video_id"] for clip in moment["clips"]) for moment in whole["moments"]
            ]
        return found

    return listed


def test_front_rear_and_interior_are_one_trip_of_moments(ingest, trips):
    """Lenses that began within 15 seconds are a moment, whatever their numbers; the trip is named by its first."""
    for n in range(3):
        ingest(f"i{n}", n * 60 + 2, channel="interior", sequence=100 + n * 3 + 1)
        ingest(f"r{n}", n * 60 + 1, channel="rear", sequence=100 + n * 3 + 2)
        ingest(f"f{n}", n * 60, sequence=100 + n * 3)
    assert trips() == {"f0": [("f0", "r0", "i0"), ("f1", "r1", "i1"), ("f2", "r2", "i2")]}


def test_a_listed_trip_has_what_it_says(api, ingest):
    """Every key of a listed trip, in order."""
    way = [{"seconds": s, "lat": 37.0 + s / 10_000, "lon": -122.0} for s in (0, 30, 60)]
    ingest("f0", 0, route=way, camera="golf", camera_name="The Golf")
    ingest("r0", 1, channel="rear", route=way, camera="golf", camera_name="The Golf")
    ingest("f1", 60, camera="golf", route=[])
    assert api("GET", "/trips").json() == [
        {
            "trip_id": "f0", "camera": "golf", "camera_name": "The Golf", "mode": "driving",
            "start": "2024-01-15T12:34:56", "end": "2024-01-15T12:36:56", "start_utc": "2024-01-15T20:34:56Z", "utc_offset_seconds": -28800,
            "duration_seconds": 120.0, "channels": ["front", "rear"], "clips_count": 3, "distance_m": 667,
            "plates_found": 0,
        }
    ]  # fmt: skip


def test_without_a_route_nobody_knows_how_far(api, ingest):
    """An empty route is no way of 0 metres."""
    ingest("a", 0, route=[])
    assert api("GET", "/trips").json()[0]["distance_m"] is None


def test_a_clip_says_what_it_was_recorded_with(api, ingest):
    """`expand=trip`: its trip, and the other lenses at that moment."""
    ingest("f0", 0)
    ingest("r0", 1, channel="rear")
    ingest("f1", 60)
    ingest("r1", 61, channel="rear")
    assert api("GET", "/webui/videos/f1?expand=trip").json()["trip"] == {
        "trip_id": "f0",
        "companions": [{"video_id": "r1", "channel": "rear"}],
    }
    api("POST", "/tasks", {"task_type": "INGEST_VIDEO", "video_id": "undated"})
    trip = api("GET", "/webui/videos/undated?expand=trip").json()["trip"]
    assert trip == {"trip_id": None, "companions": []}


def test_v2_has_envelopes_offsets_and_a_token(settings, app_of):
    """In v2 a trip's times carry the camera's zone, and what is unknown is refused."""
    with TestClient(app_of(settings)) as client:

        async def token() -> str:
            return (await client.app.state.tokens.create("tester", "admin"))[1]

        with client.portal() as portal:
            headers = {"Authorization": f"Bearer {portal.call(token)}"}
        assert client.get("/api/v2/trips").status_code == 401
        made = {"task_type": "INGEST_VIDEO", "video_id": "a"}
        client.post("/api/v2/tasks", json=made, headers=headers)
        facts = {"type": "clip", "start_local": "2026-06-01T16:27:34", "utc_offset_seconds": 7200}
        client.post("/api/v2/tasks/1/complete", json={"results": [facts]}, headers=headers)
        listed = client.get("/api/v2/trips?page[limit]=5", headers=headers).json()
        assert listed["meta"] == {"total": 1, "pages": 1, "current_page": 1}
        assert listed["data"][0]["start"] == "2026-06-01T16:27:34.000000+02:00"
        whole = client.get("/api/v2/trips/a", headers=headers).json()["data"]
        assert whole["moments"][0]["clips"][0]["start"] == "2026-06-01T16:27:34.000000+02:00"
        refused = client.post("/api/v2/trips/merge", json={"trip_id": []}, headers=headers)
        assert refused.status_code == 400
        assert "trip_ids" in refused.json()["detail"]


def test_only_an_admin_changes_trips(settings, app_of):
    """A viewer looks; joining, cutting and undoing need an admin, where tokens are asked for."""
    strict = msgspec.structs.replace(settings, auth=msgspec.structs.replace(settings.auth, required=True))
    with TestClient(app_of(strict)) as client:

        async def token() -> str:
            return (await client.app.state.tokens.create("viewer", "viewer"))[1]

        with client.portal() as portal:
            headers = {"Authorization": f"Bearer {portal.call(token)}"}
        assert client.get("/api/v1/trips", headers=headers).status_code == 200
        assert client.get("/api/v1/trips/edits", headers=headers).status_code == 200
        for method, path in (("POST", "merge"), ("POST", "a/split"), ("DELETE", "edits/1")):
            assert client.request(method, f"/api/v1/trips/{path}", headers=headers).status_code == 403
        assert client.post("/api/v1/clips/moved", json={}, headers=headers).status_code == 403


def test_any_clip_leads_to_its_trip(api, ingest):
    """A clip that came in later, from before the first, renames the trip; the old name still leads to it."""
    ingest("b", 60)
    ingest("c", 120)
    ingest("a", 0)
    assert api("GET", "/trips/b").json()["trip_id"] == "a"
    assert api("GET", "/trips/a").json()["clips_count"] == 3
    answer = api("GET", "/trips/nobody")
    assert (answer.status_code, answer.json()["detail"]) == (404, "Trip nobody not found")


@pytest.mark.parametrize(("pause", "count"), [(240, 1), (300, 1), (301, 2), (3600, 2)])
def test_a_pause_over_five_minutes_ends_a_trip(ingest, trips, pause, count):
    """The setting's default is five minutes, from the end of one clip to the start of the next."""
    ingest("a", 0)
    ingest("b", 60 + pause)
    assert len(trips()) == count


def test_parking_is_a_trip_of_its_own(api, ingest, trips):
    """Driving, parked, driving: three, even without a pause."""
    ingest("a", 0)
    ingest("b", 60, mode="parking")
    ingest("c", 120, mode="timelapse")
    ingest("d", 180)
    assert trips() == {"a": [("a",)], "b": [("b",), ("c",)], "d": [("d",)]}
    assert [each["mode"] for each in api("GET", "/trips").json()] == ["driving", "parking", "driving"]


def test_an_event_clip_belongs_to_the_drive_it_overlaps(ingest, trips):
    """Its pre-recorded seconds overlap the normal clip of the same lens; that is no second camera."""
    ingest("a", 0)
    ingest("e", 35, seconds=30, mode="event")
    ingest("b", 60)
    assert trips() == {"a": [("a",), ("e",), ("b",)]}


def test_an_event_while_parked_is_of_the_parking(ingest, trips):
    """An impact on a parked car does not split the night."""
    ingest("p1", 0, mode="parking")
    ingest("e", 50, seconds=20, mode="event")
    ingest("p2", 90, mode="parking")
    ingest("drive", 400)
    assert trips() == {"p1": [("p1",), ("e",), ("p2",)], "drive": [("drive",)]}


def test_two_cars_with_one_card_name(ingest, trips):
    """Clips of one lens that overlap are of two cameras; each keeps its own trip, and its own rear lens."""
    for n in range(3):
        ingest(f"a{n}", n * 60, sequence=10 + n)
        ingest(f"b{n}", n * 60 + 25, sequence=900 + n)
        ingest(f"ar{n}", n * 60 + 1, channel="rear")
        ingest(f"br{n}", n * 60 + 26, channel="rear")
    assert trips() == {
        "a0": [("a0", "ar0"), ("a1", "ar1"), ("a2", "ar2")],
        "b0": [("b0", "br0"), ("b1", "br1"), ("b2", "br2")],
    }


def test_clocks_set_back_do_not_mix(ingest, trips):
    """A clock that was set anew in the middle of a card leaves two trips, not one of overlapping clips."""
    for n in range(4):
        ingest(f"old{n}", n * 60, sequence=n)
    for n in range(4):
        ingest(f"new{n}", n * 60 - 7_000_000, sequence=4 + n)
    assert {name: len(each) for name, each in trips().items()} == {"old0": 4, "new0": 4}


def test_cameras_are_apart(api, ingest, trips):
    """Clips of two cameras at the same time are two trips; a listing can ask for one camera."""
    ingest("a", 0)
    ingest("b", 5, camera="blackvue@van")
    assert len(trips()) == 2
    assert [t["trip_id"] for t in api("GET", "/trips?camera=blackvue@van").json()] == ["b"]


def test_days_are_the_cameras(api, ingest):
    """A trip counts for the local day on which it began; limit and offset page."""
    for day in range(3):
        ingest(f"d{day}", day * 86_400)
    assert [t["trip_id"] for t in api("GET", "/trips").json()] == ["d2", "d1", "d0"]
    assert [t["trip_id"] for t in api("GET", "/trips?date_from=2024-01-16&date_to=2024-01-16").json()] == [
        "d1"
    ]
    assert [t["trip_id"] for t in api("GET", "/trips?limit=1&offset=1").json()] == ["d1"]
    assert api("GET", "/trips?date_from=yesterday").status_code == 400
    assert api("GET", "/trips?offset=99").json() == []


def test_confirmed_plates_of_a_trip_count_once(api, ingest):
    """The same plate in two clips of a trip is one plate."""
    ingest("a", 0)
    ingest("b", 60)
    for video_id in ("a", "b"):
        made = api("POST", "/tasks", {"task_type": "HEAVY_PROCESS_VIDEO", "video_id": video_id}).json()
        seen = [
            {"plate": "ABC123", "confidence": 0.9, "confirmed": True},
            {"plate": "XYZ789", "confidence": 0.4},
        ]
        body = {"results": [{"type": "sightings", "sightings": seen}]}
        assert api("POST", f"/tasks/{made['task_id']}/complete", body).status_code == 200
    assert api("GET", "/trips").json()[0]["plates_found"] == 1


# -- people ---------------------------------------------------------------------------------------


def merge(api, *trip_ids):
    """Make trips one; the answer."""
    return api("POST", "/trips/merge", {"trip_ids": list(trip_ids)})


def test_merged_by_hand_and_undone(api, ingest, trips):
    """Two trips with an hour between become one, and two again."""
    ingest("a", 0)
    ingest("b", 4000)
    ingest("c", 9000)
    answer = merge(api, "b", "a").json()
    assert answer["trip"]["trip_id"] == "a"
    assert answer["trip"]["edits"] == [answer["edit"]["edit_id"]]
    assert answer["edit"]["trip_ids"] == ["b", "a"]
    assert trips() == {"a": [("a",), ("b",)], "c": [("c",)]}
    done = api("DELETE", f"/trips/edits/{answer['edit']['edit_id']}").json()
    assert done["undone_at"] is not None
    assert set(trips()) == {"a", "b", "c"}
    assert api("DELETE", f"/trips/edits/{answer['edit']['edit_id']}").status_code == 409


def test_split_by_hand_and_undone(api, ingest, trips):
    """A split falls between moments, whichever of the moment's clips is named."""
    for n in range(4):
        ingest(f"f{n}", n * 60 + 1)
        ingest(f"r{n}", n * 60, channel="rear")
    answer = api("POST", "/trips/r0/split", {"video_id": "f2"}).json()
    assert [each["trip_id"] for each in answer["trips"]] == ["r0", "r2"]
    assert trips() == {"r0": [("r0", "f0"), ("r1", "f1")], "r2": [("r2", "f2"), ("r3", "f3")]}
    api("DELETE", f"/trips/edits/{answer['edit']['edit_id']}")
    assert set(trips()) == {"r0"}


def test_edits_survive_what_comes_later(api, ingest, trips):
    """Clips told anew, and clips that come in between, change nothing that a person said."""
    for n in range(4):
        ingest(f"f{n}", n * 60)
    ingest("far", 5000)
    api("POST", "/trips/f0/split", {"video_id": "f2"})
    merge(api, "f2", "far")
    assert trips() == {"f0": [("f0",), ("f1",)], "f2": [("f2",), ("f3",), ("far",)]}
    for n in range(4):
        ingest(f"f{n}", n * 60, seconds=59.0)
        ingest(f"r{n}", n * 60 + 1, channel="rear")
    ingest("early", -60)
    assert trips() == {
        "early": [("early",), ("f0", "r0"), ("f1", "r1")],
        "f2": [("f2", "r2"), ("f3", "r3"), ("far",)],
    }


def test_a_split_outranks_an_earlier_merge_across_it(api, ingest, trips):
    """What was joined can be cut at the seam, and undoing the cut joins it again."""
    ingest("a", 0)
    ingest("b", 4000)
    ingest("c", 8000)
    merge(api, "a", "b", "c")
    cut = api("POST", "/trips/a/split", {"video_id": "b"}).json()["edit"]["edit_id"]
    assert trips() == {"a": [("a",)], "b": [("b",), ("c",)]}
    api("DELETE", f"/trips/edits/{cut}")
    assert trips() == {"a": [("a",), ("b",), ("c",)]}


def test_a_merge_outranks_an_earlier_split(api, ingest, trips):
    """The halves of a split can be joined again without undoing it."""
    ingest("a", 0)
    ingest("b", 60)
    api("POST", "/trips/a/split", {"video_id": "b"})
    merge(api, "a", "b")
    assert trips() == {"a": [("a",), ("b",)]}


def test_both_halves_of_a_split_hang_together(api, ingest, trips):
    """What was one trip only through its beginning is two after a split, not three."""
    ingest("f0", 0, seconds=600)
    ingest("r0", 100, channel="rear", seconds=20)
    ingest("r1", 500, channel="rear", seconds=20)
    assert set(trips()) == {"f0"}
    edit = api("POST", "/trips/f0/split", {"video_id": "r0"}).json()["edit"]["edit_id"]
    assert trips() == {"f0": [("f0",)], "r0": [("r0",), ("r1",)]}
    api("DELETE", f"/trips/edits/{edit}")
    assert set(trips()) == {"f0"}


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/trips/merge", {"trip_ids": ["a"]}, 400),
        ("/trips/merge", {"trip_ids": ["a", "a"]}, 400),
        ("/trips/merge", {"trip_ids": ["a", "other"]}, 400),
        ("/trips/merge", {"trip_ids": ["a", "gone"]}, 404),
        ("/trips/merge", {"trip_ids": "a"}, 400),
        ("/trips/merge", {"trip_ids": ["a", "../b"]}, 400),
        ("/trips/merge", {"trip_ids": ["a"] * 101}, 400),
        ("/trips/merge", {}, 400),
        ("/trips/a/split", {"video_id": "a"}, 400),
        ("/trips/a/split", {"video_id": "far"}, 404),
        ("/trips/a/split", {"video_id": "gone"}, 404),
        ("/trips/gone/split", {"video_id": "a"}, 404),
        ("/trips/a/split", {}, 400),
    ],
)
def test_what_cannot_be_done_changes_nothing(api, ingest, trips, path, body, status):
    """Refused with a sentence; the trips and the list of edits stay as they are."""
    ingest("a", 0)
    ingest("b", 60)
    ingest("far", 5000)
    ingest("other", 0, camera="another")
    before = trips()
    answer = api("POST", path, body)
    assert (answer.status_code, bool(answer.json()["detail"])) == (status, True)
    assert trips() == before
    assert api("GET", "/trips/edits").json() == []


def test_the_list_of_edits(api, ingest):
    """Newest first, with what was said and whether it holds."""
    ingest("a", 0)
    ingest("b", 60)
    ingest("c", 5000)
    api("POST", "/trips/a/split", {"video_id": "b"})
    merge(api, "b", "c")
    api("DELETE", "/trips/edits/1")
    newest, oldest = api("GET", "/trips/edits").json()
    assert (newest["kind"], newest["trip_ids"], newest["undone_at"]) == ("merge", ["b", "c"], None)
    assert list(oldest) == ["edit_id", "kind", "trip_id", "video_id", "made_at", "undone_at"]
    assert oldest["undone_at"] is not None
    assert api("DELETE", "/trips/edits/7").status_code == 404
    assert api("DELETE", "/trips/edits/x").status_code == 404
