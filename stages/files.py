"""Places on this host, and outputs that appear whole or not at all.

A fence guards rows, not files. So a stage builds its output beside its place under a name of its own
(`<name>.<task>-<lease>.part`), writes the whole result into it, and renames it in one step. Whoever finds
a finished folder with the same key publishes that one: a zombie cannot change published bytes.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec

from stages.errors import BadInput, Cancelled, InputGone, PlaceAbsent, PlaceFull
from stages.stage import Places, Result
from stages.task import FileRef, Task

MARKER = ".dashcam-place"
RESULT = "result.json"
PART = ".part"
ASIDE = ".aside"
_BLOCK = 1 << 20


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """A named root. Kept ones carry a marker; removable ones (a card, a camera) are never written to."""

    name: str
    root: str
    removable: bool = False
    prefix: str = ""

    def present(self) -> bool:
        """Whether it is mounted now: a kept root has its marker, a removable one holds something."""
        root = Path(self.root)
        try:
            if self.removable:
                return any(
                    not each.name.startswith(".") and each.name != "lost+found" for each in root.iterdir()
                )
            return (root / MARKER).read_text(encoding="utf-8", errors="replace").strip() == self.name
        except OSError:
            return False

    def why_absent(self) -> str:
        """One sentence on why `present` is false, with what to do."""
        root = Path(self.root)
        if not root.is_dir():
            return f"place {self.name}: {root} is not there; is it mounted?"
        if self.removable:
            return f"place {self.name}: {root} is empty; is the card in?"
        try:
            found = (root / MARKER).read_text(encoding="utf-8", errors="replace").strip()
        except OSError:
            return (
                f"place {self.name}: {root} has no marker {MARKER}, so it may be an empty mount point; "
                f"mount it, or set it up with: dashcam place add {self.name} {root}"
            )
        return f"place {self.name}: the marker in {root} names another place, {found[:80]!r}"


class HostPlaces:
    """The places that this host is configured for (`stages.stage.Places`)."""

    def __init__(self, places: Mapping[str, Place]) -> None:
        self._places = dict(places)

    def names(self, *, kept: bool | None = None) -> list[str]:
        """Names of the places that are present now."""
        return [
            name
            for name, place in self._places.items()
            if (kept is None or place.removable is not kept) and place.present()
        ]

    def knows(self, name: str) -> bool:
        """Whether the place is configured here, present or not."""
        return name in self._places

    def is_kept(self, name: str) -> bool:
        """Whether files may be written there."""
        place = self._places.get(name)
        return place is not None and not place.removable

    def path(self, ref: FileRef) -> Path:
        """Join a reference to its root; refuses whatever would leave it."""
        place = self._places.get(ref.device)
        if place is None:
            known = ", ".join(self._places) or "none"
            raise PlaceAbsent(f"this host has no place {ref.device!r} (it has: {known})")
        if not place.present():
            raise PlaceAbsent(place.why_absent())
        return confine(Path(place.root), _below(ref.path, place.prefix))

    def existing(self, ref: FileRef) -> Path:
        """As `path`; the file must be there."""
        path = self.path(ref)
        try:
            path.stat()
        except FileNotFoundError:
            raise InputGone(f"{ref.device}:{ref.path} is not there, though the place is") from None
        except NotADirectoryError:
            raise InputGone(f"{ref.device}:{ref.path}: a part of the path is a file") from None
        except OSError as error:
            raise PlaceAbsent(f"{ref.device}:{ref.path} cannot be read: {error.strerror}") from error
        return path

    def reference(self, path: Path) -> FileRef | None:
        """The reference to a local path by the longest root above it; None when it lies below no root."""
        best: tuple[int, FileRef] | None = None
        try:
            resolved = path.resolve()
        except (OSError, RuntimeError):  # a link that leads to itself
            return None
        for place in self._places.values():
            root = Path(place.root).resolve()
            if resolved.is_relative_to(root) and (best is None or len(root.parts) > best[0]):
                below = f"/{resolved.relative_to(root).as_posix()}"
                if _below(below, place.prefix) != PurePosixPath(below[1:]):  # it would be cut: say it in full
                    below = place.prefix.rstrip("/") + below
                best = (len(root.parts), FileRef(device=place.name, path=below))
        return best[1] if best else None


_DRIVE = re.compile(r"[A-Za-z]:")


def _below(path: str, prefix: str) -> PurePosixPath:
    """The part of a reference below the root, refused when it is not a plain relative path."""
    text = path.replace("\\", "/")
    if prefix and text.startswith(prefix.rstrip("/") + "/"):
        text = text[len(prefix.rstrip("/")) :]
    below = PurePosixPath(text.lstrip("/"))
    if "\x00" in text or ".." in below.parts or _DRIVE.match(str(below)):
        raise BadInput(f"the path {path!r} leaves its place; '..' and drive letters are refused")
    return below


def confine(root: Path, below: PurePosixPath) -> Path:
    """`root/below`, refused when a symbolic link on the way leads out of `root`."""
    joined = root.joinpath(*below.parts)
    try:
        inside = joined.resolve().is_relative_to(root.resolve())
    except (OSError, RuntimeError):  # a link that leads to itself
        inside = False
    if not inside:
        raise BadInput(f"the path {below} leaves its place through a link; that is refused")
    return joined


def hash_file(path: Path) -> str:
    """BLAKE2b-256 of a file, in hex."""
    digest = hashlib.blake2b(digest_size=32)
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def result_key(**parts: Any) -> str:
    """One short name for everything that decides an output: task, input hashes, settings, models, code."""
    return hashlib.blake2b(msgspec.json.encode(parts, order="deterministic"), digest_size=16).hexdigest()


class Finished(msgspec.Struct, frozen=True, kw_only=True):
    """What `result.json` holds: the key, the whole result, and the hash of every other file beside it."""

    key: str
    task_type: str
    video_id: str | None
    result: Result
    files: dict[str, str]
    task_id: int = 0
    lease: int = 0
    created_at: str = ""


def read_finished(folder: Path) -> Finished | None:
    """The finished result in a folder; None when there is none that can be read."""
    try:
        return msgspec.json.decode((folder / RESULT).read_bytes(), type=Finished)
    except (OSError, msgspec.DecodeError):
        return None


class OutputFolder:
    """A folder being built. `finished` is set when an equal run had already published it."""

    def __init__(self, final: Path, part: Path, task: Task, key: str) -> None:
        self.path = part
        self.final = final
        self.finished = _same(final, key)
        self._task = task
        self._key = key

    def publish(self, result: Result) -> Result:
        """Hash and fsync everything, write `result.json`, rename in one step; returns what stands there."""
        files = {}
        for path in sorted(p for p in self.path.rglob("*") if p.is_file()):
            sync(path)
            files[path.relative_to(self.path).as_posix()] = hash_file(path)
        record = Finished(
            key=self._key,
            task_type=self._task.task_type,
            video_id=self._task.video_id,
            result=result,
            files=files,
            task_id=self._task.task_id,
            lease=self._task.lease,
            created_at=self._task.created_at,
        )
        target = self.path / RESULT
        target.write_bytes(msgspec.json.format(msgspec.json.encode(record), indent=1))
        sync(target)
        sync(self.path)
        if self.final.exists():
            if twin := _same(self.final, self._key):
                return twin
            _give_way(self.final, self._task)
            self.final.rename(f"{self.final}.{self._task.task_id}-{self._task.lease}{ASIDE}")
        try:
            self.path.rename(self.final)
        except OSError:
            if twin := _same(self.final, self._key):
                return twin
            raise
        sync(self.final.parent)
        return result


def _give_way(final: Path, task: Task) -> None:
    """A run under an old lease must not replace what a newer lease of the same task published."""
    there = read_finished(final)
    if there is None or there.lease <= task.lease:
        return
    if (there.task_id, there.created_at) == (task.task_id, task.created_at):
        raise Cancelled(
            f"lease {there.lease} of task {task.task_id} has published already; this run is too late"
        )


def _same(folder: Path, key: str) -> Result | None:
    found = read_finished(folder)
    return found.result if found and found.key == key else None


@contextmanager
def output_folder(places: Places, ref: FileRef, task: Task, key: str) -> Iterator[OutputFolder]:
    """Build the folder `ref` for a task; what is not published is removed.

    Use: `with output_folder(...) as out: if out.finished: return out.finished; ...; return out.publish(r)`.
    """
    final = places.path(ref)
    part = final.with_name(f"{final.name}.{task.task_id}-{task.lease}{PART}")
    with writing(final.parent):
        final.parent.mkdir(parents=True, exist_ok=True)
        remove_parts(final.parent, final.name, task)
        part.mkdir()
        try:
            yield OutputFolder(final, part, task, key)
        finally:
            remove(part)


def remove_parts(folder: Path, name: str, task: Task) -> None:
    """Remove what earlier leases of a task left half done. A later lease's work is not ours to touch."""
    left = re.compile(rf"{re.escape(name)}\.{task.task_id}-(\d{{1,18}}){re.escape(PART)}")
    for path in folder.iterdir() if folder.is_dir() else ():
        match = left.fullmatch(path.name)
        if match and int(match.group(1)) <= task.lease:
            remove(path)


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Turn "full" and "read-only" into `PlaceFull`: they are the place's trouble, not the task's."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL or isinstance(error, PermissionError):
            raise PlaceFull(
                f"cannot write below {folder}: {error.strerror} ({free_space(folder)})"
            ) from error
        raise


_FULL = {28, 30, 122}  # ENOSPC, EROFS, EDQUOT


def free_space(folder: Path) -> str:
    """How much room is left around a folder, as people read it."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return f"{shutil.disk_usage(folder).free / 1e9:.1f} GB free"


def _literal(name: str) -> str:
    return "".join(f"[{c}]" if c in "[*?" else c for c in name)


def sync(path: Path) -> None:
    """Flush a file or (where the system allows it) a folder to the disk."""
    if path.is_dir():
        if os.name != "posix":
            return
        handle = os.open(path, os.O_RDONLY)
    else:
        handle = os.open(path, os.O_RDWR | getattr(os, "O_BINARY", 0))
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def remove(path: Path) -> None:
    """Remove a file or folder if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def sweep_aside(places: Places, outputs: list[FileRef]) -> None:
    """Remove what stood aside while a new result took its place; call it once that one is published."""
    finals = {path for ref in outputs for path in (places.path(ref), places.path(ref).parent)}
    for final in finals:  # an output may name a file in the folder that was published
        if (final / RESULT).is_file():
            for old in final.parent.glob(f"{_literal(final.name)}.*{ASIDE}"):
                remove(old)
