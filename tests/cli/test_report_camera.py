"""`dashcam report-camera`: a clip's skeleton for a stranger, without picture and sound."""

import json
import struct
import zipfile
from datetime import datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dashcam_cli.main import app
from stages.footage.boxes import boxes
from tests.stages.clips import block_t3, box, make_clip, novatek
from tests.stages.footage.gps import made_tracks

LOCAL = datetime(2024, 1, 15, 12, 34, 56)  # noqa: DTZ001
PLACE = (40.5, -3.5)
JPEG = b"\xff\xd8\xff\xe0" + b"a picture of somebody" * 20 + b"\xff\xd9"


def _bundle(clip: Path, *options: str) -> dict[str, bytes]:
    """The files of the bundle by name."""
    target = clip.with_name(f"{clip.name}.zip")
    shown = CliRunner().invoke(app, ["report-camera", str(clip), "-o", str(target), *options])
    assert shown.exit_code == 0, shown.output
    with zipfile.ZipFile(target) as bundle:
        assert bundle.testzip() is None
        return {name: bundle.read(name) for name in bundle.namelist()}


def _pieces(data: bytes, size: int = 24) -> set[bytes]:
    return {data[i : i + size] for i in range(0, len(data) - size, size)}


def _leaks(bundle: dict[str, bytes], media: bytes) -> list[str]:
    """The files that hold any 24 bytes of the media, wherever they stand."""
    pieces = {piece for piece in _pieces(media) if len(set(piece)) > 4}
    return [
        name
        for name, data in bundle.items()
        if any(data[i : i + 24] in pieces for i in range(max(0, len(data) - 23)))
    ]


@pytest.mark.parametrize(("suffix", "fragmented"), [(".mp4", False), (".mp4", True), (".ts", False)])
def test_no_picture_is_in_it(tmp_path: Path, suffix: str, fragmented: bool) -> None:
    """Not one stretch of the clip's pictures is in the bundle, and the bundle is small."""
    clip = make_clip(tmp_path / f"a{suffix}", frames=30, size=(320, 240), fragmented=fragmented)
    data = clip.read_bytes()
    if suffix == ".mp4":
        with clip.open("rb") as file:
            media = b"".join(data[b.offset : b.end] for b in boxes(file, 0, len(data)) if b.kind == b"mdat")
    else:  # FFmpeg puts the pictures on PID 0x100
        packets = (data[i : i + 188] for i in range(0, len(data), 188))
        media = b"".join(packet for packet in packets if packet[1] & 0x1F == 1 and packet[2] == 0)
    assert len(media) > 20_000
    assert _leaks(_bundle(clip), media) == []
    assert clip.with_name(f"{clip.name}.zip").stat().st_size < 2_000_000


def test_unfinished_clip_gives_nothing_away(tmp_path: Path) -> None:
    """Where the index is missing, pictures may look like boxes or a trailer: they are left out."""
    data = make_clip(tmp_path / "a.mp4", frames=30, size=(320, 240)).read_bytes()
    at = data.index(b"mdat") - 4
    media = data[at + 8 : data.rindex(b"moov") - 4]
    clip = tmp_path / "lost.mp4"
    clip.write_bytes(data[:at] + b"\0\0\0\x08mdat" + media)
    assert _leaks(_bundle(clip), media) == []


def test_pictures_in_small_boxes_are_wiped(tmp_path: Path) -> None:
    """Thumbnails in boxes of the maker's own are wiped, whatever the box is called."""
    data = make_clip(tmp_path / "a.mp4").read_bytes()
    clip = tmp_path / "b.mp4"
    clip.write_bytes(data + box(b"thum", JPEG) + box(b"zzzz", b"maker's own" + JPEG + b"and more") + JPEG)
    bundle = _bundle(clip)
    assert not any(JPEG[10:40] in held for held in bundle.values())
    assert any(held.startswith(b"maker's own") for held in bundle.values())


