"""The API reference, promise by promise. Written from the reference alone: each test quotes what it holds."""

import contextlib
import re
import socket
import time
from collections.abc import Iterator
from datetime import datetime

import httpx
import msgspec
import pytest
from litestar.testing import TestClient

from config.settings import LimitSettings
from tests.house import wait_for

# Together they take long for an inner loop; CI runs them.
pytestmark = pytest.mark.slow

TYPES = ("INGEST_VIDEO", "PREPROCESS_VIDEO", "HEAVY_PROCESS_VIDEO", "ARCHIVE_VIDEO")
TASK_KEYS = [
    "task_id", "task_type", "state", "created_at", "completed_at", "video_id", "inputs", "outputs", "metadata",
    "device_capabilities_required",
]  # fmt: skip
DEVICE_KEYS = [
    "device_id",
    "hostname",
    "device_type",
    "status",
    "last_heartbeat",
    "tasks_running",
    "capabilities",
]
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")
VIDEO = "trip_20240115_1"


@pytest.fixture
def client(settings, app_of) -> Iterator[TestClient]:
    """A server without rate limits, and a client of it."""
    free = LimitSettings(requests_per_minute=0, connections=0)
    with TestClient(app_of(msgspec.structs.replace(settings, limits=free))) as running:
        yield running


@pytest.fixture
def limited(settings, app_of) -> Iterator[TestClient]:
    """A server with the limits that it has by default."""
    with TestClient(app_of(settings)) as running:
        yield running


@pytest.fixture
def make(api):
    """Create a task: `make("INGEST_VIDEO", video_id=...)`; its JSON."""

    def create(task_type: str = "INGEST_VIDEO", **more: object) -> dict:
        answer = api("POST", "/tasks", {"task_type": task_type} | more)
        assert answer.status_code == 201, answer.text
        return answer.json()

    return create


@pytest.fixture
def many(api):
    """Create so many tasks."""

    def create(count: int) -> None:
        for begin in range(0, count, 1000):
            size = min(1000, count - begin)
            assert api("POST", "/tasks/batch", [{"task_type": "INGEST_VIDEO"}] * size).status_code == 201

    return create


@pytest.fixture
def clip(api, make):
    """A clip whose four tasks are complete, told with section 3's documented metadata and outputs."""

    def archive(video_id: str = VIDEO) -> None:
        told = {
            "INGEST_VIDEO": {"filename": "20240115_123456.MP4", "source": "dashcam-1"},
            "PREPROCESS_VIDEO": {"frame_count": 1500, "filtered_frames": 300},
            "HEAVY_PROCESS_VIDEO": {"detections_count": 42, "plates_found": 12},
            "ARCHIVE_VIDEO": {"finalized": True, "archive_size_mb": 450},
        }
        for task_type, metadata in told.items():
            made = make(task_type, video_id=video_id, metadata=metadata)
            assert api("POST", f"/tasks/{made['task_id']}/complete").status_code == 200

    return archive


@pytest.fixture
def token(client) -> str:
    """An admin's JWT."""
    return client.blocking_portal.call(client.app.state.tokens.create, "reference", "admin")[1]


@pytest.fixture
def v2(client, token):
    """Call below /api/v2 with a token."""

    def call(method: str, path: str, **more: object) -> httpx.Response:
        return client.request(method, f"/api/v2{path}", headers={"Authorization": f"Bearer {token}"}, **more)

    return call


# -- 1. Overview -----------------------------------------------------------------------------------


def test_api_needs_no_authentication(api):
    """ "Currently, the API does not require authentication"."""
    assert api("GET", "/tasks").status_code == 200


def test_a_bearer_header_does_no_harm(api):
    """ "In production, use JWT tokens: Authorization: Bearer {token}": clients that send one work already."""
    assert api("GET", "/tasks", headers={"Authorization": "Bearer whatever"}).status_code == 200


# -- 2.1 GET /tasks --------------------------------------------------------------------------------


def test_tasks_is_a_list(api):
    """ "List all tasks": a JSON list, empty at first."""
    assert api("GET", "/tasks").json() == []


