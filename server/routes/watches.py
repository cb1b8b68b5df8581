"""`/watches`: plates that somebody wants to be told of. `/deliveries`: what became of it."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar import Response, delete, get, patch, post
from litestar.params import FromPath

from server import params, views_marks
from server.asks import known_only
from server.errors import answer
from server.params import AnyRequest, Query, number_in_path
from server.services import of
from server.watches import MATCHES, Watch
from server.watchlist import FIELDS

MAX_LISTED = 1000


class _Said(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a person says of a watch; what is unset stays as it is."""

    name: str | msgspec.UnsetType = msgspec.UNSET
    text: str | msgspec.UnsetType = msgspec.UNSET
    match: Annotated[str, msgspec.Meta(pattern=f"^({'|'.join(MATCHES)})$")] | msgspec.UnsetType = (
        msgspec.UNSET
    )
    active: bool | msgspec.UnsetType = msgspec.UNSET
    webhook: str | msgspec.UnsetType | None = msgspec.UNSET
    secret: str | msgspec.UnsetType = msgspec.UNSET
    topic: str | msgspec.UnsetType | None = msgspec.UNSET


@get("/watches")
async def list_watches(request: AnyRequest) -> Response[bytes]:
    """Every watch, oldest first."""
    query, watchlist = Query(request), of(request).watchlist
    limit, offset = query.page(100, MAX_LISTED)
    strangers, face = query.unknown(), query.face
    found = await watchlist.watches(limit, offset)
    total = await watchlist.count() if face.v2 else 0
    shown = [views_marks.watch(each, face) for each in found]
    return answer(200, face.envelope(shown, total, limit, offset), strangers)


@post("/watches")
async def create_watch(request: AnyRequest) -> Response[bytes]:
    """Watch for a plate or a pattern, in what comes in and in the past."""
    query, said = await _said(request)
    watch, secret = await of(request).watchlist.add(said)
    shown = views_marks.watch(await _searched(request, watch), query.face) | {"secret": secret}
    return answer(201, query.face.one(shown), query.strangers | {"Cache-Control": "no-store"})


@get("/watches/{watch_id:str}")
async def get_watch(request: AnyRequest, watch_id: FromPath[str]) -> Response[bytes]:
    """One watch."""
    query = params.nothing_asked(request)
    watch = await of(request).watchlist.get(number_in_path(watch_id, "Watch"))
    return answer(200, query.face.one(views_marks.watch(watch, query.face)), query.strangers)


@patch("/watches/{watch_id:str}")
async def change_watch(request: AnyRequest, watch_id: FromPath[str]) -> Response[bytes]:
    """Change a watch; another text is looked for in the past again."""
    number = number_in_path(watch_id, "Watch")
    query, said = await _said(request)
    watch, secret = await of(request).watchlist.change(number, said)
    of(request).notifier.wake(number)
    shown = views_marks.watch(await _searched(request, watch), query.face) | {"secret": secret}
    return answer(200, query.face.one(shown), query.strangers | {"Cache-Control": "no-store"})


@delete("/watches/{watch_id:str}", status_code=200)
async def delete_watch(request: AnyRequest, watch_id: FromPath[str]) -> Response[bytes]:
    """Remove a watch, and the list of what it told."""
    query = params.nothing_asked(request)
    watch = await of(request).watchlist.drop(number_in_path(watch_id, "Watch"))
    return answer(200, query.face.one(views_marks.watch(watch, query.face)), query.strangers)


@post("/watches/{watch_id:str}/test", status_code=200)
async def test_watch(request: AnyRequest, watch_id: FromPath[str]) -> Response[bytes]:
    """Send a test on each way of a watch, and say what became of it."""
    query = params.nothing_asked(request)
    sent = await of(request).notifier.test(number_in_path(watch_id, "Watch"))
    shown = [views_marks.delivery(each, query.face) for each in sent]
    return answer(200, query.face.one(shown), query.strangers)


@get("/deliveries")
async def list_deliveries(request: AnyRequest) -> Response[bytes]:
    """What watches told, newest first."""
    query, watchlist = Query(request), of(request).watchlist
    limit, offset = query.page(100, MAX_LISTED)
    asked = query.integer("watch_id", 0, 1, (1 << 53))
    strangers, face = query.unknown(), query.face
    found = await watchlist.deliveries(asked or None, limit, offset)
    total = await watchlist.count_deliveries(asked or None) if face.v2 else 0
    shown = [views_marks.delivery(each, face) for each in found]
    return answer(200, face.envelope(shown, total, limit, offset), strangers)


@post("/deliveries/{delivery_id:str}/retry", status_code=200)
async def retry_delivery(request: AnyRequest, delivery_id: FromPath[str]) -> Response[bytes]:
    """Send a notification again."""
    query = params.nothing_asked(request)
    found = await of(request).watchlist.retry(number_in_path(delivery_id, "Delivery"))
    of(request).notifier.wake(found.watch_id)
    return answer(200, query.face.one(views_marks.delivery(found, query.face)), query.strangers)


async def _said(request: AnyRequest) -> tuple[Query, dict[str, Any]]:
    query = params.nothing_asked(request)
    body = await params.object_body(request)
    if query.face.v2:
        known_only(body, set(FIELDS), "")
    return query, msgspec.to_builtins(params.convert(body, _Said))


async def _searched(request: AnyRequest, watch: Watch) -> Watch:
    """A watch once the past was searched for it: at once, so that nothing newer counts as the past."""
    services = of(request)
    if watch.active and watch.past_at is None:
        await services.notifier.search_past()
    return await services.watchlist.get(watch.watch_id)


ROUTES = [
    list_watches, create_watch, get_watch, change_watch, delete_watch, test_watch, list_deliveries,
    retry_delivery,
]  # fmt: skip
