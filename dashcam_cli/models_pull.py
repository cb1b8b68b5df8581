"""`dashcam models pull`: brings models into the models folder; only whole and right files get their names."""

from __future__ import annotations

import difflib
import hashlib
import os
import shutil
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer

from dashcam_cli import common, platform
from dashcam_cli.bar import Bar
from dashcam_cli.models import models_folder
from dashcam_cli.models_fetch import Shelf, Source, Web
from dashcam_cli.output import INTERRUPTED, leave, print_json, printable, say
from stages.disk import free_space, make_folder, remove, sync, writing
from stages.errors import BadInput, DashcamError, NotFound, PlaceFull, Refused, Unreachable
from stages.vision.models import Model, available, known, matching

_PART, _ASIDE = ".part", ".damaged"
_BLOCK = 1 << 20
_STALE = 86_400.0  # seconds after which what a killed pull left of its own is removed


def pull(
    names: list[str], everything: bool, source: str, yes: bool, home: Path | None, as_json: bool
) -> None:
    """Fetch what is missing of the wanted models; the first failure decides the exit code."""
    settings = common.settings(home)
    folder = models_folder(settings)
    wanted = chosen(names, everything)
    there = {each.model: each.path for each in available(folder)}
    missing = [model for model in wanted if model not in there]
    _tell_licences(wanted, missing, folder)
    asks = missing and not yes and sys.stdin.isatty() and sys.stderr.isatty()
    if asks and not typer.confirm("Fetch them?", default=True, err=True):
        leave(INTERRUPTED)
    timeout = settings.models.timeout_seconds
    pulled, failures = _pull_all(missing, folder, lambda: open_source(source, timeout, missing))
    if as_json:
        print_json([_told(model, there | pulled, pulled, failures) for model in wanted])
    for model, path in pulled.items():
        say(f"{model.name}: whole, {printable(str(path))}")
    for error in list(failures.values())[1:]:
        say(f"dashcam: {printable(str(error))}")
    for error in failures.values():
        raise error


def chosen(names: Sequence[str], everything: bool) -> list[Model]:
    """The models that are meant. Raises BadInput for a name that is none."""
    if names and everything:
        raise BadInput("give names, or --all")
    by_name = {model.name: model for model in known()}
    for name in names:
        if name not in by_name:
            near = difflib.get_close_matches(name, by_name, 1)
            hint = f"did you mean {near[0]}?" if near else "dashcam models list shows them"
            raise BadInput(f"no model is called {name!r}; {hint}")
    if names:
        return [by_name[name] for name in dict.fromkeys(names)]
    return [model for model in known() if everything or model.default]


def open_source(text: str, timeout: float, wanted: list[Model]) -> Source:
    """What `--from` names: nothing (the repositories), a mirror's address, or a folder."""
    if not text or "://" in text:
        return Web(text, timeout=timeout)
    folder = Path(text).expanduser()
    if not folder.is_dir():
        raise NotFound(f"{folder} is no folder; --from takes a folder with model files, or an address")
    return Shelf(folder, matching(folder, wanted))


def _tell_licences(wanted: list[Model], missing: list[Model], folder: Path) -> None:
    size = sum(model.bytes for model in missing) / 1e6
    if missing:
        say(f"{len(missing)} of {len(wanted)} models are missing in {printable(str(folder))}: {size:.1f} MB")
    else:
        say(f"all {len(wanted)} are in {printable(str(folder))}")
    for model in missing:
        say(f"  {model.name}: {model.bytes / 1e6:.1f} MB, {model.licence}, from {model.repository}")


def _pull_all(
    missing: list[Model], folder: Path, opened: Callable[[], Source]
) -> tuple[dict[Model, Path], dict[Model, DashcamError]]:
    pulled: dict[Model, Path] = {}
    failures: dict[Model, DashcamError] = {}
    if not missing:
        return pulled, failures
    total, behind = sum(model.bytes for model in missing), 0
    source = opened()
    try:
        with Bar("fetching") as bar:
            for model in missing:

                def tell(done: int, before: int = behind, name: str = model.name) -> None:
                    bar((before + done) / total, name)

                try:
                    pulled[model] = bring(model, folder, source, tell)
                except DashcamError as error:
                    failures[model] = error
                    if isinstance(error, (Unreachable, PlaceFull)):
                        break  # the next one would fare no better
                behind += model.bytes
    finally:
        source.close()
    return pulled, failures


def bring(model: Model, folder: Path, source: Source, tell: Callable[[int], None]) -> Path:
    """Fetch one model into a folder; its path.

    The file gets its name once every byte is on the disk and right. Raises `NotFound`, `Refused`,
    `Unreachable`, and `PlaceFull`, after which no part of it is left.
    """
    final = folder / model.file
    with writing(folder):
        make_folder(folder)
        with _part(folder, model) as part:
            try:
                _fill(model, part, source, tell)
            except OSError:
                remove(part)  # a full disk is not kept full
                raise
            sync(part)
            if _sha256(final) == model.sha256:  # another pull was faster
                remove(part)
                return final
            if os.path.lexists(final):  # no model that is known; whose it is, is not ours to say
                final.replace(final.with_name(final.name + _ASIDE))
            part.replace(final)
            sync(folder)
    return final


def _fill(model: Model, part: Path, source: Source, tell: Callable[[int], None]) -> None:
    """Fetch until the bytes are right; where an earlier run left wrong ones, once more from nothing."""
    resumed = part.exists()
    folder, have = part.parent, part.stat().st_size if resumed else 0
    if shutil.disk_usage(folder).free < model.bytes - have:
        size = f"{model.bytes / 1e6:.1f} MB"
        raise PlaceFull(f"{folder} has no room for {model.name}: {size} ({free_space(folder)})")
    source.fetch(model, part, tell)
    if _sha256(part) == model.sha256:
        return
    remove(part)
    if resumed:
        source.fetch(model, part, tell)
        if _sha256(part) == model.sha256:
            return
        remove(part)
    raise Refused(
        f"{model.name}: what came has not the SHA-256 {model.sha256[:16]}...; it is not the model that was "
        "checked, and it was not kept"
    )


@contextmanager
def _part(folder: Path, model: Model) -> Iterator[Path]:
    """Where the file grows: a name that a later pull goes on with, or one of our own while another pulls."""
    lock = platform.try_lock(folder / ".pull.lock")
    if lock is not None:
        try:
            _sweep(folder)
            yield folder / (model.file + _PART)
        finally:
            lock.release()
        return
    own = folder / f"{model.file}.{uuid.uuid4().hex}{_PART}"
    try:
        yield own
    finally:
        remove(own)


def _sweep(folder: Path) -> None:
    """Remove what pulls that were killed left under names of their own."""
    for model in known():
        for path in folder.glob(f"{model.file}.*{_PART}"):
            if path.name != model.file + _PART and time.time() - path.stat().st_mtime > _STALE:
                remove(path)


def _sha256(path: Path) -> str:
    """SHA-256 of a file; "" where there is none."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
    except (FileNotFoundError, IsADirectoryError):
        return ""
    return digest.hexdigest()


def _told(
    model: Model, paths: dict[Model, Path], pulled: dict[Model, Path], failures: dict[Model, DashcamError]
) -> dict[str, Any]:
    path = paths.get(model)
    return {
        "name": model.name,
        "state": "pulled" if model in pulled else "there" if path else "failed",
        "path": str(path) if path else None,
        "bytes": model.bytes,
        "licence": model.licence,
        "repository": model.repository,
        "error": str(failures[model]) if model in failures else None,
    }
