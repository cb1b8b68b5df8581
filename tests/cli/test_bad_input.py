"""Whatever people hand in: a one-line reason, a non-zero exit, and the good clips still come out."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from tests.house import wait_for
from tests.stages.clips import make_clip


def sound_only(path):
    """A clip without a video track."""
    import av
    import numpy as np

    with av.open(str(path), "w") as out:
        stream = out.add_stream("aac", rate=44100)
        for number in range(40):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            frame.sample_rate, frame.pts = 44100, number * 1024
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))


@pytest.fixture
def junk(tmp_path):
    """A folder of files that are no clips, and one that is."""
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "zero.mp4").touch()
    (folder / "text.mp4").write_text("no video\n" * 100)
    sound_only(folder / "sound.mp4")
    make_clip(folder / "whole.mp4", frames=20, size=(320, 240), index_first=True)
    data = (folder / "whole.mp4").read_bytes()
    (folder / "cut.mp4").write_bytes(data[: len(data) * 6 // 10])
    return folder


@pytest.mark.slow
def test_run_names_each_reason_and_finishes_the_rest(house, junk, tmp_path):
    """`run` on a folder of junk processes what is a clip and fails with a reason for each other file."""
    shown = house.command("h", "run", str(junk), str(tmp_path / "missing.mp4"), "--json")
    assert shown.returncode == 1
    answer = json.loads(shown.stdout)
    reasons = {error["clip"].rsplit("/", 1)[-1]: error["reason"] for error in answer["errors"]}
    assert reasons.keys() == {"zero.mp4", "text.mp4", "sound.mp4", "cut.mp4", "missing.mp4"}
    assert all(reason and "\n" not in reason for reason in reasons.values())
    assert "truncated" in reasons["cut.mp4"]
    assert len(shown.stderr.strip().splitlines()) == len(reasons)
    whole = next(video for video in answer["videos"] if video["clip"].endswith("whole.mp4"))
    assert list(whole["stages"]) == [
        "INGEST_VIDEO",
        "PREPROCESS_VIDEO",
        "HEAVY_PROCESS_VIDEO",
        "ARCHIVE_VIDEO",
    ]


@pytest.mark.slow
@pytest.mark.shared
@pytest.mark.parametrize("name", ["spain-1741gwy.mp4", "highway-1280x720.mp4", "street-426x240.mp4"])
def test_truncated_real_clips_are_worked_on_to_their_end(house, tmp_path, shared, name):
    """A clip cut at 60 % gives a reason and a non-zero exit, and its archive as far as it goes."""
    data = (shared / "clips" / name).read_bytes()
    clip = tmp_path / name
    clip.write_bytes(data[: len(data) * 6 // 10])
    shown = house.command("h", "run", str(clip), "--json", DASHCAM_STAGE__HEAVY__LOOKS_PER_SECOND="0.5")
    assert shown.returncode == 1
    answer = json.loads(shown.stdout)
    assert "truncated by" in answer["errors"][0]["reason"]
    assert answer["videos"][0]["archive_path"]


@pytest.mark.slow
def test_queue_goes_on_after_a_hopeless_task(house, tmp_path):
    """A path with `..`, a missing file and a file that is no clip each fail with a reason; the next one is done."""
    nas = tmp_path / "nas"
    nas.mkdir()
    (tmp_path / "secret.mp4").write_bytes(b"x")
    (nas / "text.mp4").write_text("no video")
    sound_only(nas / "sound.mp4")
    make_clip(nas / "good.mp4", size=(320, 240))
    house.server()
    import httpx

    for path in ("/../secret.mp4", "/missing.mp4", "/text.mp4", "/sound.mp4", "/good.mp4"):
        body = {"task_type": "INGEST_VIDEO", "inputs": [{"device": "nas", "path": path}]}
        assert httpx.post(f"{house.url}/api/v1/tasks", json=body).status_code == 201
    done = house.command("w", "worker", "--once", "--type", "INGEST_VIDEO", "--place", f"nas={nas}")
    assert done.returncode == 1
    tasks = house.get("/tasks?expand=phase,error&task_type=INGEST_VIDEO")
    assert [task["phase"] for task in tasks] == ["gave_up"] * 4 + ["done"]
    for task, word in zip(tasks, ("..", "missing.mp4", "no video", "no video"), strict=False):
        assert word in task["error"]
        assert "\n" not in task["error"]
    failures = json.loads(house.command("h", "status", "--json").stdout)["failures"]
    assert [each["task_id"] for each in failures] == [4, 3, 2, 1]


def test_folder_without_permission_is_named(house, tmp_path):
    """A folder that may not be read is an error of its own, not an empty folder."""
    nas = tmp_path / "nas"
    locked = nas / "locked"
    locked.mkdir(parents=True)
    locked.chmod(0)
    house.server()
    drop = []
    if os.geteuid() == 0:  # root without its privilege to read everything
        if shutil.which("setpriv") is None:
            pytest.skip("root reads everything, and setpriv is not here to take that away")
        drop = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
    shown = subprocess.run(
        [*drop, sys.executable, "-m", "dashcam_cli.main", "submit", str(nas), "--json"],
        env=house.env("h"), capture_output=True, text=True, check=False,
    )  # fmt: skip
    locked.chmod(0o755)
    assert shown.returncode == 1, shown.stderr
    error = json.loads(shown.stdout)["errors"][0]
    assert error["clip"] == str(locked)
    assert "Permission denied" in error["reason"]


@pytest.mark.slow
def test_worker_survives_its_child(house, tmp_path):
    """A stage process that is killed is a crash of the task; the worker lives and does the next."""
    nas = tmp_path / "nas"
    nas.mkdir()
    clip = nas / "a.mp4"
    make_clip(clip, size=(320, 240))
    house.server(DASHCAM_QUEUE__BACKOFF_FIRST_SECONDS="1")
    worker = house.start(
        "w",
        "worker",
        "--place",
        f"nas={nas}",
        "--type",
        "INGEST_VIDEO",
        DASHCAM_STAGE__INGEST__STABLE_SECONDS="600",  # it waits for the clip until it is killed
    )
    wait_for(lambda: (nas / ".dashcam-place").exists(), worker)
    house.command("h", "submit", str(nas), "--place", f"nas={nas}")
    wait_for(lambda: house.get("/queue")["running"], worker)
    children = wait_for(lambda: _children(worker.process.pid), worker)
    os.utime(clip, (clip.stat().st_mtime - 3600,) * 2)  # whole long ago, for the next try
    os.kill(children[0], 9)
    task = wait_for(
        lambda: [t for t in house.get("/tasks?expand=phase,crashes,error") if t["phase"] == "done"], worker
    )[0]
    assert task["crashes"] == 1
    assert worker.stop() == 0
    assert not (house.folder / "hosts" / "w" / "scratch" / "w").exists()


def _children(pid):
    shown = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False)
    return [int(line) for line in shown.stdout.split()]
