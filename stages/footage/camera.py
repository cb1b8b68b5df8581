"""Which camera recorded a clip: the owner's name for it, else its family and its card."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from stages.footage.name_patterns import FOLDER_CHANNELS, FOLDER_MODES, GENERIC, LOCKED_FOLDERS
from stages.footage.names import NameFacts
from stages.settings import CameraSettings, IngestSettings

_LONGEST_KEY = 160

#: Folders that are a camera's own, upper case: what lies above them is the card's root.
_OF_A_CARD = {
    *FOLDER_MODES, *FOLDER_CHANNELS, *LOCKED_FOLDERS,
    "DCIM", "CARDV", "MOVIE", "MOVIE_E", "RECORD", "BLACKVUE", "VIDEO", "VIDEOS", "NORMAL", "NORMALVIDEO",
    "TESLACAM", "RECENTCLIPS", "CONT_REC", "200VIDEO", "FORDFOOTAGE", "PHOTO", "LEFT", "RIGHT",
    "A", "B", "C", "D", "F", "R", "I",
}  # fmt: skip
_OF_A_CARD_TOO = re.compile(
    r"\d{3}[A-Z_]{1,8}|(FRONT|REAR|EXTRA)_(NORM|EMER|PHOTO)|(NORMAL|EVENT|PARKING)_[FRI]"
    r"|20\d\d[-_]?\d\d[-_]?\d\d(_\d\d-\d\d-\d\d)?",
    re.ASCII,
)


def camera_key(place: str, path: PurePosixPath, name: NameFacts) -> str:
    """The camera of a clip: its family (else what its name has beside date and numbers), and its card's root.

    `path` lies below the root of `place`. The same for every mode and channel; at most 160 characters.
    """
    key = f"{kind_of(path, name)}@{place}:/{card_root(path)}".removesuffix(":/.")
    if len(key) <= _LONGEST_KEY:
        return key
    return f"{key[: _LONGEST_KEY - 9]}~{hashlib.blake2b(key.encode(), digest_size=4).hexdigest()}"


def kind_of(path: PurePosixPath, name: NameFacts) -> str:
    """The family of a clip, else what its name has beside date and numbers."""
    if name.family:
        return name.family
    mask = re.sub(r"\d{3,}", "", GENERIC.sub("", path.stem[:80]))
    return re.sub(r"[^a-z0-9]+", "-", mask.lower()).strip("-") or "camera"


def card_root(path: PurePosixPath) -> PurePosixPath:
    """The folder of a clip without the camera's own folders at its end."""
    parts = list(path.parts[:-1])
    while parts and of_a_card(parts[-1]):
        parts.pop()
    return PurePosixPath(*parts)


def of_a_card(folder: str) -> bool:
    """Whether a folder of this name is a camera's own."""
    upper = folder.upper()
    return upper in _OF_A_CARD or _OF_A_CARD_TOO.fullmatch(upper) is not None


def known_camera(
    cameras: Mapping[str, CameraSettings], place: str, path: PurePosixPath, name: NameFacts
) -> str | None:
    """The owner's camera that a clip is from: the first whose every given mark fits; None when none does."""
    for key, camera in cameras.items():
        marks = [
            (camera.place, camera.place == place),
            (camera.family, camera.family == name.family),
            (camera.folder, _lies_in(path.parent, camera.folder)),
        ]
        if any(given for given, _ in marks) and all(fits for given, fits in marks if given):
            return key
    return None


class Camera(NamedTuple):
    """Whose clip it is: the camera's key, what people are shown (None: the key), and the zone it is set to,
    with where that was set.
    """

    key: str
    name: str | None
    time_zone: str
    zone_from: str


def camera_of(
    settings: IngestSettings, said: Mapping[str, Any], place: str, path: PurePosixPath, name: NameFacts
) -> Camera:
    """The camera of a clip. What was `said` with it (`camera`, `time_zone`) comes first, then the owner's
    `[cameras.NAME]`, then its family and card. `path` lies below the root of `place`.
    """
    named = said.get("camera")
    given = named[:64] if isinstance(named, str) and named.isprintable() and named.strip() else None
    key = given or known_camera(settings.cameras, place, path, name)
    known = settings.cameras.get(key) if key else None
    zone = said.get("time_zone")
    zones = [
        (zone if isinstance(zone, str) else "", "the task's time_zone"),
        (known.time_zone if known else "", f"cameras.{key}.time_zone"),
    ]
    found = next((each for each in zones if each[0]), (settings.time_zone, "stage.ingest.time_zone"))
    return Camera(key or camera_key(place, path, name), known.name or None if known else None, *found)


def _lies_in(folder: PurePosixPath, pattern: str) -> bool:
    wanted = pattern.strip("/").lower()
    above = [folder, *folder.parents]
    return any(fnmatchcase(each.as_posix().strip("/").lower(), wanted) for each in above)
