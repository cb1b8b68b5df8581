"""`dashcam models list`, `verify` and `path`: what lies in the models folder, and whether it is whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from config.settings import Settings
from dashcam_cli import common
from dashcam_cli.output import FAILED, leave, print_json, printable, say, table
from stages.vision.models import Folder, Model, in_use, known, survey


def models_folder(settings: Settings) -> Path:
    """Where model files are looked for: `[models] dir`, else `models` in the home."""
    return Path(settings.models.dir or Path(settings.home) / "models")


def path(home: Path | None) -> None:
    """Print the folder, alone, whether it is there or not."""
    print(models_folder(common.settings(home)))  # noqa: T201


def show(home: Path | None, as_json: bool) -> None:
    """Each known model, and what else lies in the folder."""
    settings = common.settings(home)
    folder = models_folder(settings)
    found = survey(folder)
    used = in_use(found.there, settings.stage.heavy)
    rows = [_row(model, found) | {"used_for": used.get(model.name, [])} for model in known()]
    others = [str(each) for each in found.unknown]
    if as_json:
        print_json({"folder": str(folder), "models": rows, "unknown": others})
        return
    columns = ("name", "for", "runtime", "size", "licence", "state", "used for", "file")
    table(f"Models in {folder}", columns, [_cells(each) for each in rows])
    heavy, preprocess = settings.stage.heavy, settings.stage.preprocess
    wanted = {heavy.vehicle_model, heavy.plate_model, heavy.reader_model, preprocess.model}
    for other in found.unknown:
        use = "used, since a setting names it" if other.name in wanted else "not used"
        say(f"note: {printable(str(other))} is no known model; it is {use}")
    if not found.there:
        say("none is there, and none has to be; better and faster with: dashcam models pull")
    _advise(found)


def verify(home: Path | None, as_json: bool) -> None:
    """Hash every file; exit 1 when one is damaged."""
    folder = models_folder(common.settings(home))
    found = survey(folder)
    files: list[dict[str, Any]] = [
        {"path": str(each.path), "model": each.model.name, "state": "whole", "why": ""}
        for each in found.there
    ]
    files += [
        {
            "path": str(each.path),
            "model": each.model.name if each.model else None,
            "state": "damaged",
            "why": each.why,
        }
        for each in found.damaged
    ]
    files += [
        {"path": str(each), "model": None, "state": "unknown", "why": "no known model"}
        for each in found.unknown
    ]
    if as_json:
        print_json({"folder": str(folder), "files": files, "damaged": len(found.damaged)})
    else:
        cells = [[each["state"], each["model"], each["path"], each["why"]] for each in files]
        table(
            f"Model files in {folder}",
            ("state", "model", "file", "why"),
            cells,
            empty="none; fetch some with: dashcam models pull",
        )
        _advise(found)
    if found.damaged:
        leave(FAILED)


def _row(model: Model, found: Folder) -> dict[str, Any]:
    there = next((each.path for each in found.there if each.model == model), None)
    damaged = next((each for each in found.damaged if each.model == model), None)
    path = there or (damaged.path if damaged else None)
    return {
        "name": model.name,
        "use": model.use,
        "runtime": model.runtime,
        "family": model.family,
        "input_size": model.size,
        "bytes": model.bytes,
        "sha256": model.sha256,
        "licence": model.licence,
        "repository": model.repository,
        "default": model.default,
        "state": "there" if there else "damaged" if damaged else "missing",
        "why": damaged.why if damaged and not there else "",
        "path": str(path) if path else None,
    }


def _cells(row: dict[str, Any]) -> list[Any]:
    use, size = row["use"].replace("_", " "), f"{row['bytes'] / 1e6:.1f} MB"
    used = "; ".join(row["used_for"])
    return [row["name"], use, row["runtime"], size, row["licence"], row["state"], used, row["path"]]


def _advise(found: Folder) -> None:
    """What to do about damaged files, one line each."""
    whole = {each.model for each in found.there}
    for each in found.damaged:
        cure = "delete it"
        if each.model and each.model not in whole:
            cure = f"fetch it again: dashcam models pull {each.model.name}"
        say(f"dashcam: {printable(str(each.path))} {each.why} and is not used; {cure}")
