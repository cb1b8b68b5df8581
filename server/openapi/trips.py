"""The operations of `/trips`, and of clips that were moved."""

from __future__ import annotations

from server.openapi import nouns
from server.openapi.build import (
    INT64,
    Piece,
    array,
    body,
    good,
    in_path,
    limit,
    offset,
    operation,
    query,
    ref,
    thing,
)
from server.openapi.shapes import CAMERA, COUNT, FLAG, TEXT, UTC, maybe, said
from server.openapi.webui import DAYS
from server.routes.clips import MAX_SEEN
from server.routes.trips import MAX_LISTED, MAX_MERGED

TAG = "Trips"
_ID = in_path("trip_id", "The trip's name.", {"type": "string", "minLength": 1}, "trip_20240115_1")
_EDIT_ID: Piece = {"type": "integer", "minimum": 1, "maximum": INT64}
_NAME: Piece = {key: value for key, value in nouns.VIDEO_ID.items() if key != "description"}
_SECONDS: Piece = {"type": "number", "minimum": 0}
_TRIP: Piece = {
    "trip_id": said(_NAME, "The name of its first clip; that of any other leads here too."),
    "camera": said(TEXT, "Which camera: the owner's name for it, else its family and the root of its card."),
    "camera_name": said(maybe(TEXT), "What people are shown for it; null: the same."),
    "mode": said({"type": "string", "enum": ["driving", "parking"]}, "What the car did."),
    "start": said(maybe(CAMERA), "On the camera's local clock."),
    "end": said(maybe(CAMERA), "On the camera's local clock."),
    "start_utc": said(maybe(TEXT), "UTC (RFC 3339); null when not known."),
    "utc_offset_seconds": said(
        maybe({"type": "integer"}),
        "How far the camera's clock is ahead of UTC; null when not known.",
    ),
    "duration_seconds": said(_SECONDS, "From start to end."),
    "channels": array(TEXT, description="Lenses that recorded it."),
    "clips_count": said(COUNT, "How many clips it has."),
    "distance_m": said(maybe(COUNT), "The length of the way in metres; null without a route."),
    "plates_found": said(COUNT, "Distinct confirmed plates."),
}
_CLIP = thing(
    "A clip of the trip.",
    {
        "video_id": said(_NAME, "Its name."),
        "channel": said(maybe(TEXT), "`front`, `rear`, `interior`, ...; null when not told."),
        "filename": said(maybe(TEXT), "Its file name."),
        "start": said(maybe(TEXT), "On the camera's local clock."),
        "duration_seconds": said(maybe(_SECONDS), "Its length."),
        "mode": said(maybe(TEXT), "`normal`, `event`, `parking`, ..."),
        "locked": said(FLAG, "Whether the camera locked it."),
    },
)
_MOMENT = thing(
    "What the lenses recorded at once.",
    {
        "start": said(maybe(TEXT), "On the camera's local clock."),
        "clips": array(_CLIP, description="One for each channel at most."),
    },
)
_WHOLE: Piece = _TRIP | {
    "moments": array(_MOMENT, description="Its clips in order of time."),
    "edits": array(_EDIT_ID, description="What people said of it, by number."),
}
_EDIT: Piece = {
    "edit_id": said(_EDIT_ID, "Its number."),
    "kind": said({"type": "string", "enum": ["merge", "split"]}, "What was done."),
    "trip_ids": array(TEXT, description="The trips that were made one."),
    "trip_id": said(TEXT, "The trip that was split."),
    "video_id": said(TEXT, "The clip that the later trip begins with."),
    "made_at": said(UTC, "When, UTC."),
    "undone_at": said(maybe(UTC), "When it was taken back, UTC; null: it holds."),
}
_SEEN: Piece = {
    "fingerprint": said({"type": "string", "minLength": 1, "maxLength": 255}, "The content."),
    "device": said({"type": "string", "minLength": 1, "maxLength": 255}, "The place where it was seen."),
    "path": said({"type": "string", "minLength": 1, "maxLength": 4096}, "The path below its root."),
    "locked": said({**FLAG, "default": False}, "Whether its name and folders say that it is locked."),
    "was": said(
        {"type": ["string", "null"], "minLength": 1, "maxLength": 4096},
        "Where it lay in this place before, if nothing is there any more.",
    ),
}
_PLACED: Piece = {
    "fingerprint": said(TEXT, "The content."),
    "video_id": said(TEXT, "The clip."),
    "path": said(maybe(TEXT), "Where the catalogue has it in that place; null: not there."),
    "locked": said(FLAG, "Whether it is locked now."),
    "changed": said(FLAG, "Whether this told anything new."),
}
_SHOWN: Piece = {
    "trip_id": "20240115T123456-F-1a2b3c4d",
    "camera": "viofo@dashcam",
    "camera_name": None,
    "mode": "driving",
    "start": "2024-01-15T12:34:56",
    "end": "2024-01-15T12:52:56",
    "start_utc": "2024-01-15T20:34:56Z",
    "utc_offset_seconds": -28800,
    "duration_seconds": 1080.0,
    "channels": ["front", "rear"],
    "clips_count": 36,
    "distance_m": 14210,
    "plates_found": 12,
}


