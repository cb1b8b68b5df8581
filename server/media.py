"""Small pictures, kept by hash in the server's home, so that search shows them while every host is off."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

from stages.errors import BadInput, Unavailable

_HASH = re.compile(r"[0-9a-f]{40}\Z")
_JPEG = b"\xff\xd8\xff"


class Media:
    """A folder of JPEGs named by their content."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, picture: bytes) -> str:
        """Keep a JPEG and return its name; it is on the disk when this returns."""
        if not picture.startswith(_JPEG):
            raise BadInput("a crop or poster must be a JPEG", [("results", "not a JPEG")])
        digest = hashlib.blake2b(picture, digest_size=20).hexdigest()
        path = self._path(digest)
        if not path.exists():
            part = path.with_name(f"{digest}.{os.getpid()}-{id(picture):x}.part")
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                with part.open("wb") as file:
                    file.write(picture)
                    file.flush()
                    os.fsync(file.fileno())
                part.replace(path)
                _flush(path.parent)
            except OSError as error:
                part.unlink(missing_ok=True)
                raise Unavailable(
                    f"a picture could not be written ({error.strerror}); nothing was kept"
                ) from error
        return digest

    def read(self, digest: str) -> bytes | None:
        """A picture by its name."""
        if not _HASH.match(digest):
            return None
        try:
            return self._path(digest).read_bytes()
        except OSError:
            return None

    def _path(self, digest: str) -> Path:
        return self._folder / digest[:2] / f"{digest}.jpg"


def _flush(folder: Path) -> None:
    """Make a rename in a folder last, where the system knows how."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
