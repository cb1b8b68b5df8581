"""Clips and plates as the catalogue answers them."""

import base64

import pytest

JPEG = base64.b64encode(b"\xff\xd8\xff\xe0" + b"\0" * 40).decode()
ROUTE = [
    {"seconds": 0, "lat": 37.7749, "lon": -122.4194, "time": "2024-01-15T20:34:56Z", "speed_kmh": 30},
    {"seconds": 4, "lat": 37.775, "lon": -122.4195},
]


def sighting(plate, frame=120, **more):
    """A sighting as a worker sends it."""
    return {
        "plate": plate,
        "confidence": 0.92,
        "confirmed": True,
        "frame_number": frame,
        "timestamp": "2024-01-15T12:36:45",
        "location": {"lat": 37.7749, "lon": -122.4194},
        "candidates": [],
        "crop": JPEG,
        **more,
    }


@pytest.fixture
def processed(api):
    """A clip that went through all four stages."""
    clip = {
        "type": "clip", "filename": "20240115_123456.MP4", "start_local": "2024-01-15T12:34:56",
        "start_utc": "2024-01-15T20:34:56Z", "duration_seconds": 1800.0, "total_frames": 1500,
    }  # fmt: skip
    steps = [
        ("INGEST_VIDEO", [clip, {"type": "route", "points": ROUTE}]),
        ("PREPROCESS_VIDEO", [{"type": "clip", "poster": JPEG}]),
        (
            "HEAVY_PROCESS_VIDEO",
            [
                {
                    "type": "sightings",
                    "tracks": 42,
                    "sightings": [sighting("ABC123"), sighting("XYZ-789", 456)],
                }
            ],
        ),
        ("ARCHIVE_VIDEO", [{"type": "archive", "device": "shed_nas", "path": "/archive/trip_1/"}]),
    ]
    for number, (task_type, results) in enumerate(steps, 1):
        api("POST", "/tasks", {"task_type": task_type, "video_id": "trip_1"})
        answer = api("POST", f"/tasks/{number}/complete", {"results": results})
        assert answer.status_code == 200, answer.text
    return "trip_1"


def test_video_list_is_as_printed(api, processed):
    """The listed clip has the printed keys and values."""
    assert api("GET", "/webui/videos").json() == [
        {
            "video_id": "trip_1",
            "filename": "20240115_123456.MP4",
            "date_recorded": "2024-01-15",
            "duration_seconds": 1800,
            "total_frames": 1500,
            "detections_count": 42,
            "plates_found": 2,
            "status": "processed",
            "archive_path": "//shed-nas/archive/trip_1/",
        }
    ]


def test_video_detail_is_as_printed(api, processed):
    """The shown clip adds time of day, route and timeline, in the printed order."""
    video = api("GET", f"/webui/videos/{processed}").json()
    assert list(video)[-2:] == ["gps_route", "timeline"]
    assert video["date_recorded"] == "2024-01-15T12:34:56"
    assert video["gps_route"][1] == {"lat": 37.775, "lon": -122.4195, "timestamp": "2024-01-15T12:35:00"}
    assert video["timeline"]["plates"][0] == {"frame": 120, "plate": "ABC123", "confidence": 0.92}


def test_plates_are_as_printed(api, processed):
    """A found plate has the printed keys; its thumbnail lies in the archive."""
    assert api("GET", "/webui/plates?plate_query=bc1").json() == [
        {
            "video_id": "trip_1",
            "plate_text": "ABC123",
            "confidence": 0.92,
            "frame_number": 120,
            "timestamp": "2024-01-15T12:36:45",
            "location": {"lat": 37.7749, "lon": -122.4194},
            "thumbnail_url": "//shed-nas/archive/trip_1/plates/ABC123_thumb.jpg",
        }
    ]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", 2), ("?plate_query=X", 1), ("?plate_query=xyz 7", 1), ("?plate_query=%25", 0), ("?plate_query=AB", 1),
        ("?plate_query=ABD", 0), ('?plate_query="OR', 0), ("?date_from=2024-01-15&date_to=2024-01-15", 2),
        ("?date_from=2024-01-16", 0), ("?date_to=2024-01-14", 0), ("?limit=1", 1), ("?offset=2", 0),
        ("?confirmed=true", 2), ("?confirmed=false", 0),
        ("?plate_query=abc123&match=exact", 1), ("?plate_query=abc12&match=exact", 0),
        ("?plate_query=A8C1Z3&match=similar", 1), ("?plate_query=ABC12&match=similar", 1), ("?plate_query=QQQ&match=similar", 0),
        ("?plate_query=A?C*3", 1), ("?plate_query=A?C", 0), ("?plate_query=*", 2), ("?plate_query=%5B*", 2),
        ("?near=37.775,-122.4194&radius_m=100", 2), ("?near=37.785,-122.4194&radius_m=100", 0),
        ("?bbox=37,-123,38,-122", 2), ("?bbox=37,170,38,-122", 2), ("?bbox=37,-122.4193,38,-122", 0),
        ("?video_id=trip_1", 2), ("?video_id=other", 0),
    ],
)  # fmt: skip
def test_plate_search(api, processed, query, found):
    """Fragments of any length match inside a plate; days are inclusive; nothing is a query language."""
    assert len(api("GET", f"/webui/plates{query}").json()) == found


