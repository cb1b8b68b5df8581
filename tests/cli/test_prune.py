"""`dashcam prune` and `dashcam protect` against a real server and real files."""

import itertools
import json
import os
import shutil
import sqlite3
import subprocess
import time
import tomllib
from pathlib import Path
from types import SimpleNamespace

import httpx
import msgspec
import pytest
from typer.testing import CliRunner

from config.loader import ConfigurationLoader
from config.settings import RetentionSettings
from dashcam_cli import platform
from dashcam_cli.homekey import KEY_FILE, host_token
from dashcam_cli.main import app
from dashcam_cli.prune import policy_of
from stages.files import MARKER
from stages.retention import Kind
from tests.house import House
from tests.kept import Kept, tree

RULES = "[retention.raw]\ndays = 30\n[retention.preproc]\ndays = 30\n"
EVERYTHING = "".join(f"[retention.{kind}]\ndays = 30\n" for kind in ("raw", "preproc", "heavy", "archive"))
TAGS = itertools.count()
ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server process for all tests of this file."""
    house = House(tmp_path_factory.mktemp("house"))
    house.server()
    yield house
    for running in house.running:
        running.kill()


@pytest.fixture
def home(server, tmp_path):
    """Two places of this test; `clip` makes clips there, `run(...)` runs a command, `prune` with some rules."""
    folder = server.folder / "hosts" / "server"
    tag = str(next(TAGS))
    kept = Kept(tmp_path, server.url, folder, tag)

    def run(*arguments, code=0):
        env = {key: None for key in os.environ if key.startswith("DASHCAM_")}
        settings = {"DASHCAM_HOME": str(folder), "DASHCAM_SERVER": server.url}
        done = CliRunner().invoke(app, arguments, env=env | settings)
        assert done.exit_code == code, (done.exit_code, done.output)
        return done

    def prune(rules, *arguments, code=0):
        (folder / "dashcam.toml").write_text(kept.settings(rules))
        done = run("prune", "--json", *arguments, code=code)
        return SimpleNamespace(**json.loads(done.stdout), said=done.stderr) if done.stdout else done

    def clip(name, days=40, **facts):
        video_id = f"{name}-{tag}"
        kept.tell(video_id, kept.clip(video_id), days, **facts)
        return video_id

    return SimpleNamespace(kept=kept, run=run, prune=prune, clip=clip, folder=folder, tag=tag, server=server)


def went(report):
    """(class, clip) of what went, clips without the tag."""
    return [(each["class"], each["video_id"].split("-")[0]) for each in report.going]


def stayed(report):
    """Class and clip of what was due and stays, with the reason."""
    return {(each["class"], each["video_id"].split("-")[0]): each["reason"] for each in report.staying}


def test_nothing_goes_until_the_owner_says_so(home):
    """Without rules nothing is looked at and nothing is removed."""
    home.clip("v1", days=4000)
    before = tree(home.kept.folder)
    report = home.prune("")
    assert (report.going, report.staying) == ([], [])
    assert "nothing is set to be removed" in report.said
    assert tree(home.kept.folder) == before


def test_old_clips_go_and_their_archives_stay(home):
    """What is due by age goes, the server forgets it, both logs say so; a dry run before says the same."""
    old = home.clip("old", days=40)
    home.clip("young", days=20)
    before = tree(home.kept.folder)
    dry = home.prune(RULES, "--dry-run")
    assert tree(home.kept.folder) == before
    report = home.prune(RULES)
    assert went(report) == went(dry) == [("preproc", "old"), ("raw", "old")]
    assert report.going[1]["reason"] == "40 days old, kept 30"
    left = tree(home.kept.folder)
    lost = {name for name in before if name not in left}
    assert lost == {name for name in before if f"preproc/{old}" in name or name.endswith(f"raw/{old}.MP4")}
    files = {each["file"]["path"] for each in home.kept.get(f"/webui/videos/{old}?expand=files")["files"]}
    assert files == {
        f"/videos/heavy_output/{old}/", f"/archive/{old}/video_lowres.mp4", f"/archive/{old}/plates/",
    }  # fmt: skip
    log = home.kept.get(f"/retention/removals?video_id={old}")
    assert [(row["kind"], row["how"]) for row in log] == [("raw", "removed"), ("preproc", "removed")]
    assert log[0]["path"] == f"/videos/raw/{old}.MP4"
    lines = [json.loads(line) for line in (home.folder / "removals.log").read_text().splitlines()]
    assert [line["event"] for line in lines if line["entry"]["video_id"] == old] == [
        "begin", "begin", "removed", "removed",
    ]  # fmt: skip
    assert went(home.prune(RULES)) == []


def test_some_clips_always_stay(home):
    """Protected, locked, event, today's clips and what a task needs stay, each with its reason."""
    home.clip("safe")
    home.run("protect", f"safe-{home.tag}")
    home.clip("locked", locked=True)
    home.clip("event", mode="event")
    home.clip("busy")
    home.kept.post("/tasks", {"task_type": "PREPROCESS_VIDEO", "video_id": f"busy-{home.tag}"})
    home.clip("today", days=0.5)
    before = tree(home.kept.folder)
    report = home.prune("[retention]\nunmarked_plates_days = 0\n[retention.raw]\ndays = 0.01\n")
    assert went(report) == []
    why = stayed(report)
    assert "protected" in why["raw", "safe"]
    assert "locked it" in why["raw", "locked"]
    assert "an event" in why["raw", "event"]
    assert "PREPROCESS_VIDEO) still waits" in why["raw", "busy"]
    assert "younger than a day" in why["raw", "today"]
    assert tree(home.kept.folder) == before
    report = home.prune("[retention]\nlocked = true\n[retention.raw]\ndays = 30\n")
    assert sorted(went(report)) == [("raw", "event"), ("raw", "locked")]


