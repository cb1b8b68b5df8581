"""Walking a folder of clips: what counts, what is passed over, what is said, and that it always ends."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dashcam_cli.scan import Found, Refusal, scan
from stages.files import RESULT


def found(root: Path) -> list[str]:
    """The clips below a root."""
    return [each.below for each in scan(root) if isinstance(each, Found)]


def put(root: Path, *names: str) -> Path:
    """Files with a byte in them."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")
    return root


def test_clips_come_folder_by_folder(tmp_path: Path) -> None:
    """Every video suffix in any case, with size and time; other files are none."""
    put(tmp_path, "b.MP4", "a.ts", "sub/c.mov", "sub/notes.txt", "sub/gps.gpx", "d.360", "e.mkv", "f.jpg")
    assert found(tmp_path) == ["a.ts", "b.MP4", "d.360", "e.mkv", "sub/c.mov"]
    first = next(iter(scan(tmp_path)))
    assert isinstance(first, Found)
    stat = (tmp_path / "a.ts").stat()
    assert (first.path, first.size, first.modified) == (tmp_path / "a.ts", 1, stat.st_mtime_ns)


def test_what_is_no_footage_is_passed_over(tmp_path: Path) -> None:
    """Junk of cards and computers, unfinished copies, small twins, outputs of ours."""
    put(
        tmp_path,
        "good.mp4", "._good.mp4", ".hidden.mp4", "good.mp4.part", "~syncthing~x.mp4.tmp", ".syncthing.y.mp4.tmp",
        "THUMBNAIL/t.mp4", "SETTING/s.mp4", ".Trashes/x.mp4", "System Volume Information/v.mp4", "FOUND.000/f.mp4",
        "Video/240601_162734_001_FH.MP4", "Video/240601_162734_001_FL.MP4",
        "archive/id/video_lowres.mp4", f"archive/id/{RESULT}", "preproc.7-1.part/p.mp4", "old.7-1.aside/p.mp4",
    )  # fmt: skip
    assert found(tmp_path) == ["good.mp4", "Video/240601_162734_001_FH.MP4"]
    assert all(isinstance(each, Found) for each in scan(tmp_path))


def test_encrypted_folder_is_said_when_it_holds_something(tmp_path: Path) -> None:
    """Tesla's encrypted clips are no clips; that they are there is one sentence."""
    (tmp_path / "TeslaCam/EncryptedClips").mkdir(parents=True)
    assert list(scan(tmp_path)) == []
    put(tmp_path, "TeslaCam/EncryptedClips/a.mp4", "TeslaCam/RecentClips/b.mp4")
    refusal, clip = scan(tmp_path)
    assert isinstance(refusal, Refusal)
    assert "Encrypt Dashcam Recordings" in refusal.reason
    assert isinstance(clip, Found)


def test_links_are_not_followed_unless_wanted(tmp_path: Path) -> None:
    """A link to a file is refused on a card and taken in a folder of the owner's; one to a folder never."""
    put(tmp_path, "outside/a.mp4", "card/b.mp4")
    card = tmp_path / "card"
    (card / "link.mp4").symlink_to(tmp_path / "outside/a.mp4")
    (card / "folder").symlink_to(tmp_path / "outside")
    (card / "self").symlink_to(card)
    (card / "loop.mp4").symlink_to(card / "loop.mp4")
    assert found(card) == ["b.mp4"]
    assert sorted(each.below for each in scan(card, links=True) if isinstance(each, Found)) == [
        "b.mp4",
        "link.mp4",
    ]
    assert {Path(each.clip).name for each in scan(card) if isinstance(each, Refusal)} == {
        "link.mp4",
        "loop.mp4",
    }


def test_odd_files_are_named(tmp_path: Path) -> None:
    """A pipe, a name that is not Unicode and one with a backslash are refused, each with a reason."""
    os.mkfifo(tmp_path / "pipe.mp4")
    (tmp_path / os.fsdecode(b"bad\xff.mp4")).touch()
    (tmp_path / "back\\slash.mp4").touch()
    (tmp_path / "folder.mp4").mkdir()
    reasons = [each.reason for each in scan(tmp_path) if isinstance(each, Refusal)]
    assert len(reasons) == 3
    assert found(tmp_path) == []


def test_depth_is_bounded(tmp_path: Path) -> None:
    """Folders in folders without end are followed only so far."""
    deep = tmp_path
    for _ in range(60):
        deep = deep / "d"
    put(deep, "deep.mp4")
    put(tmp_path, "d/d/near.mp4")
    assert found(tmp_path) == ["d/d/near.mp4"]


def test_root_that_is_gone(tmp_path: Path) -> None:
    """Only the root itself is an error: nobody must take it for an empty folder."""
    with pytest.raises(FileNotFoundError):
        list(scan(tmp_path / "none"))


def test_file_that_vanishes_while_the_folder_is_walked(tmp_path: Path) -> None:
    """A sync tool removes what was just listed: no error, no word."""
    put(tmp_path, "a.mp4", "b.mp4", "z/c.mp4")
    walk = scan(tmp_path)
    assert isinstance(next(walk), Found)
    (tmp_path / "b.mp4").unlink()
    (tmp_path / "z/c.mp4").unlink()
    assert [each.below for each in walk if isinstance(each, Found)] == []
