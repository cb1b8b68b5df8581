"""How corrections, known plates, watches and all that is known of a plate are shown."""

from __future__ import annotations

from typing import Any

from server.corrections import Correction
from server.face import Face
from server.marks import COUNTED, KnownPlate, PlateBook
from server.views import PLATE_MORE, plate
from server.watches import Delivery, Watch


def correction(each: Correction, face: Face) -> dict[str, Any]:
    """A correction."""
    return {
        "correction_id": each.correction_id,
        "kind": each.kind,
        "plate_text": each.plate,
        "text": each.text,
        "video_id": each.video_id,
        "first_seconds": each.first_seconds,
        "sightings_count": each.sightings,
        "made_at": face.stamp(each.made_at),
        "undone_at": face.stamp(each.undone_at),
    }


def known_plate(each: KnownPlate, face: Face) -> dict[str, Any]:
    """A plate with a name."""
    return {
        "plate_text": each.plate, "name": each.name, "group": each.kind, "since": face.stamp(each.since),
    }  # fmt: skip


def plate_book(book: PlateBook, prefix: str, face: Face) -> dict[str, Any]:
    """All that is known of a plate."""
    return {
        "plate_text": book.plate,
        "known": None if book.known is None else known_plate(book.known, face),
        "note": book.note or None,
        "sightings_count": min(book.count, COUNTED),
        "counted_all": book.count <= COUNTED,
        "confirmed_count": book.confirmed,
        "first_seen": face.local(book.first, _offset(book)),
        "last_seen": face.local(book.last, _offset(book)),
        "best": None if book.best is None else plate(book.best, prefix, PLATE_MORE, face),
        "read_as": [{"plate_text": text, "sightings_count": many} for text, many in book.read_as],
        "runners_up": [{"plate_text": text, "sightings_count": many} for text, many in book.runners_up],
        "days": [{"day": day, "sightings_count": many} for day, many in book.days],
        "corrections": [correction(each, face) for each in book.corrections],
    }


def _offset(book: PlateBook) -> int | None:
    """How far the clock of the newest sighting is ahead of UTC."""
    return book.newest[0].utc_offset_seconds if book.newest else None


def watch(each: Watch, face: Face) -> dict[str, Any]:
    """A watch, without its secret."""
    return {
        "watch_id": each.watch_id,
        "name": each.name,
        "text": each.text,
        "match": each.match,
        "active": each.active,
        "webhook": each.webhook,
        "topic": each.topic,
        "made_at": face.stamp(each.made_at),
        "past_searched_at": face.stamp(each.past_at),
        "past_sightings": each.past_count,
    }


def delivery(each: Delivery, face: Face) -> dict[str, Any]:
    """One notification on one way."""
    return {
        "delivery_id": each.delivery_id,
        "watch_id": each.watch_id,
        "event_id": each.event_id,
        "event": each.event,
        "way": each.way,
        "plate_text": each.plate,
        "video_id": each.video_id,
        "state": each.state,
        "made_at": face.stamp(each.made_at),
        "attempts": each.attempts,
        "next_at": face.stamp(each.next_at),
        "last_at": face.stamp(each.last_at),
        "answer": each.answer,
    }
