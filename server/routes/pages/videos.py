"""`/videos`: clips by day and trip, narrowed by what is known of them; here trips are edited, too."""

from __future__ import annotations

from calendar import monthrange
from itertools import groupby
from typing import Any
from urllib.parse import urlencode

import msgspec
from litestar import Response, get

from server.catalogue import Trip, TripEdit
from server.mapping import map_face
from server.pages import page, who
from server.params import AnyRequest, Query
from server.routes.webui import area_of
from server.search import day
from server.services import Services, of
from server.sqlite_clip_list import STATUSES, ClipFilter, Listed
from server.sqlite_map import extent
from server.sqlite_trips import camera_seconds
from server.trips import Shot, moments
from stages.errors import BadInput

#: Clips on a page, and up to where they are counted.
SHOWN, COUNTED = 48, 1000
#: Edits of trips that can be taken back here; the command takes back older ones.
_EDITS = 5
_ASKED = ("from", "to", "month", "mode", "status", "plates", "bbox")
_MOST_CHANNELS = 20
#: What a form holds: texts, and the channels that are ticked.
Asked = dict[str, str | list[str]]


class Drive(msgspec.Struct):
    """A trip, or clips that are of none, on one day: `trip` None. `moments`: clips recorded at once."""

    trip: Trip | None
    moments: list[list[Listed]]


class Day(msgspec.Struct):
    """Trips of one day, newest first; `date` None: clips whose date is not known."""

    date: str | None
    drives: list[Drive]


@get("/videos")
async def videos(request: AnyRequest) -> Response[bytes]:
    """A page of clips, newest first."""
    query, services = Query(request), of(request)
    asked: Asked = {name: query.text(name) or "" for name in _ASKED}
    asked["channel"] = [each[:64] for each in dict.fromkeys(query.texts("channel"))][:_MOST_CHANNELS]
    editing = query.text("edit") is not None and who(request).may_edit
    kept = {name: value for name, value in asked.items() if value}
    which, trouble = ClipFilter(limit=SHOWN), ""
    try:
        which = _filter(query, asked)
    except BadInput as error:
        trouble = str(error)
    clips, more = await services.clips.clips(which)
    whole = which.before is None and not more
    count = len(clips) if whole else await services.clips.count(which, COUNTED + 1)
    channels, modes = await services.clips.kinds()
    face = map_face(services.settings)
    return page(
        request,
        "videos.html",
        images=face.images,
        face=face,
        extent=await services.database.read(extent) or [],
        asked=asked,
        trouble=trouble,
        narrowed=bool(kept),
        statuses=STATUSES,
        editing=editing,
        edits=await _edits(services) if editing else [],
        turn_edit=_address(kept, edit=not editing),
        days=await _days(services, clips),
        count=count,
        counted=COUNTED,
        channels=channels,
        modes=modes,
        months=await services.clips.months(),
        older=_address(kept, edit=editing, before=_before(clips[-1])) if more else "",
        newest="" if which.before is None else _address(kept, edit=editing),
    )


def _filter(query: Query, asked: Asked) -> ClipFilter:
    """What the form asks for. Raises `BadInput`."""
    first, last = day(query.text("from"), "from"), day(query.text("to"), "to")
    if month := query.text("month"):
        first = day(month[:7] + "-01", "month")
        year, number = (int(part) for part in str(first).split("-")[:2])
        last = f"{str(first)[:8]}{monthrange(year, number)[1]}"
    return ClipFilter(
        date_from=first,
        date_to=last,
        channels=tuple(asked["channel"]),
        mode=str(asked["mode"])[:64] or None,
        status=query.choice("status", STATUSES),
        plates={"yes": True, "no": False}.get(str(asked["plates"])),
        area=area_of(query),
        before=_place(query.text("before")),
        limit=SHOWN,
    )


def _place(text: str | None) -> tuple[str | None, int, str] | None:
    """`start~created~video_id`, as `_before` writes it."""
    if text is None:
        return None
    start, _, rest = text.partition("~")
    created, _, name = rest.partition("~")
    if not (created.isascii() and created.isdigit() and len(created) < 19):
        raise BadInput("before is not a place in this list; begin at its start", [("before", "is not known")])
    return start[:40] or None, int(created), name[:128]


def _before(last: Listed) -> str:
    return f"{last.start_local or ''}~{last.created_at}~{last.video_id}"


def _address(kept: Asked, *, edit: bool, **more: str) -> str:
    """This page with what the form holds."""
    query = urlencode(kept | ({"edit": "1"} if edit else {}) | more, doseq=True)
    return f"/videos?{query}" if query else "/videos"


async def _edits(services: Services) -> list[TripEdit]:
    """What was said of trips lately and holds, newest first."""
    said = await services.trips.trip_edits(_EDITS * 4, 0)
    return [each for each in said if each.undone_at is None][:_EDITS]


async def _days(services: Services, clips: list[Listed]) -> list[Day]:
    """Clips in their order, by day and then by trip."""
    trips = await services.trips.numbered(list(dict.fromkeys(c.trip for c in clips if c.trip is not None)))
    days = []
    for date, of_day in groupby(clips, lambda clip: clip.start_local and clip.start_local[:10]):
        drives: dict[Any, list[Listed]] = {}
        for clip in of_day:
            drives.setdefault(clip.trip, []).append(clip)
        days.append(Day(date, [Drive(trips.get(trip), _moments(held)) for trip, held in drives.items()]))
    return days


def _moments(clips: list[Listed]) -> list[list[Listed]]:
    """What was recorded at once, newest first; the front goes first in each."""
    named = {clip.video_id: clip for clip in clips}
    shots = [
        Shot(clip.video_id, clip.channel or "", "", starts, starts + (clip.duration_seconds or 0))
        for clip in clips
        if (starts := camera_seconds(clip.start_local)) is not None
    ]
    timed = [[named.pop(shot.video_id) for shot in group] for group in moments(shots)]
    groups = [*reversed(timed), *([clip] for clip in named.values())]
    return [sorted(group, key=lambda clip: clip.channel != "front") for group in groups]


ROUTES = [videos]
