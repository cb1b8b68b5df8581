"""`/plates`: one plate, its note and its name. `/corrections`: what people say was read wrongly."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from litestar import Response, delete, get, post
from litestar.params import FromPath

from server import params, views_marks
from server.asks import known_only
from server.corrections import Correction, plate_text
from server.errors import answer
from server.folding import normal
from server.params import AnyRequest, Query, number_in_path
from server.services import of
from server.sqlite_corrections import SqliteCorrections
from stages.errors import BadInput, NotFound

MAX_LISTED = 1000
NOTE_MOST, NAME_MOST, GROUP_MOST = 2000, 80, 40
#: The group of a name that says none.
GROUP = "known"
Verb = Callable[[SqliteCorrections, int], Correction]


@get("/plates/{plate:str}")
async def get_plate(request: AnyRequest, plate: FromPath[str]) -> Response[bytes]:
    """All that is known of one plate."""
    query, services = params.nothing_asked(request), of(request)
    book = await services.marks.book(plate)
    if book is None:
        raise NotFound(f"Plate {normal(plate)[:40]} not found")
    shown = views_marks.plate_book(book, services.settings.archive.public_prefix, query.face)
    return answer(200, query.face.one(shown), query.strangers)


@post("/plates/{plate:str}/correct", status_code=200)
async def correct_plate(request: AnyRequest, plate: FromPath[str]) -> Response[bytes]:
    """Every sighting of this plate is of another, also those to come."""
    query = params.nothing_asked(request)
    text = await _text(request, query, "text")
    return await _change(request, query, lambda all_, now: all_.correct_plate(plate, text, now))


@post("/plates/{plate:str}/merge", status_code=200)
async def merge_plate(request: AnyRequest, plate: FromPath[str]) -> Response[bytes]:
    """This plate is another one that was seen."""
    query = params.nothing_asked(request)
    into = await _text(request, query, "into")
    return await _change(request, query, lambda all_, now: all_.merge(plate, into, now))


@post("/plates/{plate:str}/dismiss", status_code=200)
async def dismiss_plate(request: AnyRequest, plate: FromPath[str]) -> Response[bytes]:
    """What reads so is no plate."""
    query = params.nothing_asked(request)
    return await _change(request, query, lambda all_, now: all_.dismiss_plate(plate, now))


@post("/sightings/{sighting_id:str}/correct", status_code=200)
async def correct_sighting(request: AnyRequest, sighting_id: FromPath[str]) -> Response[bytes]:
    """One sighting is of another plate."""
    query, number = params.nothing_asked(request), number_in_path(sighting_id, "Sighting")
    text = await _text(request, query, "text")
    return await _change(request, query, lambda all_, now: all_.correct_sighting(number, text, now))


@post("/sightings/{sighting_id:str}/dismiss", status_code=200)
async def dismiss_sighting(request: AnyRequest, sighting_id: FromPath[str]) -> Response[bytes]:
    """One sighting is no plate."""
    query, number = params.nothing_asked(request), number_in_path(sighting_id, "Sighting")
    return await _change(request, query, lambda all_, now: all_.dismiss_sighting(number, now))


@get("/corrections")
async def list_corrections(request: AnyRequest) -> Response[bytes]:
    """What was corrected, newest first, also what was taken back."""
    query, marks = Query(request), of(request).marks
    limit, offset = query.page(100, MAX_LISTED)
    plate, video_id = query.text("plate"), params.video_id(query.text("video_id"))
    about = None if plate is None else normal(plate)
    strangers, face = query.unknown(), query.face
    found = await marks.corrections(about, video_id, limit, offset)
    total = await marks.count_corrections(about, video_id) if face.v2 else 0
    shown = [views_marks.correction(each, face) for each in found]
    return answer(200, face.envelope(shown, total, limit, offset), strangers)


@delete("/corrections/{correction_id:str}", status_code=200)
async def undo_correction(request: AnyRequest, correction_id: FromPath[str]) -> Response[bytes]:
    """Take a correction back; everything is as if it had not been made."""
    query, number = params.nothing_asked(request), number_in_path(correction_id, "Correction")
    return await _change(request, query, lambda all_, now: all_.undo(number, now))


@post("/plates/{plate:str}/note", status_code=200)
async def note_plate(request: AnyRequest, plate: FromPath[str]) -> Response[bytes]:
    """Write a note on a plate; an empty text removes it."""
    query = params.nothing_asked(request)
    body = await _body(request, query, {"text"})
    text = _line(body, "text", NOTE_MOST, required=False, lines=True)
    name = _plate(plate)
    await of(request).marks.note(name, text)
    return answer(200, query.face.one({"plate_text": name, "note": text or None}), query.strangers)


@post("/plates/{plate:str}/name", status_code=200)
async def name_plate(request: AnyRequest, plate: FromPath[str]) -> Response[bytes]:
    """Give a plate a name and a group; it may be one that was never seen."""
    query = params.nothing_asked(request)
    body = await _body(request, query, {"name", "group"})
    name = _line(body, "name", NAME_MOST)
    group = _line(body, "group", GROUP_MOST, required=False) or GROUP
    known = await of(request).marks.name(_plate(plate), name, group)
    return answer(200, query.face.one(views_marks.known_plate(known, query.face)), query.strangers)


@delete("/plates/{plate:str}/name", status_code=200)
async def unname_plate(request: AnyRequest, plate: FromPath[str]) -> Response[bytes]:
    """A plate has no name any more."""
    query = params.nothing_asked(request)
    known = await of(request).marks.unname(normal(plate))
    return answer(200, query.face.one(views_marks.known_plate(known, query.face)), query.strangers)


@get("/known-plates")
async def list_known_plates(request: AnyRequest) -> Response[bytes]:
    """Plates with a name, by group."""
    query, marks = Query(request), of(request).marks
    limit, offset = query.page(100, MAX_LISTED)
    strangers, face = query.unknown(), query.face
    found = await marks.known(limit, offset)
    total = await marks.count_known() if face.v2 else 0
    shown = [views_marks.known_plate(each, face) for each in found]
    return answer(200, face.envelope(shown, total, limit, offset), strangers)


async def _change(request: AnyRequest, query: Query, verb: Verb) -> Response[bytes]:
    made = await of(request).marks.change(verb)
    return answer(200, query.face.one(views_marks.correction(made, query.face)), query.strangers)


async def _body(request: AnyRequest, query: Query, known: set[str]) -> dict[str, Any]:
    body = await params.object_body(request)
    if query.face.v2:
        known_only(body, known, "")
    return body


async def _text(request: AnyRequest, query: Query, name: str) -> str:
    body = await _body(request, query, {name})
    return params.convert(body.get(name), str, name)


def _line(body: dict[str, Any], name: str, most: int, *, required: bool = True, lines: bool = False) -> str:
    """A text that people wrote; what cannot be seen is shown as such."""
    given = params.convert(body.get(name, ""), str, name)
    text = "".join(c if c.isprintable() or (lines and c == "\n") else "\ufffd" for c in given.strip())
    if len(given) > most or (required and not text):
        raise BadInput(f"{name} must be 1 to {most} characters", [(name, "is too long or missing")])
    return text


def _plate(text: str) -> str:
    """A plate in a path, which need not have been seen."""
    try:
        return plate_text(text, "plate")
    except BadInput as error:
        raise NotFound(f"Plate {text[:40]!r} not found: {error}") from None


ROUTES = [
    get_plate, correct_plate, merge_plate, dismiss_plate, correct_sighting, dismiss_sighting,
    list_corrections, undo_correction, note_plate, name_plate, unname_plate, list_known_plates,
]  # fmt: skip
