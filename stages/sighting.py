"""What a stage learned about a clip: the results that go into the catalogue.

`results` of a completion is a list of these, told apart by `type`. Each replaces what the same stage
said before about the same `video_id`.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

#: A crop larger than this is not taken into the catalogue.
CROP_BYTES = 24 * 1024

#: What fits SQLite and JavaScript alike.
Whole = Annotated[int, Meta(ge=0, le=1 << 53)]
#: Seconds from a clip's start: a clip lasts days at most, a pre-recorded fix lies before it.
Moment = Annotated[float, Meta(ge=-864000, le=8640000)]
Short = Annotated[str, Meta(max_length=255)]
Confidence = Annotated[float, Meta(ge=0, le=1)]
Latitude = Annotated[float, Meta(ge=-90, le=90)]
Longitude = Annotated[float, Meta(ge=-180, le=180)]


class Location(msgspec.Struct, frozen=True):
    """Where, in degrees (WGS 84)."""

    lat: Latitude
    lon: Longitude


class Candidate(msgspec.Struct, frozen=True):
    """Another reading of the same plate."""

    plate: Short
    confidence: Confidence


class Sighting(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One plate seen in one clip: the consensus of a track's reads.

    `frame_number` counts decoded frames of the source clip from 0; seconds count from its start.
    `timestamp` is the camera's local clock, `YYYY-MM-DDTHH:MM:SS`. `crop` is a JPEG (base64 in JSON).
    """

    plate: Annotated[str, Meta(min_length=1, max_length=32)]
    confidence: Confidence
    confirmed: bool = False
    frame_number: Whole = 0
    timestamp: Short | None = None
    location: Location | None = None
    candidates: list[Candidate] = []
    crop: Annotated[bytes, Meta(max_length=CROP_BYTES)] | None = None
    first_seconds: Moment | None = None
    last_seconds: Moment | None = None
    track: Whole | None = None
    reads: Whole = 0
    agreeing: Whole = 0
    box: tuple[float, float, float, float] | None = None


class RoutePoint(msgspec.Struct, frozen=True, kw_only=True):
    """One GPS fix. `seconds` from the clip's start; `time` is UTC (RFC 3339) or null; speed in km/h,
    course in degrees, altitude in metres.
    """

    seconds: Moment
    lat: Latitude
    lon: Longitude
    time: Short | None = None
    speed_kmh: float | None = None
    course: float | None = None
    altitude: float | None = None


class TimeClaim(msgspec.Struct, frozen=True):
    """What one source says about the clip's start: `value` as that source has it."""

    source: Short
    value: Short


class ClipFacts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="clip"):
    """What is known of a clip. Absent fields are not known; a later stage may fill them."""

    filename: Short | None = None
    size_bytes: Whole | None = None
    blake2: Short | None = None
    fingerprint: Short | None = None
    start_local: Short | None = None
    start_utc: Short | None = None
    utc_offset_seconds: Annotated[int, Meta(ge=-86400, le=86400)] | None = None
    time_source: Short | None = None
    time_claims: list[TimeClaim] | None = None
    time_doubt: bool | None = None
    duration_seconds: Moment | None = None
    total_frames: Whole | None = None
    width: Whole | None = None
    height: Whole | None = None
    fps: float | None = None
    codec: Short | None = None
    camera: Short | None = None
    camera_name: Short | None = None
    sequence: Whole | None = None
    family: Short | None = None
    channel: Short | None = None
    mode: Short | None = None
    locked: bool | None = None
    warnings: list[Short] | None = None
    poster: Annotated[bytes, Meta(max_length=CROP_BYTES)] | None = None


class Route(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="route"):
    """The clip's GPS fixes in order of time; `dialect` says which layout or sidecar they came from."""

    points: Annotated[list[RoutePoint], Meta(max_length=100_000)] = []
    dialect: Short | None = None


class Sightings(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="sightings"):
    """The plates of a clip; `tracks` counts the objects followed, with or without a readable plate."""

    sightings: Annotated[list[Sighting], Meta(max_length=10_000)] = []
    tracks: Whole | None = None


class Archived(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="archive"):
    """Where the clip's archive lies: a place and a folder below its root."""

    device: Short
    path: Annotated[str, Meta(max_length=4096)]
    size_bytes: Whole = 0


AnyResult = ClipFacts | Route | Sightings | Archived
