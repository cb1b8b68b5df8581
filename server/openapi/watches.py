"""The operations of the watchlist, and of what it tells."""

from __future__ import annotations

from server import mqtt, watches
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
from server.openapi.shapes import COUNT, FLAG, TEXT, UTC, maybe, said
from server.routes.watches import MAX_LISTED
from server.watches import LONGEST, MATCHES, MQTT, PAGE, PAST, SEEN, TEST, WEBHOOK
from server.watchlist import NAME_MOST

TAG = "Watchlist"
_ID: Piece = {"type": "integer", "minimum": 1, "maximum": INT64}
_WATCH = in_path("watch_id", "The watch's number.", {**TEXT, "minLength": 1}, "1")
_MATCH: Piece = {
    "type": "string",
    "enum": list(MATCHES),
    "description": "`exact`: the plate; `partial`: it holds the text, or fits the pattern; `similar`: it is "
    "the text but for look-alikes or a wrong character. Default: `partial` with `?` or `*`, else `exact`.",
}
#: A host, perhaps a port and a path; more is taken than this says.
_ADDRESS = "^$|^https?:[/]{2}[A-Za-z0-9-]+([.][A-Za-z0-9-]+)*(:[1-9][0-9]{0,3})?(/[A-Za-z0-9/_.-]*)?$"
_SAID: Piece = {
    "name": said({**TEXT, "maxLength": NAME_MOST}, "What it is called; default: the text."),
    "text": said(
        {**TEXT, "maxLength": LONGEST, "pattern": watches.TEXT},
        "A plate, or a pattern: `?` is one character, `*` any run. Two letters or digits at least.",
    ),
    "match": _MATCH,
    "active": said(FLAG, "false: it is off."),
    "webhook": said(
        maybe({**TEXT, "pattern": _ADDRESS, "maxLength": 2000}), "Address that is told by POST; null: none."
    ),
    "secret": said(
        {**TEXT, "pattern": "^$|^whsec_[A-Za-z0-9+/]{32}$"},
        "What webhooks are signed with: `whsec_` and base64 of 24 to 64 bytes; default: a new one.",
    ),
    "topic": said(
        maybe({**TEXT, "pattern": f"^$|^{mqtt.TOPIC}$", "maxLength": mqtt.LONGEST}),
        "MQTT topic that is told; null: none.",
    ),
}  # fmt: skip
_ALL: Piece = {
    "watch_id": said(_ID, "Its number."),
    "name": _SAID["name"],
    "text": said(TEXT, "The plate or the pattern."),
    "match": _MATCH,
    "active": _SAID["active"],
    "webhook": said(maybe(TEXT), "Address that is told by POST; null: none."),
    "topic": said(maybe(TEXT), "MQTT topic that is told; null: none."),
    "made_at": said(UTC, "When it was made, UTC."),
    "past_searched_at": said(maybe(UTC), "When the past was searched, UTC; null: not yet."),
    "past_sightings": said(
        {"type": ["integer", "null"], "minimum": 0}, "Sightings found there; 1,001: more than 1,000."
    ),
}
_DELIVERY: Piece = {
    "delivery_id": said(_ID, "Its number."),
    "watch_id": said(_ID, "The watch."),
    "event_id": said(TEXT, "The same on every way and at every attempt: receivers know a repeat by it."),
    "event": said({"type": "string", "enum": [SEEN, PAST, TEST]}, "What it is about."),
    "way": said({"type": "string", "enum": [WEBHOOK, MQTT, PAGE]}, "How; `page`: it is only listed."),
    "plate_text": said(maybe(TEXT), "The plate."),
    "video_id": said(maybe(TEXT), "The clip."),
    "state": said(
        {"type": "string", "enum": ["waiting", "delivered", "gave_up", "listed"]}, "How far it is."
    ),
    "made_at": said(UTC, "When it came up, UTC."),
    "attempts": said(COUNT, "How often it was tried."),
    "next_at": said(maybe(UTC), "When it is tried next, UTC."),
    "last_at": said(maybe(UTC), "When it was tried last, UTC."),
    "answer": said(maybe(TEXT), "What the last attempt ended with."),
}
_SHOWN: Piece = {
    "watch_id": 1, "name": "Stolen", "text": "ABC123", "match": "exact", "active": True,
    "webhook": None, "topic": "dashcam/watched", "made_at": "2024-01-15T12:34:56",
    "past_searched_at": "2024-01-15T12:34:56", "past_sightings": 0,
}  # fmt: skip


