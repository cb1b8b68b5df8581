"""The document says what the server does: every route, every field, every example."""

import functools
import importlib.util
import json
import re
from pathlib import Path

import jsonschema_rs
import pytest
from litestar.routes import HTTPRoute

from server.openapi.document import document
from server.openapi.nouns import MEANINGS

DOCS = Path(__file__).resolve().parents[2] / "docs"
DOCUMENT = document()
SCHEMAS = DOCUMENT["components"]["schemas"]
OPERATIONS = [
    (method, path, each) for path, item in DOCUMENT["paths"].items() for method, each in item.items()
]
IDS = [f"{method} {path}" for method, path, _ in OPERATIONS]
#: Not of one answer: the methods that exist wherever another does.
EVERYWHERE = {"HEAD", "OPTIONS"}


def followed(piece):
    """What a reference leads to."""
    while "$ref" in piece:
        found = DOCUMENT
        for name in piece["$ref"].removeprefix("#/").split("/"):
            found = found[name]
        piece = found
    return piece


def validator(schema):
    """A JSON Schema validator for a piece of the document; equal pieces have one, making it takes long."""
    return _validator(json.dumps(schema, sort_keys=True))


@functools.cache
def _validator(schema):
    root = {"$schema": "https://json-schema.org/draft/2020-12/schema", "components": DOCUMENT["components"]}
    return jsonschema_rs.validator_for(root | {"allOf": [json.loads(schema)]})


def routes(app):
    """(method, path) of every HTTP route below /api, and of /health."""
    return {
        (method.lower(), route.path_format)
        for route in app.routes
        if isinstance(route, HTTPRoute) and re.match(r"/(api/|health$)", route.path_format)
        for method in route.methods - EVERYWHERE
    }


def test_every_route_is_in_the_document_and_the_other_way_round(client):
    """Below /api, and /health: what the server answers is documented, what is documented is answered."""
    every = {(method, path) for method, path, _ in OPERATIONS}
    below = {pair for pair in every if re.match(r"/(api/|health$)", pair[1])}
    assert below == routes(client.app)
    templates = {route.path_format for route in client.app.routes}
    assert {path for _, path in every} <= templates


def test_the_server_gives_out_the_document(client):
    """/openapi.json is this document, as 3.1, and is not sent twice to who has it."""
    answer = client.get("/openapi.json")
    assert answer.json() == DOCUMENT
    assert answer.json()["openapi"].startswith("3.1.")
    assert answer.headers["content-type"] == "application/json"
    again = client.get("/openapi.json", headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def pieces(schema, name):
    """Every object of a schema with its name."""
    if isinstance(schema, dict):
        if isinstance(schema.get("properties"), dict):
            yield name, schema
        for key, each in schema.items():
            yield from pieces(each, f"{name}.{key}")
    elif isinstance(schema, list):
        for number, each in enumerate(schema):
            yield from pieces(each, f"{name}[{number}]")


def test_every_field_is_described():
    """Each property of each object says what it means; so does each object, and each parameter."""
    missing = [
        f"{name}.{field}"
        for name, schema in pieces(SCHEMAS, "")
        if "anyOf" not in name
        for field, piece in schema["properties"].items()
        if not piece.get("description")
    ]
    missing += [name for name, schema in SCHEMAS.items() if not schema.get("description")]
    for method, path, operation in OPERATIONS:
        missing += [
            f"{method} {path}: {each['name']}"
            for each in operation.get("parameters", [])
            if not each.get("description")
        ]
    assert missing == []


def test_no_meaning_is_left_over():
    """Each field that is explained exists."""
    for struct, fields in MEANINGS.items():
        assert set(fields) <= set(SCHEMAS[struct]["properties"]), struct


@pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS, ids=IDS)
def test_operations_are_whole(method, path, operation):
    """A name, a summary, a tag that is explained, path parameters that are in the path, errors that can come."""
    assert operation["operationId"].isidentifier()
    assert operation["summary"]
    assert operation["description"]
    assert {tag["name"] for tag in DOCUMENT["tags"]} >= set(operation["tags"])
    named = {each["name"] for each in operation.get("parameters", []) if each["in"] == "path"}
    assert named == set(re.findall(r"\{(\w+)\}", path))
    if path.startswith("/api/"):
        assert {"401", "403", "429"} <= set(operation["responses"])
    if "requestBody" in operation:
        assert {"400", "413", "415"} <= set(operation["responses"])
    for each in operation.get("parameters", []):
        kind = each["schema"].get("type")
        if kind in ("integer", "number") and each["in"] == "query":
            assert {"minimum", "maximum"} <= set(each["schema"]), each["name"]


def test_names_of_operations_are_distinct():
    """A client made from the document has a method for each operation."""
    names = [operation["operationId"] for _, _, operation in OPERATIONS]
    assert len(set(names)) == len(names)


def examples():
    """(where, schema, example) for every example of the document."""
    for method, path, operation in OPERATIONS:
        held = {"body": operation.get("requestBody", {})} | operation["responses"]
        for name, piece in held.items():
            for kind, medium in followed(piece).get("content", {}).items():
                shown = [each["value"] for each in medium.get("examples", {}).values()]
                shown += [medium["example"]] if "example" in medium else []
                for number, example in enumerate(shown):
                    yield f"{method} {path} {name} {kind} {number}", medium["schema"], example
        for each in operation.get("parameters", []):
            if "example" in each:
                yield f"{method} {path} {each['name']}", each["schema"], each["example"]


def test_examples_fit_their_schemas():
    """What the document shows is what it allows; one test, for there are more than a thousand of them."""
    wrong = [
        f"{where}: {error}"
        for where, schema, example in examples()
        for error in validator(schema).iter_errors(example)
    ]
    assert wrong == []


def test_references_lead_somewhere_and_nothing_is_left_over():
    """Each $ref names a component; each component is used."""
    used = set(re.findall(r'"(#/components/[^"]+)"', repr(DOCUMENT).replace("'", '"')))
    there = {
        f"#/components/{kind}/{name}"
        for kind in ("schemas", "responses", "headers")
        for name in DOCUMENT["components"][kind]
    }
    assert used == there


def test_printed_answers_are_strict():
    """A key more or a key less than v1 prints is an error by the document."""
    task = next(
        example for where, _, example in examples() if where.startswith("get /api/v1/tasks/{task_id} 200")
    )
    strict = validator({"$ref": "#/components/schemas/Task"})
    assert strict.is_valid(task)
    assert not strict.is_valid(task | {"phase": "ready"})
    assert not strict.is_valid({key: value for key, value in task.items() if key != "video_id"})
    assert validator({"$ref": "#/components/schemas/ExpandedTask"}).is_valid(task | {"phase": "ready"})


def test_the_page_of_calls_is_current():
    """docs/reference/api.md is what docs/generate.py makes of the document."""
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    generate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generate)
    assert (DOCS / "reference" / "api.md").read_text(encoding="utf-8") == generate.api()


def test_document_names_no_other_host():
    """Tools that read the document ask no other host."""
    assert "://" not in repr({key: value for key, value in DOCUMENT.items() if key != "info"}).replace(
        "ws://", ""
    ).replace("wss://", "")
