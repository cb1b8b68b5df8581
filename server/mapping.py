"""What lies under a map's lines: a plain grid, tiles of a host that the settings name, or a file of ours."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from config.settings import Settings
from server.shelves import Shelves
from stages.places import Place
from stages.task import FileRef

#: Where the file of the setting `map.pmtiles` is given out.
PMTILES = "/media/map/tiles.pmtiles"
_FOLDER = "map"


class MapFace(msgspec.Struct, frozen=True):
    """`tiles`: a template of addresses, or "". `vector`: where a PMTiles file is, or "". `images`: what the
    page's policy must let in; `host`: who learns which places are looked at, or "".
    """

    tiles: str
    vector: str
    attribution: str
    images: tuple[str, ...]
    host: str


def map_face(settings: Settings) -> MapFace:
    """By the settings. A file of our own goes before another host's tiles."""
    wanted = settings.map
    if _file(settings) is not None:
        return MapFace("", PMTILES, wanted.attribution, (), "")
    if wanted.tile_url:
        parts = urlsplit(wanted.tile_url)
        origin = f"{parts.scheme}://{parts.netloc}"
        # Leaflet empties a tile that is no longer wanted by a picture of its own, written as data.
        return MapFace(wanted.tile_url, "", wanted.attribution, (origin, "data:"), parts.hostname or "")
    return MapFace("", "", "", (), "")


def _file(settings: Settings) -> Path | None:
    path = Path(settings.map.pmtiles).expanduser() if settings.map.pmtiles else None
    return path if path is not None and path.is_absolute() else None


def map_shelf(settings: Settings) -> Shelves:
    """The folder of the map's own file, asked like a place: it may lie on a disk that is away."""
    path = _file(settings)
    places = {_FOLDER: Place(name=_FOLDER, root=str(path.parent), removable=True)} if path else {}
    return Shelves(places)


def map_file(settings: Settings) -> FileRef | None:
    """The map's own file on that shelf; None when none is set."""
    path = _file(settings)
    return FileRef(device=_FOLDER, path=f"/{path.name}") if path else None
