"""Every operation of the OpenAPI document, called with data made from it: the server keeps what it says.

At least 50 valid and 25 invalid requests for each operation, the same ones in every run, against a real
server that holds real tasks, leases, clips and devices.
"""

import base64
import time
from collections.abc import Callable, Iterator
from itertools import count
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, assume, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS

from config.loader import ConfigurationLoader
from dashcam_cli.homekey import KEY_FILE, host_token
from dashcam_cli.server import embedded
from server.openapi.document import document

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("schemathesis")]

DOCUMENT = document()
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT)
OPERATIONS = [(method, path) for path, item in DOCUMENT["paths"].items() for method in item]
VALID, INVALID = 50, 25
HELD = range(2, 12)
JPEG = base64.b64encode(b"\xff\xd8\xff\xe0" + b"\0" * 40).decode()
SIGHTINGS = {
    "type": "sightings",
    "tracks": 3,
    "sightings": [{"plate": "ABC123", "confidence": 0.92, "confirmed": True, "crop": JPEG}],
}
CLIP = {"type": "clip", "filename": "20240115_123456.MP4", "start_local": "2024-01-15T12:34:56"}
ROUTE = {"type": "route", "points": [{"seconds": 0, "lat": 37.7749, "lon": -122.4194}]}
#: Not for one request alone, or about servers that always demand a token.
LEFT_OUT = {"use_after_free", "ensure_resource_availability", "ignored_auth", "object_level_authorization"}
KEPT = [
    check
    for name, check in zip(CHECKS.get_all_names(), CHECKS.get_all(), strict=True)
    if name not in LEFT_OUT
]


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """A server without limits that holds one of everything."""
    home = tmp_path_factory.mktemp("fuzzed")
    off = {"DASHCAM_LIMITS__REQUESTS_PER_MINUTE": "0", "DASHCAM_LIMITS__CONNECTIONS": "0"}
    settings = ConfigurationLoader({"DASHCAM_HOME": str(home), **off}).load()
    with embedded(settings) as url, requests.Session() as session:
        key = (home / KEY_FILE).read_bytes()
        session.headers["Authorization"] = f"Bearer {host_token(key, time.time())}"
        admin = {"name": "fuzzer", "role": "admin"}
        token = session.post(f"{url}/api/v1/tokens", json=admin, timeout=20).json()["token"]
        session.headers["Authorization"] = f"Bearer {token}"

        def post(path: str, body: object, method: str = "POST", **more: object) -> Any:
            answer = session.request(method, f"{url}/api/v1{path}", json=body, timeout=20, **more)
            assert answer.ok, answer.text
            return answer.json()

        yield SimpleNamespace(url=url, session=session, post=post, aims=fill(post), numbers=count())


def fill(post: Callable[..., Any]) -> dict[str, list[Any]]:
    """Tasks in every phase, a processed clip, devices; the names to aim at."""
    post("/tasks", {"task_type": "HEAVY_PROCESS_VIDEO", "video_id": "trip_1"})
    post("/tasks/1/complete", {"results": [CLIP, ROUTE, SIGHTINGS]})
    inputs = [{"device": "indoor_nas", "path": "/videos/raw/a.mp4"}]
    post(
        "/tasks/batch",
        [{"task_type": "INGEST_VIDEO", "video_id": f"clip_{n}", "inputs": inputs} for n in HELD],
    )
    post("/tasks/pending", {}, params={"worker": "rtx", "session": "s", "limit": 100})
    post("/tasks/batch", [{"task_type": "PREPROCESS_VIDEO", "video_id": "trip_2"} for _ in range(4)])
    post("/tasks/12/cancel", None)
    post(
        "/devices/heartbeat",
        {"hostname": "rtx", "device_type": "rtx_4090", "capabilities": {"gpu_vram_gb": 24}},
    )
    clip = post("/webui/videos/trip_1?expand=sightings", None, method="GET")
    return {
        "task_id": [*range(1, 16)],
        "hostname": ["rtx", "nas"],
        "video_id": ["trip_1", "clip_2"],
        "name": [clip["sightings"][0]["media"].rpartition("/")[2]],
    }


