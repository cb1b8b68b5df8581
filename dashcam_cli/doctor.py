"""`dashcam doctor`: what is wrong with this host, and what mends it."""

from __future__ import annotations

import importlib.util
import shutil
import sqlite3
import sys
import time
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import msgspec

from config.settings import Settings
from dashcam_cli import common, platform
from dashcam_cli.child import StageChild, settings_for
from dashcam_cli.models import models_folder
from dashcam_cli.output import FAILED, leave, print_json, printable, table
from dashcam_cli.places import host_places
from dashcam_cli.selftest import examine as examine_stage
from dashcam_cli.selftest import self_testing, where
from stages.errors import DashcamError, SettingsError
from stages.registry import OURS
from stages.runner import Check
from stages.stage import Health
from stages.vision.models import survey
from stages.vision.sticks import plugged

#: From these versions on SQLite is free of the bug that two writers at once can meet.
_SOUND_SQLITE = ((3, 44, 6), (3, 50, 7), (3, 51, 3))
#: Pairs of distributions that install the same module over each other.
_CLASHES = [
    ("onnxruntime", "onnxruntime-gpu"),
    ("opencv-python", "opencv-python-headless"),
    ("rapidocr-onnxruntime", "onnxruntime-gpu"),
]
_STAGES = ("numpy", "av", "cv2", "rapidocr", "onnxruntime")
_OPTIONAL = {"ai_edge_litert": "TFLite models", "decord": "the second frame reader"}
_LEAST_FREE_GB = 2
_PATIENCE = 600.0  # seconds for one self-test; a GPU's engines may have to be built


class Finding(msgspec.Struct, frozen=True):
    """One check. `level`: ok, note, warning or fault; `facts`: more of it, for programs."""

    check: str
    level: str
    detail: str
    mend: str = ""
    facts: dict[str, Any] = {}


def examine(home: Path | None, url: str | None, as_json: bool) -> None:
    """Print every finding; exit 1 when there is a fault."""
    settings = common.settings(home, url)
    findings = list(findings_of(settings))
    if as_json:
        print_json(findings)
    else:
        rows = [[each.level, each.check, printable(each.detail), each.mend] for each in findings]
        table("This host", ("", "check", "found", "mend"), rows)
    if any(each.level == "fault" for each in findings):
        leave(FAILED)


def findings_of(settings: Settings) -> Iterator[Finding]:
    """Each check in turn."""
    yield _python()
    yield _sqlite()
    yield from _packages()
    yield from _clashes()
    yield _names()
    yield _hardware()
    yield from _sticks(settings)
    yield _disk(Path(settings.home))
    yield from backups(settings, time.time())
    yield from _models(settings)
    yield from _self_tests(settings)
    yield from _places(settings)
    yield _server(settings)


def _python() -> Finding:
    return Finding("python", "ok", sys.version.split()[0])


def _sqlite() -> Finding:
    found = sqlite3.sqlite_version_info
    sound = any(found[:2] == line[:2] and found >= line for line in _SOUND_SQLITE) or found >= (3, 51, 3)
    if sound:
        return Finding("sqlite", "ok", sqlite3.sqlite_version)
    detail = f"{sqlite3.sqlite_version} can corrupt a WAL file when two processes write; ours has one writer"
    return Finding("sqlite", "note", detail, "never open the database with another program that writes")


def _packages() -> Iterator[Finding]:
    lacking = [name for name in _STAGES if importlib.util.find_spec(name) is None]
    if lacking:
        detail = f"no stages can run here: {', '.join(lacking)} missing"
        yield Finding(
            "stages", "note", detail, "pip install 'dashcam-processor[cpu]' where this host shall work"
        )
        return
    yield Finding("stages", "ok", ", ".join(f"{name} is there" for name in _STAGES))
    for name, use in _OPTIONAL.items():
        if importlib.util.find_spec(name) is None:
            yield Finding("stages", "note", f"{name} is missing: no {use}")


def _clashes() -> Iterator[Finding]:
    for one, other in _CLASHES:
        if _installed(one) and _installed(other):
            mend = f"pip uninstall {one} {other}, then install the one extra you need again"
            yield Finding("packages", "fault", f"{one} and {other} overwrite each other's files", mend)
    if _installed("pycoral") and not _installed("tflite-runtime"):
        detail = "the pycoral of the public index is another project, not Google's"
        yield Finding("packages", "warning", detail, "pip uninstall pycoral")


def _installed(name: str) -> bool:
    try:
        version(name)
    except PackageNotFoundError:
        return False
    return True


def _names() -> Finding:
    """Our packages have common names; another project's may lie in front of them."""
    here = Path(__file__).resolve().parents[1]
    for name in ("server", "stages", "config"):
        spec = importlib.util.find_spec(name)
        origin = Path(spec.origin).resolve() if spec is not None and spec.origin else None
        if origin is None or origin.parents[1] != here:
            mend = "install dashcam-processor into an environment of its own (pipx, uv tool, a container)"
            return Finding("packages", "fault", f"the name {name!r} belongs to {origin}", mend)
    return Finding("packages", "ok", f"server, stages and config are ours ({here})")


