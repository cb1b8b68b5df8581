"""The server itself: is it alive, what waits, and the small pictures."""

from __future__ import annotations

from litestar import Response, get
from litestar.params import FromPath

from server import views
from server.errors import answer, detail
from server.params import AnyRequest, Query, nothing_asked
from server.services import of
from server.status import queue_view


@get("/health")
async def health(request: AnyRequest) -> Response[bytes]:
    """Alive, and able to read its database."""
    services = of(request)
    await services.database.read(lambda connection: connection.execute("SELECT 1").fetchone())
    return answer(200, {"status": "ok"})


@get("/queue")
async def queue(request: AnyRequest) -> Response[bytes]:
    """What waits, by type and needs, and why."""
    query = nothing_asked(request)
    return answer(200, query.face.one(await queue_view(of(request), query.face)), query.strangers)


@get("/failures")
async def failures(request: AnyRequest) -> Response[bytes]:
    """The tasks that were given up, newest first, each with its reason."""
    query = Query(request)
    limit = query.integer("limit", 100, 1, 1000)
    strangers = query.unknown()
    rows = await of(request).store.failures(limit)
    more = ("phase", "failures", "crashes", "lost", "error")
    return answer(200, query.face.one([views.task(row, more, query.face) for row in rows]), strangers)


@get("/media/{name:str}")
async def picture(request: AnyRequest, name: FromPath[str]) -> Response[bytes]:
    """A crop or poster by the hash of its content."""
    services = of(request)
    digest = name.removesuffix(".jpg")
    found = services.media.read(digest) if await services.library.pictured(digest) else None
    if found is None:
        return detail(404, "There is no such picture")
    headers = {"Cache-Control": "private, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}
    return Response(found, media_type="image/jpeg", headers=headers)


ROUTES = [health, picture]
API_ROUTES = [queue, failures]
