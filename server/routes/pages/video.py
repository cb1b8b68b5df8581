"""`/videos/{video_id}`: one clip, with its film, its route and its plates on one clock."""

from __future__ import annotations

import asyncio

from litestar import Response, get
from litestar.params import FromPath

from server.clockwork import beside
from server.films import ARCHIVE, RAW, films
from server.mapping import map_face
from server.pages import missing, page
from server.params import AnyRequest
from server.routes.pages import video_data
from server.services import of
from stages.sighting import ClipFacts

_MOST_PLATES = 300


@get("/videos/{video_id:str}")
async def video(request: AnyRequest, video_id: FromPath[str]) -> Response[bytes]:
    """What the catalogue knows of a clip. Its films are asked for by the page, as is which place is away."""
    services = of(request)
    library = services.library
    found = await library.video(video_id)
    if found is None:
        return missing(request, f"the clip {video_id[:128]}")
    facts, plates, files, trip, protected = await asyncio.gather(
        library.facts(video_id),
        library.sightings(video_id),
        library.files(video_id),
        services.trips.trip_of(video_id),
        services.retention.protected(video_id),
    )
    around = await services.database.read(lambda connection: beside(connection, video_id))
    face = map_face(services.settings)
    plates, left_out = plates[:_MOST_PLATES], max(0, len(plates) - _MOST_PLATES)
    return page(
        request,
        "video.html",
        images=face.images,
        video=found,
        facts={name: facts.get(name) for name in ClipFacts.__struct_fields__},
        plates=plates,
        plates_left_out=left_out,
        names=await services.marks.names(seen.plate for seen in plates),
        films={film.kind: film for film in films(found, files, facts)},
        kinds=(ARCHIVE, RAW),
        trip=trip,
        protected=protected is not None,
        channel=next((each.channel for each in around.channels if each.video_id == video_id), ""),
        channels=around.channels,
        routed=around.routed,
        before=around.before,
        after=around.after,
        face=face,
    )


ROUTES = [video, *video_data.ROUTES]
