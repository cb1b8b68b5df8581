"""The front clip of a moment, found from the rear or interior one."""

import os
from pathlib import Path

import pytest

from stages.footage.names import read_name
from stages.footage.siblings import front_of


def _front(root: Path, clip: str, *others: str) -> str | None:
    for below in (clip, *others):
        path = root / below
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    found = front_of(root / clip, read_name(root / clip))
    return None if found is None else found.relative_to(root).as_posix()


@pytest.mark.parametrize(
    ("clip", "front"),
    [
        ("Record/20260505_090047_NR.mp4", "Record/20260505_090047_NF.mp4"),
        ("DCIM/Movie/2026_0601_162735_113672R.MP4", "DCIM/Movie/2026_0601_162734_113670F.MP4"),
        ("DCIM/Movie/2026_0601_162734_113671I.MP4", "DCIM/Movie/2026_0601_162734_113670F.MP4"),
        ("cont_rec/REC_20250929_143201_R.MP4", "cont_rec/REC_20250929_143201_F.MP4"),
        ("incabin_rec/REC_20250929_143201_I.MP4", "cont_rec/REC_20250929_143201_F.MP4"),
        ("Normal/Back/NO20240509-134909-000016B.MP4", "Normal/Front/NO20240509-134909-000016F.MP4"),
        ("Normal/R/FILE260819-071804R.MP4", "Normal/F/FILE260819-071804F.MP4"),
        ("R/FILE260819-071804R.MP4", "F/FILE260819-071804F.MP4"),
        ("DCIM/200video/rear/20190719161642_0060_A.mp4", "DCIM/200video/front/20190719161640_0060.mp4"),
        ("Normal/20250607_180617_0001_N_C.mp4", "Normal/20250607_180617_0001_N_A.mp4"),
        ("rear_norm/2026_03_15_173951_00_R.MP4", "front_norm/2026_03_15_173951_00_F.MP4"),
        ("Back/Normal/NO20240509-134909-000016B.MP4", "Front/Normal/NO20240509-134909-000016F.MP4"),
        ("A/2019-10-23_17-34-35-left_repeater.mp4", "A/2019-10-23_17-34-35-front.mp4"),
    ],
)
def test_layouts(tmp_path: Path, clip: str, front: str) -> None:
    """In the same folder, beside it, or beside the one above; the numbers in the names may differ."""
    assert _front(tmp_path, clip, front) == front


@pytest.mark.parametrize(
    ("clip", "other"),
    [
        ("2026_0601_162734_113670F.MP4", "2026_0601_162734_113671F.MP4"),  # a front clip has none
        ("2026_0601_162734_113672R.MP4", "2026_0601_162737_113670F.MP4"),  # three seconds on
        ("2026_0601_162734_113672R.MP4", "20260601_162734_NF.mp4"),  # another maker
        ("2026_0601_162734_113672R.MP4", "2026_0601_162734_113670F.txt"),
        ("car1/2026_0601_162734_113672R.MP4", "car2/2026_0601_162734_113670F.MP4"),  # another camera
        ("20260513140102_000002.MP4", "20260513140102_000003.MP4"),  # no channel told
        ("GH010128.MP4", "GX010128.MP4"),  # no time
    ],
)
def test_no_front(tmp_path: Path, clip: str, other: str) -> None:
    """What is not surely the same camera's moment is not taken."""
    assert _front(tmp_path, clip, other) is None


def test_nearest_of_several(tmp_path: Path) -> None:
    """Two fronts within two seconds (an event beside a normal clip): the nearer one."""
    names = ("2026_0601_162733_1F.MP4", "2026_0601_162734_2EF.MP4", "2026_0601_162735_3F.MP4")
    assert _front(tmp_path, "2026_0601_162734_4R.MP4", *names) == names[1]


def test_links_are_no_clips(tmp_path: Path) -> None:
    """A front that is a link, or lies in a folder that is one, is not followed."""
    outside = tmp_path / "outside/2026_0601_162734_1F.MP4"
    outside.parent.mkdir()
    outside.write_bytes(b"")
    card = tmp_path / "card"
    (card / "Rear").mkdir(parents=True)
    (card / "Rear/2026_0601_162734_1F.MP4").symlink_to(outside)
    (card / "Front").symlink_to(outside.parent)
    assert _front(card, "Rear/2026_0601_162734_2R.MP4") is None


def test_a_front_that_comes_later(tmp_path: Path) -> None:
    """What was read of a folder before does not hide a new file."""
    assert _front(tmp_path, "2026_0601_162734_4R.MP4") is None
    os.utime(tmp_path, (1_700_000_000, 1_700_000_000))
    assert _front(tmp_path, "2026_0601_162734_4R.MP4") is None
    assert _front(tmp_path, "2026_0601_162734_4R.MP4", "2026_0601_162734_3F.MP4") == "2026_0601_162734_3F.MP4"
