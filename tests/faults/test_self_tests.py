"""A worker that cannot do a type of task takes none of it, says why, and does the others."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from pathlib import Path
from random import Random

import httpx
import pytest

from config.settings import Settings
from dashcam_cli.child import StageChild, settings_for
from dashcam_cli.selftest import SelfTests, examine, self_testing
from stages.registry import OURS
from stages.runner import Check, check
from stages.stage import Health
from stages.task import TaskType
from stages.video.render import render_drive
from stages.vision.bundled import bundled
from stages.vision.canary import canary
from tests.house import House, wait_for

pytestmark = pytest.mark.slow

HEAVY = str(TaskType.HEAVY_PROCESS_VIDEO)
QUICK = {"DASHCAM_QUEUE__HEARTBEAT_SECONDS": "1", "DASHCAM_QUEUE__BACKOFF_FIRST_SECONDS": "1"}


def broken_package(folder: Path) -> dict[str, str]:
    """An environment in which another `rapidocr` lies in front: it brings no models."""
    (folder / "rapidocr").mkdir(parents=True)
    (folder / "rapidocr" / "__init__.py").write_text('raise ImportError("broken on purpose")\n')
    return {"PYTHONPATH": str(folder)}


def at_start(folder: Path, code: str) -> str:
    """A folder for PYTHONPATH with code that every heavy child runs first."""
    folder.mkdir()
    lines = ["import os, sys, time", f"if {HEAVY!r} in sys.orig_argv:", f"    {code}", ""]
    (folder / "sitecustomize.py").write_text("\n".join(lines))
    return str(folder)


def check_of(task_type: str, models: Path = Path("none")) -> Check:
    """What a worker with default settings asks of a child."""
    return Check(settings=settings_for(Settings(), task_type), models=str(models))


def tasks(house: House) -> dict[str, dict]:
    """The tasks by type."""
    return {each["task_type"]: each for each in house.get("/tasks?expand=phase,error,failures,crashes")}


def test_a_worker_that_cannot_read_does_the_rest(house: House, tmp_path: Path) -> None:
    """Without a text reader ingest and preprocess are done and heavy is not begun; a healthy worker does it."""
    house.server(**QUICK)
    card, nas = tmp_path / "card", tmp_path / "nas"
    card.mkdir()
    nas.mkdir()
    render_drive(card, seed=3, seconds=2, width=640, height=360, fps=10)
    places = ["--place", f"dashcam={card}", "--place", f"indoor_nas={nas}"]
    broken = house.start("broken", "worker", "--name", "broken", *places, **broken_package(tmp_path / "path"))
    wait_for(lambda: "tasks are not taken here" in broken.text(), broken)
    assert "no text models" in broken.text()
    handed = house.command("laptop", "submit", str(card), "--place", f"dashcam={card}")
    assert handed.returncode == 0, handed.stderr
    wait_for(lambda: tasks(house).get("PREPROCESS_VIDEO", {}).get("state") == "complete", broken)
    wait_for(lambda: HEAVY in tasks(house), broken)
    device = wait_for(lambda: house.get("/devices/broken")["capabilities"].get("refuses"), broken)
    assert list(device) == [HEAVY]
    why = wait_for(lambda: [each["why"] for each in house.get("/queue")["waiting"]], broken)[0]
    assert "broken takes none: no text models" in why
    shown = house.command("h", "status")
    assert "broken takes none" in " ".join(shown.stdout.split())
    assert tasks(house)[HEAVY]["phase"] == "ready"
    assert (tasks(house)[HEAVY]["failures"], tasks(house)[HEAVY]["crashes"]) == (0, 0)
    healthy = house.start("healthy", "worker", "--name", "healthy", "--type", HEAVY, *places[2:])
    wait_for(lambda: tasks(house)[HEAVY]["state"] == "complete", healthy)
    assert f"{HEAVY} is ready after" in healthy.text()
    assert healthy.text().index("is ready") < healthy.text().index("started")
    assert "refuses" not in house.get("/devices/healthy")["capabilities"]
    wait_for(lambda: tasks(house).get("ARCHIVE_VIDEO", {}).get("state") == "complete", broken)
    for each in (broken, healthy):
        assert each.stop() == 0


def test_a_worker_with_nothing_fit_asks_for_nothing(house: House, tmp_path: Path) -> None:
    """A worker whose only type is unfit takes no task of another type, and ends when it is told to."""
    house.server(**QUICK)
    env = broken_package(tmp_path / "path")
    once = house.command("h", "worker", "--name", "w", "--type", HEAVY, "--once", **env)
    assert once.returncode == 0
    assert "tasks are not taken here: no text models" in once.stderr
    ask = {"task_type": "INGEST_VIDEO", "video_id": "v1", "inputs": [{"device": "card", "path": "/a.mp4"}]}
    assert httpx.post(f"{house.url}/api/v1/tasks", json=ask).status_code == 201
    running = house.start("w2", "worker", "--name", "w2", "--type", HEAVY, **env)
    wait_for(lambda: "not taken" in running.text(), running)
    time.sleep(1.5)  # some rounds of its loop
    assert tasks(house)["INGEST_VIDEO"]["state"] == "pending"
    assert "started" not in running.text()
    assert running.stop() == 0


def test_one_machine_says_why_a_clip_waits(house: House, tmp_path: Path) -> None:
    """`dashcam run` without a text reader does what it can, and tells what the clip waits for."""
    drive = render_drive(tmp_path, seed=3, seconds=2, width=640, height=360, fps=10)
    shown = house.command("h", "run", str(drive.clip), "--json", **broken_package(tmp_path / "path"))
    assert shown.returncode == 1
    told = json.loads(shown.stdout)
    assert "HEAVY_PROCESS_VIDEO waits: no text models" in told["errors"][0]["reason"]
    assert set(told["videos"][0]["stages"]) == {"INGEST_VIDEO", "PREPROCESS_VIDEO"}


def test_doctor_tells_the_verdict(house: House, tmp_path: Path) -> None:
    """Each model with runtime and provider, the canary with its milliseconds; a fault where it is not read."""
    shown = house.command("h", "doctor", "--json")
    assert shown.returncode == 0, shown.stdout
    found = {each["check"]: each for each in json.loads(shown.stdout)}
    assert found["heavy model"]["facts"]["provider"] in ("cpu", "cuda", "tensorrt")
    assert found["heavy model"]["facts"]["runtime"] == "onnx"
    assert found["heavy canary"]["level"] == "ok"
    assert found["heavy canary"]["facts"]["milliseconds"]["canary"] > 0
    shown = house.command("h", "doctor", "--json", **broken_package(tmp_path / "path"))
    assert shown.returncode == 1
    found = {each["check"]: each for each in json.loads(shown.stdout)}
    assert found["heavy canary"]["level"] == "fault"
    assert "no text models" in found["heavy canary"]["detail"]


def test_our_stages_that_look_try_themselves() -> None:
    """The heavy and the preprocess stage have a self-test; the others are taken to be fit."""
    assert set(self_testing(OURS.values())) == {HEAVY, "PREPROCESS_VIDEO"}

    class Plugin:
        """A stage of somebody's, without a self-test."""

    assert check(Plugin(), check_of(HEAVY)) == Health()


