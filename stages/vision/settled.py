"""Which plates need not be read any more, learned while the pictures of a clip pass by.

Once many looks agree on a plate, one more of the same size says nothing new. Then only a clearly better look
is read, and one now and then, which would notice another plate in the same place.
"""

from __future__ import annotations

from typing import NamedTuple

from stages.vision.boxes import Box, iou
from stages.vision.consensus import Verdict, alike, decide, moments
from stages.vision.looks import Look, Read
from stages.vision.tracking import Follower, Open

_AGREEING = 4  # moments
_SPAN = 0.7  # seconds between the first and the last of them
_CONFIDENT = 0.9
_AGAIN = 1.0  # seconds after which a known plate is read again
_RECENT = 0.6  # seconds for which nobody else can have taken a plate's place
_SAME_PLACE = 0.5  # overlap of a plate with where it should be by now
_TALLER, _BETTER = 1.1, 1.25  # times the best look that voted, from which another one is worth reading
_BETWEEN = 0.25  # seconds between two counts of one track's votes


class _Vote(NamedTuple):
    """How it stands: `plate` "" = open; the second of the last read and of the last count; the best look."""

    plate: str = ""
    read_at: float = -1.0
    counted_at: float = -1.0
    height: float = 0.0
    worth: float = 0.0


class Settling:
    """Follows the looks of one clip and counts the votes; it must be given every picture's, in order."""

    def __init__(self, regions: tuple[str, ...], gap_seconds: float) -> None:
        self._regions = regions
        self._follower = Follower(gap_seconds)
        self._votes: dict[Open, _Vote] = {}

    def add(self, looks: list[Look]) -> None:
        """Take in what the next picture showed."""
        self._follower.add(looks)
        self._votes = {
            track: self._counted(track, self._votes.get(track, _Vote())) for track in self._follower.running
        }

    def spares(self, seconds: float, box: Box, height: float, sharpness: float) -> bool:
        """Whether a plate seen now (pixels of the full frame) is a known one, and no better look at it."""
        here = [
            (at, vote)
            for track, vote in self._votes.items()
            if (at := _goes_on(track, seconds, box)) is not None
        ]
        latest = max((at for at, _ in here), default=0.0)
        # Where one plate follows another, the one that was there last is the one to go by.
        return bool(here) and all(
            vote.plate
            and seconds - vote.read_at < _AGAIN - 1e-3
            and height <= _TALLER * vote.height
            and _worth(height, sharpness) <= _BETTER * vote.worth
            for at, vote in here
            if at == latest
        )

    def _counted(self, track: Open, vote: _Vote) -> _Vote:
        last = track.last.read
        if last is None or last.seconds <= vote.read_at:
            return vote
        vote = vote._replace(read_at=last.seconds)
        if vote.plate and alike(last.plate, vote.plate):
            return _with(vote, [last])
        if last.seconds - vote.counted_at < _BETWEEN - 1e-3:
            return vote._replace(plate="")
        reads = [look.read for look in track.looks if look.read]
        verdict = decide(reads, self._regions)
        vote = _Vote(read_at=last.seconds, counted_at=last.seconds)
        if verdict is None or not _settled(verdict, reads) or not alike(last.plate, verdict.plate):
            return vote
        return _with(vote._replace(plate=verdict.plate), reads)


def _settled(verdict: Verdict, reads: list[Read]) -> bool:
    if not verdict.confirmed or verdict.confidence < _CONFIDENT:
        return False
    agreeing = moments(read for read in reads if read.plate == verdict.plate)
    return len(agreeing) >= _AGREEING and agreeing[-1][0].seconds - agreeing[0][0].seconds >= _SPAN


def _with(vote: _Vote, reads: list[Read]) -> _Vote:
    """The vote with the best of these looks, where they are better than those before."""
    same = [read for read in reads if read.plate == vote.plate]
    height = max([vote.height, *(read.height for read in same)])
    return vote._replace(
        height=height, worth=max([vote.worth, *(_worth(r.height, r.sharpness) for r in same)])
    )


def _worth(height: float, sharpness: float) -> float:
    return height * min(sharpness, 1000.0)


def _goes_on(track: Open, seconds: float, box: Box) -> float | None:
    """When this track's plate was seen last, if a plate is where it should be by now; None if it is not.

    It keeps the speed of its last step.
    """
    recent = [(look.seconds, look.plate_box) for look in track.looks[-2:] if look.plate_box]
    if not recent or not 0 < seconds - recent[-1][0] <= _RECENT:
        return None
    (at, last), (before, former) = recent[-1], recent[0]
    share = min(2.0, (seconds - at) / (at - before)) if at > before else 0.0
    x1, y1, x2, y2 = (a + (a - b) * share for a, b in zip(last, former, strict=True))
    return at if iou((x1, y1, x2, y2), box) >= _SAME_PLACE else None
