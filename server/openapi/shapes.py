"""Schemas of what v1 answers: exactly the printed keys, in their order; more only under `expand`."""

from __future__ import annotations

from typing import Any

from server import views
from server.openapi import nouns
from server.openapi.build import INT64, Piece, array, ref, thing
from stages.task import Phase, State

TEXT: Piece = {"type": "string"}
COUNT: Piece = {"type": "integer", "minimum": 0}
NUMBER: Piece = {"type": "integer", "minimum": 1, "maximum": INT64}
FLAG: Piece = {"type": "boolean"}
_CLOCK = r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}$"
UTC: Piece = {"type": "string", "pattern": _CLOCK}
#: A camera's clock may say any year.
CAMERA: Piece = {"type": "string", "pattern": r"^\d{1,4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}$"}
ANYTHING: Piece = {"type": "object", "additionalProperties": True}


def said(piece: Piece, description: str) -> Piece:
    """A schema with what it means."""
    return {**piece, "description": description}


def maybe(piece: Piece) -> Piece:
    """Or null."""
    return {**piece, "type": [piece["type"], "null"]}


CONFIDENCE: Piece = {"type": "number", "minimum": 0, "maximum": 1}
PLACE_ON_EARTH = {
    "lat": said({"type": "number", "minimum": -90, "maximum": 90}, "Degrees north (WGS 84)."),
    "lon": said({"type": "number", "minimum": -180, "maximum": 180}, "Degrees east (WGS 84)."),
}

_VIDEO_ID = maybe({key: value for key, value in nouns.VIDEO_ID.items() if key != "example"})

_TASK: Piece = {
    "task_id": said(NUMBER, "The task's number; later tasks have higher ones."),
    "task_type": nouns.TASK_TYPE,
    "state": said(
        {"type": "string", "enum": [str(state) for state in State]},
        "`pending`, `complete`, or `failed` (given up or cancelled; waits for a person).",
    ),
    "created_at": said(UTC, "UTC."),
    "completed_at": said(maybe(UTC), "UTC; null until then."),
    "video_id": said(_VIDEO_ID, "The clip it is about."),
    "inputs": array(ref("FileRef"), description="What it reads, as it was sent."),
    "outputs": array(ref("FileRef"), description="What it left, or is to leave."),
    "metadata": said(ANYTHING, "Anything, as it was sent."),
    "device_capabilities_required": said(
        ANYTHING,
        "What a device must have: a number is a minimum, a boolean or text must be equal, a list contained.",
    ),
}  # fmt: skip

#: What `expand` adds to a task.
TASK_MORE: Piece = {
    "phase": said({"type": "string", "enum": [str(phase) for phase in Phase]}, "The state in detail."),
    "lease": said(COUNT, "Number of the current or last lease; workers carry it as a fence."),
    "device": said(maybe(TEXT), "Who holds it, or held it last."),
    "failures": said(COUNT, "Failures so far."),
    "crashes": said(COUNT, "Times that it killed its worker's process."),
    "lost": said(COUNT, "Times in a row that its device vanished."),
    "error": said(maybe(TEXT), "Why it failed last."),
    "log": said(maybe(TEXT), "What its worker's log said last then, where it was sent."),
    "priority": said(COUNT, "0 critical to 3 low."),
    "parent_id": said(maybe(NUMBER), "The task whose completion published it."),
    "root_id": said(maybe(NUMBER), "The first task of its chain."),
    "retry_at": said(maybe(UTC), "When it is tried again, UTC."),
    "resolved_inputs": array(
        ref("FileRef"), description="What it reads, found by the catalogue if not sent."
    ),
}

_DEVICE: Piece = {
    "device_id": said(NUMBER, "The device's number."),
    "hostname": said(TEXT, "Its name."),
    "device_type": said(TEXT, "What it is, in its own word."),
    "status": said(TEXT, "Its own word, or `offline` when it has been silent too long."),
    "last_heartbeat": said(UTC, "When it spoke last, UTC."),
    "tasks_running": said(COUNT, "Tasks that it holds."),
    "capabilities": said(ANYTHING, "What it says it has, as sent."),
}

_VIDEO: Piece = {
    "video_id": nouns.VIDEO_ID,
    "filename": said(maybe(TEXT), "The file's name as the camera wrote it; null when not known."),
    "date_recorded": said(
        {"type": ["string", "null"]},
        "On the camera's local clock: date in lists, date and time in the whole view; null when not known.",
    ),
    "duration_seconds": said({"type": ["number", "null"]}, "Length; null when not known."),
    "total_frames": said({"type": "number", "minimum": 0}, "Frames; 0 when not known."),
    "detections_count": said({"type": "number", "minimum": 0}, "Tracks: objects followed."),
    "plates_found": said({"type": "number", "minimum": 0}, "Distinct confirmed plates."),
    "status": said(
        {"type": "string", "enum": ["queued", "processing", "processed", "failed"]},
        "`processed` once it is archived.",
    ),
    "archive_path": said(maybe(TEXT), "Where its archive lies, for people; null before archiving."),
}

