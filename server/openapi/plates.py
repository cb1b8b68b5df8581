"""The operations of one plate: what is known of it, and what people say of it."""

from __future__ import annotations

from server.corrections import KINDS, LONGEST, PLATE
from server.openapi import nouns
from server.openapi.build import (
    INT64,
    Piece,
    array,
    body,
    good,
    in_path,
    limit,
    offset,
    operation,
    query,
    ref,
    thing,
)
from server.openapi.shapes import COUNT, FLAG, TEXT, UTC, maybe, said
from server.routes.plates import GROUP, GROUP_MOST, MAX_LISTED, NAME_MOST, NOTE_MOST

TAG = "Plates"
_PLATE = in_path(
    "plate", "The plate; case, spaces and dashes do not matter.", {**TEXT, "minLength": 1}, "ABC123"
)
_SIGHTING = in_path("sighting_id", "The sighting's number.", {**TEXT, "minLength": 1}, "41")
_TEXT: Piece = {**TEXT, "minLength": 1, "maxLength": LONGEST, "pattern": PLATE}
_KNOWN: Piece = {
    "plate_text": said(TEXT, "The plate."),
    "name": said(TEXT, "Its name."),
    "group": said(TEXT, "`mine`, `family`, `neighbours`, or any other word."),
    "since": said(UTC, "Since when it has one, UTC."),
}
_CORRECTION: Piece = {
    "correction_id": said({"type": "integer", "minimum": 1, "maximum": INT64}, "Its number."),
    "kind": said({"type": "string", "enum": list(KINDS)}, "What was said."),
    "plate_text": said(TEXT, "The plate as it was shown."),
    "text": said(maybe(TEXT), "What it is instead; null: no plate."),
    "video_id": said(maybe(TEXT), "Where it is about one sighting: the clip."),
    "first_seconds": said({"type": ["number", "null"]}, "Where in that clip."),
    "sightings_count": said(COUNT, "How many sightings are shown otherwise because of it."),
    "made_at": said(UTC, "When, UTC."),
    "undone_at": said(maybe(UTC), "When it was taken back, UTC; null: it holds."),
}
_COUNTED = array(
    thing("A text.", {"plate_text": said(TEXT, "The text."), "sightings_count": said(COUNT, "How often.")}),
    description="",
)
_BOOK: Piece = {
    "plate_text": said(TEXT, "The plate."),
    "known": {"anyOf": [ref("KnownPlate"), {"type": "null"}], "description": "Its name; null: it has none."},
    "note": said(maybe(TEXT), "What people wrote down about it."),
    "sightings_count": said(COUNT, "How often it was seen; 10,000 are counted."),
    "counted_all": said(FLAG, "false: there are more than were counted."),
    "confirmed_count": said(COUNT, "On how many of the newest 200 enough looks agreed, or a person."),
    "first_seen": said(maybe(TEXT), "On the camera's local clock."),
    "last_seen": said(maybe(TEXT), "On the camera's local clock."),
    "best": {"anyOf": [ref("ExpandedPlate"), {"type": "null"}], "description": "The surest of the newest."},
    "read_as": _COUNTED | {"description": "What was read where a person corrected it."},
    "runners_up": _COUNTED | {"description": "Other readings of the newest sightings."},
    "days": array(
        thing("A day.", {"day": said(TEXT, "`YYYY-MM-DD`."), "sightings_count": said(COUNT, "How often.")}),
        description="The last year's days on which it was seen, newest first.",
    ),
    "corrections": array(ref("Correction"), description="What people said of it and still holds."),
}
_SHOWN: Piece = {
    "correction_id": 3, "kind": "correct", "plate_text": "A8C123", "text": "ABC123", "video_id": None,
    "first_seconds": None, "sightings_count": 4, "made_at": "2024-01-15T12:34:56", "undone_at": None,
}  # fmt: skip
_NAMED: Piece = {
    "plate_text": "ABC123", "name": "Anna's Golf", "group": "neighbours", "since": "2024-01-15T12:34:56",
}  # fmt: skip


def schemas() -> Piece:
    """Components of requests and answers."""
    return {
        "KnownPlate": thing("A plate with a name.", _KNOWN),
        "Correction": thing("What a person said was read wrongly.", _CORRECTION),
        "PlateBook": thing("All that is known of a plate.", _BOOK),
        "PlateText": thing("The right text.", {"text": said(_TEXT, "Letters and digits.")}, strict=False),
        "PlateInto": thing("Another plate.", {"into": said(_TEXT, "One that was seen.")}, strict=False),
        "PlateNote": thing(
            "A note.",
            {"text": said({**TEXT, "maxLength": NOTE_MOST}, "Empty: there is none.")},
            optional=("text",),
            strict=False,
        ),
        "PlateNamed": thing(
            "A name.",
            {
                "name": said({**TEXT, "minLength": 1, "maxLength": NAME_MOST, "pattern": r"\S"}, "The name."),
                "group": said({**TEXT, "maxLength": GROUP_MOST, "default": GROUP}, "Of which it is one."),
            },
            optional=("group",),
            strict=False,
        ),
        "NotedPlate": thing(
            "The note.", {"plate_text": said(TEXT, "The plate."), "note": said(maybe(TEXT), "The note.")}
        ),
    }


