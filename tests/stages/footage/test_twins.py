"""Small copies that a camera writes beside the full picture."""

from pathlib import Path

import pytest

from stages.footage.twins import better_twin, low_twins

PAIRS = [
    ("240915_143027_001_FL.MP4", "240915_143027_001_FH.MP4"),
    ("231011_175029_199_FL_RADR.mp4", "231011_175029_199_FH_RADR.mp4"),
    ("20260505_090047_NFS.mp4", "20260505_090047_NF.mp4"),
    ("20260505_090047_PRL.mp4", "20260505_090047_PR.mp4"),
    ("GL010128.LRV", "GX010128.MP4"),
    ("GL010128.LRV", "GH010128.MP4"),
    ("GL010128.LRV", "GS010128.360"),
    ("GOPR1234.LRV", "GOPR1234.MP4"),
]


@pytest.mark.parametrize(("small", "full"), PAIRS)
def test_the_full_picture_beside_it(tmp_path: Path, small: str, full: str) -> None:
    """A small copy gives way to its twin, and is the clip where it is alone."""
    (tmp_path / small).touch()
    assert better_twin(tmp_path / small) is None
    assert low_twins([small]) == {}
    (tmp_path / full).touch()
    assert better_twin(tmp_path / small) == tmp_path / full
    assert better_twin(tmp_path / full) is None
    assert low_twins([small, full]) == {small: full}


def test_other_seconds_are_no_twin(tmp_path: Path) -> None:
    """Another time, number, lens or mode is another clip."""
    names = [
        "240915_143027_001_FL.MP4",
        "240915_143027_002_FH.MP4",
        "240915_143027_001_RH.MP4",
        "GL010128.LRV",
        "GX020128.MP4",
    ]
    for name in names:
        (tmp_path / name).touch()
    assert low_twins(names) == {}
    assert all(better_twin(tmp_path / name) is None for name in names)


def test_a_folder_is_no_twin(tmp_path: Path) -> None:
    """Only a file shows anything."""
    (tmp_path / "20260505_090047_NFS.mp4").touch()
    (tmp_path / "20260505_090047_NF.mp4").mkdir()
    assert better_twin(tmp_path / "20260505_090047_NFS.mp4") is None
