"""The only place that decides a task's state. Each function here runs inside one transaction.

create ──▶ ready ──claim (lease n+1)──▶ leased ──complete (lease n+1)──▶ done
             ▲                             │
             └── backing_off ◀─ fail / released / lost ──▶ gave_up
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from config.settings import QueueSettings
from server import quarantine
from server.catalogue import Learned
from server.store import Entry, Row, Tx, Want
from stages.errors import BadInput, Conflict, NotFound, StaleLease
from stages.task import Phase, TaskType

PRIORITIES = {"critical": 0, "high": 1, "normal": 2, "low": 3}
NORMAL = PRIORITIES["normal"]
MICRO = 1_000_000
DEFAULTS = QueueSettings()
#: An idempotency key is remembered this long.
KEY_SECONDS = 86400


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """A checked request for a task. JSON fields are plain values, exactly as sent."""

    task_type: TaskType
    video_id: str | None = None
    inputs: list[dict[str, Any]] = []
    outputs: list[dict[str, Any]] = []
    metadata: dict[str, Any] = {}
    needs: dict[str, Any] = {}


class Completion(msgspec.Struct, frozen=True, kw_only=True):
    """A checked completion. `new_tasks` None: not mentioned; `lease` None: a person's or a script's word."""

    lease: int | None = None
    video_id: str | None = None
    new_tasks: list[Ask] | None = None
    outputs: list[dict[str, Any]] | None = None
    metadata: dict[str, Any] | None = None
    learned: Learned = Learned()


class Completed(msgspec.Struct, frozen=True, kw_only=True):
    """What a completion did: the task, the stored answer, and what it made claimable."""

    row: Row
    answer: dict[str, Any]
    made: list[Row] = []


def text_of(value: Any) -> str:
    """JSON text of a value, keys in the order they were sent."""
    return msgspec.json.encode(value).decode()


def canonical(value: Any) -> str:
    """JSON text that is the same for equal values."""
    return msgspec.json.encode(value, order="deterministic").decode()


# -- creating ------------------------------------------------------------------------------------


def create(tx: Tx, asks: Iterable[Ask], now: int, parent: Row | None = None) -> list[Row]:
    """Keep new tasks; those of a parent take over its clip, its root and its priority."""
    return [_create_one(tx, ask, now, parent) for ask in asks]


def create_once(tx: Tx, asks: list[Ask], key: str, now: int) -> list[Row]:
    """As `create`, but a repeat with the same key and the same content returns the first one's tasks."""
    body = canonical(msgspec.to_builtins(asks))
    known = tx.recall(key)
    if known is None:
        rows = create(tx, asks, now)
        tx.remember(key, body, [row.task_id for row in rows], now, now - KEY_SECONDS * MICRO)
        return rows
    if known[0] != body:
        raise Conflict("this Idempotency-Key was used for another request; take a new key for a new request")
    return [_get(tx, task_id) for task_id in known[1]]


def _create_one(tx: Tx, ask: Ask, now: int, parent: Row | None) -> Row:
    video_id = ask.video_id if ask.video_id is not None else (parent.video_id if parent else None)
    if video_id is not None:
        fingerprint = ask.metadata.get("fingerprint")
        tx.catalogue.expect(video_id, now, fingerprint if isinstance(fingerprint, str) else None)
    resolved = _resolve(tx, ask.task_type, video_id) if not ask.inputs else None
    waits = not ask.inputs and resolved is None and ask.task_type != TaskType.INGEST_VIDEO
    inputs = resolved if resolved is not None else ask.inputs
    wanted = _source(tx, ask.task_type, inputs, ask.metadata)
    return tx.insert(
        Entry(
            task_type=ask.task_type,
            phase=Phase.NO_INPUT if waits else Phase.READY,
            created_at=now,
            video_id=video_id,
            inputs=text_of(ask.inputs),
            outputs=text_of(ask.outputs),
            metadata=text_of(ask.metadata),
            needs=text_of(ask.needs),
            needs_id=tx.intern(canonical(ask.needs), _places(inputs, ask.outputs, wanted)),
            resolved=text_of(resolved) if resolved is not None else None,
            priority=_priority(ask.metadata, parent.priority if parent else NORMAL),
            parent_id=parent.task_id if parent else None,
            root_id=parent.root_id if parent else None,
        )
    )


def _source(
    tx: Tx, task_type: str, inputs: list[dict[str, Any]], metadata: dict[str, Any]
) -> list[dict[str, Any]]:
    """Where an ingest that names no file looks for one, when that is a place that somebody can reach."""
    if inputs or task_type != TaskType.INGEST_VIDEO:
        return []
    source = metadata.get("source")
    return [{"device": source}] if isinstance(source, str) and source in tx.places() else []


