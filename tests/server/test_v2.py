"""v2: a token always, its own names for filters and pages, envelopes, times with zone."""

from datetime import datetime

import pytest
from litestar.testing import TestClient


@pytest.fixture
def v2(settings, app_of):
    """Call v2 as an admin."""
    with TestClient(app_of(settings)) as client:
        with client.portal() as portal:
            token = portal.call(_admin_token, client.app)

        def call(method, path, body=None, **more):
            if body is not None:
                more["json"] = body
            return client.request(
                method, f"/api/v2{path}", headers={"Authorization": f"Bearer {token}"}, **more
            )

        call.bare = client
        yield call


async def _admin_token(app):
    _, text = await app.state.tokens.create("tester", "admin")
    return text


def test_v2_needs_a_token(v2):
    """Without one: 401, also in open mode."""
    assert v2.bare.get("/api/v2/tasks").status_code == 401
    assert v2.bare.get("/api/v1/tasks").status_code == 200


def test_listing_has_data_and_meta(v2):
    """Lists come in an envelope with total, pages and current page."""
    for number in range(5):
        v2("POST", "/tasks", {"task_type": "INGEST_VIDEO", "video_id": f"v{number}"})
    v2("POST", "/tasks/1/complete")
    answer = v2("GET", "/tasks?filter[state]=pending&page[limit]=3&page[number]=2").json()
    assert answer["meta"] == {"total": 4, "pages": 2, "current_page": 2}
    assert [task["task_id"] for task in answer["data"]] == [5]
    assert v2("GET", "/tasks?filter[video_id]=v2").json()["meta"]["total"] == 1
    assert v2("GET", "/tasks?filter[task_type]=ARCHIVE_VIDEO").json() == {
        "data": [],
        "meta": {"total": 0, "pages": 0, "current_page": 1},
    }


def test_times_carry_zone_and_microseconds(v2):
    """Server times are RFC 3339 with an offset."""
    task = v2("POST", "/tasks", {"task_type": "INGEST_VIDEO"}).json()["data"]
    when = datetime.fromisoformat(task["created_at"])
    assert when.utcoffset().total_seconds() == 0
    assert "." in task["created_at"]
    assert v2("GET", "/tasks/1").json()["data"] == task


def test_footage_times_carry_the_cameras_offset(v2):
    """Recorded times and sightings have the clip's own offset."""
    v2("POST", "/tasks", {"task_type": "INGEST_VIDEO", "video_id": "c"})
    clip = {"type": "clip", "start_local": "2026-06-01T16:27:34", "utc_offset_seconds": 7200}
    seen = {"plate": "ABC123", "confidence": 0.9, "timestamp": "2026-06-01T16:27:40"}
    body = {"results": [clip, {"type": "sightings", "sightings": [seen]}]}
    assert v2("POST", "/tasks/1/complete", body).status_code == 200
    assert v2("GET", "/webui/videos").json()["data"][0]["date_recorded"] == "2026-06-01T16:27:34.000000+02:00"
    found = v2("GET", "/webui/plates?filter[plate_query]=BC1").json()
    assert found["data"][0]["timestamp"] == "2026-06-01T16:27:40.000000+02:00"
    assert found["meta"] == {"total": 1, "pages": 1, "current_page": 1}
    assert v2("GET", "/webui/videos/c").json()["data"]["timeline"]["plates"][0]["plate"] == "ABC123"


@pytest.mark.parametrize(
    "path",
    [
        "/tasks?state=pending",
        "/tasks?limit=5",
        "/tasks?filter[statee]=x",
        "/tasks?page[limit]=0",
        "/tasks?page[number]=0",
        "/devices?offset=1",
    ],
)
def test_v1_names_and_strangers_are_400(v2, path):
    """What v2 does not know it refuses."""
    answer = v2("GET", path)
    assert answer.status_code == 400
    assert answer.json()["errors"]


def test_unknown_body_fields_are_400_and_change_nothing(v2):
    """A misspelt field is refused with the right one."""
    answer = v2("POST", "/tasks", {"task_type": "INGEST_VIDEO", "video": "a"})
    assert answer.status_code == 400
    assert "video_id" in answer.json()["detail"]
    assert v2("POST", "/tasks?dry=1", {"task_type": "INGEST_VIDEO"}).status_code == 400
    assert v2("GET", "/tasks").json()["meta"]["total"] == 0


def test_same_functions_serve_both(v2):
    """What is made in one is seen in the other."""
    v2("POST", "/devices/heartbeat", {"hostname": "h", "device_type": "t"})
    assert v2.bare.get("/api/v1/devices").json()[0]["hostname"] == "h"
    listed = v2("GET", "/devices?filter[device_type]=t").json()
    assert listed["meta"] == {"total": 1, "pages": 1, "current_page": 1}
    v2.bare.post("/api/v1/tasks", json={"task_type": "INGEST_VIDEO"})
    assert v2("POST", "/tasks/pending?worker=w", {}).json()["data"][0]["lease"] == 1
