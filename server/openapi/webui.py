"""The operations of `/webui`, and of clips."""

from __future__ import annotations

from server.openapi import examples, nouns
from server.openapi.build import (
    Piece,
    array,
    body,
    expand,
    good,
    in_path,
    limit,
    offset,
    operation,
    query,
    ref,
    thing,
)
from server.openapi.shapes import PLATE_MORE, TEXT, VIDEO_MORE, said
from server.routes.webui import STATUSES
from server.search import KNOWN, MATCHES

TAG = "Clips and plates"
_MOST = 1000
_DAY: Piece = {"type": "string", "format": "date"}
DAYS = (
    query("date_from", "From this day on, on the camera's local clock (`YYYY-MM-DD`).", _DAY),
    query("date_to", "Up to this day, inclusive.", _DAY),
)
VIDEO = in_path("video_id", "The clip's name.", {"type": "string", "minLength": 1}, "trip_20240115_1")


def _degrees(*names: str) -> Piece:
    lat, lon = r"-?[0-8]?[0-9](\.[0-9]{1,6})?", r"-?(1[0-7][0-9]|[0-9]{1,2})(\.[0-9]{1,6})?"
    text = f"{', '.join(names)} in degrees, with commas between."
    return {"type": "string", "pattern": f"^{','.join([lat, lon] * (len(names) // 2))}$", "description": text}


AREA = (
    query(
        "near",
        "Only within `radius_m` of this point.",
        _degrees("latitude", "longitude"),
        example="37.7749,-122.4194",
    ),
    query(
        "radius_m",
        "How far from `near`, in metres.",
        {"type": "number", "minimum": 1, "maximum": 1_000_000, "default": 500},
    ),
    query("bbox", "Only within this box.", _degrees("south", "west", "north", "east")),
)
PLATE = (
    query(
        "plate_query",
        "The plate or a part of it; case, spaces and dashes do not matter; `?` stands for one character, `*` "
        "for any run. 64 characters count.",
        TEXT,
        example="ABC",
    ),
    query(
        "match",
        "`partial`: it holds the text; `exact`: it is the text; `similar`: it is the text but for "
        "look-alikes or a wrong character.",
        {"type": "string", "enum": list(MATCHES), "default": "partial"},
    ),
    query(
        "confirmed",
        "Only those that enough looks agreed on, or only the others.",
        {"type": "string", "enum": ["true", "false"]},
    ),
    query(
        "min_confidence",
        "Only those read at least so surely.",
        {"type": "number", "minimum": 0, "maximum": 1},
    ),
    query(
        "known",
        "`hide`: without plates that have a name; `only`: nothing else.",
        {"type": "string", "enum": list(KNOWN)},
    ),
    query("video_id", "Only plates of this clip.", nouns.VIDEO_ID),
)


def schemas() -> Piece:
    """Components of requests and answers."""
    prints = array(
        TEXT, description="Contents as `ClipFacts.fingerprint` names them; 5,000 are looked up at a time."
    )
    names = {"type": "object", "additionalProperties": TEXT}
    return {
        "Fingerprints": thing(
            "Contents to look for.", {"fingerprints": prints}, optional=("fingerprints",), strict=False
        ),
        "Known": thing(
            "Which are known.", {"known": said(names, "The clip's name for each content that is known.")}
        ),
    }


def paths() -> Piece:
    """Addresses, methods, operations."""
    return {
        "/api/v1/webui/videos": {"get": _videos()},
        "/api/v1/webui/videos/{video_id}": {"get": _video()},
        "/api/v1/webui/plates": {"get": _plates()},
        "/api/v1/clips/known": {"post": _known()},
    }


def _videos() -> Piece:
    status = query(
        "status",
        "Only clips in this state; `all` lists those too of which nothing is complete yet.",
        {"type": "string", "enum": list(STATUSES)},
    )
    text = "Clips with at least one completed task, newest first."
    answer = good(200, "Clips.", array(ref("Video")), videos=[examples.VIDEO])
    page = (limit(50, _MOST, "clips"), offset("clips"))
    return operation(TAG, "listVideos", "List clips", text, answer, status, *DAYS, *page)


def _video() -> Piece:
    either = {"anyOf": [ref("WholeVideo"), ref("ExpandedVideo")]}
    answer = good(200, "The clip.", either, video=examples.VIDEO_WHOLE)
    more = expand(list(VIDEO_MORE), "the clip")
    text = "One clip with its route and its plates."
    return operation(TAG, "getVideo", "Show a clip", text, answer, VIDEO, more, fails=(404,))


def _plates() -> Piece:
    either = {"anyOf": [ref("Plate"), ref("ExpandedPlate")]}
    answer = good(200, "Sightings.", array(either), plates=[examples.PLATE])
    page = (limit(100, _MOST, "sightings"), offset("sightings"), expand(list(PLATE_MORE), "a plate"))
    text = "Sightings of plates, newest first."
    nearly = query(
        "candidates",
        "`true`: the text is also compared with what each sighting was nearly read as.",
        {"type": "string", "enum": ["true", "false"]},
    )
    return operation(TAG, "searchPlates", "Search plates", text, answer, *PLATE, nearly, *DAYS, *AREA, *page)


def _known() -> Piece:
    sends = body(ref("Fingerprints"), "The contents.", ask={"fingerprints": ["6f1c2a"]})
    answer = good(200, "The known ones.", ref("Known"))
    text = "Before a clip is copied: which of these contents are in the archive already."
    return operation(TAG, "knownClips", "Ask which contents are known", text, answer, sends=sends)
