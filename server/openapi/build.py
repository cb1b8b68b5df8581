"""The small words that the tables of operations are written with: each makes a piece of the document."""

from __future__ import annotations

from typing import Any

Piece = dict[str, Any]

INT64 = (1 << 63) - 1
OFFSET_MOST = 1 << 53
JSON = "application/json"
#: v1 answers with and without a token (unless the server demands one); v2 always demands one.
OPEN: list[Piece] = [{}, {"bearer": []}, {"apiKey": []}]
TOKEN: list[Piece] = [{"bearer": []}, {"apiKey": []}]

#: What can go wrong, by status: the component that describes it.
ERRORS = {
    400: "BadInput",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    409: "Conflict",
    413: "TooLarge",
    415: "UnsupportedMedia",
    429: "TooManyRequests",
    500: "ServerError",
    503: "Unavailable",
}
#: On every operation below /api.
_ALWAYS = (401, 403, 429, 500, 503)
_WITH_BODY = (400, 413, 415)
_HEADERS = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset", "X-Unknown-Parameters")


def ref(name: str, **beside: Any) -> Piece:
    """A schema that stands under `components`."""
    return {"$ref": f"#/components/schemas/{name}", **beside}


def array(items: Piece, **more: Any) -> Piece:
    """A list."""
    return {"type": "array", "items": items, **more}


def thing(
    description: str, properties: Piece, *, optional: tuple[str, ...] = (), strict: bool = True, **more: Any
) -> Piece:
    """An object; in a strict one nothing else may stand."""
    required = [name for name in properties if name not in optional]
    made: Piece = {"type": "object", "description": description, "properties": properties, **more}
    if required:
        made["required"] = required
    if strict:
        made["additionalProperties"] = False
    return made


def query(name: str, description: str, schema: Piece, **more: Any) -> Piece:
    """A query parameter; `required=True` where it must be given."""
    return {"name": name, "in": "query", "description": description, "schema": schema, **more}


def header(name: str, description: str, schema: Piece) -> Piece:
    """A request header that may be sent."""
    return {"name": name, "in": "header", "description": description, "schema": schema}


def in_path(name: str, description: str, schema: Piece, example: Any) -> Piece:
    """A part of the path."""
    return {
        "name": name, "in": "path", "required": True, "description": description,
        "schema": schema, "example": example,
    }  # fmt: skip


def limit(default: int, most: int, what: str) -> Piece:
    """`limit`, as every listing has it."""
    schema = {"type": "integer", "minimum": 1, "maximum": most, "default": default}
    return query("limit", f"How many {what} at most.", schema)


def offset(what: str) -> Piece:
    """`offset`, as every listing has it."""
    schema = {"type": "integer", "minimum": 0, "maximum": OFFSET_MOST, "default": 0}
    return query("offset", f"How many {what} to pass over; past the end the answer is an empty list.", schema)


def expand(names: list[str], what: str) -> Piece:
    """`expand`, where a view has more to say."""
    schema = array({"type": "string", "enum": names})
    text = f"More keys of {what}, beyond those of v1; several with commas between, or repeated."
    return query("expand", text, schema, style="form", explode=False)


def body(
    schema: Piece, description: str, *, required: bool = True, form: Piece | None = None, **examples: Piece
) -> Piece:
    """A request body with examples; JSON, and a form where its fields may come so."""
    content: Piece = {JSON: _medium(schema, examples)}
    if form is not None:
        content["application/x-www-form-urlencoded"] = {"schema": form}
    return {"description": description, "required": required, "content": content}


def _medium(schema: Piece, examples: dict[str, Any]) -> Piece:
    medium: Piece = {"schema": schema}
    if examples:
        medium["examples"] = {name: {"value": value} for name, value in examples.items()}
    return medium


def good(status: int, description: str, schema: Piece, *, api: bool = True, **examples: Any) -> Piece:
    """The answer when all is well, as `{status: response}`."""
    response: Piece = {"description": description, "content": {JSON: _medium(schema, examples)}}
    if api:
        response["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in _HEADERS}
    return {str(status): response}


def operation(
    tag: str,
    name: str,
    summary: str,
    description: str,
    answer: Piece,
    *parameters: Piece,
    sends: Piece | None = None,
    fails: tuple[int, ...] = (),
    security: list[Piece] | None = None,
    api: bool = True,
) -> Piece:
    """One operation. `fails`: statuses beyond those that every operation may answer with."""
    statuses = set(fails) | set(_ALWAYS if api else ()) | set(_WITH_BODY if sends else ())
    if any(each["in"] in ("query", "header") for each in parameters):
        statuses.add(400)
    responses = answer | {
        str(status): {"$ref": f"#/components/responses/{ERRORS[status]}"} for status in sorted(statuses)
    }
    made: Piece = {"tags": [tag], "operationId": name, "summary": summary, "description": description}
    if parameters:
        made["parameters"] = list(parameters)
    if sends:
        made["requestBody"] = sends
    return made | {"responses": responses, "security": OPEN if security is None else security}
