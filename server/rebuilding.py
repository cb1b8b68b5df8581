"""A catalogue that was lost, told anew: what stages left beside their outputs is taken in as they said it.

Only what the catalogue does not know is taken: a repeat changes nothing, and nothing newer is replaced.
"""

from __future__ import annotations

import sqlite3
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from server import asks, params
from server.catalogue import Learned
from server.media import Media
from server.schema import raise_task_numbers
from server.sql import SQL
from server.sqlite_catalogue import SqliteCatalogue
from stages.errors import BadInput
from stages.task import TaskType

#: Results in one call.
MOST = 100
#: A task's number beyond this is not believed.
_NUMBER = 1 << 40


class Outcome(msgspec.Struct, frozen=True):
    """What became of one result. `outcome`: taken, known or refused; `why`: the reason for the last."""

    video_id: str
    task_type: str
    outcome: str
    why: str = ""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """One stage's result for one clip, checked; pictures are kept already."""

    video_id: str
    task_type: TaskType
    learned: Learned
    task_id: Annotated[int, Meta(ge=0)] = 0


def read(item: dict[str, Any], media: Media) -> Told | Outcome:
    """A result as it was sent, or why it is refused."""
    name, kind = str(item.get("video_id"))[:128], str(item.get("task_type"))[:40]
    try:
        params.one_of("task_type", kind, params.TASK_TYPES)
        video_id = params.video_id(item.get("video_id"))
        if video_id is None:
            raise BadInput("video_id is missing")
        learned = asks.learned(item.get("results"), media)
        outputs = asks.refs(item.get("outputs"), "outputs")
        metadata = asks.table(item.get("metadata"), "metadata")
        number = params.convert(item.get("task_id", 0), int, "task_id")
    except BadInput as error:
        return Outcome(name, kind, "refused", str(error))
    learned = msgspec.structs.replace(learned, outputs=outputs, metadata=metadata)
    return Told(
        video_id=video_id,
        task_type=TaskType(kind),
        learned=learned,
        task_id=number if 0 < number < _NUMBER else 0,
    )


def take(connection: sqlite3.Connection, told: list[Told | Outcome], now: int) -> list[Outcome]:
    """Take in what is news, inside a transaction."""
    out = [_take_one(connection, each, now) if isinstance(each, Told) else each for each in told]
    # What workers still hold from the time before must not have the number of a new task.
    raise_task_numbers(connection, max((each.task_id for each in told if isinstance(each, Told)), default=0))
    return out


def _take_one(connection: sqlite3.Connection, told: Told, now: int) -> Outcome:
    key = {"video_id": told.video_id, "task_type": told.task_type}
    said, files = connection.execute(SQL["what_is_known"], key).fetchone()
    if said and (files or not told.learned.outputs):
        return Outcome(told.video_id, told.task_type, "known")
    SqliteCatalogue(connection).learn(told.video_id, told.task_type, told.learned, now)
    return Outcome(told.video_id, told.task_type, "taken")
