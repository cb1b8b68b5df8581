"""The list of known models, and which of their files lie in the models folder.

A file is recognised by its size and SHA-256, so its name does not matter and a wrong or changed file
is never loaded as a known one. Nothing is downloaded here: `dashcam models pull` does that.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from stages.errors import StageFailed
from stages.settings import HeavySettings

Use = Literal["vehicle", "plate", "plate_text"]
Runtime = Literal["onnx", "tflite"]

_SUFFIXES = (".onnx", ".tflite")
_MAX_DEPTH = 4
_MAX_FILES = 5_000
_BLOCK = 1 << 20


class Model(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A known model: what it is for, how its output is decoded, and where its bytes can be had.

    `size` is the input's longer side in pixels; `repository`, `path` and `commit` name a file on GitHub.
    `default`: `dashcam models pull` fetches it when no model is named.
    """

    name: str
    use: Use
    family: Literal["yolox", "nanodet", "fastestdet", "hyperlpr3", "cct", "ssd_tflite"]
    runtime: Runtime
    size: int
    bytes: int
    sha256: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
    licence: str
    repository: str
    path: str
    commit: str
    labels: str
    default: bool = False

    @property
    def file(self) -> str:
        """The name under which its file is kept; any other is recognised too."""
        return f"{self.name}.{self.runtime}"

    @property
    def origin(self) -> str:
        """The last part of the path in its repository."""
        return self.path.rsplit("/", 1)[-1]


class ModelFile(msgspec.Struct, frozen=True):
    """A known model and the local file that holds it."""

    model: Model
    path: Path

    def read(self) -> bytes:
        """The model's bytes, checked once more: what is loaded is what was hashed.

        Raises `StageFailed` when the file was changed or taken away since it was recognised.
        """
        try:
            with self.path.open("rb") as file:
                data = file.read(self.model.bytes + 1)
        except OSError as error:
            raise StageFailed(f"the model {self.path} cannot be read: {error.strerror}") from error
        if hashlib.sha256(data).hexdigest() != self.model.sha256:
            raise StageFailed(
                f"the model {self.path} was changed and is not used; "
                f"fetch it again: dashcam models pull {self.model.name}"
            )
        return data


class OddFile(msgspec.Struct, frozen=True):
    """A file of the models folder that is no known model; `model` is the one that it should be, if any."""

    path: Path
    why: str
    model: Model | None = None


class Folder(msgspec.Struct, frozen=True):
    """What lies in a models folder: known models, preferred ones first; damaged ones; and others."""

    there: list[ModelFile]
    damaged: list[OddFile]
    unknown: list[Path]


class _Models(msgspec.Struct):
    model: list[Model]


@cache
def known() -> tuple[Model, ...]:
    """Every known model; for one use the preferred one comes first."""
    text = resources.files(__package__).joinpath("models.toml").read_text(encoding="utf-8")
    return tuple(msgspec.toml.decode(text, type=_Models).model)


def available(folder: Path) -> list[ModelFile]:
    """The known models whose files lie below `folder`, preferred ones first. A missing folder has none."""
    by_size = {model.bytes for model in known()}
    found: dict[str, Path] = {}
    for path, about in _files(folder):
        if about.st_size in by_size:
            found.setdefault(_sha256(path, *_version(about)), path)
    return [ModelFile(model, found[model.sha256]) for model in known() if model.sha256 in found]


def find(use: Use, folder: Path, runtime: Runtime | None = None) -> ModelFile | None:
    """The preferred model for a use that is there; None when there is none."""
    for file in available(folder):
        if file.model.use == use and runtime in (None, file.model.runtime):
            return file
    return None


