"""The life of a task over HTTP."""

import pytest

KEYS = [
    "task_id", "task_type", "state", "created_at", "completed_at", "video_id", "inputs", "outputs", "metadata",
    "device_capabilities_required",
]  # fmt: skip


def make(api, **fields):
    """Create a task and return it."""
    answer = api("POST", "/tasks", {"task_type": "INGEST_VIDEO", **fields})
    assert answer.status_code == 201, answer.text
    return answer.json()


def claim(api, worker="w1", types="INGEST_VIDEO", capabilities=None, **query):
    """Claim as a named worker; the tasks."""
    params = {"worker": worker, "task_type": types, **query}
    answer = api("POST", "/tasks/pending", capabilities if capabilities is not None else {}, params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_created_task_has_the_printed_keys_in_order(api):
    """A task answers with exactly the reference's keys, in its order."""
    task = make(
        api, video_id="trip_1", metadata={"priority": "normal"}, inputs=[{"device": "nas", "path": "/a"}]
    )
    assert list(task) == KEYS
    assert task["state"] == "pending"
    assert task["inputs"] == [{"device": "nas", "path": "/a"}]


def test_file_references_come_back_as_sent(api):
    """Absent stays absent, explicit false stays, unknown keys stay."""
    inputs = [
        {"device": "n", "path": "/p", "temporary": False, "note": 1},
        {"device": "n", "path": "/q", "type": None},
    ]
    assert make(api, inputs=inputs)["inputs"] == inputs


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "task_type"),
        ({"task_type": "NOPE"}, "task_type"),
        ({"task_type": "INGEST_VIDEO", "video_id": "../x"}, "video_id"),
        ({"task_type": "INGEST_VIDEO", "video_id": ".hidden"}, "video_id"),
        ({"task_type": "INGEST_VIDEO", "video_id": "x" * 129}, "video_id"),
        ({"task_type": "INGEST_VIDEO", "video_id": 5}, "video_id"),
        ({"task_type": "INGEST_VIDEO", "inputs": [{"device": "a"}]}, "inputs"),
        ({"task_type": "INGEST_VIDEO", "inputs": "a"}, "inputs"),
        ({"task_type": "INGEST_VIDEO", "metadata": []}, "metadata"),
        ({"task_type": "INGEST_VIDEO", "device_capabilities_required": 3}, "device_capabilities_required"),
    ],
)
def test_invalid_task_is_400_with_its_field(api, body, field):
    """A bad task is refused with a sentence and the field, and nothing is created."""
    answer = api("POST", "/tasks", body)
    assert answer.status_code == 400
    assert field in answer.json()["errors"][0]["field"]
    assert api("GET", "/tasks").json() == []


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=1001", "limit=x", "offset=-1", "state=done", "task_type=X", "limit=1e3", "limit=١"],
)
def test_bad_listing_parameters_are_400(api, query):
    """Listings refuse values out of their range."""
    assert api("GET", f"/tasks?{query}").status_code == 400


def test_listing_filters_and_pages(api):
    """Filters combine, pages ascend, past the end is an empty list."""
    for number in range(5):
        make(api, video_id=f"v{number % 2}")
    api("POST", "/tasks/1/complete")
    assert [t["task_id"] for t in api("GET", "/tasks?state=pending&limit=2&offset=1").json()] == [3, 4]
    assert [t["task_id"] for t in api("GET", "/tasks?video_id=v1").json()] == [2, 4]
    assert [t["task_id"] for t in api("GET", "/tasks?state=complete").json()] == [1]
    assert api("GET", "/tasks?offset=99").json() == []


def test_unknown_parameters_are_named_in_a_header(api):
    """A misspelt parameter is ignored and pointed out."""
    answer = api("GET", "/tasks?statee=pending")
    assert answer.status_code == 200
    assert answer.headers["X-Unknown-Parameters"] == "statee (did you mean state?)"


@pytest.mark.parametrize("task_id", ["abc", "-1", "99", "9223372036854775808", "1.0", "0x1"])
def test_no_such_task_is_404(api, task_id):
    """Whatever cannot name a task is not found."""
    assert api("GET", f"/tasks/{task_id}").status_code == 404