def test_protection_ends_when_a_person_says_so(home):
    """`protect` survives that the clip is ingested again, and `--off` ends it; unknown clips are exit 4."""
    home.clip("v")
    video_id = f"v-{home.tag}"
    shown = home.run("protect", video_id, "nobody", "--json", code=4)
    assert json.loads(shown.stdout)[0]["protected"] is True
    assert "nobody not found" in shown.stderr
    task = home.kept.post("/tasks", {"task_type": "INGEST_VIDEO", "video_id": video_id})
    again = {"results": [{"type": "clip", "filename": "again.mp4"}]}
    home.kept.post(f"/tasks/{task['task_id']}/complete", again)
    home.kept.age(video_id, 40)
    assert went(home.prune(RULES)) == []
    home.run("protect", video_id, "--off")
    assert went(home.prune(RULES)) == [("preproc", "v"), ("raw", "v")]


def test_a_clip_stays_without_a_whole_archive(home):
    """Not archived, archived from another file, or an archive with one wrong byte: the clip stays."""
    home.clip("good")
    home.clip("bad")
    home.clip("other")
    video_id = f"none-{home.tag}"
    done = home.kept.clip(video_id)
    home.kept.tell(video_id, {"INGEST_VIDEO": done["INGEST_VIDEO"]}, 40)
    crop = home.kept.shed / f"archive/bad-{home.tag}/plates/1234BCD.jpg"
    crop.write_bytes(b"Crop" + crop.read_bytes()[4:])
    with (home.kept.nas / f"videos/raw/other-{home.tag}.MP4").open("ab") as file:
        file.write(b"more")
    report = home.prune("[retention.raw]\ndays = 30\n", code=1)
    assert went(report) == [("raw", "good")]
    why = stayed(report)
    assert "reads back differently" in why["raw", "bad"]
    assert "has no archive" in why["raw", "none"]
    assert "not the file any more" in why["raw", "other"]
    assert any("reads back differently" in line for line in report.troubles)


