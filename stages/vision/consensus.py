"""One plate from many reads.

Single reads of a moving plate are often wrong, and a recogniser is often sure of it. So the reads of a track
are clustered by likeness, the heaviest cluster votes place by place, and only what two looks at different
moments say alike is confirmed. Frames that follow each other show the same blur: reads of one moment share
one vote, however many there are.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from stages.vision.grammar import best, distance, looks_like_junk, mixed, plausible
from stages.vision.looks import Read
from stages.vision.plates import PlateText

#: Reads with what each counts in the vote.
Ballot = list[tuple[Read, float]]

_CANDIDATES = 5
_SHORTEST, _LONGEST = 4, 10
_ENOUGH = 2  # agreeing moments that make a plate confirmed
_MOMENT = 0.12  # seconds that part one moment from the next
_CUT = 0.25  # what a plate at the picture's edge counts: some of its characters may lie outside
_SURE_PLATE = 0.5  # mean score of a plate model from which any text may be a plate's
_CONFIDENT = 0.3  # confidence below which agreement is chance
_WORTH = 0.3  # weakest character that at least one agreeing read must reach
_ASPECTS = (1.0, 9.0)  # width to height of anything that can be a plate


class Verdict(NamedTuple):
    """What a track's reads say together.

    `confidence` 0..1; `candidates` are the runners-up, best first; `best` is the read to show: the largest
    and sharpest among the agreeing ones (or of all, when none agrees); `doubt` says why it is not confirmed.
    """

    plate: str
    confidence: float
    confirmed: bool
    reads: int
    agreeing: int
    candidates: tuple[tuple[str, float], ...]
    best: Read
    doubt: str = ""


def decide(reads: Sequence[Read], regions: tuple[str, ...] = ()) -> Verdict | None:
    """The consensus of a track's reads; None when there are none."""
    usable = [read for read in reads if _SHORTEST <= len(read.plate) <= _LONGEST]
    if not usable:
        return None
    ballot = [(read, _counts(read) / len(moment)) for moment in moments(usable) for read in moment]
    cluster = _heaviest_cluster(ballot)
    plate, share = _settle(cluster, regions)
    agreeing = [read for read in usable if read.plate == plate]
    confidence = _confidence(agreeing, cluster, share)
    doubt = _doubt(plate, agreeing, confidence, regions)
    show = max(agreeing or [read for read, _ in cluster], key=worth_showing)
    return Verdict(
        plate=plate,
        confidence=confidence,
        confirmed=not doubt,
        reads=len(usable),
        agreeing=len({read.frame for read in agreeing}),
        candidates=_runners_up(ballot, plate),
        best=show,
        doubt=doubt,
    )


def moments(reads: Iterable[Read]) -> list[list[Read]]:
    """The reads in order of time, those of one moment together."""
    parted: list[list[Read]] = []
    for read in sorted(reads, key=lambda r: (r.seconds, r.box, r.plate)):
        if parted and read.seconds - parted[-1][0].seconds < _MOMENT:
            parted[-1].append(read)
        else:
            parted.append([read])
    return parted


def worth_showing(read: Read) -> tuple[float, int]:
    """How good a read is as evidence: large, sharp and legible; of equal ones the earlier."""
    return read.height * min(read.sharpness, 1000.0) * read.text.weakest, -read.frame


def alike(a: str, b: str) -> bool:
    """Whether two reads can be of the same plate: one error in short texts, two in long ones."""
    limit = 1 if max(len(a), len(b)) < 6 else 2
    return distance(a, b, limit) <= limit


def _counts(read: Read) -> float:
    return read.weight * (_CUT if read.cut else 1.0)


def _heaviest_cluster(ballot: Ballot) -> Ballot:
    """Reads around the heaviest text; of several such groups the heaviest."""
    weights: dict[str, float] = defaultdict(float)
    for read, weight in ballot:
        weights[read.plate] += weight
    left = sorted(weights, key=lambda text: (-weights[text], text))
    heaviest: tuple[float, list[str]] = (-1.0, [])
    while left:
        members = [text for text in left if alike(left[0], text)]
        total = sum(weights[text] for text in members)
        if total > heaviest[0]:
            heaviest = (total, members)
        left = [text for text in left if text not in members]
    chosen = set(heaviest[1])
    return [(read, weight) for read, weight in ballot if read.plate in chosen]


