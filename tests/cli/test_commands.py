"""Commands as people and scripts call them: output, exit codes, refusals."""

import json
import subprocess
import sys
from importlib import metadata

import pytest

from dashcam_cli.intake import find_clips
from dashcam_cli.scan import SUFFIXES


def test_help_names_every_command(house):
    """`--help` lists the commands and ends with 0."""
    shown = house.command("h", "--help")
    assert shown.returncode == 0
    for command in (
        "server",
        "worker",
        "submit",
        "status",
        "search",
        "run",
        "demo",
        "read",
        "doctor",
        "place",
    ):
        assert command in shown.stdout


def test_version(house):
    """The installed version, for bug reports."""
    shown = house.command("pc", "--version")
    assert (shown.returncode, shown.stdout) == (0, f"dashcam {metadata.version('dashcam-processor')}\n")


def test_help_loads_no_heavy_library():
    """`dashcam --help` imports nothing that it does not need."""
    code = (
        "import sys, dashcam_cli.main; "
        "print([m for m in ('numpy', 'cv2', 'av', 'onnxruntime', 'litestar', 'httpx', 'server') if m in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "arguments", [("status",), ("search", "ABC"), ("status", "--json"), ("submit", "--csv", "x.csv")]
)
def test_no_server_is_exit_3(house, arguments, tmp_path):
    """Commands that need a server say in one line that none answers."""
    (tmp_path / "x.csv").write_text("a,b,c\n")
    arguments = [str(tmp_path / each) if each == "x.csv" else each for each in arguments]
    shown = house.command("h", *arguments)
    assert shown.returncode == 3
    assert shown.stdout == ""
    assert len(shown.stderr.strip().splitlines()) == 1
    assert "dashcam server" in shown.stderr


@pytest.mark.parametrize(
    ("arguments", "environ"),
    [
        (("submit",), {}),
        (("worker", "--type", "INGEST"), {}),
        (("worker", "--place", "nas"), {}),
        (("status",), {"DASHCAM_LIMITS__CONECTIONS": "0"}),
        (("status",), {"DASHCAM_CONFIG": "/nonexistent/dashcam.toml"}),
        (("status", "--server", "http://[bad"), {}),
        (("search", "--json", "--csv"), {}),
        (("nonsense",), {}),
    ],
)
def test_usage_and_settings_are_exit_2(house, arguments, environ):
    """Wrong words and wrong settings are told apart from failed work."""
    shown = house.command("h", *arguments, **environ)
    assert shown.returncode == 2, shown.stderr
    assert "Traceback" not in shown.stderr


def test_misspelt_setting_names_the_right_one(house):
    """An unknown key is refused with the nearest known name."""
    shown = house.command("h", "status", DASHCAM_LIMITS__CONECTIONS="0")
    assert "did you mean limits.connections?" in shown.stderr


def test_place_add_marks_and_refuses(house, tmp_path):
    """A kept place gets its marker and its setting; another place's folder is refused."""
    nas = tmp_path / "nas"
    nas.mkdir()
    assert house.command("h", "place", "add", "indoor_nas", str(nas)).returncode == 0
    assert (nas / ".dashcam-place").read_text().strip() == "indoor_nas"
    refused = house.command("other", "place", "add", "shed_nas", str(nas))
    assert refused.returncode == 2
    assert "indoor_nas" in refused.stderr
    card = tmp_path / "card"
    card.mkdir()
    assert house.command("h", "place", "add", "card", str(card), "--removable").returncode == 0
    assert list(card.iterdir()) == []
    places = json.loads(house.command("h", "place", "list", "--json").stdout)
    assert [(p["name"], p["kind"], p["reachable"]) for p in places] == [
        ("indoor_nas", "kept", True),
        ("card", "removable", False),
    ]
    (nas / ".dashcam-place").unlink()
    places = json.loads(house.command("h", "place", "list", "--json").stdout)
    assert not places[0]["reachable"]
    assert "empty mount point" in places[0]["reason"]


def test_doctor_finds_and_mends(house):
    """Each finding has a level; what is not fine says what to do."""
    shown = house.command("h", "doctor", "--json")
    findings = json.loads(shown.stdout)
    assert shown.returncode == 0, shown.stdout
    assert {"python", "sqlite", "stages", "packages", "home", "place", "server"} <= {
        f["check"] for f in findings
    }
    server = next(f for f in findings if f["check"] == "server")
    assert (server["level"], "dashcam server" in server["mend"]) == ("note", True)


def test_submit_outside_every_place_says_how_to_mend_it(house, tmp_path):
    """A clip below no root is refused with the command that helps."""
    clip = tmp_path / "a.ts"
    clip.write_bytes((b"\x47" + b"\0" * 187) * 20)
    house.server()
    shown = house.command("h", "submit", str(clip), "--json")
    assert shown.returncode == 1
    reason = json.loads(shown.stdout)["errors"][0]["reason"]
    assert f"dashcam place add NAME {tmp_path}" in reason


