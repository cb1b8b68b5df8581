"""The ingest stage: a clip comes in, is kept in a safe place, and says what it is."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, NamedTuple

from stages.errors import ClipDamaged, PlaceAbsent, SettingsError, StageFailed
from stages.facts import clip_facts
from stages.files import remove_parts
from stages.footage.clip import ClipDescription, describe
from stages.footage.container import Container, walk
from stages.footage.copying import Copied, copy_clip, hash_clip
from stages.footage.finding import find_clip
from stages.footage.sidecars import companions
from stages.settings import IngestSettings
from stages.sighting import Route
from stages.stage import Result, Work
from stages.task import VIDEO_ID, FileRef, NewTask, Task, TaskType

if TYPE_CHECKING:
    from stages.video.probe import VideoFacts

#: Where clips are copied to when the settings name no place and it is there.
USUAL_PLACE = "indoor_nas"
#: Below the ingest place's root.
RAW = PurePosixPath("videos/raw")

_POLL = 0.5
_PATIENCE = 10  # times `stable_seconds` that an unfinished file may rest before it counts as damaged
_WRITING = 900.0  # seconds after which a file that still grows goes back to the queue
_COMPANION_BYTES = 64 << 20


class _Kept(NamedTuple):
    """The clip where it stays: reference, BLAKE2b-256 in hex, what went wrong beside it."""

    ref: FileRef
    blake2: str
    warnings: list[str]


class IngestStage:
    """Waits until a clip is whole, copies it from a card, and tells time, route and camera.

    `clock` gives Unix time and `sleep` waits; both are parameters so that tests need not wait.
    """

    task_type = TaskType.INGEST_VIDEO
    settings_type = IngestSettings

    def __init__(
        self, *, clock: Callable[[], float] = time.time, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._clock = clock
        self._sleep = sleep

    def warm_up(self, settings: Any) -> None:
        """Nothing to load."""

    def run(self, task: Task, work: Work) -> Result:
        """Ingest one clip.

        Raises ClipDamaged (the reason in one sentence), StageFailed (not found, unreadable), PlaceAbsent
        (no place to keep it, or not there now), SettingsError and Cancelled.
        """
        ref = _clip_of(task, work)
        source = work.places.existing(ref)
        if source.is_dir():
            raise StageFailed(f"{ref.device}:{ref.path} is a folder; the task must name one clip")
        try:
            container = self._settled(source, work)
            video = _probe(source, container)
            about = describe(
                source,
                time_zone=work.settings.time_zone,
                relative=ref.path.lstrip("/"),
                duration=video.duration_seconds,
            )
            kept = _keep(task, work, ref, source, about)
        except OSError as error:
            work.places.existing(ref)  # a card that was pulled is nobody's failure
            raise StageFailed(f"{ref.device}:{ref.path}: {error.strerror or error}", retry=True) from error
        except StageFailed as error:
            if error.retry:
                work.places.existing(ref)
            raise
        return _result(task, work, ref, about, video, kept)

    def _settled(self, path: Path, work: Work) -> Container:
        """Wait until nobody writes to the file any more; an unfinished one gets some more time."""
        need = work.settings.stable_seconds
        begun = since = self._clock()
        seen = None
        while True:
            work.progress(0.0, f"waiting until {path.name} is whole")
            now, stat = self._clock(), path.stat()
            if seen != (seen := (stat.st_size, stat.st_mtime_ns)):
                since = now
            # A time in the future (a camera's clock) says nothing: then only watching counts.
            rested = max(now - since, now - stat.st_mtime)
            if rested >= need:
                container = walk(path)
                if container.state in ("whole", "not_video") or rested >= need * _PATIENCE:
                    return container
            if now - begun > _WRITING:
                raise StageFailed(f"{path.name} is still being written after {_WRITING:.0f} s", retry=True)
            self._sleep(_POLL)


def _clip_of(task: Task, work: Work) -> FileRef:
    if task.inputs:
        return task.inputs[0]
    return find_clip(
        work.places,
        filename=str(task.metadata.get("filename") or ""),
        video_id=task.video_id or "",
        source=str(task.metadata.get("source") or ""),
        tell=lambda: work.progress(0.0, "searching the places for the clip"),
    )


def _probe(source: Path, container: Container) -> VideoFacts:
    try:
        from stages.video.probe import probe
    except ImportError as error:
        raise StageFailed(
            f"this host cannot read video ({error}); install dashcam-processor[cpu] or [gpu]"
        ) from error
    try:
        return probe(source, container=container)
    except ClipDamaged as error:
        if container.reason:
            raise ClipDamaged(f"{source.name}: {container.reason}") from error
        raise


def _keep(task: Task, work: Work, ref: FileRef, source: Path, about: ClipDescription) -> _Kept:
    """Register the clip where it lies, or copy it from a card."""

    def tell(done: int) -> None:
        work.progress(min(0.95, 0.05 + 0.9 * done / max(1, about.size_bytes)), "reading")

    if work.places.is_kept(ref.device):
        return _Kept(ref, hash_clip(source, tell), [])
    place = _ingest_place(work)
    root = work.places.path(FileRef(device=place, path="/"))
    raw = work.places.path(FileRef(device=place, path=f"/{RAW}"))
    name = source.name
    part = raw / f"{name}.{task.task_id}-{task.lease}.part"
    remove_parts(raw, name, task)
    copied = copy_clip(source, _targets(raw, name, about), part, tell)
    warnings = _copy_companions(source, copied, part)
    below = copied.path.relative_to(root).as_posix()
    return _Kept(FileRef(device=place, path=f"/{below}"), copied.blake2, warnings)


def _ingest_place(work: Work) -> str:
    chosen: str = work.settings.place
    kept = work.places.names(kept=True)
    if chosen:
        work.places.path(FileRef(device=chosen, path="/"))
        if not work.places.is_kept(chosen):
            raise SettingsError(
                f"stage.ingest.place: {chosen} is a removable place; clips cannot be kept there"
            )
        return chosen
    if work.places.knows(USUAL_PLACE):
        work.places.path(
            FileRef(device=USUAL_PLACE, path="/")
        )  # asleep: wait, rather than fill another place
        if work.places.is_kept(USUAL_PLACE):
            return USUAL_PLACE
    if not kept:
        raise PlaceAbsent(
            "there is no place to keep clips on this host; make one with: dashcam place add NAME FOLDER"
        )
    return kept[0]


def _targets(raw: Path, name: str, about: ClipDescription) -> list[Path]:
    """The names the clip may take, best first."""
    start = about.time.start_local or datetime.fromtimestamp(max(0.0, about.modified), UTC)
    day = raw / f"{start:%Y-%m-%d}"
    stem, suffix = Path(name).stem, Path(name).suffix
    return [raw / name, day / name, day / f"{stem}-{about.fingerprint[:8]}{suffix}"]


def _copy_companions(source: Path, copied: Copied, part: Path) -> list[str]:
    """Copy the logs that belong to the clip beside it; they are worth a warning, not a failure."""
    warnings = []
    for log in companions(source):
        own = log.stem.lower() == source.stem.lower()
        target = copied.path.with_name(f"{copied.path.stem}{log.suffix}" if own else log.name)
        try:
            if log.stat().st_size > _COMPANION_BYTES:
                raise StageFailed("it is too large for a log")
            copy_clip(
                log, [target], part.with_name(part.name.replace(source.name, log.name, 1)), lambda _: None
            )
        except StageFailed as error:
            warnings.append(f"{log.name} was not copied: {error}"[:250])
    return warnings


def _result(
    task: Task, work: Work, source: FileRef, about: ClipDescription, video: VideoFacts, kept: _Kept
) -> Result:
    name = PurePosixPath(kept.ref.path).name
    video_id = task.video_id if task.video_id and VIDEO_ID.match(task.video_id) else about.video_id
    raw = FileRef(device=kept.ref.device, path=kept.ref.path, type="video")
    warnings = [*about.warnings, *kept.warnings]
    zone = work.settings.time_zone or None
    common = {"filename": name, "blake2": kept.blake2, "channel": about.camera.channel}
    metadata = {
        **common,
        "video_id": video_id,
        "source": source.device,
        "frame_count": video.frames,
        "duration_seconds": video.duration_seconds,
        "size_bytes": about.size_bytes,
        "fingerprint": about.fingerprint,
        "warnings": warnings or None,
    }
    follow = NewTask(
        task_type=TaskType.PREPROCESS_VIDEO,
        video_id=video_id,
        inputs=[raw],
        metadata=_known({"priority": task.metadata.get("priority"), **common, "time_zone": zone}),
        device_capabilities_required=dict(work.settings.next_needs),
    )
    return Result(
        outputs=[raw],
        metadata=_known(metadata),
        results=[
            clip_facts(about, video, blake2=kept.blake2, warnings=warnings, filename=name),
            Route(points=about.route, dialect=about.route_source),
        ],
        new_tasks=[follow],
        video_id=video_id,
    )


def _known(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}
