"""`/media/videos`: a clip's film, by byte ranges, from the place where it lies; and the map's own file."""

from __future__ import annotations

from litestar import get
from litestar.params import FromPath
from litestar.types import ASGIApp

from server.films import KINDS, away, films
from server.mapping import PMTILES, map_file
from server.params import AnyRequest, Query, one_of
from server.services import of
from server.streaming import FileAnswer, open_file
from stages.errors import NotFound, PlaceAbsent, Unavailable


@get("/media/videos/{video_id:str}/{kind:str}")
async def film(request: AnyRequest, video_id: FromPath[str], kind: FromPath[str]) -> ASGIApp:
    """The archive's copy (`archive`) or the clip itself (`raw`); with `download=1` to be kept as a file.

    Which file that is says the catalogue, never the address.
    """
    services, fetched = of(request), Query(request).text("download") is not None
    video = await services.library.video(video_id)
    if video is None:
        raise NotFound(f"Video {video_id[:128]} not found")
    one_of("kind", kind, KINDS)
    known = films(video, await services.library.files(video_id), await services.library.facts(video_id))
    found = next((each for each in known if each.kind == kind), None)
    if found is None:
        raise NotFound(f"Video {video_id[:128]} has no film of the kind {kind}")
    try:
        file = await open_file(services.shelves, found.ref)
    except PlaceAbsent:
        raise Unavailable(away(services.shelves, found.ref.device)) from None  # not where its folder is here
    name = _named(video_id, video.filename, found.name, kind) if fetched else ""
    return FileAnswer(file, services.streams, found.content_type, name)


def _named(video_id: str, filename: str | None, name: str, kind: str) -> str:
    """What a downloaded file is called: a clip as the camera called it, the archive's copy by the clip."""
    if kind == "raw":
        return (filename or name).replace("\\", "/").rpartition("/")[2] or name
    return f"{video_id}_{name}"


@get(PMTILES)
async def map_tiles(request: AnyRequest) -> ASGIApp:
    """The map's own file (`map.pmtiles`), of which browsers read parts."""
    services = of(request)
    ref = map_file(services.settings)
    if ref is None:
        raise NotFound("There is no map file; the setting map.pmtiles names one")
    file = await open_file(services.map_shelf, ref)
    return FileAnswer(file, services.streams, "application/octet-stream")


ROUTES = [film, map_tiles]
