"""The examples do what they say, against a live server; so do the reference's scripts, exactly as printed."""

import importlib.util
import json
import re
import shutil
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import httpx
import pytest

from tests.conftest import SHARED
from tests.house import wait_for
from tests.stages.clips import make_clip

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
REFERENCE = SHARED / "reference" / "api-reference.md"
PRINTED_SERVER = "http://main-server:8000"
TYPES = ["INGEST_VIDEO", "PREPROCESS_VIDEO", "HEAVY_PROCESS_VIDEO", "ARCHIVE_VIDEO"]
ROWS = 250

pytestmark = pytest.mark.slow


@pytest.fixture
def shell():
    """Skips where the scripts' own tools are missing."""
    for tool in ("bash", "curl", "jq"):
        if shutil.which(tool) is None:
            pytest.skip(f"the scripts need {tool}, which is not installed here")


def printed(heading: str, language: str) -> str:
    """The first block of a language below a heading of the reference."""
    if not REFERENCE.is_file():
        pytest.skip("needs ../shared/reference/api-reference.md, which is not part of the repository")
    text = REFERENCE.read_text(encoding="utf-8")
    below = text.partition(f"\n{heading}\n")[2]
    found = re.search(rf"^```{language}\n(.*?)^```", below, re.MULTILINE | re.DOTALL)
    assert found, heading
    return found[1]


def addressed(script: str, url: str) -> str:
    """A printed script with the server's address replaced, and nothing else."""
    assert PRINTED_SERVER in script
    return script.replace(PRINTED_SERVER, url)


def environ(house, **more) -> dict[str, str]:
    """A shell user's environment; `python` is ours, as the printed scripts call it."""
    env = house.env("shell", **more)
    return env | {"PATH": f"{Path(sys.executable).parent}:{env['PATH']}"}


