"""A model file that the settings name: any file of the models folder, known or the user's own."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec

from stages.errors import StageFailed
from stages.vision.models import ModelFile, known

_MAX_BYTES = 1 << 30


class NamedModel(msgspec.Struct, frozen=True):
    """A model of the user's own: which file, and the SHA-256 of its bytes."""

    path: Path
    sha256: str

    @property
    def name(self) -> str:
        """What it is called in results: its file's name."""
        return self.path.name

    def read(self) -> bytes:
        """The model's bytes, the same that were hashed. Raises `StageFailed` when the file was changed."""
        data = _bytes(self.path)
        if hashlib.sha256(data).hexdigest() != self.sha256:
            raise StageFailed(f"the model {self.path} was changed while it was loaded; try again", retry=True)
        return data


def named(folder: Path, name: str, setting: str) -> ModelFile | NamedModel:
    """The file `name` of the models folder, as a known model where its bytes are one's.

    Raises `StageFailed`: it is not there, is a path, is no ONNX file, or cannot be read. `setting` is what
    names it, for the message.
    """
    if Path(name).name != name or "\\" in name or not name.lower().endswith(".onnx"):
        raise StageFailed(f"{setting} must be the name of an .onnx file in the models folder, not {name!r}")
    path = folder / name
    digest = hashlib.sha256(_bytes(path, setting)).hexdigest()
    for model in known():
        if model.sha256 == digest:
            return ModelFile(model, path)
    return NamedModel(path, digest)


def _bytes(path: Path, setting: str = "") -> bytes:
    asked = f", which {setting} names," if setting else ""
    if not path.is_file():
        raise StageFailed(f"the model {path}{asked} is not there; put it there or change the setting")
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise StageFailed(f"the model {path}{asked} cannot be read: {error.strerror}") from error
    if not 0 < len(data) <= _MAX_BYTES:
        raise StageFailed(f"the model {path}{asked} is empty or larger than {_MAX_BYTES >> 30} GiB")
    return data
