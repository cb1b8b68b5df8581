"""What people say was read wrongly: pure functions over the readings of a clip.

Corrections are a list in the order in which they were made. A sighting begins as what was read; each
correction that holds is applied to what the ones before it left. So the order in which clips are processed
does not matter, a clip that is processed again is corrected again, and a correction that is taken back
leaves what would be if it had never been made.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec
from rapidfuzz.distance import Levenshtein

from server.folding import fold, normal
from stages.errors import BadInput

CORRECT, MERGE, DISMISS = "correct", "merge", "dismiss"
KINDS = (CORRECT, MERGE, DISMISS)
#: Characters of a plate at most.
LONGEST = 32
#: What one has at least; other letters and signs may stand beside it.
PLATE = "[A-Za-z0-9]"
#: Seconds by which two looks at one plate may miss each other, and characters that may differ between them.
_SLACK, _OFF = 0.5, 2


class Correction(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that a person said. Times in microseconds.

    `plate`: the plate as it was shown; `text`: what it is instead (None = no plate); `video_id`: for one
    sighting, the clip that it is in. `sightings`: how many are shown otherwise because of it.
    """

    correction_id: int
    kind: str
    plate: str
    text: str | None
    made_at: int
    undone_at: int | None
    video_id: str | None = None
    first_seconds: float | None = None
    sightings: int = 0


class Look(NamedTuple):
    """A sighting as it was read, and what tells it from the others of its clip."""

    read: str
    frame_number: int
    first_seconds: float | None
    last_seconds: float | None
    track: int | None


class Reading(NamedTuple):
    """A sighting of a clip, by its number."""

    sighting_id: int
    look: Look


class Said(NamedTuple):
    """A correction of one sighting: the look that it is about, and which of equal ones."""

    correction_id: int
    text: str | None
    look: Look
    ordinal: int


def plate_text(text: str, field: str = "text") -> str:
    """A plate that a person gives, as plates are kept. Raises `BadInput`."""
    if len(text) > LONGEST or not re.search(PLATE, text):
        raise BadInput(
            f"{field} must be letters and digits, {LONGEST} characters at most, got {text[:40]!r}",
            [(field, "is no plate")],
        )
    return normal(text)


def ordinal(sighting_id: int, readings: Sequence[Reading]) -> int:
    """Which of the equal readings of a clip a sighting is, from 0."""
    look = next(each.look for each in readings if each.sighting_id == sighting_id)
    return sum(each.look == look and each.sighting_id < sighting_id for each in readings)


def meant(said: Said, readings: Sequence[Reading]) -> int | None:
    """The sighting that a correction is about, by its number; None when the clip has it no more.

    It is the equal one. After a clip was read otherwise it is the one that is in view at that time and reads
    within two characters of what was read then, or of what the person said.
    """
    equal = sorted(each.sighting_id for each in readings if each.look == said.look)
    if equal:
        return equal[min(said.ordinal, len(equal) - 1)]
    near = []
    for each in readings:
        off = _off(said, each.look.read)
        if off <= _OFF and _together(said.look, each.look):
            apart = abs((each.look.first_seconds or 0.0) - (said.look.first_seconds or 0.0))
            near.append((off, apart, each.sighting_id))
    return min(near)[2] if near else None


def _off(said: Said, read: str) -> int:
    """By how many characters a reading differs, look-alikes counted as equal."""
    texts = [said.look.read] if said.text is None else [said.look.read, said.text]
    return min(Levenshtein.distance(fold(text), fold(read)) for text in texts)


def _together(one: Look, other: Look) -> bool:
    """Whether two looks are of the same moment."""
    if one.first_seconds is None or other.first_seconds is None:
        return one.frame_number == other.frame_number
    ends = [look.first_seconds if look.last_seconds is None else look.last_seconds for look in (one, other)]
    return (one.first_seconds or 0.0) <= (ends[1] or 0.0) + _SLACK and (other.first_seconds or 0.0) <= (
        ends[0] or 0.0
    ) + _SLACK


#: The first correction of a whole plate after one with this number: its number and its text.
Following = Callable[[str, int], tuple[int, str | None] | None]


def shown(
    read: str, own: Sequence[tuple[int, str | None]], following: Following
) -> tuple[str | None, list[int]]:
    """What a sighting is shown as (None = it is no plate), and the corrections that made it so.

    `own`: corrections of this sighting by number, in order, each with its text.
    """
    text: str | None = read
    applied: list[int] = []
    at = 0
    while text is not None:
        found = [each for each in own if each[0] > at][:1]
        whole = following(text, at)
        if whole is not None:
            found.append(whole)
        if not found:
            break
        at, text = min(found, key=lambda each: each[0])
        applied.append(at)
    return text, applied
