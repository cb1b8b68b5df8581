"""The ingest stage: a clip comes in, is kept in a safe place, and says what it is."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from stages.errors import ClipDamaged, StageFailed
from stages.facts import clip_facts
from stages.files import remove_parts
from stages.footage.camera import Camera, camera_of
from stages.footage.clip import ClipDescription, describe
from stages.footage.clock import ClipTime, Others
from stages.footage.container import Container, walk
from stages.footage.copying import hash_clip
from stages.footage.finding import find_clip
from stages.footage.keeping import keep_clip, raw_folder, raw_targets
from stages.footage.names import read_name
from stages.footage.neighbours import CameraClocks
from stages.footage.zones import fixed_name, named_zone
from stages.inputs import THOROUGH, WHENCE
from stages.settings import IngestSettings
from stages.sighting import Route
from stages.stage import Result, Work
from stages.task import VIDEO_ID, FileRef, NewTask, Task, TaskType

if TYPE_CHECKING:
    from stages.video.probe import VideoFacts

_POLL = 0.5
_PATIENCE = 10  # times `stable_seconds` that an unfinished file may rest before it counts as damaged
_WRITING = 900.0  # seconds after which a file that still grows goes back to the queue


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
        self._clocks = CameraClocks()

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
            try:
                video = _probe(source, container)
            except ClipDamaged as error:
                raise _kept_damaged(task, work, ref, source, container, error) from error
            camera = _camera(task, work, ref)
            about = describe(
                source,
                time_zone=camera.time_zone,
                relative=_origin(task) or ref.path.lstrip("/"),
                duration=video.duration_seconds,
                others=self._others(source, ref, work),
            )
            about = _as_told(task, about)
            kept = _keep(task, work, ref, source, about)
        except OSError as error:
            work.places.existing(ref)  # a card that was pulled is nobody's failure
            raise StageFailed(f"{ref.device}:{ref.path}: {error.strerror or error}", retry=True) from error
        except StageFailed as error:
            if error.retry:
                work.places.existing(ref)
            raise
        return _result(task, work, ref, about, video, kept, camera)

    def _others(self, source: Path, ref: FileRef, work: Work) -> Others:
        """What the clips beside it say of its camera's clock."""
        root = work.places.path(FileRef(device=ref.device, path="/"))
        below = PurePosixPath(source.relative_to(root).as_posix())
        return self._clocks.around(source, below, lambda: work.progress(0.02, "asking the clips beside it"))

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


def _origin(task: Task) -> str:
    """Where the clip lay on its card: import and pull say it, since folders tell what a clip is."""
    origin = task.metadata.get("origin")
    return origin[:4096].lstrip("/") if isinstance(origin, str) else ""


def _as_told(task: Task, about: ClipDescription) -> ClipDescription:
    """Some cameras lock a clip by a mark that only they can see: pull says it."""
    if task.metadata.get("locked") is not True:
        return about
    return msgspec.structs.replace(about, camera=msgspec.structs.replace(about.camera, locked=True))


def _camera(task: Task, work: Work, ref: FileRef) -> Camera:
    """Whose clip it is. Raises SettingsError for a zone that is none."""
    source, path = task.metadata.get("source"), PurePosixPath(_origin(task) or ref.path.lstrip("/"))
    place = source if isinstance(source, str) and source else ref.device
    camera = camera_of(work.settings, task.metadata, place, path, read_name(path))
    named_zone(camera.time_zone, camera.zone_from)
    return camera


def _zone(camera: Camera, when: ClipTime) -> str | None:
    """The zone in which every later host sees the clip as this one does: as set, else a fixed offset."""
    zone, offset = named_zone(camera.time_zone), when.utc_offset_seconds
    if offset is None or when.start_local is None:
        return camera.time_zone or None
    if zone is not None and zone.offset_at(when.start_local) == offset:
        return camera.time_zone
    return fixed_name(offset)


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


def _kept_damaged(
    task: Task, work: Work, ref: FileRef, source: Path, container: Container, error: ClipDamaged
) -> ClipDamaged:
    """The error, once the clip is safe: what cannot be played here may be mended elsewhere."""
    if container.state not in ("truncated", "no_index") or work.places.is_kept(ref.device):
        return error
    about = describe(source, relative=_origin(task) or ref.path.lstrip("/"))
    kept = _keep(task, work, ref, source, _as_told(task, about))
    return ClipDamaged(f"{error}; it is kept as {kept.ref.device}:{kept.ref.path}")


def _keep(task: Task, work: Work, ref: FileRef, source: Path, about: ClipDescription) -> _Kept:
    """Register the clip where it lies, or copy it from a card."""

    def tell(done: int) -> None:
        work.progress(min(0.95, 0.05 + 0.9 * done / max(1, about.size_bytes)), "reading")

    if work.places.is_kept(ref.device):
        return _Kept(ref, hash_clip(source, tell), [])
    folder = raw_folder(work.places, work.settings.place)
    remove_parts(folder.path, source.name, task)
    day = about.time.start_local or datetime.fromtimestamp(max(0.0, about.modified), UTC)
    targets = raw_targets(folder.path, PurePosixPath(ref.path), day, about.fingerprint)
    kept = keep_clip(source, folder, targets, f"{task.task_id}-{task.lease}", tell)
    return _Kept(kept.ref, kept.blake2, kept.warnings)


def _result(
    task: Task,
    work: Work,
    source: FileRef,
    about: ClipDescription,
    video: VideoFacts,
    kept: _Kept,
    camera: Camera,
) -> Result:
    name = PurePosixPath(kept.ref.path).name
    video_id = task.video_id if task.video_id and VIDEO_ID.match(task.video_id) else about.video_id
    raw = FileRef(device=kept.ref.device, path=kept.ref.path, type="video")
    warnings = [*about.warnings, *kept.warnings]
    zone = _zone(camera, about.time)
    asked = {key: task.metadata.get(key) for key in ("priority", THOROUGH)}
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
    facts = clip_facts(about, video, blake2=kept.blake2, warnings=warnings, filename=name, camera=camera)
    whence = {key: getattr(facts, key) or None for key in WHENCE}
    follow = NewTask(
        task_type=TaskType.PREPROCESS_VIDEO,
        video_id=video_id,
        inputs=[raw],
        metadata=_known({**asked, **common, **whence, "time_zone": zone}),
        device_capabilities_required=dict(work.settings.next_needs),
    )
    return Result(
        outputs=[raw],
        metadata=_known(metadata),
        results=[
            facts,
            Route(points=about.route, dialect=about.route_source),
        ],
        new_tasks=[follow],
        video_id=video_id,
    )


def _known(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}
