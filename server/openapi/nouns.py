"""Schemas of what callers send, derived from the structs that check it, and what each field means."""

from __future__ import annotations

from typing import Any

import msgspec

from server.openapi.build import INT64, Piece
from stages.device import HeldLease, Orders
from stages.sighting import Archived, ClipFacts, Route, Sightings
from stages.task import VIDEO_ID_RULE, FileRef, TaskType

VIDEO_ID: Piece = {
    "type": "string",
    "pattern": "^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$",
    "maxLength": 128,
    "description": f"Names a clip: {VIDEO_ID_RULE}.",
    "example": "trip_20240115_1",
}
TASK_TYPE: Piece = {
    "type": "string",
    "enum": [str(kind) for kind in TaskType],
    "description": "The kind of work, in the order in which a clip passes them.",
}
#: A JPEG as base64: its first three bytes are always these.
_JPEG = "^/9j/([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"

_STRUCTS: list[Any] = [FileRef, HeldLease, Orders, ClipFacts, Route, Sightings, Archived]

#: What the fields mean, by struct. A test holds that none is missing.
MEANINGS: dict[str, dict[str, str]] = {
    "FileRef": {
        "device": "The place where the file lies, for example `indoor_nas`.",
        "path": "The path below that place's root; a folder ends in a slash.",
        "type": "What kind of file it is: `video`, `image`, `json`, ...",
        "temporary": "Whether the file may be deleted once the clip is archived.",
    },
    "HeldLease": {
        "task_id": "The task that the worker holds.",
        "lease": "The number of its lease, as the claim returned it.",
        "progress": "The part of the work that is done, 0 to 1.",
        "note": "What the worker does now, in a few words.",
    },
    "Orders": {
        "cancel": "Stop these tasks: they were cancelled or given away.",
        "lost": "The server does not know these leases as this worker's; drop the work.",
        "drain": "Take no more work: the server is about to stop, or a person drains the device.",
        "next_seconds": "When to send the next heartbeat.",
        "examine": "Types of which it gets no tasks (quarantine) until it passed a self-test, each with the "
        "number to send in `passed` then.",
    },
    "ClipFacts": {
        "filename": "The file's name as the camera wrote it.",
        "size_bytes": "The file's size.",
        "blake2": "BLAKE2 hash of the whole file, hexadecimal.",
        "fingerprint": "Short name of the content; the same clip has the same one wherever it lies.",
        "start_local": "Start on the camera's local clock, `YYYY-MM-DDTHH:MM:SS`.",
        "start_utc": "Start in UTC, RFC 3339.",
        "utc_offset_seconds": "The local clock's offset from UTC.",
        "time_source": "Which claim about the time won.",
        "time_claims": "Every claim about the time, as found.",
        "time_doubt": "Whether UTC may be off by the zone's offset.",
        "duration_seconds": "Length of the clip.",
        "total_frames": "Frames in the clip.",
        "width": "Pixels.",
        "height": "Pixels.",
        "fps": "Frames per second.",
        "codec": "Video codec.",
        "camera": "Which camera: the owner's name for it, else its family and the root of its card.",
        "camera_name": "What people are shown for it.",
        "sequence": "The camera's own number of the file.",
        "family": "Family of cameras, by its naming and container.",
        "channel": "`front`, `rear`, `interior`, ...",
        "mode": "Why it was recorded: `normal`, `event`, `parking`, ...",
        "locked": "Whether the camera protects it from being overwritten.",
        "warnings": "What is odd about the file.",
        "poster": "A small JPEG that stands for the clip, base64.",
    },
    "TimeClaim": {"source": "Who says so.", "value": "The time as that source has it."},
    "Route": {"points": "GPS fixes in order of time.", "dialect": "The layout or sidecar they came from."},
    "RoutePoint": {
        "seconds": "Seconds from the clip's start.",
        "lat": "Degrees north (WGS 84).",
        "lon": "Degrees east (WGS 84).",
        "time": "UTC, RFC 3339.",
        "speed_kmh": "Speed in km/h.",
        "course": "Course in degrees from north.",
        "altitude": "Metres above the sea.",
    },
    "Sightings": {
        "sightings": "One for each plate that was followed.",
        "tracks": "Objects followed, with or without a readable plate.",
    },
    "Sighting": {
        "plate": "The plate as read; it holds at least one letter or digit.",
        "confidence": "How sure the reading is, 0 to 1.",
        "confirmed": "Whether enough looks agreed.",
        "frame_number": "Index of the decoded frame that shows it best, from 0.",
        "timestamp": "That moment on the camera's local clock.",
        "location": "Where the camera was.",
        "candidates": "Other readings of the same plate.",
        "crop": "The best picture of it, a JPEG as base64.",
        "first_seconds": "First seen, seconds from the clip's start.",
        "last_seconds": "Last seen.",
        "track": "Number of the track within the clip.",
        "reads": "How many looks were read.",
        "agreeing": "How many of them agreed.",
        "box": "Where it stands in that frame: left, top, right, bottom in pixels.",
    },
    "Candidate": {"plate": "Another reading.", "confidence": "How sure it is, 0 to 1."},
    "Location": {"lat": "Degrees north (WGS 84).", "lon": "Degrees east (WGS 84)."},
    "Archived": {
        "device": "The place that keeps the archive.",
        "path": "The archive's folder below that place's root.",
        "size_bytes": "Bytes it takes.",
    },
}


def schemas() -> Piece:
    """Components for every struct that callers send."""
    found, made = msgspec.json.schema_components(_STRUCTS, ref_template="#/components/schemas/{name}")
    del found
    for name, schema in made.items():
        schema["description"] = " ".join(schema.get("description", "").split())
        for field, piece in schema["properties"].items():
            schema["properties"][field] = _field(name, field, piece)
    made["Sighting"]["properties"]["plate"]["pattern"] = "[A-Za-z0-9]"
    for name in ("FileRef", "HeldLease"):
        made[name].pop("title")
    return dict(made)


def _field(struct: str, name: str, piece: Piece) -> Piece:
    piece = _narrow(_flat(piece))
    if name in ("poster", "crop"):
        piece |= {"contentMediaType": "image/jpeg", "pattern": _JPEG}
    elif name == "type" and "enum" in piece:
        piece = {"type": "string", "const": piece["enum"][0], "description": "Which kind of result this is."}
    meaning = MEANINGS.get(struct, {}).get(name)
    return piece | {"description": meaning} if meaning else piece


def _flat(piece: Piece) -> Piece:
    """`anyOf: [X, null]` as one schema of two types; a default of null goes without saying."""
    choices = piece.get("anyOf", [])
    if len(choices) == 2 and choices[1] == {"type": "null"} and isinstance(choices[0].get("type"), str):
        piece = {key: value for key, value in piece.items() if key != "anyOf"} | choices[0]
        piece["type"] = [choices[0]["type"], "null"]
    return {key: value for key, value in piece.items() if not (key == "default" and value is None)}


def _narrow(piece: Piece) -> Piece:
    """A whole number has 64 bits."""
    kinds = piece.get("type")
    if kinds == "integer" or (isinstance(kinds, list) and "integer" in kinds):
        piece.setdefault("minimum", -INT64 - 1)
        piece.setdefault("maximum", INT64)
    return piece