def test_tasks_filters_by_type(api, make):
    """ "`task_type` (query): Filter by task type"."""
    for task_type in TYPES:
        make(task_type)
    assert [t["task_type"] for t in api("GET", "/tasks?task_type=ARCHIVE_VIDEO").json()] == ["ARCHIVE_VIDEO"]


def test_tasks_filters_by_state(api, make):
    """ "`state` (query): Filter by state (`pending` or `complete`)"."""
    make()
    make()
    api("POST", "/tasks/1/complete")
    assert [t["task_id"] for t in api("GET", "/tasks?state=complete").json()] == [1]
    assert [t["task_id"] for t in api("GET", "/tasks?state=pending").json()] == [2]


def test_tasks_filters_combine(api, make):
    """Both filters at once."""
    make("INGEST_VIDEO")
    make("ARCHIVE_VIDEO")
    api("POST", "/tasks/2/complete")
    assert api("GET", "/tasks?state=complete&task_type=INGEST_VIDEO").json() == []
    assert len(api("GET", "/tasks?state=complete&task_type=ARCHIVE_VIDEO").json()) == 1


def test_tasks_limit_is_100_by_default(api, many):
    """ "`limit`: Maximum number of tasks to return (default: 100"."""
    many(101)
    assert len(api("GET", "/tasks").json()) == 100


def test_tasks_limit_is_1000_at_most(api, many):
    """ "max: 1000"): a thousand come at once, more cannot be asked for."""
    many(1001)
    assert len(api("GET", "/tasks?limit=1000").json()) == 1000
    assert api("GET", "/tasks?limit=1001").status_code == 400


def test_tasks_offset_starts_at_0(api, many):
    """ "`offset` (query): Pagination offset (default: 0)"."""
    many(5)
    assert [t["task_id"] for t in api("GET", "/tasks?limit=2").json()] == [1, 2]
    assert [t["task_id"] for t in api("GET", "/tasks?limit=2&offset=0").json()] == [1, 2]
    assert [t["task_id"] for t in api("GET", "/tasks?limit=2&offset=4").json()] == [5]


def test_tasks_have_the_printed_keys(api, make):
    """The printed task: ten keys, in their order."""
    make()
    assert list(api("GET", "/tasks").json()[0]) == TASK_KEYS


def test_tasks_can_be_asked_for_by_clip(api, make):
    """Section 17: `GET /tasks?video_id=`."""
    make(video_id="one")
    make(video_id="two")
    assert [t["video_id"] for t in api("GET", "/tasks?video_id=two").json()] == ["two"]


# -- 2.1 GET /tasks/{task_id} ----------------------------------------------------------------------


def test_one_task_is_an_object(api, make):
    """ "Get a specific task by ID"."""
    made = make(video_id=VIDEO)
    assert api("GET", f"/tasks/{made['task_id']}").json() == made


def test_a_task_that_is_not_there(api):
    """Section 6: 404 with `{"detail": "Task 999 not found"}`."""
    answer = api("GET", "/tasks/999")
    assert answer.status_code == 404
    assert answer.json() == {"detail": "Task 999 not found"}


# -- 2.1 POST /tasks -------------------------------------------------------------------------------


def test_created_is_201(api):
    """Section 6: "`201 Created`: Task was created"."""
    assert api("POST", "/tasks", {"task_type": "INGEST_VIDEO"}).status_code == 201


@pytest.mark.parametrize("task_type", TYPES)
def test_task_type_alone_is_enough(make, task_type):
    """ "Required Fields: `task_type`", of one of four kinds; the rest is empty."""
    made = make(task_type)
    assert list(made) == TASK_KEYS
    assert (made["task_type"], made["state"], made["completed_at"], made["video_id"]) == (
        task_type,
        "pending",
        None,
        None,
    )
    assert (made["inputs"], made["outputs"], made["metadata"]) == ([], [], {})
    assert made["device_capabilities_required"] == {}