def test_submit_refuses_bad_input_and_goes_on(house, tmp_path):
    """Each bad file has its one-line reason; the good one is handed in, once."""
    nas = tmp_path / "nas"
    nas.mkdir()
    (nas / "empty.mp4").touch()
    (nas / "text.mp4").write_text("this is not a video\n" * 50)
    good = nas / "2024_0115_123456_0001F.TS"
    good.write_bytes((b"\x47" + b"\0" * 187) * 200)
    (nas / "again.ts").write_bytes(good.read_bytes())
    house.server()
    house.command("h", "place", "add", "nas", str(nas))
    shown = house.command("h", "submit", str(nas), str(tmp_path / "missing.mp4"), "--json")
    assert shown.returncode == 1
    handed = json.loads(shown.stdout)
    assert len(handed["tasks"]) == 1
    assert len(handed["skipped"]) == 1
    assert {error["clip"].rsplit("/", 1)[-1] for error in handed["errors"]} == {
        "empty.mp4",
        "text.mp4",
        "missing.mp4",
    }
    assert len(shown.stderr.strip().splitlines()) == 3
    again = json.loads(house.command("h", "submit", str(good), "--json").stdout)
    assert again["tasks"] == []
    assert "known already" in again["skipped"][0]["reason"]


def test_submit_csv(house, tmp_path):
    """A header is recognised, a last line without newline counts, bad rows are named."""
    house.server()
    table = tmp_path / "v.csv"
    table.write_text(
        "video_id,filename,source\ntrip_1,a.MP4,cam\n\nbad id,b.MP4,cam\ntrip_2,../c.MP4,cam\ntrip_3,d.MP4,cam"
    )
    shown = house.command("h", "submit", "--csv", str(table), "--json")
    handed = json.loads(shown.stdout)
    assert [task["video_id"] for task in handed["tasks"]] == ["trip_1", "trip_3"]
    assert handed["tasks"][0]["metadata"] == {"source": "cam", "filename": "a.MP4"}
    assert len(handed["errors"]) == 2
    assert shown.returncode == 1


