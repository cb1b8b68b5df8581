"""The files of a folder or a zip file from a stranger: listed and read without ever leaving it."""

from __future__ import annotations

import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Protocol

from stages.errors import BadInput

MAX_FILES = 20_000
_DEPTH = 16
_LISTING = 32 << 20  # bytes of a zip's list of files that are read
_SWELL, _SPARE = 20, 16 << 20  # a zip may hold so many times its own size, and so much more
_TAIL = 22 + 0xFFFF

#: What reading a file may raise, in a folder or in a hostile zip.
READING = (
    OSError,
    EOFError,
    ValueError,
    NotImplementedError,
    RuntimeError,
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
)


class Tree(Protocol):
    """`sizes`: bytes by path (with `/`). `troubles`: path and what is wrong, for what is not read at all."""

    sizes: dict[str, int]
    troubles: list[tuple[str, str]]

    def open(self, name: str) -> IO[bytes]:
        """Read one of the files in `sizes`. Raises one of `READING`."""
        ...


class FolderTree:
    """A folder on a disk. Links are not followed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.sizes: dict[str, int] = {}
        self.troubles: list[tuple[str, str]] = []
        self._walk(folder, "", 0)

    def _walk(self, folder: Path, below: str, depth: int) -> None:
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            self.troubles.append((below or ".", f"cannot be read ({error.strerror})"))
            return
        for entry in entries:
            name = below + entry.name
            if len(self.sizes) + len(self.troubles) >= MAX_FILES:
                raise BadInput(f"{self._folder} holds more than {MAX_FILES} files; that is nothing of ours")
            try:
                about = entry.stat(follow_symlinks=False)
            except OSError as error:
                self.troubles.append((name, f"cannot be read ({error.strerror})"))
                continue
            if stat.S_ISDIR(about.st_mode):
                if depth >= _DEPTH:
                    self.troubles.append((name, "lies too deep"))
                else:
                    self._walk(Path(entry.path), f"{name}/", depth + 1)
            elif stat.S_ISREG(about.st_mode):
                self.sizes[name] = about.st_size
            else:
                self.troubles.append((name, "is a link or no plain file; it is not followed"))

    def open(self, name: str) -> IO[bytes]:
        """Read one of its files."""
        return self._folder.joinpath(*name.split("/")).open("rb")


class ZipTree:
    """A zip file. Nothing of it is ever written anywhere; names that leave it are troubles."""

    def __init__(self, file: zipfile.ZipFile, size: int) -> None:
        self._file = file
        self._entries: dict[str, zipfile.ZipInfo] = {}
        self.sizes: dict[str, int] = {}
        self.troubles: list[tuple[str, str]] = []
        entries = [entry for entry in file.infolist() if not entry.is_dir()]
        if len(entries) > MAX_FILES:
            raise BadInput(f"the zip file holds more than {MAX_FILES} files; that is nothing of ours")
        if sum(entry.file_size for entry in entries) > _SWELL * size + _SPARE:
            raise BadInput("the zip file claims to hold far more than it can; it is not read")
        top = _common_top([entry.filename for entry in entries])
        for entry in entries:
            self._take(entry, entry.filename.removeprefix(top))

    def _take(self, entry: zipfile.ZipInfo, name: str) -> None:
        if trouble := _wrong(entry, name) or ("is there twice" if name in self._entries else ""):
            self.troubles.append((name, trouble))
            self.sizes.pop(name, None)  # which of two is meant nobody can tell
            return
        self._entries[name] = entry
        self.sizes[name] = entry.file_size

    def open(self, name: str) -> IO[bytes]:
        """Read one of its files."""
        return self._file.open(self._entries[name])


def _wrong(entry: zipfile.ZipInfo, name: str) -> str:
    path = PurePosixPath(name)
    if not name or path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name or "\0" in name:
        return "is a name that leads out of the zip file"
    if stat.S_ISLNK(entry.external_attr >> 16):
        return "is a link; it is not followed"
    return "is encrypted" if entry.flag_bits & 1 else ""


def _common_top(names: list[str]) -> str:
    """The one folder that everything in a zip lies in, with its slash; "" when there is none."""
    tops = {name.partition("/")[0] for name in names if "/" in name}
    if len(tops) != 1 or any("/" not in name for name in names):
        return ""
    top = tops.pop()
    return "" if top in ("", "..", ".") else f"{top}/"


@contextmanager
def open_tree(path: Path) -> Iterator[Tree]:
    """The files of a folder or a zip file. Raises BadInput when it is neither, OSError."""
    if path.is_dir():
        yield FolderTree(path)
        return
    size = path.stat().st_size
    with path.open("rb") as file:
        _check_listing(file, size, path.name)
        try:
            archive = zipfile.ZipFile(file)
        except READING as error:
            raise BadInput(f"{path.name} is no zip file that can be read: {error}") from error
        with archive:
            yield ZipTree(archive, size)


def _check_listing(file: IO[bytes], size: int, name: str) -> None:
    """A zip's list of files is read as a whole, so its length is looked at before."""
    start = max(0, size - _TAIL)
    file.seek(start)
    tail = file.read(_TAIL)
    at = tail.rfind(b"PK\5\6")
    if at < 0 or at + 22 > len(tail):
        file.seek(0)
        if file.read(4) == b"PK\3\4":
            raise BadInput(
                f"{name} is a zip file that was cut off: its list at the end is missing; copy it again"
            )
        raise BadInput(f"{name} is neither a folder nor a zip file")
    listing = int(struct.unpack_from("<I", tail, at + 12)[0])
    if listing == 0xFFFFFFFF and (wide := tail.rfind(b"PK\6\6", 0, at)) >= 0 and wide + 56 <= len(tail):
        listing = int(struct.unpack_from("<Q", tail, wide + 40)[0])
    if listing > _LISTING:
        raise BadInput(f"{name}: its list of files is too long to be one of ours")
    file.seek(0)
