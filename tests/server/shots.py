"""Clips for tests of trips."""

from datetime import UTC, datetime

from server.sqlite_trips import shot_of
from server.trips import Shot

MODES = ("normal", "normal", "parking", "event", "timelapse")


def local(seconds: float) -> str:
    """Seconds since 1970 as ingest writes a camera's clock."""
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None).isoformat(timespec="seconds")


def shot_from(video_id: str, facts: dict) -> Shot:
    """A clip as trips see it."""
    found = shot_of(video_id, facts)
    assert found is not None
    return found[1]
