"""The deletion log of a home: what `dashcam prune` began to remove, and what became of it.

One line of JSON each, on the disk before anything is touched; so the next run knows what this one began.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import msgspec

from stages.disk import make_folder

LOG = "removals.log"
#: The end of the log that is read for what was begun: far more than one run leaves open.
_TAIL = 4 << 20


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One removal. `path` is what goes; `paths` its rows in the catalogue, both below the place's root."""

    video_id: str
    kind: str
    device: str
    path: str
    paths: list[str]
    size_bytes: int
    reason: str


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the log. `event`: begin, removed, gone (somebody else did it) or kept."""

    at: str
    event: str
    entry: Entry


class Deletions:
    """The log in a home."""

    def __init__(self, home: Path) -> None:
        self._path = home / LOG

    def note(self, event: str, entries: list[Entry]) -> None:
        """Append lines; they are on the disk when this returns. Raises OSError."""
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        lines = [msgspec.json.encode(Line(at=now, event=event, entry=entry)) + b"\n" for entry in entries]
        make_folder(self._path.parent)
        with self._path.open("ab+") as file:
            if file.tell() and _last_byte(file) != b"\n":
                lines.insert(0, b"\n")  # the power went in the middle of a line
            file.write(b"".join(lines))
            file.flush()
            os.fsync(file.fileno())

    def begun(self) -> list[Entry]:
        """Removals that were begun and not ended."""
        open_: dict[tuple[str, str, str], Entry] = {}
        for line in self._lines():
            key = (line.entry.device, line.entry.path, line.entry.video_id)
            if line.event == "begin":
                open_[key] = line.entry
            else:
                open_.pop(key, None)
        return list(open_.values())

    def _lines(self) -> list[Line]:
        try:
            with self._path.open("rb") as file:
                file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL))
                text = file.read()
        except OSError:
            return []
        found = []
        for raw in text.split(b"\n"):
            try:
                found.append(msgspec.json.decode(raw, type=Line))
            except msgspec.DecodeError:
                continue  # cut off: by the power, or where the tail begins
        return found


def _last_byte(file: BinaryIO) -> bytes:
    file.seek(-1, os.SEEK_END)
    return file.read(1)
