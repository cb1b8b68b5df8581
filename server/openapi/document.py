"""The OpenAPI 3.1 document, put together from the tables of this package."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib import metadata
from typing import Any

import msgspec

from server.openapi import (
    devices,
    encounters,
    figures,
    host,
    nouns,
    plates,
    retention,
    second,
    shapes,
    tasks,
    tokens,
    trips,
    troubles,
    upkeep,
    watches,
    webui,
)

_ABOUT = """\
The API of a dashcam processor: clips become an archive that can be searched by plate.

- **Tasks** are pulled by workers. `GET /tasks/pending` looks, `POST /tasks/pending` claims. Execution is *at
  least once*; publication of follow-up tasks and results is *exactly once*; a 2xx to anything that changes a
  task or a result means that it is on the disk.
- Objects carry exactly the keys shown; more only under `expand`. Unknown body fields are ignored, unknown
  query parameters are named in the header `X-Unknown-Parameters`. An empty query parameter counts as none.
- Times of tasks and devices are UTC; times of footage are on the camera's local clock.
- `HEAD` is answered wherever `GET` is; a wrong method gets 405 with `Allow`.
- A body that begins with `{` or `[` is JSON, whatever its `Content-Type` says.
- On its own host and in private networks the server answers without a token unless it is told to demand one;
  a page of another site may change nothing.
"""

_TAGS = [
    {"name": tasks.TAG, "description": "Units of work, from their creation to their end."},
    {"name": devices.TAG, "description": "Hosts, and what they can do."},
    {"name": webui.TAG, "description": "What was recorded, and which plates are in it."},
    {"name": plates.TAG, "description": "One plate, and what people say of it."},
    {"name": watches.TAG, "description": "Plates that somebody wants to be told of."},
    {"name": trips.TAG, "description": "Which clips were recorded in one go."},
    {"name": retention.TAG, "description": "What may be removed, what must stay, and what went."},
    {"name": tokens.TAG, "description": "Who may call."},
    {"name": upkeep.TAG, "description": "Copies of the database, and its making anew."},
    {"name": host.TAG, "description": "How the server is."},
]

_V2 = (
    "The same as in v1, always with a token: answers in an envelope, times with offset and microseconds, "
    "unknown parameters and fields refused."
)

_SECURITY = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "A token, as `dashcam token create` prints it.",
    },
    "apiKey": {
        "type": "apiKey",
        "in": "header",
        "name": "X-API-Key",
        "description": "The same token in a header of its own.",
    },
}

#: What both versions have, and what only v1 has or has no version.
_IN_BOTH = (tasks, devices, webui, encounters, plates, watches, trips, retention, upkeep, host)
_IN_V1 = (tokens, figures)


def document() -> dict[str, Any]:
    """The document as plain values."""
    schemas = nouns.schemas() | shapes.schemas() | troubles.SCHEMAS
    paths: dict[str, Any] = {}
    for area in _IN_BOTH:
        schemas |= area.schemas()
        paths |= area.paths()
    newer, differing = second.second(paths, schemas)
    for area in _IN_V1:
        schemas |= area.schemas()
        paths |= area.paths()
    schemas |= differing
    paths |= newer
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Dashcam processor",
            "version": _version(),
            "summary": "Dashcam clips become an archive that can be searched by plate.",
            "description": _ABOUT,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/", "description": "The server that this document came from."}],
        "tags": _TAGS
        + [{"name": f"{area.TAG} (v2)", "description": _V2} for area in _IN_BOTH if area is not encounters],
        "paths": paths,
        "components": {
            "schemas": dict(sorted(schemas.items())),
            "responses": troubles.responses(),
            "headers": troubles.HEADERS,
            "securitySchemes": _SECURITY,
        },
    }


def _version() -> str:
    try:
        return metadata.version("dashcam-processor")
    except metadata.PackageNotFoundError:
        return "0"


@cache
def encoded() -> tuple[bytes, str]:
    """The document as JSON, and an entity tag of it."""
    body = msgspec.json.encode(document())
    return body, f'"{hashlib.blake2b(body, digest_size=8).hexdigest()}"'