def aim(case, path: str, method: str, pick: int, live: SimpleNamespace) -> None:
    """Half of the requests name things that are there; what a request uses up is made anew for it."""
    if pick % 2 == 0:
        return
    for name, targets in live.aims.items():
        if name in case.path_parameters:
            case.path_parameters[name] = targets[pick // 2 % len(targets)]
    if pick % 4 == 1:
        return
    if path.endswith(("/fail", "/release")) and isinstance(case.body, dict):
        live.post("/tasks", {"task_type": "INGEST_VIDEO", "metadata": {"priority": "critical"}})
        task = live.post("/tasks/pending", {}, params={"worker": "rtx"})[0]
        case.path_parameters["task_id"] = task["task_id"]
        case.body["lease"] = task["lease"]
    elif method == "delete" and "hostname" in case.path_parameters:
        live.post("/devices/heartbeat", {"hostname": f"spare {pick}", "device_type": "nas"})
        case.path_parameters["hostname"] = f"spare {pick}"
    elif "jti" in case.path_parameters:
        token = live.post("/tokens", {"name": f"spare {next(live.numbers)}"})
        case.path_parameters["jti"] = token["jti"]


def whole(value):
    """5.0 as 5: JSON Schema calls both whole numbers, JSON writers and our server do not."""
    if isinstance(value, dict):
        return {key: whole(each) for key, each in value.items()}
    if isinstance(value, list):
        return [whole(each) for each in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def left_empty(case, url: str) -> bool:
    """Whether something is sent empty (a parameter without a value, a blank body): that counts as none."""
    sent = requests.Request(**case.as_transport_kwargs(base_url=url)).prepare()
    body = sent.body.encode() if isinstance(sent.body, str) else sent.body
    if isinstance(body, bytes) and body and not body.strip():
        return True
    return any(
        not value.strip(",") for _, value in parse_qsl(urlsplit(sent.url).query, keep_blank_values=True)
    )


def hasten(case) -> None:
    """A long poll need not be long."""
    wait = (case.query or {}).get("wait")
    try:
        if 0 < float(wait) <= 60:
            case.query["wait"] = 0.01
    except (TypeError, ValueError):
        pass


def run(live, method, path, mode, most):
    """Make requests from the document and check each answer; how many were made."""
    made = 0
    socket = path.endswith("/ws/tasks")  # plain HTTP is never right there
    checks = [check for check in KEPT if not socket or check.__name__ != "positive_data_acceptance"]

    @hypothesis_settings(
        max_examples=most, derandomize=True, database=None, deadline=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=SCHEMA[path][method.upper()].as_strategy(generation_mode=mode), pick=st.integers(0, 1 << 30))
    def check(case, pick):
        nonlocal made
        if mode is GenerationMode.POSITIVE:
            aim(case, path, method, pick, live)
            if isinstance(case.body, dict | list):
                case.body = whole(case.body)
        else:
            assume(not left_empty(case, live.url))
        hasten(case)
        case.call_and_validate(base_url=live.url, session=live.session, checks=checks, timeout=20)
        made += 1

    check()
    return made


@pytest.mark.parametrize(("method", "path"), OPERATIONS, ids=[f"{m} {p}" for m, p in OPERATIONS])
def test_valid_requests_are_answered_as_documented(live, method, path):
    """No 5xx, no undocumented status, header or shape; what the document allows is not refused."""
    assert run(live, method, path, GenerationMode.POSITIVE, VALID) >= VALID


def wrongable(method, path):
    """Whether an operation can be asked wrongly: any text may stand for a name in a path."""
    what = DOCUMENT["paths"][path][method]
    given = [
        each
        for each in what.get("parameters", [])
        if (each["in"], each["schema"]["type"]) != ("path", "string")
    ]
    return "requestBody" in what or any(each["schema"] != {"type": "string"} for each in given)


FILLABLE = [(method, path) for method, path in OPERATIONS if wrongable(method, path)]


@pytest.mark.parametrize(("method", "path"), FILLABLE, ids=[f"{m} {p}" for m, p in FILLABLE])
def test_invalid_requests_are_refused_as_documented(live, method, path):
    """What the document forbids is refused with a documented answer, never a 5xx."""
    run(live, method, path, GenerationMode.NEGATIVE, INVALID)
