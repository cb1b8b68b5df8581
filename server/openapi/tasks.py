"""The operations of `/tasks`."""

from __future__ import annotations

from server.openapi import bodies, examples, nouns
from server.openapi.bodies import MOST
from server.openapi.build import (
    INT64,
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
)
from server.openapi.shapes import TASK_MORE
from stages.task import State

TAG = "Tasks"
#: A body of `null` is as good as none where none is needed.
NOTHING: Piece = {"type": "null"}
schemas = bodies.schemas

ID = in_path("task_id", "The task's number.", {"type": "integer", "minimum": 1, "maximum": INT64}, 1)
_NAME: Piece = {"type": "string", "minLength": 1, "maxLength": 255}
_KEY = header(
    "Idempotency-Key",
    "The same request with the same key makes its tasks once, however often it is sent; the same key with "
    "another request is answered with 409.",
    {"type": "string", "maxLength": 255},
)
_FILTERS = (
    query("task_type", "Only tasks of this type.", nouns.TASK_TYPE),
    query("state", "Only tasks in this state.", {"type": "string", "enum": [str(each) for each in State]}),
    query("video_id", "Only tasks about this clip.", nouns.VIDEO_ID),
)
_MORE = expand(list(TASK_MORE), "a task")
_EITHER = {"anyOf": [ref("Task"), ref("ExpandedTask")]}


def paths() -> Piece:
    """Addresses, methods, operations."""
    one = "/api/v1/tasks/{task_id}"
    return {
        "/api/v1/tasks": {"get": _list(), "post": _create()},
        "/api/v1/tasks/batch": {"post": _batch()},
        "/api/v1/tasks/pending": {"get": _peek(), "post": _claim()},
        one: {"get": _show(), "patch": _amend(), "delete": _delete()},
        f"{one}/complete": {"post": _complete()},
        f"{one}/fail": {"post": _fail()},
        f"{one}/release": {"post": _release()},
        f"{one}/cancel": {"post": _cancel()},
        f"{one}/retry": {"post": _retry()},
    }


def _list() -> Piece:
    answer = good(200, "Tasks by ascending number.", array(_EITHER), tasks=[examples.TASK])
    text = "Tasks by ascending number, filtered."
    page = (limit(100, MOST, "tasks"), offset("tasks"))
    return operation(TAG, "listTasks", "List tasks", text, answer, *_FILTERS, *page, _MORE)


def _create() -> Piece:
    sends = body(
        ref("NewTask"),
        "The task.",
        form=ref("NewTaskForm"),
        task=examples.NEW_TASK,
        ingest=examples.INGEST,
        preprocess=examples.PREPROCESS,
        heavy=examples.HEAVY,
        archive=examples.ARCHIVE,
    )
    text = "It is on the disk when this answers. Two equal requests make two tasks unless they carry a key."
    answer = good(201, "The new task.", ref("Task"), created=examples.CREATED)
    return operation(TAG, "createTask", "Create a task", text, answer, _KEY, sends=sends, fails=(409,))


def _batch() -> Piece:
    either = {"anyOf": [ref("Batch"), array(ref("NewTask"), maxItems=MOST)]}
    sends = body(either, "A list, or an object with `tasks`.", batch={"tasks": [examples.NEW_TASK]})
    answer = good(201, "The new tasks, in the order sent.", array(ref("Task")), created=[examples.CREATED])
    text = "All of them or none; up to 1,000."
    return operation(TAG, "createTasks", "Create tasks", text, answer, _KEY, sends=sends, fails=(409,))


