"""`/webui/encounters`: sightings of one plate that belong together."""

from __future__ import annotations

from typing import Any

from litestar import Response, get

from server.errors import answer
from server.params import AnyRequest, Query
from server.routes.webui import plate_filter
from server.services import of
from server.views_encounters import encounter

MAX_LISTED = 200


@get("/webui/encounters")
async def list_encounters(request: AnyRequest) -> Response[bytes]:
    """Encounters with a sighting that the filters of plate search find, newest first."""
    query = Query(request)
    which = plate_filter(query, 50, MAX_LISTED)
    strangers, encounters, face = query.unknown(), of(request).encounters, query.face
    found = await encounters.encounters(which)
    total = await encounters.count_encounters(which) if face.v2 else 0
    shown: list[dict[str, Any]] = [encounter(each, face) for each in found]
    return answer(200, face.envelope(shown, total, which.limit, which.offset), strangers)


ROUTES = [list_encounters]
