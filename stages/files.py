"""Outputs that appear whole or not at all.

A fence guards rows, not files. So a stage builds its output beside its place under a name of its own
(`<name>.<task>-<lease>.part`), writes the whole result into it, and renames it in one step. Whoever finds
a finished folder with the same key publishes that one: a zombie cannot change published bytes.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from stages.disk import hash_file as hash_file
from stages.disk import make_folder, remove
from stages.disk import sync as sync
from stages.disk import writing as writing
from stages.errors import BadInput, Cancelled, StageFailed
from stages.places import MARKER as MARKER
from stages.places import HostPlaces as HostPlaces
from stages.places import Place as Place
from stages.places import below_root
from stages.places import confine as confine
from stages.stage import Places, Result
from stages.task import FileRef, Task

RESULT = "result.json"
PART = ".part"
ASIDE = ".aside"
_TRIES = 5
#: Up to this lease its predecessors' names are tried one by one.
_PROBED = 8


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


def lacking(folder: Path, finished: Finished) -> str:
    """The first file of a finished result that is not there as it was written; "" when all are."""
    for name, digest in finished.files.items():
        try:
            path = confine(folder, below_root(name, ""))
            if path.is_symlink() or hash_file(path) != digest:
                return name
        except (BadInput, OSError):
            return name
    return ""


class OutputFolder:
    """A folder being built. `finished` is set when an equal run had already published it, whole."""

    def __init__(self, final: Path, part: Path, task: Task, key: str) -> None:
        self.path = part
        self.final = final
        self.finished = _same(final, key)
        self._task = task
        self._key = key

    def publish(self, result: Result) -> Result:
        """Hash and fsync everything, write `result.json`, rename in one step; returns what stands there."""
        files = {}
        inside = sorted(self.path.rglob("*"))
        for path in (each for each in inside if each.is_file()):
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
        for folder in [*(each for each in inside if each.is_dir()), self.path]:
            sync(folder)
        return self._take_name() or result

    def _take_name(self) -> Result | None:
        """Give the folder its name; what an equal run had published meanwhile, if there is that."""
        for _ in range(_TRIES):
            if self.final.exists():
                if twin := _same(self.final, self._key):
                    return twin
                _give_way(self.final, self._task)
                self.final.rename(_beside(self.final, self._task, ASIDE))
            try:
                self.path.rename(self.final)
            except OSError:
                if not self.final.exists():
                    raise
                continue  # somebody published here between two of our steps
            sync(self.final.parent)
            return None
        raise StageFailed(f"{self.final} is written by others at the same time; try again", retry=True)


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
    """The result that an equal run left, if every byte of it is still there."""
    found = read_finished(folder)
    return found.result if found and found.key == key and not lacking(folder, found) else None


@contextmanager
def output_folder(places: Places, ref: FileRef, task: Task, key: str) -> Iterator[OutputFolder]:
    """Build the folder `ref` for a task; what is not published is removed.

    Use: `with output_folder(...) as out: if out.finished: return out.finished; ...; return out.publish(r)`.
    """
    final = places.path(ref)
    part = _beside(final, task, PART)
    with writing(final.parent):
        make_folder(final.parent)
        remove_earlier(part)
        _put_back(final)
        part.mkdir()
        try:
            yield OutputFolder(final, part, task, key)
        finally:
            remove(part)


def _put_back(final: Path) -> None:
    """A run that was cut off between its two renames left no folder: the one that stood there returns."""
    if final.exists():
        return
    if aside := [path for path in _beside_all(final, ASIDE) if read_finished(path)]:
        aside[-1].rename(final)
        sync(final.parent)


def remove_earlier(part: Path) -> None:
    """Remove `part` and what earlier leases of its task left half done beside it, by the same name.

    A later lease's work is not ours to touch.
    """
    own = _OWN.fullmatch(part.name)
    if own is None:
        return
    lease = int(own["lease"])
    if lease <= _PROBED:  # a folder of clips may be long, and far away
        left = [part.with_name(f"{own['name']}.{own['task']}-{n}{PART}") for n in range(lease + 1)]
    else:
        left = [
            path for path in _beside_all(part.with_name(own["name"]), PART) if same_work(path.name, part.name)
        ]
    for path in left:
        remove(path)


def same_work(left: str, part: str) -> bool:
    """Whether the part named `left` is `part`, or that of an earlier lease of the same task."""
    old, new = _OWN.fullmatch(left), _OWN.fullmatch(part)
    if old is None or new is None or (old["name"], int(old["task"])) != (new["name"], int(new["task"])):
        return False
    return int(old["lease"]) <= int(new["lease"])


def remove_parts(folder: Path, name: str, task: Task) -> None:
    """Remove what earlier leases of a task left half done under a name in a folder."""
    remove_earlier(_beside(folder / name, task, PART))


#: Beside a final name: the same with task and lease, and an ending that says what it is.
_OWN = re.compile(r"(?P<name>.+)\.(?P<task>\d{1,18})-(?P<lease>\d{1,18})\.(part|aside)", re.DOTALL)


def _beside(final: Path, task: Task, ending: str) -> Path:
    return final.with_name(f"{final.name}.{task.task_id}-{task.lease}{ending}")


def _beside_all(final: Path, ending: str) -> list[Path]:
    """What lies beside a final name under its name, by task and lease."""
    if not final.parent.is_dir():
        return []
    with os.scandir(final.parent) as there:
        near = [
            each.name for each in there if each.name.startswith(final.name) and each.name.endswith(ending)
        ]
    named = ((name, _OWN.fullmatch(name)) for name in near)
    return sorted(
        (final.with_name(name) for name, own in named if own and own["name"] == final.name), key=_turn
    )


def _turn(path: Path) -> tuple[int, int]:
    own = _OWN.fullmatch(path.name)
    assert own is not None
    return int(own["task"]), int(own["lease"])


def sweep_aside(places: Places, outputs: list[FileRef]) -> None:
    """Remove what stood aside while a new result took its place; call it once that one is published."""
    finals = {path for ref in outputs for path in (places.path(ref), places.path(ref).parent)}
    for final in finals:  # an output may name a file in the folder that was published
        if (final / RESULT).is_file():
            for old in _beside_all(final, ASIDE):
                remove(old)
