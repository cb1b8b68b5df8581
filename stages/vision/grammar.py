"""What a read most likely says, given how plates are made.

A grammar re-ranks: it swaps look-alikes where a format decides between them and strips what stands beside
the plate. It never rejects: the text as it was read always stays among the readings.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from stages.vision.formats import BANDS, DIGITS, LETTERS, Template, templates
from stages.vision.plates import PlateText

_NOT_PLAIN = re.compile(r"[^A-Z0-9]")

#: Which characters are taken for one another, across letters and digits.
LOOK_ALIKES: dict[str, str] = {
    "0": "ODQ",
    "1": "IL",
    "2": "Z",
    "3": "B",
    "4": "A",
    "5": "S",
    "6": "G",
    "7": "TZ",
    "8": "B",
    "O": "0",
    "D": "0",
    "Q": "0",
    "I": "1",
    "L": "1",
    "Z": "27",
    "B": "83",
    "A": "4",
    "S": "5",
    "G": "6",
    "T": "7",
}
_FOLD = str.maketrans("ODQILZSGB", "000112568")

_STRIP_COST = 3.0  # bits for each character that is taken for a neighbour of the plate
_OWN_BAND, _OTHER_BAND = 3.5, 5.0  # bits for a band before the text: of the format's country, of another
# What a look-alike gets that the reader did not offer itself: much where many plates draw both alike, so that
# no reader can tell; little where the reader should have seen it.
_SAME_GLYPH, _OTHER_GLYPH = 0.3, 0.02
_SURE = 0.8
_OFFERED = 0.2  # share from which also a character that looks unlike may be meant
_SAME_GLYPHS = frozenset({"0O", "O0", "1I", "I1"})
_GLYPHS = str.maketrans("OI", "01")
_AS_READ = 1.0  # bits for the text as it was read: the table of formats is never complete
_WHOLE = 1.0  # bits for a text that has a shape just as it was read
_TELLING = 2.0  # bits from which a shape is told from any short text
_LONGEST = 10


class Reading(NamedTuple):
    """One way to understand a read. `bits` says how far a format speaks for it (0 = none does).

    `country` is of the most telling format, "" for none; `start` is where the plate begins in the text.
    """

    plate: str
    score: float
    bits: float
    country: str
    start: int


def normalise(text: str) -> str:
    """Upper case, A-Z and 0-9 only."""
    return _NOT_PLAIN.sub("", text.upper())


def fold(plate: str) -> str:
    """The plate with look-alikes made equal: 0=O=D=Q, 1=I=L, 2=Z, 5=S, 6=G, 8=B."""
    return normalise(plate).translate(_FOLD)


def plausible(plate: str, regions: tuple[str, ...] = ()) -> bool:
    """Whether a known format has exactly this shape, with five places or more.

    Where no country was chosen, shapes that any short text has do not count.
    """
    return any(True for _ in _fitting(plate, regions))


def countries(plate: str, regions: tuple[str, ...] = ()) -> frozenset[str]:
    """The countries whose formats have exactly this shape, as `plausible` says; where none has it, none."""
    return frozenset(template.country for template in _fitting(plate, regions))


def like_a_plate(text: PlateText, regions: tuple[str, ...] = ()) -> bool:
    """Whether letters look like a plate's, with digits taken for the letters that are drawn like them.

    They stand in groups, as a single word does not.
    """
    word, folded = text.text, fold(text.text)
    shapes = templates(regions).get(len(word), ()) if len(word) > 5 and not text.raw.isalnum() else ()
    return any(
        (regions or shape.bits >= _TELLING)
        and all(a in place or b in place for a, b, place in zip(word, folded, shape.places, strict=True))
        for shape in shapes
    )


def _fitting(plate: str, regions: tuple[str, ...]) -> Iterator[Template]:
    if len(plate) >= 5:
        shapes = templates(regions).get(len(plate), ())
        yield from (t for t in shapes if (regions or t.bits >= _TELLING) and t.fits(plate))


def readings(text: PlateText, regions: tuple[str, ...] = ()) -> list[Reading]:
    """Ways to understand a read, the likeliest first; the text as it was read is always among them.

    A score is in bits: what the format says in favour, less what swaps and stripped neighbours cost.
    """
    found: dict[str, Reading] = {}
    fits: _Fits = {}
    for start, end in _spans(text):
        for reading in _shaped(text, start, end, regions, fits):
            _keep(found, reading)
    _keep(found, Reading(text.text, _AS_READ, 0.0, "", 0))
    return sorted(found.values(), key=lambda r: (-r.score, r.plate))


def best(text: PlateText, regions: tuple[str, ...] = ()) -> Reading:
    """The likeliest way to understand a read."""
    return readings(text, regions)[0]


def _keep(found: dict[str, Reading], reading: Reading) -> None:
    known = found.get(reading.plate)
    if known is None or reading.score > known.score:
        found[reading.plate] = reading


def _spans(text: PlateText) -> list[tuple[int, int]]:
    """Parts of the text that may be the whole plate: all, or without a band in front or a seal behind."""
    length = len(text.text)
    starts = {0, *_band_ends(text)}
    ends = {length, *(length - cut for cut in (1, 2) if length - cut >= 5)}
    return [(s, e) for s in sorted(starts) for e in sorted(ends) if 4 <= e - s <= _LONGEST]


def _band_ends(text: PlateText) -> set[int]:
    """Where the plate may begin when a country band (or one misread mark) was read before it."""
    ends = {n for n in (1, 2, 3) if text.text[:n] in BANDS and len(text.text) - n >= 5}
    if len(text.text) >= 6:
        ends.add(1)  # an emblem or a screw is often read as one character
    return ends


def _shaped(text: PlateText, start: int, end: int, regions: tuple[str, ...], fits: _Fits) -> list[Reading]:
    """The span put into every shape of its length that look-alikes allow."""
    part = text.text[start:end]
    if not regions and (part.isdecimal() or part.isalpha()):
        return []  # a number or a word: no letter is guessed into the one, no digit into the other
    band = BANDS.get(text.text[:start])
    # What was read with confidence is hardly a neighbour's smudge.
    dropped = (*(() if band else text.characters[:start]), *text.characters[end:])
    smudges = sum(_STRIP_COST + 2 * certain for certain in dropped)
    out = []
    for template in templates(regions).get(end - start, ()):
        cost = smudges + (0.0 if not band else _OWN_BAND if band == template.country else _OTHER_BAND)
        plate, swaps = "", 0.0
        for place, allowed in enumerate(template.places, start=start):
            if (place, allowed) not in fits:
                fits[place, allowed] = _fit(text, place, allowed, unlike=bool(regions))
            chosen = fits[place, allowed]
            if chosen is None:
                break
            plate += chosen[0]
            swaps += chosen[1]
        else:
            whole = plate.translate(_GLYPHS) == text.text.translate(_GLYPHS)
            score = template.bits + (_WHOLE if whole else 0.0) - swaps - cost
            out.append(Reading(plate, score, template.bits, template.country, start))
    return out


#: By place and allowed characters: what to take there and what it costs; many shapes ask the same.
_Fits = dict[tuple[int, frozenset[str]], tuple[str, float] | None]


def _fit(text: PlateText, place: int, allowed: frozenset[str], *, unlike: bool) -> tuple[str, float] | None:
    """The character for a place and what choosing it costs (bits); None when nothing like it is allowed.

    Where the countries were chosen, also a character `unlike` the one read may be meant when the reader
    offered it; among all the world's formats there is one for any such slip.
    """
    read = text.text[place]
    if read in allowed:
        return read, 0.0
    offered = dict(text.others[place])
    certain = text.characters[place]
    shares = {c: max(offered.get(c, 0.0), _floor(read, c, certain)) for c in LOOK_ALIKES.get(read, "")}
    if unlike:
        shares |= {c: p for c, p in offered.items() if c not in shares and p > _OFFERED}
    likely = [(share, c) for c, share in shares.items() if c in allowed and share > 0]
    if not likely:
        return None
    share, chosen = max(likely, key=lambda pair: (pair[0], -ord(pair[1])))
    return chosen, 1.0 + math.log2(max(1.0, certain / share))


def _floor(read: str, other: str, certain: float) -> float:
    """The share of a look-alike that the reader did not offer: none where it was sure and could see it."""
    if read + other in _SAME_GLYPHS:
        return _SAME_GLYPH
    return 0.0 if certain >= _SURE else _OTHER_GLYPH


def looks_like_junk(plate: str) -> bool:
    """One character over and over: a grille, a row of rings, a rail."""
    return len(set(fold(plate))) <= 1


def mixed(plate: str) -> bool:
    """Whether letters and digits both occur."""
    return bool(set(plate) & LETTERS) and bool(set(plate) & DIGITS)


def distance(a: Sequence[str], b: Sequence[str], limit: int = 99) -> int:
    """Edit distance (insert, delete, replace), not counted beyond `limit`."""
    if abs(len(a) - len(b)) > limit:
        return limit + 1
    row = list(range(len(b) + 1))
    for i, left in enumerate(a, start=1):
        previous, row[0] = row[0], i
        for j, right in enumerate(b, start=1):
            previous, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, previous + (left != right))
        if min(row) > limit:
            return limit + 1
    return row[-1]


def similarity(a: str, b: str) -> float:
    """1 for texts that are equal but for look-alikes, 0 for texts that share nothing."""
    longest = max(len(a), len(b))
    return 1 - distance(fold(a), fold(b)) / longest if longest else 1.0
