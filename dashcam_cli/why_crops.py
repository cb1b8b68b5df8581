"""Pictures of what tracks looked like, cut from the clip itself."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from stages.errors import BadInput
from stages.export.landing import free_name
from stages.why.files import Box, Look, Track

MOST = 50
_AROUND = 0.75  # of a plate's size, kept on each side of it
_AROUND_VEHICLE = 0.05


def cut_crops(clip: Path, tracks: Sequence[Track], folder: Path) -> dict[int, Path]:
    """A JPEG of each track's best look, by track; nothing is overwritten. Raises `ClipDamaged`, BadInput.

    The best look is the largest read of its plate, else the largest plate that was found, else the
    largest vehicle.
    """
    from stages.video.frames import frames_at
    from stages.video.jpeg import encode_jpeg
    from stages.vision.boxes import grow

    chosen = {track.track: look for track in tracks[:MOST] if (look := _best(track)) is not None}
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(f"{folder} cannot be made: {error.strerror}; give another with --crops") from error
    waiting = sorted(chosen.items(), key=lambda each: each[1].seconds)
    written: dict[int, Path] = {}
    # The first frame at or after an instant: reports round to a thousandth.
    for frame in frames_at(clip, [max(0.0, look.seconds - 0.002) for _, look in waiting]):
        height, width = frame.image.shape[:2]
        while waiting and waiting[0][1].seconds - 0.002 <= frame.seconds:
            number, look = waiting.pop(0)
            box, by = _part(look)
            x1, y1, x2, y2 = grow(_inside(box, width, height), by, width, height)
            path = free_name(folder, f"track{number}_{look.seconds:.2f}s", ".jpg")
            path.write_bytes(encode_jpeg(frame.image[y1:y2, x1:x2], 92))
            written[number] = path
    return written


def _best(track: Track) -> Look | None:
    plate = track.verdict.plate if track.verdict else ""
    return max(track.looks, key=lambda look: _worth(look, plate), default=None)


def _worth(look: Look, plate: str) -> tuple[int, float]:
    if look.read:
        return 3 if look.read.plate == plate else 2, look.read.height
    if look.glimpse:
        return 1, look.glimpse.height
    return 0, look.box[2] - look.box[0]


def _part(look: Look) -> tuple[Box, float]:
    """What to cut out, and how much around it."""
    found = look.read or look.glimpse
    if found and found.box:
        return found.box, _AROUND
    return look.box, _AROUND_VEHICLE


def _inside(box: Box, width: int, height: int) -> Box:
    """A box with its corners in order and on the picture: a report can say anything."""
    x1, x2 = sorted(min(max(0.0, x), width - 1.0) for x in (box[0], box[2]))
    y1, y2 = sorted(min(max(0.0, y), height - 1.0) for y in (box[1], box[3]))
    return x1, y1, x2, y2