def test_task_type_is_required(api):
    """ "Required Fields": 400 without it, naming it."""
    answer = api("POST", "/tasks", {"video_id": VIDEO})
    assert answer.status_code == 400
    assert "task_type" in answer.json()["detail"]


def test_task_type_is_one_of_four(api):
    """ "One of `INGEST_VIDEO`, ...": anything else is 400."""
    assert api("POST", "/tasks", {"task_type": "UPLOAD_VIDEO"}).status_code == 400


def test_created_at_is_a_time_as_printed(make):
    """`"created_at": "2024-01-15T10:30:00"`, which `datetime.fromisoformat` reads (example 2)."""
    text = make()["created_at"]
    assert TIME.fullmatch(text)
    assert isinstance(datetime.fromisoformat(text), datetime)


def test_task_ids_are_numbers_that_grow(make):
    """`"task_id": 1`, then 2."""
    assert [make()["task_id"], make()["task_id"]] == [1, 2]


# -- 2.1 POST /tasks/{task_id}/complete ------------------------------------------------------------


def test_complete_answers_200_with_four_keys(api, make):
    """`message`, `task_type`, `completed_at`, `new_tasks_created`."""
    make()
    answer = api("POST", "/tasks/1/complete", {"new_tasks": [{"task_type": "PREPROCESS_VIDEO"}]})
    assert answer.status_code == 200
    got = answer.json()
    assert list(got) == ["message", "task_type", "completed_at", "new_tasks_created"]
    assert (got["message"], got["task_type"]) == ("Task 1 marked as complete", "INGEST_VIDEO")
    assert got["new_tasks_created"] == 1
    assert TIME.fullmatch(got["completed_at"])


def test_complete_marks_the_task(api, make):
    """ "Mark a task as complete": its state, and when."""
    make()
    done = api("POST", "/tasks/1/complete", {"new_tasks": []}).json()
    task = api("GET", "/tasks/1").json()
    assert (task["state"], task["completed_at"]) == ("complete", done["completed_at"])


def test_complete_publishes_downstream_tasks(api, make):
    """ "optionally publish new downstream tasks"."""
    make(video_id=VIDEO)
    ref = {"device": "jetson_coral", "path": f"/preproc/{VIDEO}/"}
    new = {"task_type": "HEAVY_PROCESS_VIDEO", "video_id": VIDEO, "inputs": [ref]}
    api("POST", "/tasks/1/complete", {"new_tasks": [new]})
    task = api("GET", "/tasks/2").json()
    assert (task["task_type"], task["video_id"], task["inputs"], task["state"]) == (
        "HEAVY_PROCESS_VIDEO", VIDEO, [ref], "pending",
    )  # fmt: skip


def test_complete_needs_no_body(api, make):
    """Section 17, step 8: `curl -X POST .../complete` without a body."""
    make()
    answer = api("POST", "/tasks/1/complete")
    assert (answer.status_code, answer.json()["new_tasks_created"]) == (200, 0)


def test_complete_of_nothing_is_404(api):
    """Section 6: "Task or device doesn't exist"."""
    assert api("POST", "/tasks/999/complete").status_code == 404


# -- 2.1 GET /tasks/pending ------------------------------------------------------------------------


def test_pending_gives_one_by_default(api, many):
    """ "`limit`: Maximum number of tasks to return (default: 1"."""
    many(3)
    assert len(api("GET", "/tasks/pending").json()) == 1


def test_pending_gives_100_at_most(api, many):
    """ "max: 100)"."""
    many(101)
    assert len(api("GET", "/tasks/pending?limit=100").json()) == 100
    assert api("GET", "/tasks/pending?limit=101").status_code == 400


def test_pending_filters_by_type(api, make):
    """ "`task_type` (query): Filter by specific task type"."""
    make("INGEST_VIDEO")
    make("ARCHIVE_VIDEO")
    assert [t["task_id"] for t in api("GET", "/tasks/pending?task_type=ARCHIVE_VIDEO").json()] == [2]