def bash(house, script: str | Path, *arguments: str, **more) -> str:
    """Run a script file, or the text of one, to its end; what it printed."""
    if isinstance(script, str):
        path = house.folder / "script.sh"
        path.write_text(script)
        script = path
    shown = subprocess.run(
        ["bash", str(script), *arguments],
        env=environ(house, **more), cwd=house.folder, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert shown.stderr == ""
    return shown.stdout


def python(house, name: str, *arguments: str, stdin: str = "", **more) -> subprocess.CompletedProcess[str]:
    """Run a Python example."""
    return subprocess.run(
        [sys.executable, str(EXAMPLES / name), *arguments],
        env=environ(house, **more), input=stdin, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def loaded(name: str):
    """A Python example as a module."""
    pytest.importorskip("requests", reason="the example uses requests, which is not installed here")
    spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def complete(house, video_id: str) -> list[str]:
    """The types of a clip's tasks, which must all be complete."""
    tasks = house.get(f"/tasks?video_id={video_id}")
    assert [task["state"] for task in tasks] == ["complete"] * len(tasks), tasks
    return [task["task_type"] for task in tasks]


@pytest.fixture
def workers(house, tmp_path):
    """A server with four real workers that poll it, each for one type."""
    house.server()
    nas = tmp_path / "nas"
    nas.mkdir()
    started = []
    for task_type in TYPES:
        host = task_type.lower().replace("_", "-")
        flags = ("--name", host, "--type", task_type, "--place", f"indoor_nas={nas}")
        started.append(house.start(host, "worker", *flags))
    wait_for(lambda: len([d for d in house.get("/devices") if d["status"] == "online"]) == 4, started[-1])
    return started


# -- section 17 ----------------------------------------------------------------------------------


def test_workflow_ends_with_four_complete_tasks(house, shell):
    """`workflow.sh` takes a clip through all four steps."""
    house.server()
    out = bash(house, EXAMPLES / "workflow.sh", DASHCAM_SERVER=house.url)
    assert "=== Pipeline completed successfully! ===" in out
    assert out.count('"state": "complete"') == 4
    assert complete(house, "trip_20240115_new") == TYPES


def test_workflow_while_four_workers_poll(house, shell, workers):
    """Real workers that ask for the same tasks do not get in the script's way, nor it in theirs."""
    bash(house, EXAMPLES / "workflow.sh", DASHCAM_SERVER=house.url)
    assert complete(house, "trip_20240115_new") == TYPES
    assert all(worker.process.poll() is None for worker in workers)


@pytest.mark.shared
def test_section_17_as_printed(house, shell):
    """The printed script runs with its address replaced, and ends with four complete tasks."""
    house.server()
    script = addressed(printed("## 17. Complete API Workflow Example", "bash"), house.url)
    assert bash(house, script).count('"state": "complete"') == 4
    assert complete(house, "trip_20240115_new") == TYPES


@pytest.mark.shared
def test_section_17_as_printed_while_four_workers_poll(house, shell, workers):
    """The printed script runs five times beside four polling workers: each time four complete tasks more."""
    script = addressed(printed("## 17. Complete API Workflow Example", "bash"), house.url)
    for _ in range(5):
        bash(house, script)
    assert complete(house, "trip_20240115_new") == TYPES * 5
    assert all(worker.process.poll() is None for worker in workers)


# -- example 1 -----------------------------------------------------------------------------------


@pytest.fixture
def ingesting(house, tmp_path):
    """A server, and an ingest worker with a card that holds a clip named for the printed video."""
    house.server()
    card, nas = tmp_path / "card", tmp_path / "nas"
    nas.mkdir()
    make_clip(card / "DCIM" / "trip_20240115_1.MP4", frames=20)
    places = ("--place", f"dashcam={card}", "--place", f"indoor_nas={nas}")
    return house.start("nas", "worker", "--name", "nas", "--type", "INGEST_VIDEO", *places)


def check_pipeline(house, out: str) -> None:
    """The script's own steps are done, the next one waits; the worker published one of its own."""
    assert "Pipeline started successfully!" in out
    tasks = house.get("/tasks?video_id=trip_20240115_1")
    states = sorted((task["task_type"], task["state"]) for task in tasks)
    assert states == [
        ("HEAVY_PROCESS_VIDEO", "pending"),
        ("INGEST_VIDEO", "complete"),
        ("PREPROCESS_VIDEO", "complete"),
        ("PREPROCESS_VIDEO", "pending"),
    ]
    assert house.get("/webui/videos")[0]["filename"] == "trip_20240115_1.MP4"


def test_pipeline(house, shell, ingesting):
    """`pipeline.sh` waits until a worker has ingested the clip and starts what follows."""
    check_pipeline(house, bash(house, EXAMPLES / "pipeline.sh", DASHCAM_SERVER=house.url))


@pytest.mark.shared
def test_example_1_as_printed(house, shell, ingesting):
    """The printed script runs with its address replaced."""
    script = addressed(printed("### Example 1: Complete Video Processing Pipeline", "bash"), house.url)
    check_pipeline(house, bash(house, script))


def test_pipeline_ends_when_the_clip_is_nowhere(house, shell, tmp_path):
    """A clip that no place holds ends `pipeline.sh` with 1, instead of being waited for."""
    house.server()
    nas = tmp_path / "nas"
    nas.mkdir()
    house.start("nas", "worker", "--type", "INGEST_VIDEO", "--place", f"indoor_nas={nas}")
    shown = subprocess.run(
        ["bash", str(EXAMPLES / "pipeline.sh"), "trip_nowhere"],
        env=environ(house, DASHCAM_SERVER=house.url), capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert shown.returncode == 1
    assert "failed" in shown.stderr


# -- example 2 -----------------------------------------------------------------------------------


@pytest.fixture
def busy(house):
    """A server with three completed tasks of two clips, one that waits, and two devices; the seconds they took."""
    house.server()
    for video_id, task_type in (("a", TYPES[0]), ("a", TYPES[1]), ("b", TYPES[0]), ("c", TYPES[0])):
        made = httpx.post(f"{house.url}/api/v1/tasks", json={"task_type": task_type, "video_id": video_id})
        assert made.status_code == 201
    time.sleep(1.1)  # v1 counts whole seconds: without this every task would take 0
    for task_id in (1, 2, 3):
        assert httpx.post(f"{house.url}/api/v1/tasks/{task_id}/complete").status_code == 200
    for hostname in ("jetson-coral-1", "rtx-4090-1"):
        beat = {"hostname": hostname, "device_type": "worker"}
        assert httpx.post(f"{house.url}/api/v1/devices/heartbeat", json=beat).status_code == 200


def seconds_taken(house) -> float:
    """From creation to completion over all completed tasks."""
    stamps = [(t["created_at"], t["completed_at"]) for t in house.get("/tasks?state=complete")]
    parsed = [[time.mktime(time.strptime(s, "%Y-%m-%dT%H:%M:%S")) for s in pair] for pair in stamps]
    return sum(done - made for made, done in parsed)


def check_stats(house, stats) -> None:
    """The figures are those of the three completed tasks."""
    assert stats["total_videos"] == 2
    assert stats["tasks_by_type"] == {"INGEST_VIDEO": 2, "PREPROCESS_VIDEO": 1}
    assert stats["total_processing_time"] == seconds_taken(house)
    assert stats["total_processing_time"] >= 3
    assert sorted(stats["devices_active"]) == ["jetson-coral-1", "rtx-4090-1"]


def test_processing_stats(house, busy):
    """`processing_stats.py` counts what was completed, as a function and as a program."""
    module = loaded("processing_stats")
    stats = module.get_processing_stats(house.url)
    assert isinstance(stats["devices_active"], set)
    check_stats(house, stats)
    shown = python(house, "processing_stats.py", DASHCAM_SERVER=house.url)
    assert shown.returncode == 0, shown.stderr
    check_stats(house, json.loads(shown.stdout))


@pytest.mark.shared
def test_example_2_as_printed(house, busy):
    """The printed function returns the right figures with its address replaced; its last line does not run."""
    pytest.importorskip("requests", reason="the example uses requests, which is not installed here")
    code = addressed(printed("### Example 2: Query Processing Statistics", "python"), house.url)
    names = {"__name__": "printed"}
    exec(compile(code, "example 2", "exec"), names)  # noqa: S102  # the reference's own code
    check_stats(house, names["get_processing_stats"]())


# -- example 3 -----------------------------------------------------------------------------------


@pytest.fixture
def rows(house, tmp_path):
    """A server; 250 rows as the printed script reads them; each has a clip in the place it names."""
    house.server()
    nas = tmp_path / "nas"
    for number in range(1, ROWS + 1):
        make_clip(nas / f"clip_{number:03}.MP4", frames=12, seed=number)
    lines = [f"trip_{number:03},clip_{number:03}.MP4,indoor_nas\n" for number in range(1, ROWS + 1)]
    (house.folder / "videos_to_process.csv").write_text("".join(lines))
    return nas


def check_rows(house) -> None:
    """Each row made one task that says what the row said."""
    tasks = house.get("/tasks?task_type=INGEST_VIDEO&limit=1000")
    assert [(t["video_id"], t["metadata"]["filename"], t["metadata"]["source"]) for t in tasks] == [
        (f"trip_{number:03}", f"clip_{number:03}.MP4", "indoor_nas") for number in range(1, ROWS + 1)
    ]


def test_submit_csv_of_250_rows_is_one_call_and_is_executed(house, rows):
    """`dashcam submit --csv` sends all rows at once; a worker ingests every one."""
    handed = house.command("laptop", "submit", "--csv", str(house.folder / "videos_to_process.csv"))
    assert handed.returncode == 0, handed.stderr
    assert handed.stdout.startswith(f"{ROWS} handed in")
    check_rows(house)
    calls = httpx.get(f"{house.url}/api/v1/metrics").json()["requests_by_endpoint"]
    assert calls.get("POST /api/v1/tasks/batch") == 1
    assert "POST /api/v1/tasks" not in calls
    worker = house.start("nas", "worker", "--type", "INGEST_VIDEO", "--place", f"indoor_nas={rows}")
    wait_for(
        lambda: len(house.get("/tasks?task_type=INGEST_VIDEO&state=complete&limit=1000")) == ROWS, worker
    )
    done = house.get("/tasks?task_type=INGEST_VIDEO&state=complete&limit=1000")
    assert [task["video_id"] for task in done] == [f"trip_{number:03}" for number in range(1, ROWS + 1)]
    videos = {video["video_id"]: video for video in house.get("/webui/videos?limit=1000")}
    for number in range(1, ROWS + 1):
        video = videos[f"trip_{number:03}"]
        assert (video["filename"], video["total_frames"]) == (f"clip_{number:03}.MP4", 12)


def test_bulk_create_of_250_rows(house, shell, rows):
    """`bulk_create.sh` makes a task a row, the last one too when its line end is missing."""
    path = house.folder / "videos_to_process.csv"
    path.write_text(path.read_text().removesuffix("\n"))
    out = bash(house, EXAMPLES / "bulk_create.sh", str(path), DASHCAM_SERVER=house.url)
    assert out.endswith("All tasks created successfully!\n")
    assert out.count("Created task for") == ROWS
    check_rows(house)


@pytest.mark.shared
def test_example_3_as_printed(house, shell, rows):
    """The printed loop runs over 250 rows with the limits off."""
    out = bash(house, addressed(printed("### Example 3: Bulk Task Creation", "bash"), house.url))
    assert out.endswith("All tasks created successfully!\n")
    check_rows(house)


def test_bulk_create_ends_at_a_refused_row(house, shell):
    """A row that the server refuses ends `bulk_create.sh` with an error, not with "successfully"."""
    house.server()
    path = house.folder / "rows.csv"
    path.write_text("good,a.mp4,indoor_nas\n../bad,b.mp4,indoor_nas\nlater,c.mp4,indoor_nas\n")
    shown = subprocess.run(
        ["bash", str(EXAMPLES / "bulk_create.sh"), str(path)],
        env=environ(house, DASHCAM_SERVER=house.url), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert shown.returncode != 0
    assert "400" in shown.stderr
    assert "successfully" not in shown.stdout
    assert [task["video_id"] for task in house.get("/tasks")] == ["good"]


# -- single commands -----------------------------------------------------------------------------


def commands() -> list[str]:
    """Every printed block of curl commands, but the scripts of sections 9 and 17."""
    if not REFERENCE.is_file():
        pytest.skip("needs ../shared/reference/api-reference.md, which is not part of the repository")
    text = REFERENCE.read_text(encoding="utf-8")
    found = re.findall(r"^( *)```bash\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL)
    blocks = [textwrap.dedent(body) for _, body in found]
    return [block for block in blocks if PRINTED_SERVER in block and not block.startswith("#!")]


@pytest.mark.shared
def test_every_printed_curl_command_works(house, shell):
    """Each single curl command of the reference is answered with success: 11 endpoints, troubleshooting, metrics, v2."""
    house.server()
    script = "\n".join(addressed(block, house.url) for block in commands())
    for path, body in (
        ("/tasks", {"task_type": "INGEST_VIDEO", "video_id": "trip_20240115_1"}),
        ("/devices/heartbeat", {"hostname": "jetson-coral-1", "device_type": "jetson_coral"}),
    ):
        assert httpx.post(f"{house.url}/api/v1{path}", json=body).is_success
    token = house.command("server", "token", "create", "examples").stdout.strip()
    # The commands stay as printed. curl's own settings show each status, send a token (the printed v2 query has
    # none), and take the brackets of that query for brackets, not for a range of addresses.
    settings = f'silent\ngloboff\nheader = "X-API-Key: {token}"\nwrite-out = "\\n%{{http_code}} %{{url_effective}}\\n"\n'
    (house.folder / ".curlrc").write_text(settings)
    path = house.folder / "commands.sh"
    path.write_text(script)
    shown = subprocess.run(
        ["bash", str(path)],
        env=environ(house, CURL_HOME=str(house.folder), TOKEN=token),
        cwd=house.folder, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    statuses = re.findall(r"^(\d{3}) (http\S+)$", shown.stdout, re.MULTILINE)
    assert len(statuses) == script.count("curl ") >= 17
    assert [each for each in statuses if each[0] not in ("200", "201")] == [], shown.stdout


# -- sections 12 and 13, tokens ------------------------------------------------------------------


def test_retry_waits_longer_each_time(house, monkeypatch):
    """`retry.py` asks three times when the server says 429, pausing for about 1 and about 2 seconds."""
    retry = loaded("retry")
    house.server(limits=("1", "0"))
    pauses = []
    monkeypatch.setattr(retry.time, "sleep", pauses.append)
    url = f"{house.url}/api/v1/tasks"
    assert retry.make_request_with_retry(url).status_code == 200
    assert pauses == []
    assert retry.make_request_with_retry(url).status_code == 429
    assert len(pauses) == 2
    assert 1 <= pauses[0] <= 2 <= pauses[1] <= 3


def test_retry_raises_when_nobody_answers(monkeypatch):
    """Without a server `retry.py` tries three times and then says so."""
    retry = loaded("retry")
    pauses = []
    monkeypatch.setattr(retry.time, "sleep", pauses.append)
    with pytest.raises(retry.requests.ConnectionError):
        retry.make_request_with_retry("http://127.0.0.1:9/api/v1/tasks")
    assert pauses == [1, 1]


@pytest.mark.parametrize(
    ("text", "status", "said"),
    [
        ('{"task_type": "INGEST_VIDEO", "video_id": "trip_1"}', 0, '"video_id": "trip_1"'),
        ('{"task_type": "INGEST", "video_id": "trip_1"}', 1, "INGEST"),
        ('{"video_id": "trip_1"}', 1, "task_type is missing"),
        ('{"task_type": ', 1, "Expecting value"),
        ("[" * 100_000, 1, "error"),
        ("\udcff", 1, "error"),
    ],
)
def test_validate(house, text, status, said):
    """`validate.py` prints a sound task, or what is wrong with it and ends with 1."""
    shown = subprocess.run(
        [sys.executable, str(EXAMPLES / "validate.py")],
        env=environ(house), input=text.encode("utf-8", "surrogateescape"), capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    assert shown.returncode == status, shown.stderr
    assert said in shown.stdout.decode()
    assert shown.stderr == b""


def test_examples_send_the_token(house, shell):
    """With a token in the environment every example works on a server that asks for one, and not without."""
    house.server(DASHCAM_AUTH__REQUIRED="true")
    made = house.command("server", "token", "create", "examples", "--role", "worker")
    assert made.returncode == 0, made.stderr
    given = {"DASHCAM_SERVER": house.url, "DASHCAM_TOKEN": made.stdout.strip()}
    assert "Pipeline completed" in bash(house, EXAMPLES / "workflow.sh", **given)
    (house.folder / "one.csv").write_text("trip_1,a.mp4,indoor_nas\n")
    bash(house, EXAMPLES / "bulk_create.sh", str(house.folder / "one.csv"), **given)
    loaded("retry")
    assert python(house, "retry.py", "/tasks/5", **given).stdout.startswith("200 ")
    assert python(house, "retry.py", "/tasks/5", DASHCAM_SERVER=house.url).stdout.startswith("401 ")
    stats = json.loads(python(house, "processing_stats.py", **given).stdout)
    assert stats["tasks_by_type"] == dict.fromkeys(sorted(TYPES), 1)


def test_every_example_is_named_in_the_readme():
    """The list of examples is complete."""
    text = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    names = {path.name for path in EXAMPLES.iterdir() if path.suffix in (".sh", ".py")}
    assert names == set(re.findall(r"^\| `(\w+\.(?:sh|py))", text, re.MULTILINE))
