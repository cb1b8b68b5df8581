"""What names a clip: a fingerprint of its content, and the `video_id` made from it."""

from __future__ import annotations

import hashlib
import os
from datetime import datetime
from pathlib import Path, PurePath

import msgspec

from stages.footage.container import Container, walk
from stages.footage.names import NameFacts, read_name

_END = 1 << 20
_SAMPLE = 1 << 16
_LETTERS = {"front": "F", "rear": "R", "interior": "I", "telephoto": "T"}


class Identity(msgspec.Struct, frozen=True):
    """`video_id` as ingest gives it, and the fingerprint (32 hex digits) behind it."""

    video_id: str
    fingerprint: str


def fingerprint(path: Path) -> str:
    """BLAKE2b-128, in hex, over the size, the first and last MiB and three samples between them.

    Reads at most 2.2 MB, so a card can be looked through quickly. Raises OSError.
    """
    digest = hashlib.blake2b(digest_size=16)
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        digest.update(f"{size};".encode())
        digest.update(file.read(_END))
        for quarter in (1, 2, 3):
            file.seek(size * quarter // 4)
            digest.update(file.read(_SAMPLE))
        file.seek(max(0, size - _END))
        digest.update(file.read(_END))
    return digest.hexdigest()


def video_id(name: NameFacts, container: Container, content: str) -> str:
    """`20240115T123456-F-1a2b3c4d`: start (name, else movie header), channel letter, short content hash.

    Made only from what every host can read without a video library, so `submit` and ingest agree.
    """
    start = name.recorded_local or container.created
    letter = _LETTERS.get(name.channel or "", "X")
    return f"{stamp(start)}-{letter}-{content[:8]}"


def stamp(start: datetime | None) -> str:
    """The first part of a `video_id`."""
    return start.strftime("%Y%m%dT%H%M%S") if start else "undated"


def identify(path: Path, *, relative: str | PurePath | None = None) -> Identity:
    """The identity of a clip; `relative` is its path below the card's or place's root. Raises OSError."""
    content = fingerprint(path)
    return Identity(video_id(read_name(relative or path), walk(path), content), content)