def test_pending_filters_by_capabilities(api, make):
    """ "`device_capabilities` (body): Device capabilities for filtering"."""
    make("HEAVY_PROCESS_VIDEO", device_capabilities_required={"gpu_vram_gb": 8, "cpu_cores": 6})
    path = "/tasks/pending?task_type=HEAVY_PROCESS_VIDEO"
    assert api("GET", path, {"gpu_vram_gb": 4, "cpu_cores": 8}).json() == []
    assert len(api("GET", path, {"gpu_vram_gb": 8, "cpu_cores": 6}).json()) == 1
    assert len(api("GET", path, {"gpu_vram_gb": 16, "cpu_cores": 8, "storage_gb": 500}).json()) == 1


def test_pending_shows_no_completed_task(api, make):
    """ "Get pending tasks"."""
    make()
    api("POST", "/tasks/1/complete")
    assert api("GET", "/tasks/pending").json() == []


def test_pending_by_get_is_read_only(api, make):
    """Section 16: "`GET`: Retrieve resources (read-only)": asking twice shows the same."""
    make()
    first = api("GET", "/tasks/pending").json()
    assert first == api("GET", "/tasks/pending").json()
    assert list(first[0]) == TASK_KEYS


def test_pending_by_post_as_section_17_pulls(client, make):
    """Section 17: `curl -d '{"gpu_vram_gb": 8}'` sends a POST, and gets a list with the task."""
    made = make("PREPROCESS_VIDEO", video_id=VIDEO)
    path = "/api/v1/tasks/pending?task_type=PREPROCESS_VIDEO"
    answer = client.post(path, content=b'{"gpu_vram_gb": 8}', headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()) == (200, [made])


# -- 2.2 Devices -----------------------------------------------------------------------------------


def test_heartbeat_needs_two_fields(api):
    """ "Required Fields: `hostname`, `device_type`": both are enough, either alone is 400."""
    assert api("POST", "/devices/heartbeat", {"hostname": "h", "device_type": "t"}).status_code == 200
    assert api("POST", "/devices/heartbeat", {"hostname": "h"}).status_code == 400
    assert api("POST", "/devices/heartbeat", {"device_type": "t"}).status_code == 400


def test_heartbeat_answers_three_keys(api):
    """`message`, `device_id`, `last_heartbeat`."""
    got = api(
        "POST", "/devices/heartbeat", {"hostname": "jetson-coral-1", "device_type": "jetson_coral"}
    ).json()
    assert list(got) == ["message", "device_id", "last_heartbeat"]
    assert (got["message"], got["device_id"]) == ("Heartbeat received for jetson-coral-1", 1)
    assert TIME.fullmatch(got["last_heartbeat"])


def test_devices_lists_what_was_heard(api):
    """ "List all registered devices": the printed keys, as they were told."""
    told = {
        "hostname": "h",
        "device_type": "t",
        "status": "online",
        "capabilities": {"gpu_vram_gb": 8, "x": [1]},
    }
    api("POST", "/devices/heartbeat", told)
    (device,) = api("GET", "/devices").json()
    assert list(device) == DEVICE_KEYS
    assert {key: device[key] for key in told} == told
    assert device["tasks_running"] == 0


def test_a_second_heartbeat_is_the_same_device(api):
    """ "Update device heartbeat": no second device."""
    for _ in range(2):
        assert (
            api("POST", "/devices/heartbeat", {"hostname": "h", "device_type": "t"}).json()["device_id"] == 1
        )
    assert len(api("GET", "/devices").json()) == 1


def test_one_device_by_hostname(api):
    """ "Get specific device by hostname", 404 where there is none."""
    api("POST", "/devices/heartbeat", {"hostname": "h", "device_type": "t"})
    assert api("GET", "/devices/h").json() == api("GET", "/devices").json()[0]
    answer = api("GET", "/devices/nobody")
    assert (answer.status_code, answer.json()) == (404, {"detail": "Device nobody not found"})


# -- 2.3 WebUI -------------------------------------------------------------------------------------