@pytest.mark.parametrize(
    "query",
    [
        "date_from=15.1.2024",
        "date_to=2024-13-01",
        "limit=0",
        "limit=1001",
        "match=like",
        "near=1",
        "near=91,0",
        "bbox=1,2,3",
        "near=nan,0",
        "near=1,2&bbox=W",
    ],
)
def test_bad_search_is_400(api, query):
    """A date that is none and a limit out of range are refused."""
    assert api("GET", f"/webui/plates?{query}").status_code == 400


def test_only_clips_with_a_completed_task_are_listed(api):
    """Others appear under `status=all`, and by their own status."""
    api("POST", "/tasks", {"task_type": "INGEST_VIDEO", "video_id": "waiting"})
    assert api("GET", "/webui/videos").json() == []
    assert api("GET", "/webui/videos?status=all").json()[0]["status"] == "queued"
    assert api("GET", "/webui/videos?status=failed").json() == []
    assert api("GET", "/webui/videos/none").json() == {"detail": "Video none not found"}


def test_results_replace_what_the_stage_said(api, processed):
    """Running a stage again replaces its sightings."""
    api("POST", "/tasks", {"task_type": "HEAVY_PROCESS_VIDEO", "video_id": processed})
    again = {"results": {"type": "sightings", "sightings": [sighting("NEW1")]}}
    assert api("POST", "/tasks/5/complete", again).status_code == 200
    assert [p["plate_text"] for p in api("GET", "/webui/plates").json()] == ["NEW1"]
    assert api("GET", "/webui/videos").json()[0]["plates_found"] == 1


def test_documented_metadata_fills_the_catalogue(api):
    """Counts and file names that a script writes into metadata are shown."""
    api("POST", "/tasks", {"task_type": "INGEST_VIDEO", "video_id": "m", "metadata": {"filename": "A.MP4"}})
    api(
        "POST",
        "/tasks/1/complete",
        {"metadata": {"frame_count": 1500, "plates_found": 12, "detections_count": 42}},
    )
    video = api("GET", "/webui/videos").json()[0]
    assert (video["filename"], video["total_frames"], video["plates_found"]) == ("A.MP4", 1500, 12)
    assert video["detections_count"] == 42


@pytest.mark.parametrize(
    "results",
    [
        [{"type": "nothing"}],
        [{"type": "sightings", "sightings": [{"plate": "--", "confidence": 0.5}]}],
        [{"type": "sightings", "sightings": [{"plate": "A1", "confidence": 2}]}],
        [
            {
                "type": "sightings",
                "sightings": [{"plate": "A1", "confidence": 1, "crop": base64.b64encode(b"GIF").decode()}],
            }
        ],
        [{"type": "route", "points": [{"seconds": 0, "lat": 91, "lon": 0}]}],
        "text",
    ],
)
def test_bad_results_are_400_and_change_nothing(api, results):
    """Results that cannot be true are refused whole."""
    api("POST", "/tasks", {"task_type": "INGEST_VIDEO", "video_id": "v"})
    assert api("POST", "/tasks/1/complete", {"results": results}).status_code == 400
    assert api("GET", "/tasks/1").json()["state"] == "pending"


def test_pictures_are_served_by_hash_only(api, client, processed):
    """A crop is served; anything that is not in the catalogue is not."""
    url = api("GET", "/webui/plates?expand=media").json()[0]["media"]
    assert client.get(url).content == base64.b64decode(JPEG)
    for other in ("/media/" + "0" * 40 + ".jpg", "/media/..%2f..%2fdashcam.sqlite", "/media/x"):
        assert client.get(other).status_code == 404


