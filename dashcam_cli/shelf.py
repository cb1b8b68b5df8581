"""Clips as they can be read on this host now: asked from the server, found in this host's places."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import msgspec

from config.settings import Settings
from dashcam_cli.client import Client
from dashcam_cli.places import host_places
from stages.errors import BadInput, DashcamError, InputGone, NotFound, PlaceAbsent, Refused
from stages.export.facts import Clip, Facts, Seen
from stages.files import MARKER, HostPlaces, Place
from stages.sighting import Location, RoutePoint
from stages.task import FileRef, TaskType

T = TypeVar("T")
_SMALL = "video_lowres.mp4"
_MOST_PICTURES = 2000


class _File(msgspec.Struct, frozen=True):
    file: FileRef
    task_type: str = ""


class _Route(msgspec.Struct, frozen=True):
    points: list[RoutePoint] = []
    dialect: str | None = None


class _Seen(msgspec.Struct, frozen=True):
    plate_text: str
    confidence: float = 0.0
    confirmed: bool = False
    frame_number: int = 0
    timestamp: str | None = None
    location: Location | None = None
    first_seconds: float | None = None
    last_seconds: float | None = None
    track: int | None = None
    box: tuple[float, float, float, float] | None = None
    reads: int = 0
    agreeing: int = 0
    candidates: list[dict[str, Any]] = []
    media: str | None = None


class _Whole(msgspec.Struct, frozen=True):
    video_id: str
    facts: Facts = Facts()
    files: list[_File] = []
    route: _Route = _Route()
    sightings: list[_Seen] = []


def reachable(settings: Settings, flags: list[str]) -> HostPlaces:
    """This host's places, with the one that `dashcam run` makes in a home without any."""
    from dashcam_cli.run import HOME_PLACE

    places = host_places(settings, flags)
    own = Path(settings.home) / "files"
    if (own / MARKER).is_file():
        places.setdefault(HOME_PLACE, Place(name=HOME_PLACE, root=str(own)))
    return HostPlaces(places)


