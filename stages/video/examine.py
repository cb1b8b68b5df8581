"""Looking at a whole clip: every cheap look measured, vehicles looked for, and what of it matters."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from stages.settings import PreprocessSettings
from stages.video import filters, looks
from stages.video.filters import Drop, Measure, Span
from stages.video.jpeg import encode_jpeg, encode_within
from stages.video.looks import Look, Survey
from stages.vision import tflite
from stages.vision.coco import VEHICLES
from stages.vision.detector import Detector

Progress = Callable[[float, str], None]

_THUMB_QUALITY = 78
_MAX_DETECTIONS = 20_000


class Watcher(NamedTuple):
    """A detector if there is one, what it says about itself, and what a person should know about it."""

    detector: Detector | None
    about: dict[str, Any]
    notice: str | None


class Seen(NamedTuple):
    """What the looks at one clip gave; `small` are JPEGs of evenly spread looks by seconds."""

    measures: list[Measure]
    detections: list[dict[str, Any]]
    small: dict[float, bytes]
    poster: bytes | None


def load_watcher(models: Path, settings: PreprocessSettings) -> Watcher:
    """The detector that the settings ask for, if it is there; else the reason why there is none."""
    if not settings.detect:
        return Watcher(None, {}, "looking for vehicles is switched off")
    if not settings.model and not models.is_dir():
        return Watcher(None, {}, "no models folder, so no vehicles were looked for; see: dashcam doctor")
    loaded = tflite.choose(models, settings.model, score=settings.score)
    if loaded is None:
        return Watcher(None, {}, "no TFLite vehicle model is there; see: dashcam doctor")
    return Watcher(loaded.detector, loaded.detector.describe(), loaded.notice)


def examine(
    clip: Path, watcher: Watcher, settings: PreprocessSettings, progress: Progress
) -> tuple[dict[str, Any], Seen]:
    """All looks at a clip, and what follows from them as `metadata.json` has it.

    Raises `ClipDamaged`, and whatever `progress` raises.
    """
    survey = looks.survey(clip)
    width, rate = settings.look_width, settings.looks_per_second

    def told(found: Iterator[Look], low: float, high: float) -> Iterator[Look]:
        for look in found:
            yield look
            progress(low + (high - low) * min(1.0, look.seconds / survey.duration), "looking")

    first = looks.looks(clip, survey, per_second=rate, width=width)
    seen = _gather(told(first, 0.02, 0.8), watcher, survey, settings)
    if survey.keyframes:
        # Between two keyframes that look alike a car may have passed: look there before dropping anything.
        closer = _closer(clip, survey, filters.still_spans(seen.measures, settings), settings)
        more = _gather(told(closer, 0.8, 0.95), watcher, survey, settings)
        seen = _joined(seen, more)
    # A clip that ends early is judged as far as pictures came.
    step = survey.duration / len(survey.times)
    duration = survey.duration if survey.whole else min(survey.duration, seen.measures[-1].seconds + 1.0)
    moments, drops = filters.judge(seen.measures, duration, settings)
    frames = max(1, round(duration / step)) if not survey.whole else len(survey.times)
    return _report(seen, watcher, survey, duration, frames, moments, drops), seen


def _closer(
    clip: Path, survey: Survey, spans: Sequence[Span], settings: PreprocessSettings
) -> Iterator[Look]:
    for begin, end in spans:
        yield from looks.between(
            clip, survey, begin, end, per_second=settings.looks_per_second, width=settings.look_width
        )


def _gather(found: Iterable[Look], watcher: Watcher, survey: Survey, settings: PreprocessSettings) -> Seen:
    """Measure looks one by one; pictures are dropped at once, so a long clip costs no more memory."""
    seen = Seen([], [], {}, None)
    slots: set[int] = set()
    best: tuple[float, Any] | None = None
    before: Look | None = None
    slot = survey.duration / (4 * settings.thumbnails)
    for look in found:
        boxes = _vehicles(watcher, look)
        seen.detections.extend(boxes[: _MAX_DETECTIONS - len(seen.detections)])
        count = None if watcher.detector is None else len(boxes)
        # After a jump to another stretch the look before is too old to tell motion from.
        recent = (
            before.gray if before and look.seconds - before.seconds < 3 / settings.looks_per_second else None
        )
        measured = filters.measure(look.frame, look.seconds, look.gray, recent, count)
        seen.measures.append(measured)
        before = look
        if int(look.seconds / slot) not in slots:
            slots.add(int(look.seconds / slot))
            seen.small[look.seconds] = encode_jpeg(look.rgb, _THUMB_QUALITY)
        worth = _worth(measured, settings)
        if best is None or worth > best[0]:
            best = worth, look.rgb
    return seen._replace(poster=encode_within(best[1]) if best else None)


def _worth(look: Measure, settings: PreprocessSettings) -> float:
    """How good a look is as the clip's poster: sharp and light, better with a vehicle."""
    light = min(1.0, look.brightness / 160) if look.brightness >= settings.dark_below else 0.01
    return light * look.sharpness * (1.5 if look.vehicles else 1.0)


def _vehicles(watcher: Watcher, look: Look) -> list[dict[str, Any]]:
    """What a detector finds that can carry a plate; boxes are fractions of the picture."""
    if watcher.detector is None:
        return []
    height, width = look.gray.shape
    found = watcher.detector.detect(look.rgb[None])[0]
    return [
        {
            "frame": look.frame,
            "seconds": round(look.seconds, 3),
            "label": label,
            "score": round(float(score), 3),
            "box": [round(float(v), 4) for v in (box / (width, height, width, height))],
        }
        for box, label, score in zip(found.boxes, found.labels, found.scores, strict=True)
        if label in VEHICLES
    ]


def _joined(first: Seen, more: Seen) -> Seen:
    """Both sets of looks in order, each instant once."""
    known = {look.frame for look in first.measures}
    extra = [look for look in more.measures if look.frame not in known]
    measures = sorted([*first.measures, *extra], key=lambda look: look.seconds)
    found = [d for d in more.detections if d["frame"] not in known]
    detections = sorted([*first.detections, *found], key=lambda d: d["seconds"])
    return Seen(measures, detections, first.small, first.poster)


def _report(
    seen: Seen,
    watcher: Watcher,
    survey: Survey,
    duration: float,
    frames: int,
    moments: Sequence[Span],
    drops: Sequence[Drop],
) -> dict[str, Any]:
    dropped = sum(survey.frames_between(d.begin, d.end) for d in drops)
    report: dict[str, Any] = {
        "duration_seconds": round(duration, 3),
        "frame_count": frames,
        "filtered_frames": min(frames, dropped),
        "looks": len(seen.measures),
        "moments": [[round(a, 3), round(b, 3)] for a, b in moments],
        "drops": [{"from": round(d.begin, 3), "to": round(d.end, 3), "reason": d.reason} for d in drops],
    }
    if not survey.whole:
        report["warning"] = "the file ends before its last frame"
    if watcher.detector is not None:
        report |= {"detector": watcher.about, "detections": seen.detections}
    if watcher.notice:
        report["notice"] = watcher.notice
    return report
