"""Clips that lie elsewhere than they did: a camera locks a clip by moving it, a person tidies up.

The content names the clip, so nothing is worked on again: its path and its lock are put right.
"""

from __future__ import annotations

import sqlite3
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from server.sql import SQL
from stages.task import TaskType


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """A file with a known content. `locked`: what its name and folders say. `was`: where the clip lay in this
    place, when nothing is there any more.
    """

    fingerprint: Annotated[str, Meta(min_length=1, max_length=255)]
    device: Annotated[str, Meta(min_length=1, max_length=255)]
    path: Annotated[str, Meta(min_length=1, max_length=4096)]
    locked: bool = False
    was: Annotated[str, Meta(min_length=1, max_length=4096)] | None = None


class Placed(msgspec.Struct, frozen=True, kw_only=True):
    """What the catalogue has now. `path`: where it has the clip in that place; None: not there."""

    fingerprint: str
    video_id: str
    path: str | None
    locked: bool
    changed: bool


def place(connection: sqlite3.Connection, seen: Seen) -> Placed | None:
    """Take in where a clip was seen, inside a transaction; None for an unknown content.

    A clip that is somewhere locked is locked. A clip that was moved has the path it was moved to, in the
    tasks that are not finished too, and is locked or not as it is there.
    """
    found = connection.execute(SQL["known_fingerprint"], {"fingerprint": seen.fingerprint}).fetchone()
    if found is None:
        return None
    video_id: str = found[0]
    refs = connection.execute(SQL["raw_files"], {"video_id": video_id, "device": seen.device}).fetchall()
    paths: dict[str, str] = dict(refs)
    moved = seen.was is not None and seen.was in paths and seen.was != seen.path
    if moved:
        _readdress(connection, video_id, seen, paths[str(seen.was)])
        paths = {seen.path: ""}
    facts = msgspec.json.decode(connection.execute(SQL["facts_of"], {"video_id": video_id}).fetchone()[0])
    locked = bool(facts.get("locked"))
    wanted = seen.locked if moved else locked or seen.locked
    if wanted != locked:
        _say(connection, video_id, {"locked": wanted})
    path = seen.path if seen.path in paths else next(iter(paths), None)
    # Before its ingest a clip has no facts: its lock is said then, and is no news.
    changed = moved or (wanted != locked and bool(facts))
    return Placed(fingerprint=seen.fingerprint, video_id=video_id, path=path, locked=wanted, changed=changed)


def _readdress(connection: sqlite3.Connection, video_id: str, seen: Seen, ref: str) -> None:
    new = msgspec.json.encode(msgspec.json.decode(ref) | {"path": seen.path}).decode()
    values = {"video_id": video_id, "device": seen.device, "was": seen.was, "path": seen.path, "ref": new}
    connection.execute(SQL["move_file"], values)
    unfinished = connection.execute(SQL["unfinished_inputs"], {"video_id": video_id}).fetchall()
    for task_id, inputs in unfinished:
        refs = msgspec.json.decode(inputs, type=list[dict[str, Any]])
        told = [_moved(each, seen) for each in refs]
        if told != refs:
            resolved = msgspec.json.encode(told).decode()
            connection.execute(SQL["readdress_task"], {"task_id": task_id, "resolved": resolved})


def _moved(ref: dict[str, Any], seen: Seen) -> dict[str, Any]:
    there = (ref.get("device"), ref.get("path")) == (seen.device, seen.was)
    return ref | {"path": seen.path} if there else ref


def _say(connection: sqlite3.Connection, video_id: str, facts: dict[str, Any]) -> None:
    """Put a fact right that ingest told."""
    text = msgspec.json.encode(facts).decode()
    values = {"video_id": video_id, "task_type": TaskType.INGEST_VIDEO, "facts": text}
    connection.execute(SQL["amend_said"], values)
    connection.execute(SQL["amend_facts"], values)
