"""Card layouts: each is recognised by its look, and what on a card is no footage is known."""

import os
from pathlib import Path

import pytest

from stages.footage.layouts import (
    LAYOUTS,
    holds_no_footage,
    low_twins,
    recognise,
    unfinished,
    unreadable,
)
from tests.cards import CARDS, make_card

#: Kinds whose layout is shared with others, by what it is called then.
_SHARED = {"viofo_parking": "viofo", "novatek14": "viofo", "generic": "dcim"}


@pytest.mark.parametrize("kind", CARDS)
def test_each_card_is_recognised(kind: str, tmp_path: Path) -> None:
    """A card of each maker is known by its folders alone."""
    make_card(kind, tmp_path, 2)
    layout = recognise(tmp_path)
    assert layout is not None
    assert layout.name == _SHARED.get(kind, kind)


def test_layouts_are_told_apart() -> None:
    """No two rows have one name, and each has a sign."""
    assert len({layout.name for layout in LAYOUTS}) == len(LAYOUTS)
    assert all(row for layout in LAYOUTS for row in layout.signs)


@pytest.mark.parametrize(
    ("folders", "expected"),
    [
        (["dcim/movie/ro"], "viofo"),
        (["DCIM/103UNSVD"], "garmin"),
        (["DCIM/104UNSVD", "DCIM/101SAVED", "DCIM/102PHOTO"], "garmin"),
        (["Normal/Front", "GPSData000001.txt/"], "70mai"),
        (["cont_rec"], "thinkware"),
        (["NormalVideo"], "ddpai"),
        (["CARDV/MOVIE"], "novatek"),
        (["Normal", "Event"], "folders"),
        (["DCIM"], "dcim"),
        (["Normal"], None),
        (["Movie", "Music", "Photos"], None),
        (["videos/raw", "archive"], None),
        ([], None),
    ],
)
def test_look_of_a_root(tmp_path: Path, folders: list[str], expected: str | None) -> None:
    """Letter case does not matter; folders that anybody might have make no card."""
    for folder in folders:
        (tmp_path / folder).mkdir(parents=True)
    layout = recognise(tmp_path)
    assert (layout.name if layout else None) == expected


def test_root_that_cannot_be_read(tmp_path: Path) -> None:
    """Nothing there, a file, a link to itself: no card, and no error."""
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert [recognise(tmp_path / name) for name in ("none", "file", "loop")] == [None, None, None]


@pytest.mark.slow
def test_huge_folder_is_looked_at_only_so_far(tmp_path: Path) -> None:
    """A root with very many entries is still answered, and its own sign may lie too deep in it."""
    for number in range(6000):
        (tmp_path / f"{number}.txt").touch()
    os.mkdir(tmp_path / "DCIM")  # noqa: PTH102
    assert recognise(tmp_path) is None or recognise(tmp_path).name == "dcim"


@pytest.mark.parametrize(
    ("folder", "passed_over"),
    [
        ("THUMBNAIL", True),
        ("Setting", True),
        ("Config", True),
        (".Trashes", True),
        (".Spotlight-V100", True),
        (".fseventsd", True),
        (".dashcamexport", True),
        ("System Volume Information", True),
        ("FOUND.000", True),
        ("found.123", True),
        ("TeslaTrackMode", True),
        ("Photobooth", True),
        ("RO", False),
        ("Parking", False),
        ("founder", False),
        ("EncryptedClips", False),
    ],
)
def test_folders_without_footage(folder: str, passed_over: bool) -> None:
    """What every card collects beside its footage is passed over."""
    assert holds_no_footage(folder) is passed_over


def test_encrypted_clips_are_explained() -> None:
    """Tesla's encrypted folder is said, with what to switch off; no other folder is."""
    assert "Encrypt Dashcam Recordings" in unreadable("EncryptedClips")
    assert unreadable("RecentClips") == ""


@pytest.mark.parametrize(
    "name",
    [
        "a.mp4.part", "a.mp4.tmp", "a.mp4.crdownload", "a.MP4.FILEPART", "a.mp4~", "._a.mp4", ".a.mp4.part",
        ".syncthing.a.mp4.tmp", "~syncthing~a.mp4.tmp", "~a.mp4",
    ],
)  # fmt: skip
def test_unfinished_names(name: str) -> None:
    """What copy programs and sync tools call a file while they write it."""
    assert unfinished(name)


@pytest.mark.parametrize("name", ["a.mp4", "2024_0601_162734_000001F.MP4", "part.mp4", "tmp.ts"])
def test_finished_names(name: str) -> None:
    """A plain name is no mark."""
    assert not unfinished(name)


def test_low_quality_twins() -> None:
    """Nextbase's L goes where its H is there, and only there; letter case and event words do not matter."""
    names = [
        "240601_162734_001_FH.MP4",
        "240601_162734_001_FL.MP4",
        "240601_162734_001_RL.MP4",
        "240601_162834_002_fl_event.mp4",
        "240601_162834_002_FH_EVENT.mp4",
        "GL010128.LRV",
    ]
    assert low_twins(names) == {"240601_162734_001_FL.MP4", "240601_162834_002_fl_event.mp4"}
