"""Every JSON example printed in the API reference against the live answer: key by key, in order, value by value."""

import json
import re
from datetime import UTC, datetime

import msgspec
import pytest

from tests.conftest import SHARED

REFERENCE = SHARED / "reference" / "api-reference.md"
VIDEO = "trip_20240115_1"
#: What stands for the items in the printed page of v2.
NOT_JSON = '"data": [...]'

pytestmark = [pytest.mark.shared, pytest.mark.slow]


class Block(msgspec.Struct, frozen=True):
    """One printed example: the headings above it, the bold words before it, and its text."""

    section: str
    heading: str
    label: str
    text: str


def blocks(text: str) -> list[Block]:
    """Every ```json block of the reference, in order."""
    section = heading = label = ""
    found, lines = [], iter(text.splitlines())
    for line in lines:
        if line.startswith("## "):
            section, heading, label = line[3:], line[3:], ""
        elif line.startswith("###"):
            heading, label = line.lstrip("# ").replace("`", ""), ""
        elif re.match(r"\*\*[^*]+:\*\*", line):
            label = line.split("**")[1].partition(" (")[0].rstrip(":")
        elif line.strip() == "```json":
            body = []
            for inside in lines:
                if inside.strip() == "```":
                    break
                body.append(inside)
            found.append(Block(section, heading, label, "\n".join(body)))
    return found


@pytest.fixture(scope="module")
def printed() -> dict[tuple[str, str], str]:
    """The JSON examples of the reference by heading and label."""
    if not REFERENCE.is_file():
        pytest.skip("needs ../shared/reference/api-reference.md, which is not part of the repository")
    found = blocks(REFERENCE.read_text(encoding="utf-8"))
    out = {(each.heading, each.label): each.text for each in found}
    # Section 5 has two examples under one heading; every other heading and label is there once.
    assert len(found) - len(out) == 1, (
        "two examples under one heading and label: one would never be looked at"
    )
    out["5. Device Capabilities", "first"] = next(b.text for b in found if b.section.startswith("5."))
    return out


def difference(want: object, got: object, path: str = "$") -> str:
    """Where two JSON values differ: in type, in keys or their order, in length, in value. "" when nowhere."""
    if type(want) is not type(got):
        return f"{path}: printed {want!r}, answered {got!r}"
    if isinstance(want, dict):
        if list(want) != list(got):
            return f"{path}: printed keys {list(want)}, answered {list(got)}"
        return next((d for key in want if (d := difference(want[key], got[key], f"{path}.{key}"))), "")
    if isinstance(want, list):
        if len(want) != len(got):
            return f"{path}: printed {len(want)} items, answered {len(got)}"
        pairs = enumerate(zip(want, got, strict=True))
        return next((d for n, (w, g) in pairs if (d := difference(w, g, f"{path}[{n}]"))), "")
    return "" if want == got else f"{path}: printed {want!r}, answered {got!r}"