def _priority(metadata: dict[str, Any], otherwise: int) -> int:
    named = metadata.get("priority")
    return PRIORITIES.get(named, otherwise) if isinstance(named, str) else otherwise


def _places(*refs: list[dict[str, Any]]) -> str:
    return canonical(sorted({ref["device"] for each in refs for ref in each}))


#: What each stage reads of the files that earlier stages left.
_READS = {
    TaskType.PREPROCESS_VIDEO: {TaskType.INGEST_VIDEO},
    TaskType.HEAVY_PROCESS_VIDEO: {TaskType.INGEST_VIDEO, TaskType.PREPROCESS_VIDEO},
    TaskType.ARCHIVE_VIDEO: {TaskType.INGEST_VIDEO, TaskType.HEAVY_PROCESS_VIDEO},
}


def _resolve(tx: Tx, task_type: str, video_id: str | None) -> list[dict[str, Any]] | None:
    """The catalogue's files of a clip as inputs for a task that names none; None while there are none."""
    if video_id is None or task_type == TaskType.INGEST_VIDEO:
        return None
    files = tx.catalogue.files(video_id)
    if not any(made_by == TaskType.INGEST_VIDEO for made_by, _ in files):
        return None
    wanted = _READS[TaskType(task_type)]
    return [msgspec.to_builtins(ref) for made_by, ref in files if made_by in wanted]


# -- claiming ------------------------------------------------------------------------------------


def claim(tx: Tx, want: Want, device: str | None, session: str | None) -> list[Row]:
    """Give the first claimable tasks to a device, each under a new lease."""
    types = quarantine.allowed(tx, device, want.types)
    if types is None:
        return []
    want = want if types == want.types else msgspec.structs.replace(want, types=types)
    return [
        tx.update(row, phase=Phase.LEASED, lease=row.lease + 1, device=device, session=session, run_at=None)
        for row in tx.candidates(want)
    ]


# -- ending --------------------------------------------------------------------------------------


def complete(
    tx: Tx,
    task_id: int,
    what: Completion,
    now: int,
    say: Callable[[int], str],
    settings: QueueSettings = DEFAULTS,
) -> Completed:
    """Finish a task, publish what follows and what was learned, all in this transaction.

    A repeat is answered with the stored answer and creates nothing. `say` writes a time for the answer.
    """
    row = _get(tx, task_id)
    published = None if what.new_tasks is None else canonical(msgspec.to_builtins(what.new_tasks))
    if row.phase == Phase.DONE:
        return _repeat(row, what, published)
    if what.lease is not None:
        _fence(row, what.lease)
        quarantine.succeeded(tx, row, now, settings)
    lease = (
        row.lease if what.lease is not None else row.lease + 1
    )  # a person's word revokes the holder's lease
    video_id = row.video_id if row.video_id is not None else what.video_id
    if video_id is None and what.learned != Learned():
        message = "the task names no clip, so its results have no place; add video_id to the body"
        raise BadInput(message, [("video_id", "is required with results here")])
    outputs = _joined(row.outputs, what.outputs)
    metadata = msgspec.json.decode(row.metadata) | (what.metadata or {})
    if video_id is not None:  # before what follows is made: that may read the files that this task left
        learned = msgspec.structs.replace(
            what.learned, outputs=msgspec.json.decode(outputs), metadata=metadata
        )
        tx.catalogue.learn(video_id, row.task_type, learned, now)
    children = create(tx, what.new_tasks or [], now, parent=msgspec.structs.replace(row, video_id=video_id))
    answer = {
        "message": f"Task {task_id} marked as complete",
        "task_type": row.task_type,
        "completed_at": say(now),
        "new_tasks_created": len(children),
    }
    done = tx.update(
        row,
        phase=Phase.DONE,
        lease=lease,
        video_id=video_id,
        completed_at=now,
        outputs=outputs,
        metadata=text_of(metadata),
        error=None,
        answer=text_of(answer),
        published=published or "[]",
    )
    made = children + (_unblock(tx, video_id) if video_id is not None else [])
    return Completed(row=done, answer=answer, made=made)


def _repeat(row: Row, what: Completion, published: str | None) -> Completed:
    if what.lease is not None and what.lease != row.lease:
        raise StaleLease(f"Task {row.task_id} was completed under another lease; drop this result")
    if published not in (None, "[]", row.published):
        raise Conflict(f"Task {row.task_id} is complete already, with other new_tasks; nothing was created")
    return Completed(row=row, answer=msgspec.json.decode(row.answer or "{}"))