def test_videos_tell_what_tasks_told(api, clip):
    """The printed clip, as far as section 3's metadata and outputs tell it."""
    clip()
    (video,) = api("GET", "/webui/videos").json()
    assert list(video) == [
        "video_id", "filename", "date_recorded", "duration_seconds", "total_frames", "detections_count",
        "plates_found", "status", "archive_path",
    ]  # fmt: skip
    assert (video["video_id"], video["filename"]) == (VIDEO, "20240115_123456.MP4")
    assert (video["total_frames"], video["detections_count"], video["plates_found"]) == (1500, 42, 12)
    assert (video["status"], video["archive_path"]) == ("processed", f"//shed-nas/archive/{VIDEO}/")


def test_videos_limit_is_50_by_default(api, make):
    """ "`limit` (query): Maximum number of videos (default: 50)"."""
    for number in range(51):
        task = make(video_id=f"clip_{number}")
        api("POST", f"/tasks/{task['task_id']}/complete")
    assert len(api("GET", "/webui/videos").json()) == 50
    assert len(api("GET", "/webui/videos?limit=51").json()) == 51
    assert len(api("GET", "/webui/videos?offset=50").json()) == 1


def test_video_detail_has_route_and_timeline(api, clip):
    """ "Get detailed information": `gps_route` and `timeline.plates`, 404 for what is not there."""
    clip()
    video = api("GET", f"/webui/videos/{VIDEO}").json()
    assert (video["gps_route"], video["timeline"]) == ([], {"plates": []})
    answer = api("GET", "/webui/videos/nowhere")
    assert (answer.status_code, answer.json()) == (404, {"detail": "Video nowhere not found"})


def test_dates_are_checked(api):
    """ "(YYYY-MM-DD)": a date is taken, anything else is 400."""
    for name in ("date_from", "date_to"):
        assert api("GET", f"/webui/videos?{name}=2024-01-15").status_code == 200
        assert api("GET", f"/webui/videos?{name}=15.01.2024").status_code == 400
        assert api("GET", f"/webui/plates?{name}=2024-01-15").status_code == 200


def test_dates_filter_videos_inclusively(api, make):
    """ "`date_from`, `date_to`: Filter by start date, end date": a clip of that day is within both."""
    make(video_id=VIDEO)
    api("POST", "/tasks/1/complete", {"results": [{"type": "clip", "start_local": "2024-01-15T23:59:58"}]})
    shown = {
        days: len(api("GET", f"/webui/videos?{days}").json())
        for days in (
            "date_from=2024-01-15",
            "date_to=2024-01-15",
            "date_from=2024-01-16",
            "date_to=2024-01-14",
        )
    }
    assert list(shown.values()) == [1, 1, 0, 0]


def test_plates_by_part_of_their_text(api, make):
    """ "`plate_query` (query): Partial plate text to search for", across all videos."""
    for number, plate in enumerate(("ABC123", "XYZ789"), 1):
        make("HEAVY_PROCESS_VIDEO", video_id=f"clip_{number}")
        seen = {
            "plate": plate,
            "confidence": 0.9,
            "frame_number": 7,
            "timestamp": f"2024-01-1{number}T12:00:00",
        }
        results = [{"type": "sightings", "sightings": [seen]}]
        assert api("POST", f"/tasks/{number}/complete", {"results": results}).status_code == 200
    (found,) = api("GET", "/webui/plates?plate_query=BC1").json()
    assert list(found) == [
        "video_id", "plate_text", "confidence", "frame_number", "timestamp", "location", "thumbnail_url",
    ]  # fmt: skip
    assert (found["video_id"], found["plate_text"]) == ("clip_1", "ABC123")
    assert len(api("GET", "/webui/plates").json()) == 2
    assert [p["plate_text"] for p in api("GET", "/webui/plates?date_from=2024-01-12").json()] == ["XYZ789"]
    assert [p["plate_text"] for p in api("GET", "/webui/plates?date_to=2024-01-11").json()] == ["ABC123"]


# -- 4. and 5. -------------------------------------------------------------------------------------


