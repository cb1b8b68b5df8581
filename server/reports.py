"""What the heavy stage wrote about a clip's tracks, read from the place where it lies: the lanes of a
timeline, and the answer to "why was nothing read here?".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from server.films import away
from server.shelves import Shelves
from stages.errors import BadInput, InputGone, PlaceAbsent
from stages.task import FileRef, TaskType
from stages.why.answer import Question, answer
from stages.why.files import Filtered, Outline, Report, Track, read_filtered, read_outlines, read_report
from stages.why.tale import conclusion, reads_of, reasons, summary, weakest

T = TypeVar("T")
Files = Sequence[tuple[str, FileRef]]

REPORT, METADATA = "detections.json", "metadata.json"
#: Bytes of a report that a page's question reads; `dashcam why` reads larger ones.
MOST_OUTLINED, MOST_READ = 96 << 20, 32 << 20
#: Seconds that such a file may take over a network.
_PATIENCE = 20.0
MOST_TRACKS = 2000
_MOST_TOLD, _MOST_READS, _MOST_TEXTS = 12, 6, 8


class NoReport(Exception):
    """There is none that can be read now; the text says why, and what to do."""


async def lanes(shelves: Shelves, files: Files) -> list[dict[str, Any]]:
    """Every object that was followed: when, what it was, and what was read. Raises NoReport."""
    found = await _first(shelves, _reports(files), lambda path: read_outlines(path, MOST_OUTLINED))
    ranked = sorted(found.tracks, key=lambda t: (t.verdict is None, t.first_seconds - t.last_seconds))
    shown = sorted(ranked[:MOST_TRACKS], key=lambda track: (track.first_seconds, track.track))
    return [_lane(track) for track in shown]


def _lane(track: Outline) -> dict[str, Any]:
    verdict = track.verdict
    return {
        "track": track.track,
        "label": track.label or "thing",
        "first": track.first_seconds,
        "last": track.last_seconds,
        "plate": verdict.plate if verdict else None,
        "confirmed": bool(verdict and verdict.confirmed),
        "told": bool(verdict and verdict.told),
    }


async def why(shelves: Shelves, files: Files, at: float | None, plate: str) -> dict[str, Any]:
    """Why a plate was, or was not, found, at an instant or as a text. Raises NoReport."""
    report = await _first(shelves, _reports(files), lambda path: read_report(path, MOST_READ))
    try:
        filtered = await _first(shelves, _metadata(files), read_filtered)
    except NoReport:
        filtered = None
    return _told(report, filtered, Question(at, plate))


def _told(report: Report, filtered: Filtered | None, question: Question) -> dict[str, Any]:
    found = answer(report, filtered, question)
    return {
        "says": found.says,
        "tracks": [_track(track, report) for track in found.tracks[:_MOST_TOLD]],
        "more": max(0, len(found.tracks) - _MOST_TOLD),
        "nearest": _track(found.nearest, report) if found.nearest else None,
        "texts": [
            {"text": text.text, "reason": text.reason, "count": text.count, "first": text.first_seconds}
            for text in found.texts[:_MOST_TEXTS]
        ],
    }


def _track(track: Track, report: Report) -> dict[str, Any]:
    reads = sorted(reads_of(track), key=lambda each: -min(each[1].characters, default=0.0))[:_MOST_READS]
    return {
        "track": track.track,
        "label": track.label or "unknown",
        "first": track.first_seconds,
        "last": track.last_seconds,
        "conclusion": conclusion(track),
        "summary": summary(track),
        "reasons": reasons(track, report),
        "reads": [
            {"seconds": look.seconds, "plate": read.plate, "text": read.text, "weakest": weakest(read)}
            for look, read in sorted(reads, key=lambda each: each[0].seconds)
        ],
    }


async def _first(shelves: Shelves, refs: list[FileRef], read: Callable[[Path], T]) -> T:
    """The first of some files that is here and can be read."""
    said: list[str] = []
    for ref in refs:
        try:
            return await shelves.ask(ref.device, _reading(shelves, ref, read), _PATIENCE)
        except PlaceAbsent:
            said.append(away(shelves, ref.device))
        except InputGone:
            said.append(f"It is not in the place {ref.device} any more.")
        except (BadInput, OSError):
            said.append(f"The one in {ref.device} is damaged, or too large for a page: use dashcam why.")
    raise NoReport(" ".join(dict.fromkeys(said)) or "This clip was not looked at closely yet.")


def _reading(shelves: Shelves, ref: FileRef, read: Callable[[Path], T]) -> Callable[[], T]:
    return lambda: read(shelves.places.existing(ref))


def _reports(files: Files) -> list[FileRef]:
    """Where the report may lie: the heavy stage's own first, then the archive's copy."""
    found = []
    for kind, ref in files:
        if kind == TaskType.HEAVY_PROCESS_VIDEO and ref.path.endswith(("/", ".json")):
            path = ref.path + REPORT if ref.path.endswith("/") else ref.path
            found.append(FileRef(device=ref.device, path=path))
    for kind, ref in files:
        if kind == TaskType.ARCHIVE_VIDEO and not ref.path.endswith("/"):
            found.append(FileRef(device=ref.device, path=f"{ref.path.rpartition('/')[0]}/{REPORT}"))
    return list(dict.fromkeys(found))


def _metadata(files: Files) -> list[FileRef]:
    return [
        FileRef(device=ref.device, path=ref.path)
        for kind, ref in files
        if kind == TaskType.PREPROCESS_VIDEO and ref.path.endswith(f"/{METADATA}")
    ]
