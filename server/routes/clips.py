"""`/clips/moved`: clips whose content is known, seen in another folder."""

from __future__ import annotations

from litestar import Response, post

from server import params
from server.asks import known_only
from server.errors import answer
from server.moves import Placed, Seen, place
from server.params import AnyRequest
from server.services import of

MAX_SEEN = 1000


@post("/clips/moved", status_code=200)
async def moved_clips(request: AnyRequest) -> Response[bytes]:
    """Tell where known clips were seen; the answer says what the catalogue has."""
    query = params.nothing_asked(request)
    body = await params.object_body(request)
    if query.face.v2:
        known_only(body, {"clips"}, "")
    seen = params.convert(body.get("clips", []), list[Seen], "clips")
    if len(seen) > MAX_SEEN:
        params.bad("clips", f"may hold {MAX_SEEN} at most")
    placed: list[Placed] = await of(request).database.awrite(
        lambda connection: [found for each in seen if (found := place(connection, each))]
    )
    return answer(200, query.face.one({"clips": placed}), query.strangers)


ROUTES = [moved_clips]