def _hardware() -> Finding:
    found = platform.capabilities(Path.cwd())
    return Finding("hardware", "ok", ", ".join(f"{name} {value}" for name, value in found.items()))


def _sticks(settings: Settings) -> Iterator[Finding]:
    """Edge TPUs that are plugged in, and whether anything would use them."""
    if not (seen := plugged()):
        return
    detail = f"{', '.join(seen)} plugged in"
    if settings.stage.preprocess.model:
        yield Finding("Edge TPU", "ok", detail)
    else:
        mend = "set [stage.preprocess] model to a model that is compiled for it"
        yield Finding("Edge TPU", "note", f"{detail}, and no model for it is chosen", mend)


def _disk(home: Path) -> Finding:
    folder = home
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free / 1e9
    if free < _LEAST_FREE_GB:
        return Finding("home", "warning", f"{home}: {free:.1f} GB free", "make room, or give another --home")
    return Finding("home", "ok", f"{home}: {free:.0f} GB free")


def backups(settings: Settings, now: float) -> Iterator[Finding]:
    """Where this home has a server's database: how old its newest backup is, against what is set."""
    home, wanted = Path(settings.home), settings.backup
    if not (home / "dashcam.sqlite").is_file():
        return
    if not wanted.every_hours:
        yield Finding("backup", "note", "[backup] every_hours is 0: none are made", "dashcam backup FILE")
        return
    folder = Path(wanted.folder).expanduser() if wanted.folder else home / "backups"
    made = [each.stat().st_mtime for each in folder.glob("dashcam-*.sqlite")] if folder.is_dir() else []
    if not made:
        mend = "leave the server running, or: dashcam backup FILE"
        yield Finding("backup", "note", f"none in {folder} yet", mend)
        return
    hours = (now - max(made)) / 3600
    late = hours > 2 * wanted.every_hours
    mend = f"look into {home / 'server.log'} for the reason" if late else ""
    yield Finding("backup", "warning" if late else "ok", f"the newest in {folder} is {hours:.0f} h old", mend)


def _models(settings: Settings) -> Iterator[Finding]:
    if importlib.util.find_spec("numpy") is None:
        return  # nothing here would use them
    folder = models_folder(settings)
    found = survey(folder)
    for each in found.damaged:
        name = each.model.name if each.model else ""
        whole = any(other.model == each.model for other in found.there)
        mend = f"delete {each.path}" if whole else f"dashcam models pull {name}"
        yield Finding("models", "warning", f"{each.path} {each.why} and is not used", mend)
    if found.there:
        yield Finding("models", "ok", f"{', '.join(each.model.name for each in found.there)} in {folder}")
    else:
        detail = f"none in {folder}: plates are found by the built-in text detector"
        yield Finding("models", "note", detail, "dashcam models pull, for better and faster results")


def _self_tests(settings: Settings) -> Iterator[Finding]:
    """What a worker here would find out when it starts: each stage tries itself in a process of its own."""
    if any(importlib.util.find_spec(name) is None for name in _STAGES):
        return
    try:
        testing = self_testing(OURS.values())
    except SettingsError as error:
        yield Finding("stages", "fault", str(error), "reinstall the package that brings it, or remove it")
        return
    for task_type in testing:
        check = Check(settings=settings_for(settings, task_type), models=str(models_folder(settings)))
        child = StageChild(task_type)
        try:
            health = examine_stage(child, check, _PATIENCE)
        finally:
            child.kill()
        yield from _told(task_type, health)


def _told(task_type: str, health: Health) -> Iterator[Finding]:
    stage = next(name for name, kind in OURS.items() if kind == task_type)
    for model in health.models:
        detail = f"{model.get('model')}: {model.get('runtime')} on {where(model)}"
        yield Finding(f"{stage} model", "ok", detail, facts=model)
    for notice in health.notices:
        yield Finding(f"{stage} model", "note", notice)
    facts: dict[str, Any] = {"milliseconds": health.milliseconds}
    spent = ", ".join(f"{name} {each:.0f} ms" for name, each in health.milliseconds.items())
    if health.unfit:
        mend = f"until then a worker here takes no {task_type} task"
        yield Finding(f"{stage} canary", "fault", health.unfit, mend, facts)
    elif health.models:
        yield Finding(f"{stage} canary", "ok", f"the test picture was understood ({spent})", facts=facts)


def _places(settings: Settings) -> Iterator[Finding]:
    places = host_places(settings).values()
    for place in places:
        if place.present():
            yield Finding("place", "ok", f"{place.name} is {place.root}")
        else:
            level = "note" if place.removable else "warning"
            yield Finding("place", level, place.why_absent(), "mount it, or plug it in")
    if not places:
        yield Finding("place", "note", "this host has no places", "dashcam place add NAME DIR")


def _server(settings: Settings) -> Finding:
    client = common.client(settings)
    try:
        client.queue()
    except DashcamError as error:
        mend = "start one with: dashcam server; or set DASHCAM_SERVER to where it runs"
        return Finding("server", "note", str(error), mend)
    finally:
        client.close()
    return Finding("server", "ok", f"answers at {settings.server.url}")
