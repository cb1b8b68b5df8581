"""`/tasks`: decode, call the dispatcher, encode."""

from __future__ import annotations

import asyncio

from litestar import Response, delete, get, patch, post
from litestar.params import FromPath
from litestar.types import ASGIApp

from server import asks, params, views
from server.dispatch import Claim
from server.errors import Ready, answer
from server.params import AnyRequest, Query
from server.queue import Setback
from server.services import of
from server.store import Filter, Row
from stages.device import HeldLease
from stages.errors import BadInput, NotFound
from stages.task import State

MAX_LISTED = 1000
MAX_CLAIMED = 100
_NAME = 255
#: Characters that are kept of a worker's log.
_LOG = 4000


@get("/tasks")
async def list_tasks(request: AnyRequest) -> Response[bytes]:
    """Tasks in ascending order of their numbers."""
    query = Query(request)
    limit, offset = query.page(100, MAX_LISTED)
    which = Filter(
        task_type=query.choice("task_type", params.TASK_TYPES),
        state=query.choice("state", tuple(State)),
        video_id=params.video_id(query.text("video_id")),
        limit=limit,
        offset=offset,
    )
    expand = views.expansion(query.texts("expand", bare=True), views.TASK_MORE)
    strangers, store = query.unknown(), of(request).store
    rows = await store.page(which)
    total = await store.count(which) if query.face.v2 else 0
    shown = [views.task(row, expand, query.face) for row in rows]
    return answer(200, query.face.envelope(shown, total, limit, offset), strangers)


@get("/tasks/{task_id:str}")
async def get_task(request: AnyRequest, task_id: FromPath[str]) -> Response[bytes]:
    """One task."""
    query = Query(request)
    expand = views.expansion(query.texts("expand", bare=True), views.TASK_MORE)
    strangers, number = query.unknown(), _number(task_id)
    row = await of(request).store.get(number)
    if row is None:
        raise NotFound(f"Task {number} not found")
    return answer(200, query.face.one(views.task(row, expand, query.face)), strangers)


@post("/tasks")
async def create_task(request: AnyRequest) -> ASGIApp:
    """A new task."""
    query = Query(request)
    strangers = query.unknown()
    body = asks.form_fields(await params.object_body(request))
    rows = await of(request).dispatcher.create([asks.ask(body, strict=query.face.v2)], _key(request))
    return Ready(201, query.face.one(views.task(rows[0], face=query.face)), strangers)


@post("/tasks/batch")
async def create_tasks(request: AnyRequest) -> Response[bytes]:
    """Up to 1,000 new tasks, all or none."""
    query = Query(request)
    strangers = query.unknown()
    body = await params.body(request)
    items = body.get("tasks") if isinstance(body, dict) else body
    checked = asks.asks(items, "tasks", strict=query.face.v2)
    rows = await of(request).dispatcher.create(checked, _key(request))
    return answer(201, query.face.one([views.task(row, face=query.face) for row in rows]), strangers)


def _key(request: AnyRequest) -> str | None:
    """The `Idempotency-Key`: the same request with the same key makes its tasks once."""
    return _name(params.header(request, b"idempotency-key") or None, "Idempotency-Key")


@patch("/tasks/{task_id:str}")
async def amend_task(request: AnyRequest, task_id: FromPath[str]) -> Response[bytes]:
    """Change metadata (merged; null removes a key) or needs of a task."""
    query = params.nothing_asked(request)
    body = await params.object_body(request)
    named = {name for name in ("metadata", "device_capabilities_required") if body.get(name) is not None}
    if not named:
        raise BadInput(
            "give metadata or device_capabilities_required to change", [("body", "changes nothing")]
        )
    metadata = asks.table(body["metadata"], "metadata") if "metadata" in named else None
    field = "device_capabilities_required"
    needs = asks.table(body[field], field) if field in named else None
    row = await of(request).dispatcher.amend(_number(task_id), metadata, needs)
    return answer(200, query.face.one(views.task(row, face=query.face)), query.strangers)


@delete("/tasks/{task_id:str}", status_code=200)
async def delete_task(request: AnyRequest, task_id: FromPath[str]) -> Response[bytes]:
    """The same as cancel: the task stays on record."""
    query = params.nothing_asked(request)
    return _ended(await of(request).dispatcher.cancel(_number(task_id)), query)


@get("/tasks/pending")
async def peek_pending(request: AnyRequest) -> Response[bytes]:
    """What a device with these capabilities could be given; reads only, leases nothing."""
    query = Query(request)
    claim, _ = await _claim(request, query)
    strangers = query.unknown()
    rows = await of(request).dispatcher.peek(claim)
    return answer(200, query.face.one([views.task(row, face=query.face) for row in rows]), strangers)


@post("/tasks/pending")
async def claim_pending(request: AnyRequest) -> ASGIApp:
    """Lease tasks to the caller, waiting for some if it likes."""
    query = Query(request)
    claim, named = await _claim(request, query)
    strangers, face = query.unknown(), query.face
    rows = await of(request).dispatcher.claim(claim, lambda: _hangs_up(request))
    shown = [views.leased(row, face) if named else views.task(row, face=face) for row in rows]
    return Ready(200, face.one(shown), strangers)