def test_a_clip_tells_its_files_route_and_boxes(api):
    """Who exports a clip gets its files, whole fixes and where each plate is, when asked for."""
    api("POST", "/tasks", {"task_type": "INGEST_VIDEO", "video_id": "e"})
    point = {"seconds": 1.5, "lat": 40.0, "lon": -3.0, "time": "2026-06-01T14:00:00Z", "speed_kmh": 50}
    seen = {"plate": "ABC123", "confidence": 0.9, "track": 7, "box": [1.5, 2, 30, 9.25]}
    raw = {"device": "nas", "path": "/videos/raw/e.mp4", "type": "video"}
    body = {
        "outputs": [raw],
        "results": [
            {"type": "route", "dialect": "gpx", "points": [point]},
            {"type": "sightings", "sightings": [seen]},
        ],
    }
    api("POST", "/tasks/1/complete", body)
    clip = api("GET", "/webui/videos/e?expand=files,route,sightings").json()
    assert clip["files"] == [{"task_type": "INGEST_VIDEO", "file": raw}]
    assert clip["route"]["dialect"] == "gpx"
    assert clip["route"]["points"] == [point | {"speed_kmh": 50, "course": None, "altitude": None}]
    assert [(s["track"], s["box"]) for s in clip["sightings"]] == [(7, [1.5, 2.0, 30.0, 9.25])]
    assert not {"files", "route"} & set(api("GET", "/webui/videos/e").json())


def test_known_contents(api):
    """A content is known from the moment it was handed in, and no longer once its tasks were given up."""
    api("POST", "/tasks", {"task_type": "INGEST_VIDEO", "video_id": "k", "metadata": {"fingerprint": "f1"}})
    assert api("POST", "/clips/known", {"fingerprints": ["f1", "f2"]}).json() == {"known": {"f1": "k"}}
    lease = api("POST", "/tasks/pending", {}, params={"worker": "w"}).json()[0]["lease"]
    api("POST", "/tasks/1/fail", {"lease": lease, "error": "damaged", "retry": False})
    assert api("POST", "/clips/known", {"fingerprints": ["f1"]}).json() == {"known": {}}


def test_pages_show_hostile_names_as_text(api, client):
    """A plate or file name is text, never markup; the policy forbids scripts."""
    api("POST", "/tasks", {"task_type": "INGEST_VIDEO", "video_id": "v"})
    clip = {"type": "clip", "filename": "<script>alert(1)</script>.mp4"}
    api("POST", "/tasks/1/complete", {"results": [clip]})
    for path in ("/", "/videos", "/videos/v", "/plates?q=<script>"):
        page = client.get(path)
        assert page.status_code == 200
        assert "<script>" not in page.text
        assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert client.get("/videos/none").status_code == 404


def test_health(client):
    """The server says that it is alive."""
    assert client.get("/health").json() == {"status": "ok"}


def test_queue_says_why_tasks_wait(api):
    """Each group that waits has a sentence: what it needs, and who last had it."""
    api(
        "POST",
        "/tasks",
        {
            "task_type": "HEAVY_PROCESS_VIDEO",
            "inputs": [{"device": "nas", "path": "/a"}],
            "device_capabilities_required": {"gpu_vram_gb": 8},
        },
    )
    why = api("GET", "/queue").json()["waiting"][0]["why"]
    assert "gpu_vram_gb >= 8" in why
    assert "ever seen" in why
    beat = {"hostname": "rtx", "device_type": "gpu", "capabilities": {"gpu_vram_gb": 24}}
    api("POST", "/devices/heartbeat", beat)
    assert "rtx has it and is online" in api("GET", "/queue").json()["waiting"][0]["why"]


def test_completion_that_says_nothing_takes_nothing_back(api, processed):
    """A script's bare completion leaves what the catalogue knew of the clip."""
    before = api("GET", "/webui/videos").json()
    for number, task_type in enumerate(("INGEST_VIDEO", "HEAVY_PROCESS_VIDEO"), 5):
        api("POST", "/tasks", {"task_type": task_type, "video_id": processed})
        assert api("POST", f"/tasks/{number}/complete").status_code == 200
    assert api("GET", "/webui/videos").json() == before
