"""Schemas of the bodies that `/tasks` takes."""

from __future__ import annotations

from server.openapi import nouns
from server.openapi.build import Piece, array, ref, thing
from server.openapi.shapes import ANYTHING, COUNT, NUMBER, TEXT, UTC, maybe, said

MOST = 1000
LEASE = said(NUMBER, "The number of the lease, as the claim returned it; a stale one is answered with 409.")
CHANGES = (
    "Send `lease` from the claim as a fence. Without one it is a person's word: it counts, and whoever "
    "holds the task loses it."
)
_REFS: Piece = {"type": ["array", "null"], "items": ref("FileRef")}
_METADATA = (
    "Anything; comes back as sent. `priority` (critical, high, normal, low) orders the queue; `filename` and "
    "`source` say where an ingest task finds its clip."
)
_NEEDS = said(maybe(ANYTHING), "What a device must have to be given it.")

_NEW: Piece = {
    "task_type": nouns.TASK_TYPE,
    "video_id": maybe(nouns.VIDEO_ID),
    "inputs": said(_REFS, "What it reads; none: the catalogue's files of the clip."),
    "outputs": said(_REFS, "What it is to leave, where that is settled beforehand."),
    "metadata": said(maybe(ANYTHING), _METADATA),
    "device_capabilities_required": _NEEDS,
}
_RESULTS = {
    "clip": "ClipFacts",
    "route": "Route",
    "sightings": "Sightings",
    "archive": "Archived",
}


def schemas() -> Piece:
    """Components of requests, and of the answer to a completion."""
    return _making() | _working() | _ending()


def _making() -> Piece:
    optional = tuple(name for name in _NEW if name != "task_type")
    listed = array(ref("NewTask"), maxItems=MOST, description="The tasks.")
    changes: Piece = {
        "metadata": said(maybe(ANYTHING), "Merged into the task's metadata; null removes a key."),
        "device_capabilities_required": said(maybe(ANYTHING), "Takes the place of the task's needs."),
    }
    return {
        "NewTask": thing(
            "A task to be made. Unknown fields are ignored.", _NEW, optional=optional, strict=False
        ),
        "NewTaskForm": thing(
            "The same as a form; `inputs`, `outputs`, `metadata` and the needs are JSON text.",
            {"task_type": nouns.TASK_TYPE, "video_id": nouns.VIDEO_ID},
            optional=("video_id",),
            strict=False,
        ),
        "Batch": thing("Tasks to be made together.", {"tasks": listed}, strict=False),
        "Amendment": thing(
            "What is to be changed; at least one of the two.",
            changes,
            optional=tuple(changes),
            strict=False,
            anyOf=[{"required": [name], "properties": {name: {"type": "object"}}} for name in changes],
        ),
    }


def _working() -> Piece:
    held = array(
        ref("HeldLease"),
        description="Leases that the worker knows of. Others of its session, whose "
        "answer was lost, are offered again.",
    )
    return {
        "Capabilities": said(ANYTHING, "What a device has, by name. `{}` is a device that has nothing."),
        "Claim": thing(
            "The same, wrapped.",
            {"device_capabilities": ref("Capabilities", description="What the device has."), "held": held},
            optional=("held",),
            strict=False,
        ),
        "Lease": thing("The lease that is given back.", {"lease": LEASE}, strict=False),
        "Setback": thing(
            "Why a lease ended without a result.",
            {
                "lease": LEASE,
                "kind": said(
                    {"type": "string", "enum": ["failed", "crashed", "absent"], "default": "failed"},
                    "`crashed`: the worker's process died of it; `absent`: a place or device is away, which "
                    "spends no attempt.",
                ),
                "error": said(maybe(TEXT), "The reason, for people; 4,000 characters are kept."),
                "retry": said({"type": "boolean", "default": True}, "Whether trying again can help."),
                "log": said(TEXT, "What the worker's log said last; the last 4,000 characters are kept."),
            },
            optional=("kind", "error", "retry", "log"),
            strict=False,
        ),
    }


def _ending() -> Piece:
    components = {kind: f"#/components/schemas/{name}" for kind, name in _RESULTS.items()}
    result = {
        "oneOf": [{"$ref": each} for each in components.values()],
        "discriminator": {"propertyName": "type", "mapping": components},
    }
    follow_up: Piece = {
        "type": ["array", "null"],
        "items": ref("NewTask"),
        "maxItems": MOST,
        "description": "Follow-up tasks, published in the same transaction. One without `video_id` takes the "
        "task's.",
    }
    parts: Piece = {
        "lease": maybe(LEASE),
        "new_tasks": follow_up,
        "outputs": said(_REFS, "What the task left; added to its outputs."),
        "metadata": said(maybe(ANYTHING), "Added to the task's metadata."),
        "results": array(
            result, description="What was learned about the clip; replaces what the same stage said before."
        ),
        "video_id": said(maybe(nouns.VIDEO_ID), "The clip, for results of a task that names none."),
    }
    return {
        "Completion": thing(
            f"What came of a task; every part may be left out. {CHANGES}",
            parts,
            optional=tuple(parts),
            strict=False,
        ),
        "Completed": thing(
            "A completion was noted; a repeat is answered with the same.",
            {
                "message": said(TEXT, "In words."),
                "task_type": nouns.TASK_TYPE,
                "completed_at": said(UTC, "UTC."),
                "new_tasks_created": said(COUNT, "How many follow-up tasks were made."),
            },
        ),
    }