def test_gps_blocks_and_unknown_boxes_are_in_it(tmp_path: Path) -> None:
    """What teaches a reader is there: the outline, the maker's boxes, the first GPS blocks."""
    clip = tmp_path / "2024_0115_123456_000001F.MP4"
    block = block_t3(LOCAL, PLACE)
    clip.write_bytes(novatek([block] * 12, seconds=12.0) + box(b"what", b"a maker's secret"))
    bundle = _bundle(clip)
    blocks = [held for name, held in bundle.items() if name.startswith("gps/")]
    assert len(blocks) == 8
    assert all(held.startswith(block) for held in blocks)
    assert b"a maker's secret" in bundle.values()
    said = json.loads(bundle["report.json"])
    assert [row["kind"] for row in said["outline"]["boxes"] if row["depth"] == 0] == [
        "ftyp", "mdat", "moov", "what",
    ]  # fmt: skip
    assert said["probe"]["route"]["dialect"] == "freeGPS T3"
    assert "ARE in it" in bundle["README.txt"].decode()
    assert "9999_9999_999999_999999F.MP9" in said["probe"]["clip"]


def test_positions_can_be_left_out(tmp_path: Path) -> None:
    """Without positions nothing that could hold one is in the bundle."""
    clip = tmp_path / "a.mp4"
    clip.write_bytes(novatek([block_t3(LOCAL, PLACE)] * 3, seconds=3.0) + box(b"what", b"$GPRMC,secret"))
    bundle = _bundle(clip, "--no-positions")
    lat = struct.pack("<f", 4030.0)
    assert not any(lat in held or b"secret" in held for held in bundle.values())
    assert not any(name.startswith("gps/") for name in bundle)
    assert json.loads(bundle["report.json"])["probe"]["route"]["points"] == []
    assert "left out" in bundle["README.txt"].decode()


def test_serial_numbers_are_crossed_out(tmp_path: Path) -> None:
    """What is known to name one camera or its owner is crossed out; the model stays."""
    secrets = [b"DR9AB123456789", b"00:11:22:AA:BB:CC", b"my wifi"]
    about = b'{"model":"DR900X","serial":"DR9AB123456789","mac":"00:11:22:AA:BB:CC","ssid":"my wifi"}'
    clip = tmp_path / "a.mp4"
    clip.write_bytes(make_clip(tmp_path / "b.mp4").read_bytes() + box(b"free", box(b"cprt", about)))
    bundle = _bundle(clip)
    assert any(b"DR900X" in held for held in bundle.values())
    assert not any(secret in held for held in bundle.values() for secret in secrets)


def test_text_samples_are_in_it(tmp_path: Path) -> None:
    """Samples of tracks that are neither picture nor sound are what a reader is made from."""
    clip = tmp_path / "a.mp4"
    clip.write_bytes(made_tracks.clip(made_tracks.Made(b"text", b"text", [b"$GPRMC,once", b"$GPRMC,twice"])))
    bundle = _bundle(clip)
    assert [held for name, held in bundle.items() if name.startswith("track-")] == [
        b"$GPRMC,once", b"$GPRMC,twice",
    ]  # fmt: skip


def test_refusals(tmp_path: Path) -> None:
    """A missing clip is exit 4; a bundle that is there already is not written over."""
    run = CliRunner().invoke
    assert run(app, ["report-camera", str(tmp_path / "no.mp4")]).exit_code == 4
    clip = make_clip(tmp_path / "a.mp4")
    (tmp_path / "a.zip").write_bytes(b"mine")
    assert run(app, ["report-camera", str(clip), "-o", str(tmp_path / "a.zip")]).exit_code == 2
    assert (tmp_path / "a.zip").read_bytes() == b"mine"


@pytest.mark.slow
@pytest.mark.shared
def test_real_clips(shared: Path, tmp_path: Path) -> None:
    """A bundle can be made of every real clip, and none is large."""
    for number, clip in enumerate(sorted((shared / "gps").rglob("*"))):
        if clip.suffix.lower() in (".mp4", ".mov", ".ts", ".mkv"):
            target = tmp_path / f"{number}.zip"
            shown = CliRunner().invoke(app, ["report-camera", str(clip), "-o", str(target)])
            assert shown.exit_code == 0, (clip, shown.output)
            assert target.stat().st_size < 2_000_000
