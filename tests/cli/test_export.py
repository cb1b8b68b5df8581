"""`dashcam export` and `dashcam verify` as people call them: a real server, real clips, real files."""

import json
import signal
from pathlib import Path

import av
import pytest

from stages.footage.gps.gpx import read_gpx
from tests.cli.stock import FRONT, REAR, Stock, crop
from tests.house import House, wait_for
from tests.stages.export.packets import hashes


@pytest.fixture
def stock(house: House, tmp_path: Path) -> Stock:
    """A house with a drive in it."""
    return Stock(house, tmp_path)


def files(shown) -> list[dict]:
    """What `--json` tells of the files."""
    assert shown.returncode == 0, shown.stderr
    return json.loads(shown.stdout)["files"]


def test_a_part_of_a_clip(stock, tmp_path):
    """A lossless cut by the camera's clock, its route beside it; the path is printed, the keyframe told."""
    out = tmp_path / "out"
    shown = stock.export(FRONT[0], "--from", "16:27:36.5", "--to", "4", "--gpx", "--to-dir", str(out))
    assert shown.returncode == 0, shown.stderr
    film, track = (Path(line) for line in shown.stdout.split())
    assert film.name == "2026-06-01_162736_front.mp4"
    assert "begins 0.5 s early" in shown.stderr
    whole, part = hashes(stock.clips[FRONT[0]], "video"), hashes(film, "video")
    assert part == whole[20 : 20 + len(part)]
    assert [str(fix.time) for fix in read_gpx(track)] == [f"2026-06-01 14:27:{s}" for s in (36, 37, 38)]
    (again,) = files(stock.export(FRONT[0], "--from", "2.5", "--to", "4", "--to-dir", str(out), "--json"))
    assert Path(again["path"]).name == "2026-06-01_162736_front-2.mp4"
    assert (again["begins_early_seconds"], again["original"]) == (0.5, True)
    assert sorted(path.name for path in out.iterdir() if path.name.startswith(".")) == []


def test_a_trip_is_joined(stock, tmp_path):
    """The clips of one channel become one film; the front is taken unless another is named."""
    shown = stock.export(
        "--trip", FRONT[1], "--from", "3", "--to", "16:27:43", "--to-dir", str(tmp_path / "o"), "--json"
    )
    (film,) = files(shown)
    assert film["clips"] == list(FRONT)
    assert film["seconds"] == pytest.approx(6.0, abs=0.2)
    assert "front is taken" in shown.stderr
    assert hashes(Path(film["path"]), "video")[:30] == hashes(stock.clips[FRONT[0]], "video")[30:]
    with av.open(film["path"]) as opened:
        assert opened.metadata["creation_time"].startswith("2026-06-01T14:27:37")
    (rear,) = files(
        stock.export("--trip", FRONT[0], "--channel", "rear", "-o", str(tmp_path / "rear.mov"), "--json")
    )
    assert (rear["clips"], Path(rear["path"]).name) == ([REAR], "rear.mov")
    missing = stock.export("--trip", FRONT[0], "--channel", "left")
    assert missing.returncode == 4
    assert "it has: front, rear" in missing.stderr


def test_the_route_alone(stock, tmp_path):
    """A name that ends in .gpx is the route and nothing else."""
    (track,) = files(stock.export("--trip", FRONT[0], "-o", str(tmp_path / "way.gpx"), "--json"))
    assert (track["kind"], track["points"]) == ("gpx", 14)
    assert len(read_gpx(tmp_path / "way.gpx")) == 14


def test_evidence_and_its_check(stock, tmp_path):
    """All channels of a trip, with originals and crops; a changed byte is found, and a zip holds the same."""
    (made,) = files(stock.export("--trip", FRONT[0], "--evidence", "--to-dir", str(tmp_path / "o"), "--json"))
    folder = Path(made["path"])
    assert {path.read_bytes() for path in (folder / "clips").iterdir()} == {
        p.read_bytes() for p in stock.clips.values()
    }
    assert {path.read_bytes() for path in (folder / "crops").iterdir()} == {crop()}
    good = stock.house.command("desk", "verify", str(folder), "--json")
    assert good.returncode == 0
    assert json.loads(good.stdout)["checked"][0]["sha256sums_sha256"] == made["sha256sums_sha256"]
    clip = next((folder / "clips").iterdir())
    data = clip.read_bytes()
    clip.write_bytes(data[:1000] + bytes([data[1000] ^ 1]) + data[1001:])
    bad = stock.house.command("desk", "verify", str(folder))
    assert bad.returncode == 1
    assert f"changed: clips/{clip.name}" in bad.stdout
    (packed,) = files(stock.export(FRONT[0], "--evidence", "--zip", "-o", str(tmp_path / "e.zip"), "--json"))
    both = stock.house.command(
        "desk", "verify", packed["path"], str(folder), str(tmp_path / "none"), "--json"
    )
    assert both.returncode == 1
    assert [(each["kind"], each["ok"]) for each in json.loads(both.stdout)["checked"]] == [
        ("evidence", True),
        ("evidence", False),
        ("unknown", False),
    ]


def test_when_the_original_is_away(stock, tmp_path):
    """The archive's copy is taken and that is said, with the place that is away; evidence waits for it."""
    (stock.nas / ".dashcam-place").unlink()
    shown = stock.export(FRONT[0], "--to-dir", str(tmp_path / "o"), "--json")
    (film,) = files(shown)
    assert film["original"] is False
    assert "indoor_nas" in shown.stderr
    assert "low-resolution copy is taken instead" in shown.stderr
    refused = stock.export(FRONT[0], "--evidence", "--to-dir", str(tmp_path / "o"))
    assert refused.returncode == 1
    assert "evidence needs the original" in refused.stderr
    assert "indoor_nas" in refused.stderr
    (stock.shed / ".dashcam-place").unlink()
    nothing = stock.export(FRONT[0], "--to-dir", str(tmp_path / "o"))
    assert nothing.returncode == 1
    assert "indoor_nas" in nothing.stderr
    assert "shed_nas" in nothing.stderr