def test_an_absent_place_is_not_an_empty_one(home):
    """A place without its marker is left alone, with a sentence and exit code 1; so are clips whose archive is there."""
    home.clip("v1")
    (home.kept.shed / MARKER).unlink()
    before = tree(home.kept.folder)
    report = home.prune(EVERYTHING, code=1)
    assert went(report) == [("preproc", "v1"), ("heavy", "v1")]
    assert "cannot be read from here" in stayed(report)["raw", "v1"]
    assert any("has no marker" in line and "nothing in it was looked at" in line for line in report.troubles)
    (home.kept.nas / MARKER).unlink()
    shutil.rmtree(home.kept.nas / "videos")
    report = home.prune(EVERYTHING, code=1)
    assert (report.going, report.gone) == ([], [])
    archive = {name: digest for name, digest in before.items() if "shed/archive" in name}
    assert archive.items() <= tree(home.kept.folder).items()
    assert len(home.kept.get(f"/webui/videos/v1-{home.tag}?expand=files")["files"]) == 3


def test_what_somebody_else_removed_is_gone(home):
    """A missing file is forgotten and is no error; when most are missing, a person has to say that it is true."""
    for name in ("a", "b", "c", "d"):
        home.clip(name, days=10)
    raw = home.kept.nas / "videos/raw"
    (raw / f"a-{home.tag}.MP4").unlink()
    dry = home.prune(RULES, "--dry-run")
    report = home.prune(RULES)
    assert [each["video_id"] for each in report.gone] == [each["video_id"] for each in dry.gone]
    assert [each["path"] for each in report.gone] == [f"/videos/raw/a-{home.tag}.MP4"]
    assert [row["how"] for row in home.kept.get(f"/retention/removals?video_id=a-{home.tag}")] == ["gone"]
    assert home.prune(RULES).gone == []
    for name in ("b", "c"):
        (raw / f"{name}-{home.tag}.MP4").unlink()
    report = home.prune(RULES, code=1)
    assert report.gone == []
    assert "2 files of the class raw are missing" in report.troubles[0]
    assert len(home.prune(RULES, "--gone").gone) == 2


def test_only_what_the_stages_left_is_removed(home, tmp_path):
    """Strangers' files, links and paths that lead elsewhere stay, whatever the catalogue says of them."""
    home.clip("notes")
    home.clip("link")
    (home.kept.nas / f"videos/preproc/notes-{home.tag}/notes.txt").write_text("mine")
    linked = home.kept.nas / f"videos/preproc/link-{home.tag}"
    linked.rename(home.kept.nas / "elsewhere")
    linked.symlink_to(home.kept.nas / "elsewhere")
    (home.kept.nas / "photos").mkdir()
    (home.kept.nas / "photos/me.jpg").write_text("me")
    (tmp_path / "secret.txt").write_text("s")
    for number, path in enumerate(
        ("/", "/photos/", "/photos/me.jpg", "/../secret.txt", "/videos/", f"/{MARKER}")
    ):
        made = home.kept.post(
            "/tasks", {"task_type": "PREPROCESS_VIDEO", "video_id": f"x{number}-{home.tag}"}
        )
        outputs = {"outputs": [{"device": home.kept.names[0], "path": path}]}
        answer = httpx.post(
            f"{home.kept.url}/api/v1/tasks/{made['task_id']}/complete", json=outputs, timeout=20
        )
        if answer.is_success:
            home.kept.age(f"x{number}-{home.tag}", 40)
    before = tree(home.kept.folder)
    report = home.prune("[retention.preproc]\ndays = 30\n")
    assert went(report) == []
    why = stayed(report)
    assert "notes.txt" in why["preproc", "notes"]
    assert "a link leads there" in why["preproc", "link"]
    assert "no folder with the result.json" in why["preproc", "x1"]
    assert tree(home.kept.folder) == before


def test_quota_and_room(home):
    """Over a quota the oldest go and no more than needed; in a full place classes go in order, if they may."""
    for days, name in enumerate(("a", "b", "c"), start=10):
        home.clip(name, days)
    size = (home.kept.nas / f"videos/raw/a-{home.tag}.MP4").stat().st_size
    rules = f"[retention.raw]\nquota_gb = {2.5 * size / 1e9:.9f}\n"
    assert went(home.prune(rules)) == [("raw", "c")]
    full = "[retention]\nmin_free_percent = 100\n[retention.heavy]\nwhen_full = true\n"
    report = home.prune(full, "--place", home.kept.names[0], code=1)
    assert went(report) == [("heavy", "c"), ("heavy", "b"), ("heavy", "a")]
    assert "cannot be freed by these rules" in report.troubles[0]
    assert len(list((home.kept.nas / "videos/raw").iterdir())) == 2


