"""What the stages said of a clip, over SQLite: kept for each stage, and joined in the clip's own columns."""

from __future__ import annotations

import sqlite3
from typing import Any

import msgspec

from server.catalogue import Learned
from server.search import normal
from server.sql import SQL
from server.sqlite_trips import SqliteTrips
from stages.task import TaskType

Facts = dict[str, Any]

#: Facts of later stages lie over those of earlier ones.
_ORDER: dict[str, int] = {task_type: number for number, task_type in enumerate(TaskType)}
_METADATA = ("filename", "frame_count", "detections_count", "plates_found", "duration_seconds")
_COLUMNS = ("filename", "duration_seconds", "total_frames", "detections_count")
_ALL_COLUMNS = (*_COLUMNS, "fingerprint", "start_local", "start_utc", "plates_found")
#: Facts that an index or another table goes by.
_INDEXED = ("start_local", "start_utc", "fingerprint", "channel", "mode", "plates_found")


def put_clip(
    connection: sqlite3.Connection, video_id: str, task_type: str, learned: Learned, now: int
) -> None:
    """Note that a task is done, and what it said of its clip. What it does not mention stays as it was."""
    clip: Facts = {"video_id": video_id, "task_type": task_type}
    news = _facts(learned)
    brief = learned.poster is None and task_type != TaskType.ARCHIVE_VIDEO
    if not news and brief:  # so most scripts complete their tasks
        connection.execute(SQL["say_nothing"], clip)
        if connection.execute(SQL["count_done"], clip).rowcount:
            return
    texts = connection.execute(SQL["said_of"], clip).fetchall()
    said = {kind: msgspec.json.decode(text) for kind, text in texts}
    before = _joined(said)
    said[task_type] = said.get(task_type, {}) | news
    connection.execute(SQL["put_said"], clip | {"facts": _text(said[task_type])})
    facts = _joined(said)
    known = (
        brief
        and all(facts.get(name) == before.get(name) for name in _INDEXED)
        and _note(connection, clip, facts)
    )
    if not known:
        _rewrite(connection, clip, facts, learned, now)
    if facts != before and (facts.get("start_local") or before.get("start_local")):
        SqliteTrips(connection).note(video_id, facts)


def _note(connection: sqlite3.Connection, clip: Facts, facts: Facts) -> bool:
    """Write what no index goes by; False when the clip is not known yet."""
    values = {name: facts.get(name) for name in _COLUMNS}
    return connection.execute(SQL["note_done"], clip | values | {"facts": _text(facts)}).rowcount > 0


def _rewrite(connection: sqlite3.Connection, clip: Facts, facts: Facts, learned: Learned, now: int) -> None:
    values = {name: facts.get(name) for name in _ALL_COLUMNS}
    values |= clip | {
        "facts": _text(facts),
        "poster": learned.poster,
        "archived": clip["task_type"] == TaskType.ARCHIVE_VIDEO,
        "archive_device": learned.archive.device if learned.archive else None,
        "archive_path": learned.archive.path if learned.archive else None,
    }
    if connection.execute(SQL["put_clip"], values).rowcount == 0:
        connection.execute(SQL["expect_clip"], clip | {"now": now, "fingerprint": None})
        connection.execute(SQL["put_clip"], values)


def _joined(said: dict[str, Facts]) -> Facts:
    """What all stages said, later ones over earlier ones."""
    if len(said) == 1:
        return next(iter(said.values()))
    facts: Facts = {}
    for kind in sorted(said, key=lambda kind: _ORDER.get(kind, -1)):
        facts |= said[kind]
    return facts


def _text(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _facts(learned: Learned) -> Facts:
    """What a stage said, as one flat table: documented metadata first, its own facts over it."""
    told = learned.metadata
    said = {key: told[key] for key in _METADATA if key in told and _usable(key, told[key])}
    if "frame_count" in said:
        said["total_frames"] = said.pop("frame_count")
    if learned.facts is not None:
        facts: Facts = msgspec.to_builtins(learned.facts)
        said |= {key: value for key, value in facts.items() if key not in ("type", "poster")}
    if learned.sightings is not None:
        said["plates_found"] = len({normal(seen.plate) for seen in learned.sightings if seen.confirmed})
    if learned.tracks is not None:
        said["detections_count"] = learned.tracks
    return said


def _usable(key: str, value: Any) -> bool:
    """Metadata is anybody's; what is not of the documented kind is not taken for a fact."""
    if key == "filename":
        return isinstance(value, str) and len(value) <= 255
    kinds = (int, float) if key == "duration_seconds" else int
    return isinstance(value, kinds) and not isinstance(value, bool) and 0 <= value < 1 << 53
