"""`/backup`: a copy of the database, made and checked here, sent to who asked. `/catalogue/rebuild`: what
stages left is told to a catalogue that lost it.
"""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from litestar import Response, post
from litestar.response import Stream

from server import params
from server.asks import known_only
from server.errors import answer
from server.opening import BACKUPS
from server.params import AnyRequest
from server.rebuilding import MOST, read, take
from server.services import of

_BLOCK = 1 << 20
KIND = "application/vnd.sqlite3"


@post("/backup", status_code=200)
async def make_backup(request: AnyRequest) -> Response[bytes] | Stream:
    """A verified copy of the database, with the pictures unless `pictures` is false."""
    query = params.nothing_asked(request)
    body = await params.object_body(request, required=False)
    if query.face.v2:
        known_only(body, {"pictures"}, "")
    pictures = params.convert(body.get("pictures", True), bool, "pictures")
    services = of(request)
    target = Path(services.settings.home) / BACKUPS / f"asked-{uuid.uuid4().hex}.sqlite.part"
    made = await services.upkeep.save(target, pictures=pictures)
    headers = {
        "Content-Length": str(made.size_bytes),
        "Cache-Control": "private, no-store",
        "Content-Disposition": 'attachment; filename="dashcam-backup.sqlite"',
    } | query.strangers
    return Stream(_sent(target), status_code=200, media_type=KIND, headers=headers)


async def _sent(path: Path) -> AsyncIterator[bytes]:
    """The file, block by block; it is gone afterwards, also when nobody reads it to its end."""
    file = path.open("rb")
    try:
        with contextlib.suppress(
            OSError
        ):  # where an open file can be removed, nothing is left whatever comes
            path.unlink()
        while block := file.read(_BLOCK):
            yield block
    finally:
        file.close()
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)


@post("/catalogue/rebuild", status_code=200)
async def rebuild_catalogue(request: AnyRequest) -> Response[bytes]:
    """Take in results of stages that the catalogue does not know; what became of each, in their order."""
    query = params.nothing_asked(request)
    body = await params.object_body(request)
    if query.face.v2:
        known_only(body, {"results"}, "")
    items = params.convert(body.get("results", []), list[dict[str, Any]], "results")
    if len(items) > MOST:
        params.bad("results", f"may hold {MOST} at most")
    services = of(request)
    told = await asyncio.to_thread(lambda: [read(each, services.media) for each in items])
    now = services.dispatcher.now()
    outcomes = await services.database.awrite(lambda connection: take(connection, told, now))
    return answer(200, query.face.one({"results": outcomes}), query.strangers)


ROUTES = [make_backup, rebuild_catalogue]
