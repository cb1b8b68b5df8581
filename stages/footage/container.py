"""Is the file a whole clip? A bounded walk over MP4, MOV, MPEG-TS, Matroska and AVI."""

from __future__ import annotations

import os
from pathlib import Path

from stages.footage.avi import walk_avi
from stages.footage.kinds import Container as Container
from stages.footage.kinds import Span as Span
from stages.footage.kinds import State as State
from stages.footage.matroska import walk_matroska
from stages.footage.mp4 import FIRST, walk_mp4
from stages.footage.transport import packets, walk_transport

_HEAD = 4096


def walk(path: Path) -> Container:
    """Walk a file. Raises OSError when it cannot be read, and nothing else."""
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        head = file.read(_HEAD)
        if size == 0:
            return Container(state="empty", reason="the file is empty (0 bytes)")
        if head[4:8] in FIRST:
            return walk_mp4(file, size)
        if layout := packets(head):
            return walk_transport(file, size, layout)
        if head.startswith(b"\x1a\x45\xdf\xa3"):
            return walk_matroska(file, size)
        if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
            return walk_avi(file, size)
        return Container(state="not_video", size_bytes=size, reason=_no_video(head))


def _no_video(head: bytes) -> str:
    if not any(head):
        return "the file begins with nothing but zeros: the camera reserved the space and wrote no clip"
    return "the file is no video: it does not begin like MP4, MOV, MPEG-TS, MKV or AVI"