def test_pending_get_reads_and_post_claims(api):
    """GET leases nothing and hides what others hold; POST leases."""
    make(api)
    assert len(api("GET", "/tasks/pending").json()) == 1
    assert len(api("GET", "/tasks/pending").json()) == 1
    assert list(api("POST", "/tasks/pending").json()[0]) == KEYS
    assert api("GET", "/tasks/pending").json() == []
    assert api("POST", "/tasks/pending").json() == []


@pytest.mark.parametrize(
    ("needs", "has", "fits"),
    [
        ({"gpu_vram_gb": 8}, {"gpu_vram_gb": 8}, True),
        ({"gpu_vram_gb": 8}, {"gpu_vram_gb": 7.9}, False),
        ({"gpu_vram_gb": 8}, {}, False),
        ({"gpu_vram_gb": 8}, None, True),
        ({"gpu_vram_gb": 8}, {"device_capabilities": {"gpu_vram_gb": 16}}, True),
        ({"has_coral_tpu": True}, {"has_coral_tpu": True}, True),
        ({"has_coral_tpu": True}, {"has_coral_tpu": False}, False),
        ({"has_coral_tpu": True}, {"has_coral_tpu": 1}, False),
        ({"os": "linux"}, {"os": "linux"}, True),
        ({"os": "linux"}, {"os": "windows"}, False),
        ({"codecs": ["h264"]}, {"codecs": ["hevc", "h264"]}, True),
        ({"codecs": ["h264", "av1"]}, {"codecs": ["h264"]}, False),
    ],
)
def test_needs_match_capabilities(api, needs, has, fits):
    """Numbers are minima, booleans and strings equal, lists contained; no body means no filter."""
    make(api, device_capabilities_required=needs)
    assert bool(api("GET", "/tasks/pending", has).json()) is fits


def test_device_gets_only_tasks_whose_places_it_reaches(api):
    """A device that states its places is given nothing it could not read or write."""
    make(api, inputs=[{"device": "nas", "path": "/a"}], outputs=[{"device": "shed", "path": "/b"}])
    assert claim(api, capabilities={"places": ["nas"]}) == []
    assert len(claim(api, capabilities={"places": ["nas", "shed"]})) == 1


def test_order_is_priority_then_oldest_root_then_id(api):
    """Urgent first; then the clip that was begun first is finished first."""
    first = make(api, video_id="a")
    make(api, video_id="b", metadata={"priority": "low"})
    urgent = make(api, video_id="c", metadata={"priority": "critical"})
    second = make(api, video_id="d")
    child = {"task_type": "INGEST_VIDEO", "video_id": "a"}
    api("POST", f"/tasks/{first['task_id']}/complete", {"new_tasks": [child]})
    order = [claim(api)[0]["task_id"] for _ in range(4)]
    assert order == [urgent["task_id"], 5, second["task_id"], 2]


def test_completion_publishes_once_and_repeats_its_answer(api):
    """A repeat returns the stored answer and creates nothing; other new_tasks are a conflict."""
    make(api, video_id="v")
    body = {"new_tasks": [{"task_type": "PREPROCESS_VIDEO"}]}
    first = api("POST", "/tasks/1/complete", body)
    assert first.status_code == 200
    assert first.json()["new_tasks_created"] == 1
    assert api("POST", "/tasks/1/complete", body).json() == first.json()
    assert api("POST", "/tasks/1/complete").json() == first.json()
    other = {"new_tasks": [{"task_type": "ARCHIVE_VIDEO"}]}
    assert api("POST", "/tasks/1/complete", other).status_code == 409
    assert [t["video_id"] for t in api("GET", "/tasks").json()] == ["v", "v"]


def test_invalid_new_task_changes_nothing(api):
    """One bad item refuses the whole completion."""
    make(api)
    body = {"new_tasks": [{"task_type": "PREPROCESS_VIDEO"}, {"task_type": "NO"}]}
    assert api("POST", "/tasks/1/complete", body).status_code == 400
    assert api("GET", "/tasks/1").json()["state"] == "pending"
    assert len(api("GET", "/tasks").json()) == 1


def test_stale_lease_is_409_and_changes_nothing(api):
    """Only the current lease may end a task."""
    make(api)
    old = claim(api)[0]
    assert old["lease"] == 1
    assert api("POST", "/tasks/1/release", {"lease": 1}).status_code == 200
    new = claim(api, worker="w2")[0]
    assert new["lease"] == 2
    for path, body in (("complete", {}), ("fail", {"error": "x"}), ("release", {})):
        assert api("POST", f"/tasks/1/{path}", {"lease": 1, **body}).status_code == 409
    assert api("POST", "/tasks/1/complete", {"lease": 2}).status_code == 200


