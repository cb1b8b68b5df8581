"""The proof that an archive stands: each byte of it, as it lies in its place, is what its manifest says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import msgspec

from stages.disk import read_back
from stages.errors import BadInput, StageFailed
from stages.files import RESULT, Finished, confine, read_finished
from stages.handover import MAX_FILES
from stages.sighting import Archived, ClipFacts
from stages.task import FileRef, TaskType

MANIFEST = "manifest.json"
_MOST_BYTES = 256 << 20


class Held(msgspec.Struct, frozen=True):
    """One file of an archive."""

    path: str
    size_bytes: int
    blake2: str


class Source(msgspec.Struct, frozen=True):
    """One input, with the hash of the file (of a folder: of its `result.json`)."""

    device: str
    path: str
    blake2: str


class Film(msgspec.Struct, frozen=True):
    """The small video: its length in seconds."""

    seconds: float = 0.0


class Manifest(msgspec.Struct, frozen=True):
    """What `manifest.json` says that has to be proved, or proves something."""

    video_id: str = ""
    files: list[Held] = []
    sources: list[Source] = []
    video: Film = Film()
    clip: ClipFacts = ClipFacts()


class Proof(NamedTuple):
    """An archive that stands: its manifest, and the hashes of all that it holds."""

    manifest: Manifest
    held: frozenset[str]

    def covers(self, ref: FileRef) -> bool:
        """Whether the archive was made from that file."""
        return any((source.device, source.path) == (ref.device, ref.path) for source in self.manifest.sources)


def read_manifest(final: Path) -> Manifest:
    """The lists in an archive's manifest; empty ones when it cannot be read."""
    try:
        return _decoded(final / MANIFEST)
    except (OSError, msgspec.DecodeError):
        return Manifest()


def prove(
    folder: Path, video_id: str, tell: Callable[[str], None] = lambda _: None, *, deep: bool = True
) -> Proof:
    """Check the archive of a clip in the place where it lies; `tell` is told each file's name.

    Every file that the manifest and `result.json` list is there, a plain file, of its size, and (`deep`) has
    its hash, read back from the disk. Raises StageFailed (worth trying again) with what is wrong.
    """
    manifest, finished = _said(folder, video_id)
    sizes = {file.path: file.size_bytes for file in manifest.files}
    for name, digest in finished.files.items():
        tell(name)
        trouble = _trouble(folder, name, digest if deep else None, sizes.get(name))
        if trouble:
            raise _unproven(folder, f"{name} {trouble}")
    for file in manifest.files:
        if finished.files.get(file.path) != file.blake2:
            raise _unproven(folder, f"{file.path} is in its manifest and not in its {RESULT}, or otherwise")
    return Proof(manifest, frozenset(file.blake2 for file in manifest.files))


def _said(folder: Path, video_id: str) -> tuple[Manifest, Finished]:
    try:
        manifest = _decoded(folder / MANIFEST)
    except OSError as error:
        raise _unproven(folder, f"its manifest cannot be read ({error.strerror})") from error
    except msgspec.DecodeError as error:
        raise _unproven(folder, f"its manifest is damaged ({error})") from error
    finished = read_finished(folder)
    if finished is None or MANIFEST not in finished.files:
        raise _unproven(folder, f"its {RESULT} cannot be read or lists no manifest")
    if finished.task_type != TaskType.ARCHIVE_VIDEO or {finished.video_id, manifest.video_id} != {video_id}:
        raise _unproven(folder, f"it is not the archive of {video_id}")
    if not any(isinstance(result, Archived) for result in finished.result.results):
        raise _unproven(folder, f"its {RESULT} tells of no archive")
    if not manifest.files or len(finished.files) > MAX_FILES:
        raise _unproven(folder, "its manifest lists no files, or far too many")
    return manifest, finished


def _decoded(path: Path) -> Manifest:
    if path.stat().st_size > _MOST_BYTES:
        raise msgspec.DecodeError("it is too large for a manifest")
    return msgspec.json.decode(path.read_bytes(), type=Manifest)


def _trouble(folder: Path, name: str, digest: str | None, size: int | None) -> str:
    """What is wrong with a file of the archive; "" when nothing is. `digest` None: not read."""
    below = PurePosixPath(name)
    if below.is_absolute() or ".." in below.parts or "\\" in name:
        return "is no name of a file in it"
    try:
        path = confine(folder, below)
        if path.is_symlink() or not path.is_file():
            return "is not there"
        found = path.stat().st_size
        if size is not None and found != size:
            return f"has {found} bytes instead of {size}"
        if digest is not None and read_back(path) != digest:
            return "reads back differently than it was written"
    except BadInput:
        return "leads out of it"
    except OSError as error:
        return f"cannot be read back ({error.strerror})"
    return ""


def _unproven(folder: Path, what: str) -> StageFailed:
    return StageFailed(f"the archive {folder} does not stand: {what}", retry=True)
