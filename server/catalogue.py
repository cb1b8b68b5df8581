"""The seam to whatever keeps clips, routes and sightings. It writes inside the queue's transactions."""

from __future__ import annotations

from typing import Any, Protocol

import msgspec

from stages.sighting import ClipFacts, RoutePoint
from stages.task import FileRef


class Learned(msgspec.Struct, frozen=True, kw_only=True):
    """What a completed task said about its clip, ready to be kept: pictures are replaced by their hashes."""

    facts: ClipFacts | None = None
    poster: str | None = None
    route: list[RoutePoint] | None = None
    dialect: str | None = None
    sightings: list[Seen] | None = None
    tracks: int | None = None
    archive: FileRef | None = None
    outputs: list[dict[str, Any]] = []
    metadata: dict[str, Any] = {}


class Seen(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A sighting as it is kept; `crop` is the hash of its picture."""

    plate: str
    confidence: float
    confirmed: bool = False
    frame_number: int = 0
    timestamp: str | None = None
    lat: float | None = None
    lon: float | None = None
    candidates: str = "[]"
    crop: str | None = None
    first_seconds: float | None = None
    last_seconds: float | None = None
    track: int | None = None
    reads: int = 0
    agreeing: int = 0
    box: str | None = None


class Video(msgspec.Struct, frozen=True, kw_only=True):
    """A clip as it is listed. `status`: queued, processing, processed or failed."""

    video_id: str
    filename: str | None
    start_local: str | None
    duration_seconds: float | None
    total_frames: int | None
    detections_count: int | None
    plates_found: int | None
    poster: str | None
    archived: bool
    archive_device: str | None
    archive_path: str | None
    status: str
    utc_offset_seconds: int | None = None


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A sighting as a search finds it."""

    sighting_id: int
    video_id: str
    plate: str
    confidence: float
    confirmed: bool
    frame_number: int
    timestamp: str | None
    lat: float | None
    lon: float | None
    candidates: str
    crop: str | None
    first_seconds: float | None
    last_seconds: float | None
    reads: int
    agreeing: int
    archived: bool
    utc_offset_seconds: int | None = None
    track: int | None = None
    box: str | None = None
    #: What was read, where a person corrected it.
    read_plate: str | None = None


class VideoFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which clips a listing shows. Dates are local days, inclusive; status "all" = every clip."""

    status: str | None = None
    date_from: str | None = None
    date_to: str | None = None
    limit: int = 50
    offset: int = 0


class Area(msgspec.Struct, frozen=True):
    """A box on the map in degrees; west > east crosses the date line."""

    south: float
    west: float
    north: float
    east: float


class PlateFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which sightings a search shows.

    `text` is compared by `match`: "partial" (a fragment; with ? and * a pattern for the whole plate),
    "exact", or "similar" (look-alikes made equal, and a misread character or two). `known`: "hide" plates
    that have a name, or show them "only"; `sure`: the least confidence, 0 to 1. `candidates`: `text` is also
    compared with what a sighting was nearly read as.
    """

    text: str = ""
    match: str = "partial"
    candidates: bool = False
    area: Area | None = None
    video_id: str | None = None
    date_from: str | None = None
    date_to: str | None = None
    confirmed: bool | None = None
    known: str | None = None
    sure: float | None = None
    limit: int = 100
    offset: int = 0


class Met(msgspec.Struct, frozen=True, kw_only=True):
    """A sighting of an encounter. `begins` and `ends` in seconds, `clock` makes them the camera's (None =
    they count from the clip's start).
    """

    sighting_id: int
    video_id: str
    plate: str
    channel: str | None
    begins: float
    ends: float
    clock: float | None
    utc_offset_seconds: int | None
    confidence: float
    confirmed: bool
    timestamp: str | None
    first_seconds: float | None
    lat: float | None
    lon: float | None
    crop: str | None


class Meeting(msgspec.Struct, frozen=True, kw_only=True):
    """An encounter as it is listed: from when to when in seconds since 1970 by its cameras' clocks (None = no
    time is known); `met` are its first sightings.
    """

    plate: str
    begins: float | None
    ends: float | None
    count: int
    clips: int
    channels: list[str]
    best: Met
    met: list[Met]


class Trip(msgspec.Struct, frozen=True, kw_only=True):
    """Clips of one camera, recorded in one go; `trip_id` is the name of the first.

    Times in seconds since 1970 by the camera's own clock; `mode` is driving or parking.
    """

    trip_id: str
    camera: str
    camera_name: str | None
    starts: float
    ends: float
    start_utc: str | None
    utc_offset_seconds: int | None
    mode: str
    channels: list[str]
    clips: int
    metres: float | None
    plates_found: int


class TripClip(msgspec.Struct, frozen=True, kw_only=True):
    """A clip of a trip."""

    video_id: str
    channel: str
    filename: str | None
    start_local: str | None
    duration_seconds: float | None
    mode: str | None
    locked: bool | None
    utc_offset_seconds: int | None


class TripFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which trips a listing shows: those that began on these local days (inclusive), of one camera."""

    camera: str | None = None
    date_from: str | None = None
    date_to: str | None = None
    limit: int = 50
    offset: int = 0


class TripEdit(msgspec.Struct, frozen=True, kw_only=True):
    """What a person said of trips. `kind`: merge (with `trip_ids`) or split (with `trip_id` and `video_id`).
    Times in microseconds.
    """

    edit_id: int
    kind: str
    made_at: int
    undone_at: int | None
    trip_ids: list[str] | None = None
    trip_id: str | None = None
    video_id: str | None = None


class Catalogue(Protocol):
    """The writing half, inside a transaction."""

    def expect(self, video_id: str, now: int, fingerprint: str | None = None) -> None:
        """A task names this clip: it is listed from now on, and its content is known."""

    def learn(self, video_id: str, task_type: str, learned: Learned, now: int) -> None:
        """Take in what a completed task said; replaces what that stage said before."""

    def files(self, video_id: str) -> list[tuple[str, FileRef]]:
        """The known files of a clip with the task type that made each, raw clip first."""

    def merge_trips(self, trip_ids: list[str], now: int) -> TripEdit:
        """Make trips of one camera one, whatever the pauses between them. Any clip of a trip names it.

        Raises NotFound, and BadInput for fewer than two trips or several cameras.
        """

    def split_trip(self, trip_id: str, video_id: str, now: int) -> TripEdit:
        """Let another trip begin with the moment of a clip. Raises NotFound, and BadInput for the first."""

    def undo_trip_edit(self, edit_id: int, now: int) -> TripEdit:
        """Take a merge or a split back. Raises NotFound, and Conflict when that was done already."""


class Library(Protocol):
    """The reading half."""

    async def videos(self, which: VideoFilter) -> list[Video]:
        """Clips, newest first."""

    async def count_videos(self, which: VideoFilter) -> int:
        """How many clips a listing has, on all its pages."""

    async def video(self, video_id: str) -> Video | None:
        """A clip by its name."""

    async def facts(self, video_id: str) -> dict[str, Any]:
        """All that is known of a clip."""

    async def route(self, video_id: str) -> list[RoutePoint]:
        """The clip's GPS fixes."""

    async def dialect(self, video_id: str) -> str | None:
        """Which layout or file the clip's route came from."""

    async def files(self, video_id: str) -> list[tuple[str, FileRef]]:
        """The known files of a clip with the task type that made each, raw clip first."""

    async def sightings(self, video_id: str) -> list[Found]:
        """The plates of a clip in order of time."""

    async def plates(self, which: PlateFilter) -> list[Found]:
        """Sightings whose plate holds a fragment, newest first."""

    async def count_plates(self, which: PlateFilter) -> int:
        """How many sightings a search finds, on all its pages."""

    async def known(self, fingerprints: list[str]) -> dict[str, str]:
        """Which of these contents are known, with the clip's name."""


class TripList(Protocol):
    """The reading half of trips."""

    async def trips(self, which: TripFilter) -> list[Trip]:
        """Trips, newest first."""

    async def count_trips(self, which: TripFilter) -> int:
        """How many trips a listing has, on all its pages."""

    async def trip(self, trip_id: str) -> tuple[Trip, list[list[TripClip]], list[int]] | None:
        """A trip by the name of any of its clips; its moments with their clips; a person's edits of it."""

    async def trip_of(self, video_id: str) -> str | None:
        """The name of the trip that a clip is of."""

    async def companions(self, video_id: str) -> list[tuple[str, str]]:
        """The clips of other channels that began at the same moment, with their channels."""

    async def trip_edits(self, limit: int, offset: int) -> list[TripEdit]:
        """What people said of trips, newest first."""

    async def count_trip_edits(self) -> int:
        """How many edits there are."""


class EncounterList(Protocol):
    """The reading half of encounters."""

    async def encounters(self, which: PlateFilter) -> list[Meeting]:
        """Encounters with a sighting that a search finds, newest first."""

    async def count_encounters(self, which: PlateFilter) -> int:
        """How many there are, on all pages."""
