"""The heavy stage: finds vehicles and plates at full resolution, follows them, settles what plates say."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from stages.errors import ClipDamaged, PlaceAbsent
from stages.files import hash_file, output_folder, result_key
from stages.preprocess import checked_id, kept_place, raw_clip
from stages.settings import HeavySettings
from stages.sighting import Candidate, Sighting, Sightings
from stages.stage import Result, Work
from stages.task import FileRef, NewTask, Task, TaskType

if TYPE_CHECKING:
    from stages.footage.clip import ClipDescription
    from stages.vision.evidence import Crop
    from stages.vision.spotter import Spotter
    from stages.vision.tracking import Track
    from stages.vision.verdicts import Found
    from stages.vision.watch import Watched

#: Part of every result key: raise it when the same clip, settings and models would give another output.
CODE = 1
_COPIED = ("priority", "filename", "blake2", "channel")
_LONGEST = 12 * 3600.0  # seconds of a clip that are looked at
_MAX_MOMENTS = 100_000
_MAX_METADATA = 64 << 20
_MAX_SIGHTINGS = 10_000


class Moments(msgspec.Struct):
    """The part of the preprocess stage's `metadata.json` that counts here."""

    moments: list[tuple[float, float]]


class HeavyStage:
    """HEAVY_PROCESS_VIDEO: leaves `detections.json` and `plates/`, tells sightings, asks for the archive."""

    task_type = TaskType.HEAVY_PROCESS_VIDEO
    settings_type = HeavySettings

    def __init__(self) -> None:
        self._spotters: dict[tuple[Any, ...], Spotter] = {}

    def warm_up(self, settings: Any) -> None:
        """Import what sees; the models load with the first clip, whose work says where they lie."""
        from stages.vision import watch  # noqa: F401 - the import is the work

        del settings

    def run(self, task: Task, work: Work) -> Result:
        """Watch, vote, write. Raises `StageFailed` (clip damaged, no models), `PlaceAbsent`, `Cancelled`."""
        settings: HeavySettings = work.settings
        video_id, raw = checked_id(task), raw_clip(task)
        clip = work.places.existing(raw)
        spotter = self._spotter(settings, work)
        moments = _moments(task, work)
        key = result_key(
            task=task.task_type,
            input=_digest(task, clip, work),
            settings=settings,
            models=spotter.describe(),
            moments=moments,
            metadata={name: task.metadata.get(name) for name in _COPIED},
            code=CODE,
        )
        folder = FileRef(device=kept_place(work.places, raw), path=f"/videos/heavy_output/{video_id}/")
        with output_folder(work.places, folder, task, key) as out:
            if out.finished:
                return out.finished
            seen = _watch(task, clip, moments, spotter, work)
            described = _describe(clip)
            sightings = [
                _sighting(found, seen, described) for found in (seen.plates if seen else [])[:_MAX_SIGHTINGS]
            ]
            _write(out.path, sightings, seen)
            work.progress(0.99, "publishing")
            return out.publish(_result(task, settings, raw, folder, sightings, seen, spotter))

    def _spotter(self, settings: HeavySettings, work: Work) -> Spotter:
        """The models for these settings, loaded once per process and again when other ones are there."""
        from stages.vision.models import available
        from stages.vision.spotter import load_spotter
        from stages.vision.watch import attended

        def tell() -> None:
            work.progress(0.0, "loading models")

        with ThreadPoolExecutor(1, "load") as pool:
            there = attended(pool, lambda: available(work.models), tell)
            name = msgspec.json.encode(settings), *(file.path for file in there)
            if name not in self._spotters:
                self._spotters.clear()  # one set of models fits a small GPU, two may not
                self._spotters[name] = attended(pool, lambda: load_spotter(settings, work.models), tell)
        return self._spotters[name]


def _digest(task: Task, clip: Path, work: Work) -> str:
    """The clip's hash: as ingest told it, else read now."""
    from stages.vision.watch import attended

    given = task.metadata.get("blake2")
    if isinstance(given, str) and given:
        return given
    with ThreadPoolExecutor(1, "hash") as pool:
        return attended(pool, lambda: hash_file(clip), lambda: work.progress(0.0, "reading the clip"))


def _moments(task: Task, work: Work) -> list[tuple[float, float]] | None:
    """Parts of the clip that matter, by the preprocess stage; None = all of it."""
    settings: HeavySettings = work.settings
    for ref in task.inputs:
        if not ref.path.endswith("/") or settings.thorough:
            continue
        path = work.places.path(ref) / "metadata.json"
        try:
            if path.stat().st_size > _MAX_METADATA:
                continue
            told = msgspec.json.decode(path.read_bytes(), type=Moments).moments
        except (OSError, msgspec.DecodeError):
            continue  # without it nothing is filtered: costs time, no plate
        if len(told) <= _MAX_MOMENTS and all(math.isfinite(a + b) and 0 <= a <= b for a, b in told):
            return told
    return None