def _joined(stored: str, more: list[dict[str, Any]] | None) -> str:
    if not more:
        return stored
    refs = msgspec.json.decode(stored)
    return text_of(refs + [ref for ref in more if ref not in refs])


def _unblock(tx: Tx, video_id: str) -> list[Row]:
    """Tasks that waited for this clip's files and now have them."""
    made = []
    for row in tx.waiting_for(video_id):
        resolved = _resolve(tx, row.task_type, video_id)
        if resolved is not None:
            made.append(tx.update(row, phase=Phase.READY, **_with_inputs(tx, row, resolved)))
    return made


#: Stands between an error and the log's tail in the column of both; no text that is sent holds it.
_LOG = "\x1e"


class Setback(msgspec.Struct, frozen=True, kw_only=True):
    """Why a lease ended without a result. `kind`: failed, crashed, absent (a place or device is away). `log`:
    what the worker's log said last.
    """

    kind: str
    error: str
    retry: bool = True
    log: str = ""


def with_log(error: str, log: str) -> str:
    """An error as it is kept, the log behind it; `reason_of` and `log_of` take it apart again."""
    return f"{error}{_LOG}{log}" if log else error


def reason_of(error: str | None) -> str | None:
    """Why a task failed last, from the text that is kept."""
    return None if error is None else error.partition(_LOG)[0]


def log_of(error: str | None) -> str | None:
    """What the worker's log said last, if it sent that."""
    return None if error is None else error.partition(_LOG)[2] or None


def fail(tx: Tx, task_id: int, lease: int, setback: Setback, now: int, settings: QueueSettings) -> Row:
    """A worker could not do the task: back off, or give up."""
    row = _get(tx, task_id)
    _fence(row, lease)
    if setback.kind == "absent":  # not the task's failure: it spends no attempt
        delays = row.delays + 1
        run_at = now + backoff(delays, settings)
        return tx.update(
            row, phase=Phase.BACKING_OFF, delays=delays, lost=0, run_at=run_at, error=setback.error
        )
    if setback.retry:
        quarantine.failed(tx, row, setback.error, now, settings)
    counts: dict[str, Any] = {
        "failures": row.failures + (setback.kind == "failed"),
        "crashes": row.crashes + (setback.kind == "crashed"),
        "lost": 0,
        "error": with_log(setback.error, setback.log),
    }
    if counts["crashes"] >= settings.max_crashes:
        told = f"kills its worker ({counts['crashes']} crashes); the last: {setback.error}"
        counts["error"] = with_log(told, setback.log)
        return tx.update(row, phase=Phase.GAVE_UP, **counts)
    if not setback.retry or counts["failures"] >= settings.max_failures:
        return tx.update(row, phase=Phase.GAVE_UP, **counts)
    run_at = now + backoff(counts["failures"] + counts["crashes"], settings)
    return tx.update(row, phase=Phase.BACKING_OFF, run_at=run_at, **counts)


def backoff(times: int, settings: QueueSettings) -> int:
    """Microseconds to wait after so many setbacks: doubling, capped, jittered down by up to a quarter."""
    seconds = min(settings.backoff_first_seconds * 2.0 ** min(times - 1, 40), settings.backoff_most_seconds)
    return int(seconds * random.uniform(0.75, 1.0) * MICRO)


def release(tx: Tx, task_id: int, lease: int) -> Row:
    """A worker gives a task back unharmed (it stops): ready at once, nothing is counted."""
    row = _get(tx, task_id)
    _fence(row, lease)
    return _back(tx, row, lost=0)


def expire(tx: Tx, task_id: int, lease: int, settings: QueueSettings) -> Row | None:
    """A lease ran out: its device vanished. No failure, until it has happened too often in a row."""
    row = tx.get(task_id)
    if row is None or row.phase != Phase.LEASED or row.lease != lease:
        return None
    lost = row.lost + 1
    # Those of earlier rows of losses, before it was given back or failed, are not meant.
    earlier = msgspec.json.decode(row.vanished)[-row.lost :][-9:] if row.lost else []
    vanished = [*earlier, row.device or "an anonymous client"]
    columns: dict[str, Any] = {"lost": lost, "vanished": text_of(vanished), "device": None, "session": None}
    if lost >= settings.max_lost:
        names = ", ".join(sorted(set(vanished)))
        error = f"lost {lost} times in a row: the devices that held it vanished ({names})"
        return tx.update(row, phase=Phase.GAVE_UP, error=error, **columns)
    return _back(tx, row, **columns)


