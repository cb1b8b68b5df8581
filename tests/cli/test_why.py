"""`dashcam why` as people call it: on what the stages really leave, and on reports that anybody may have made."""

import contextlib
import io
import json
import os
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from dashcam_cli.main import app
from stages.why.answer import Question, answer
from stages.why.files import Drop, Filtered, Looked, Report, read_report
from tests.house import House
from tests.stages.films import write_film
from tests.stages.vision.drawn import drawn


def film(folder: Path) -> Path:
    """Three seconds with a plate and a word that is none, then four in the dark."""
    light = [
        drawn((640, 360), ("SCHOOL", (30 + n, 40), 40), ("AB12 CDE", (200 + 2 * n, 200), 48))[0]
        for n in range(30)
    ]
    return write_film(folder / "20260601_162734.mp4", [*light, *[light[0] // 40] * 40], keyframe_every=5)


def alone(*arguments: str, home: Path) -> tuple[int, str]:
    """The command in this process, without a server."""
    environ = {"DASHCAM_HOME": str(home), "DASHCAM_SERVER": "http://127.0.0.1:9"}
    shown = CliRunner().invoke(app, ["why", *arguments], env=environ, catch_exceptions=False)
    return shown.exit_code, shown.output


def test_from_clip_to_answer(house: House, tmp_path: Path) -> None:
    """A plate that was found, a word that is none, a moment that was left out: each is told, with a picture."""
    ran = house.command("h", "run", str(film(tmp_path)), "--json")
    (video,) = json.loads(ran.stdout)["videos"]
    name, db = video["video_id"], str(tmp_path / "hosts" / "h" / "dashcam.sqlite")
    assert [(each["plate"], each["confirmed"]) for each in video["sightings"]] == [("AB12CDE", True)]

    told = json.loads(house.command("h", "why", name, "--db", db, "--plate", "ab 12 cde", "--json").stdout)
    track = told["tracks"][0]
    assert (track["plate"], track["confirmed"], track["outcomes"]["read"] >= 2) == ("AB12CDE", True, True)
    assert all(len(read["characters"]) == 7 for read in track["reads"] if read["plate"] == "AB12CDE")
    assert Path(track["crop"]).name == "AB12CDE.jpg"
    assert told["texts_dropped"]["no digit"] >= 2
    assert told["looked"]["per_second"] == 4

    cut = tmp_path / "cut"
    shown = house.command("other", "why", name, "--db", db, "--plate", "SCHOOL", "--crops", str(cut))
    assert shown.returncode == 0, shown.stderr
    assert "'SCHOOL' was read" in shown.stdout
    assert "no digit" in shown.stdout

    dark = house.command("h", "why", name, "--db", db, "--at", "6.5")
    assert "nothing was looked at in full resolution" in dark.stdout
    assert "left this moment out as dark" in dark.stdout
    assert "the nearest track is" in dark.stdout

    house.server("h")
    shown = house.command("h", "why", name, "--at", "0:01", "--crops", str(cut))
    assert "confirmed as AB12CDE" in shown.stdout, shown.stderr
    (picture,) = cut.iterdir()
    assert str(picture) in shown.stdout.replace("\n", "")
    away = house.command("far", "why", name)
    assert (away.returncode, "has no place" in away.stderr) == (1, True)
    assert house.command("far", "why", "nobody").returncode == 4


def test_a_clip_that_was_not_looked_at_yet(house: House, tmp_path: Path) -> None:
    """Where there is no report, the answer is what the clip's task waits for."""
    house.server()
    table = tmp_path / "clips.csv"
    table.write_text("video_id,filename,source\ntrip_1,a.MP4,cam\n")
    house.command("h", "submit", "--csv", str(table))
    shown = house.command("h", "why", "trip_1")
    assert shown.returncode == 4
    assert "no HEAVY_PROCESS_VIDEO task yet" in shown.stderr


def look(seconds: float, outcome: str, **more: object) -> dict:
    """One look as `detections.json` has it."""
    return {
        "frame": int(seconds * 10), "seconds": seconds, "box": [1, 2, 61, 42], "outcome": outcome, **more
    }  # fmt: skip


def read(plate: str, sure: float) -> dict:
    """One read."""
    return {
        "text": plate, "plate": plate, "characters": [0.9, sure] + [0.9] * (len(plate) - 2), "height": 14.0
    }  # fmt: skip


REPORT = {
    "frames_looked_at": 40, "last_seconds": 10.0,
    "looked": {"per_second": 4.0, "moments": [[0.0, 5.0], [8.0, 10.0]], "min_plate_height": 10},
    "tracks": [
        {"track": 1, "label": "car", "first_seconds": 1.0, "last_seconds": 2.0,
         "outcomes": {"too small": 9, "blurred": 3, "read": 2},
         "verdict": {"plate": "KDD480", "confidence": 0.21, "confirmed": False, "told": False,
                     "doubt": "only one look says so", "untold": "it is faint", "reads": 2, "agreeing": 1,
                     "candidates": [{"plate": "KD0480", "confidence": 0.4}], "tracks": [1]},
         "looks": [look(1.0, "too small", glimpse={"box": [1, 2, 3, 4], "height": 7.4}),
                   look(1.2, "blurred", glimpse={"box": [1, 2, 3, 4], "height": 12, "sharpness": 11.2}),
                   look(1.5, "read", read=read("KDD480", 0.4)), look(2.0, "read", read=read("KD0480", 0.3))]},
        {"track": 2, "label": "truck", "first_seconds": 4.0, "last_seconds": 4.5, "outcomes": {"no plate seen": 2},
         "looks": [look(4.0, "no plate seen"), look(4.5, "no plate seen")]},
    ],
}  # fmt: skip


def written(folder: Path, report: object) -> Path:
    """A report as a file."""
    path = folder / "detections.json"
    path.write_text(report if isinstance(report, str) else json.dumps(report))
    return path


def test_the_story_of_a_track(tmp_path: Path) -> None:
    """How often it was seen, why it was not read, what the reads said and why the vote came out so."""
    code, shown = alone(str(written(tmp_path, REPORT)), "--plate", "KDO480", home=tmp_path)
    assert code == 0
    for words in (
        "seen 14 times: 9 too small, 3 blurred, 2 read",
        "its plate was 7 pixels high; from 10 on a read is tried",
        "blurred: sharpness 11",
        "read as KDD480, exactly so in 1 of 2 reads, and not told: only one look says so; it is faint",
        "the vote's other texts: KD0480 40%",
        "weakest character D 0.40, 14 pixels high",
    ):
        assert words in shown
    assert "track 2" not in shown


def test_looks_that_were_not_needed(tmp_path: Path) -> None:
    """A settled vote says from when on it was read less; second looks and plates at the edge are told."""
    cut = {**read("KDD480", 0.9), "cut": True}
    track = {
        "track": 1, "label": "car", "first_seconds": 1.0, "last_seconds": 3.0,
        "outcomes": {"read": 2, "not read: vote was settled": 5},
        "looks": [look(1.0, "read", read=read("KDD480", 0.8)), look(2.1, "not read: vote was settled"),
                  look(3.0, "read", read=cut)],
    }  # fmt: skip
    report = {**REPORT, "tracks": [track], "second_looks": 12}
    code, shown = alone(str(written(tmp_path, report)), "--at", "2", home=tmp_path)
    assert code == 0
    for words in (
        "40 frames were looked at, up to 10.0 s, and 12 times once more at plates whose vote was open",
        "seen 7 times: 5 not read (vote was settled), 2 read",
        "at 2.10 s: not read: vote was settled",
        "not read: from 2.1 s on its vote was settled; then only clearly better looks are read",
        "14 pixels high, at the picture's edge",
    ):
        assert words in " ".join(shown.split())


def test_a_plate_that_nobody_read(tmp_path: Path) -> None:
    """Then it may be among the tracks that were never read: these are counted by their reasons."""
    code, shown = alone(str(tmp_path), "--plate", "ZZZ999", home=written(tmp_path, REPORT).parent)
    assert code == 0
    assert "nothing was read that is like ZZZ999" in shown
    assert "one of the 1 tracks that were never read (1 no plate seen)" in shown


@pytest.mark.parametrize(
    ("at", "words", "tracks"),
    [
        (1.0, "at 1.0 s: 1 track", [1]),
        (2.5, "at 2.5 s: 1 track", [1]),
        (3.2, "looked at in full resolution, and no vehicle", []),
        (6.0, "left this moment out as still, from 5.0 to 8.0 s", []),
        (11.9, "there is no picture: the clip ends at 10.5 s", []),
    ],
)
def test_instants(at: float, words: str, tracks: list[int]) -> None:
    """Only what was there then; where nothing was, whether it was looked at, and what is nearest."""
    report = msgspec.convert(REPORT, Report)
    filtered = Filtered(duration_seconds=10.5, drops=[Drop(5.0, 8.0, "still")])
    found = answer(report, filtered, Question(at=at))
    assert [track.track for track in found.tracks] == tracks
    assert any(words in text for text in found.says), found.says
    assert bool(found.nearest) is not bool(tracks)


def test_a_skipped_channel_is_told() -> None:
    """A channel in which no plate is sought says so, and what to do."""
    found = answer(Report(tracks=[], looked=Looked(skipped_channel="interior")), None, Question(at=2.0))
    assert any("interior was not looked at" in text for text in found.says)


def test_reports_of_older_versions(tmp_path: Path) -> None:
    """A report without verdicts takes them from the sightings beside its tracks."""
    old = {
        "plates": [{"plate": "KDD480", "confidence": 0.9, "confirmed": True, "track": 1, "reads": 3, "agreeing": 2}],
        "tracks": [{"track": 1, "label": "car", "looks": [look(1.5, "read", read=read("KDD480", 0.9))]}],
    }  # fmt: skip
    (track,) = read_report(written(tmp_path, old)).tracks
    assert track.verdict is not None
    assert track.verdict.confirmed
    code, shown = alone(str(tmp_path), home=tmp_path)
    assert (code, "confirmed as KDD480: exactly so in 2 of 3 reads" in shown) == (0, True)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "[" * 100_000,
        '{"tracks": 5}',
        '{"tracks": [{"looks": [{"seconds": 1e999, "box": [0,0,1,1]}]}]}',
    ],
)
def test_no_report_is_refused_in_a_line(tmp_path: Path, content: str) -> None:
    """What is no report of ours ends with 2 and one sentence."""
    code, shown = alone(str(written(tmp_path, content)), home=tmp_path)
    assert (code, len(shown.strip().splitlines())) == (2, 1)
    assert "no report of ours" in shown


@pytest.mark.slow
def test_neither_name_nor_path(tmp_path: Path) -> None:
    """A path with nothing behind it is told apart from a clip's name."""
    assert alone("../nowhere/at all", home=tmp_path)[0] == 2
    assert alone("20260601T162734-F-a", "--at", "soon", home=tmp_path)[0] == 3
    code, shown = alone(str(written(tmp_path, REPORT)), "--at", "soon", home=tmp_path)
    assert (code, "is no time" in shown) == (2, True)
    code, shown = alone(str(tmp_path), "--crops", str(tmp_path / "x"), home=tmp_path)
    assert (code, "nothing can be cut" in shown) == (1, True)


NASTY = st.text(max_size=30) | st.sampled_from(
    ["\x1b[2J\x1b]0;x\x07", "[bold]x[/]", "..", "../../etc/passwd", "\u202eABC", "A" * 900, "\r\n", "KDD480"]
)
NUMBER = st.integers(-3, 300) | st.floats(-9e5, 9e5) | st.integers(0, 1 << 53)
BOXES = st.tuples(NUMBER, NUMBER, NUMBER, NUMBER)
ANY = st.none() | st.booleans() | NUMBER | NASTY | st.lists(NUMBER, max_size=3)
READS = st.fixed_dictionaries(
    {},
    optional={
        "text": NASTY, "plate": NASTY, "height": NUMBER, "box": BOXES,
        "characters": st.lists(st.floats(0, 1), max_size=9),
    },
)  # fmt: skip
LOOKS = st.fixed_dictionaries(
    {"seconds": NUMBER, "box": BOXES},
    optional={
        "outcome": NASTY
        | st.sampled_from(
            ["read", "too small", "blurred", "not readable", "no plate seen", "not read: vote was settled"]
        ),
        "read": READS,
        "glimpse": st.fixed_dictionaries({"height": NUMBER}, optional={"text": NASTY, "sharpness": NUMBER}),
    },
)
VERDICTS = st.fixed_dictionaries(
    {"plate": NASTY},
    optional={
        "told": st.booleans(), "confirmed": st.booleans(), "doubt": NASTY, "untold": NASTY, "reads": NUMBER,
        "candidates": st.lists(st.fixed_dictionaries({"plate": NASTY, "confidence": st.floats(0, 1)}), max_size=3),
        "tracks": st.lists(st.integers(0, 9), max_size=3),
    },
)  # fmt: skip
TRACKS = st.fixed_dictionaries(
    {},
    optional={
        "track": st.integers(0, 5), "label": NASTY, "first_seconds": NUMBER, "last_seconds": NUMBER,
        "outcomes": st.dictionaries(NASTY, st.integers(0, 9), max_size=3), "verdict": VERDICTS | st.none(),
        "looks": st.lists(LOOKS, max_size=4),
    },
)  # fmt: skip
REPORTS = st.fixed_dictionaries(
    {"tracks": st.lists(TRACKS, max_size=4)},
    optional={
        "frames_looked_at": NUMBER, "last_seconds": NUMBER, "left_out": st.none(),
        "texts_dropped": st.dictionaries(NASTY, st.integers(0, 9), max_size=3),
        "texts": st.lists(st.fixed_dictionaries({"text": NASTY}, optional={"reason": NASTY}), max_size=3),
        "looked": st.fixed_dictionaries(
            {}, optional={"skipped_channel": NASTY, "moments": st.lists(st.tuples(NUMBER, NUMBER), max_size=3)}
        ),
        "plates": st.lists(st.fixed_dictionaries({}, optional={"plate": NASTY, "track": st.integers(0, 5)}), max_size=2),
    },
)  # fmt: skip


@pytest.mark.slow
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    report=REPORTS | st.dictionaries(st.sampled_from(["tracks", "plates", "looked"]), ANY, max_size=3),
    question=st.sampled_from([(), ("--at", "1.5"), ("--plate", "KDD480"), ("--at", "2", "--plate", "\x1b[0m1")]),
    as_json=st.booleans(),
)  # fmt: skip
def test_hostile_reports(tmp_path: Path, report: object, question: tuple[str, ...], as_json: bool) -> None:
    """Whatever a report says: an answer or one sentence, and nothing that drives a terminal or leaves the folder."""
    path = written(tmp_path, report)
    code, shown = alone(str(path), *question, *(["--json"] if as_json else []), home=tmp_path)
    assert code in (0, 2)
    assert all(c == "\n" or c.isprintable() for c in shown)
    assert "etc/passwd.jpg" not in shown
    if code == 2:
        assert len(shown.strip().splitlines()) == 1
    elif as_json:
        assert json.loads(shown)["report"] == str(path)


def test_a_pipe_for_a_report(tmp_path: Path) -> None:
    """What is no plain file is not waited for."""
    if not hasattr(os, "mkfifo"):
        pytest.skip("this system has no named pipes")
    os.mkfifo(tmp_path / "detections.json")
    with contextlib.redirect_stderr(io.StringIO()):
        assert alone(str(tmp_path / "detections.json"), home=tmp_path)[0] == 2