def test_another_file_under_the_clips_name(stock, tmp_path):
    """What is no longer the clip that was taken in is never sold as it."""
    clip = stock.clips[FRONT[0]]
    data = clip.read_bytes()
    clip.write_bytes(data[:-10])
    shown = stock.export(FRONT[0], "--to-dir", str(tmp_path / "o"))
    assert "no longer the clip that was taken in" in shown.stderr
    clip.write_bytes(data[:-10] + b"0123456789")
    refused = stock.export(FRONT[0], "--evidence", "--to-dir", str(tmp_path / "o"))
    assert refused.returncode == 1
    assert "its hash is another" in refused.stderr


REFUSED = [
    ((), 2, "VIDEO_ID"),
    ((FRONT[0], "--trip", "x"), 2, "VIDEO_ID"),
    ((FRONT[0], "--zip"), 2, "--evidence"),
    ((FRONT[0], "--except", "ABC123"), 2, "--blur"),
    ((FRONT[0], "--evidence", "--blur"), 2, "original"),
    ((FRONT[0], "--channel", "front"), 2, "trip"),
    ((FRONT[0], "-o", "a.mp4", "--to-dir", "b"), 2, "one of"),
    ((FRONT[0], "-o", "a.avi"), 2, ".mp4"),
    ((FRONT[0], "--from", "soon"), 2, "no time"),
    ((FRONT[0], "--from", "7"), 2, "6.0 s long"),
    (("nothing",), 4, "not found"),
    (("--trip", "nothing"), 4, "not found"),
]


def test_refusals(stock):
    """Each wrong wish is refused in one line that says what can be done, and nothing is written."""
    before = sorted(Path.cwd().iterdir())
    for arguments, code, words in REFUSED:
        shown = stock.export(*arguments)
        assert shown.returncode == code, (arguments, shown.stderr)
        assert words in shown.stderr
        assert len(shown.stderr.strip().splitlines()) == 1
    assert sorted(Path.cwd().iterdir()) == before


def test_cards_are_never_written_to(stock, tmp_path):
    """A film is not written to a removable place, whoever asks for it."""
    card = tmp_path / "card"
    (card / "DCIM").mkdir(parents=True)
    stock.house.command("desk", "place", "add", "card", str(card), "--removable")
    for wish in (("--to-dir", str(card / "new")), ("-o", str(card / "a.mp4"))):
        shown = stock.export(FRONT[0], *wish)
        assert shown.returncode == 2
        assert "card or camera" in shown.stderr
    assert [path.name for path in card.iterdir()] == ["DCIM"]


def test_nothing_is_overwritten(stock, tmp_path):
    """A name that is taken is refused before anything is read."""
    target = tmp_path / "mine.mp4"
    target.write_bytes(b"mine")
    shown = stock.export(FRONT[0], "-o", str(target))
    assert shown.returncode == 1
    assert "nothing is overwritten" in shown.stderr
    assert target.read_bytes() == b"mine"


def test_ctrl_c_leaves_nothing(stock, tmp_path):
    """An export that is interrupted ends with 130 and leaves no file, whole or half."""
    out = tmp_path / "o"
    stock.bulky("large", 700 << 20)
    running = stock.house.start("desk", "export", "large", "--evidence", "--to-dir", str(out))
    wait_for(lambda: out.is_dir() and list(out.glob(".*.part/clips/*")), running)
    assert running.stop(signal.SIGINT) == 130
    assert list(out.iterdir()) == []
    assert "interrupted" in running.text()


def test_blur(stock, tmp_path):
    """A blurred film tells no time in its name or in itself, and says what the blur rests on."""
    read = {"plate": "ABC121", "characters": [0.9] * 6, "box": [40, 60, 120, 80], "score": 0.9, "height": 20}
    look = {"frame": 5, "seconds": 0.5, "box": [40, 60, 120, 80], "outcome": "read", "read": read}
    report = {"tracks": [{"track": 1, "label": "plate", "looks": [look]}]}
    (stock.shed / "archive" / FRONT[0] / "detections.json").write_text(json.dumps(report))
    shown = stock.export(FRONT[0], "--to", "1", "--blur", "--to-dir", str(tmp_path / "o"), "--json")
    (film,) = files(shown)
    assert Path(film["path"]).name == "front_blurred.mp4"
    assert (film["known_before"], film["checked"], film["pictures"]) == (1, True, 10)
    assert "1 of them known from before" in shown.stderr
    assert "no plate model" in shown.stderr
    with av.open(film["path"]) as opened:
        assert "creation_time" not in opened.metadata
        assert not opened.streams.audio
        picture = next(opened.decode(video=0)).to_ndarray(format="rgb24")
    part = picture[60:80, 40:120].astype(float).mean(axis=2)
    assert abs(part[:, 1:] - part[:, :-1]).max() < 12
    kept = stock.export(
        FRONT[0],
        "--to",
        "1",
        "--blur",
        "--keep-metadata",
        "--no-check",
        "--to-dir",
        str(tmp_path / "o"),
        "--json",
    )
    assert Path(files(kept)[0]["path"]).name == "2026-06-01_162734_front_blurred.mp4"


def test_without_a_server(house, tmp_path):
    """Without a server it ends with 3; what lies on a disk is verified all the same."""
    assert house.command("desk", "export", "x").returncode == 3
    shown = house.command("desk", "verify", str(tmp_path))
    assert shown.returncode == 1
    assert "neither evidence" in shown.stderr
