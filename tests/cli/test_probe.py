"""`dashcam probe`: what a clip says about itself."""

import json
import os
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dashcam_cli.main import app
from tests.cards import make_card
from tests.stages.clips import block_t3, block_t17, make_clip, novatek

LOCAL = datetime(2024, 1, 15, 12, 34, 56)  # noqa: DTZ001
NAME = "2024_0115_123456_000001F.MP4"
KEYS = [
    "clip", "container", "camera", "start_utc", "utc_offset_seconds", "time_source", "time_claims",
    "duration_seconds", "route", "warnings",
]  # fmt: skip

Probe = Callable[..., tuple[list[dict], int]]


@pytest.fixture
def probe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Probe:
    """`probe(*arguments)` gives the lines of JSON and the exit code."""
    monkeypatch.setenv("DASHCAM_HOME", str(tmp_path / "home"))

    def run(*arguments: object) -> tuple[list[dict], int]:
        shown = CliRunner().invoke(app, ["probe", "--json", *map(str, arguments)])
        assert shown.exception is None or isinstance(shown.exception, SystemExit), shown.exception
        return [json.loads(line) for line in shown.stdout.splitlines()], shown.exit_code

    return run


def _clip(folder: Path, count: int = 5) -> Path:
    """A Viofo clip an hour ahead of its GPS."""
    utc = LOCAL - timedelta(hours=1)
    blocks = [block_t3(utc + timedelta(seconds=i), (40.0 + i * 1e-4, -3.5)) for i in range(count)]
    path = folder / NAME
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(novatek(blocks, seconds=float(count)))
    return path


def test_every_key_of_a_clip(probe: Probe, tmp_path: Path) -> None:
    """One line tells all there is, with these keys in this order."""
    clip = _clip(tmp_path / "card" / "DCIM" / "Movie" / "RO")
    (line,), code = probe(clip)
    assert code == 0
    assert list(line)[: len(KEYS)] == KEYS
    assert line["clip"] == str(clip)
    assert line["container"] == {"state": "whole", "missing_bytes": 0}
    assert line["camera"] == {
        "family": "viofo", "channel": "front", "mode": "normal", "locked": True, "sequence": 1,
    }  # fmt: skip
    assert (line["start_utc"], line["utc_offset_seconds"], line["time_source"]) == (
        "2024-01-15T11:34:56Z", 3600, "gps",
    )  # fmt: skip
    assert {"source": "name_local", "value": "2024-01-15T12:34:56"} in line["time_claims"]
    assert line["duration_seconds"] == 5
    assert list(line["route"]) == ["dialect", "points", "refused"]
    assert line["route"]["dialect"] == "freeGPS T3"
    assert line["route"]["refused"] is None
    first = line["route"]["points"][0]
    assert list(first) == ["seconds", "time", "lat", "lon", "speed_kmh", "course", "altitude"]
    assert first == {
        "seconds": 0.0, "time": "2024-01-15T11:34:56Z", "lat": pytest.approx(40.0), "lon": -3.5,
        "speed_kmh": 37.04, "course": 90.0, "altitude": None,
    }  # fmt: skip
    assert line["warnings"] == []