def test_file_references_need_device_and_path(api):
    """ "`device` (string, required)", "`path` (string, required)"; `type` and `temporary` are optional."""
    for ref, status in (
        ({"device": "indoor_nas", "path": "/a.mp4"}, 201),
        ({"device": "indoor_nas", "path": "/a.mp4", "type": "video", "temporary": False}, 201),
        ({"device": "indoor_nas"}, 400),
        ({"path": "/a.mp4"}, 400),
        ({"device": "indoor_nas", "path": "/a.mp4", "temporary": "no"}, 400),
    ):
        assert api("POST", "/tasks", {"task_type": "INGEST_VIDEO", "inputs": [ref]}).status_code == status, (
            ref
        )


@pytest.mark.parametrize(
    ("needs", "enough"),
    [
        ({"gpu_vram_gb": 8}, {"gpu_vram_gb": 8}),
        ({"has_coral_tpu": True}, {"has_coral_tpu": True}),
        (
            {"storage_gb": 500, "network_bandwidth_mbps": 1000},
            {"storage_gb": 500.5, "network_bandwidth_mbps": 1000},
        ),
    ],
)
def test_tasks_can_require_capabilities(api, make, needs, enough):
    """ "Tasks can require specific capabilities": a device that has them gets the task, one without does not."""
    make(device_capabilities_required=needs)
    assert len(api("GET", "/tasks/pending", enough).json()) == 1
    assert api("GET", "/tasks/pending", {"cpu_cores": 64}).json() == []


# -- 6. Errors -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "request_of",
    [
        ("POST", "/tasks", {}),
        ("POST", "/tasks", {"task_type": 7}),
        ("POST", "/tasks", {"task_type": "INGEST_VIDEO", "inputs": "x"}),
        ("POST", "/tasks", {"task_type": "INGEST_VIDEO", "metadata": []}),
        ("GET", "/tasks?limit=many", None),
        ("GET", "/tasks?limit=0", None),
        ("GET", "/tasks?offset=-1", None),
        ("GET", "/tasks?state=done", None),
    ],
)
def test_validation_errors_are_400_with_detail(api, request_of):
    """ "`400 Bad Request`: Missing required fields or validation error", as `{"detail": "..."}`."""
    answer = api(*request_of)
    assert answer.status_code == 400
    assert isinstance(answer.json()["detail"], str)
    assert answer.json()["detail"]


def test_invalid_json_is_400(client):
    """Section 13: "Invalid JSON: `400 Bad Request`"."""
    headers = {"Content-Type": "application/json"}
    answer = client.post("/api/v1/tasks", content=b'{"task_type": ', headers=headers)
    assert answer.status_code == 400
    assert isinstance(answer.json()["detail"], str)


def test_unknown_addresses_are_404_with_detail(api):
    """ "`404 Not Found`", in the printed error shape."""
    answer = api("GET", "/nothing")
    assert answer.status_code == 404
    assert isinstance(answer.json()["detail"], str)


# -- 7. Rate limiting, 16. Response headers --------------------------------------------------------


def test_hundred_requests_a_minute(limited):
    """ "100 requests per minute per IP address. Exceeding these limits returns `429 Too Many Requests`"."""
    statuses = [limited.get("/api/v1/tasks").status_code for _ in range(101)]
    assert statuses == [200] * 100 + [429]


@pytest.mark.slow
def test_ten_connections_at_once(house):
    """ "10 concurrent connections maximum": the eleventh request at the same time is refused, later ones are not."""
    house.server(limits=("0", "10"))
    host, port = house.url.removeprefix("http://").split(":")
    head = b"POST /api/v1/tasks HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 30\r\n\r\n"
    with contextlib.ExitStack() as open_ones:
        waiting = [
            open_ones.enter_context(socket.create_connection((host, int(port)), 10)) for _ in range(10)
        ]
        for each in waiting:
            each.sendall(head)  # its body is to come: the server is busy with it
        wait_for(lambda: httpx.get(f"{house.url}/api/v1/tasks").status_code == 429, seconds=10)
        for each in waiting:
            each.sendall(b'{"task_type": "INGEST_VIDEO"} ')
        answers = [each.recv(65536).partition(b"\r\n")[0] for each in waiting]
    assert answers == [b"HTTP/1.1 201 Created"] * 10
    wait_for(lambda: httpx.get(f"{house.url}/api/v1/tasks").status_code == 200, seconds=10)