def schemas() -> Piece:
    """Components of requests and answers."""
    secret = {
        "secret": said(maybe(TEXT), "What its webhook is signed with, where it is new; shown only now.")
    }
    optional = tuple(name for name in _SAID if name != "text")
    return {
        "Watch": thing("A plate or a pattern that somebody wants to be told of.", _ALL),
        "MadeWatch": thing("A watch, and its secret.", _ALL | secret),
        "NewWatch": thing("What is watched, and who is told.", _SAID, optional=optional, strict=False),
        "WatchChange": thing("What is to be different.", _SAID, optional=tuple(_SAID), strict=False),
        "Delivery": thing("One notification on one way.", _DELIVERY),
    }


def paths() -> Piece:
    """Addresses, methods, operations."""
    return {
        "/api/v1/watches": {"get": _list(), "post": _create()},
        "/api/v1/watches/{watch_id}": {"get": _get(), "patch": _change(), "delete": _delete()},
        "/api/v1/watches/{watch_id}/test": {"post": _test()},
        "/api/v1/deliveries": {"get": _deliveries()},
        "/api/v1/deliveries/{delivery_id}/retry": {"post": _retry()},
    }


def _list() -> Piece:
    page = (limit(100, MAX_LISTED, "watches"), offset("watches"))
    answer = good(200, "Watches.", array(ref("Watch")), watches=[_SHOWN])
    text = "Every watch, oldest first, without its secret. Needs an admin."
    return operation(TAG, "listWatches", "List watches", text, answer, *page)


def _create() -> Piece:
    sends = body(
        ref("NewWatch"), "The watch.", told={"text": "ABC123", "topic": "dashcam/watched"},
        quiet={"text": "AB?12*", "name": "That van"},
    )  # fmt: skip
    answer = good(
        201,
        "The watch.",
        ref("MadeWatch"),
        watch=_SHOWN | {"secret": None},
    )
    text = (
        "Watch for a plate. Each clip in which it is seen is told once, at least once, by webhook (signed as "
        "Standard Webhooks has it) and by MQTT; the past is searched too, and told in one piece. Needs an "
        "admin."
    )  # fmt: skip
    return operation(TAG, "createWatch", "Watch for a plate", text, answer, sends=sends)


def _get() -> Piece:
    answer = good(200, "The watch.", ref("Watch"), watch=_SHOWN)
    return operation(
        TAG, "getWatch", "Show a watch", "One watch. Needs an admin.", answer, _WATCH, fails=(404,)
    )


def _change() -> Piece:
    sends = body(ref("WatchChange"), "What is to be different.", off={"active": False})
    answer = good(200, "The watch as it is now.", ref("MadeWatch"))
    text = "Change a watch. Another text is looked for in the past anew. Needs an admin."
    return operation(TAG, "changeWatch", "Change a watch", text, answer, _WATCH, sends=sends, fails=(404,))


def _delete() -> Piece:
    answer = good(200, "What it was.", ref("Watch"))
    text = "Remove a watch and the list of what it told. Needs an admin."
    return operation(TAG, "deleteWatch", "Remove a watch", text, answer, _WATCH, fails=(404,))


def _test() -> Piece:
    answer = good(200, "What became of it.", array(ref("Delivery")))
    text = "Send a test on each way of a watch, once. Needs an admin."
    return operation(TAG, "testWatch", "Send a test", text, answer, _WATCH, fails=(404,))


def _deliveries() -> Piece:
    about = query(
        "watch_id", "Only those of this watch.", {"type": "integer", "minimum": 1, "maximum": 1 << 53}
    )
    page = (limit(100, MAX_LISTED, "deliveries"), offset("deliveries"))
    answer = good(200, "Deliveries.", array(ref("Delivery")))
    text = "What watches told, newest first, and what became of it. Needs an admin."
    return operation(TAG, "listDeliveries", "List notifications", text, answer, about, *page)


def _retry() -> Piece:
    number = in_path("delivery_id", "The delivery's number.", {**TEXT, "minLength": 1}, "1")
    answer = good(200, "The delivery as it is now.", ref("Delivery"))
    text = "Send a notification again, also one that was given up. Needs an admin."
    return operation(TAG, "retryDelivery", "Send again", text, answer, number, fails=(404, 409))