def test_persons_word_revokes_the_holder(api):
    """A completion without a lease is taken; the holder's later one is refused."""
    make(api)
    held = claim(api)[0]
    assert api("POST", "/tasks/1/complete").status_code == 200
    assert api("POST", "/tasks/1/complete", {"lease": held["lease"]}).status_code == 409


def test_failures_back_off_and_then_give_up(api):
    """Failing without hope gives up at once, with the reason kept."""
    make(api)
    lease = claim(api)[0]["lease"]
    answer = api("POST", "/tasks/1/fail", {"lease": lease, "error": "no video track", "retry": False})
    assert (answer.json()["state"], answer.json()["phase"]) == ("failed", "gave_up")
    assert api("GET", "/failures").json()[0]["error"] == "no video track"
    assert api("POST", "/tasks/1/retry").json()["phase"] == "ready"


def test_absent_place_spends_no_attempt(api):
    """A missing mount makes the task wait, and counts as nobody's failure."""
    make(api)
    lease = claim(api)[0]["lease"]
    answer = api("POST", "/tasks/1/fail", {"lease": lease, "kind": "absent", "error": "asleep"}).json()
    assert (answer["state"], answer["phase"], answer["failures"]) == ("pending", "backing_off", 0)
    assert claim(api) == []


def test_later_stage_without_inputs_waits_for_the_clip(api):
    """It is shown to people and given to anonymous claims, to a named worker only once files are known."""
    make(api, video_id="v")
    api("POST", "/tasks", {"task_type": "PREPROCESS_VIDEO", "video_id": "v"})
    assert claim(api, types="PREPROCESS_VIDEO") == []
    assert len(api("GET", "/tasks/pending?task_type=PREPROCESS_VIDEO").json()) == 1
    raw = {"device": "nas", "path": "/videos/raw/a.mp4", "type": "video"}
    api("POST", "/tasks/1/complete", {"outputs": [raw]})
    claimed = claim(api, types="PREPROCESS_VIDEO")
    assert claimed[0]["inputs"] == [raw]
    assert api("GET", "/tasks/2").json()["inputs"] == []


def test_cancelled_task_is_out_of_the_queue(api):
    """Cancelling revokes the lease; a person's completion still counts."""
    make(api)
    lease = claim(api)[0]["lease"]
    assert api("POST", "/tasks/1/cancel").json()["phase"] == "cancelled"
    assert api("POST", "/tasks/1/complete", {"lease": lease}).status_code == 409
    assert api("POST", "/tasks/1/complete").status_code == 200


def test_lost_claim_reply_is_offered_again(api):
    """The same session gets a lease again that it does not know it has; another does not."""
    make(api)
    first = claim(api, session="s1")
    assert claim(api, session="s1") == first
    assert claim(api, session="s2") == []


def test_batch_is_all_or_nothing(api):
    """One bad item of a batch refuses it whole."""
    good = {"task_type": "INGEST_VIDEO"}
    assert api("POST", "/tasks/batch", {"tasks": [good, {"task_type": "X"}]}).status_code == 400
    assert api("GET", "/tasks").json() == []
    assert len(api("POST", "/tasks/batch", {"tasks": [good] * 3}).json()) == 3


def test_bodies_are_taken_as_curl_sends_them(client):
    """JSON with a form header, form fields, an empty body and null all work; multipart does not."""
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    url = "/api/v1/tasks"
    assert client.post(url, content=b'{"task_type": "INGEST_VIDEO"}', headers=form).status_code == 201
    assert (
        client.post(url, content=b"task_type=INGEST_VIDEO&video_id=f", headers=form).json()["video_id"] == "f"
    )
    assert client.post(f"{url}/1/complete", content=b"null").status_code == 200
    assert client.post(f"{url}/2/complete").status_code == 200
    assert client.post(url, files={"a": b"x"}).status_code == 415
    assert client.post(url, content=b"{bad").status_code == 400
    assert client.post(url, content=b'{"task_type": "\xff"}').status_code == 400
    assert client.post(url, content=b"[" * 100000).status_code == 400


