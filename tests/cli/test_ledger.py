"""The ledger: what was looked at is remembered only as long as the file is as it was; what waits stays."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

import pytest

from dashcam_cli.indexing import look
from dashcam_cli.intake import Clip
from dashcam_cli.ledger import FILE, KeptCopy, Ledger, home_number
from dashcam_cli.scan import Found, scan
from stages.errors import SettingsError
from tests.cards import make_card

NOW = datetime(2024, 6, 2, 12)  # noqa: DTZ001


@pytest.fixture
def card(tmp_path: Path) -> Path:
    """A card with one clip of each channel."""
    make_card("viofo", tmp_path / "card", 1)
    return tmp_path / "card"


def first(card: Path) -> Found:
    """The first clip of a card."""
    found = next(iter(scan(card)))
    assert isinstance(found, Found)
    return found


def rewrite(found: Found, data: bytes) -> None:
    """Other bytes, with the same size and time."""
    found.path.write_bytes(data)
    os.utime(found.path, ns=(found.modified, found.modified))


def test_a_look_is_remembered(card: Path, tmp_path: Path) -> None:
    """The second look at an unchanged clip is the first one's, also by a later run and after closing."""
    found = first(card)
    ledger = Ledger(tmp_path / "home")
    clip = look(ledger, card, found, NOW)
    assert isinstance(clip, Clip)
    ledger.close()
    again = Ledger(tmp_path / "home")
    assert again.seen(str(card), found) == clip
    assert again.run == 2
    assert [each for _, each in again.found(str(card))] == [clip]


def test_a_look_is_forgotten_when_the_file_changes(card: Path, tmp_path: Path) -> None:
    """Another size, another time, or other bytes in the middle: it is looked at anew."""
    found = first(card)
    ledger = Ledger(tmp_path / "home")
    look(ledger, card, found, NOW)
    assert ledger.seen(str(card), found._replace(size=found.size + 1)) is None
    assert ledger.seen(str(card), found._replace(modified=found.modified + 1)) is None
    data = bytearray(found.path.read_bytes())
    data[found.size // 2] ^= 0xFF
    rewrite(found, bytes(data))
    assert ledger.seen(str(card), found) is None


def test_two_clips_of_a_dead_clock_are_told_apart(tmp_path: Path) -> None:
    """Cards put in one after the other with the same names, sizes and times are not taken for one."""
    ledger = Ledger(tmp_path / "home")
    root = tmp_path / "card"
    clips = []
    for number in (1, 2):
        make_card("garmin", root, 1, junk=False)
        found = first(root)
        data = found.path.read_bytes().replace(b"mdat", b"mdat", 1)
        middle = found.size // 2
        rewrite(found._replace(modified=10**18), data[:middle] + bytes([number]) * 8 + data[middle + 8 :])
        clips.append(look(ledger, root, first(root), NOW))
    assert clips[0].fingerprint != clips[1].fingerprint


def test_order_is_locked_then_newest(tmp_path: Path) -> None:
    """What a run found comes back locked and event clips first, the newest first."""
    make_card("thinkware", tmp_path / "card", 3)
    ledger = Ledger(tmp_path / "home")
    for found in scan(tmp_path / "card"):
        if isinstance(found, Found):
            look(ledger, tmp_path / "card", found, NOW)
    names = [found.path.name for found, _ in ledger.found(str(tmp_path / "card"))]
    assert names == [
        "EVT_2024_06_01_16_29_34_F.MP4",
        "EVT_2024_06_01_16_29_34_R.MP4",
        "REC_2024_06_01_16_28_34_F.MP4",
        "REC_2024_06_01_16_28_34_R.MP4",
        "REC_2024_06_01_16_27_34_F.MP4",
        "REC_2024_06_01_16_27_34_R.MP4",
    ]


def test_what_waits_is_on_the_disk(tmp_path: Path) -> None:
    """A copied clip's task survives the process; once handed in it is gone, and its copy is known as handed."""
    ledger = Ledger(tmp_path / "home")
    ledger.keep("f1", KeptCopy("nas", "/videos/raw/a.mp4", 7, handed=False), {"task_type": "X"})
    ledger.keep("f2", KeptCopy("nas", "/videos/raw/b.mp4", 8, handed=False), None)
    # Not closed: as if it had been killed.
    again = Ledger(tmp_path / "home")
    assert again.waiting(10) == [("f1", {"task_type": "X"})]
    again.handed(["f1"])
    assert again.count_waiting() == 0
    assert again.copy_of("f1") == KeptCopy("nas", "/videos/raw/a.mp4", 7, handed=True)
    assert again.copy_of("f2") == KeptCopy("nas", "/videos/raw/b.mp4", 8, handed=False)
    assert again.copy_of("f3") is None
    ledger.close()


def test_first_task_of_a_content_stands(card: Path, tmp_path: Path) -> None:
    """A watched folder does not replace what import said about the same clip."""
    found = first(card)
    ledger = Ledger(tmp_path / "home")
    clip = look(ledger, card, found, NOW)
    ledger.keep(clip.fingerprint, KeptCopy("nas", "/a", 1, handed=False), {"from": "import"})
    ledger.hand(str(card), found, clip, {"from": "watch"})
    assert ledger.waiting(5) == [(clip.fingerprint, {"from": "import"})]
    assert ledger.done(str(card), found)


def test_finished_files_stay_finished_until_they_change(card: Path, tmp_path: Path) -> None:
    """A file that was dealt with is not asked about again, also one that could not be looked into."""
    found = first(card)
    ledger = Ledger(tmp_path / "home")
    assert not ledger.done(str(card), found)
    ledger.finish(str(card), found)
    assert ledger.done(str(card), found)
    assert ledger.seen(str(card), found) is None
    assert not ledger.done(str(card), found._replace(size=1))


def test_damaged_ledger_is_one_sentence(tmp_path: Path) -> None:
    """Garbage in its place is said, with what mends it."""
    (tmp_path / FILE).write_bytes(b"garbage" * 1000)
    with pytest.raises(SettingsError, match="remove it"):
        Ledger(tmp_path)


def test_numbers_of_homes_differ(tmp_path: Path) -> None:
    """Two homes, and two uses of one home, never name an unfinished copy alike."""
    numbers = {home_number(tmp_path / home, use) for home in "ab" for use in ("/card", "/card2")}
    assert len(numbers) == 4
    assert all(len(str(number)) == 18 for number in numbers)
