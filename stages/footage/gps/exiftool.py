"""ExifTool, where it is installed, for what no reader of ours knows: a process of its own, never a shell.

It costs a third of a second of processor for each clip (measured: 0.29 s on clips of 2 kB), a quarter of an
hour for a card of 3,000. So it is asked only about clips that hint at something unread: a track that is
neither picture, sound nor time code, a box whose name is none of the format's own, private units in a stream.
"""

from __future__ import annotations

import math
import os
import re
import shutil
import subprocess
from datetime import datetime
from pathlib import Path
from threading import Thread
from typing import BinaryIO

from stages.footage.boxes import Box, boxes, inside, payload
from stages.footage.container import Container
from stages.footage.fix import Fix, moment
from stages.footage.gps.log import GpsLog
from stages.footage.gps.samples import tracks
from stages.footage.gps.streams import has_private

#: Seconds after which it is killed.
TIMEOUT = 20.0
#: Bytes of its answer that are read.
MAX_ANSWER = 16 << 20

_LEAST = 512  # bytes of a clip that can hold anything
_WORTH = 24  # bytes of a box that can hold a fix
_FIELDS = ("SampleTime", "GPSDateTime", "GPSLatitude", "GPSLongitude", "GPSSpeed", "GPSTrack", "GPSAltitude")
_FORMAT = "\t".join(f"${name}" for name in _FIELDS)
_TIME = re.compile(r"(\d{4}):(\d\d):(\d\d) (\d\d):(\d\d):(\d\d)(?:\.\d+)?(Z|[-+]\d\d:\d\d)?", re.ASCII)
_USUAL_TRACKS = frozenset((b"vide", b"soun", b"tmcd", b"hint", b"alis", b"url "))
_USUAL_BOXES = frozenset(
    b"ftyp moov mdat free skip wide pnot styp moof sidx mfra pdin ssix prft emsg uuid meta".split()
)
_USUAL_INSIDE = frozenset(b"mvhd trak mvex iods udta meta free skip cmov rmra ctab clip gps ".split())
_OTHER = ("matroska", "avi")


def exiftool_log(
    path: Path,
    container: Container,
    duration: float | None,  # noqa: ARG001
    *,
    timeout: float = TIMEOUT,
    most: int = MAX_ANSWER,
) -> GpsLog | None:
    """What ExifTool reads from a clip that hints at unread metadata; None without it, or without any fix.

    It is killed after `timeout` seconds, and `most` bytes of its answer are read. Times that state no zone
    are taken for the camera's own clock. Raises OSError for the clip alone.
    """
    program = shutil.which("exiftool")
    if program is None or container.size_bytes < _LEAST or not hints(path, container):
        return None
    rows = _fixes(_ask(program, path, timeout, most))
    fixes = _genuine([fix for fix, _ in rows], container)
    placed = [fix for fix in fixes if fix.valid]
    # One position and nothing else is chance bytes more often than a place.
    if not placed or (len(placed) == 1 and placed[0].speed_kmh is None):
        return None
    return GpsLog(f"ExifTool ({container.kind})", fixes, local_clock=not any(utc for _, utc in rows))


def hints(path: Path, container: Container) -> bool:
    """Whether a clip holds something that none of the usual parts explains."""
    if container.kind != "mp4":
        return container.kind in _OTHER or (container.kind == "mpegts" and has_private(path))
    with path.open("rb") as file:
        found = list(boxes(file, 0, container.size_bytes))
        return _strange(file, found) or any(track.handler not in _USUAL_TRACKS for track in tracks(file))


def _strange(file: BinaryIO, found: list[Box]) -> bool:
    movie = next((box for box in found if box.kind == b"moov"), None)
    odd = [box for box in found if box.kind not in _USUAL_BOXES]
    if movie is not None:
        odd += [box for box in inside(file, movie) if box.kind not in _USUAL_INSIDE]
    return any(any(payload(file, box, 4096)) for box in odd if box.end - box.offset >= _WORTH)


def _genuine(fixes: list[Fix], container: Container) -> list[Fix]:
    """Without the times that ExifTool makes up from the movie header where a layout has no clock."""
    if container.created is None:
        return fixes
    made_up = [
        abs((fix.time - container.created).total_seconds() - (i if fix.seconds is None else fix.seconds))
        < 1.5
        for i, fix in enumerate(fix for fix in fixes if fix.valid)
        if fix.time is not None
    ]
    return [fix._replace(time=None) for fix in fixes] if made_up and all(made_up) else fixes


def _ask(program: str, path: Path, timeout: float, most: int) -> str:
    """Its answer, cut at a bound; empty when it fails or takes too long."""
    if path.name.rstrip().endswith("|"):  # a pipe to versions before 12.38
        return ""
    command = [program, "-config", "", "-ee", "-n", "-m", "-q", "-q", "-p", _FORMAT, "--"]
    answer: list[bytes] = []
    try:
        process = subprocess.Popen(
            [*command, os.fspath(path.absolute())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
    except OSError:
        return ""
    # A thread reads, so that neither a long answer nor a silent child can hold us up.
    reader = Thread(target=lambda: answer.append(_read(process, most)), daemon=True)
    reader.start()
    reader.join(timeout)
    late = reader.is_alive()
    process.kill()
    process.wait()
    return "" if late or not answer else answer[0].decode("utf-8", "replace")


def _read(process: subprocess.Popen[bytes], most: int) -> bytes:
    if process.stdout is None:
        return b""
    with process.stdout as pipe:
        return pipe.read(most)


def _fixes(text: str) -> list[tuple[Fix, bool]]:
    return [row for line in text.splitlines() if (row := _fix(line)) is not None]


def _fix(line: str) -> tuple[Fix, bool] | None:
    """One line of the answer, and whether its time is UTC; None for a line that is none."""
    fields = line.split("\t")
    if len(fields) != len(_FIELDS):
        return None
    seconds, lat, lon, speed, course, altitude = (_number(fields[i]) for i in (0, 2, 3, 4, 5, 6))
    when, utc = _time(fields[1])
    fix = Fix(time=when, seconds=seconds)
    if lat is not None and lon is not None and abs(lat) <= 90 and abs(lon) <= 180:
        fix = Fix(
            when,
            lat,
            lon,
            speed if speed is not None and 0 <= speed < 1000 else None,
            course % 360 if course is not None else None,
            altitude if altitude is not None and abs(altitude) < 10_000 else None,
            seconds,
        )
    return fix, utc


def _time(text: str) -> tuple[datetime | None, bool]:
    match = _TIME.match(text)
    if match is None:
        return None, False
    return moment(*(int(match[i]) for i in range(1, 7))), match[7] == "Z"


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