def test_head_405_and_413(client):
    """HEAD works wherever GET does; wrong methods name the right ones; huge bodies are refused."""
    head = client.head("/api/v1/tasks")
    assert (head.status_code, head.content) == (200, b"")
    wrong = client.put("/api/v1/tasks")
    assert wrong.status_code == 405
    assert {"GET", "POST"} <= set(wrong.headers["Allow"].split(", "))
    assert client.get("/nope").json() == {"detail": "There is nothing at this address"}
    huge = client.post("/api/v1/tasks", content=b'"' + b"x" * (33 << 20) + b'"')
    assert huge.status_code == 413


@pytest.mark.parametrize(
    "path", ["/tasks", "/tasks/pending", "/tasks/1/complete", "/tasks/batch", "/devices/heartbeat"]
)
def test_a_body_without_a_length_is_measured_as_it_comes(client, path):
    """It is refused like one that says how large it is."""
    huge = client.post(f"/api/v1{path}", content=(b" " * (1 << 20) for _ in range(33)))
    assert (huge.status_code, "larger than" in huge.json()["detail"]) == (413, True)


def test_idempotency_key_makes_tasks_once(client):
    """The same key and content give the same task; other content is a conflict; without a key two are made."""
    url, body = "/api/v1/tasks", {"task_type": "INGEST_VIDEO", "video_id": "v"}
    headers = {"Idempotency-Key": "abc"}
    first = client.post(url, json=body, headers=headers)
    again = client.post(url, json=body, headers=headers)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert client.post(url, json=body | {"video_id": "w"}, headers=headers).status_code == 409
    assert client.post(url, json=body, headers={"Idempotency-Key": "x" * 256}).status_code == 400
    client.post(url, json=body)
    assert len(client.get(url).json()) == 2


def test_patch_changes_metadata_and_needs(api):
    """Metadata is merged and null removes; needs decide anew who may claim; work under way is not touched."""
    make(api, metadata={"a": 1, "priority": "low"})
    changed = api("PATCH", "/tasks/1", {"metadata": {"b": 2, "a": None}}).json()
    assert changed["metadata"] == {"priority": "low", "b": 2}
    api("PATCH", "/tasks/1", {"device_capabilities_required": {"gpu_vram_gb": 8}})
    assert claim(api, capabilities={}) == []
    assert len(claim(api, capabilities={"gpu_vram_gb": 8})) == 1
    assert api("PATCH", "/tasks/1", {"device_capabilities_required": {}}).status_code == 409
    assert api("PATCH", "/tasks/1", {"metadata": {"c": 3}}).status_code == 200
    assert api("PATCH", "/tasks/1", {}).status_code == 400
    assert api("PATCH", "/tasks/9", {"metadata": {}}).status_code == 404


def test_patched_priority_moves_a_task_up(api):
    """A task that becomes critical is next."""
    make(api)
    make(api)
    api("PATCH", "/tasks/2", {"metadata": {"priority": "critical"}})
    assert claim(api)[0]["task_id"] == 2


def test_delete_is_cancel(api):
    """A deleted task stays on record as cancelled."""
    make(api)
    assert api("DELETE", "/tasks/1").json()["phase"] == "cancelled"
    assert api("GET", "/tasks/1").json()["state"] == "failed"
    assert claim(api) == []


def test_anonymous_claim_of_a_waiting_task_leaves_it_waiting(api):
    """When a script that held a task without inputs gives it back, it waits for its clip again."""
    api("POST", "/tasks", {"task_type": "PREPROCESS_VIDEO", "video_id": "v"})
    api("POST", "/tasks/pending?task_type=PREPROCESS_VIDEO")
    assert api("POST", "/tasks/1/release", {"lease": 1}).json()["phase"] == "no_input"
    assert claim(api, types="PREPROCESS_VIDEO") == []


def test_retried_task_gets_the_files_that_came_meanwhile(api):
    """A cancelled task whose clip was ingested in between is ready when it is retried."""
    api("POST", "/tasks", {"task_type": "PREPROCESS_VIDEO", "video_id": "v"})
    api("POST", "/tasks/1/cancel")
    make(api, video_id="v")
    api(
        "POST",
        "/tasks/2/complete",
        {"outputs": [{"device": "nas", "path": "/videos/raw/a.mp4", "type": "video"}]},
    )
    assert api("POST", "/tasks/1/retry").json()["phase"] == "ready"
    assert claim(api, types="PREPROCESS_VIDEO")[0]["inputs"][0]["path"] == "/videos/raw/a.mp4"


