"""What became of each track, for people who ask why: its looks, how they ended, and what the vote said.

A clip may give a million looks. Beyond a limit the looks without a read are thinned evenly, then the reads,
then the tracks without one are left out; what is left out is counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from stages.vision.boxes import Box
from stages.vision.looks import Glimpse, Look, Read
from stages.vision.tracking import Track
from stages.vision.verdicts import Found

MOST_TRACKS = 20_000
MOST_LOOKS = 100_000
_LONGEST = 64  # characters of a text as it was read


def accounts(
    tracks: Sequence[Track], found: Sequence[Found], *, most: int = MOST_LOOKS, most_tracks: int = MOST_TRACKS
) -> tuple[list[dict[str, Any]], dict[str, Any] | None]:
    """Each track as plain JSON, and what was left out of them (None = nothing).

    `found` are all verdicts, told or not; `most` looks beside each track's first and last are kept at most.
    """
    verdicts = {number: each for each in found for number in each.tracks}
    kept, gone = _chosen(tracks, most_tracks)
    reads = sum(1 for track in kept for look in track.looks if look.read)
    others = sum(len(track.looks) for track in kept) - reads
    steps = _step(reads, most // 2), _step(others, most - min(reads, most // 2))
    told = [_track(track, verdicts.get(track.number), steps) for track in kept]
    looks = sum(each.get("looks_left_out", 0) for each in told)
    if not looks and not gone:
        return told, None
    outcomes = Counter(look.reason for track in gone for look in track.looks)
    return told, {"looks": looks, "tracks": len(gone), "outcomes": dict(sorted(outcomes.items()))}


def _step(count: int, most: int) -> int:
    """Of so many, every how manieth stays."""
    return max(1, -(-count // max(1, most)))


def _chosen(tracks: Sequence[Track], most: int) -> tuple[list[Track], list[Track]]:
    """The tracks to keep: those with reads first, then those with most looks; and the others."""
    if len(tracks) <= most:
        return list(tracks), []
    ranked = sorted(tracks, key=lambda t: (-sum(1 for k in t.looks if k.read), -len(t.looks), t.number))
    numbers = {track.number for track in ranked[:most]}
    return [t for t in tracks if t.number in numbers], [t for t in tracks if t.number not in numbers]


def _track(track: Track, found: Found | None, steps: tuple[int, int]) -> dict[str, Any]:
    outcomes = Counter(look.reason for look in track.looks)
    looks = [_look(look) for look in _thinned(track.looks, steps)]
    left_out = len(track.looks) - len(looks)
    return {
        "track": track.number,
        "label": next((look.label for look in track.looks if look.label != "plate"), "plate"),
        "first_seconds": round(track.looks[0].seconds, 3),
        "last_seconds": round(track.looks[-1].seconds, 3),
        "outcomes": dict(outcomes),
        "verdict": _verdict(found) if found else None,
        **({"looks_left_out": left_out} if left_out else {}),
        "looks": looks,
    }


def _thinned(looks: Sequence[Look], steps: tuple[int, int]) -> Iterator[Look]:
    """Every so manieth look with a read, and without one; always the first and the last."""
    counts = [0, 0]
    for place, look in enumerate(looks):
        kind = 0 if look.read else 1
        if place in (0, len(looks) - 1) or counts[kind] % steps[kind] == 0:
            yield look
        counts[kind] += 1


def _look(look: Look) -> dict[str, Any]:
    return {
        "frame": look.frame,
        "seconds": round(look.seconds, 3),
        "box": _box(look.box),
        "outcome": look.reason,
        **({"read": _read(look.read)} if look.read else {}),
        **({"glimpse": _glimpse(look.glimpse)} if look.glimpse else {}),
    }


def _read(read: Read) -> dict[str, Any]:
    return {
        "text": read.text.raw[:_LONGEST],
        "plate": read.plate,
        "country": read.reading.country,
        "characters": [round(c, 3) for c in read.text.characters[:_LONGEST]],
        "box": _box(read.box),
        "score": round(read.score, 3),
        "height": round(read.height, 1),
        "sharpness": round(read.sharpness, 1),
        **({"cut": True} if read.cut else {}),
    }


def _glimpse(glimpse: Glimpse) -> dict[str, Any]:
    return {
        "box": _box(glimpse.box),
        "height": round(glimpse.height, 1),
        **({} if glimpse.sharpness is None else {"sharpness": round(glimpse.sharpness, 1)}),
        **({"text": glimpse.text[:_LONGEST]} if glimpse.text else {}),
    }


def _verdict(found: Found) -> dict[str, Any]:
    """`told`: it became a sighting; `doubt`: why it is not confirmed; `untold`: why it is no sighting."""
    verdict = found.verdict
    return {
        "plate": verdict.plate,
        "confidence": verdict.confidence,
        "confirmed": verdict.confirmed,
        "told": not found.untold,
        "doubt": verdict.doubt,
        "untold": found.untold,
        "reads": verdict.reads,
        "agreeing": verdict.agreeing,
        "candidates": [{"plate": text, "confidence": share} for text, share in verdict.candidates],
        "tracks": list(found.tracks),
    }


def _box(box: Box) -> list[float]:
    return [round(v, 1) for v in box]
