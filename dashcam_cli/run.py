"""`dashcam run`: the whole pipeline on this machine, with an embedded server and worker."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from config.settings import LimitSettings, Settings
from dashcam_cli import common, platform
from dashcam_cli.again import look_again
from dashcam_cli.client import Client
from dashcam_cli.identity import take_name
from dashcam_cli.intake import Clip, Refusal, examine, find_clips, task_for
from dashcam_cli.loop import Worker
from dashcam_cli.output import FAILED, INTERRUPTED, leave, print_json, printable, say, table
from dashcam_cli.places import host_places, write_marker
from dashcam_cli.watch_run import Bars
from dashcam_cli.worker import task_types
from stages.files import HostPlaces, Place
from stages.task import FileRef, Phase, State, TaskType

#: The kept place of a home that has none of its own.
HOME_PLACE = "home"


def run_clips(paths: list[Path], home: Path | None, as_json: bool, *, thorough: bool = False) -> None:
    """Run clips through, print what was found; exit 1 when some clip failed.

    `thorough`: every frame is looked at, also of clips that went through before.
    """
    settings = common.settings(home)
    task_types(settings)  # without stages nothing is begun
    clips, errors = _look(paths)
    videos: list[dict[str, Any]] = []
    if clips:
        with pipeline(settings) as line:
            videos, failed = line.run(clips, thorough=thorough)
            errors += failed
    if as_json:
        print_json({"videos": videos, "errors": [msgspec.to_builtins(each) for each in errors]})
    else:
        _show(videos)
    if errors:
        leave(FAILED)


def _look(paths: list[Path]) -> tuple[list[Clip], list[Refusal]]:
    clips: dict[str, Clip] = {}
    errors: list[Refusal] = []
    for found in find_clips(paths):
        clip = found if isinstance(found, Refusal) else examine(found, datetime.now())  # noqa: DTZ005
        if isinstance(clip, Clip):
            clips.setdefault(clip.fingerprint, clip)
        problem = clip if isinstance(clip, Refusal) else Refusal(str(clip.path), clip.warning)
        if problem.reason:
            errors.append(problem)
            say(f"dashcam: {printable(problem.clip)}: {printable(problem.reason)}")
    return list(clips.values()), errors


class Line:
    """The pipeline of one home: its server's client, its places, its settings."""

    def __init__(self, settings: Settings, client: Client) -> None:
        self.settings = settings
        self.client = client
        self._places = _own_places(settings)
        self._unfit: dict[str, str] = {}

    def run(self, clips: list[Clip], *, thorough: bool = False) -> tuple[list[dict[str, Any]], list[Refusal]]:
        """Hand clips in, work until nothing is left, and collect what was found."""
        known = self.client.known([clip.fingerprint for clip in clips])
        asks = [self._ask(clip, thorough) for clip in clips if clip.fingerprint not in known]
        ids = [known.get(clip.fingerprint, clip.video_id) for clip in clips]
        if asks:
            self.client.create(asks)
        for video_id in known.values():
            self._try_again(video_id)
            if thorough:
                task, told = look_again(self.client, video_id)
                if task is None:
                    say(f"dashcam: {printable(video_id)} is not looked at again: {told}")
        self._work(ids)
        videos, errors = [], []
        for clip, video_id in zip(clips, ids, strict=True):
            tasks = self.client.tasks(video_id=video_id, limit=1000)
            videos.append(self._video(clip, video_id, tasks))
            errors += [Refusal(str(clip.path), why) for why in _reasons(tasks, self._unfit)]
        for error in errors:
            say(f"dashcam: {printable(error.clip)}: {printable(error.reason)}")
        return videos, errors

    def _ask(self, clip: Clip, thorough: bool) -> dict[str, Any]:
        """A clip outside every place is taken as if its folder were a card: copied, never written to."""
        ref = HostPlaces(self._places).reference(clip.path)
        if ref is None:
            folder = clip.path.resolve().parent
            name = f"folder-{len(self._places)}"
            self._places[name] = Place(name=name, root=str(folder), removable=True)
            ref = FileRef(device=name, path=f"/{clip.path.resolve().name}")
        return task_for(clip, ref, thorough=thorough)

    def _try_again(self, video_id: str) -> None:
        """A clip that is handed in again is tried again where it was given up."""
        for task in self.client.tasks(video_id=video_id, state=State.FAILED, limit=1000):
            self.client.retry(task["task_id"])

    def _unsettled(self, ids: list[str]) -> bool:
        """Whether a task of these clips will be tried again soon; one that waits for a place will not."""
        for video_id in ids:
            for task in self.client.tasks(video_id=video_id, state=State.PENDING, limit=1000):
                if task["phase"] == Phase.BACKING_OFF and task["failures"] + task["crashes"] > 0:
                    return True
        return False

    def _work(self, ids: list[str]) -> None:
        identity = take_name(Path(self.settings.home), "")
        beat = common.client(self.settings, patience=2)
        with Bars() as bars:
            worker = Worker(
                self.client, beat, self.settings, identity, self._places, task_types(self.settings), bars
            )
            stopped: list[bool] = []

            def stop() -> None:
                stopped.append(True)
                worker.stop()

            platform.on_stop(stop)
            worker.run(once=True, more=lambda: self._unsettled(ids))
        beat.close()
        self._unfit = worker.unfit()
        if stopped:
            say("dashcam: interrupted; what is finished is kept, run it again to go on")
            leave(INTERRUPTED)

    def _video(self, clip: Clip, video_id: str, tasks: list[dict[str, Any]]) -> dict[str, Any]:
        found = self.client.video(video_id)
        done = {each["task_type"]: each for each in tasks if each["state"] == State.COMPLETE}
        left: dict[str, list[dict[str, Any]]] = {}
        for each in self.client.whole(video_id)["files"]:  # the tasks that left them may be gone by now
            left.setdefault(each["task_type"], []).append(each["file"])
        archive = self._folder(left.get(TaskType.ARCHIVE_VIDEO), "plates/")
        crops = archive or self._folder(left.get(TaskType.HEAVY_PROCESS_VIDEO), "")
        return {
            "video_id": video_id,
            "clip": str(clip.path),
            "duration_seconds": found["duration_seconds"],
            "sightings": [_sighting(each, crops) for each in found["sightings"]],
            "route_points": len(found["gps_route"]),
            "archive_path": str(archive) if archive else None,
            "stages": {kind: {"seconds": each["metadata"].get("seconds")} for kind, each in done.items()},
        }

    def _folder(self, outputs: list[dict[str, Any]] | None, ending: str) -> Path | None:
        """The local folder that a stage left."""
        for ref in outputs or ():
            if ref["path"].endswith(ending or "/"):
                path = ref["path"].removesuffix(ending)
                return HostPlaces(self._places).path(FileRef(device=ref["device"], path=path))
        return None