async def _claim(request: AnyRequest, query: Query) -> tuple[Claim, bool]:
    body = await params.body(request)
    if body is not None and not isinstance(body, dict):
        raise BadInput("the body must be an object of capabilities", [("body", "is not an object")])
    held: list[HeldLease] = []
    if isinstance(body, dict) and isinstance(body.get("device_capabilities"), dict):
        named = body.get("held", [])
        held = params.convert(named, list[HeldLease], "held") if named != [] else []
        body = body["device_capabilities"]
    worker = _name(query.text("worker", bare=True), "worker")
    claim = Claim(
        worker=worker,
        session=_name(query.text("session", bare=True), "session"),
        types=query.choices("task_type", params.TASK_TYPES),
        capabilities=body,
        limit=query.integer("limit", 1, 1, MAX_CLAIMED),
        wait=query.number("wait", 0, 60, bare=True) or 0.0,
        lease_seconds=query.number("lease_seconds", 1, 7 * 86400, bare=True),
        held=held,
    )
    return claim, worker is not None


async def _hangs_up(request: AnyRequest) -> None:
    """Ends when the caller's connection does (the body has been read: nothing else can come)."""
    while True:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            return


@post("/tasks/{task_id:str}/complete", status_code=200)
async def complete_task(request: AnyRequest, task_id: FromPath[str]) -> ASGIApp:
    """Finish a task and publish what follows."""
    query = Query(request)
    strangers = query.unknown()
    body = await params.object_body(request, required=False)
    services, strict = of(request), query.face.v2
    if body.get("results") is None:
        what = asks.completion(body, services.media, strict=strict)
    else:  # pictures are written to the disk: not on the event loop
        what = await asyncio.to_thread(asks.completion, body, services.media, strict=strict)
    done = await services.dispatcher.complete(_number(task_id), what)
    said = done.answer | {"completed_at": query.face.stamp(done.row.completed_at)}
    return Ready(200, query.face.one(said), strangers)


@post("/tasks/{task_id:str}/fail", status_code=200)
async def fail_task(request: AnyRequest, task_id: FromPath[str]) -> Response[bytes]:
    """A worker could not do a task. `kind`: failed, crashed or absent; `retry`: whether that can help."""
    query = params.nothing_asked(request)
    body = await params.object_body(request)
    setback = Setback(
        kind=params.one_of("kind", str(body.get("kind", "failed")), ("failed", "crashed", "absent")),
        error=_name(_plain(str(body.get("error") or "no reason given")), "error", 4000) or "",
        retry=params.convert(body.get("retry", True), bool, "retry"),
        log=_plain(params.convert(body.get("log", ""), str, "log"))[-_LOG:],
    )
    lease = asks.lease(body, required=True) or 0
    row = await of(request).dispatcher.fail(_number(task_id), lease, setback)
    return _ended(row, query)


@post("/tasks/{task_id:str}/release", status_code=200)
async def release_task(request: AnyRequest, task_id: FromPath[str]) -> Response[bytes]:
    """A worker gives a task back unharmed."""
    query = params.nothing_asked(request)
    body = await params.object_body(request)
    row = await of(request).dispatcher.release(_number(task_id), asks.lease(body, required=True) or 0)
    return _ended(row, query)


@post("/tasks/{task_id:str}/cancel", status_code=200)
async def cancel_task(request: AnyRequest, task_id: FromPath[str]) -> Response[bytes]:
    """Take a task out of the queue."""
    query = params.nothing_asked(request)
    return _ended(await of(request).dispatcher.cancel(_number(task_id)), query)


@post("/tasks/{task_id:str}/retry", status_code=200)
async def retry_task(request: AnyRequest, task_id: FromPath[str]) -> Response[bytes]:
    """Put a task that was given up or cancelled back into the queue."""
    query = params.nothing_asked(request)
    return _ended(await of(request).dispatcher.retry(_number(task_id)), query)


def _ended(row: Row, query: Query) -> Response[bytes]:
    shown = views.task(row, ("phase", "lease", "failures", "crashes", "error"), query.face)
    return answer(200, query.face.one(shown), query.strangers)


def _plain(text: str) -> str:
    """Without the control characters that no log has for people."""
    return "".join(c for c in text if c >= " " or c in "\n\t")


def _number(text: str) -> int:
    return params.number_in_path(text, "Task")


def _name(text: str | None, field: str, most: int = _NAME) -> str | None:
    if text is None:
        return None
    if field != "error" and len(text) > most:
        params.bad(field, f"may have {most} characters at most")
    return text[:most]


ROUTES = [
    list_tasks, get_task, create_task, create_tasks, peek_pending, claim_pending,
    amend_task, delete_task, complete_task, fail_task, release_task, cancel_task, retry_task,
]  # fmt: skip
