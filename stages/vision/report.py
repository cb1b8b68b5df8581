"""What the heavy stage leaves: sightings, `detections.json` and the best crops."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from stages.footage.route import position_at
from stages.sighting import Candidate, Sighting

if TYPE_CHECKING:
    from stages.footage.clip import ClipDescription
    from stages.vision.tracking import Track
    from stages.vision.verdicts import Found
    from stages.vision.watch import Watched

_MOST = 10_000  # sightings of one clip


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


def write_report(folder: Path, sightings: list[Sighting], seen: Watched | None) -> None:
    """`detections.json`, and for each plate its best crop."""
    plates = folder / "plates"
    plates.mkdir()
    if seen:
        _write_crops(plates, seen)
    report = {
        "frames_looked_at": seen.frames if seen else 0,
        "last_seconds": round(seen.last_seconds, 3) if seen else 0.0,
        "texts_dropped": dict(sorted(seen.dropped.items())) if seen else {},
        "plates": [
            msgspec.structs.replace(sighting, crop=None)  # the picture lies beside
            for sighting in sightings
        ],
        "tracks": [_track(track) for track in seen.tracks] if seen else [],
    }
    (folder / "detections.json").write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=1))


def _write_crops(plates: Path, seen: Watched) -> None:
    for found in seen.plates[:_MOST]:
        crop = seen.evidence.best(found.verdict.best.plate)
        name = safe_name(found.verdict.plate)
        # The surer of two tracks with one text comes to show; they differ only where both were in view.
        if crop and name and not (plates / f"{name}.jpg").exists():
            (plates / f"{name}.jpg").write_bytes(crop.full)
            (plates / f"{name}_thumb.jpg").write_bytes(crop.small)


def safe_name(plate: str) -> str:
    """A plate as a file name: A-Z and 0-9 only."""
    return "".join(c for c in plate if c.isascii() and (c.isdigit() or c.isupper()))[:32]


def _track(track: Track) -> dict[str, Any]:
    """A track for people who ask why: each look, and how it ended."""
    reasons: dict[str, int] = {}
    for look in track.looks:
        reasons[look.reason] = reasons.get(look.reason, 0) + 1
    return {
        "track": track.number,
        "label": track.looks[0].label,
        "first_seconds": round(track.looks[0].seconds, 3),
        "last_seconds": round(track.looks[-1].seconds, 3),
        "outcomes": reasons,
        "looks": [
            {
                "frame": look.frame,
                "seconds": round(look.seconds, 3),
                "box": [round(v, 1) for v in look.box],
                "outcome": look.reason,
                **({"read": _read(look.read)} if look.read else {}),
            }
            for look in track.looks
        ],
    }


def _read(read: Any) -> dict[str, Any]:
    return {
        "text": read.text.raw,
        "plate": read.plate,
        "country": read.reading.country,
        "characters": [round(c, 3) for c in read.text.characters],
        "box": [round(v, 1) for v in read.box],
        "score": round(read.score, 3),
        "height": round(read.height, 1),
        "sharpness": round(read.sharpness, 1),
    }
