"""Where raw clips are kept: one rule for ingest, import and pull, so that all three meet at the same file."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from stages.disk import remove, writing
from stages.errors import PlaceAbsent, SettingsError, StageFailed
from stages.files import remove_earlier
from stages.footage.copying import Tell, copy_clip, place_part
from stages.footage.sidecars import companions, extract
from stages.stage import Places
from stages.task import FileRef

#: Where clips are copied to when the settings name no place and it is there.
USUAL_PLACE = "indoor_nas"
#: Below the ingest place's root.
RAW = PurePosixPath("videos/raw")

_COMPANION_BYTES = 64 << 20
#: A Tesla keeps an event in a folder named by its time: each has an `event.json` and a `thumb.png`.
_EVENT_FOLDER = re.compile(r"20\d\d-\d\d-\d\d_\d\d-\d\d-\d\d", re.ASCII)


class Kept(NamedTuple):
    """The kept copy: reference, path here, BLAKE2b-256 in hex, whether it was there before, warnings."""

    ref: FileRef
    path: Path
    blake2: str
    known: bool
    warnings: list[str]


class RawFolder(NamedTuple):
    """`videos/raw` of the place where clips are kept on this host."""

    place: str
    root: Path
    path: Path

    def ref(self, path: Path) -> FileRef:
        """The reference to a file below it."""
        return FileRef(device=self.place, path=f"/{path.relative_to(self.root).as_posix()}")


def raw_folder(places: Places, chosen: str) -> RawFolder:
    """The raw folder of the place `chosen`, else of `indoor_nas`, else of the first kept place.

    Raises SettingsError (a removable place was chosen) and PlaceAbsent (none is there now).
    """
    place = _place(places, chosen)
    root = places.path(FileRef(device=place, path="/"))
    return RawFolder(place, root, places.path(FileRef(device=place, path=f"/{RAW}")))


def _place(places: Places, chosen: str) -> str:
    if chosen:
        places.path(FileRef(device=chosen, path="/"))
        if not places.is_kept(chosen):
            raise SettingsError(
                f"stage.ingest.place: {chosen} is a removable place; clips cannot be kept there"
            )
        return chosen
    if places.knows(USUAL_PLACE):
        # Asleep: wait, rather than fill another place.
        places.path(FileRef(device=USUAL_PLACE, path="/"))
        if places.is_kept(USUAL_PLACE):
            return USUAL_PLACE
    kept = places.names(kept=True)
    if not kept:
        raise PlaceAbsent(
            "there is no place to keep clips on this host; make one with: dashcam place add NAME FOLDER"
        )
    return kept[0]


def raw_targets(raw: Path, source: PurePosixPath, day: datetime, fingerprint: str) -> list[Path]:
    """The names that a clip may take below `raw`, best first; `source` is its path on the card.

    A clip of a Tesla event stays in its event's folder, because the files beside it have the same names in
    each.
    """
    event = _EVENT_FOLDER.fullmatch(source.parent.name)
    home = raw / event[0] if event else raw
    dated = raw / f"{day:%Y-%m-%d}"
    return [
        home / source.name,
        dated / source.name,
        dated / f"{source.stem}-{fingerprint[:8]}{source.suffix}",
    ]


def keep_clip(
    source: Path, folder: RawFolder, targets: list[Path], tag: str, tell: Tell, *, check: bool = False
) -> Kept:
    """Copy a clip to the first free target, and the logs that belong to it beside it.

    `tag` (`<task>-<lease>`) tells the unfinished copy `<name>.<tag>.part` from everybody else's. `check`: the
    copy is read back from the disk. Raises as `copy_clip`; what goes wrong with a log is a warning.
    """
    part = folder.path / f"{source.name}.{tag}.part"
    done = copy_clip(source, targets, part, tell, check=check)
    warnings = keep_companions(source, done.path, part)
    return Kept(folder.ref(done.path), done.path, done.blake2, done.known, warnings)


def keep_companions(source: Path, clip: Path, part: Path) -> list[str]:
    """Lay the logs that belong to `source` beside its copy `clip`; they are worth a warning, not a failure.

    Where the card keeps one log for all its clips, the copy gets one of its own.
    """
    warnings = []
    for log in _logs(source, clip):
        own = log.stem.lower() == source.stem.lower()
        target = clip.with_name(f"{clip.stem}{log.suffix}" if own else log.name)
        try:
            if log.stat().st_size > _COMPANION_BYTES:
                raise StageFailed("it is too large for a log")
            copy_clip(log, [target], _part_of(log.name, source, part), lambda _: None)
        except StageFailed as error:
            warnings.append(f"{log.name} was not copied: {error}"[:250])
    if found := extract(source):
        _lay_beside(clip.with_name(f"{clip.stem}{Path(found[0]).suffix}"), found[1], source, part)
    return warnings


def _logs(source: Path, clip: Path) -> list[Path]:
    event = source.with_name("event.json")
    return companions(source) + (
        [event] if _EVENT_FOLDER.fullmatch(clip.parent.name) and event.is_file() else []
    )


def _part_of(name: str, source: Path, part: Path) -> Path:
    return part.with_name(part.name.replace(source.name, name, 1))


def _lay_beside(final: Path, data: bytes, source: Path, part: Path) -> None:
    own = _part_of(final.name, source, part)
    remove_earlier(own)  # of a run that was cut off
    if final.exists():
        return
    try:
        with writing(final.parent):
            own.write_bytes(data)
            place_part(own, [final])
    finally:
        remove(own)
