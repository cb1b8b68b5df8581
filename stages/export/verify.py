"""Is it still what was written? Evidence (folder or zip), archives, and every stage's finished folder."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec

from stages.errors import BadInput
from stages.export.trees import READING, Tree, open_tree
from stages.export.verdict import FORMAT, SUMS, EvidenceManifest, Kind, Problem, Verdict
from stages.files import RESULT
from stages.proofs import MANIFEST, Held

_MOST = 256 << 20  # bytes of a list of files
_BLOCK = 1 << 20
#: What file managers leave in folders that they show.
_LITTER = {".ds_store", "thumbs.db", "desktop.ini", "ehthumbs.db", ".directory"}
_LITTER_FOLDERS = {"@eadir", "#recycle", ".appledouble"}
#: Where stages leave finished folders below a place's root.
_LEFT = ("archive", "videos/preproc", "videos/heavy_output")
_LINE = re.compile(r"\\?([0-9a-fA-F]{64}) [ *](.+)")

Tell = Callable[[str, int], None]


class _Form(msgspec.Struct):
    format: str = ""


class _Finished(msgspec.Struct):
    files: dict[str, str] = {}
    task_type: str = ""


class _Archive(msgspec.Struct):
    files: list[Held] = []


def verify(path: Path, tell: Tell = lambda _name, _size: None) -> Verdict:
    """Check a folder or zip file; `tell` is told each block's file and size.

    Raises BadInput when it is neither, or is built to harm; OSError when it cannot be read at all.
    """
    with open_tree(path) as tree:
        check = _Check(tree, tell)
        kind = check.run()
        known = [name for name in tree.sizes if name not in check.ignored]
        return Verdict(
            path=str(path),
            kind=kind,
            ok=not check.problems,
            files=len(known),
            size_bytes=sum(tree.sizes[name] for name in known),
            seal=check.seal,
            problems=check.problems,
            ignored=check.ignored,
        )


def verifiable(folder: Path) -> bool:
    """Whether a folder says what it should hold."""
    return any((folder / name).is_file() for name in (SUMS, RESULT, MANIFEST))


class _Check:
    """One check: what the lists say against what is there."""

    def __init__(self, tree: Tree, tell: Tell) -> None:
        self._tree, self._tell = tree, tell
        self.problems = [Problem(name, "unsafe", why) for name, why in tree.troubles]
        self._unsafe = {name for name, _ in tree.troubles}
        self.ignored = sorted(name for name in tree.sizes if _is_litter(name))
        self.seal: str | None = None
        self._hashes: dict[str, tuple[str, str]] = {}

    def run(self) -> Kind:
        there = self._tree.sizes
        form = self._decoded(MANIFEST, _Form) if MANIFEST in there else None
        if SUMS in there or (form is not None and form.format == FORMAT):
            found = self._decoded(MANIFEST, EvidenceManifest) if MANIFEST in there else None
            self._evidence(found or EvidenceManifest())
            return "evidence"
        if RESULT in there:
            return self._result()
        if MANIFEST in there:
            self._missing(RESULT)
            self._archive()
            self._extra({MANIFEST, *(held.path for held in self._held())})
            return "archive"
        self._note(".", "missing", f"neither {SUMS} nor {RESULT} nor {MANIFEST} says what should be here")
        return "unknown"

    def _evidence(self, manifest: EvidenceManifest) -> None:
        listed = {each.path: each for each in manifest.files}
        sums = self._sums()
        for name in [name for name in (MANIFEST, SUMS) if name not in self._tree.sizes]:
            self._missing(name)
        for name, each in listed.items():
            self._compare(name, each.size_bytes, each.sha256, each.blake2)
            if SUMS in self._tree.sizes and sums.get(name) != each.sha256:
                self._note(name, "contradicts", f"{MANIFEST} and {SUMS} say different things of it")
        for name in sums.keys() - listed.keys():
            self._compare(name, None, sums[name], None)
            if name != MANIFEST and listed and _is_plain(name):
                self._note(name, "contradicts", f"is in {SUMS} and not in {MANIFEST}")
        if SUMS in self._tree.sizes and MANIFEST in self._tree.sizes and MANIFEST not in sums:
            self._note(MANIFEST, "contradicts", f"is not in {SUMS}")
        for clip in manifest.clips:
            known = listed.get(clip.file)
            if clip.catalogue_blake2 and known and known.blake2 != clip.catalogue_blake2:
                self._note(clip.file, "contradicts", "is not what the catalogue knew by its BLAKE2 hash")
        self._extra({MANIFEST, SUMS, *listed, *sums})
        if SUMS in self._tree.sizes and (found := self._hash(SUMS)):
            self.seal = found[0]

    def _result(self) -> Kind:
        finished = self._decoded(RESULT, _Finished)
        if finished is None:
            return "result"
        for name, digest in finished.files.items():
            self._compare(name, None, None, digest)
        self._extra({RESULT, *finished.files})
        if finished.task_type != "ARCHIVE_VIDEO":
            return "result"
        if MANIFEST not in finished.files:
            self._note(MANIFEST, "contradicts", f"is not in {RESULT}")
        for held in self._held():
            if finished.files.get(held.path) != held.blake2:
                self._note(held.path, "contradicts", f"{MANIFEST} and {RESULT} say different things of it")
            elif self._tree.sizes.get(held.path, held.size_bytes) != held.size_bytes:
                self._note(held.path, "contradicts", f"{MANIFEST} gives it {held.size_bytes} bytes")
        return "archive"

    def _archive(self) -> None:
        for held in self._held():
            self._compare(held.path, held.size_bytes, None, held.blake2)

    def _held(self) -> list[Held]:
        found = self._decoded(MANIFEST, _Archive) if MANIFEST in self._tree.sizes else None
        return found.files if found else []

    def _compare(self, name: str, size: int | None, sha256: str | None, blake2: str | None) -> None:
        if not _is_plain(name):
            self._note(name, "unsafe", "is listed under a name that leads out of here")
            return
        there = self._tree.sizes.get(name)
        if name in self._unsafe:
            return
        if there is None:
            self._missing(name)
        elif size is not None and there != size:
            self._note(name, "changed", f"has {there} bytes instead of {size}")
        elif (found := self._hash(name)) and (
            (sha256 and found[0] != sha256.lower()) or (blake2 and found[1] != blake2)
        ):
            self._note(name, "changed", "is not what was written: its hash is another")

    def _hash(self, name: str) -> tuple[str, str] | None:
        """SHA-256 and BLAKE2b-256 of a file; None, and a problem, when it cannot be read."""
        if name in self._hashes:
            return self._hashes[name]
        sha, blake, left = hashlib.sha256(), hashlib.blake2b(digest_size=32), self._tree.sizes[name]
        try:
            with self._tree.open(name) as file:
                while block := file.read(_BLOCK):
                    left -= len(block)
                    if left < 0:
                        raise ValueError("it is longer than it says")
                    sha.update(block)
                    blake.update(block)
                    self._tell(name, len(block))
        except READING as error:
            self._note(name, "unreadable", f"cannot be read ({error})")
            return None
        self._hashes[name] = sha.hexdigest(), blake.hexdigest()
        return self._hashes[name]

    def _bytes(self, name: str) -> bytes | None:
        if self._tree.sizes[name] > _MOST:
            self._note(name, "unreadable", "is too large to be a list of ours")
            return None
        try:
            with self._tree.open(name) as file:
                return file.read(_MOST)
        except READING as error:
            self._note(name, "unreadable", f"cannot be read ({error})")
            return None

    def _decoded(self, name: str, kind: Any) -> Any:
        data = self._bytes(name)
        try:
            return None if data is None else msgspec.json.decode(data, type=kind)
        except (msgspec.DecodeError, RecursionError) as error:
            self._note(name, "changed", f"is no list of ours any more ({error})")
            return None

    def _sums(self) -> dict[str, str]:
        """What `SHA256SUMS` says, by name."""
        data = self._bytes(SUMS) if SUMS in self._tree.sizes else None
        found: dict[str, str] = {}
        for line in data.decode("utf-8", "replace").removesuffix("\n").split("\n") if data else ():
            match = _LINE.fullmatch(line)
            if match is None or match[2] in found:
                self._note(SUMS, "changed", f"has a line that is none of ours: {line[:60]!r}")
                break
            found[match[2]] = match[1].lower()
        return found

    def _extra(self, known: set[str]) -> None:
        for name in sorted(self._tree.sizes.keys() - known - set(self.ignored)):
            self._note(name, "extra", "is in no list; it was laid there afterwards")

    def _missing(self, name: str) -> None:
        self._note(name, "missing", "is not there")

    def _note(self, path: str, what: str, why: str) -> None:
        problem = Problem(path[:1000], what, why)
        if problem not in self.problems:
            self.problems.append(problem)


def _is_plain(name: str) -> bool:
    path = PurePosixPath(name)
    return bool(name) and not path.is_absolute() and ".." not in path.parts and "\\" not in name


def _is_litter(name: str) -> bool:
    parts = [part.lower() for part in PurePosixPath(name).parts]
    return bool(parts) and (
        parts[-1] in _LITTER or parts[-1].startswith("._") or not _LITTER_FOLDERS.isdisjoint(parts)
    )


def targets(path: Path) -> list[Path]:
    """What to check for a path: itself, its folder when it is a list, or the finished folders in it.

    Of a place's root these are the folders that the stages left below it.
    Raises BadInput when nothing there says what it should hold, OSError.
    """
    if path.name in (SUMS, RESULT, MANIFEST) and path.is_file():
        return [path.parent]
    if not path.is_dir() or verifiable(path):
        path.stat()
        return [path]
    found = [each for folder in (path, *(path / name for name in _LEFT)) for each in _finished_in(folder)]
    if not found:
        raise BadInput(f"{path}: neither evidence, an archive nor a finished folder, and none lies in it")
    return found


def _finished_in(folder: Path) -> list[Path]:
    if not folder.is_dir() or folder.is_symlink():
        return []
    below = sorted(each for each in folder.iterdir() if each.is_dir() and not each.is_symlink())
    return [each for each in below if verifiable(each)]
