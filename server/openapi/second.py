"""v2, made from v1: the same operations under other names of parameters, in envelopes, with exact times."""

from __future__ import annotations

import re
from typing import Any

from server.face import PAGE_LIMIT, PAGE_NUMBER, Face
from server.openapi.build import JSON, TOKEN, Piece, query, thing
from server.openapi.shapes import CAMERA, COUNT, UTC, said

V1, V2 = "/api/v1/", "/api/v2/"
#: Names that are the same in both versions.
BARE = {"expand", "worker", "session", "wait", "lease_seconds"}
#: v2 refuses unknown fields in these.
STRICT = {
    "NewTask", "NewTaskForm", "Completion", "Heartbeat", "HeartbeatForm",
    "TripsToMerge", "TripSplit", "SeenClips", "BackupWish", "LeftResults",
    "PlateText", "PlateInto", "PlateNote", "PlateNamed", "NewWatch", "WatchChange", "Drain",
}  # fmt: skip
_MOMENT = r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{6}"
_TIMES = {
    UTC["pattern"]: rf"{_MOMENT}\+00:00$",
    CAMERA["pattern"]: rf"{_MOMENT}([+-]\d{{2}}:\d{{2}}(:\d{{2}})?)?$",
}
_REF = "#/components/schemas/"
_STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\Z")
_UTC_KEYS = {"created_at", "completed_at", "last_heartbeat", "made_at", "since", "past_searched_at"}
_FACE = Face(V2)


def second(paths: Piece, schemas: Piece) -> tuple[Piece, Piece]:
    """The v2 operations of v1 `paths`, and the components that differ (`...V2`)."""
    differ = _differing(schemas)
    renamed = {f"{name}V2": _strict(name, _schema(schemas[name], differ)) for name in sorted(differ)}
    made = {
        path.replace(V1, V2, 1): {method: _operation(each, differ) for method, each in item.items()}
        for path, item in paths.items()
        if path.startswith(V1)
    }
    return made, renamed | {"Page": _PAGE}


_PAGE = thing(
    "Which page of a listing this is.",
    {
        "total": said(COUNT, "How many there are in all."),
        "pages": said(COUNT, "How many pages that makes."),
        "current_page": said({"type": "integer", "minimum": 1}, "The page shown, from 1."),
    },
)


def _differing(schemas: Piece) -> set[str]:
    """Components that are not the same in v2, or hold one that is not."""
    held = {name: str(schema) for name, schema in schemas.items()}
    found = {name for name, text in held.items() if any(repr(time)[1:-1] in text for time in _TIMES)}
    found |= STRICT & schemas.keys()
    while (
        more := {name for name, text in held.items() if any(f"{_REF}{each}'" in text for each in found)}
        - found
    ):
        found |= more
    return found


def _schema(piece: Any, differ: set[str]) -> Any:
    if isinstance(piece, list):
        return [_schema(each, differ) for each in piece]
    if not isinstance(piece, dict):
        return piece
    made = {key: _schema(each, differ) for key, each in piece.items()}
    if isinstance(made.get("$ref"), str) and made["$ref"].removeprefix(_REF) in differ:
        made["$ref"] += "V2"
    if made.get("pattern") in _TIMES:
        made["pattern"] = _TIMES[made["pattern"]]
    return made


def _strict(name: str, schema: Piece) -> Piece:
    return schema | {"additionalProperties": False} if name in STRICT else schema


def _operation(v1: Piece, differ: set[str]) -> Piece:
    made = dict(v1)
    made["tags"] = [f"{tag} (v2)" for tag in v1["tags"]]
    made["operationId"] = f"{v1['operationId']}V2"
    paged = any(each["name"] == "offset" for each in v1.get("parameters", []))
    if "parameters" in v1:
        made["parameters"] = [_parameter(each) for each in v1["parameters"]]
    if "requestBody" in v1:
        content = v1["requestBody"]["content"]
        bodies = {kind: _schema(medium, differ) for kind, medium in content.items()}
        made["requestBody"] = v1["requestBody"] | {"content": bodies}
    made["responses"] = {status: _response(each, differ, paged) for status, each in v1["responses"].items()}
    made["responses"].setdefault("400", {"$ref": "#/components/responses/BadInput"})
    return made | {"security": TOKEN}


def _parameter(v1: Piece) -> Piece:
    if v1["in"] != "query" or v1["name"] in BARE:
        return v1
    if v1["name"] == "offset":
        schema = {"type": "integer", "minimum": 1, "maximum": 1 << 40, "default": 1}
        return query(PAGE_NUMBER, "Which page, from 1; past the end it is empty.", schema)
    if v1["name"] == "limit":
        return v1 | {"name": PAGE_LIMIT}
    return v1 | {"name": _FACE.name(v1["name"])}


def _response(v1: Piece, differ: set[str], paged: bool) -> Piece:
    if JSON not in v1.get("content", {}):
        return v1
    medium = v1["content"][JSON]
    parts: Piece = {"data": said_once(_schema(medium["schema"], differ), "What was asked for.")}
    if paged:
        parts["meta"] = {"$ref": f"{_REF}Page", "description": "Which page this is."}
    new: Piece = {"schema": thing("The answer in its envelope.", parts)}
    if "examples" in medium:
        new["examples"] = {
            name: {"value": _wrapped(each["value"], paged)} for name, each in medium["examples"].items()
        }
    headers = {name: each for name, each in v1.get("headers", {}).items() if name != "X-Unknown-Parameters"}
    return v1 | {"content": {JSON: new}, "headers": headers}


def said_once(schema: Piece, description: str) -> Piece:
    """A schema with a description, unless it has one."""
    return schema if "description" in schema else schema | {"description": description}


def _wrapped(value: Any, paged: bool) -> Any:
    meta = {"meta": {"total": 1, "pages": 1, "current_page": 1}} if paged else {}
    return {"data": _exact(value)} | meta


def _exact(value: Any, key: str = "") -> Any:
    """An example with its times as v2 writes them."""
    if isinstance(value, dict):
        return {name: _exact(each, name) for name, each in value.items()}
    if isinstance(value, list):
        return [_exact(each, key) for each in value]
    if isinstance(value, str) and _STAMP.match(value):
        return f"{value}.000000{'+00:00' if key in _UTC_KEYS else '-08:00'}"
    return value
