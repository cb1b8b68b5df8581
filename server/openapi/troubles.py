"""What goes wrong, how it is answered, and the headers that answers carry."""

from __future__ import annotations

from server.openapi import examples
from server.openapi.build import ERRORS, JSON, Piece, array, ref, thing
from server.openapi.shapes import TEXT, said

_DETAIL = {"detail": said(TEXT, "What happened, and what to do about it.")}

SCHEMAS: Piece = {
    "Error": thing("Why the request was not done.", _DETAIL),
    "InputError": thing(
        "Why the input cannot be understood.",
        _DETAIL
        | {
            "errors": array(
                thing(
                    "One fault.",
                    {
                        "field": said(TEXT, "The parameter or field, with its path in the body."),
                        "message": said(TEXT, "What is wrong with it."),
                    },
                ),
                description="One for each field at fault.",
            )
        },
    ),
}

_BAD = {
    "detail": "limit must be a whole number from 1 to 1000, got '0'",
    "errors": [{"field": "limit", "message": "must be a whole number from 1 to 1000, got '0'"}],
}
#: Component, what it means, an example.
_WORDS: dict[str, tuple[str, Piece]] = {
    "BadInput": ("A parameter or the body cannot be understood; nothing was changed.", _BAD),
    "Unauthorized": (
        "A token is needed and none, an expired or a revoked one came.",
        {"detail": "this server wants a token; send Authorization: Bearer TOKEN"},
    ),
    "Forbidden": (
        "The token's role may not do this.",
        {"detail": "the role viewer may not do this"},
    ),
    "NotFound": ("It is not there.", examples.NOT_FOUND),
    "Conflict": (
        "It is there, in a state that forbids this; nothing was changed.",
        {"detail": "Task 1 is complete already, with other new_tasks; nothing was created"},
    ),
    "TooLarge": (
        "The body is larger than the server takes.",
        {"detail": "the body is larger than 33554432 bytes; send less at a time"},
    ),
    "UnsupportedMedia": (
        "Bodies of this kind are not taken.",
        {"detail": "multipart bodies are not taken; send JSON"},
    ),
    "TooManyRequests": (
        "Too many requests in this minute, or at once; `Retry-After` says when to try again.",
        {"detail": "over 100 requests in a minute; try again in 12 s"},
    ),
    "ServerError": (
        "A fault of the server; its log says more.",
        {"detail": "Internal server error; the server's log says more"},
    ),
    "Unavailable": (
        "The server cannot do it now (its disk is full, it is stopping); trying later can help.",
        {"detail": "the database is busy; try again"},
    ),
}

HEADERS: Piece = {
    "X-RateLimit-Limit": {
        "description": "Requests that this caller may send in a minute; absent while there is no limit.",
        "schema": {"type": "integer", "minimum": 1},
    },
    "X-RateLimit-Remaining": {
        "description": "How many of them are left.",
        "schema": {"type": "integer", "minimum": 0},
    },
    "X-RateLimit-Reset": {
        "description": "When the count starts anew (Unix timestamp).",
        "schema": {"type": "integer", "minimum": 0},
    },
    "X-Unknown-Parameters": {
        "description": "Query parameters that were sent and that nobody knows, with the nearest known one.",
        "schema": {"type": "string"},
    },
    "ETag": {"description": "Names this very answer.", "schema": {"type": "string"}},
    "Retry-After": {
        "description": "Seconds to wait before trying again.",
        "schema": {"type": "integer", "minimum": 1},
    },
}


def responses() -> Piece:
    """Components for every error."""
    made: Piece = {
        "NotModified": {
            "description": "The caller has this answer already.",
            "headers": {"ETag": {"$ref": "#/components/headers/ETag"}},
        }
    }
    for status, name in ERRORS.items():
        words, example = _WORDS[name]
        schema = ref("InputError" if status == 400 else "Error")
        made[name] = {"description": words, "content": {JSON: {"schema": schema, "example": example}}}
        if status in (429, 503):
            made[name]["headers"] = {"Retry-After": {"$ref": "#/components/headers/Retry-After"}}
    upgrade = {"detail": "This address speaks WebSocket; connect to it with ws:// or wss://"}
    made["UpgradeRequired"] = {
        "description": "This address speaks WebSocket.",
        "content": {JSON: {"schema": ref("Error"), "example": upgrade}},
    }
    return made