def test_bare_ingest_goes_to_a_device_that_reaches_its_source(api):
    """A task that only names its source place is not given to a device without that place."""
    beat = {"hostname": "nas", "device_type": "nas", "capabilities": {"places": ["indoor_nas"]}}
    api("POST", "/devices/heartbeat", beat)
    make(api, metadata={"source": "indoor_nas", "filename": "a.MP4"})
    make(api, metadata={"source": "dashcam-1", "filename": "b.MP4"})
    assert [t["task_id"] for t in claim(api, capabilities={"places": []}, limit=5)] == [2]
    assert [t["task_id"] for t in claim(api, capabilities={"places": ["indoor_nas"]}, limit=5)] == [1]


@pytest.mark.parametrize(
    "body",
    [
        {"metadata": {"frame_count": 1500.5, "detections_count": 1.5, "plates_found": -2}},
        {"metadata": {"frame_count": 1 << 63}},
    ],
)
def test_odd_metadata_is_kept_and_not_believed(api, body):
    """Metadata is anybody's: what cannot be a count is stored as sent and not taken for one."""
    make(api, video_id="v")
    assert api("POST", "/tasks/1/complete", body).status_code == 200
    assert api("GET", "/webui/videos").json()[0]["total_frames"] == 0
    assert api("GET", "/tasks/1").json()["metadata"] == body["metadata"]


@pytest.mark.parametrize(
    "results",
    [
        [{"type": "clip", "total_frames": 1 << 63}],
        [{"type": "sightings", "tracks": 1 << 63}],
        [{"type": "sightings", "sightings": [{"plate": "A1", "confidence": 1, "frame_number": 1 << 63}]}],
        [{"type": "route", "points": [{"seconds": 1e300, "lat": 1, "lon": 2}]}],
    ],
)
def test_impossible_numbers_are_400(api, results):
    """Numbers that no clip can have are refused, not stored."""
    make(api, video_id="v")
    assert api("POST", "/tasks/1/complete", {"results": results}).status_code == 400


def test_hostile_parameters_and_forms_are_answered(client):
    """Control characters in names, lone surrogates in forms and huge leases get an answer, never a 5xx."""
    answer = client.get("/api/v1/tasks?%00=1&%0b=2&%7f=3")
    assert answer.status_code == 200
    assert answer.headers["X-Unknown-Parameters"].isprintable()
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    bad = client.post(
        "/api/v1/tasks", content=b'task_type=INGEST_VIDEO&metadata={"a":"\\ud800"}', headers=form
    )
    assert bad.status_code == 400
    named = client.post("/api/v1/tasks", content=b"note=1&task_type=INGEST_VIDEO", headers=form)
    assert named.status_code == 201
    beat = {"hostname": "h", "device_type": "t", "held": [{"task_id": 2**70, "lease": 1}]}
    assert client.post("/api/v1/devices/heartbeat", json=beat).status_code == 400


def test_pages_of_other_sites_cannot_change_anything(client):
    """A browser on a foreign page names its origin: such a request is refused; our own page's is taken."""
    body = {"task_type": "INGEST_VIDEO"}
    foreign = client.post("/api/v1/tasks", json=body, headers={"Origin": "http://evil.example"})
    assert foreign.status_code == 403
    own = client.post("/api/v1/tasks", json=body, headers={"Origin": "http://testserver.local"})
    assert own.status_code == 201


def test_repeated_task_type_is_one_type(api):
    """A type named twice shows and gives a task once."""
    make(api)
    twice = "/tasks/pending?task_type=INGEST_VIDEO&task_type=INGEST_VIDEO&limit=10"
    assert len(api("GET", twice).json()) == 1
    assert len(api("POST", twice).json()) == 1


def test_largest_offset_is_taken(api):
    """The documented maximum is one that works; one more is refused."""
    assert api("GET", f"/tasks?offset={1 << 53}").json() == []
    assert api("GET", f"/tasks?offset={(1 << 53) + 1}").status_code == 400


def test_parameter_of_spaces_is_answered(client):
    """A parameter whose name is blank breaks no header."""
    answer = client.get("/api/v1/tasks?+x=1&%20=2")
    assert answer.status_code == 200
    assert answer.headers["X-Unknown-Parameters"] == answer.headers["X-Unknown-Parameters"].strip()