def schemas() -> Piece:
    """Components of requests and answers."""
    optional = ("trip_ids", "trip_id", "video_id")
    ids = array(_NAME, minItems=2, maxItems=MAX_MERGED, description="Trips of one camera, in any order.")
    return {
        "Trip": thing("Clips of one camera that were recorded in one go.", _TRIP),
        "WholeTrip": thing("A trip with its clips.", _WHOLE),
        "TripEdit": thing("What a person said of trips.", _EDIT, optional=optional),
        "TripsToMerge": thing("Trips to be made one.", {"trip_ids": ids}, strict=False),
        "TripSplit": thing("Where to split.", {"video_id": said(_NAME, "The clip.")}, strict=False),
        "MergedTrip": thing(
            "The trip and what was noted.",
            {
                "edit": ref("TripEdit", description="What was noted."),
                "trip": ref("WholeTrip", description="The trip."),
            },
        ),
        "SplitTrip": thing(
            "The trips and what was noted.",
            {
                "edit": ref("TripEdit", description="What was noted."),
                "trips": array(ref("WholeTrip"), description="The earlier and the later one."),
            },
        ),
        "SeenClips": thing(
            "Clips whose content is known, and where they were seen.",
            {
                "clips": array(
                    thing("A clip.", _SEEN, optional=("locked", "was"), strict=False),
                    maxItems=MAX_SEEN,
                    description="The clips.",
                )
            },
            optional=("clips",),
            strict=False,
        ),
        "PlacedClips": thing(
            "What the catalogue has; contents that it does not know are left out.",
            {"clips": array(thing("A clip.", _PLACED), description="The clips.")},
        ),
    }  # fmt: skip


def paths() -> Piece:
    """Addresses, methods, operations."""
    return {
        "/api/v1/trips": {"get": _list()},
        "/api/v1/trips/{trip_id}": {"get": _get()},
        "/api/v1/trips/merge": {"post": _merge()},
        "/api/v1/trips/{trip_id}/split": {"post": _split()},
        "/api/v1/trips/edits": {"get": _edits()},
        "/api/v1/trips/edits/{edit_id}": {"delete": _undo()},
        "/api/v1/clips/moved": {"post": _moved()},
    }


def _list() -> Piece:
    camera = query("camera", "Only trips of this camera, by its `camera`.", TEXT)
    page = (limit(50, MAX_LISTED, "trips"), offset("trips"))
    answer = good(200, "Trips.", array(ref("Trip")), trips=[_SHOWN])
    text = "Trips, newest first. A trip counts for the day on which it began."
    return operation(TAG, "listTrips", "List trips", text, answer, camera, *DAYS, *page)


def _get() -> Piece:
    answer = good(200, "The trip.", ref("WholeTrip"))
    text = "One trip with its clips, grouped by moments."
    return operation(TAG, "getTrip", "Show a trip", text, answer, _ID, fails=(404,))


def _merge() -> Piece:
    sends = body(ref("TripsToMerge"), "The trips.", two={"trip_ids": ["trip_20240115_1", "trip_20240115_2"]})
    answer = good(200, "The one trip.", ref("MergedTrip"))
    text = "Make trips of one camera one, whatever the pauses between them. Needs an admin."
    return operation(TAG, "mergeTrips", "Merge trips", text, answer, sends=sends, fails=(404,))


def _split() -> Piece:
    sends = body(
        ref("TripSplit"), "The clip that the later trip begins with.", at={"video_id": "trip_20240115_1"}
    )
    answer = good(200, "Both trips.", ref("SplitTrip"))
    text = "Let another trip begin with a moment of this one, which any clip of it names. Needs an admin."
    return operation(TAG, "splitTrip", "Split a trip", text, answer, _ID, sends=sends, fails=(404,))


def _edits() -> Piece:
    page = (limit(100, MAX_LISTED, "edits"), offset("edits"))
    answer = good(200, "Edits.", array(ref("TripEdit")))
    text = "What people said of trips, newest first, also what was taken back."
    return operation(TAG, "listTripEdits", "List edits of trips", text, answer, *page)


def _undo() -> Piece:
    number = in_path("edit_id", "The edit's number.", {"type": "string", "minLength": 1}, "1")
    answer = good(200, "The edit as it is now.", ref("TripEdit"))
    text = "Take a merge or a split back. Needs an admin."
    return operation(TAG, "undoTripEdit", "Undo an edit", text, answer, number, fails=(404, 409))


def _moved() -> Piece:
    moved = {
        "fingerprint": "6f1c2a",
        "device": "indoor_nas",
        "path": "/DCIM/Movie/RO/2024_0115_123456_000001F.MP4",
        "locked": True,
        "was": "/DCIM/Movie/2024_0115_123456_000001F.MP4",
    }
    sends = body(ref("SeenClips"), "The clips.", locked={"clips": [moved]})
    answer = good(200, "What the catalogue has.", ref("PlacedClips"))
    text = (
        "A camera locks a clip by moving it. Told where a known content was seen, the catalogue puts path "
        "and lock right; nothing is worked on again."
    )
    return operation(TAG, "movedClips", "Tell where known clips are", text, answer, sends=sends)
