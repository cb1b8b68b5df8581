"""`/watchlist`: plates that somebody wants to be told of, and what became of it."""

from __future__ import annotations

from litestar import Response, get

from server.pages import page
from server.params import AnyRequest, Query
from server.services import of
from server.watches import LONGEST
from server.watchlist import NAME_MOST

_LISTED = 50


@get("/watchlist")
async def watchlist(request: AnyRequest) -> Response[bytes]:
    """Every watch, a form for another, and the last notifications."""
    query, services = Query(request), of(request)
    number = query.integer("page", 1, 1, 10_000)
    told = await services.watchlist.deliveries(None, _LISTED + 1, (number - 1) * _LISTED)
    return page(
        request,
        "watchlist.html",
        watches=await services.watchlist.watches(500, 0),
        told=told[:_LISTED],
        more=len(told) > _LISTED,
        number=number,
        broker=services.settings.notify.mqtt_host,
        text=query.text("text") or "",
        longest={"text": LONGEST, "name": NAME_MOST},
    )


ROUTES = [watchlist]
