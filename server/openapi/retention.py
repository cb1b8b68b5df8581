"""The operations about protection and removal."""

from __future__ import annotations

from server.openapi import nouns
from server.openapi.build import (
    INT64,
    TOKEN,
    Piece,
    array,
    body,
    good,
    limit,
    offset,
    operation,
    query,
    ref,
    thing,
)
from server.openapi.shapes import COUNT, FLAG, NUMBER, TEXT, UTC, maybe, said
from server.openapi.webui import VIDEO
from server.retention import HOWS, TYPES

TAG = "Retention"
_KIND: Piece = {"type": "string", "enum": list(TYPES), "description": "The class: which stage left it."}
_HOW: Piece = {
    "type": "string",
    "enum": list(HOWS),
    "description": "`removed` by a rule, or `gone`: somebody else removed it.",
}
_NAME: Piece = {"type": "string", "minLength": 1, "maxLength": 255}
_BYTES: Piece = {"type": "integer", "minimum": 0, "maximum": 1 << 53}
_PLACE = said(_NAME, "The place where it lies.")
_CLIP = said(_NAME, "The clip's name.")
_PATH: Piece = {"type": "string", "maxLength": 4096}

_HELD = thing(
    "A catalogued file, and what keeps it from being removed.",
    {
        "video_id": said(TEXT, "The clip's name."),
        "kind": _KIND,
        "device": said(TEXT, "The place where it lies."),
        "path": said(TEXT, "The path below that place's root; a folder ends in a slash."),
        "filename": said(maybe(TEXT), "The clip's file name; null when not known."),
        "recorded_at": said(maybe(TEXT), "When the clip begins, UTC (RFC 3339); null when not known."),
        "known_since": said(UTC, "When the clip came in, UTC."),
        "locked": said(FLAG, "The camera locked it, or it is an event."),
        "protected": said(FLAG, "A person protected it."),
        "busy": said(maybe(TEXT), "The task that needs it, in words; null: none."),
        "archive": thing(
            "Where the clip's archive lies; null: it has none.",
            {"device": said(maybe(TEXT), "The place."), "path": said(TEXT, "The folder below its root.")},
        )
        | {"type": ["object", "null"]},
    },
)
_REMOVAL = thing(
    "A row of the deletion log.",
    {
        "removal_id": said(NUMBER, "Its number."),
        "removed_at": said(UTC, "When, UTC."),
        "video_id": said(maybe(TEXT), "The clip; null when it was about no single one."),
        "kind": said(TEXT, "The class; `plates`: sightings of plates that nobody marked."),
        "device": said(TEXT, "The place."),
        "path": said(TEXT, "What was removed."),
        "size_bytes": said(COUNT, "How large it was."),
        "reason": said(TEXT, "Why it went."),
        "how": _HOW,
        "host": said(TEXT, "The host that removed it."),
    },
)
_GONE = thing(
    "A file or folder that is no longer there.",
    {
        "video_id": _CLIP,
        "kind": _KIND,
        "device": _PLACE,
        "path": said(_PATH, "What was removed, for the log."),
        "paths": array(_PATH, maxItems=100, description="The paths as the catalogue has them."),
        "size_bytes": said(_BYTES, "How large it was."),
        "reason": said({"type": "string", "maxLength": 500}, "Why it went."),
        "how": _HOW | {"default": "removed"},
    },
    optional=("paths", "size_bytes", "reason", "how"),
    strict=False,
)
_SAMPLE = {
    "video_id": "trip_20240115_1",
    "kind": "raw",
    "device": "indoor_nas",
    "path": "/videos/raw/video.mp4",
}


