"""The archive stage: a small video, the plates and a manifest from which the catalogue can be rebuilt."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from stages.errors import InputGone, StageFailed
from stages.files import OutputFolder, output_folder, read_finished, result_key
from stages.handover import copy_folder, copy_verified, files_below, remove_temporary
from stages.inputs import checked_id, kept_place
from stages.manifest import Inputs, catalogue, created_by, gather, listed, sources
from stages.proofs import MANIFEST, prove, read_manifest
from stages.settings import ArchiveSettings
from stages.sighting import Archived
from stages.stage import Places, Result, Work
from stages.task import FileRef, Task, TaskType

#: Part of every result key: raise it when the same inputs and settings would give another output.
CODE = 1
VIDEO, PLATES = "video_lowres.mp4", "plates"
_PLACE = "shed_nas"


class ArchiveStage:
    """ARCHIVE_VIDEO: leaves `video_lowres.mp4`, `plates/` and `manifest.json`; the last stage."""

    task_type = TaskType.ARCHIVE_VIDEO
    settings_type = ArchiveSettings

    def __init__(self) -> None:
        """Nothing is kept between tasks."""

    def warm_up(self, settings: Any) -> None:
        """Import what transcodes."""
        from stages.video import transcode

        del settings, transcode

    def run(self, task: Task, work: Work) -> Result:
        """Transcode, copy, publish, read back where it lies, and only then remove what is temporary.

        Raises `StageFailed` (an input missing, changed or damaged), `PlaceAbsent`, `Cancelled`.
        """
        settings: ArchiveSettings = work.settings
        video_id = checked_id(task)
        try:
            given = gather(task, work)
        except InputGone:
            # A run that was cut off after publishing has already removed what was temporary.
            if done := _published(task, work):
                return _tidied(task, work, done)
            raise
        folder = FileRef(device=archive_place(work.places, given.raw, settings), path=f"/archive/{video_id}/")
        others = [given.heavy, given.preproc, *given.loose]
        key = result_key(
            task=task.task_type,
            input=given.blake2,
            folders=[[f.ref.device, f.ref.path, f.finished.key if f.finished else ""] for f in others if f],
            settings=settings,
            code=CODE,
        )
        with output_folder(work.places, folder, task, key) as out:
            result = out.finished or _build(out, task, work, given, folder)
        return _tidied(task, work, result)


def archive_place(places: Places, raw: FileRef, settings: ArchiveSettings) -> str:
    """Where the archive goes: the place that is set, else `shed_nas`, else the clip's own."""
    if settings.place:
        places.path(FileRef(device=settings.place, path="/"))  # absent: wait, rather than go elsewhere
        if not places.is_kept(settings.place):
            raise StageFailed(
                f"the archive's place {settings.place} is removable and never written to; set another"
            )
        return settings.place
    if not places.knows(_PLACE):
        return kept_place(places, raw)
    places.path(FileRef(device=_PLACE, path="/"))  # asleep: wait, rather than fill another place
    return _PLACE if places.is_kept(_PLACE) else kept_place(places, raw)


def _published(task: Task, work: Work) -> Result | None:
    """The result of an earlier run of the same task whose inputs are gone since; None when there is none."""
    named = work.settings.place or (_PLACE if _PLACE in work.places.names(kept=True) else "")
    for place in [named] if named else sorted({ref.device for ref in task.inputs}):
        final = work.places.path(FileRef(device=place, path=f"/archive/{task.video_id}/"))
        done = read_finished(final)
        if done is None or done.task_type != task.task_type or done.video_id != task.video_id:
            continue
        known = {(source.device, source.path) for source in read_manifest(final).sources}
        if known.issuperset((ref.device, ref.path) for ref in task.inputs):
            return done.result
    return None


def _tidied(task: Task, work: Work, done: Result) -> Result:
    """The result, once the archive is proved where it lies, and what is temporary and in it was removed."""
    from stages.video.transcode import verify

    if isinstance(where := done.results[0], Archived):
        final = work.places.path(FileRef(device=where.device, path=where.path))
        proof = prove(final, task.video_id or "", lambda name: work.progress(0.98, f"reading back {name}"))
        if proof.manifest.video.seconds:
            verify(final / VIDEO, proof.manifest.video.seconds)
        remove_temporary(work.places, task, proof.held)
    return done


def _build(out: OutputFolder, task: Task, work: Work, given: Inputs, folder: FileRef) -> Result:
    """Everything that goes into the folder, then its publication."""
    from stages.video.transcode import transcode, verify

    settings: ArchiveSettings = work.settings
    video = out.path / VIDEO
    copied = transcode(
        given.clip,
        video,
        height=settings.height,
        crf=settings.crf,
        preset=settings.preset,
        progress=lambda fraction, note: work.progress(0.05 + 0.75 * fraction, note),
    )
    work.progress(0.82, "checking the copy")
    verify(video, copied.seconds)
    _copy_others(out.path, given, lambda name: work.progress(0.88, name))
    work.progress(0.95, "writing the manifest")
    manifest = {
        "video_id": task.video_id,
        "created_by": created_by(),
        "files": listed(out.path),
        "sources": sources(given),
        "video": {
            "width": copied.width,
            "height": copied.height,
            "seconds": round(copied.seconds, 3),
            "frames": copied.frames,
            "damaged_packets": copied.damaged,
            "sound": copied.audio,
        },
        **catalogue(given, task),
    }
    (out.path / MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(manifest), indent=1))
    size = sum(path.stat().st_size for path in files_below(out.path))
    result = Result(
        outputs=[
            FileRef(device=folder.device, path=folder.path + VIDEO),
            FileRef(device=folder.device, path=f"{folder.path}{PLATES}/"),
        ],
        metadata={"finalized": True, "archive_size_mb": round(size / 1e6, 2)},
        results=[Archived(device=folder.device, path=folder.path, size_bytes=size)],
    )
    return out.publish(result)


def _copy_others(target: Path, given: Inputs, tell: Any) -> None:
    """Plates at full resolution, the detections, and whatever else would be removed afterwards."""
    (target / PLATES).mkdir()
    if given.heavy:
        copy_folder(given.heavy, target / PLATES, PLATES, tell)
        detections = given.heavy.path / "detections.json"
        if given.heavy.finished and detections.name in given.heavy.finished.files:
            copy_verified(
                detections, target / detections.name, given.heavy.finished.files[detections.name], tell
            )
    for number, loose in enumerate(given.loose, start=1):
        home = target / "extra" / f"{number:02d}-{loose.path.name}"
        if loose.path.is_dir():
            copy_folder(loose, home, "", tell)
        else:
            copy_verified(loose.path, home, None, tell)