_PENDING = (
    query(
        "task_type",
        "Only tasks of this type; may be repeated.",
        array(nouns.TASK_TYPE),
        style="form",
        explode=True,
    ),
    limit(1, 100, "tasks"),
    query("worker", "The device's name: what it gets is leased to it, and shown with its fence.", _NAME),
    query("session", "One start of a worker: a claim whose answer was lost is offered again to it.", _NAME),
    query(
        "wait",
        "Seconds to wait for a task to appear (POST).",
        {"type": "number", "minimum": 0, "maximum": 60, "default": 0},
    ),
    query(
        "lease_seconds",
        "How long the lease lasts without a heartbeat (POST).",
        {"type": "number", "minimum": 1, "maximum": 7 * 86400},
    ),
)
_HAS = body(
    {"anyOf": [ref("Capabilities"), ref("Claim"), NOTHING]},
    "What the device has; no body, or null: no filter.",
    required=False,
    capabilities=examples.CAPABILITIES,
)


def _peek() -> Piece:
    text = (
        "What a device with these capabilities could be given. Reads only, leases nothing; what others hold "
        "is not shown. Browsers cannot send a body with GET, `curl -X GET -d` can."
    )
    answer = good(
        200,
        "Tasks, the first to be done first.",
        array(ref("Task"), uniqueItems=True),
        pending=[examples.PENDING],
    )
    return operation(TAG, "peekPending", "Look at pending tasks", text, answer, *_PENDING, sends=_HAS)


def _claim() -> Piece:
    text = (
        "Leases tasks to the caller. An anonymous claim lasts 15 minutes, a named worker's ten heartbeats; "
        "settings change both."
    )
    either = {"anyOf": [ref("Task"), ref("LeasedTask")]}
    answer = good(200, "The leased tasks.", array(either, uniqueItems=True), claimed=[examples.PENDING])
    return operation(TAG, "claimPending", "Claim pending tasks", text, answer, *_PENDING, sends=_HAS)


def _show() -> Piece:
    answer = good(200, "The task.", _EITHER, task=examples.TASK)
    return operation(TAG, "getTask", "Show a task", "One task.", answer, ID, _MORE, fails=(404,))


def _amend() -> Piece:
    sends = body(ref("Amendment"), "The changes.", priority={"metadata": {"priority": "high"}})
    answer = good(200, "The task as it is now.", ref("Task"), task=examples.TASK)
    text = "Changes metadata or needs of a task that is not complete."
    return operation(TAG, "amendTask", "Change a task", text, answer, ID, sends=sends, fails=(404, 409))


def _complete() -> Piece:
    either = {"anyOf": [ref("Completion"), NOTHING]}
    sends = body(either, "What came of it.", required=False, follow_up=examples.COMPLETION)
    answer = good(200, "It is complete.", ref("Completed"), completed=examples.COMPLETED)
    summary = "Complete a task and publish what follows"
    return operation(TAG, "completeTask", summary, bodies.CHANGES, answer, ID, sends=sends, fails=(404, 409))


def _ended(name: str, summary: str, text: str, sends: Piece | None = None) -> Piece:
    answer = good(200, "The task as it is now.", ref("EndedTask"))
    return operation(TAG, name, summary, text, answer, ID, sends=sends, fails=(404, 409))


def _fail() -> Piece:
    why = {"lease": 1, "error": "out of GPU memory", "retry": True}
    text = "A worker could not do the task: it is tried again later, or given up."
    return _ended("failTask", "Report a setback", text, body(ref("Setback"), "Why.", setback=why))


def _release() -> Piece:
    text = "A worker stops: the task is ready at once, nothing is counted."
    sends = body(ref("Lease"), "Its lease.", lease={"lease": 1})
    return _ended("releaseTask", "Give a task back", text, sends)


def _cancel() -> Piece:
    text = "Takes it out of the queue; whoever holds it is told with the next heartbeat."
    return _ended("cancelTask", "Cancel a task", text)


def _delete() -> Piece:
    return _ended("deleteTask", "Delete a task", "The same as cancel: the task stays on record.")


def _retry() -> Piece:
    text = "Puts back what was given up, cancelled or backs off; its counts start anew."
    return _ended("retryTask", "Try a task again", text)
