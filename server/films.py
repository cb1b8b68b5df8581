"""The films of a clip that a browser could show: its archive's copy, and the clip itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from server.catalogue import Video
from server.shelves import Shelves
from server.streaming import open_file
from stages.errors import BadInput, InputGone, PlaceAbsent
from stages.task import FileRef, TaskType

ARCHIVE, RAW = "archive", "raw"
KINDS = (ARCHIVE, RAW)
_SMALL = "video_lowres.mp4"
#: By a file's ending: what browsers take it for. Others can be fetched, and not be shown.
_SHOWN = {
    ".mp4": "video/mp4", ".m4v": "video/mp4", ".mov": "video/mp4", ".webm": "video/webm",
}  # fmt: skip
_FETCHED = "application/octet-stream"
#: Codecs that every browser shows; others some do.
_EVERYWHERE = {"h264", "avc1", "vp8", "vp9", "av1"}


class Film(msgspec.Struct, frozen=True, kw_only=True):
    """One of them. `shown`: a browser may play it; `surely`: every browser does."""

    kind: str
    ref: FileRef
    content_type: str
    shown: bool
    surely: bool

    @property
    def name(self) -> str:
        """Its file name."""
        return self.ref.path.rstrip("/").rpartition("/")[2]


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a film can be had now. `state`: here, away (its place) or gone (from its place)."""

    kind: str
    place: str
    state: str
    says: str
    shown: bool
    surely: bool
    content_type: str
    size_bytes: int | None = None


def films(video: Video, files: Sequence[tuple[str, FileRef]], facts: dict[str, Any]) -> list[Film]:
    """The films of a clip by the catalogue: the archive's first, then the clip itself."""
    small = [ref for kind, ref in files if kind == TaskType.ARCHIVE_VIDEO and _ending(ref) in _SHOWN]
    if not small and video.archive_device and video.archive_path:
        folder = video.archive_path.rstrip("/")
        small = [FileRef(device=video.archive_device, path=f"{folder}/{_SMALL}")]
    raw = [ref for kind, ref in files if kind == TaskType.INGEST_VIDEO and not ref.path.endswith("/")]
    codec = str(facts.get("codec") or "").lower()
    found = [_film(ARCHIVE, ref, surely=True) for ref in small[:1]]
    return found + [_film(RAW, ref, surely=codec in _EVERYWHERE) for ref in raw[:1]]


def _film(kind: str, ref: FileRef, *, surely: bool) -> Film:
    content_type = _SHOWN.get(_ending(ref))
    shown = content_type is not None
    return Film(
        kind=kind, ref=ref, content_type=content_type or _FETCHED, shown=shown, surely=surely and shown
    )


def _ending(ref: FileRef) -> str:
    name = ref.path.rpartition("/")[2]
    return f".{name.rpartition('.')[2].lower()}" if "." in name else ""


async def standing(shelves: Shelves, film: Film) -> Standing:
    """Whether a film can be had now, and if not, which place is away or what else keeps it."""
    state, says, size = "here", "", None
    place = film.ref.device
    try:
        file = await open_file(shelves, film.ref)
        size = file.stamp.size
        file.close()
    except PlaceAbsent:
        state, says = "away", away(shelves, place)
    except InputGone:
        state, says = "gone", f"The place {place} is there, and the file {film.name} is not in it any more."
    except BadInput:
        state, says = "gone", f"The file {film.name} does not lie below its place {place}; it is not shown."
    return Standing(
        kind=film.kind,
        place=place,
        state=state,
        says=says,
        shown=film.shown,
        surely=film.surely,
        content_type=film.content_type,
        size_bytes=size,
    )


def away(shelves: Shelves, place: str) -> str:
    """Which place is away, and what to do."""
    if shelves.places.knows(place):
        return f"The place {place} is away: wake its host, or mount it."
    return (
        f"The server's host does not know the place {place}: "
        f"name its folder there as {place} under [places] in its settings."
    )
