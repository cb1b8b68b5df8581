"""Where evidence is written: a folder or a zip file, each file hashed on its way and never twice."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, Protocol

import msgspec

from stages.errors import StageFailed

_BLOCK = 1 << 20
Tell = Callable[[int], None]


class Written(msgspec.Struct, frozen=True):
    """One file: its path in the folder or zip (with `/`), size, SHA-256 and BLAKE2b-256 in hex."""

    path: str
    size_bytes: int
    sha256: str
    blake2: str


class Box(Protocol):
    """Takes files."""

    written: list[Written]

    def put(self, path: str, blocks: Iterable[bytes]) -> Written:
        """Write one file from its blocks."""
        ...


class FolderBox:
    """A folder that is being filled."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.written: list[Written] = []
        folder.mkdir()

    def put(self, path: str, blocks: Iterable[bytes]) -> Written:
        """Write one file from its blocks."""
        target = self._folder.joinpath(*path.split("/"))
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as out:
            return _write(out, path, blocks, self.written)


class ZipBox:
    """A zip file that is being filled; everything lies below one folder in it, uncompressed.

    Clips do not shrink, and a stored file can be got out of a damaged zip.
    """

    def __init__(self, file: zipfile.ZipFile, top: str, stamp: tuple[int, int, int, int, int, int]) -> None:
        self._file, self._top, self._stamp = file, top, stamp
        self.written: list[Written] = []

    def put(self, path: str, blocks: Iterable[bytes]) -> Written:
        """Write one file from its blocks."""
        info = zipfile.ZipInfo(f"{self._top}/{path}", date_time=self._stamp)
        info.external_attr = 0o644 << 16
        with self._file.open(info, "w", force_zip64=True) as out:
            return _write(out, path, blocks, self.written)


def _write(out: IO[bytes], path: str, blocks: Iterable[bytes], written: list[Written]) -> Written:
    if any(each.path == path for each in written):
        raise ValueError(f"{path} is written twice")
    sha, blake, size = hashlib.sha256(), hashlib.blake2b(digest_size=32), 0
    for block in blocks:
        sha.update(block)
        blake.update(block)
        out.write(block)
        size += len(block)
    written.append(Written(path, size, sha.hexdigest(), blake.hexdigest()))
    return written[-1]


def blocks_of(path: Path, tell: Tell = lambda _size: None) -> Iterator[bytes]:
    """A file's bytes in blocks; `tell` is told each one's size.

    Raises `StageFailed` (worth trying again) when the file changes meanwhile, OSError when it cannot be read.
    """
    before = path.stat()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            tell(len(block))
            yield block
    after = path.stat()
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise StageFailed(f"{path.name} changed while it was read; try again", retry=True)