def test_submit_csv_of_many_rows_and_a_list_on_stdin(house, tmp_path):
    """Over a thousand rows go in; a list of paths may come on standard input."""
    house.server()
    table = tmp_path / "v.csv"
    table.write_text("".join(f"trip_{n},{n}.MP4,cam\n" for n in range(1250)))
    handed = json.loads(house.command("h", "submit", "--csv", str(table), "--json").stdout)
    assert len(handed["tasks"]) == 1250
    listed = subprocess.run(
        [sys.executable, "-m", "dashcam_cli.main", "submit", "-", "--json"],
        input="/missing/a.mp4\n/missing/b.mp4\n", env=house.env("h"), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert [e["clip"] for e in json.loads(listed.stdout)["errors"]] == ["/missing/a.mp4", "/missing/b.mp4"]


def test_search_without_hits_is_fine(house):
    """No hits: exit 0 and an empty list, over the server and in the file."""
    house.server()
    assert json.loads(house.command("h", "search", "NOPE", "--json").stdout) == []
    database = house.folder / "hosts" / "server" / "dashcam.sqlite"
    local = house.command("h", "search", "NOPE", "--json", "--db", str(database))
    assert (local.returncode, json.loads(local.stdout)) == (0, [])
    assert house.command("h", "search", "--db", str(database) + "x").returncode == 4


def test_status_shows_three_parts(house):
    """`status --json` has queue, devices and failures."""
    house.server()
    shown = house.command("h", "status", "--json")
    assert list(json.loads(shown.stdout)) == ["queue", "devices", "failures"]
    assert "Tasks" in house.command("h", "status").stdout


def test_server_ends_cleanly_and_second_one_is_refused(house):
    """A stop signal ends it with 0; a second server on the home is refused in one line."""
    server = house.server()
    second = house.command("server", "server", "--port", "0")
    assert second.returncode == 2
    assert "another dashcam server" in second.stderr
    assert "Traceback" not in second.stderr
    assert server.stop() == 0


def test_run_with_nothing_usable_is_exit_1(house, tmp_path):
    """`run` on hopeless input says why, prints valid JSON and fails."""
    clip = tmp_path / "x.mp4"
    clip.touch()
    shown = house.command("h", "run", str(clip), "--json")
    assert shown.returncode == 1
    assert json.loads(shown.stdout)["videos"] == []
    assert len(shown.stderr.strip().splitlines()) == 1


def test_our_own_outputs_are_no_clips(tmp_path):
    """A folder that was handed in before holds archives of ours by now: they are not handed in themselves."""
    clip = tmp_path / "a.mp4"
    for path in (
        clip,
        tmp_path / "archive" / "v" / "video_lowres.mp4",
        tmp_path / "archive" / "w.3-1.part" / "b.mp4",
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    (tmp_path / "archive" / "v" / "result.json").write_text("{}")
    assert list(find_clips([tmp_path])) == [clip]


def test_suffixes_are_lower_case():
    """Names are compared in lower case, so the table must be."""
    assert {suffix.lower() for suffix in SUFFIXES} == SUFFIXES


@pytest.mark.parametrize("name", ["..", "../x", "a/b", ".hidden", ""])
def test_worker_names_are_no_paths(house, name):
    """A worker's name becomes a folder of its home; one that leads elsewhere is refused and nothing is removed."""
    precious = house.folder / "hosts" / "h" / "precious"
    house.env("h")
    precious.touch()
    shown = house.command("h", "worker", "--once", "--name", name)
    assert shown.returncode == (2 if name else 3), shown.stderr
    assert precious.exists()


def test_unspeakable_files_are_named_and_the_rest_goes_on(house, tmp_path):
    """A name that is not Unicode, a pipe and a link to itself are refused with a reason each."""
    import os

    nas = tmp_path / "nas"
    nas.mkdir()
    os.mkfifo(nas / "pipe.mp4")
    (nas / "loop.mp4").symlink_to(nas / "loop.mp4")
    (tmp_path / os.fsdecode(b"nas/bad\xff.mp4")).touch()
    good = nas / "good.ts"
    good.write_bytes((b"\x47" + b"\0" * 187) * 50)
    house.server()
    shown = house.command("h", "submit", str(nas), "--place", f"nas={nas}", "--json")
    assert shown.returncode == 1, shown.stderr
    assert "Traceback" not in shown.stderr
    handed = json.loads(shown.stdout)
    assert len(handed["tasks"]) == 1
    assert len(handed["errors"]) == 3


def test_cards_get_no_marker(house, tmp_path):
    """What looks like a card, or was added as one, is never marked."""
    card = tmp_path / "sd"
    (card / "DCIM").mkdir(parents=True)
    refused = house.command("h", "place", "add", "sd", str(card))
    assert refused.returncode == 2
    assert "--removable" in refused.stderr
    assert house.command("h", "place", "add", "sd", str(card), "--removable").returncode == 0
    assert house.command("h", "place", "add", "sd", str(card)).returncode == 2
    assert [p.name for p in card.iterdir()] == ["DCIM"]


def test_home_that_cannot_be_used_is_one_line(house, tmp_path):
    """A home that is a file, or whose database is garbage, is said in one line."""
    file = tmp_path / "file"
    file.touch()
    garbage = tmp_path / "garbage"
    garbage.mkdir()
    (garbage / "dashcam.sqlite").write_bytes(b"garbage" * 1000)
    for home in (file, garbage):
        shown = house.command("h", "server", "--home", str(home), "--port", "0")
        assert shown.returncode == 2, shown.stderr
        assert len(shown.stderr.strip().splitlines()) == 1


@pytest.mark.slow
def test_run_resumes_what_backed_off_or_was_left(house, tmp_path):
    """A clip whose task was leased to somebody gone is finished by the next `run`."""
    from tests.stages.clips import make_clip

    clip = make_clip(tmp_path / "a.mp4", size=(320, 240))
    server = house.server("h")
    house.command("h", "submit", str(clip), "--place", f"clips={tmp_path}")
    import httpx

    held = httpx.post(f"{house.url}/api/v1/tasks/pending?worker=gone&session=zz", json={}).json()
    assert held[0]["lease"] == 1
    server.stop()
    shown = house.command("h", "run", str(clip), "--json", DASHCAM_PLACES__CLIPS=str(tmp_path))
    assert shown.returncode == 0, shown.stderr
    assert json.loads(shown.stdout)["videos"][0]["archive_path"]


def test_retry_brings_failed_tasks_back(house):
    """`retry --failed` and `retry N` put tasks back; what cannot be retried is said, with exit 1."""
    house.server()
    import httpx

    for _ in range(2):
        httpx.post(f"{house.url}/api/v1/tasks", json={"task_type": "INGEST_VIDEO"})
    for number in (1, 2):
        httpx.post(f"{house.url}/api/v1/tasks/{number}/cancel")
    assert json.loads(house.command("h", "retry", "1", "--json").stdout)[0]["phase"] == "ready"
    assert house.command("h", "retry", "--failed").stdout == "1 back in the queue\n"
    assert house.command("h", "retry", "99").returncode == 1
    assert house.command("h", "retry").returncode == 2
