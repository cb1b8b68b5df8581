"""The places of this host: from settings and flags, with their markers."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import msgspec

from config.settings import PlaceSettings, Settings
from stages.errors import SettingsError
from stages.files import MARKER, Place, sync
from stages.footage.layouts import recognise

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")
#: Names that mean a card, as in the reference's examples.
CARD_NAMES = {"dashcam", "card", "sdcard"}
SEEN = "places.json"


def parse_flag(text: str) -> tuple[str, PlaceSettings]:
    """`NAME=DIR` or `NAME=DIR,removable`."""
    name, equals, folder = text.partition("=")
    removable = None
    if folder.endswith(",removable"):
        folder, removable = folder.removesuffix(",removable"), True
    if not equals or not folder or not NAME.match(name):
        raise SettingsError(f"--place takes NAME=DIR, got {text!r}; for example indoor_nas=/mnt/nas")
    return name, PlaceSettings(root=folder, removable=removable)


def host_places(settings: Settings, flags: Iterable[str] = ()) -> dict[str, Place]:
    """Every place of this host. Flags come on top of the settings.

    A place named by a flag for the first time gets its marker; one that had a marker before and now has
    none is an unmounted disk, and stays absent.
    """
    wanted = {name: (place, False) for name, place in settings.places.items()}
    for flag in flags:
        name, place = parse_flag(flag)
        wanted[name] = (place, True)
    return {name: _place(name, place, settings, by_flag) for name, (place, by_flag) in wanted.items()}


def _place(name: str, wanted: PlaceSettings, settings: Settings, by_flag: bool) -> Place:
    root = Path(wanted.root).expanduser().absolute()
    removable = wanted.removable if wanted.removable is not None else looks_removable(name, root)
    place = Place(name=name, root=str(root), removable=removable, prefix=wanted.prefix)
    if by_flag and not removable and root.is_dir():
        seen = Path(settings.home) / SEEN
        known = _seen(seen)
        if not (root / MARKER).exists() and known.get(name) != str(root):
            write_marker(place)
        if known.get(name) != str(root) and place.present():
            _remember(seen, known | {name: str(root)})
    return place


def looks_removable(name: str, root: Path) -> bool:
    """Whether a root without a word about it is a card: by its layout or its name, never with a marker."""
    if (root / MARKER).exists():
        return False
    return name in CARD_NAMES or recognise(root) is not None


def write_marker(place: Place) -> None:
    """Mark a kept root as this place; refuses one that carries another place's marker."""
    root = Path(place.root)
    marker = root / MARKER
    if not root.is_dir():
        raise SettingsError(f"{root} is not a folder; make it or mount it first")
    if marker.exists():
        found = marker.read_text(encoding="utf-8", errors="replace").strip()
        if found != place.name:
            raise SettingsError(
                f"{root} is the place {found[:80]!r} already (by its file {MARKER}); "
                f"use that name, or remove the file if it is wrong"
            )
        return
    try:
        marker.write_text(place.name + "\n", encoding="utf-8")
        sync(marker)
    except OSError as error:
        raise SettingsError(
            f"cannot write {marker}: {error.strerror}; a card is added with --removable"
        ) from error


def _seen(path: Path) -> dict[str, str]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, str])
    except (OSError, msgspec.DecodeError):
        return {}


def _remember(path: Path, seen: dict[str, str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_bytes(msgspec.json.format(msgspec.json.encode(seen), indent=1))
    part.replace(path)
