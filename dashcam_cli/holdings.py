"""What the catalogue knows of the places of this host, looked up on their disks."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import msgspec

from dashcam_cli.client import Client
from stages.errors import BadInput
from stages.files import HostPlaces
from stages.removals import Stays, find_clip, find_output, going
from stages.retention import Holding, Kind
from stages.task import FileRef

_DAY = 86_400.0
#: Of so many files of one class in one place, more than half missing looks like a mount that is not there.
_FEW = 3
#: A removal that was begun so lately may be another host's that is at it (seconds).
_LATELY = 3600.0


class Archive(msgspec.Struct, frozen=True):
    """Where a clip's archive lies."""

    path: str
    device: str | None = None


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A catalogued file as the server lists it."""

    video_id: str
    kind: Kind
    device: str
    path: str
    known_since: str
    recorded_at: str | None = None
    locked: bool = False
    protected: bool = False
    busy: str | None = None
    archive: Archive | None = None


class Located(NamedTuple):
    """Something of a clip, and where it lies here. `begun`: half removed already."""

    holding: Holding
    row: Row
    rows: list[str]
    path: Path
    begun: bool = False


class Looked(NamedTuple):
    """What was found; what is gone; what must be left alone, with the reason."""

    found: list[Located]
    gone: list[Located]
    left: list[tuple[Holding, str]]


def rows_of(
    client: Client, places: list[str], kinds: Iterable[Kind], videos: Iterable[str] = ()
) -> Iterator[Row]:
    """Every catalogued file of these classes in these places (of these clips)."""
    after: int | None = 0
    kinds, videos = list(kinds), list(videos)
    while after is not None and places and kinds:
        page = client.candidates(places, kinds, videos=videos, after=after)
        yield from msgspec.convert(page["files"], list[Row])
        after = page["next"]


def grouped(rows: Iterable[Row]) -> list[list[Row]]:
    """Rows of one thing together: a raw clip by itself, all that one stage left for one clip in one place."""
    groups: dict[tuple[str, str, str, str], list[Row]] = {}
    for row in rows:
        alone = row.path if row.kind == Kind.RAW else ""
        groups.setdefault((row.video_id, row.kind, row.device, alone), []).append(row)
    return list(groups.values())


def look(places: HostPlaces, groups: Iterable[list[Row]]) -> Looked:
    """Find things on the disk. Raises `PlaceAbsent` when a place goes away meanwhile."""
    looked = Looked([], [], [])
    now = time.time()
    for group in groups:
        row, rows = group[0], [row.path for row in group]
        try:
            located = _locate(places, group, now)
        except (Stays, BadInput) as why:
            looked.left.append((_holding(row, row.path, 0, now), str(why)))
        except OSError as error:
            looked.left.append((_holding(row, row.path, 0, now), f"it cannot be read: {error.strerror}"))
        else:
            root = places.path(
                FileRef(device=row.device, path="/")
            )  # still there? else it is absent, not gone
            nothing = Located(_holding(row, row.path, 0, now), row, rows, root)
            (looked.gone if located is None else looked.found).append(located or nothing)
    return looked


def _locate(places: HostPlaces, group: list[Row], now: float) -> Located | None:
    for row in group:
        root = places.path(FileRef(device=row.device, path="/"))
        path = places.path(FileRef(device=row.device, path=row.path))
        raw = row.kind == Kind.RAW
        found = find_clip(root, path) if raw else find_output(root, path, row.kind, row.video_id)
        if found is None:
            continue
        if found.begun and now - going(found.path).stat().st_ctime < _LATELY:
            raise Stays("somebody began to remove it a moment ago")
        shown = row.path if raw else f"/{found.path.relative_to(root).as_posix()}/"
        holding = _holding(row, shown, found.size, now)
        return Located(holding, row, [each.path for each in group], found.path, found.begun)
    return None


def _holding(row: Row, path: str, size: int, now: float) -> Holding:
    return Holding(
        video_id=row.video_id,
        kind=row.kind,
        device=row.device,
        path=path,
        size=size,
        age=(now - _since(row, now)) / _DAY,
        protected=row.protected,
        spared=row.locked,
        held=row.busy or ("it has no archive" if row.kind == Kind.RAW and row.archive is None else ""),
    )


def _since(row: Row, now: float) -> float:
    """When it was recorded or came in, whichever was later. A start in the future is a camera's mistake."""
    known = _seconds(row.known_since)
    recorded = _seconds(row.recorded_at) if row.recorded_at else None
    if known is None:
        return now
    return known if recorded is None or recorded > now else max(known, recorded)


def _seconds(text: str) -> float | None:
    try:
        when = datetime.fromisoformat(text)
        return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError, OSError):
        return None


def doubtful(looked: Looked) -> dict[tuple[str, str], int]:
    """Places and classes of which so much is missing that it looks like a mount that is not there."""
    there: dict[tuple[str, str], int] = {}
    gone: dict[tuple[str, str], int] = {}
    for each in looked.found:
        key = (each.holding.device, each.holding.kind.value)
        there[key] = there.get(key, 0) + 1
    for each in looked.gone:
        key = (each.holding.device, each.holding.kind.value)
        gone[key] = gone.get(key, 0) + 1
    return {
        key: count
        for key, count in gone.items()
        if count > there.get(key, 0) and count + there.get(key, 0) >= _FEW
    }
