"""What the heavy stage leaves: sightings, `detections.json` and the best crops."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from stages.footage.route import position_at
from stages.sighting import Candidate, Sighting
from stages.vision.accounts import accounts

if TYPE_CHECKING:
    from stages.footage.clip import ClipDescription
    from stages.vision.junk import JunkText
    from stages.vision.verdicts import Found
    from stages.vision.watch import Watched

_MOST = 10_000  # sightings of one clip
_MOST_DOUBTFUL = 200  # crops of texts that did not become one


def sightings_of(seen: Watched, clip: ClipDescription) -> list[Sighting]:
    """The plates of a clip with time, place and best crop."""
    return [_sighting(found, seen, clip) for found in seen.plates[:_MOST]]


def _sighting(found: Found, seen: Watched, clip: ClipDescription) -> Sighting:
    verdict, read = found.verdict, found.verdict.best
    x1, y1, x2, y2 = read.box
    crop = seen.evidence.best(read.plate)
    start = clip.time.start_local
    when = (start + timedelta(seconds=read.seconds)).replace(tzinfo=None) if start else None
    return Sighting(
        plate=verdict.plate,
        confidence=verdict.confidence,
        confirmed=verdict.confirmed,
        frame_number=read.frame,
        timestamp=when.isoformat(timespec="seconds") if when else None,
        location=position_at(clip.route, read.seconds),
        candidates=[Candidate(plate, share) for plate, share in verdict.candidates],
        crop=crop.small if crop else None,
        first_seconds=round(found.first_seconds, 3),
        last_seconds=round(found.last_seconds, 3),
        track=found.tracks[0],
        reads=verdict.reads,
        agreeing=verdict.agreeing,
        box=(round(x1, 1), round(y1, 1), round(x2, 1), round(y2, 1)),
    )


def write_report(
    folder: Path, sightings: list[Sighting], seen: Watched | None, looked: Mapping[str, Any] | None = None
) -> None:
    """`detections.json`, for each plate its best crop, and crops of some texts that did not become one.

    `looked` says how and where the clip was looked at, as plain JSON.
    """
    plates = folder / "plates"
    plates.mkdir()
    if seen:
        _write_crops(plates, seen)
        _write_doubtful(folder / "doubtful", seen)
    tracks, left_out = accounts(seen.tracks, [*seen.plates, *seen.untold]) if seen else ([], None)
    report = {
        "frames_looked_at": seen.frames if seen else 0,
        "last_seconds": round(seen.last_seconds, 3) if seen else 0.0,
        "second_looks": seen.again if seen else 0,
        "looked": dict(looked or {}),
        "texts_dropped": dict(sorted(seen.dropped.items())) if seen else {},
        "texts": [_dropped(each) for each in seen.texts] if seen else [],
        "plates": [
            msgspec.structs.replace(sighting, crop=None)  # the picture lies beside
            for sighting in sightings
        ],
        **({"left_out": left_out} if left_out else {}),
        "tracks": tracks,
    }
    (folder / "detections.json").write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=1))


def _dropped(text: JunkText) -> dict[str, Any]:
    return {
        "text": text.text,
        "reason": text.reason,
        "count": text.times,
        "first_seconds": round(text.first_seconds, 3),
        "last_seconds": round(text.last_seconds, 3),
        "box": [round(v, 1) for v in text.box],
    }


def _write_crops(plates: Path, seen: Watched) -> None:
    for found in seen.plates[:_MOST]:
        crop = seen.evidence.best(found.verdict.best.plate)
        name = safe_name(found.verdict.plate)
        # The surer of two tracks with one text comes to show; they differ only where both were in view.
        if crop and name and not (plates / f"{name}.jpg").exists():
            (plates / f"{name}.jpg").write_bytes(crop.full)
            (plates / f"{name}_thumb.jpg").write_bytes(crop.small)


def _write_doubtful(folder: Path, seen: Watched) -> None:
    """Crops of the surest texts that are no sighting: whoever asks why can look for themselves."""
    surest = sorted(seen.untold, key=lambda found: (-found.verdict.confidence, found.verdict.plate))
    for found in surest[:_MOST_DOUBTFUL]:
        crop = seen.evidence.best(found.verdict.best.plate)
        name = safe_name(found.verdict.plate)
        if crop and name and not (folder / f"{name}.jpg").exists():
            folder.mkdir(exist_ok=True)
            (folder / f"{name}.jpg").write_bytes(crop.full)


def safe_name(plate: str) -> str:
    """A plate as a file name: A-Z and 0-9 only."""
    return "".join(c for c in plate if c.isascii() and (c.isdigit() or c.isupper()))[:32]
