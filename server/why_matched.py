"""Why a search found a plate: which characters fit, and what is different, in words."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import NamedTuple

import msgspec
from rapidfuzz.distance import Levenshtein

from server.catalogue import Found
from server.folding import WILD, far, fold, normal, pattern
from server.sqlite_runners_up import readings

#: How a character of a hit stands to what was asked: equal, taken for another, or not asked about.
SAME, ALIKE, OTHER = "same", "alike", "other"


class Piece(NamedTuple):
    """Some characters of a plate, and how they stand to what was asked."""

    text: str
    kind: str


class Why(msgspec.Struct, frozen=True):
    """Why a plate fits: itself in pieces, and reasons in words."""

    pieces: list[Piece]
    reasons: list[str]


def why(asked: str, match: str, seen: Found, *, candidates: bool = False) -> Why:
    """Why a sighting fits a search as `PlateFilter` has it."""
    plate, text = seen.plate, normal(asked)
    reasons: list[str] = []
    kinds = [OTHER] * len(plate)
    if candidates and text and not _fits(asked, match, plate):
        reasons += _nearly(asked, match, seen)
    elif match == "similar" and text:
        kinds, reasons = _similar(text, plate)
        reasons += _runner_up(text, seen)
    elif any(wild in asked for wild in WILD):
        glob = pattern(asked)
        kinds, reasons = _literals(glob, plate), [f"fits {glob}"]
    elif text:
        at = plate.find(text)
        if at >= 0:
            kinds[at : at + len(text)] = [SAME] * len(text)
        if text != plate:
            reasons.append(f"holds {text}")
    if seen.read_plate is not None:
        reasons.append(f"read as {seen.read_plate}, corrected by hand")
    return Why(_pieces(plate, kinds), reasons)


def _similar(text: str, plate: str) -> tuple[list[str], list[str]]:
    """Each character's standing, and what is different."""
    kinds, reasons = [OTHER] * len(plate), []
    for edit in Levenshtein.opcodes(fold(text), fold(plate)):
        of_text, of_plate = range(edit.src_start, edit.src_end), range(edit.dest_start, edit.dest_end)
        for i, j in zip(of_text, of_plate, strict=False):
            if edit.tag == "equal" and text[i] == plate[j]:
                kinds[j] = SAME
            elif edit.tag == "equal":
                kinds[j] = ALIKE
                reasons.append(f"{plate[j]} for {text[i]}: look-alikes")
            else:
                reasons.append(f"{plate[j]} instead of {text[i]}")
        if edit.tag == "insert":
            reasons.append(f"{plate[edit.dest_start : edit.dest_end]} more")
        elif edit.tag == "delete":
            reasons.append(f"{text[edit.src_start : edit.src_end]} missing")
    return kinds, reasons


def _fits(asked: str, match: str, plate: str) -> bool:
    """Whether a text fits a search, by looking at it."""
    if match == "exact":
        return plate == normal(asked)
    if match == "similar":
        folded = fold(asked)
        return Levenshtein.distance(folded, fold(plate)) <= far(folded)
    if any(wild in asked for wild in WILD):
        return fnmatchcase(plate, pattern(asked))
    return normal(asked) in plate


def _nearly(asked: str, match: str, seen: Found) -> list[str]:
    """The likeliest of a sighting's other readings that fits."""
    for text, share in readings(seen.candidates):
        if _fits(asked, match, text):
            return [f"candidate {text}" + ("" if share is None else f", {share * 100:.0f} % of its votes")]
    return []


def _runner_up(text: str, seen: Found) -> list[str]:
    """The asked text among the other readings of a sighting."""
    for each in msgspec.json.decode(seen.candidates):
        if isinstance(each, dict) and normal(str(each.get("plate"))) == text != seen.plate:
            sure = each.get("confidence")
            share = f" ({sure * 100:.0f} %)" if isinstance(sure, int | float) else ""
            return [f"{text} was its runner-up{share}"]
    return []


def _literals(glob: str, plate: str) -> list[str]:
    """Which characters a pattern names: each piece between stars where it comes first."""
    kinds = [OTHER] * len(plate)
    parts = glob.split("*")
    at = 0
    for number, part in enumerate(parts):
        last = number == len(parts) - 1
        at = _place(part, plate, at, first=number == 0, last=last)
        if at < 0:
            return [OTHER] * len(plate)
        for offset, letter in enumerate(part):
            if letter != "?":
                kinds[at + offset] = SAME
        at += len(part)
    return kinds


def _place(part: str, plate: str, after: int, *, first: bool, last: bool) -> int:
    """Where a piece of a pattern begins; -1 = nowhere."""
    if first:
        starts: Sequence[int] = (0,)
    elif last:
        starts = (len(plate) - len(part),)
    else:
        starts = range(after, len(plate) - len(part) + 1)
    for start in starts:
        there = plate[start : start + len(part)]
        if start >= after and len(there) == len(part) and all(
            a in ("?", b) for a, b in zip(part, there, strict=True)
        ):  # fmt: skip
            return start
    return -1


def _pieces(plate: str, kinds: list[str]) -> list[Piece]:
    """Neighbours of one kind together."""
    pieces: list[Piece] = []
    for letter, kind in zip(plate, kinds, strict=True):
        if pieces and pieces[-1].kind == kind:
            pieces[-1] = Piece(pieces[-1].text + letter, kind)
        else:
            pieces.append(Piece(letter, kind))
    return pieces