def test_archives_go_last_and_the_clip_says_so(home):
    """When all classes are due everything of a clip goes, the clip before its archive; its row stays."""
    video_id = home.clip("v")
    assert home.kept.get(f"/webui/videos/{video_id}")["archive_path"]
    assert went(home.prune(EVERYTHING)) == [
        ("preproc", "v"), ("heavy", "v"), ("raw", "v"), ("archive", "v"),
    ]  # fmt: skip
    shown = home.kept.get(f"/webui/videos/{video_id}?expand=files")
    assert (shown["archive_path"], shown["files"], shown["status"]) == (None, [], "processed")
    assert home.kept.get(f"/webui/plates?video_id={video_id}")[0]["thumbnail_url"] is None
    assert [path for path in home.kept.folder.rglob("*") if path.is_file() and path.name != MARKER] == []


def test_a_removal_that_was_cut_off_is_ended(home):
    """What an earlier run began is finished, and told; a folder that somebody laid a file into gets its name back."""
    home.clip("a")
    home.clip("b")
    nas, tag = home.kept.nas, home.tag
    folders = {name: nas / f"videos/preproc/{name}-{tag}" for name in "ab"}
    for name, folder in folders.items():
        begun = {
            "video_id": f"{name}-{tag}", "kind": "preproc", "device": home.kept.names[0],
            "path": f"/videos/preproc/{name}-{tag}/", "paths": [f"/videos/preproc/{name}-{tag}/metadata.json"],
            "size_bytes": 1, "reason": "40 days old, kept 30",
        }  # fmt: skip
        with (home.folder / "removals.log").open("ab") as log:
            log.write(
                msgspec.json.encode({"at": "2026-01-01T00:00:00Z", "event": "begin", "entry": begun}) + b"\n"
            )
        folder.rename(folder.with_name(folder.name + ".prune.part"))
    (nas / f"videos/preproc/a-{tag}.prune.part/metadata.json").unlink()
    (nas / f"videos/preproc/b-{tag}.prune.part/mine.txt").write_text("mine")
    with (home.folder / "removals.log").open("ab") as log:
        log.write(b'{"at": "cut o')
    home.prune("", code=1)
    assert sorted(path.name for path in (nas / "videos/preproc").iterdir()) == [f"b-{tag}"]
    assert (folders["b"] / "mine.txt").read_text() == "mine"
    assert home.kept.get(f"/retention/removals?video_id=a-{tag}")[0]["reason"] == "40 days old, kept 30"
    home.prune("")
    assert home.kept.get(f"/retention/removals?video_id=b-{tag}") == []


def test_a_removal_that_nobody_logged_is_undone_or_ended(home):
    """Where the log is lost: whole folders get their names back, others go; fresh ones may be another host's work."""
    home.clip("whole", days=10)
    home.clip("half", days=10)
    home.clip("fresh", days=10)
    preproc = home.kept.nas / "videos/preproc"
    for name in ("whole", "half", "fresh"):
        folder = preproc / f"{name}-{home.tag}"
        folder.rename(folder.with_name(folder.name + ".prune.part"))
    (preproc / f"half-{home.tag}.prune.part/metadata.json").unlink()
    report = home.prune(RULES)
    assert {name for _, name in stayed(report)} == {"whole", "half", "fresh"}
    assert "a moment ago" in stayed(report)["preproc", "half"]


def test_usage_and_a_second_run(home):
    """Unknown and removable places are refused (2); two runs on one home too (1); no server is 3."""
    (home.folder / "dashcam.toml").write_text("[places.card]\nroot = '/nowhere'\nremovable = true\n")
    home.run("prune", "--place", "card", code=2)
    home.run("prune", "--place", "nobody", code=2)
    lock = platform.try_lock(home.folder / "prune.lock")
    try:
        assert "another dashcam prune" in home.run("prune", code=1).stderr
    finally:
        lock.release()
    home.clip("v")
    (home.folder / "dashcam.toml").write_text(home.kept.settings(RULES))
    home.run("prune", "--server", "http://127.0.0.1:9", code=3)


