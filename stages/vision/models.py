"""The list of known models, and which of their files lie in the models folder.

A file is recognised by its size and SHA-256, so its name does not matter and a wrong or changed file
is never loaded as a known one. Nothing is downloaded here.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Use = Literal["vehicle", "plate", "plate_text"]
Runtime = Literal["onnx", "tflite"]

_SUFFIXES = (".onnx", ".tflite")
_MAX_DEPTH = 4
_MAX_FILES = 5_000
_BLOCK = 1 << 20


class Model(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A known model: what it is for, how its output is decoded, and where its bytes can be had.

    `size` is the input's longer side in pixels; `repository`, `path` and `commit` name a file on GitHub.
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


class ModelFile(msgspec.Struct, frozen=True):
    """A known model and the local file that holds it."""

    model: Model
    path: Path


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
    for path, stat in _files(folder):
        if stat.st_size in by_size:
            found.setdefault(_sha256(path, stat.st_size, stat.st_mtime_ns), path)
    return [ModelFile(model, found[model.sha256]) for model in known() if model.sha256 in found]


def find(use: Use, folder: Path, runtime: Runtime | None = None) -> ModelFile | None:
    """The preferred model for a use that is there; None when there is none."""
    for file in available(folder):
        if file.model.use == use and runtime in (None, file.model.runtime):
            return file
    return None


def _files(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Model files below `folder` in a fixed order, a few folders deep; links to folders are left out."""
    count = 0
    for root, folders, names in os.walk(folder):
        depth = len(Path(root).relative_to(folder).parts)
        folders[:] = sorted(folders) if depth < _MAX_DEPTH else []
        for name in sorted(names):
            if not name.lower().endswith(_SUFFIXES):
                continue
            count += 1
            if count > _MAX_FILES:
                return
            path = Path(root, name)
            try:
                yield path, path.stat()
            except OSError:
                continue  # a dangling link is no model


@cache
def _sha256(path: Path, size: int, mtime_ns: int) -> str:
    """Hash a file once; size and time are part of the cache's key. An unreadable file matches nothing."""
    del size, mtime_ns
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
    except OSError:
        return ""
    return digest.hexdigest()