# -- people --------------------------------------------------------------------------------------


def cancel(tx: Tx, task_id: int, now: int) -> Row:
    """Take a task out of the queue; whoever holds it is told with the next heartbeat."""
    row = _get(tx, task_id)
    if row.phase == Phase.CANCELLED:
        return row
    if row.phase == Phase.DONE:
        raise Conflict(f"Task {task_id} is complete; it cannot be cancelled")
    return tx.update(row, phase=Phase.CANCELLED, lease=row.lease + 1, completed_at=now, run_at=None)


def amend(tx: Tx, task_id: int, metadata: dict[str, Any] | None, needs: dict[str, Any] | None) -> Row:
    """Change a task's metadata (keys given as null go) or, while nobody works on it, its needs."""
    row = _get(tx, task_id)
    columns: dict[str, Any] = {}
    if metadata is not None:
        merged = msgspec.json.decode(row.metadata) | metadata
        merged = {key: value for key, value in merged.items() if value is not None or key not in metadata}
        columns |= {"metadata": text_of(merged), "priority": _priority(merged, row.priority)}
    if needs is not None:
        if row.phase in (Phase.LEASED, Phase.DONE):
            state = "complete" if row.phase == Phase.DONE else "being worked on"
            raise Conflict(f"Task {task_id} is {state}; its needs cannot be changed now")
        inputs, outputs = msgspec.json.decode(row.resolved or row.inputs), msgspec.json.decode(row.outputs)
        source = _source(
            tx, row.task_type, inputs, msgspec.json.decode(columns.get("metadata", row.metadata))
        )
        columns |= {
            "needs": text_of(needs),
            "needs_id": tx.intern(canonical(needs), _places(inputs, outputs, source)),
        }
    return tx.update(row, **columns) if columns else row


def retry(tx: Tx, task_id: int) -> Row:
    """Put a task back that was given up, cancelled or is backing off; its counts start anew."""
    row = _get(tx, task_id)
    if row.phase in (Phase.READY, Phase.NO_INPUT):
        return row
    if row.phase in (Phase.DONE, Phase.LEASED):
        state = "complete" if row.phase == Phase.DONE else "being worked on"
        raise Conflict(f"Task {task_id} is {state}; there is nothing to retry")
    fresh = {
        "failures": 0,
        "crashes": 0,
        "lost": 0,
        "delays": 0,
        "run_at": None,
        "completed_at": None,
        "error": None,
    }
    return _back(tx, row, **fresh)


def promote(tx: Tx, now: int, settings: QueueSettings) -> list[Row]:
    """Tasks that have backed off long enough are ready again.

    So are those that would wait for longer than any setback makes one: the clock was set back meanwhile.
    """
    horizon = now + int(settings.backoff_most_seconds * MICRO)
    return [_back(tx, row, run_at=None) for row in tx.due(now, horizon)]


def _back(tx: Tx, row: Row, **columns: Any) -> Row:
    """Into the queue again: ready, or waiting for its clip when no file of that is known still."""
    columns |= {"device": None, "session": None}
    if row.inputs != "[]" or row.resolved is not None or row.task_type == TaskType.INGEST_VIDEO:
        return tx.update(row, phase=Phase.READY, **columns)
    resolved = _resolve(tx, row.task_type, row.video_id)
    if resolved is None:
        return tx.update(row, phase=Phase.NO_INPUT, **columns)
    return tx.update(row, phase=Phase.READY, **columns, **_with_inputs(tx, row, resolved))


def _with_inputs(tx: Tx, row: Row, resolved: list[dict[str, Any]]) -> dict[str, Any]:
    """The columns of a task whose inputs the catalogue found."""
    places = _places(resolved, msgspec.json.decode(row.outputs))
    needs_id = tx.intern(canonical(msgspec.json.decode(row.needs)), places)
    return {"resolved": text_of(resolved), "needs_id": needs_id}


def _get(tx: Tx, task_id: int) -> Row:
    row = tx.get(task_id)
    if row is None:
        raise NotFound(f"Task {task_id} not found")
    return row


def _fence(row: Row, lease: int) -> None:
    if lease < 1:
        raise BadInput("lease must be the number that the claim returned", [("lease", "not a lease number")])
    if row.phase != Phase.LEASED or row.lease != lease:
        raise StaleLease(
            f"lease {lease} of task {row.task_id} is not the current one ({row.phase}, lease {row.lease}); "
            "drop this result"
        )