def in_use(there: list[ModelFile], heavy: HeavySettings) -> dict[str, list[str]]:
    """What each model that is there does with these settings, by its name; the others have nothing to do."""
    set_names: dict[Use, str] = {
        "vehicle": heavy.vehicle_model,
        "plate": heavy.plate_model,
        "plate_text": heavy.reader_model,
    }
    work: dict[str, list[str]] = {}

    def note(use: Use, runtime: Runtime, words: str, more: str = "") -> None:
        fit = [each for each in there if (each.model.use, each.model.runtime) == (use, runtime)]
        if runtime == "onnx" and (name := set_names[use]):
            fit = [each for each in fit if each.path.name == name]
        for file in fit if more else fit[:1]:
            work.setdefault(file.model.name, []).append(words if file is fit[0] else more)

    note("vehicle", "tflite", "vehicles in preprocess")
    note("vehicle", "onnx", "vehicles in heavy and read")
    note("plate", "onnx", "plates in heavy and read", "plates in read")
    # Where no plate model is, lines of text are found, and RapidOCR reads those.
    crops = heavy.plate_model or any(each.model.use == "plate" for each in there)
    if heavy.text_reader == "fast-plate-ocr" or (heavy.text_reader == "auto" and crops):
        note("plate_text", "onnx", "texts in heavy and read")
    return work


def survey(folder: Path) -> Folder:
    """Every model file below `folder`, hashed anew. Damaged: a known one's name or size, other bytes."""
    _sha256.cache_clear()
    by_hash = {model.sha256: model for model in known()}
    found: dict[str, Path] = {}
    damaged, unknown = [], []
    for path, about in _files(folder):
        meant = _meant(path.name, about.st_size)
        digest = _sha256(path, *_version(about)) if meant is not None else ""
        if digest in by_hash:
            found.setdefault(digest, path)
        elif meant is not None:
            damaged.append(OddFile(path, _wrong(digest, about.st_size, meant), meant))
        else:
            unknown.append(path)
    there = [ModelFile(model, found[model.sha256]) for model in known() if model.sha256 in found]
    return Folder(there, damaged, unknown)


def matching(folder: Path, wanted: list[Model]) -> dict[str, Path]:
    """Files below `folder` that are wanted models, by their SHA-256, whatever their names and endings."""
    sizes = {model.bytes for model in wanted}
    hashes = {model.sha256 for model in wanted}
    found: dict[str, Path] = {}
    for path, about in _files(folder, suffixes=("",)):
        if about.st_size in sizes and (digest := _sha256(path, *_version(about))) in hashes:
            found.setdefault(digest, path)
    return found


def _meant(name: str, size: int) -> Model | None:
    """The model that a file claims to be, by its name, else by its size."""
    for model in known():
        if name.lower() in (model.file.lower(), model.origin.lower()):
            return model
    return next((model for model in known() if model.bytes == size), None)


def _wrong(digest: str, size: int, meant: Model) -> str:
    if not digest:
        return "cannot be read"
    if size != meant.bytes:
        return f"has {size} bytes instead of the {meant.bytes} of {meant.name}"
    return f"has the size of {meant.name} and other bytes"


def _version(about: os.stat_result) -> tuple[int, ...]:
    """What changes when a file is written or replaced; a copied modification time does not hide it."""
    return about.st_size, about.st_mtime_ns, about.st_ctime_ns, about.st_ino


def _files(folder: Path, suffixes: tuple[str, ...] = _SUFFIXES) -> Iterator[tuple[Path, os.stat_result]]:
    """Model files below `folder` in a fixed order, a few folders deep; links to folders are left out."""
    count = 0
    for root, folders, names in os.walk(folder):
        depth = len(Path(root).relative_to(folder).parts)
        folders[:] = sorted(folders) if depth < _MAX_DEPTH else []
        for name in sorted(names):
            if not name.lower().endswith(suffixes):
                continue
            count += 1
            if count > _MAX_FILES:
                return
            path = Path(root, name)
            try:
                about = path.stat()
            except OSError:
                continue  # a dangling link is no model
            if stat.S_ISREG(about.st_mode):  # a pipe would be waited for
                yield path, about


@cache
def _sha256(path: Path, *version: int) -> str:
    """Hash a file once per version (see `_version`). An unreadable file matches nothing."""
    del version
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
    except OSError:
        return ""
    return digest.hexdigest()
