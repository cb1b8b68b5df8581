"""`detections.json` and `metadata.json` for whoever asks why. Every byte of them may be anybody's."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta

from stages.errors import BadInput

T = TypeVar("T")
_MOST_REPORT = 256 << 20
_MOST_METADATA = 64 << 20

Text = Annotated[str, Meta(max_length=1000)]
Whole = Annotated[int, Meta(ge=0, le=1 << 53)]
Seconds = Annotated[float, Meta(ge=-864000, le=8640000)]
Share = Annotated[float, Meta(ge=0, le=1)]
Pixels = Annotated[float, Meta(ge=-1e9, le=1e9)]
Box = tuple[Pixels, Pixels, Pixels, Pixels]
Span = tuple[Seconds, Seconds]


class Read(msgspec.Struct):
    """One OCR result; `text` as read, `plate` as understood; `cut`: it touched the picture's edge."""

    text: Text = ""
    plate: Text = ""
    country: Text = ""
    characters: Annotated[list[Share], Meta(max_length=255)] = []
    box: Box | None = None
    score: Pixels = 0.0
    height: Pixels = 0.0
    sharpness: Pixels = 0.0
    cut: bool = False


class Glimpse(msgspec.Struct):
    """A plate that was found and not read."""

    box: Box | None = None
    height: Pixels = 0.0
    sharpness: Pixels | None = None
    text: Text = ""


class Look(msgspec.Struct):
    """One look at an object."""

    seconds: Seconds
    box: Box
    frame: Whole = 0
    outcome: Text = ""
    read: Read | None = None
    glimpse: Glimpse | None = None


class Candidate(msgspec.Struct):
    """Another text, with its share of the vote."""

    plate: Text
    confidence: Share


class Verdict(msgspec.Struct):
    """What the reads of a track say together."""

    plate: Text
    confidence: Share = 0.0
    confirmed: bool = False
    told: bool = False
    doubt: Text = ""
    untold: Text = ""
    reads: Whole = 0
    agreeing: Whole = 0
    candidates: Annotated[list[Candidate], Meta(max_length=1000)] = []
    tracks: list[Whole] = []


class Outline(msgspec.Struct):
    """A track without its looks."""

    track: Whole = 0
    label: Text = ""
    first_seconds: Seconds = 0.0
    last_seconds: Seconds = 0.0
    outcomes: Annotated[dict[Text, Whole], Meta(max_length=1000)] = {}
    verdict: Verdict | None = None


class Track(Outline):
    """One object that was followed."""

    looks_left_out: Whole = 0
    looks: list[Look] = []


class Outlines(msgspec.Struct):
    """`detections.json` without any look: much quicker to read."""

    tracks: list[Outline]


class Dropped(msgspec.Struct):
    """A text that was taken for no plate."""

    text: Text
    reason: Text = ""
    count: Whole = 1
    first_seconds: Seconds = 0.0
    last_seconds: Seconds = 0.0


class Looked(msgspec.Struct):
    """How and where the clip was looked at; `moments` None = all of it."""

    per_second: Annotated[float, Meta(gt=0, le=1e6)] | None = None
    moments: list[Span] | None = None
    skipped_channel: Text | None = None
    min_plate_height: Pixels | None = None
    models: list[Text] = []


class LeftOut(msgspec.Struct):
    """What is not in the report, because there was too much."""

    looks: Whole = 0
    tracks: Whole = 0
    outcomes: dict[Text, Whole] = {}


class Told(msgspec.Struct):
    """A sighting; what is needed where a track's verdict does not stand beside it."""

    plate: Text = ""
    confidence: Share = 0.0
    confirmed: bool = False
    track: Whole | None = None
    reads: Whole = 0
    agreeing: Whole = 0
    candidates: list[Candidate] = []


class Report(msgspec.Struct):
    """`detections.json`; files of older versions lack some parts."""

    tracks: list[Track]
    frames_looked_at: Whole = 0
    last_seconds: Seconds = 0.0
    second_looks: Whole = 0
    looked: Looked | None = None
    texts_dropped: dict[Text, Whole] = {}
    texts: list[Dropped] = []
    plates: list[Told] = []
    left_out: LeftOut | None = None


class Drop(msgspec.Struct):
    """A part of the clip that the preprocess stage left out."""

    begin: Seconds = msgspec.field(name="from")
    end: Seconds = msgspec.field(name="to")
    reason: Text = ""


class Filtered(msgspec.Struct):
    """The preprocess stage's `metadata.json`."""

    duration_seconds: Seconds | None = None
    moments: list[Span] | None = None
    drops: list[Drop] = []


def read_report(path: Path, most: int = _MOST_REPORT) -> Report:
    """A `detections.json` of at most so many bytes. Raises BadInput when it is none, OSError when it cannot
    be read.
    """
    report = _decoded(path, Report, most)
    sightings = {told.track: told for told in report.plates if told.track is not None}
    for track in report.tracks:
        track.looks.sort(key=lambda look: look.seconds)
        if track.verdict is None and (told := sightings.get(track.track)):
            track.verdict = Verdict(
                plate=told.plate, confidence=told.confidence, confirmed=told.confirmed, told=True,
                reads=told.reads, agreeing=told.agreeing, candidates=told.candidates,
            )  # fmt: skip
    return report


def read_outlines(path: Path, most: int = _MOST_REPORT) -> Outlines:
    """The tracks of a `detections.json`. Raises as `read_report`."""
    return _decoded(path, Outlines, most)


def read_filtered(path: Path) -> Filtered:
    """A `metadata.json` of the preprocess stage. Raises as `read_report`."""
    return _decoded(path, Filtered, _MOST_METADATA)


def _decoded(path: Path, kind: type[T], most: int) -> T:
    if not path.is_file():
        raise BadInput(f"{path} is no file")
    if path.stat().st_size > most:
        raise BadInput(f"{path} is larger than any report of ours ({most >> 20} MiB); process the clip again")
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadInput(f"{path} is no report of ours: {error}; process the clip again") from error