def _reasons(tasks: list[dict[str, Any]], unfit: dict[str, str]) -> list[str]:
    """Why a clip is not finished: what failed, and what waits for what."""
    reasons = [each["error"] or each["phase"] for each in tasks if each["state"] == State.FAILED]
    waiting = [each for each in tasks if each["state"] == State.PENDING]
    kinds = ((each["task_type"], each["error"] or each["phase"]) for each in waiting)
    return reasons + [f"{kind} waits: {unfit.get(kind, why)}" for kind, why in kinds]


def _sighting(each: dict[str, Any], folder: Path | None) -> dict[str, Any]:
    crop = folder / "plates" / f"{each['plate_text']}.jpg" if folder else None
    return {
        "plate": each["plate_text"],
        "confidence": each["confidence"],
        "confirmed": each["confirmed"],
        "first_seconds": each["first_seconds"],
        "last_seconds": each["last_seconds"],
        "frame_number": each["frame_number"],
        "timestamp": each["timestamp"],
        "location": each["location"],
        "candidates": each["candidates"],
        "crop": str(crop) if crop is not None and crop.is_file() else None,
    }


def _own_places(settings: Settings) -> dict[str, Place]:
    """The home's places; a kept one inside the home when there is none."""
    places = host_places(settings)
    if not any(not place.removable for place in places.values()):
        root = Path(settings.home) / "files"
        root.mkdir(parents=True, exist_ok=True)
        places[HOME_PLACE] = Place(name=HOME_PLACE, root=str(root))
        write_marker(places[HOME_PLACE])
    return places


@contextlib.contextmanager
def pipeline(settings: Settings) -> Iterator[Line]:
    """An embedded server without limits, and everything that works with it."""
    from dashcam_cli.server import embedded

    Path(settings.home).mkdir(parents=True, exist_ok=True)
    alone = msgspec.structs.replace(
        settings,
        limits=LimitSettings(requests_per_minute=0, connections=0),
        queue=msgspec.structs.replace(settings.queue, backoff_first_seconds=1, backoff_most_seconds=5),
        worker=msgspec.structs.replace(settings.worker, types=()),
    )
    with embedded(alone) as url:
        server = msgspec.structs.replace(alone.server, url=url, token="")
        signed = msgspec.structs.replace(alone, server=server)  # with the home's key: no token is needed here
        client = common.client(signed, patience=5)
        try:
            yield Line(signed, client)
        finally:
            client.close()


def _show(videos: list[dict[str, Any]]) -> None:
    rows = [
        [
            each["plate"],
            f"{each['confidence']:.2f}",
            "yes" if each["confirmed"] else "no",
            ""
            if each["first_seconds"] is None
            else f"{each['first_seconds']:.1f}-{each['last_seconds']:.1f} s",
            Path(video["clip"]).name,
        ]
        for video in videos
        for each in video["sightings"]
    ]
    table("Plates", ("plate", "confidence", "confirmed", "seen", "clip"), rows, empty="none found")
