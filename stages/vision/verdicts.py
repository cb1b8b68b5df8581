"""From tracks to the plates of a clip: one verdict per plate, also when its track was broken."""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import NamedTuple

from stages.vision.boxes import Box, iou
from stages.vision.consensus import Verdict, alike, decide
from stages.vision.grammar import fold, plausible
from stages.vision.looks import SETTLED, Look, Read
from stages.vision.tracking import Track

_GAP = 30.0  # seconds between two parts of one broken track
_SURE = 0.8  # weakest character from which a plate that was read once is worth keeping
_NEARLY = 0.3  # weakest character of the best look from which looking again may help
_LIKELY = 0.35  # confidence from which an unconfirmed plate is worth keeping


class Found(NamedTuple):
    """One plate of a clip: what its reads say, the tracks they come from, and when it was in view.

    `untold` says why it is not worth telling about; "" when it is.
    """

    verdict: Verdict
    tracks: tuple[int, ...]
    first_seconds: float
    last_seconds: float
    untold: str = ""


class _Group(NamedTuple):
    """Reads that are taken for one plate's."""

    verdict: Verdict
    tracks: tuple[Track, ...]

    @property
    def reads(self) -> list[Read]:
        return [look.read for track in self.tracks for look in track.looks if look.read]

    @property
    def settled(self) -> list[Look]:
        """Looks at the plate that were not read because it was known by then."""
        return [look for track in self.tracks for look in track.looks if look.reason == SETTLED]

    @property
    def places(self) -> list[tuple[int, Box]]:
        """Frame and place of each look at the plate, read or known."""
        known = [(look.frame, look.plate_box or look.box) for look in self.settled]
        return [(read.frame, read.box) for read in self.reads] + known


def plates_of(tracks: Sequence[Track], regions: tuple[str, ...] = ()) -> list[Found]:
    """The plates worth telling about, confirmed or not, in order of first sight."""
    return judged(tracks, regions)[0]


def judged(tracks: Sequence[Track], regions: tuple[str, ...] = ()) -> tuple[list[Found], list[Found]]:
    """The plates worth telling about, and the texts that are not; both in order of first sight."""
    groups: list[_Group] = []
    for track in tracks:
        verdict = decide([look.read for look in track.looks if look.read], regions)
        if verdict:
            groups.append(_Group(verdict, (track,)))
    return _told(_merge(sorted(groups, key=_strength), regions))


def unsettled(found: Found) -> bool:
    """Whether more looks may settle a plate: it has the shape of one, and somebody could nearly read it."""
    verdict = found.verdict
    if verdict.confirmed or _shapeless(verdict.plate):
        return False
    return verdict.best.text.weakest >= _NEARLY


def judged_again(
    found: Sequence[Found], tracks: Sequence[Track], more: Container[int], regions: tuple[str, ...] = ()
) -> tuple[list[Found], list[Found]]:
    """The verdicts `found` once the tracks whose numbers are in `more` have further looks; as `judged`.

    What was confirmed stays so, with the same text: only open verdicts are taken up again, and one that now
    says what another one says already is joined to it.
    """
    by_number = {track.number: track for track in tracks}
    standing: list[_Group] = []
    reopened: list[_Group] = []
    for each in found:
        group = _Group(each.verdict, tuple(by_number[number] for number in each.tracks))
        if each.verdict.confirmed or not any(number in more for number in each.tracks):
            standing.append(group)
        else:
            verdict = decide(sorted(group.reads, key=lambda r: (r.frame, r.box)), regions)
            reopened.append(group._replace(verdict=verdict or each.verdict))
    for group in sorted(reopened, key=_strength):
        for number, other in enumerate(standing):
            if _same(other, group):
                surer = min(other, group, key=_strength)
                standing[number] = _Group(surer.verdict, (*other.tracks, *group.tracks))
                break
        else:
            standing.append(group)
    return _told(standing)


def _told(groups: Sequence[_Group]) -> tuple[list[Found], list[Found]]:
    found = sorted(map(_found, groups), key=lambda f: (f.first_seconds, f.verdict.plate))
    return [each for each in found if not each.untold], [each for each in found if each.untold]


def _strength(group: _Group) -> tuple[bool, float, int]:
    """The surest comes first."""
    return not group.verdict.confirmed, -group.verdict.confidence, group.tracks[0].number


def _merge(groups: list[_Group], regions: tuple[str, ...]) -> list[_Group]:
    """Join what a missed look or a swerve tore apart; weaker groups join surer ones."""
    merged: list[_Group] = []
    for group in groups:
        for number, other in enumerate(merged):
            if _same(other, group):
                tracks = (*other.tracks, *group.tracks)
                reads = other.reads + group.reads
                verdict = decide(sorted(reads, key=lambda r: (r.frame, r.box)), regions)
                merged[number] = _Group(verdict or other.verdict, tracks)
                break
        else:
            merged.append(group)
    return merged


def _same(a: _Group, b: _Group) -> bool:
    """Whether two groups are of one plate: (nearly) the same text, near in time, never both at once."""
    if fold(a.verdict.plate) != fold(b.verdict.plate):
        near = _gap(a, b) <= _GAP and alike(a.verdict.plate, b.verdict.plate)
        if not near or (a.verdict.confirmed and b.verdict.confirmed):
            return False
    places = dict(a.places)
    return all(iou(places[frame], box) > 0.1 for frame, box in b.places if frame in places)


def _gap(a: _Group, b: _Group) -> float:
    a_times, b_times = [r.seconds for r in a.reads], [r.seconds for r in b.reads]
    return max(0.0, max(min(a_times), min(b_times)) - min(max(a_times), max(b_times)))


def _untold(verdict: Verdict) -> str:
    """Why a plate is neither confirmed nor likely enough to be searched for with a caveat; "" when it is."""
    if verdict.confirmed:
        return ""
    if shapeless := _shapeless(verdict.plate):
        return shapeless
    sure = verdict.agreeing > 0 and verdict.best.text.weakest >= _SURE
    if sure or verdict.confidence >= _LIKELY:
        return ""
    weakest = verdict.best.text.weakest
    return (
        f"to be told unconfirmed it needs a confidence of {_LIKELY} (it has {verdict.confidence:.2f}) or a "
        f"look whose every character is sure ({_SURE}; it has {weakest:.2f})"
    )


def _shapeless(plate: str) -> str:
    """Why a text cannot be told without being confirmed, however sure; "" when it can."""
    if not any(c.isdigit() for c in plate):
        return "it has no digit"
    if len(set(plate)) < 3:
        return "it is made of one or two characters only"
    return "" if plausible(plate) else "it has not the shape of a known plate"


def _found(group: _Group) -> Found:
    # The vehicle may have been followed long before: in view is the plate only where it was read.
    plate = group.verdict.plate
    reads = group.reads
    seconds = [read.seconds for read in reads if alike(read.plate, plate)] or [r.seconds for r in reads]
    seconds += [look.seconds for look in group.settled]
    numbers = tuple(sorted(track.number for track in group.tracks))
    return Found(group.verdict, numbers, min(seconds), max(seconds), _untold(group.verdict))
