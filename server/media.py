"""Small pictures, kept by hash in the server's home, so that search shows them while every host is off."""

from __future__ import annotations

import hashlib
import os
import re
import threading
import time
from pathlib import Path

from stages.errors import BadInput, Unavailable

_HASH = re.compile(r"[0-9a-f]{40}\Z")
_JPEG = b"\xff\xd8\xff"
#: A picture that was kept again so lately may be about to be named by the catalogue (seconds).
_FRESH = 3600.0


class Media:
    """A folder of JPEGs named by their content."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()

    def keep(self, picture: bytes) -> str:
        """Keep a JPEG and return its name; it is on the disk when this returns."""
        if not picture.startswith(_JPEG):
            raise BadInput("a crop or poster must be a JPEG", [("results", "not a JPEG")])
        digest = hashlib.blake2b(picture, digest_size=20).hexdigest()
        path = self._path(digest)
        if not self._renew(path):
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

    def _renew(self, path: Path) -> bool:
        """Whether it is there; then it is fresh from now on."""
        with self._lock:
            try:
                os.utime(path)
            except FileNotFoundError:
                return False
            except OSError:
                return path.exists()
            return True

    def drop(self, digest: str) -> bool:
        """Remove a picture that nothing names any more; False when it must be tried again later."""
        if not _HASH.match(digest):
            return True
        path = self._path(digest)
        with self._lock:
            try:
                if time.time() - path.stat().st_mtime < _FRESH:
                    return False
                path.unlink()
            except FileNotFoundError:
                return True
            except OSError:
                return False
        return True

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