def paths() -> Piece:
    """Addresses, methods, operations."""
    plate, sighting = "/api/v1/plates/{plate}", "/api/v1/sightings/{sighting_id}"
    return {
        plate: {"get": _get()},
        f"{plate}/correct": {"post": _correct(_PLATE, "Plate", "It is another plate")},
        f"{plate}/merge": {"post": _merge()},
        f"{plate}/dismiss": {"post": _dismiss(_PLATE, "Plate", "What reads so is no plate")},
        f"{plate}/note": {"post": _note()},
        f"{plate}/name": {"post": _name(), "delete": _unname()},
        f"{sighting}/correct": {"post": _correct(_SIGHTING, "Sighting", "One sighting is of another plate")},
        f"{sighting}/dismiss": {"post": _dismiss(_SIGHTING, "Sighting", "One sighting is no plate")},
        "/api/v1/corrections": {"get": _corrections()},
        "/api/v1/corrections/{correction_id}": {"delete": _undo()},
        "/api/v1/known-plates": {"get": _known()},
    }  # fmt: skip


def _get() -> Piece:
    answer = good(200, "The plate.", ref("PlateBook"))
    text = "All that is known of one plate: when it was seen, how surely it was read, what people say of it."
    return operation(TAG, "getPlate", "Show a plate", text, answer, _PLATE, fails=(404,))


def _correct(where: Piece, what: str, text: str) -> Piece:
    sends = body(ref("PlateText"), "The right text.", right={"text": "ABC123"})
    answer = good(200, "What was noted.", ref("Correction"), corrected=_SHOWN)
    text = f"{text}. It holds for clips to come, and when some are processed again. Needs an admin."
    return operation(
        TAG, f"correct{what}", f"Correct a {what.lower()}", text, answer, where, sends=sends, fails=(404, 409)
    )


def _merge() -> Piece:
    sends = body(ref("PlateInto"), "The plate that it is.", right={"into": "ABC123"})
    answer = good(200, "What was noted.", ref("Correction"), merged=_SHOWN | {"kind": "merge"})
    text = "As a correction, into a plate that was seen. Needs an admin."
    return operation(TAG, "mergePlate", "Merge a plate", text, answer, _PLATE, sends=sends, fails=(404, 409))


def _dismiss(where: Piece, what: str, text: str) -> Piece:
    answer = good(
        200, "What was noted.", ref("Correction"), dismissed=_SHOWN | {"kind": "dismiss", "text": None}
    )
    text = f"{text}. Needs an admin."
    return operation(TAG, f"dismiss{what}", f"Dismiss a {what.lower()}", text, answer, where, fails=(404,))


def _note() -> Piece:
    sends = body(ref("PlateNote"), "The note.", note={"text": "parks in the drive"})
    answer = good(200, "The note.", ref("NotedPlate"))
    text = "Write a note on a plate; an empty text removes it. Needs an admin."
    return operation(TAG, "notePlate", "Write a note", text, answer, _PLATE, sends=sends, fails=(404,))


def _name() -> Piece:
    sends = body(ref("PlateNamed"), "The name.", name={"name": "Anna's Golf", "group": "neighbours"})
    answer = good(200, "The known plate.", ref("KnownPlate"), known=_NAMED)
    text = (
        "Give a plate a name, also one that was never seen. `known=hide` leaves such plates out of searches, "
        "as the pages do. Needs an admin."
    )
    return operation(TAG, "namePlate", "Name a plate", text, answer, _PLATE, sends=sends, fails=(404,))


def _unname() -> Piece:
    answer = good(200, "What it was.", ref("KnownPlate"), known=_NAMED)
    text = "A plate has no name any more. Needs an admin."
    return operation(TAG, "unnamePlate", "Remove a name", text, answer, _PLATE, fails=(404,))


def _known() -> Piece:
    page = (limit(100, MAX_LISTED, "plates"), offset("plates"))
    answer = good(200, "Known plates.", array(ref("KnownPlate")), known=[_NAMED])
    return operation(
        TAG, "listKnownPlates", "List known plates", "Plates with a name, by group.", answer, *page
    )


def _corrections() -> Piece:
    about = query("plate", "Only what is about this plate, as it was or as it is.", TEXT)
    clip = query("video_id", "Only what is about sightings of this clip.", nouns.VIDEO_ID)
    page = (limit(100, MAX_LISTED, "corrections"), offset("corrections"))
    answer = good(200, "Corrections.", array(ref("Correction")), corrections=[_SHOWN])
    text = "What people said was read wrongly, newest first, also what was taken back."
    return operation(TAG, "listCorrections", "List corrections", text, answer, about, clip, *page)


def _undo() -> Piece:
    number = in_path("correction_id", "The correction's number.", {**TEXT, "minLength": 1}, "3")
    answer = good(200, "The correction as it is now.", ref("Correction"))
    text = "Take a correction back: all is as if it had not been made. Needs an admin."
    return operation(TAG, "undoCorrection", "Undo a correction", text, answer, number, fails=(404, 409))
