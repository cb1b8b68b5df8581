"""How an encounter is shown."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from server.catalogue import Meeting, Met
from server.face import Face
from server.views import V1, crop_url


def encounter(each: Meeting, face: Face = V1) -> dict[str, Any]:
    """An encounter; its times are those of the cameras that saw it first and last."""
    first, last = each.met[0], each.met[-1]
    place = next((m for m in (each.best, *each.met) if m.lat is not None), None)
    return {
        "plate_text": each.plate,
        "first_seen": _local(each.begins, first, face),
        "last_seen": _local(each.ends, last, face),
        "sightings_count": each.count,
        "clips_count": each.clips,
        "channels": each.channels,
        "location": None if place is None else {"lat": place.lat, "lon": place.lon},
        "best": _sighting(each.best, face),
        "sightings": [_sighting(met, face) for met in each.met],
    }


def _sighting(met: Met, face: Face) -> dict[str, Any]:
    return {
        "sighting_id": met.sighting_id,
        "video_id": met.video_id,
        "plate_text": met.plate,
        "channel": met.channel,
        "confidence": met.confidence,
        "confirmed": met.confirmed,
        "timestamp": face.local(met.timestamp, met.utc_offset_seconds),
        "first_seconds": met.first_seconds,
        "location": None if met.lat is None else {"lat": met.lat, "lon": met.lon},
        "media": crop_url(met.crop),
    }


def _local(seconds: float | None, by: Met, face: Face) -> str | None:
    """An instant of the encounter by the clock of the camera that saw it."""
    if seconds is None:
        return None
    try:
        when = datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)
    except (ValueError, OverflowError, OSError):
        return None
    return face.local(when.isoformat(timespec="seconds"), by.utc_offset_seconds)
