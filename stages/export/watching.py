"""Looking for plates so closely that none is left to be seen: every few frames, everywhere in the picture."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from stages.export.zones import HOLD, Spot, Trail, trails
from stages.video.frames import Frame, frames_at
from stages.video.looks import survey
from stages.vision.boxes import Box, centre
from stages.vision.finders import cut_out, plate_height, sharpness
from stages.vision.grammar import best, plausible
from stages.vision.looks import NO_PLATE, READ, Look, Read
from stages.vision.plates import PlateBox
from stages.vision.spotter import Spotter
from stages.vision.tracking import follow

Tell = Callable[[float, str], None]

_GAP = 1.5  # seconds for which a plate may be out of sight and still be the same
_LEGIBLE, _LEAST = 0.4, 4  # weakest character and length from which a text counts as legible
_EDGE = 0.12  # share of the picture's height at its top and bottom
_MOST = 2_000_000


class Found(NamedTuple):
    """What a clip shows, and how many pictures were looked at."""

    trails: list[Trail]
    pictures: int


class Leak(NamedTuple):
    """A text that can still be read."""

    seconds: float
    box: Box
    plate: str
    at_edge: bool


def find_trails(
    clip: Path,
    spotter: Spotter,
    *,
    begin: float,
    end: float,
    per_second: float,
    spared: Sequence[str] = (),
    regions: tuple[str, ...] = (),
    tell: Tell = lambda _seconds, _note: None,
) -> Found:
    """The plates of a clip between two moments (seconds).

    Nothing is left out for being small, unsure or illegible. Texts are read only where some plate is to be
    `spared`. Raises `ClipDamaged`.
    """
    found: list[Look] = []
    count = 0
    for frame in frames_at(clip, _instants(clip, begin - HOLD, end + HOLD, per_second)):
        plates = spotter.everywhere(frame.image)
        reads = _reads(frame, plates, spotter, regions) if spared else [None] * len(plates)
        found += [
            Look(frame.number, frame.seconds, plate.box, "plate", READ if read else NO_PLATE, read)
            for plate, read in zip(plates, reads, strict=True)
        ][: _MOST - len(found)]
        count += 1
        tell(frame.seconds, f"{count} pictures looked at, {len(found)} finds")
    tracks = follow(found, gap_seconds=_GAP)
    ways = [trail for track in tracks for trail in trails([_spot(look) for look in track.looks], spared)]
    return Found(ways, count)


def find_leaks(
    clip: Path,
    spotter: Spotter,
    clear: Callable[[float], Sequence[Box]],
    *,
    per_second: float,
    regions: tuple[str, ...] = (),
    tell: Tell = lambda _seconds, _note: None,
) -> list[Leak]:
    """What can still be read in a blurred film, away from the boxes that `clear` gives for a moment.

    It is looked at off the beat of the first look. Raises `ClipDamaged`.
    """
    leaks: list[Leak] = []
    times = survey(clip).times
    step = 1 / per_second
    instants = [step / 3 + number * step for number in range(int((times[-1] if times else 0) / step) + 1)]
    for frame in frames_at(clip, instants):
        plates = spotter.everywhere(frame.image)
        open_to_view = clear(frame.seconds)
        for plate, read in zip(plates, _reads(frame, plates, spotter, regions), strict=True):
            if read and _legible(read) and not any(_within(plate.box, box) for box in open_to_view):
                edge = _at_edge(plate.box, frame.image.shape[0])
                leaks.append(Leak(frame.seconds, plate.box, read.plate, edge))
        tell(frame.seconds, f"{len(leaks)} still legible")
    return leaks


def _instants(clip: Path, begin: float, end: float, per_second: float) -> Iterator[float]:
    """Times of real frames between two moments, `per_second` of them at most."""
    due = begin
    for seconds in survey(clip).times:
        if begin <= seconds <= end and seconds >= due - 1e-3:
            due = max(due + 1 / per_second, seconds)
            yield seconds


def _reads(
    frame: Frame, plates: list[PlateBox], spotter: Spotter, regions: tuple[str, ...]
) -> list[Read | None]:
    found: list[Read | None] = []
    for plate, text in zip(plates, spotter.texts(frame.image, plates), strict=True):
        if not text.text:
            found.append(None)
            continue
        sharp = sharpness(cut_out(frame.image, plate))
        reading, height = best(text, regions), plate_height(plate)
        found.append(
            Read(
                frame.number,
                frame.seconds,
                text,
                reading,
                plate.box,
                plate.score,
                height,
                sharp,
                plate.vouched,
            )
        )
    return found


def _legible(read: Read) -> bool:
    if read.text.weakest < _LEGIBLE or len(read.text.text) < _LEAST:
        return False
    return read.vouched or plausible(read.plate)


def _at_edge(box: Box, height: int) -> bool:
    """Whether it stands where cameras write the date."""
    return not _EDGE * height <= centre(box)[1] <= (1 - _EDGE) * height


def _within(box: Box, around: Box) -> bool:
    x, y = centre(box)
    return around[0] <= x <= around[2] and around[1] <= y <= around[3]


def _spot(look: Look) -> Spot:
    if look.read is None:
        return Spot(look.seconds, look.box)
    return Spot(look.seconds, look.box, look.read.plate, look.read.weight)