def schemas() -> Piece:
    """Components of requests and answers."""
    number: Piece = {"type": ["integer", "null"], "minimum": 1, "maximum": INT64}
    days: Piece = {"type": "number", "minimum": 1, "maximum": 36_500}
    return {
        "Held": _HELD,
        "HeldPage": thing(
            "Files, and how to go on.",
            {
                "files": array(ref("Held"), description="Files, by their number in the catalogue."),
                "next": said(number, "Give this as `after` for the next ones; null: there are none."),
            },
        ),
        "Protection": thing(
            "Whether a clip is protected.",
            {
                "video_id": said(TEXT, "The clip's name."),
                "protected": said(FLAG, "Whether it is."),
                "since": said(maybe(UTC), "Since when, UTC; null: it is not."),
            },
        ),
        "Protect": thing(
            "Whether to protect a clip.",
            {"protected": said(FLAG | {"default": True}, "false: no longer.")},
            optional=("protected",),
            strict=False,
        ),
        "Gone": _GONE,
        "GoneFiles": thing(
            "Files that are no longer there.",
            {
                "files": array(ref("Gone"), maxItems=200, description="Which."),
                "host": said(TEXT, "Who says so, for the log."),
            },
            optional=("host",),
            strict=False,
        ),
        "FilesForgotten": thing(
            "What the catalogue knew of them.",
            {"forgotten": said(COUNT, "How many of them it knew; they are in the log now.")},
        ),
        "Removal": _REMOVAL,
        "PlateRule": thing(
            "Which sightings to forget.",
            {
                "days": said(days, "Older than this: both recorded and taken in before."),
                "locked": said(FLAG | {"default": False}, "Also those of locked and event clips."),
                "dry_run": said(FLAG | {"default": False}, "Only count them."),
                "host": said({"type": "string", "maxLength": 255}, "Who asks, for the log."),
            },
            optional=("locked", "dry_run", "host"),
            strict=False,
        ),
        "PlatesForgotten": thing(
            "What was forgotten, or would be.",
            {
                "sightings": said(COUNT, "Sightings."),
                "plates": said(COUNT, "Different plates among them."),
                "days": said({"type": "number"}, "The age that was asked for."),
            },
        ),
    }


def paths() -> Piece:
    """Addresses, methods, operations."""
    return {
        "/api/v1/videos/{video_id}/protect": {"post": _protect()},
        "/api/v1/retention/candidates": {"get": _candidates()},
        "/api/v1/retention/removals": {"get": _removals()},
        "/api/v1/retention/plates": {"post": _plates()},
        "/api/v1/files/removed": {"post": _removed()},
    }


def _protect() -> Piece:
    sends = body(
        ref("Protect"),
        "Nothing: protect it.",
        required=False,
        on={"protected": True},
        off={"protected": False},
    )
    answer = good(200, "As it is now.", ref("Protection"))
    text = "No retention rule removes anything of a protected clip. The mark survives whatever is done again."
    return operation(TAG, "protectVideo", "Protect a clip", text, answer, VIDEO, sends=sends, fails=(404,))


def _candidates() -> Piece:
    asked = (
        query(
            "place",
            "Only files in this place; repeat it for several.",
            array(_NAME),
            style="form",
            explode=True,
        ),
        query(
            "kind", "Only files of this class.", array({"type": "string", "enum": list(TYPES)}), explode=True
        ),
        query("video_id", "Only files of this clip.", array(nouns.VIDEO_ID), style="form", explode=True),
        query(
            "after",
            "Go on after this number: `next` of the page before.",
            {"type": "integer", "minimum": 0, "maximum": 1 << 53, "default": 0},
        ),
        limit(500, 1000, "files"),
    )
    text = "Which catalogued files lie in some places, each with what keeps it from being removed."
    answer = good(200, "Files.", ref("HeldPage"))
    return operation(TAG, "listCandidates", "List files for retention", text, answer, *asked)


def _removals() -> Piece:
    only = query("video_id", "Only what was removed of this clip.", nouns.VIDEO_ID)
    text = "What was removed, when, by which rule, newest first. Of plates it says how many, never which."
    answer = good(200, "Rows of the log.", array(ref("Removal")))
    page = (limit(100, 1000, "rows"), offset("rows"))
    return operation(TAG, "listRemovals", "Show the deletion log", text, answer, only, *page)


def _removed() -> Piece:
    example = {
        "files": [_SAMPLE | {"paths": [_SAMPLE["path"]], "reason": "40 days old, kept 30"}],
        "host": "nas",
    }
    sends = body(ref("GoneFiles"), "Which.", one=example)
    text = "Tell that files are no longer there. The catalogue forgets them; a repeat changes nothing."
    answer = good(200, "What was known of them.", ref("FilesForgotten"))
    return operation(TAG, "filesRemoved", "Tell what was removed", text, answer, sends=sends)


def _plates() -> Piece:
    sends = body(ref("PlateRule"), "Which.", month={"days": 30}, look={"days": 30, "dry_run": True})
    text = (
        "Forget old sightings of plates that nobody named, watches or corrected, and their pictures. Those "
        "of protected clips stay. Needs an admin's token, always."
    )
    answer = good(200, "What was forgotten.", ref("PlatesForgotten"))
    return operation(TAG, "forgetPlates", "Forget unmarked plates", text, answer, sends=sends, security=TOKEN)
