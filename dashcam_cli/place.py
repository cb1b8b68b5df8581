"""`dashcam place add` and `place list`."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

from config.loader import config_path, read_file
from config.settings import PlaceSettings, Settings
from dashcam_cli import common
from dashcam_cli.output import print_json, printable, say, table
from dashcam_cli.places import NAME, host_places, looks_removable, write_marker
from stages.errors import SettingsError
from stages.files import Place


def add(name: str, folder: Path, removable: bool, home: Path | None) -> None:
    """Write the setting and, for a kept place, the marker."""
    if not NAME.match(name):
        raise SettingsError(f"{name!r} is no name for a place: letters, digits, '.', '_' and '-', 64 at most")
    root = folder.expanduser().absolute()
    settings = common.settings(home, new_file=True)
    known = settings.places.get(name)
    _check_kind(name, root, removable, known)
    if known is not None and Path(known.root).expanduser().absolute() != root:
        raise SettingsError(f"the place {name} is {known.root} already; change it in {config_path(settings)}")
    if not removable:
        write_marker(Place(name=name, root=str(root)))
    elif not root.is_dir():
        say(f"note: {root} is not there now; it counts as absent until it is")
    if known is None:
        _append(config_path(settings), name, root, removable)
    say(f"place {name} is {root}" + (" (removable)" if removable else ""))


def _check_kind(name: str, root: Path, removable: bool, known: PlaceSettings | None) -> None:
    """A place stays what it is: a card must never get a marker, a kept place not lose its meaning."""
    if known is not None and bool(known.removable) is not removable:
        kind = "removable" if known.removable else "kept"
        raise SettingsError(
            f"the place {name} is {kind} already; remove it from the settings file to change that"
        )
    if not removable and looks_removable(name, root):
        raise SettingsError(
            f"{root} looks like a card or camera, and those are never written to; add --removable, "
            "or give a folder of your own on that disk"
        )


def _append(path: Path, name: str, root: Path, removable: bool) -> None:
    """Add a table to the settings file, leaving every line of it as it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    # JSON's string quoting is TOML's basic string.
    value = json.dumps(str(root), ensure_ascii=False)
    text = f"{before.rstrip()}\n\n[places.{json.dumps(name)}]\nroot = {value}\n"
    text += "removable = true\n" if removable else ""
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(
            f"{path} could not be extended ({error}); add by hand: [places.{name}] root = {value}"
        ) from error
    part = path.with_name(path.name + ".part")
    part.write_text(text.lstrip("\n"), encoding="utf-8")
    part.replace(path)
    read_file(path)


def show(home: Path | None, as_json: bool) -> None:
    """The places of this host and whether they can be reached now."""
    rows = [
        {
            "name": place.name,
            "root": place.root,
            "kind": "removable" if place.removable else "kept",
            "reachable": place.present(),
            "reason": "" if place.present() else place.why_absent(),
        }
        for place in places_of(common.settings(home))
    ]
    if as_json:
        print_json(rows)
        return
    cells = [
        [
            each["name"],
            each["root"],
            each["kind"],
            "yes" if each["reachable"] else printable(str(each["reason"])),
        ]
        for each in rows
    ]
    table(
        "Places",
        ("name", "root", "kind", "reachable"),
        cells,
        empty="none; add one with: dashcam place add NAME DIR",
    )


def places_of(settings: Settings) -> list[Place]:
    """The places in the settings."""
    return list(host_places(settings).values())
