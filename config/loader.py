"""Flags over environment over `dashcam.toml` over defaults, into one `Settings`."""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import platformdirs

from config.settings import Settings, StageSettings
from stages.errors import SettingsError
from stages.task import VIDEO_ID, VIDEO_ID_RULE, NewTask, TaskType

Tree = dict[str, Any]

#: Environment names that are shorter than their place in the tree.
SHORT = {
    "DASHCAM_HOME": ("home",),
    "DASHCAM_SERVER": ("server", "url"),
    "DASHCAM_TOKEN": ("server", "token"),
    "DASHCAM_MODELS_DIR": ("models", "dir"),
}
CONFIG_FILE = "dashcam.toml"
_FREE = {"capabilities", "next_needs"}


class ConfigurationLoader:
    """Reads settings from a file and an environment, and says what is wrong with them."""

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        self._environ = os.environ if environ is None else environ

    def load(
        self, flags: Tree | None = None, file: Path | None = None, *, new_file: bool = False
    ) -> Settings:
        """Compose the settings; raises `SettingsError` with every fault in it.

        `new_file`: a named file need not be there yet, it is about to be written.
        """
        flags = flags or {}
        environment = self._from_environment()
        home = flags.get("home") or environment.get("home") or default_home()
        if not isinstance(home, str):
            raise SettingsError("home must be a folder (DASHCAM_HOME)")
        home = str(Path(home).expanduser())
        path = file or self._named_file() or Path(home) / CONFIG_FILE
        must_exist = path != Path(home) / CONFIG_FILE and not new_file
        tree = merge(read_file(path, must_exist=must_exist), environment, flags)
        if "home" not in tree or "home" in flags or "home" in environment:
            tree["home"] = home
        faults = check_tree(tree)
        if faults:
            raise SettingsError("; ".join(faults))
        return msgspec.convert(normal(tree), Settings, strict=False)

    def validate_config(self, data: Any) -> list[str]:
        """Faults of a task or of a settings tree in plain language; empty when there are none."""
        if not isinstance(data, Mapping):
            return [f"expected an object with named fields, got {type(data).__name__}"]
        if "task_type" in data or "video_id" in data:
            return check_task(dict(data))
        return check_tree({str(k): v for k, v in data.items()})

    def _named_file(self) -> Path | None:
        name = self._environ.get("DASHCAM_CONFIG")
        return Path(name).expanduser() if name else None

    def _from_environment(self) -> Tree:
        tree: Tree = {}
        for name, value in self._environ.items():
            if value == "":
                continue  # set to nothing is as good as not set
            if name in SHORT:
                put(tree, SHORT[name], value)
            elif name.startswith("DASHCAM_") and "__" in name:
                keys = name.removeprefix("DASHCAM_").lower().split("__")
                put(tree, tuple(keys), _value(value, free=bool(_FREE & set(keys))))
        return tree


def default_home() -> str:
    """The platform's folder for a user's data."""
    return platformdirs.user_data_dir("dashcam", appauthor=False)


def config_path(settings: Settings, environ: Mapping[str, str] | None = None) -> Path:
    """The file that `dashcam place add` writes to."""
    named = (os.environ if environ is None else environ).get("DASHCAM_CONFIG")
    return Path(named).expanduser() if named else Path(settings.home) / CONFIG_FILE


def read_file(path: Path, *, must_exist: bool = False) -> Tree:
    """The tree in a TOML file; a missing one is empty unless it was named on purpose."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if must_exist:
            raise SettingsError(f"the settings file {path} is not there") from None
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not valid TOML: {error}") from error
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}") from error


def merge(*trees: Tree) -> Tree:
    """One tree; later ones win, tables are merged key by key."""
    out: Tree = {}
    for tree in trees:
        for key, value in tree.items():
            old = out.get(key)
            out[key] = merge(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return out


def put(tree: Tree, keys: tuple[str, ...], value: Any) -> None:
    """Set a value deep in a tree, making tables on the way."""
    for key in keys[:-1]:
        below = tree.get(key)
        if not isinstance(below, dict):
            below = tree[key] = {}
        tree = below
    tree[keys[-1]] = value


def _value(text: str, *, free: bool) -> Any:
    """An environment value: JSON when it is a list or an object, else text (converted by type later).

    `free`: below a table of anything, where no type says what `8` or `true` is.
    """
    if free or text[:1] in "[{":
        try:
            return msgspec.json.decode(text)
        except msgspec.DecodeError:
            return text
    return text


def normal(tree: Tree) -> Tree:
    """Short forms made long: `NAME = "DIR"`, a lone string for a list, tables of third-party stages."""
    tree = merge(tree)
    places = tree.get("places")
    if isinstance(places, dict):
        tree["places"] = {k: {"root": v} if isinstance(v, str) else v for k, v in places.items()}
    worker = tree.get("worker")
    if isinstance(worker, dict) and isinstance(worker.get("types"), str):
        tree["worker"] = worker | {"types": [t for t in worker["types"].replace(",", " ").split() if t]}
    stage = tree.get("stage")
    if isinstance(stage, dict):
        ours = StageSettings.__struct_fields__
        tree["stage"] = {k: v for k, v in stage.items() if k in ours}
        tree["plugins"] = {k: v for k, v in stage.items() if k not in ours}
    return tree


def check_tree(tree: Tree) -> list[str]:
    """Unknown keys (with the nearest known name) and values of the wrong kind."""
    tree = normal(tree)
    faults = unknown_keys(tree, Settings, "")
    if faults:
        return faults
    try:
        msgspec.convert(tree, Settings, strict=False)
    except (msgspec.ValidationError, TypeError, ValueError, RecursionError) as error:
        return [f"setting {plain(str(error))}"]
    return []


def unknown_keys(tree: Any, struct: type[msgspec.Struct], prefix: str) -> list[str]:
    """A sentence for each key that `struct` does not have."""
    faults = []
    known = {field.name: field.type for field in msgspec.structs.fields(struct)}
    for key, value in tree.items() if isinstance(tree, dict) else ():
        if key not in known:
            near = difflib.get_close_matches(str(key), known, n=1, cutoff=0.4)
            hint = f"did you mean {prefix}{near[0]}?" if near else f"known: {', '.join(known)}"
            faults.append(f"unknown setting {prefix}{key} ({hint})")
        elif isinstance(known[key], type) and issubclass(known[key], msgspec.Struct):
            faults += unknown_keys(value, known[key], f"{prefix}{key}.")
    return faults


def check_task(data: Tree) -> list[str]:
    """Faults of a task as somebody would POST it."""
    if "task_type" not in data:
        return [f"task_type is missing; it is one of {', '.join(TaskType)}"]
    try:
        msgspec.convert(data, NewTask)
    except (msgspec.ValidationError, TypeError, ValueError, RecursionError) as error:
        return [plain(str(error))]
    video_id = data.get("video_id")
    if isinstance(video_id, str) and not VIDEO_ID.match(video_id):
        return [f"video_id: must be {VIDEO_ID_RULE}"]
    return []


def plain(message: str) -> str:
    """msgspec's message with the path in front, as people write it."""
    text, _, path = message.partition(" - at `$")
    return f"{path.rstrip('`').lstrip('.')}: {text}" if path.strip("`.") else text
