"""`/plates`: search among all sightings, while one types."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import msgspec
from litestar import Response, get

from server import params
from server.catalogue import Found, PlateFilter
from server.folding import WILD, normal
from server.mapping import map_face
from server.marks import KnownPlate
from server.pages import page
from server.params import AnyRequest, Query
from server.routes.webui import area_of
from server.search import MATCHES, day
from server.services import Services, of
from server.why_matched import Why, why
from stages.errors import BadInput

SHOWN = 48
#: Pages that can be turned; further back a date serves better.
_PAGES = 200
#: From so many characters on, plates that are like one that is not there are offered.
_LIKE = 4
_ASKED = (
    "q", "match", "candidates", "date_from", "date_to", "min_confidence", "confirmed", "bbox", "known",
    "video_id",
)  # fmt: skip
#: What is looked for, and how; the rest narrows.
_HOW = ("q", "match", "candidates")


class Hit(msgspec.Struct, frozen=True):
    """A sighting that fits, why, and the name of its plate."""

    seen: Found
    why: Why
    known: KnownPlate | None


@get("/plates")
async def plates(request: AnyRequest) -> Response[bytes]:
    """A page of sightings, newest first."""
    query, services = Query(request), of(request)
    asked = {name: query.text(name, bare=True) or "" for name in _ASKED}
    asked["match"] = asked["match"] if asked["match"] in MATCHES else "partial"
    number, trouble = 1, ""
    which = PlateFilter(known="hide", limit=SHOWN + 1)
    try:
        number = query.integer("page", 1, 1, _PAGES)
        which = _filter(query, asked, number)
    except BadInput as error:
        trouble = str(error)
    found = await services.library.plates(which)
    more, found = len(found) > SHOWN, found[:SHOWN]
    like = [] if found or trouble or number > 1 else await _like(services, which)
    face = map_face(services.settings)
    return page(
        request,
        "plates.html",
        images=face.images,
        face=face,
        asked=asked,
        trouble=trouble,
        filtered=any(value for name, value in asked.items() if name not in _HOW),
        narrowed=any(value for name, value in asked.items() if name == "q" or name not in _HOW),
        hits=await _hits(services, which, found),
        like=await _hits(services, msgspec.structs.replace(which, match="similar"), like),
        number=number,
        more=more and number < _PAGES,
        turn=lambda to: "/plates?" + urlencode({**_kept(asked), "page": to}),
    )


def _filter(query: Query, asked: dict[str, str], number: int) -> PlateFilter:
    """What the form asks for; a search finds plates with a name, a list does not. Raises `BadInput`."""
    hide = asked["known"] == "hide" or (not asked["q"] and asked["known"] != "show")
    return PlateFilter(
        text=asked["q"][:64],
        match=asked["match"],
        candidates=asked["candidates"] != "",
        area=area_of(query),
        video_id=params.video_id(asked["video_id"] or None),
        date_from=day(asked["date_from"], "date_from"),
        date_to=day(asked["date_to"], "date_to"),
        confirmed=True if asked["confirmed"] else None,
        known="only" if asked["known"] == "only" else "hide" if hide else None,
        sure=query.number("min_confidence", 0, 1),
        limit=SHOWN + 1,
        offset=(number - 1) * SHOWN,
    )


async def _like(services: Services, which: PlateFilter) -> list[Found]:
    """Where a text is nowhere: what is like it."""
    wild = any(each in which.text for each in WILD)
    if which.match == "similar" or wild or len(normal(which.text)) < _LIKE:
        return []
    return await services.library.plates(msgspec.structs.replace(which, match="similar", limit=12))


async def _hits(services: Services, which: PlateFilter, found: list[Found]) -> list[Hit]:
    names = await services.marks.names(seen.plate for seen in found)

    def hit(seen: Found) -> Hit:
        reason = why(which.text, which.match, seen, candidates=which.candidates)
        return Hit(seen, reason, names.get(seen.plate))

    return [hit(seen) for seen in found]


def _kept(asked: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in asked.items() if value and (name, value) != ("match", "partial")}


ROUTES = [plates]
