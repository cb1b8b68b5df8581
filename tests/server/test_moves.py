"""Clips whose content is known, seen in another folder: the catalogue follows, nothing is worked on again."""

import pytest

PLAIN, LOCKED = "/DCIM/Movie/x.MP4", "/DCIM/Movie/RO/x.MP4"


@pytest.fixture
def known(api):
    """A clip in the NAS, ingested, with its next task waiting."""
    made = api("POST", "/tasks", {"task_type": "INGEST_VIDEO", "video_id": "clip"}).json()
    raw = {"device": "indoor_nas", "path": PLAIN, "type": "video"}
    body = {
        "outputs": [raw],
        "results": [{"type": "clip", "fingerprint": "6f1c", "locked": False, "filename": "x.MP4"}],
        "new_tasks": [{"task_type": "PREPROCESS_VIDEO", "video_id": "clip", "inputs": [raw]}],
    }
    assert api("POST", f"/tasks/{made['task_id']}/complete", body).status_code == 200
    return "clip"


def moved(api, **more):
    """Tell of one clip; what came back."""
    seen = {"fingerprint": "6f1c", "device": "indoor_nas", "path": LOCKED, "locked": True, **more}
    answer = api("POST", "/clips/moved", {"clips": [seen]})
    assert answer.status_code == 200, answer.text
    return answer.json()["clips"]


def facts(api):
    """Lock and raw file of the clip."""
    video = api("GET", "/webui/videos/clip?expand=facts,files").json()
    return video["facts"]["locked"], video["files"][0]["file"]["path"]


def test_a_clip_moved_in_its_place_is_followed(api, known):
    """Path and lock are put right, in the waiting task too, and no task is made."""
    assert moved(api, was=PLAIN) == [
        {"fingerprint": "6f1c", "video_id": "clip", "path": LOCKED, "locked": True, "changed": True}
    ]
    assert facts(api) == (True, LOCKED)
    tasks = api("GET", "/tasks?expand=resolved_inputs").json()
    assert len(tasks) == 2
    assert tasks[1]["inputs"] == [{"device": "indoor_nas", "path": PLAIN, "type": "video"}]
    assert tasks[1]["resolved_inputs"] == [{"device": "indoor_nas", "path": LOCKED, "type": "video"}]
    given = api("POST", "/tasks/pending?worker=w").json()
    assert given[0]["inputs"][0]["path"] == LOCKED


def test_telling_twice_changes_nothing(api, known):
    """The second time there is nothing new."""
    moved(api, was=PLAIN)
    assert moved(api, was=PLAIN)[0]["changed"] is False
    assert facts(api) == (True, LOCKED)


def test_a_copy_elsewhere_only_locks(api, known):
    """The same clip in the card's RO folder: locked, and the kept file stays the one that is worked on."""
    assert moved(api, device="dashcam")[0] == {
        "fingerprint": "6f1c", "video_id": "clip", "path": None, "locked": True, "changed": True,
    }  # fmt: skip
    assert facts(api) == (True, PLAIN)


def test_the_answer_says_where_it_is_known(api, known):
    """Who saw it can look whether something is still there."""
    assert moved(api)[0]["path"] == PLAIN
    assert moved(api, path=PLAIN, locked=False)[0] == {
        "fingerprint": "6f1c", "video_id": "clip", "path": PLAIN, "locked": True, "changed": False,
    }  # fmt: skip


def test_moved_back_is_unlocked(api, known):
    """What the camera's owner released by moving it back is locked no longer."""
    moved(api, was=PLAIN)
    moved(api, path=PLAIN, locked=False, was=LOCKED)
    assert facts(api) == (False, PLAIN)


def test_unknown_contents_are_left_out(api, known):
    """A content that nobody knows is no move."""
    assert moved(api, fingerprint="0000") == []
    assert api("POST", "/clips/moved", {}).json() == {"clips": []}


@pytest.mark.parametrize(
    "clips", [[{}], [{"fingerprint": "", "device": "a", "path": "/"}], "all", [{}] * 1001]
)
def test_what_is_no_clip_is_refused(api, known, clips):
    """A list of clips with content and path, and no more than a thousand."""
    assert api("POST", "/clips/moved", {"clips": clips}).status_code == 400
    assert facts(api) == (False, PLAIN)


def test_a_lock_before_the_ingest_is_no_news(api):
    """A locked clip whose task still waits is not said to have been locked since."""
    task = {"task_type": "INGEST_VIDEO", "video_id": "clip", "metadata": {"fingerprint": "6f1c"}}
    api("POST", "/tasks", task)
    assert moved(api, device="dashcam")[0] == {
        "fingerprint": "6f1c", "video_id": "clip", "path": None, "locked": True, "changed": False,
    }  # fmt: skip
