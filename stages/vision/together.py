"""One text from several reads of the same plate in the same picture."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from stages.vision.grammar import best, plausible
from stages.vision.plates import PlateText

_KEEP_OTHERS = 0.02
_SEAL = 0.8  # certainty below which a character between others may be a seal: crops differ about it
_SUPPORT = 0.5  # share of the heaviest length's weight from which another length may be the plate's


def together(texts: Sequence[PlateText]) -> PlateText:
    """Place by place the mean of the reads that have the same length; `raw` is the likeliest of theirs.

    A read weighs as much as its weakest character, and the heaviest length counts: or one that is nearly as
    heavy, where it has the shape of a plate and the heaviest has not, as a plate that some crops cut.
    """
    if len(texts) <= 1:
        return texts[0] if texts else PlateText.nothing()
    weights: dict[int, float] = defaultdict(float)
    for text in texts:
        weights[len(text.text)] += text.weakest
    heaviest = sorted(weights, key=lambda n: (-weights[n], -n))
    told = [_mean(texts, n) for n in heaviest if weights[n] >= _SUPPORT * weights[heaviest[0]]]
    if len(told) == 1:
        return told[0]
    return next((text for text in told if plausible(best(text).plate)), told[0])


def unsealed(text: PlateText, regions: tuple[str, ...] = ()) -> PlateText:
    """Without its least certain inner character, where that is doubtful and only the rest is like a plate.

    A seal or an emblem between a plate's groups is read as one: another one in nearly each crop.
    """
    inner = range(2, len(text.text) - 2)
    if len(inner) < 2 or plausible(best(text, regions).plate, regions):
        return text
    place = min(inner, key=lambda n: text.characters[n])
    if text.characters[place] >= _SEAL:
        return text
    places = [n for n in range(len(text.text)) if n != place]
    left = PlateText(
        "".join(text.text[n] for n in places),
        tuple(text.characters[n] for n in places),
        tuple(text.others[n] for n in places),
        text.raw,
    )
    plate = best(left, regions).plate
    return left if len(plate) == len(left.text) and plausible(plate, regions) else text


def _mean(texts: Sequence[PlateText], length: int) -> PlateText:
    """What the reads of one length say, place by place."""
    same = [text for text in texts if len(text.text) == length]
    if length == 0:
        return same[0]
    chosen, characters, others = "", [], []
    for place in range(length):
        votes: dict[str, float] = defaultdict(float)
        for text in same:
            votes[text.text[place]] += text.characters[place] / len(same)
            for character, certain in text.others[place]:
                votes[character] += certain / len(same)
        ranked = sorted(votes, key=lambda c: (-votes[c], c))
        chosen += ranked[0]
        characters.append(min(1.0, votes[ranked[0]]))
        others.append(tuple((c, votes[c]) for c in ranked[1:] if votes[c] >= _KEEP_OTHERS))
    best = max(same, key=lambda t: (t.text == chosen, t.weakest))
    return PlateText(chosen, tuple(characters), tuple(others), best.raw)