def test_unmarked_plates_are_forgotten(home):
    """Old sightings go with their plates and pictures, young and protected ones stay; the log names no plate."""
    for name, days in (("old", 40), ("young", 20), ("safe", 40)):
        video_id = f"{name}-{home.tag}"
        home.kept.tell(video_id, home.kept.clip(video_id, plate=f"PL{name.upper()}{home.tag}"), days)
    home.run("protect", f"safe-{home.tag}")
    rules = "[retention]\nunmarked_plates_days = 30\n"
    crop = home.kept.get(f"/webui/plates?plate_query=PLOLD{home.tag}&expand=media")[0]["media"]
    for picture in (home.folder / "media").rglob("*.jpg"):
        os.utime(picture, (time.time() - 9999,) * 2)
    dry = home.prune(rules, "--dry-run")
    assert dry.plates["sightings"] >= 1
    assert len(home.kept.get(f"/webui/plates?plate_query={home.tag}&plate_query=PLOLD{home.tag}")) == 1
    report = home.prune(rules)
    assert report.plates == dry.plates

    def seen(name):
        query = f"PL{name}{home.tag}"
        return len(home.kept.get(f"/webui/plates?plate_query={query}&match=exact"))

    assert [seen(name) for name in ("OLD", "YOUNG", "SAFE")] == [0, 1, 1]
    assert httpx.get(f"{home.kept.url}{crop}", timeout=20).status_code == 404
    assert not (home.folder / "media" / crop[7:9] / crop.removeprefix("/media/")).exists()
    log = home.kept.get("/retention/removals?limit=1")[0]
    assert (log["kind"], log["video_id"]) == ("plates", None)
    assert "PLOLD" not in json.dumps(home.kept.get("/retention/removals"))
    with sqlite3.connect(f"file:{home.folder / 'dashcam.sqlite'}?mode=ro", uri=True) as database:
        assert database.execute("SELECT count(*) FROM plate WHERE text LIKE 'PLOLD%'").fetchone() == (0,)
    database.close()


def test_forgetting_plates_needs_a_token(home):
    """In open mode nobody of the network may wipe the catalogue: without a token it is 401."""
    url = f"{home.kept.url}/api/v1/retention/plates"
    assert httpx.post(url, json={"days": 30}, timeout=20).status_code == 401
    key = (home.folder / KEY_FILE).read_bytes()
    signed = {"Authorization": f"Bearer {host_token(key, time.time())}"}
    assert httpx.post(url, json={"days": 0.5}, headers=signed, timeout=20).status_code == 400
    assert (
        httpx.post(url, json={"days": 3000, "dry_run": True}, headers=signed, timeout=20).status_code == 200
    )


def test_the_printed_rules_are_settings():
    """The settings in the how-to are ones that the loader takes, and mean what they say."""
    text = (ROOT / "docs/how-to/retention.md").read_text()
    printed = tomllib.loads(text.split("```toml\n")[1].split("```")[0])
    assert ConfigurationLoader({}).validate_config(printed) == []
    policy = policy_of(msgspec.convert(printed["retention"], RetentionSettings))
    assert policy.kinds == [Kind.PREPROC, Kind.HEAVY, Kind.RAW]
    assert (policy.free_bytes, policy.rule(Kind.HEAVY).quota, policy.locked) == (
        100 * 10**9,
        50 * 10**9,
        False,
    )
    assert policy_of(RetentionSettings()).kinds == []


def test_the_timer_is_one_that_systemd_takes(tmp_path):
    """The service and the timer are read without a complaint about them."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("needs systemd-analyze, which is not installed here")
    for unit in (ROOT / "examples/retention").iterdir():
        text = (
            unit.read_text()
            .replace("/opt/dashcam/bin/dashcam", "/bin/true")
            .replace("User=dashcam", "User=root")
        )
        (tmp_path / unit.name).write_text(text)
    units = [str(path) for path in tmp_path.iterdir()]
    done = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, text=True, check=False)
    assert not [line for line in done.stderr.splitlines() if "dashcam-prune" in line], done.stderr