def test_rate_limit_headers(limited):
    """`X-RateLimit-Limit`, `X-RateLimit-Remaining`, `X-RateLimit-Reset` (Unix timestamp)."""
    first, second = limited.get("/api/v1/tasks").headers, limited.get("/api/v1/tasks/999").headers
    assert first["X-RateLimit-Limit"] == second["X-RateLimit-Limit"] == "100"
    assert (first["X-RateLimit-Remaining"], second["X-RateLimit-Remaining"]) == ("99", "98")
    assert 0 < int(first["X-RateLimit-Reset"]) - time.time() <= 61
    assert first["X-RateLimit-Reset"] == second["X-RateLimit-Reset"]


def test_refusals_carry_the_headers_too(limited):
    """The 429 says the limit, that nothing is left, and has the printed error shape."""
    for _ in range(100):
        limited.get("/api/v1/tasks")
    refused = limited.get("/api/v1/tasks")
    assert (refused.headers["X-RateLimit-Limit"], refused.headers["X-RateLimit-Remaining"]) == ("100", "0")
    assert isinstance(refused.json()["detail"], str)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/tasks"), ("GET", "/tasks/999"), ("POST", "/tasks"), ("GET", "/tasks/pending"), ("GET", "/devices"),
        ("GET", "/devices/x"), ("POST", "/devices/heartbeat"), ("GET", "/webui/videos"), ("GET", "/webui/videos/x"),
        ("GET", "/webui/plates"), ("GET", "/metrics"), ("GET", "/nothing"), ("PUT", "/tasks"),
    ],
)  # fmt: skip
def test_content_type_is_json_everywhere(api, method, path):
    """ "`Content-Type: application/json`: Always present in responses", errors included."""
    assert api(method, path).headers["Content-Type"].partition(";")[0] == "application/json"


# -- 16. Content types -----------------------------------------------------------------------------


def test_forms_are_an_alternative_for_simple_data(client):
    """ "`application/x-www-form-urlencoded`: Alternative for simple data"."""
    made = client.post("/api/v1/tasks", data={"task_type": "INGEST_VIDEO", "video_id": VIDEO})
    assert (made.status_code, made.json()["video_id"]) == (201, VIDEO)
    beat = client.post("/api/v1/devices/heartbeat", data={"hostname": "h", "device_type": "t"})
    assert beat.status_code == 200


def test_uploads_are_not_taken(client):
    """ "`multipart/form-data`: For file uploads (not currently used)"."""
    assert client.post("/api/v1/tasks", files={"file": b"x"}).status_code == 415


# -- 8. WebSocket ----------------------------------------------------------------------------------


def test_websocket_sends_updates_of_the_clip_subscribed_to(client, make):
    """`/api/v1/ws/tasks`: subscribe by `video_id`, receive updates of its tasks."""
    with client.websocket_connect("/api/v1/ws/tasks") as socket:
        socket.send_json({"action": "subscribe", "video_id": VIDEO})
        assert "task_id" not in socket.receive_json(timeout=10)  # it says that it is subscribed
        make(video_id="another")
        made = make(video_id=VIDEO)
        update = socket.receive_json(timeout=10)
        assert {key: update[key] for key in TASK_KEYS} == made


# -- 10., 15. Version 2 ----------------------------------------------------------------------------


def test_v1_stays_beside_v2(api, v2, make):
    """ "Backward compatibility will be maintained": both answer for the same tasks."""
    made = make(video_id=VIDEO)
    assert api("GET", "/tasks/1").json() == made
    assert v2("GET", "/tasks").json()["data"][0]["task_id"] == made["task_id"]


