"""The heavy stage: finds vehicles and plates at full resolution, follows them, settles what plates say."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from stages.errors import ClipDamaged, PlaceAbsent
from stages.files import hash_file, output_folder, result_key
from stages.inputs import THOROUGH, checked_id, kept_place, passed_on, raw_clip, time_zone
from stages.settings import HeavySettings
from stages.sighting import Sighting, Sightings
from stages.stage import Health, Result, Work
from stages.task import FileRef, NewTask, Task, TaskType

if TYPE_CHECKING:
    from stages.footage.clip import ClipDescription
    from stages.video.frames import Frame
    from stages.vision.spotter import Spotter
    from stages.vision.watch import Watched

#: Part of every result key: raise it when the same clip, settings and models would give another output.
CODE = 4
_LONGEST = 12 * 3600.0  # seconds of a clip that are looked at
_MAX_MOMENTS = 100_000
_MAX_METADATA = 64 << 20


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

    def self_test(self, settings: Any, models: Path) -> Health:
        """Load the models and read the canary. Raises `StageFailed` when a model cannot be loaded."""
        from stages.vision.canary import try_canary

        began = time.perf_counter()
        spotter = self._spotter(settings, models, lambda: None)
        loading = round((time.perf_counter() - began) * 1000, 1)
        spotter.self_test()
        verdict = try_canary(spotter, settings)
        return Health(
            unfit=verdict.reason,
            models=spotter.describe(),
            notices=spotter.notices(),
            milliseconds={"loading": loading, "canary": verdict.milliseconds},
        )

    def run(self, task: Task, work: Work) -> Result:
        """Watch, vote, write. Raises `StageFailed` (clip damaged, no models), `PlaceAbsent`, `Cancelled`."""
        settings = _settings(task, work)
        video_id, raw = checked_id(task), raw_clip(task)
        clip = work.places.existing(raw)
        spotter = self._spotter(work.settings, work.models, lambda: work.progress(0.0, "loading models"))
        moments = _moments(task, work)
        key = result_key(
            task=task.task_type,
            input=_digest(task, clip, work),
            settings=settings,
            models=spotter.describe(),
            moments=moments,
            metadata=passed_on(task),
            code=CODE,
        )
        folder = FileRef(device=kept_place(work.places, raw), path=f"/videos/heavy_output/{video_id}/")
        with output_folder(work.places, folder, task, key) as out:
            if out.finished:
                return out.finished
            from stages.vision.report import sightings_of, write_report

            notices: list[str] = []
            seen = _watch(task, clip, moments, spotter, work, notices.append)
            sightings = sightings_of(seen, _describe(task, clip)) if seen else []
            write_report(out.path, sightings, seen, _looked(task, settings, moments, spotter, seen))
            work.progress(0.99, "publishing")
            result = _result(task, settings, raw, folder, sightings, seen, spotter)
            result.metadata.update({"notice": "; ".join(notices)} if notices else {})
            return out.publish(result)

    def _spotter(self, settings: HeavySettings, models: Path, tell: Callable[[], None]) -> Spotter:
        """The models for these settings, loaded once per process and again when other ones are there."""
        from stages.vision.loading import model_files
        from stages.vision.spotter import load_spotter
        from stages.vision.watch import attended

        with ThreadPoolExecutor(1, "load") as pool:
            there = attended(pool, lambda: model_files(settings, models), tell)
            name = msgspec.json.encode(settings), there
            if name not in self._spotters:
                self._spotters.clear()  # one set of models fits a small GPU, two may not
                self._spotters[name] = attended(pool, lambda: load_spotter(settings, models), tell)
        return self._spotters[name]


def _settings(task: Task, work: Work) -> HeavySettings:
    """This host's settings; thorough where the task asks for it."""
    settings: HeavySettings = work.settings
    if task.metadata.get(THOROUGH) is True:
        return msgspec.structs.replace(settings, thorough=True)
    return settings


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
    settings = _settings(task, work)
    for ref in task.inputs:
        if not ref.path.endswith(("/", "/metadata.json")) or settings.thorough:
            continue
        path = work.places.path(ref)
        path = path if path.name == "metadata.json" else path / "metadata.json"
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
    task: Task,
    clip: Path,
    moments: list[tuple[float, float]] | None,
    spotter: Spotter,
    work: Work,
    notice: Callable[[str], None],
) -> Watched | None:
    """Look at what matters of the clip; None where the channel is not to be looked at."""
    from stages.video.frames import frames_at
    from stages.video.probe import probe
    from stages.vision.again import look_again
    from stages.vision.watch import watch

    settings = _settings(task, work)
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

    def frames(seconds: list[float] | None) -> Iterator[Frame]:
        return frames_at(clip, seconds, settings.reader, decoder=settings.decoder, notice=notice)

    seen = watch(frames(wanted), spotter, settings, told)
    if not seen.frames and (wanted is None or wanted):
        raise ClipDamaged(f"{clip.name}: no frame of the moments that matter can be decoded")
    return look_again(seen, frames, spotter, settings, told)


def _looked(
    task: Task,
    settings: HeavySettings,
    moments: list[tuple[float, float]] | None,
    spotter: Spotter,
    seen: Watched | None,
) -> dict[str, Any]:
    """How and where the clip was looked at, for people who ask why something was not seen."""
    return {
        "per_second": None if settings.thorough else settings.looks_per_second,
        "moments": moments,
        "skipped_channel": str(task.metadata.get("channel")) if seen is None else None,
        "min_plate_height": settings.min_plate_height,
        "regions": settings.regions,
        "models": [model["model"] for model in spotter.describe()],
    }


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


def _describe(task: Task, clip: Path) -> ClipDescription:
    """Time and route, as every stage sees them."""
    from stages.footage.clip import describe

    try:
        return describe(clip, time_zone=time_zone(task))
    except OSError as error:
        raise PlaceAbsent(f"{clip.name} can no longer be read: {error.strerror}") from error


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
        metadata=passed_on(task),
        device_capabilities_required=settings.next_needs,
    )
    return Result(
        outputs=[folder],
        metadata={
            "detections_count": tracks,
            "plates_found": len({s.plate for s in sightings if s.confirmed}),
            "models": [model["model"] for model in models],
            "provider": ", ".join(dict.fromkeys(str(each.get("provider", "cpu")) for each in models)),
        },
        results=[Sightings(sightings=sightings, tracks=tracks)],
        new_tasks=[archive],
    )