_ROUTE_POINT = thing(
    "One GPS fix.", PLACE_ON_EARTH | {"timestamp": said(maybe(CAMERA), "The camera's local clock.")}
)
_TIMELINE_PLATE = thing(
    "A plate of the clip.",
    {
        "frame": said(COUNT, "Index of the decoded frame, from 0."),
        "plate": said(TEXT, "The plate, upper case, letters and digits."),
        "confidence": said(CONFIDENCE, "0 to 1."),
    },
)
_WHOLE: Piece = _VIDEO | {
    "gps_route": array(_ROUTE_POINT, description="Its fixes in order of time."),
    "timeline": thing(
        "What happens in it.", {"plates": array(_TIMELINE_PLATE, description="Its plates in order of time.")}
    ),
}
_FIX = thing(
    "One GPS fix.",
    {
        "seconds": said({"type": "number"}, "From the clip's start."),
        **PLACE_ON_EARTH,
        "time": said(maybe(TEXT), "UTC (RFC 3339)."),
        "speed_kmh": said({"type": ["number", "null"]}, "Kilometres an hour."),
        "course": said({"type": ["number", "null"]}, "Degrees."),
        "altitude": said({"type": ["number", "null"]}, "Metres."),
    },
)
_FILE = thing(
    "One file or folder.",
    {
        "task_type": said(nouns.TASK_TYPE, "The stage that named it."),
        "file": ref("FileRef", description="Where it lies."),
    },
)
#: What `expand` adds to a whole clip.
VIDEO_MORE: Piece = {
    "facts": said(ANYTHING, "All that is known of the clip."),
    "media": thing("Its pictures.", {"poster": said(maybe(TEXT), "Address of its poster on this server.")}),
    "sightings": array(ref("ExpandedPlate"), description="Its plates, each with all that is known."),
    "files": array(_FILE, description="Its files, the clip itself first."),
    "protected": said(FLAG, "Whether a person protected it from every retention rule."),
    "trip": thing(
        "What it was recorded with.",
        {
            "trip_id": said(maybe(TEXT), "Its trip; null when its time is not known."),
            "companions": array(
                thing(
                    "What another lens recorded at the same moment.",
                    {"video_id": said(TEXT, "The clip."), "channel": said(maybe(TEXT), "The lens.")},
                ),
                description="The other clips of its moment.",
            ),
        },
    ),
    "route": thing(
        "Its fixes with all that is known.",
        {
            "dialect": said(maybe(TEXT), "The layout or file that they came from."),
            "points": array(_FIX, description="In order of time."),
        },
    ),
}

_PLATE: Piece = {
    "video_id": nouns.VIDEO_ID,
    "plate_text": said(TEXT, "The plate, upper case, letters and digits."),
    "confidence": said(CONFIDENCE, "How sure the reading is, 0 to 1."),
    "frame_number": said(COUNT, "Index of the decoded frame that shows it best, from 0."),
    "timestamp": said(maybe(TEXT), "That moment on the camera's local clock; null when not known."),
    "location": thing("Where the camera was; null when not known.", PLACE_ON_EARTH)
    | {"type": ["object", "null"]},
    "thumbnail_url": said(maybe(TEXT), "Its picture in the archive; null before archiving."),
}
#: What `expand` adds to a plate.
PLATE_MORE: Piece = {
    "confirmed": said(FLAG, "Whether enough looks agreed."),
    "first_seconds": said({"type": ["number", "null"]}, "First seen, seconds from the clip's start."),
    "last_seconds": said({"type": ["number", "null"]}, "Last seen."),
    "candidates": array(ref("Candidate"), description="Other readings."),
    "reads": said({"type": "integer"}, "How many looks were read."),
    "agreeing": said({"type": "integer"}, "How many of them agreed."),
    "media": said(maybe(TEXT), "Address of its picture on this server."),
    "track": said(maybe(COUNT), "Number of the object that carries it."),
    "utc_offset_seconds": said({"type": ["integer", "null"]}, "The offset of that clock from UTC."),
    "sighting_id": said(NUMBER, "Its number, until its clip is processed again."),
    "read_as": said(maybe(TEXT), "What was read, where a person corrected it."),
    "box": said(
        {"type": ["array", "null"], "items": {"type": "number"}, "minItems": 4, "maxItems": 4},
        "Where it is in that frame: left, top, right, bottom in pixels of the source clip.",
    ),
}


DEVICE_MORE: Piece = {
    "quarantine": array(ref("Quarantine"), description="Types of which it gets no tasks, with the reason."),
    "draining": said(FLAG, "Whether a person drains it: it gets nothing more."),
}


def more(description: str, keys: Piece, added: Piece) -> Piece:
    """A view with at least one key that `expand` asked for."""
    return thing(description, keys | added, optional=tuple(added), minProperties=len(keys) + 1)


def schemas() -> dict[str, Any]:
    """Components of the answers."""
    assert set(TASK_MORE) == set(views.TASK_MORE)
    assert set(PLATE_MORE) == set(views.PLATE_MORE)
    assert set(VIDEO_MORE) == set(views.VIDEO_MORE)
    held = _TASK | {name: TASK_MORE[name] for name in ("phase", "lease", "failures")}
    ended = _TASK | {name: TASK_MORE[name] for name in ("phase", "lease", "failures", "crashes", "error")}
    return {
        "Task": thing("A task, with exactly these keys.", _TASK),
        "ExpandedTask": more("A task with what `expand` asked for.", _TASK, TASK_MORE),
        "LeasedTask": thing("A task as a named worker gets it: with its fence.", held),
        "EndedTask": thing("A task after a setback, or after a person's word.", ended),
        "Device": thing("A host that spoke.", _DEVICE),
        "ExpandedDevice": more("A device with what `expand` asked for.", _DEVICE, DEVICE_MORE),
        "Video": thing("A clip as it is listed.", _VIDEO),
        "WholeVideo": thing("A clip with its route and plates.", _WHOLE),
        "ExpandedVideo": more("A clip with what `expand` asked for.", _WHOLE, VIDEO_MORE),
        "Plate": thing("One plate seen in one clip.", _PLATE),
        "ExpandedPlate": more("A plate with what `expand` asked for.", _PLATE, PLATE_MORE),
    }