def test_v2_requires_a_jwt(client, v2):
    """ "Authentication: Will require JWT tokens": 401 without, 200 with."""
    assert client.get("/api/v2/tasks").status_code == 401
    assert client.get("/api/v2/tasks", headers={"Authorization": "Bearer x.y.z"}).status_code == 401
    assert v2("GET", "/tasks").status_code == 200


def test_v2_filters_in_brackets(v2, api, make):
    """ "`filter[state]=pending&page[limit]=50`"."""
    make(video_id="one")
    make("ARCHIVE_VIDEO", video_id="two")
    api("POST", "/tasks/1/complete")

    def numbers(query: str) -> list[int]:
        return [task["task_id"] for task in v2("GET", f"/tasks?{query}").json()["data"]]

    assert numbers("filter[state]=pending&page[limit]=50") == [2]
    assert numbers("filter[state]=complete") == [1]
    assert numbers("filter[task_type]=ARCHIVE_VIDEO") == [2]
    assert numbers("filter[video_id]=one") == [1]


def test_v2_pages_are_standard(v2, many):
    """`{"data": [...], "meta": {"total": 100, "pages": 5, "current_page": 1}}`."""
    many(100)
    first = v2("GET", "/tasks?page[limit]=20").json()
    assert list(first) == ["data", "meta"]
    assert first["meta"] == {"total": 100, "pages": 5, "current_page": 1}
    last = v2("GET", "/tasks?page[limit]=20&page[number]=5").json()
    assert last["meta"] == {"total": 100, "pages": 5, "current_page": 5}
    assert [task["task_id"] for task in last["data"]] == list(range(81, 101))
    beyond = v2("GET", "/tasks?page[limit]=20&page[number]=6").json()
    assert (beyond["data"], beyond["meta"]["total"]) == ([], 100)


def test_v2_totals_count_what_the_filter_leaves(v2, api, many):
    """`total` is the total of what was asked for."""
    many(3)
    api("POST", "/tasks/1/complete")
    page = v2("GET", "/tasks?filter[state]=pending&page[limit]=1").json()
    assert (len(page["data"]), page["meta"]) == (1, {"total": 2, "pages": 2, "current_page": 1})


# -- 11. Documentation -----------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
def test_interactive_documentation(client, path):
    """ "Interactive API documentation is available at /docs, /redoc"."""
    answer = client.get(path)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/html")


def test_openapi_describes_every_endpoint(client):
    """ "Endpoint descriptions and parameters", "Response schema examples" for all of section 2."""
    paths = client.get("/openapi.json").json()["paths"]
    for method, path in (
        ("get", "/tasks"), ("post", "/tasks"), ("get", "/tasks/{task_id}"), ("post", "/tasks/{task_id}/complete"),
        ("get", "/tasks/pending"), ("get", "/devices"), ("get", "/devices/{hostname}"), ("post", "/devices/heartbeat"),
        ("get", "/webui/videos"), ("get", "/webui/videos/{video_id}"), ("get", "/webui/plates"),
    ):  # fmt: skip
        operation = paths[f"/api/v1{path}"][method]
        assert operation["description"]
        assert "example" in str(operation["responses"])
    named = {each["name"] for each in paths["/api/v1/tasks"]["get"]["parameters"]}
    assert {"task_type", "state", "limit", "offset"} <= named


# -- 14. Monitoring --------------------------------------------------------------------------------


def test_metrics_count_requests_errors_and_times(api):
    """ "Request count by endpoint. Error count by status code. Average response times"."""
    for _ in range(3):
        api("GET", "/tasks")
    api("GET", "/tasks/999")
    shown = api("GET", "/metrics").json()
    assert shown["requests_by_endpoint"]["GET /api/v1/tasks"] == 3
    assert shown["errors_by_status"] == {"404": 1}
    assert shown["average_response_ms"] > 0


def test_metrics_count_created_tasks_and_connections(api, make):
    """Section 14's table: latency (p95), active connections, task creation rate."""
    for _ in range(4):
        make()
    shown = api("GET", "/metrics").json()
    assert shown["tasks_created_per_minute"] == 4
    assert shown["active_connections"] == 1
    assert shown["p95_response_ms"] > 0