def _settle(cluster: Ballot, regions: tuple[str, ...]) -> tuple[str, float]:
    """The cluster's plate and the mean share of weight that agrees with it, place by place.

    A text made of places that nobody read together yields to one that two moments agree on.
    """
    voted, shares, others = _vote(cluster)
    plate = best(PlateText(voted, shares, others, voted), regions).plate
    reads: dict[str, list[Read]] = defaultdict(list)
    weights: dict[str, float] = defaultdict(float)
    for read, weight in cluster:
        reads[read.plate].append(read)
        weights[read.plate] += weight
    often = {text: len(moments(same)) for text, same in reads.items()}
    if often.get(plate, 0) < _ENOUGH:
        least = 0.5 * max(weights.values())  # two doubtful reads do not outdo one that is clearly better
        agreed = [text for text in often if often[text] >= _ENOUGH and weights[text] >= least]
        if agreed:
            plate = max(agreed, key=lambda text: (weights[text], text))
        elif plate not in often:
            plate = max(often, key=lambda text: (weights[text], text))
    if plate != voted:
        return plate, weights[plate] / sum(weights.values())
    return plate, sum(shares) / len(shares)


def _vote(
    cluster: Ballot,
) -> tuple[str, tuple[float, ...], tuple[tuple[tuple[str, float], ...], ...]]:
    """Text, shares and runners-up by place, of the reads that have the heaviest length."""
    lengths: dict[int, float] = defaultdict(float)
    for read, weight in cluster:
        lengths[len(read.plate)] += weight
    length = max(lengths, key=lambda n: (lengths[n], n))
    voters = [(read, weight) for read, weight in cluster if len(read.plate) == length]
    total = sum(weight for _, weight in voters)
    text, shares, others = "", [], []
    for place in range(length):
        votes: dict[str, float] = defaultdict(float)
        for read, weight in voters:
            votes[read.plate[place]] += weight / total
        ranked = sorted(votes, key=lambda c: (-votes[c], c))
        text += ranked[0]
        shares.append(min(1.0, votes[ranked[0]]))
        others.append(tuple((c, votes[c]) for c in ranked[1:]))
    return text, tuple(shares), tuple(others)


def _confidence(agreeing: list[Read], cluster: Ballot, share: float) -> float:
    """How sure: the agreement in the vote, times the chance that not all agreeing moments are wrong."""
    doubt = 1.0
    for moment in moments(agreeing):
        doubt *= 1 - min(0.98, max(map(_counts, moment)))
    if not agreeing:
        doubt = 1 - min(0.5, max(weight for _, weight in cluster))
    return round(min(0.999, max(0.0, share * (1 - doubt))), 4)


def _doubt(plate: str, agreeing: list[Read], confidence: float, regions: tuple[str, ...]) -> str:
    """Why a plate is not confirmed, "" when it is: agreement, its shape, its place's shape, who found it."""
    often, frames = len(moments(agreeing)), len({read.frame for read in agreeing})
    if not often:
        return "no look says exactly this, the vote made it of several"
    if often < _ENOUGH:
        return "only one look says so" if frames == 1 else "its looks are all of one moment"
    if all(read.cut for read in agreeing):
        return "it always touched the picture's edge, so some of it may lie outside"
    if confidence < _CONFIDENT:
        return f"its looks are too unsure together (confidence {confidence:.2f}, wanted {_CONFIDENT})"
    if looks_like_junk(plate):
        return "one character over and over is no plate"
    if max(read.text.weakest for read in agreeing) < _WORTH:
        return f"no look is sure of every character (the weakest always below {_WORTH})"
    widths = sorted((r.box[2] - r.box[0]) / max(1.0, r.box[3] - r.box[1]) for r in agreeing)
    if not _ASPECTS[0] <= widths[len(widths) // 2] <= _ASPECTS[1]:
        return "its place has the shape of no plate"
    vouched = [read.score for read in agreeing if read.vouched]
    if len(vouched) >= _ENOUGH:
        # A text without digits is a plate only where the plate model is sure that it is one.
        sure = any(c.isdigit() for c in plate) or sum(vouched) / len(vouched) >= _SURE_PLATE
        return "" if sure else "it has no digit, and the plate model is not sure that it is a plate"
    # Digits that only the grammar turned into letters are a number on a sign.
    spoken = sum(mixed(read.text.text) for read in agreeing)
    if spoken >= _ENOUGH and mixed(plate) and plausible(plate, regions):
        return ""
    return "no plate model found it, and its text has not the shape of a known plate"


def _runners_up(ballot: Ballot, plate: str) -> tuple[tuple[str, float], ...]:
    """Other texts that were read, with their share of all weight; also as they stood before the grammar."""
    weights: dict[str, float] = defaultdict(float)
    for read, weight in ballot:
        for text in {read.plate, read.text.text}:
            weights[text] += weight
    total = sum(weight for _, weight in ballot)
    others = sorted((t for t in weights if t and t != plate), key=lambda t: (-weights[t], t))
    return tuple((text, round(min(1.0, weights[text] / total), 4)) for text in others[:_CANDIDATES])