class Story:
    """The scenes that the printed answers show, on one fresh server whose clock can be set."""

    def __init__(self, client, api, printed):
        self._client, self.api, self._printed = client, api, printed

    def printed(self, heading: str, label: str) -> object:
        """A printed example, decoded."""
        return json.loads(self._printed[heading, label])

    def has(self, heading: str, label: str) -> bool:
        """Whether there is such an example."""
        return (heading, label) in self._printed

    def at(self, time: str) -> None:
        """It is this time on 15 January 2024."""
        now = datetime.fromisoformat(f"2024-01-15T{time}").replace(tzinfo=UTC).timestamp()
        self._client.app.state.services.dispatcher._clock = lambda: now

    def post(self, path: str, body: object = None):
        """A POST that works."""
        answer = self.api("POST", path, body)
        assert answer.status_code in (200, 201), answer.text
        return answer

    def first_task(self) -> None:
        """Task 1, as `GET /tasks` prints it."""
        self.at("10:30:00")
        ref = {"device": "dashcam", "path": "/videos/raw/video.mp4"}
        body = {
            "task_type": "INGEST_VIDEO",
            "video_id": VIDEO,
            "inputs": [ref],
            "metadata": {"source": "dashcam-1"},
        }
        self.post("/tasks", body)

    def at_10_35(self) -> None:
        """Task 1 is there, for five minutes."""
        self.first_task()
        self.at("10:35:00")

    def at_10_36(self) -> None:
        """Task 1 is there, for six minutes."""
        self.first_task()
        self.at("10:36:00")

    def two_tasks(self) -> None:
        """Tasks 1 and 2, as `GET /tasks/pending` prints the second."""
        self.at_10_35()
        ref = {"device": "indoor_nas", "path": "/videos/raw/video.mp4"}
        self.post("/tasks", {"task_type": "PREPROCESS_VIDEO", "video_id": VIDEO, "inputs": [ref]})

    def jetson(self) -> None:
        """The printed heartbeat has come."""
        self.at("10:30:00")
        self.post("/devices/heartbeat", self.printed("POST /devices/heartbeat", "Request Body"))

    def clip(self) -> None:
        """The printed clip, through all four stages with section 3's metadata and the results of our stages."""
        clip = {"type": "clip", "start_local": "2024-01-15T12:34:56", "duration_seconds": 1800}
        route = [
            {"seconds": 0, "lat": 37.7749, "lon": -122.4194},
            {"seconds": 4, "lat": 37.7750, "lon": -122.4195},
        ]
        abc = {
            "plate": "ABC123", "confidence": 0.92, "confirmed": True, "frame_number": 120,
            "timestamp": "2024-01-15T12:36:45", "location": {"lat": 37.7749, "lon": -122.4194},
        }  # fmt: skip
        xyz = {"plate": "XYZ789", "confidence": 0.88, "confirmed": True, "frame_number": 456}
        results = {
            "INGEST_VIDEO": [clip, {"type": "route", "points": route}],
            "HEAVY_PROCESS_VIDEO": [{"type": "sightings", "sightings": [abc, xyz]}],
        }
        for number, kind in enumerate(
            ("INGEST_VIDEO", "PREPROCESS_VIDEO", "HEAVY_PROCESS_VIDEO", "ARCHIVE_VIDEO"), 1
        ):
            self.post("/tasks", self.printed(kind, "Example Task"))
            body = {"results": results[kind]} if kind in results else {}
            if kind == "ARCHIVE_VIDEO":
                body["metadata"] = {"plates_found": 12}  # the printed timeline shows two of the twelve
            self.post(f"/tasks/{number}/complete", body)


@pytest.fixture
def story(client, api, printed, settings) -> Story:
    """A fresh server."""
    return Story(client, api, printed)


@pytest.fixture
def settings(settings):
    """Without rate limits."""
    return msgspec.structs.replace(
        settings, limits=msgspec.structs.replace(settings.limits, requests_per_minute=0)
    )


#: What answers with each printed response: the scene before it, the address, the status. The method stands in
#: the heading; what is printed there as request body is sent.
ANSWERS = {
    ("GET /tasks", "Response"): ("first_task", "/tasks?state=pending&limit=50", 200),
    ("GET /tasks/{task_id}", "Response"): ("first_task", "/tasks/1", 200),
    ("POST /tasks", "Response"): ("at_10_35", "/tasks", 201),
    ("POST /tasks/{task_id}/complete", "Response"): ("at_10_36", "/tasks/1/complete", 200),
    ("GET /tasks/pending", "Response"): ("two_tasks", "/tasks/pending?task_type=PREPROCESS_VIDEO", 200),
    ("GET /devices", "Response"): ("jetson", "/devices", 200),
    ("GET /devices/{hostname}", "Response"): ("jetson", "/devices/jetson-coral-1", 200),
    ("POST /devices/heartbeat", "Response"): ("at_10_36", "/devices/heartbeat", 200),
    ("GET /webui/videos", "Response"): ("clip", "/webui/videos?date_from=2024-01-15&limit=20", 200),
    ("GET /webui/videos/{video_id}", "Response"): ("clip", f"/webui/videos/{VIDEO}", 200),
    ("GET /webui/plates", "Response"): ("clip", "/webui/plates?plate_query=ABC&date_from=2024-01-15", 200),
    ("Example Error Response", ""): ("first_task", "/tasks/999", 404),
}
#: What is printed as something to send, and the test below that sends it.
SENT = {
    ("POST /tasks", "Request Body"): "test_answer_is_as_printed",
    ("POST /tasks/{task_id}/complete", "Request Body"): "test_answer_is_as_printed",
    ("GET /tasks/pending", "Request Body"): "test_answer_is_as_printed",
    ("POST /devices/heartbeat", "Request Body"): "test_answer_is_as_printed",
    ("INGEST_VIDEO", "Example Task"): "test_section_3_tasks",
    ("PREPROCESS_VIDEO", "Example Task"): "test_section_3_tasks",
    ("HEAVY_PROCESS_VIDEO", "Example Task"): "test_section_3_tasks",
    ("ARCHIVE_VIDEO", "Example Task"): "test_section_3_tasks",
    ("4. Input/Output File References", ""): "test_section_4_file_reference",
    ("5. Device Capabilities", ""): "test_section_5_needs",
    ("5. Device Capabilities", "first"): "test_section_5_capabilities",
    ("Breaking Changes in v2 (Planned)", ""): "test_section_15_page",
}


