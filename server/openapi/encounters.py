"""The operation of encounters."""

from __future__ import annotations

from server.openapi import nouns
from server.openapi.build import Piece, array, good, limit, offset, operation, ref, thing
from server.openapi.shapes import CAMERA, CONFIDENCE, COUNT, FLAG, PLACE_ON_EARTH, TEXT, maybe, said
from server.openapi.webui import AREA, DAYS, PLATE, TAG
from server.routes.encounters import MAX_LISTED
from server.sqlite_encounter_list import MOST_SIGHTINGS

_PLACE: Piece = thing("Where the camera was; null when not known.", PLACE_ON_EARTH) | {
    "type": ["object", "null"]
}
_SIGHTING: Piece = {
    "sighting_id": said({"type": "integer", "minimum": 1}, "Its number, until its clip is processed again."),
    "video_id": nouns.VIDEO_ID,
    "plate_text": said(TEXT, "What was read there; it may differ from the encounter's by look-alikes."),
    "channel": said(maybe(TEXT), "The lens that saw it."),
    "confidence": said(CONFIDENCE, "How sure the reading is, 0 to 1."),
    "confirmed": said(FLAG, "Whether enough looks agreed."),
    "timestamp": said(maybe(TEXT), "When it shows best, on the camera's local clock."),
    "first_seconds": said({"type": ["number", "null"]}, "First seen, seconds from the clip's start."),
    "location": _PLACE,
    "media": said(maybe(TEXT), "Address of its picture on this server."),
}
_SHOWN_SIGHTING: Piece = {
    "sighting_id": 41,
    "video_id": "trip_20240115_1",
    "plate_text": "ABC123",
    "channel": "front",
    "confidence": 0.92,
    "confirmed": True,
    "timestamp": "2024-01-15T12:36:45",
    "first_seconds": 108.5,
    "location": {"lat": 37.7749, "lon": -122.4194},
    "media": None,
}
_SHOWN: Piece = {
    "plate_text": "ABC123",
    "first_seen": "2024-01-15T12:36:44",
    "last_seen": "2024-01-15T12:36:51",
    "sightings_count": 1,
    "clips_count": 1,
    "channels": ["front"],
    "location": {"lat": 37.7749, "lon": -122.4194},
    "best": _SHOWN_SIGHTING,
    "sightings": [_SHOWN_SIGHTING],
}


def schemas() -> Piece:
    """Components of the answers."""
    return {
        "EncounterSighting": thing("One sighting of an encounter.", _SIGHTING),
        "Encounter": thing(
            "Sightings of one plate, in whatever clips and channels, with no long pause between them.",
            {
                "plate_text": said(TEXT, "The plate; the confirmed text where only one is."),
                "first_seen": said(maybe(CAMERA), "On the camera's local clock; null when no time is known."),
                "last_seen": said(maybe(CAMERA), "The same of its end."),
                "sightings_count": said(COUNT, "How many sightings it has."),
                "clips_count": said(COUNT, "In how many clips."),
                "channels": array(TEXT, description="The lenses that saw it."),
                "location": _PLACE,
                "best": ref("EncounterSighting", description="The surest of them."),
                "sightings": array(
                    ref("EncounterSighting"),
                    description=f"They, in order of time; {MOST_SIGHTINGS} are listed at most.",
                ),
            },
        ),
    }


def paths() -> Piece:
    """Addresses, methods, operations."""
    answer = good(200, "Encounters.", array(ref("Encounter")), encounters=[_SHOWN])
    page = (limit(50, MAX_LISTED, "encounters"), offset("encounters"))
    text = (
        "Encounters of which the filters find a sighting, newest first. How long a pause may be is the "
        "setting `encounters.gap_minutes`."
    )
    made = operation(TAG, "listEncounters", "List encounters", text, answer, *PLATE, *DAYS, *AREA, *page)
    return {"/api/v1/webui/encounters": {"get": made}}