def test_folders_count_from_wherever_one_stands(
    probe: Probe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A clip in RO is locked however its path is written; `--root` bounds the folders that count."""
    clip = _clip(tmp_path / "Parking" / "card" / "RO")
    monkeypatch.chdir(clip.parent)
    for given in (clip, NAME, f"../RO/{NAME}"):
        ((line,), _) = probe(given)
        assert line["camera"]["locked"], given
    ((line,), _) = probe(clip, "--root", tmp_path / "Parking" / "card")
    assert (line["camera"]["locked"], line["camera"]["mode"]) == (True, "normal")
    ((line,), _) = probe(clip, "--root", clip.parent)
    assert not line["camera"]["locked"]


def test_what_is_no_clip_costs_the_others_nothing(probe: Probe, tmp_path: Path) -> None:
    """Missing, empty, no video: a line each that says so, exit code 1, and the rest is told."""
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "text.mp4").write_text("hello " * 1000)
    clip = make_clip(tmp_path / "good.mp4")
    lines, code = probe(
        tmp_path / "2024_0115_123456_000001F.MP4", tmp_path / "empty.mp4", tmp_path / "text.mp4", clip
    )
    assert code == 1
    assert [line["container"]["state"] for line in lines] == ["missing", "empty", "not_video", "whole"]
    assert all(list(line)[: len(KEYS)] == KEYS for line in lines)
    assert all(line["warnings"] for line in lines[:3])
    assert lines[0]["camera"]["family"] == "viofo"  # the name is there all the same


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_unreadable_clip(probe: Probe, tmp_path: Path) -> None:
    """A clip that may not be read says so."""
    clip = make_clip(tmp_path / "a.mp4")
    clip.chmod(0)
    (line,), code = probe(clip)
    assert (line["container"]["state"], code) == ("unreadable", 1)


def test_damaged_clips_are_told_with_the_reason(probe: Probe, tmp_path: Path) -> None:
    """Truncated by so many bytes; no index: the state, and a sentence."""
    data = make_clip(tmp_path / "a.mp4", index_first=True).read_bytes()
    (tmp_path / "cut.mp4").write_bytes(data[:-3000])
    late = make_clip(tmp_path / "b.mp4").read_bytes()
    (tmp_path / "lost.mp4").write_bytes(late[: late.rindex(b"moov") - 4])
    (cut, lost), code = probe(tmp_path / "cut.mp4", tmp_path / "lost.mp4")
    assert code == 0
    assert cut["container"] == {"state": "truncated", "missing_bytes": 3000}
    assert "truncated by 3000 bytes" in cut["warnings"][0]
    assert 0 < cut["duration_seconds"] < 1
    assert lost["container"] == {"state": "no_index", "missing_bytes": 0}


def test_encrypted_positions_are_refused_with_a_sentence(probe: Probe, tmp_path: Path) -> None:
    """Positions that must not be used: none, and why."""
    block = bytearray(block_t17(LOCAL, (40.0, -3.5)))
    block[0x4C:0x50] = bytes(4)
    (tmp_path / NAME).write_bytes(novatek([bytes(block)], seconds=1.0))
    (line,), _ = probe(tmp_path / NAME)
    assert line["route"]["points"] == []
    assert "encrypted" in line["route"]["refused"]


def test_zone_of_a_clip_without_gps(probe: Probe, tmp_path: Path) -> None:
    """`--time-zone` says what the name's clock means; one that does not exist is refused."""
    clip = make_clip(tmp_path / NAME)
    (line,), _ = probe("--time-zone", "Europe/Madrid", clip)
    assert (line["start_utc"], line["utc_offset_seconds"]) == ("2024-01-15T11:34:56Z", 3600)
    assert line["start_local"] == "2024-01-15T12:34:56"
    assert probe("--time-zone", "Europe/Atlantis", clip) == ([], 2)


def test_zone_from_the_settings(probe: Probe, tmp_path: Path) -> None:
    """A camera of the owner's settings has its own zone, as for ingest."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "dashcam.toml").write_text(
        '[stage.ingest]\ntime_zone = "Europe/London"\n[cameras.golf]\nfamily = "viofo"\ntime_zone = "Asia/Tokyo"\n'
    )
    viofo, other = make_clip(tmp_path / NAME), make_clip(tmp_path / "20240115_123456_NF.mp4")
    (ours, theirs), _ = probe(viofo, other)
    assert (ours["utc_offset_seconds"], theirs["utc_offset_seconds"]) == (32400, 0)


def test_rear_clip_goes_where_the_front_one_went(probe: Probe, tmp_path: Path) -> None:
    """A rear clip without GPS of its own has the route of the front clip of its moment, and says so."""
    _clip(tmp_path)
    rear = make_clip(tmp_path / "2024_0115_123457_000002R.MP4")
    (line,), _ = probe(rear)
    assert NAME in line["route"]["dialect"]
    # The rear camera began a second later.
    assert [point["seconds"] for point in line["route"]["points"]] == [-1, 0, 1, 2, 3]
    assert line["time_source"] == "gps"


def test_clips_of_one_camera_tell_each_other_the_offset(probe: Probe, tmp_path: Path) -> None:
    """A clip without GPS gets its camera's offset from the clips around it."""
    _clip(tmp_path)
    blind = make_clip(tmp_path / "2024_0115_124456_000002F.MP4")
    (line,), _ = probe(blind)
    assert (line["start_utc"], line["utc_offset_seconds"]) == ("2024-01-15T11:44:56Z", 3600)


def test_a_whole_card(probe: Probe, tmp_path: Path) -> None:
    """A folder stands for the clips in it, hidden files and thumbnails aside."""
    clips = make_card("viofo", tmp_path / "card", moments=2)
    lines, code = probe(tmp_path / "card")
    assert code == 0
    assert sorted(line["clip"] for line in lines) == sorted(map(str, clips))
    assert {line["camera"]["channel"] for line in lines} == {"front", "rear", "interior"}


def test_a_log_by_itself(probe: Probe, tmp_path: Path) -> None:
    """A GPS log named instead of a clip tells its route too, and is no clip."""
    path = tmp_path / "a.nmea"
    path.write_text("$GPRMC,113456.000,A,4030.0000,N,00330.0000,W,20.0,90.0,150124,,,A*00\n")
    (line,), code = probe(path)
    assert (code, line["container"]["state"]) == (0, "sidecar")
    assert list(line)[: len(KEYS)] == KEYS
    assert line["time_claims"] == [{"source": "gps", "value": "2024-01-15T11:34:56Z"}]
    assert [(point["lat"], point["lon"]) for point in line["route"]["points"]] == [(40.5, -3.5)]


def test_a_block_for_people(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without --json a block is printed; control characters of a name do not reach the terminal."""
    monkeypatch.setenv("DASHCAM_HOME", str(tmp_path / "home"))
    clip = _clip(tmp_path)
    evil = make_clip(tmp_path / "a\x1b[31m.mp4")
    shown = CliRunner().invoke(app, ["probe", str(clip), str(evil)])
    assert shown.exit_code == 0
    assert "5 fixes by freeGPS T3" in shown.stdout
    assert "2024-01-15 12:34:56 +01:00" in shown.stdout
    assert "\x1b" not in shown.stdout


def test_nothing_is_written(probe: Probe, tmp_path: Path) -> None:
    """Looking at a card leaves no trace on it."""
    card = tmp_path / "card"
    make_card("blackvue", card, moments=1)
    before = {path: path.stat().st_mtime_ns for path in card.rglob("*")}
    probe(card)
    assert {path: path.stat().st_mtime_ns for path in card.rglob("*")} == before
