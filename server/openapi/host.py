"""The operations of the server itself: what waits, what failed, pictures, health."""

from __future__ import annotations

from server.openapi.build import Piece, array, good, in_path, limit, operation, ref, thing
from server.openapi.nouns import TASK_TYPE
from server.openapi.shapes import ANYTHING, COUNT, FLAG, NUMBER, TEXT, UTC, maybe, said
from stages.task import Phase

TAG = "Server"
_PHASES: Piece = {
    "type": "object",
    "propertyNames": {"enum": [str(phase) for phase in Phase]},
    "additionalProperties": COUNT,
}
_WAITING = thing(
    "A group of tasks that wait for the same.",
    {
        "task_type": TASK_TYPE,
        "phase": said({"type": "string", "enum": ["ready", "backing_off", "no_input"]}, "How they wait."),
        "tasks": said(COUNT, "How many."),
        "needs": said(ANYTHING, "What a device must have for them."),
        "places": array(TEXT, description="Places that it must reach."),
        "oldest_seconds": said({"type": "number"}, "Age of the oldest."),
        "devices": array(TEXT, description="Devices that have what is needed."),
        "why": said(TEXT, "Why they wait, in a sentence."),
    },
)
_ABLE = thing(
    "A device that has what is needed.",
    {
        "hostname": said(TEXT, "Its name."),
        "last_seen": said(UTC, "UTC."),
        "online": said(FLAG, "Whether it was heard lately."),
        "takes_none": said(
            {"type": "object", "propertyNames": TASK_TYPE, "additionalProperties": TEXT},
            "Types of which it takes none all the same, each with the reason: its self-test, or quarantine.",
        ),
    },
)
_NEEDS = thing(
    "All tasks that need the same and are not finished.",
    {
        "needs": said(ANYTHING, "What a device must have for them."),
        "places": array(TEXT, description="Places that it must reach."),
        "task_types": array(TASK_TYPE, description="Their types."),
        "ready": said(COUNT, "How many could be done now."),
        "backing_off": said(COUNT, "How many wait before the next try."),
        "no_input": said(COUNT, "How many wait for the clip's files to be known."),
        "leased": said(COUNT, "How many are being worked on."),
        "oldest_seconds": said(maybe({"type": "number"}), "Age of the oldest that waits; null: none waits."),
        "devices": array(_ABLE, description="Who has what is needed."),
        "missing": said(
            maybe(TEXT), "Where nobody has it: what nobody has, or who comes nearest and lacks what."
        ),
    },
)
_POISONED = thing(
    "A task that killed whatever worked at it, and was given up.",
    {
        "task_id": said(NUMBER, "The task."),
        "task_type": TASK_TYPE,
        "video_id": said(maybe(TEXT), "Its clip."),
        "crashes": said(COUNT, "How often."),
        "why": said(maybe(TEXT), "What the last one said."),
    },
)
_QUARANTINED = thing(
    "A device that gets no tasks of a type: it failed at what others did.",
    {
        "hostname": said(TEXT, "The device."),
        "task_type": TASK_TYPE,
        "since": said(UTC, "UTC."),
        "why": said(TEXT, "In a sentence."),
    },
)
_RUNNING = thing(
    "A task under lease.",
    {
        "task_id": said(NUMBER, "The task."),
        "device": said(maybe(TEXT), "Who holds it; null: an anonymous caller."),
        "progress": said({"type": "number"}, "The part that is done, 0 to 1."),
        "note": said(TEXT, "What it does now."),
    },
)


def schemas() -> Piece:
    """Components of the answers."""
    by_type: Piece = {"type": "object", "propertyNames": TASK_TYPE, "additionalProperties": _PHASES}
    return {
        "Queue": thing(
            "What waits and what runs.",
            {
                "tasks": said(by_type, "Number of tasks by type and phase."),
                "waiting": array(_WAITING, description="Everything that waits, with the reason."),
                "running": array(_RUNNING, description="Everything that runs."),
                "needs": array(
                    _NEEDS, description="By what tasks need: how many, since when, who could do them."
                ),
                "poisoned": array(_POISONED, description="Tasks that kill their workers, newest first."),
                "quarantined": array(_QUARANTINED, description="Devices that get no tasks of a type."),
            },
        ),
        "FailedTask": {
            "allOf": [ref("ExpandedTask")],
            "required": ["phase", "failures", "crashes", "lost", "error"],
            "description": "A task that was given up, with its counts and its reason.",
        },
        "Health": thing(
            "The server is well.", {"status": said({"type": "string", "const": "ok"}, "Always `ok`.")}
        ),
    }


def paths() -> Piece:
    """Addresses, methods, operations."""
    return {
        "/api/v1/queue": {"get": _queue()},
        "/api/v1/failures": {"get": _failures()},
        "/health": {"get": _health()},
        "/media/{name}": {"get": _picture()},
    }


def _queue() -> Piece:
    text = "Counts, groups that wait, tasks that run."
    return operation(
        TAG, "showQueue", "Show what waits, and why", text, good(200, "The queue.", ref("Queue"))
    )


def _failures() -> Piece:
    answer = good(200, "Tasks.", array(ref("FailedTask")))
    text = "Newest first, each with its reason."
    return operation(TAG, "listFailures", "List what was given up", text, answer, limit(100, 1000, "tasks"))


def _health() -> Piece:
    answer = good(200, "It is.", ref("Health"), api=False, well={"status": "ok"})
    text = "Answers once it can read its database."
    return operation(
        TAG, "health", "Is the server well?", text, answer, fails=(500, 503), security=[], api=False
    )


def _picture() -> Piece:
    answer: Piece = {
        "200": {
            "description": "The picture; its name is its content's, so it may be kept for good.",
            "content": {"image/jpeg": {"schema": {"type": "string", "contentMediaType": "image/jpeg"}}},
        }
    }
    example = "0123456789abcdef0123456789abcdef01234567.jpg"
    name = in_path(
        "name", "As a view under `expand=media` gives it.", {"type": "string", "minLength": 1}, example
    )
    text = "A crop or a poster, by its content."
    fails = (401, 403, 404, 500, 503)
    return operation(TAG, "picture", "Get a small picture", text, answer, name, fails=fails, api=False)
