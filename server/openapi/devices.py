"""The operations of `/devices`."""

from __future__ import annotations

from server.openapi import examples
from server.openapi.build import (
    Piece,
    array,
    body,
    expand,
    good,
    header,
    in_path,
    limit,
    offset,
    operation,
    query,
    ref,
    thing,
)
from server.openapi.nouns import TASK_TYPE
from server.openapi.shapes import ANYTHING, FLAG, NUMBER, TEXT, UTC, maybe, said

TAG = "Devices"
_WORD: Piece = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[^/]*$"}
HOST = in_path("hostname", "The device's name.", {"type": "string", "minLength": 1}, "jetson-coral-1")
_KNOWN = header(
    "If-None-Match", "The `ETag` of an earlier answer: the same again is a 304 without a body.", TEXT
)

_EITHER: Piece = {"anyOf": [ref("Device"), ref("ExpandedDevice")]}
_MORE = expand(["quarantine", "draining"], "a device")

_HEARTBEAT: Piece = {
    "hostname": said(_WORD, "The device's name."),
    "device_type": said(_WORD, "What it is, in its own word."),
    "status": said(maybe(_WORD), "In its own word; `online` when not given."),
    "capabilities": said(maybe(ANYTHING), "What it has; kept as sent. Not given: as before."),
    "held": array(
        ref("HeldLease"), description="Leases that the worker holds; they are renewed, 1,000 at a time."
    ),
    "passed": array(NUMBER, description="Numbers of `examine`: the self-test of that type was passed since."),
    "ended_sessions": array(TEXT, description="Earlier starts of this worker: their leases are taken back."),
}


def schemas() -> Piece:
    """Components of requests and answers."""
    heard: Piece = {
        "message": said(TEXT, "In words."),
        "device_id": said(NUMBER, "The device's number."),
        "last_heartbeat": said(UTC, "UTC."),
        "orders": ref("Orders", description="For a worker that said what it holds."),
    }
    optional = tuple(name for name in _HEARTBEAT if name not in ("hostname", "device_type"))
    form = {name: _HEARTBEAT[name] for name in ("hostname", "device_type")}
    return {
        "Heartbeat": thing("A device speaks.", _HEARTBEAT, optional=optional, strict=False),
        "HeartbeatForm": thing("The same as a form; `capabilities` is JSON text.", form, strict=False),
        "Heard": thing("It was heard.", heard, optional=("orders",)),
        "Quarantine": thing(
            "A type of which a device gets no tasks: it failed at what others did.",
            {
                "task_type": said(TASK_TYPE, "The type."),
                "since": said(UTC, "UTC."),
                "why": said(TEXT, "In a sentence."),
            },
        ),
        "Cleared": thing(
            "It may have everything again.",
            {
                "message": said(TEXT, "In words."),
                "cleared": array(TASK_TYPE, description="Types of which it got no tasks."),
            },
        ),
        "Drain": thing(
            "Whether a device is to be drained.",
            {"drain": said(FLAG, "True when not given: it gets nothing more. False: it gets tasks again.")},
            optional=("drain",),
            strict=False,
        ),
        "Drained": thing(
            "It is so now.",
            {"message": said(TEXT, "In words."), "draining": said(FLAG, "Whether it is drained.")},
        ),
        "Forgotten": thing("It was forgotten.", {"message": said(TEXT, "In words.")}),
    }


def paths() -> Piece:
    """Addresses, methods, operations."""
    return {
        "/api/v1/devices": {"get": _list()},
        "/api/v1/devices/{hostname}": {"get": _show(), "delete": _forget()},
        "/api/v1/devices/{hostname}/clear": {"post": _clear()},
        "/api/v1/devices/{hostname}/drain": {"post": _drain()},
        "/api/v1/devices/heartbeat": {"post": _heartbeat()},
    }


def _list() -> Piece:
    filters = (
        query("device_type", "Only devices of this type.", TEXT),
        query("status", "Only devices in this state, for example `online` or `offline`.", TEXT),
    )
    answer = good(200, "Devices by ascending number.", array(_EITHER), devices=[examples.DEVICE])
    answer["200"]["headers"]["ETag"] = {"$ref": "#/components/headers/ETag"}
    answer["304"] = {"$ref": "#/components/responses/NotModified"}
    page = (limit(1000, 1000, "devices"), offset("devices"))
    text = "Every device that ever spoke; the `ETag` saves sending the list again."
    return operation(TAG, "listDevices", "List devices", text, answer, *filters, *page, _MORE, _KNOWN)


def _show() -> Piece:
    answer = good(200, "The device.", _EITHER, device=examples.DEVICE)
    return operation(TAG, "getDevice", "Show a device", "One device.", answer, HOST, _MORE, fails=(404,))


def _forget() -> Piece:
    answer = good(200, "It was forgotten.", ref("Forgotten"))
    text = "Forgets a device that is gone for good; one that holds tasks is refused."
    return operation(TAG, "forgetDevice", "Forget a device", text, answer, HOST, fails=(404, 409))


def _clear() -> Piece:
    text = (
        "A person's word that a device in quarantine is well: it gets tasks of every type again, and its "
        "failures are forgotten. A worker that passes its self-test says so itself."
    )
    answer = good(200, "It was cleared.", ref("Cleared"))
    return operation(TAG, "clearDevice", "Clear a device", text, answer, HOST, fails=(404,))


def _drain() -> Piece:
    text = (
        "A person's word that a device is to finish what it holds and get nothing more, for example before "
        "it is switched off; or that it gets tasks again. It stays so until somebody says otherwise."
    )
    sends = body(ref("Drain"), "Whether it is to be drained.", required=False)
    answer = good(200, "It is so now.", ref("Drained"))
    return operation(TAG, "drainDevice", "Drain a device", text, answer, HOST, sends=sends, fails=(404,))


def _heartbeat() -> Piece:
    sends = body(ref("Heartbeat"), "Who speaks.", form=ref("HeartbeatForm"), heartbeat=examples.HEARTBEAT)
    answer = good(200, "It was heard.", ref("Heard"), heard=examples.HEARD)
    text = "A device says that it is there. A worker adds what it holds, and gets orders."
    return operation(TAG, "heartbeat", "Send a heartbeat", text, answer, sends=sends)
