"""Finding a clip that a task names by file name or `video_id` only, in the places that are present."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

from stages.errors import PlaceAbsent, StageFailed
from stages.footage.identity import fingerprint, identify, stamp
from stages.footage.layouts import unfinished
from stages.footage.names import VIDEO_SUFFIXES, read_name
from stages.stage import Places
from stages.task import FileRef

_ENTRIES = 300_000
_DEPTH = 10
_IDENTIFIED = 2000  # files that are read to compare their identity
_OURS = re.compile(r"(\d{8}T\d{6}|undated)-[A-Z]-[0-9a-f]{8}", re.ASCII)


def find_clip(
    places: Places,
    *,
    filename: str = "",
    video_id: str = "",
    source: str = "",
    tell: Callable[[], None] = lambda: None,
) -> FileRef:
    """The clip named `filename`, else the one whose name, stem or id is `video_id`, else whose name holds it.

    The place `source` is searched first, then every other that is present. Raises StageFailed when it is
    nowhere, or when two different files have an equal claim; PlaceAbsent when `source` is a place of this
    host that is not there now. `tell` is called for every folder and may raise Cancelled.
    """
    if not filename and not video_id:
        raise StageFailed("the task names no clip: it has neither inputs, metadata.filename nor a video_id")
    if source and places.knows(source):
        places.path(FileRef(device=source, path="/"))  # absent: wait for it, the clip is not lost
    present = places.names()
    if not present:
        raise PlaceAbsent("this host can reach none of its places now, so the clip cannot be looked for")
    order = sorted(present, key=lambda name: name != source)
    for name in order:
        root = places.path(FileRef(device=name, path="/"))
        if below := _search(places, name, root, (filename, video_id), tell):
            return FileRef(device=name, path=f"/{below}")
    what = f"file named {filename!r}" if filename else f"file for video_id {video_id!r}"
    raise StageFailed(
        f"no {what} in the places searched ({', '.join(order)}); "
        "put it there, or name the clip in the task's inputs"
    )


def _search(
    places: Places, place: str, root: Path, wanted: tuple[str, str], tell: Callable[[], None]
) -> PurePosixPath | None:
    filename, video_id = wanted
    if "/" in filename.strip("/"):
        try:
            path = places.path(FileRef(device=place, path=filename))
            return PurePosixPath(path.relative_to(root).as_posix()) if path.is_file() else None
        except (PlaceAbsent, ValueError, OSError):
            return None
    files = list(_files(root, tell))
    if filename:
        name = filename.strip("/").lower()
        return _only(root, place, [f for f in files if f.name.lower() == name])
    clips = [f for f in files if f.suffix.lower() in VIDEO_SUFFIXES]
    return _by_id(root, place, clips, video_id, tell)


def _by_id(
    root: Path, place: str, clips: list[PurePosixPath], video_id: str, tell: Callable[[], None]
) -> PurePosixPath | None:
    wanted = video_id.lower()
    exact = [clip for clip in clips if wanted in (clip.name.lower(), clip.stem.lower())]
    if exact:
        return _only(root, place, exact)
    if _OURS.fullmatch(video_id):
        return _by_identity(root, clips, video_id, tell)
    # As a word of its own, so that trip_1 does not find trip_12.
    part = re.compile(rf"(?<![A-Za-z0-9]){re.escape(video_id)}(?![A-Za-z0-9])", re.IGNORECASE)
    return _only(root, place, [clip for clip in clips if part.search(clip.stem)])


def _by_identity(
    root: Path, clips: list[PurePosixPath], video_id: str, tell: Callable[[], None]
) -> PurePosixPath | None:
    began = video_id.split("-", 1)[0]
    read = 0
    for clip in clips:
        when = read_name(clip).recorded_local
        if (when is not None and stamp(when) != began) or read >= _IDENTIFIED:
            continue
        read += 1
        tell()
        try:
            if identify(root / clip, relative=clip).video_id == video_id:
                return clip
        except OSError:
            continue  # one unreadable file must not hide the others
    return None


def _only(root: Path, place: str, found: list[PurePosixPath]) -> PurePosixPath | None:
    """The one file; several are fine when they are copies of each other."""
    if len(found) > 1:
        try:
            contents = {fingerprint(root / path) for path in found[:20]}
        except OSError as error:
            raise StageFailed(
                f"{place}: {error.filename} cannot be read: {error.strerror}", retry=True
            ) from error
        if len(contents) > 1:
            names = ", ".join(f"/{path}" for path in found[:5])
            raise StageFailed(
                f"several different files in {place} could be meant: {names}; name one in the task's inputs"
            )
    return found[0] if found else None


def _files(root: Path, tell: Callable[[], None]) -> Iterator[PurePosixPath]:
    """Plain files below a root, sorted per folder; hidden ones and unfinished copies are passed over."""
    seen = 0
    for folder, folders, names in os.walk(root, followlinks=False):
        tell()
        below = Path(folder).relative_to(root)
        folders[:] = sorted(f for f in folders if not f.startswith(".")) if len(below.parts) < _DEPTH else []
        for name in sorted(names):
            seen += 1
            if seen > _ENTRIES:
                return
            if not unfinished(name):
                yield PurePosixPath(below.as_posix()) / name
