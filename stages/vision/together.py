"""One text from several reads of the same plate in the same picture."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from stages.vision.grammar import best, plausible
from stages.vision.plates import PlateText

_KEEP_OTHERS = 0.02
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
