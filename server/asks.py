"""Bodies that ask for tasks, or end them, as checked values for the queue."""

from __future__ import annotations

import difflib
from typing import Any

import msgspec

from server import params
from server.catalogue import Learned, Seen
from server.media import Media
from server.queue import Ask, Completion
from server.search import normal
from stages.errors import BadInput
from stages.sighting import AnyResult, Archived, ClipFacts, Route, Sighting, Sightings
from stages.task import FileRef, TaskType

MAX_BATCH = 1000
ASK_FIELDS = {"task_type", "video_id", "inputs", "outputs", "metadata", "device_capabilities_required"}
COMPLETION_FIELDS = {"lease", "video_id", "new_tasks", "outputs", "metadata", "results"}
_JSON_FIELDS = ("inputs", "outputs", "metadata", "device_capabilities_required")


def ask(body: dict[str, Any], field: str = "", *, strict: bool = False) -> Ask:
    """One request for a task. JSON fields are kept exactly as sent; `strict` refuses fields nobody knows."""
    prefix = f"{field}." if field else ""
    if strict:
        known_only(body, ASK_FIELDS, prefix)
    task_type = body.get("task_type")
    if task_type is None:
        raise BadInput(f"{prefix}task_type is missing", [(f"{prefix}task_type", "is required")])
    params.one_of(f"{prefix}task_type", str(task_type), params.TASK_TYPES)
    return Ask(
        task_type=TaskType(str(task_type)),
        video_id=params.video_id(body.get("video_id"), f"{prefix}video_id"),
        inputs=refs(body.get("inputs"), f"{prefix}inputs"),
        outputs=refs(body.get("outputs"), f"{prefix}outputs"),
        metadata=table(body.get("metadata"), f"{prefix}metadata"),
        needs=table(body.get("device_capabilities_required"), f"{prefix}device_capabilities_required"),
    )


def known_only(body: dict[str, Any], known: set[str], prefix: str) -> None:
    """Refuse fields that nobody knows, each with the nearest that somebody does."""
    faults = []
    for name in sorted(body.keys() - known):
        near = difflib.get_close_matches(name, known, n=1)
        faults.append(
            (f"{prefix}{name[:60]}", f"is not known; did you mean {near[0]}?" if near else "is not known")
        )
    if faults:
        raise BadInput("; ".join(f"{name} {why}" for name, why in faults[:10]), faults[:10])


def form_fields(body: dict[str, Any]) -> dict[str, Any]:
    """A form carries its JSON fields as text."""
    out = dict(body)
    for name in _JSON_FIELDS:
        if isinstance(out.get(name), str):
            try:
                out[name] = msgspec.json.decode(out[name])
            except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
                raise BadInput(f"{name} must be JSON text", [(name, "is not JSON")]) from None
    return out


def asks(value: Any, field: str, *, strict: bool = False) -> list[Ask]:
    """A list of requests, bounded."""
    if not isinstance(value, list):
        raise BadInput(f"{field} must be a list", [(field, "is not a list")])
    if len(value) > MAX_BATCH:
        raise BadInput(f"{field} may hold {MAX_BATCH} tasks at most", [(field, f"more than {MAX_BATCH}")])
    out = []
    for number, item in enumerate(value):
        if not isinstance(item, dict):
            raise BadInput(
                f"{field}[{number}] must be an object", [(f"{field}[{number}]", "is not an object")]
            )
        out.append(ask(item, f"{field}[{number}]", strict=strict))
    return out


def refs(value: Any, field: str) -> list[dict[str, Any]]:
    """File references as sent, checked."""
    if value is None:
        return []
    params.convert(value, list[FileRef], field)
    return list(value)


def table(value: Any, field: str) -> dict[str, Any]:
    """A JSON object as sent, or an empty one."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise BadInput(f"{field} must be an object", [(field, "is not an object")])
    return value


def lease(body: dict[str, Any], *, required: bool = False) -> int | None:
    """The lease number in a body."""
    value = body.get("lease")
    if value is None and not required:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 1 << 63:
        raise BadInput(
            "lease must be the number that the claim returned", [("lease", "is not a lease number")]
        )
    return value


def completion(body: dict[str, Any], media: Media, *, strict: bool = False) -> Completion:
    """A completion; pictures in it are kept (and flushed) before the transaction that names them."""
    if strict:
        known_only(body, COMPLETION_FIELDS, "")
    new_tasks = body.get("new_tasks")
    metadata = body.get("metadata")
    return Completion(
        lease=lease(body),
        video_id=params.video_id(body.get("video_id")),
        new_tasks=None if new_tasks is None else asks(new_tasks, "new_tasks", strict=strict),
        outputs=refs(body.get("outputs"), "outputs") or None,
        metadata=None if metadata is None else table(metadata, "metadata"),
        learned=learned(body.get("results"), media),
    )


def learned(value: Any, media: Media) -> Learned:
    """`results`, sorted by kind; a later one of the same kind wins."""
    if value is None:
        return Learned()
    items = params.convert(value if isinstance(value, list) else [value], list[AnyResult], "results")
    fields: dict[str, Any] = {}
    for item in items:
        match item:
            case ClipFacts():
                if item.poster:
                    fields["poster"] = media.keep(item.poster)
                fields["facts"] = msgspec.structs.replace(item, poster=None)
            case Route():
                fields |= {"route": item.points, "dialect": item.dialect}
            case Sightings():
                fields |= {
                    "sightings": [_seen(each, media) for each in item.sightings],
                    "tracks": item.tracks,
                }
            case Archived():
                fields["archive"] = FileRef(device=item.device, path=item.path)
    return Learned(**fields)


def _seen(item: Sighting, media: Media) -> Seen:
    if not normal(item.plate):
        raise BadInput(
            "results: a plate holds letters or digits", [("results", f"no plate: {item.plate[:40]!r}")]
        )
    return Seen(
        plate=item.plate,
        confidence=item.confidence,
        confirmed=item.confirmed,
        frame_number=item.frame_number,
        timestamp=item.timestamp,
        lat=item.location.lat if item.location else None,
        lon=item.location.lon if item.location else None,
        candidates=msgspec.json.encode(item.candidates).decode(),
        crop=media.keep(item.crop) if item.crop else None,
        first_seconds=item.first_seconds,
        last_seconds=item.last_seconds,
        track=item.track,
        reads=item.reads,
        agreeing=item.agreeing,
        box=msgspec.json.encode(item.box).decode() if item.box else None,
    )