def test_every_printed_example_has_its_place(printed):
    """Each JSON block of the reference is either answered or sent by a test here, and none is made up."""
    assert set(printed) == ANSWERS.keys() | SENT.keys()
    section_2 = [b for b in blocks(REFERENCE.read_text(encoding="utf-8")) if b.section.startswith("2.")]
    answers = [(b.heading, b.label) for b in section_2 if b.label == "Response"]
    assert len(answers) == 11
    assert set(answers) <= ANSWERS.keys()
    assert all(name in globals() for name in SENT.values())


def test_the_comparison_sees_differences():
    """Another order of keys, another type, one key or item more: each is a difference."""
    assert difference({"a": 1, "b": [None]}, {"a": 1, "b": [None]}) == ""
    for other in ({"b": [None], "a": 1}, {"a": 1.0, "b": [None]}, {"a": 1, "b": [None], "c": 2}, {"a": 1},
                  {"a": 1, "b": []}, {"a": True, "b": [None]}, {"a": 2, "b": [None]}, [1]):  # fmt: skip
        assert difference({"a": 1, "b": [None]}, other), other


@pytest.mark.parametrize("place", ANSWERS, ids=lambda place: place[0])
def test_answer_is_as_printed(story, place):
    """The live answer is the printed one: the same keys in the same order, the same types, the same values."""
    scene, path, status = ANSWERS[place]
    getattr(story, scene)()
    method = "POST" if place[0].startswith("POST ") else "GET"
    body = story.printed(place[0], "Request Body") if story.has(place[0], "Request Body") else None
    answer = story.api(method, path, body)
    assert answer.status_code == status, answer.text
    assert difference(story.printed(*place), json.loads(answer.content)) == ""


@pytest.mark.parametrize("kind", ["INGEST_VIDEO", "PREPROCESS_VIDEO", "HEAVY_PROCESS_VIDEO", "ARCHIVE_VIDEO"])
def test_section_3_tasks(story, kind):
    """Section 3's tasks are taken as bodies and as new_tasks, and come back with every printed field as sent."""
    body = story.printed(kind, "Example Task")
    created = story.post("/tasks", body).json()
    assert story.post("/tasks/1/complete", {"new_tasks": [body]}).json()["new_tasks_created"] == 1
    for task in (created, story.api("GET", "/tasks/2").json()):
        assert difference(body, {key: task[key] for key in body}) == ""


def test_section_4_file_reference(story):
    """A file reference comes back with all four of its fields, `temporary: false` included."""
    ref = story.printed("4. Input/Output File References", "")
    story.post("/tasks", {"task_type": "PREPROCESS_VIDEO", "inputs": [ref], "outputs": [ref]})
    task = story.api("GET", "/tasks/1").json()
    assert difference([ref], task["inputs"]) == difference([ref], task["outputs"]) == ""


def test_section_5_capabilities(story):
    """Every printed capability comes back as it was sent."""
    capabilities = story.printed("5. Device Capabilities", "first")
    story.post("/devices/heartbeat", {"hostname": "h", "device_type": "t", "capabilities": capabilities})
    assert difference(capabilities, story.api("GET", "/devices/h").json()["capabilities"]) == ""


def test_section_5_needs(story):
    """The printed needs come back as sent, and keep the task from a device that has less."""
    needs = story.printed("5. Device Capabilities", "")
    story.post("/tasks", {"task_type": "INGEST_VIDEO"} | needs)
    assert (
        difference(
            needs["device_capabilities_required"], story.api("GET", "/tasks/1").json()[next(iter(needs))]
        )
        == ""
    )
    assert story.api("GET", "/tasks/pending", {"gpu_vram_gb": 8, "cpu_cores": 5}).json() == []
    printed_device = story.printed("5. Device Capabilities", "first")
    assert [task["task_id"] for task in story.api("GET", "/tasks/pending", printed_device).json()] == [1]


def test_section_15_page(story, client):
    """A page of v2 has exactly the printed keys, and the printed figures where there is as much."""
    text = story._printed["Breaking Changes in v2 (Planned)", ""]
    assert NOT_JSON in text
    want = json.loads(text.replace(NOT_JSON, '"data": []'))
    story.post("/tasks/batch", [{"task_type": "INGEST_VIDEO"}] * want["meta"]["total"])
    _, token = client.blocking_portal.call(client.app.state.tokens.create, "page", "viewer")
    query = {"page[limit]": want["meta"]["total"] // want["meta"]["pages"]}
    answer = client.get("/api/v2/tasks", params=query, headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200, answer.text
    got = json.loads(answer.content)
    assert len(got["data"]) == 20
    assert difference(want, got | {"data": []}) == ""