class Shelf:
    """Takes clips off the server's list. `notes` says what is away, and what was taken instead."""

    def __init__(self, client: Client, places: HostPlaces) -> None:
        self._client = client
        self._places = places
        self.notes: list[str] = []

    def clip(self, video_id: str, *, small: bool = False, pictures: bool = False) -> Clip:
        """One clip. `small`: the archive's copy is wanted; `pictures`: each sighting's crop is fetched.

        The original is taken where this host reaches it, else the archive's copy. Raises PlaceAbsent when
        neither is at hand, NotFound.
        """
        whole = _understood(self._client.whole(video_id), _Whole)
        originals = self._originals(whole)
        away: list[str] = []
        path = None if small else self._first(originals, whole.facts.size_bytes, away)
        copy = None if path else self._first(self._small(whole), None, away)
        if path is None and copy is None:
            raise PlaceAbsent(
                f"{video_id} cannot be read on this host: {'; '.join(away) or 'it has no file'}"
            )
        if path is None and not small:
            self.notes.append(
                f"{video_id}: {'; '.join(away) or 'its original is not known'}; "
                "the archive's low-resolution copy is taken instead"
            )
        where = originals[0] if originals else None
        return Clip(
            video_id=video_id,
            facts=whole.facts,
            path=path or copy,
            small=path is None,
            away="" if path else "; ".join(away),
            place=where.device if where else "",
            below=where.path if where else "",
            route=whole.route.points,
            dialect=whole.route.dialect,
            seen=self._seen(whole, pictures),
            report=next(iter(self._beside(whole, "detections.json")), None),
            crops=self._beside(whole, "plates"),
        )

    def _originals(self, whole: _Whole) -> list[FileRef]:
        """The raw clip as ingest left it, else as a task was handed it."""
        found = [
            each.file
            for each in whole.files
            if each.task_type == TaskType.INGEST_VIDEO and not each.file.path.endswith("/")
        ]
        if found:
            return found
        refs: list[FileRef] = []
        for task in self._client.tasks(video_id=whole.video_id, limit=100):
            for given in _understood(task["inputs"], list[FileRef]):
                if not given.path.endswith("/") and given.type in ("video", msgspec.UNSET, None):
                    refs.append(given)  # noqa: PERF401
        return list(dict.fromkeys(refs))

    def _small(self, whole: _Whole) -> list[FileRef]:
        return [
            each.file
            for each in whole.files
            if each.task_type == TaskType.ARCHIVE_VIDEO and each.file.path.endswith(f"/{_SMALL}")
        ]

    def _first(self, refs: list[FileRef], size: int | None, away: list[str]) -> Path | None:
        """The first of some files that is here; of the others it is noted what keeps them away."""
        for ref in refs:
            try:
                path = self._places.existing(ref)
            except (PlaceAbsent, InputGone, BadInput) as error:
                away.append(str(error))
                continue
            if not path.is_file():
                away.append(f"{ref.device}:{ref.path} is no file")
            elif size is not None and path.stat().st_size != size:
                away.append(f"{ref.device}:{ref.path} is no longer the clip that was taken in")
            else:
                return path
        return None

    def _beside(self, whole: _Whole, name: str) -> list[Path]:
        """What lies in the archive or in the heavy stage's output under a name, as far as it is here."""
        found = []
        for each in sorted(whole.files, key=lambda each: each.task_type != TaskType.ARCHIVE_VIDEO):
            if each.task_type == TaskType.ARCHIVE_VIDEO:
                folder = each.file.path.rstrip("/").rpartition("/")[0]
            elif each.task_type == TaskType.HEAVY_PROCESS_VIDEO and each.file.path.endswith("/"):
                folder = each.file.path.rstrip("/")
            else:
                continue
            try:
                found.append(self._places.existing(FileRef(device=each.file.device, path=f"{folder}/{name}")))
            except DashcamError:
                continue  # away: the server's small pictures and our own look at the clip stand in for it
        return list(dict.fromkeys(found))

    def _seen(self, whole: _Whole, pictures: bool) -> list[Seen]:
        found = []
        for number, each in enumerate(whole.sightings):
            values = {name: getattr(each, name) for name in Seen.__struct_fields__ if hasattr(each, name)}
            picture = None
            if pictures and each.media and number < _MOST_PICTURES:
                picture = self._client.picture(each.media)
            found.append(Seen(plate=each.plate_text, picture=picture, **values))
        return found


def _understood(answer: Any, kind: type[T]) -> T:
    try:
        return msgspec.convert(answer, kind)
    except msgspec.ValidationError as error:
        raise Refused(f"the server's answer cannot be understood: {error}") from error


class TripClip(msgspec.Struct, frozen=True):
    """One clip of a trip as it is listed; `start` on the camera's clock."""

    video_id: str
    channel: str | None = None
    start: str | None = None
    duration_seconds: float | None = None


class _Moment(msgspec.Struct, frozen=True):
    clips: list[TripClip] = []


class _Trip(msgspec.Struct, frozen=True):
    start: str | None = None
    start_utc: str | None = None
    moments: list[_Moment] = []


def trip_clips(client: Client, trip_id: str) -> dict[str | None, list[TripClip]]:
    """A trip's clips by channel, each channel's in order of time. Raises NotFound."""
    trip = _understood(client.trip(trip_id), _Trip)
    channels: dict[str | None, list[TripClip]] = {}
    for moment in trip.moments:
        for clip in moment.clips:
            channels.setdefault(clip.channel, []).append(clip)
    if not channels:
        raise NotFound(f"the trip {trip_id} has no clips")
    return {
        channel: sorted(clips, key=lambda c: (c.start or "", c.video_id))
        for channel, clips in channels.items()
    }
