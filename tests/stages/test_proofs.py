"""The proof of an archive: every way in which one can be not whole is seen."""

import json
import os
from pathlib import Path

import pytest

from stages.errors import StageFailed
from stages.files import hash_file
from stages.proofs import prove
from stages.task import FileRef
from tests.kept import Kept


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """One archived clip."""
    kept = Kept(tmp_path_factory.mktemp("kept"))
    kept.clip("v1")
    return kept


@pytest.fixture
def archive(kept, tmp_path) -> Path:
    """A copy of its archive to spoil."""
    import shutil

    return Path(shutil.copytree(kept.shed / "archive/v1", tmp_path / "v1"))


def test_a_whole_archive_is_proved(archive):
    """Its hashes are those of its files, it says which clip it was made from, and every file is read."""
    told = []
    proof = prove(archive, "v1", told.append)
    assert set(told) == {p.relative_to(archive).as_posix() for p in archive.rglob("*") if p.is_file()} - {
        "result.json"
    }
    assert hash_file(archive / "video_lowres.mp4") in proof.held
    assert hash_file(archive / "plates/1234BCD.jpg") in proof.held
    assert proof.covers(FileRef(device="nas", path="/videos/raw/v1.MP4"))
    assert not proof.covers(FileRef(device="nas", path="/videos/raw/v2.MP4"))
    assert proof.manifest.clip.fingerprint


def flip(path: Path) -> None:
    """Change one byte in the middle."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def lie(path: Path, **more) -> None:
    """Change what a JSON file says."""
    path.write_text(json.dumps(json.loads(path.read_text()) | more))


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda a: flip(a / "video_lowres.mp4"), "video_lowres.mp4 reads back differently"),
        (lambda a: flip(a / "plates/1234BCD.jpg"), "1234BCD.jpg reads back differently"),
        (lambda a: flip(a / "manifest.json"), "manifest"),
        (lambda a: (a / "detections.json").unlink(), "detections.json is not there"),
        (lambda a: os.truncate(a / "video_lowres.mp4", 5000), "has 5000 bytes instead of"),
        (lambda a: (a / "manifest.json").unlink(), "manifest cannot be read"),
        (lambda a: (a / "manifest.json").write_text("{"), "manifest is damaged"),
        (lambda a: (a / "result.json").unlink(), "result.json cannot be read"),
        (lambda a: lie(a / "result.json", files={}), "lists no manifest"),
        (lambda a: lie(a / "result.json", video_id="v2"), "not the archive of v1"),
        (lambda a: lie(a / "result.json", task_type="HEAVY_PROCESS_VIDEO"), "not the archive of v1"),
        (lambda a: lie(a / "manifest.json", files=[]), "lists no files"),
        (lambda a: (a / "detections.json").rename(a / "d") and (a / "detections.json").symlink_to(a / "d"), "not there"),
    ],
)  # fmt: skip
def test_what_is_not_whole_is_seen(archive, spoil, says):
    """One byte, one file, one lie: the archive does not stand, and the message says what is wrong."""
    spoil(archive)
    with pytest.raises(StageFailed, match=says) as failed:
        prove(archive, "v1")
    assert failed.value.retry


def test_names_that_lead_out_are_none(archive, tmp_path):
    """A result.json cannot make us read elsewhere."""
    (tmp_path / "secret").write_text("s")
    files = json.loads((archive / "result.json").read_text())["files"]
    for name in ("../secret", str(tmp_path / "secret"), "..\\secret"):
        lie(archive / "result.json", files=files | {name: hash_file(tmp_path / "secret")})
        with pytest.raises(StageFailed, match="is no name of a file in it"):
            prove(archive, "v1")


def test_a_shallow_look_reads_sizes_only(archive):
    """A dry run sees missing and short files, not a changed byte."""
    flip(archive / "video_lowres.mp4")
    prove(archive, "v1", deep=False)
    os.truncate(archive / "video_lowres.mp4", 10)
    with pytest.raises(StageFailed, match="has 10 bytes"):
        prove(archive, "v1", deep=False)
