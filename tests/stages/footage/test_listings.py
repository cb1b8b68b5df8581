"""Folders that are read once."""

import os
import re
from pathlib import Path

from stages.footage import listings

OLD = (1_700_000_000, 1_700_000_000)


def test_a_folder_is_read_again_when_it_changes(tmp_path: Path) -> None:
    """What is remembered of a folder that rests is dropped when its time moves on."""
    (tmp_path / "b.gpx").touch()
    os.utime(tmp_path, OLD)
    assert listings.names(tmp_path) == ("b.gpx",)
    (tmp_path / "a.MP4").touch()
    assert listings.names(tmp_path) == ("a.MP4", "b.gpx")
    os.utime(tmp_path, (OLD[0] + 60, OLD[1] + 60))
    assert listings.matching(tmp_path, re.compile(r".*\.gpx")) == ("b.gpx",)
    assert listings.same_stem(tmp_path, "A") == ("a.MP4",)


def test_what_cannot_be_listed_is_empty(tmp_path: Path) -> None:
    """A folder that is not there, or no folder, has nothing in it."""
    (tmp_path / "file").touch()
    for folder in (tmp_path / "none", tmp_path / "file"):
        assert listings.names(folder) == ()
        assert listings.matching(folder, re.compile(".*")) == ()
        assert listings.same_stem(folder, "a") == ()


def test_links_lead_nowhere(tmp_path: Path) -> None:
    """Neither a file nor a folder is reached by way of a link."""
    (tmp_path / "real/deep").mkdir(parents=True)
    (tmp_path / "real/file").touch()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    (tmp_path / "alias").symlink_to(tmp_path / "real/file")
    assert listings.below(tmp_path, "real", "deep") == tmp_path / "real/deep"
    assert listings.below(tmp_path, "link", "deep") is None
    assert listings.below(tmp_path, "real", "file") is None
    assert listings.is_file(tmp_path / "real/file")
    assert not listings.is_file(tmp_path / "alias")
