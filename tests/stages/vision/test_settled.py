"""Plates whose vote is settled are read less, and nothing new goes by unread."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import settings as how
from hypothesis import strategies as st

from stages.settings import HeavySettings
from stages.video.frames import Frame
from stages.vision.accounts import accounts
from stages.vision.boxes import Box, Image
from stages.vision.looks import READ, SETTLED, Glimpse, Look
from stages.vision.plates import PlateText
from stages.vision.settled import Settling
from stages.vision.spotter import Spotter
from stages.vision.tracking import Track
from stages.vision.verdicts import judged
from stages.vision.watch import watch
from tests.stages.vision.made import read
from tests.stages.vision.test_watch import Shade, Stripes, picture

BOX = (100.0, 100.0, 200.0, 125.0)


def seen(frame: int, value: str = "KHN991", *, box: Box = BOX, certain: float = 0.95) -> Look:
    """A plate that was read, four frames a second."""
    found = read(value, frame, box=box, certain=certain)
    return Look(frame, frame / 4, box, "plate", READ, found)


def spares(
    settling: Settling, frame: int, *, box: Box = BOX, height: float = 25.0, sharp: float = 300.0
) -> bool:
    """Whether a plate seen in this frame need not be read."""
    return settling.spares(frame / 4, box, height, sharp)


def after(*looks: Look) -> Settling:
    """What these looks have taught, one a picture."""
    settling = Settling((), 1.5)
    for look in looks:
        settling.add([look])
    return settling


def test_a_settled_plate_is_read_once_a_second() -> None:
    """Four agreeing looks settle it; from then on every fourth look at the same place is read."""
    settling = Settling((), 1.5)
    plan = ""
    for frame in range(13):
        known = spares(settling, frame)
        plan += "-" if known else "r"
        unread = Look(frame, frame / 4, BOX, "plate", SETTLED, glimpse=Glimpse(BOX, 25.0, 300.0))
        settling.add([unread if known else seen(frame)])
    assert plan == "rrrr---r---r-"


def test_better_looks_are_read_and_so_is_every_other_place() -> None:
    """A taller or much sharper look may say more; a plate elsewhere, or after a while, may be another one."""
    settling = after(*(seen(frame) for frame in range(4)))
    assert spares(settling, 4)
    assert not spares(settling, 4, height=30.0)
    assert not spares(settling, 4, sharp=600.0)
    assert not spares(settling, 4, box=(160.0, 100.0, 260.0, 125.0))
    assert not spares(settling, 7)


def test_a_moving_plate_is_known_where_it_must_be_by_now() -> None:
    """The place goes on with the speed of the last step; where it was is somebody else's."""
    ways = [(100.0 + 80 * frame, 100.0, 200.0 + 80 * frame, 125.0) for frame in range(5)]
    settling = after(*(seen(frame, box=ways[frame]) for frame in range(4)))
    assert spares(settling, 4, box=ways[4])
    assert not spares(settling, 4, box=ways[3])


def test_open_votes_are_read_on() -> None:
    """Few looks, faint looks, looks that disagree: all are read."""
    assert not spares(after(*(seen(frame) for frame in range(3))), 3)
    assert not spares(after(*(seen(frame, certain=0.2) for frame in range(4))), 4)
    texts = ["KHN991", "KHN981", "KHN991", "XHN991", "KHN911"]
    assert not spares(after(*(seen(frame, text) for frame, text in enumerate(texts))), 5)


def test_another_text_in_the_place_opens_the_vote_again() -> None:
    """The read that is made now and then says something else: the next looks are read."""
    settling = after(*(seen(frame) for frame in range(6)))
    assert spares(settling, 6)
    settling.add([seen(6, "KHB441")])
    assert not spares(settling, 7)


def test_frames_of_one_moment_settle_nothing() -> None:
    """Thirty frames of a second's fifth show one blur thirty times."""
    settling = Settling((), 1.5)
    for frame in range(30):
        look = seen(frame)
        assert look.read
        seconds = frame / 150
        settling.add([look._replace(seconds=seconds, read=look.read._replace(seconds=seconds))])
    assert not settling.spares(0.2, BOX, 25.0, 300.0)


def test_a_known_plate_is_in_view() -> None:
    """Looks that were not read because the plate was known count for when it was there, and its track says why."""
    unread = [Look(n, n / 4, BOX, "plate", SETTLED, glimpse=Glimpse(BOX, 25.0, 300.0)) for n in (4, 5, 6)]
    track = Track(1, (*(seen(frame) for frame in range(4)), *unread))
    told, _ = judged([track])
    assert [(f.verdict.plate, f.first_seconds, f.last_seconds) for f in told] == [("KHN991", 0.0, 1.5)]
    (account,), _ = accounts([track], told)
    assert account["outcomes"] == {"read": 4, "not read: vote was settled": 3}
    assert [each["outcome"] for each in account["looks"]][4:] == [SETTLED] * 3


@pytest.mark.parametrize("costly", [False, True])
def test_a_clip_reads_less_and_says_the_same(costly: bool) -> None:
    """A plate that stands still is read now and then; it is confirmed, and in view all the time."""
    frames = [Frame(n, n / 4, picture(150)) for n in range(40)]
    spotter = Spotter(HeavySettings(), Stripes(), reader := Counting(), None, costly=costly)
    found = watch(iter(frames), spotter, HeavySettings(), lambda *_: None)
    (plate,) = found.plates
    assert (plate.verdict.plate, plate.verdict.confirmed) == ("1240BCD", True)
    assert (plate.first_seconds, plate.last_seconds) == (0.0, 9.75)
    assert 10 <= reader.count <= 16
    assert len(found.tracks[0].looks) == 40


class Counting(Shade):
    """A reader that counts what it reads."""

    count = 0

    def read(self, crops: list[Image]) -> list[PlateText]:
        """As `Shade`."""
        self.count += len(crops)
        return super().read(crops)


@pytest.mark.slow
@how(deadline=None)
@given(st.lists(st.sampled_from(["KHN991", "KHN981", "1741GWY", None]), max_size=14))
def test_what_is_spared_is_what_the_looks_say(texts: list[str | None]) -> None:
    """Nothing is spared before four looks agree on the plate that was there last."""
    settling = Settling((), 1.5)
    for frame, text in enumerate(texts):
        if spares(settling, frame):
            before = [each for each in texts[:frame] if each]
            kind = [each for each in before if each[0] == before[-1][0]]
            assert max(kind.count(each) for each in kind) >= 4
        settling.add([seen(frame, text)] if text else [])