def _watch(
    task: Task, clip: Path, moments: list[tuple[float, float]] | None, spotter: Spotter, work: Work
) -> Watched | None:
    """Look at what matters of the clip; None where the channel is not to be looked at."""
    from stages.video.frames import frames_at
    from stages.video.probe import probe
    from stages.vision.watch import watch

    settings: HeavySettings = work.settings
    if task.metadata.get("channel") in settings.skip_channels:
        return None
    length = probe(clip).duration_seconds
    length = min(length or _LONGEST, _LONGEST)
    wanted = None if settings.thorough else instants(moments, length, settings.looks_per_second)
    end = wanted[-1] if wanted else length

    def told(seconds: float, reads: int) -> None:
        share = min(1.0, seconds / end) if end else 1.0
        work.progress(0.02 + 0.94 * share, f"{_clock(seconds)} of {_clock(end)}, {reads} reads")

    told(0.0, 0)
    seen = watch(frames_at(clip, wanted, settings.reader), spotter, settings, told)
    if not seen.frames and (wanted is None or wanted):
        raise ClipDamaged(f"{clip.name}: no frame of the moments that matter can be decoded")
    return seen


def instants(moments: list[tuple[float, float]] | None, length: float, per_second: float) -> list[float]:
    """Seconds at which to look: an even grid over the moments, and each moment's start."""
    spans = [(0.0, length)] if moments is None else [(a, min(b, length)) for a, b in moments if a <= length]
    wanted: set[float] = set()
    for begin, end in spans:
        wanted.add(round(begin, 4))
        first, last = math.ceil(begin * per_second), math.floor(end * per_second)
        wanted.update(round(n / per_second, 4) for n in range(first, last + 1))
    return sorted(wanted)


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60:02d}:{int(seconds) % 60:02d}"


def _describe(clip: Path) -> ClipDescription | None:
    """Time and route; a clip that says nothing about itself still has plates."""
    from stages.footage.clip import describe

    try:
        return describe(clip)
    except OSError as error:
        raise PlaceAbsent(f"{clip.name} can no longer be read: {error.strerror}") from error


def _sighting(found: Found, seen: Watched | None, clip: ClipDescription | None) -> Sighting:
    from stages.footage.route import position_at

    verdict, read = found.verdict, found.verdict.best
    x1, y1, x2, y2 = read.box
    crop = seen.evidence.best(read.plate) if seen else None
    start: datetime | None = clip.time.start_local if clip else None
    when = (start + timedelta(seconds=read.seconds)).replace(tzinfo=None) if start else None
    return Sighting(
        plate=verdict.plate,
        confidence=verdict.confidence,
        confirmed=verdict.confirmed,
        frame_number=read.frame,
        timestamp=when.isoformat(timespec="seconds") if when else None,
        location=position_at(clip.route, read.seconds) if clip else None,
        candidates=[Candidate(plate, share) for plate, share in verdict.candidates],
        crop=crop.small if crop else None,
        first_seconds=round(found.first_seconds, 3),
        last_seconds=round(found.last_seconds, 3),
        track=found.tracks[0],
        reads=verdict.reads,
        agreeing=verdict.agreeing,
        box=(round(x1, 1), round(y1, 1), round(x2, 1), round(y2, 1)),
    )


def _write(folder: Path, sightings: list[Sighting], seen: Watched | None) -> None:
    """`detections.json`, and for each plate its best crop."""
    plates = folder / "plates"
    plates.mkdir()
    for found in seen.plates[:_MAX_SIGHTINGS] if seen else []:
        crop: Crop | None = seen.evidence.best(found.verdict.best.plate) if seen else None
        name = safe_name(found.verdict.plate)
        # The surer of two tracks with one text comes to show; they differ only where both were in view.
        if crop and name and not (plates / f"{name}.jpg").exists():
            (plates / f"{name}.jpg").write_bytes(crop.full)
            (plates / f"{name}_thumb.jpg").write_bytes(crop.small)
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


def _result(
    task: Task,
    settings: HeavySettings,
    raw: FileRef,
    folder: FileRef,
    sightings: list[Sighting],
    seen: Watched | None,
    spotter: Spotter,
) -> Result:
    models = spotter.describe()
    tracks = len(seen.tracks) if seen else 0
    archive = NewTask(
        task_type=TaskType.ARCHIVE_VIDEO,
        video_id=task.video_id,
        inputs=[raw, folder],
        metadata={name: task.metadata[name] for name in _COPIED if name in task.metadata},
        device_capabilities_required=settings.next_needs,
    )
    return Result(
        outputs=[folder],
        metadata={
            "detections_count": tracks,
            "plates_found": len({s.plate for s in sightings if s.confirmed}),
            "models": [model["model"] for model in models],
            "provider": str(models[0].get("provider", "cpu")),
        },
        results=[Sightings(sightings=sightings, tracks=tracks)],
        new_tasks=[archive],
    )