def test_what_a_self_test_raises_is_a_reason() -> None:
    """Whatever a stage raises, its type is not taken and the reason is kept."""

    class Plugin:
        """A stage of somebody's that is broken."""

        settings_type = dict[str, object]

        def self_test(self, settings: object, models: Path) -> Health:
            """Fails in a way of its own."""
            del settings, models
            raise KeyError("weights")

    assert check(Plugin(), check_of(HEAVY)).unfit == "KeyError: 'weights'"


def test_a_reader_that_loads_and_misreads_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model whose weights were damaged on the disk and that still loads does not read the plate: unfit."""
    models = tmp_path / "path" / "rapidocr" / "models"
    models.mkdir(parents=True)
    (models.parent / "__init__.py").write_text("")
    finder, reader = bundled("det"), bundled("rec")
    shutil.copy(finder, models / finder.name)
    data, noise = bytearray(reader.read_bytes()), Random(1)
    for percent in range(5, 95, 3):
        at = len(data) * percent // 100
        data[at : at + 2000] = noise.randbytes(2000)
    (models / reader.name).write_bytes(data)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "path"))
    child = StageChild(HEAVY)
    try:
        assert canary().plate in examine(child, check_of(HEAVY), 120).unfit
    finally:
        child.kill()


@pytest.mark.parametrize(
    ("code", "limit", "reason"),
    [
        ("os.abort()", 60, "during the self-test"),
        ("time.sleep(600)", 1, "did not end within 1 seconds"),
    ],
)
def test_a_crash_and_a_hang_are_reasons(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, limit: float, reason: str
) -> None:
    """Native code that takes the child down, or never ends, makes the type unfit, not the worker."""
    monkeypatch.setenv("PYTHONPATH", at_start(tmp_path / "path", code))
    child = StageChild(HEAVY)
    try:
        assert reason in examine(child, check_of(HEAVY), limit).unfit
    finally:
        child.kill()


def test_what_was_mended_is_taken_up_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failed test is tried again; its child is then warm and handed over once."""
    mended = tmp_path / "mended"
    code = f"os.path.exists({str(mended)!r}) or os._exit(7)"
    monkeypatch.setenv("PYTHONPATH", at_start(tmp_path / "path", code))
    tests = SelfTests(("INGEST_VIDEO", HEAVY), lambda kind: check_of(kind, tmp_path), pause=0.1)
    assert tests.fit() == ("INGEST_VIDEO",)
    tests.start()
    try:
        wait_for(tests.unfit)
        assert "ended with code 7" in tests.unfit()[HEAVY]
        assert tests.fit() == ("INGEST_VIDEO",)
        mended.touch()
        wait_for(lambda: HEAVY in tests.fit())
        assert tests.unfit() == {}
        child = tests.take(HEAVY)
        assert child is not None
        assert child.alive()
        assert tests.take(HEAVY) is None
        child.kill()
    finally:
        tests.stop()


def test_a_worker_that_stops_ends_its_tests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of a self-test outlives its worker."""
    note = tmp_path / "pid"
    code = f"open({str(note)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    monkeypatch.setenv("PYTHONPATH", at_start(tmp_path / "path", code))
    tests = SelfTests((HEAVY,), check_of)
    tests.start()
    pid = int(wait_for(lambda: note.exists() and note.read_text()))
    tests.stop()
    if sys.platform != "win32":
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
