"""`/plates/{plate}`: all that is known of one plate. `/known`: plates with a name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import msgspec
from litestar import Response, get
from litestar.params import FromPath

from server.calendars import months
from server.catalogue import Found
from server.corrections import LONGEST
from server.folding import normal
from server.mapping import map_face
from server.marks import COUNTED, LOOKED_INTO, PlateBook
from server.pages import data, missing, page, who
from server.params import AnyRequest, Query
from server.routes.plates import GROUP_MOST, NAME_MOST, NOTE_MOST
from server.services import of

_CROPS, _LISTED, _NAMED = 24, 40, 200
GROUPS = ("mine", "family", "neighbours", "work", "delivery")
_STEPS = (0.95, 0.9, 0.8, 0.6, 0.0)


class Surely(msgspec.Struct, frozen=True):
    """How surely the newest sightings were read. `steps`: from which confidence on, and how many."""

    looked_into: int
    steps: list[tuple[float, int]]
    reads: int
    agreeing: int


@get("/plates/{plate:str}")
async def plate_page(request: AnyRequest, plate: FromPath[str]) -> Response[bytes]:
    """One plate."""
    services, text = of(request), normal(plate)[:LONGEST]
    book = await services.marks.book(text) if text else None
    if book is None:
        if not text:
            return missing(request, f"the plate {plate[:64]}")
        book = _nothing(text)
    face = map_face(services.settings)
    watches = await services.watchlist.for_plate(text) if who(request).may_edit else []
    return page(
        request,
        "plate.html",
        200 if book.count or book.known or book.note or book.corrections else 404,
        images=face.images,
        face=face,
        book=book,
        counted=COUNTED,
        surely=_surely(book.newest),
        crops=_crops(book.newest, book.best),
        listed=book.newest[:_LISTED],
        looked_into=LOOKED_INTO,
        months=months(book.days),
        elsewhere=_elsewhere(book),
        watches=watches,
        groups=GROUPS,
        longest={"plate": LONGEST, "name": NAME_MOST, "group": GROUP_MOST, "note": NOTE_MOST},
    )


@get("/data/plates/{plate:str}/points")
async def plate_points(request: AnyRequest, plate: FromPath[str]) -> Response[bytes]:
    """Where a plate was seen, newest first: `[lat, lon, local time, clip, seconds]`."""
    found = await of(request).marks.points(plate)
    return data(request, [[lat, lon, when, clip, at] for _, clip, when, at, lat, lon in found])


@get("/known")
async def known_plates(request: AnyRequest) -> Response[bytes]:
    """Plates with a name, by group."""
    query, marks = Query(request), of(request).marks
    number = query.integer("page", 1, 1, 1000)
    found = await marks.known(_NAMED + 1, (number - 1) * _NAMED)
    groups: dict[str, list[Any]] = {}
    for each in found[:_NAMED]:
        groups.setdefault(each.kind, []).append(each)
    return page(
        request,
        "known.html",
        groups=groups,
        usual=GROUPS,
        number=number,
        more=len(found) > _NAMED,
        longest={"plate": LONGEST, "name": NAME_MOST, "group": GROUP_MOST},
    )


def _nothing(text: str) -> PlateBook:
    """A plate of which nothing is known, which may be given a name all the same."""
    return PlateBook(
        plate=text, count=0, confirmed=0, first=None, last=None, known=None, note="", newest=[], best=None,
        read_as=[], runners_up=[], days=[], corrections=[],
    )  # fmt: skip


def _surely(newest: list[Found]) -> Surely:
    """In steps of confidence, each sighting in the first that it reaches."""
    counted = Counter(next(step for step in _STEPS if seen.confidence >= step) for seen in newest)
    return Surely(
        looked_into=len(newest),
        steps=[(step, counted[step]) for step in _STEPS],
        reads=sum(seen.reads for seen in newest),
        agreeing=sum(seen.agreeing for seen in newest),
    )


def _crops(newest: Iterable[Found], best: Found | None) -> list[Found]:
    """Other pictures, each once."""
    shown = {None, best.crop if best else None}
    found: list[Found] = []
    for seen in newest:
        if seen.crop not in shown and len(found) < _CROPS:
            shown.add(seen.crop)
            found.append(seen)
    return found


def _elsewhere(book: PlateBook) -> str | None:
    """Where nothing reads so any more because of a correction: what it is now."""
    if book.count:
        return None
    whole = [each for each in book.corrections if each.video_id is None and each.plate == book.plate]
    return whole[0].text if whole else None


ROUTES = [plate_page, plate_points, known_plates]
