"""Copying a clip: a name is given to a whole copy, once, and to nothing else."""

import os
import time
from pathlib import Path

import pytest

from stages.errors import StageFailed
from stages.files import hash_file
from stages.footage.copying import copy_clip


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """A file on a card."""
    (tmp_path / "card").mkdir()
    path = tmp_path / "card" / "a.MP4"
    path.write_bytes(os.urandom(100_000))
    return path


@pytest.fixture
def no_links(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system without hard links, as exFAT is."""

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)


def raw(tmp_path: Path) -> Path:
    """Where clips go."""
    return tmp_path / "nas" / "raw"


def copy(clip: Path, tmp_path: Path, lease: int = 1, task: int = 7, **more: bool):
    """Copy it for a task."""
    folder = raw(tmp_path)
    part = folder / f"{clip.name}.{task}-{lease}.part"
    return copy_clip(clip, [folder / clip.name, folder / "day" / clip.name], part, lambda _: None, **more)


def names(tmp_path: Path) -> list[str]:
    """What lies in the folder."""
    return sorted(path.relative_to(raw(tmp_path)).as_posix() for path in raw(tmp_path).rglob("*"))


def test_the_name_never_stands_for_less(
    clip: Path, tmp_path: Path, no_links: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where there are no hard links either, no empty file ever has the final name."""
    seen = []
    real = Path.replace

    def watched(self: Path, target: Path) -> Path:
        seen.append((raw(tmp_path) / clip.name).exists())
        return real(self, target)

    monkeypatch.setattr(Path, "replace", watched)
    copy(clip, tmp_path)
    assert seen == [False]
    assert names(tmp_path) == ["a.MP4"]
    assert hash_file(raw(tmp_path) / "a.MP4") == hash_file(clip)


def test_a_taken_name_is_left_alone(clip: Path, tmp_path: Path, no_links: None) -> None:
    """Another clip's file of the same name stays; the copy takes the next name."""
    raw(tmp_path).mkdir(parents=True)
    (raw(tmp_path) / "a.MP4").write_bytes(b"other")
    assert copy(clip, tmp_path).path == raw(tmp_path) / "day/a.MP4"
    assert (raw(tmp_path) / "a.MP4").read_bytes() == b"other"


def test_claims_of_the_dead(
    clip: Path, tmp_path: Path, no_links: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A claim of an earlier lease of the same task goes at once, another's is respected, then goes with time."""
    claim = raw(tmp_path) / "a.MP4.claim.part"

    def left_by(owner: str) -> None:
        claim.mkdir(parents=True)
        (claim / owner).touch()

    left_by("a.MP4.7-1.part")
    (raw(tmp_path) / "claim-a.MP4.7-1.part").mkdir()
    copy(clip, tmp_path, lease=2)
    assert names(tmp_path) == ["a.MP4"]
    (raw(tmp_path) / "a.MP4").unlink()
    left_by("a.MP4.8-1.part")
    with pytest.raises(StageFailed, match="another copy is taking the name") as failed:
        copy(clip, tmp_path, lease=3)
    assert failed.value.retry
    assert names(tmp_path) == ["a.MP4.claim.part", "a.MP4.claim.part/a.MP4.8-1.part"]
    monkeypatch.setattr("stages.footage.copying._CLAIM_SECONDS", -1.0)
    copy(clip, tmp_path, lease=4)
    assert names(tmp_path) == ["a.MP4"]


@pytest.mark.parametrize("lease", [2, 50])
def test_parts_of_earlier_leases_go_with_the_first_step(clip: Path, tmp_path: Path, lease: int) -> None:
    """Also when the copy itself is there already; a later lease's part and other tasks' stay."""
    copy(clip, tmp_path)
    stays = [f"a.MP4.7-{lease + 1}.part", "a.MP4.8-1.part", "b.MP4.7-1.part"]
    for name in ("a.MP4.7-1.part", f"a.MP4.7-{lease}.part", *stays):
        (raw(tmp_path) / name).write_bytes(b"half")
    assert copy(clip, tmp_path, lease=lease).known
    assert names(tmp_path) == ["a.MP4", *stays]


def test_a_copy_that_reads_back_differently_gets_no_name(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With `check` what the disk holds is compared, and a bad disk is told apart from a bad card."""
    assert copy(clip, tmp_path, check=True).blake2 == hash_file(clip)
    (raw(tmp_path) / "a.MP4").unlink()
    flush = os.fsync

    def bad_disk(handle: int) -> None:
        flush(handle)
        path = Path(f"/proc/self/fd/{handle}").readlink()
        if path.suffix == ".part":
            with path.open("r+b") as file:
                file.write(b"\0\1\2\3")

    if not Path("/proc/self/fd").exists():
        pytest.skip("needs /proc")
    monkeypatch.setattr(os, "fsync", bad_disk)
    with pytest.raises(StageFailed, match="reads back differently"):
        copy(clip, tmp_path, check=True)
    assert names(tmp_path) == []


def test_times_are_kept(clip: Path, tmp_path: Path) -> None:
    """The copy has the time of change of the clip."""
    os.utime(clip, (time.time() - 5000, 1_700_000_000))
    assert copy(clip, tmp_path).path.stat().st_mtime == 1_700_000_000
