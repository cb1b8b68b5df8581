"""Looking at a whole clip: every cheap look measured, vehicles looked for, and what of it matters."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from stages.ahead import ahead
from stages.errors import StageFailed
from stages.settings import PreprocessSettings
from stages.video import filters, looks
from stages.video.filters import Drop, Measure, Span
from stages.video.jpeg import encode_jpeg, encode_within
from stages.video.looks import Look, Survey
from stages.vision import tflite
from stages.vision.coco import VEHICLES
from stages.vision.detector import Detector
from stages.vision.tflite_detector import TfliteDetector

Progress = Callable[[float, str], None]

_THUMB_QUALITY = 78
_MAX_DETECTIONS = 20_000
_AHEAD = 4  # looks decoded while others are measured and vehicles are looked for on them
_CURE = "fetch one with: dashcam models pull"


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
        return Watcher(None, {}, f"no models folder, so no vehicles were looked for; {_CURE}")
    try:
        detector = tflite.choose(models, settings.model, tpu=settings.tpu, score=settings.score)
    except StageFailed as error:
        return without(error)
    if detector is None:
        return Watcher(None, {}, f"no TFLite vehicle model is there; {_CURE}")
    return Watcher(detector, detector.describe(), detector.notice)


def without(error: StageFailed) -> Watcher:
    """No detector, and why: that costs time in the heavy stage, and no plate."""
    return Watcher(None, {}, f"no vehicles were looked for: {error}")


def tried(watcher: Watcher, image: NDArray[np.uint8]) -> Watcher:
    """The watcher after its detector looked at H×W×3 RGB; without the detector when that cannot."""
    if watcher.detector is None:
        return watcher
    try:
        watcher.detector.detect(image[None])
    except (StageFailed, RuntimeError, ValueError) as error:
        return Watcher(None, {}, f"no vehicles were looked for, since the detector failed its test: {error}")
    return Watcher(watcher.detector, watcher.detector.describe(), watcher.notice)


def settled(watcher: Watcher) -> Watcher:
    """The watcher between two clips: back on its Edge TPU when it is time to try that again."""
    if not isinstance(watcher.detector, TfliteDetector):
        return watcher
    watcher.detector.settle()
    return Watcher(watcher.detector, watcher.detector.describe(), watcher.detector.notice)


def gave_way(watcher: Watcher) -> bool:
    """Whether another model than the one at the clip's start looks now, since an Edge TPU went away."""
    return watcher.detector is not None and watcher.detector.describe() != watcher.about


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

    with closing(ahead(looks.looks(clip, survey, per_second=rate, width=width), _AHEAD, "looks")) as found:
        seen = _gather(told(found, 0.02, 0.8), watcher, survey, settings)
    if survey.keyframes:
        # Between two keyframes that look alike a car may have passed: look there before dropping anything.
        # No detector looks: what did not move was there before, and what did move counts in any case.
        spans = filters.empty_spans(seen.measures, survey.duration, settings)
        with closing(ahead(_closer(clip, survey, spans, settings), _AHEAD, "looks")) as found:
            more = _gather(told(found, 0.8, 0.95), watcher._replace(detector=None), survey, settings)
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
    anchor: Look | None = None
    slot = survey.duration / (4 * settings.thumbnails)
    for look in found:
        boxes = _vehicles(watcher, look)
        seen.detections.extend(boxes[: _MAX_DETECTIONS - len(seen.detections)])
        count = None if watcher.detector is None else len(boxes)
        # After a jump to another stretch the look before is too old to tell motion from.
        if before and look.seconds - before.seconds >= 3 / settings.looks_per_second:
            before = anchor = None
        earlier = [each.gray for each in (before, anchor) if each]
        measured = filters.measure(look.frame, look.seconds, look.gray, earlier, count)
        # What creeps changes little from look to look, so each is also compared with the last that counted.
        if anchor is None or filters.verdict(measured, settings) is None:
            anchor = look
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
