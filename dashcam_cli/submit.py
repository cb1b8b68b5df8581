"""`dashcam submit`: clips into the queue."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any

from dashcam_cli import common
from dashcam_cli.again import look_again
from dashcam_cli.client import Client
from dashcam_cli.follow import follow
from dashcam_cli.intake import Clip, Refusal, examine, find_clips, reference, task_for
from dashcam_cli.moved import tell_moved
from dashcam_cli.output import FAILED, leave, print_json, printable, say
from dashcam_cli.places import host_places
from stages.errors import BadInput
from stages.files import HostPlaces
from stages.task import VIDEO_ID, VIDEO_ID_RULE, FileRef, TaskType

_BATCH = 500
_COLUMNS = ("video_id", "filename", "source")


class Handed:
    """What came of it."""

    def __init__(self) -> None:
        self.tasks: list[dict[str, Any]] = []
        self.skipped: list[dict[str, str]] = []
        self.errors: list[dict[str, str]] = []

    def refuse(self, refusal: Refusal) -> None:
        """Note a clip that was not handed in, and say so at once."""
        self.errors.append({"clip": refusal.clip, "reason": refusal.reason})
        say(f"dashcam: {printable(refusal.clip)}: {printable(refusal.reason)}")


def submit_clips(
    paths: list[str],
    csv_file: str | None,
    wait: bool,
    place_flags: list[str],
    url: str | None,
    home: Path | None,
    as_json: bool,
    *,
    thorough: bool = False,
) -> None:
    """Hand clips in, print what came of it; exit 1 when some input was refused or (with `wait`) failed."""
    if not paths and csv_file is None:
        raise BadInput("name clips or folders to submit, or --csv FILE, or - for a list on standard input")
    settings = common.settings(home, url)
    client = common.client(settings)
    handed = Handed()
    if csv_file is not None and thorough:
        raise BadInput("--thorough does not go with --csv; name the clips, or hand them in with - for a list")
    if csv_file is not None:
        submit_csv(client, csv_file, handed)
    if paths:
        places = HostPlaces(host_places(settings, place_flags))
        submit_paths(client, places, _given(paths), handed, thorough=thorough)
    failed = follow(client, handed.tasks) if wait else []
    if as_json:
        print_json({"tasks": handed.tasks, "skipped": handed.skipped, "errors": handed.errors + failed})
    else:
        _tell(handed, failed, wait)
    if handed.errors or failed:
        leave(FAILED)


def _given(paths: list[str]) -> Iterator[str]:
    for path in paths:
        if path == "-":
            yield from (line.rstrip("\r\n") for line in sys.stdin if line.strip())
        else:
            yield path


def submit_paths(
    client: Client,
    places: HostPlaces,
    paths: Iterable[str | Path],
    handed: Handed,
    *,
    thorough: bool = False,
) -> None:
    """Create the tasks of clips, in batches; what the server knows is skipped or looked at again."""
    batch: list[tuple[Clip, dict[str, Any]]] = []
    seen: dict[str, Path] = {}
    passed: list[Refusal] = []
    for found in find_clips(paths, passed):
        sound = found if isinstance(found, Refusal) else _sound(places, found)
        if isinstance(sound, Refusal):
            handed.refuse(sound)
            continue
        clip, ref = sound
        if clip.fingerprint in seen:
            same = {"clip": str(clip.path), "reason": f"the same content as {seen[clip.fingerprint]}"}
            handed.skipped.append(same)
            continue
        if clip.warning:
            handed.refuse(Refusal(str(clip.path), clip.warning))
        seen[clip.fingerprint] = clip.path
        batch.append((clip, task_for(clip, ref, thorough=thorough)))
        if len(batch) >= _BATCH:
            _send(client, places, batch, handed, thorough)
            batch = []
    _send(client, places, batch, handed, thorough)
    handed.skipped += [{"clip": each.clip, "reason": each.reason} for each in passed]


def _sound(places: HostPlaces, path: Path) -> tuple[Clip, FileRef] | Refusal:
    """A clip that can be handed in and its place. What is wrong with the file comes before where it lies."""
    ref = reference(places, path)
    now = datetime.now()  # noqa: DTZ005  # the camera's clock is local too
    clip = examine(path, now, ref.path if isinstance(ref, FileRef) else None)
    if isinstance(clip, Refusal):
        return clip
    return ref if isinstance(ref, Refusal) else (clip, ref)


def _send(
    client: Client,
    places: HostPlaces,
    batch: list[tuple[Clip, dict[str, Any]]],
    handed: Handed,
    thorough: bool,
) -> None:
    if not batch:
        return
    known = client.known([clip.fingerprint for clip, _ in batch])
    there = [
        (clip.fingerprint, FileRef(**task["inputs"][0])) for clip, task in batch if clip.fingerprint in known
    ]
    moved = tell_moved(client, places, there)
    for clip, _ in batch:
        if clip.fingerprint in known:
            news = f"; {moved[clip.fingerprint]}" if clip.fingerprint in moved else ""
            reason = f"known already as {known[clip.fingerprint]}{news}"
            if thorough:
                task, done = look_again(client, known[clip.fingerprint])
                handed.tasks += [task] if task else []
                reason += f"; {done}"
            handed.skipped.append({"clip": str(clip.path), "reason": reason})
    fresh = [task for clip, task in batch if clip.fingerprint not in known]
    if fresh:
        handed.tasks += client.create(fresh)


def submit_csv(client: Client, name: str, handed: Handed) -> None:
    """Tasks from rows of video_id,filename,source; a header and a missing last newline are fine."""
    batch: list[dict[str, Any]] = []
    for number, cells in _rows(name):
        if not any(cells) or (number == 1 and tuple(cell.lower() for cell in cells[:3]) == _COLUMNS):
            continue
        task = row_task(cells, number, name)
        if isinstance(task, Refusal):
            handed.refuse(task)
            continue
        batch.append(task)
        if len(batch) >= _BATCH:
            handed.tasks += client.create(batch)
            batch = []
    if batch:
        handed.tasks += client.create(batch)


def _rows(name: str) -> Iterator[tuple[int, list[str]]]:
    """The rows of a CSV file or of standard input (`-`), numbered from 1."""
    try:
        data = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
        reader = csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""))
        for number, row in enumerate(reader, 1):
            yield number, [cell.strip() for cell in row]
    except OSError as error:
        raise BadInput(f"{name} cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadInput(f"{name} is no CSV file in UTF-8: {error}") from error


def row_task(cells: list[str], number: int, name: str) -> dict[str, Any] | Refusal:
    """The task of one row."""
    where = f"{name} line {number}"
    if len(cells) != len(_COLUMNS):
        return Refusal(where, f"has {len(cells)} columns; it needs {','.join(_COLUMNS)}")
    video_id, filename, source = cells
    if not VIDEO_ID.match(video_id):
        return Refusal(where, f"{video_id!r} is no video_id: {VIDEO_ID_RULE}")
    if ".." in PurePosixPath(filename.replace("\\", "/")).parts:
        return Refusal(where, f"the filename {filename!r} leaves its place; '..' is refused")
    metadata = {key: value for key, value in (("source", source), ("filename", filename)) if value}
    return {"task_type": TaskType.INGEST_VIDEO, "video_id": video_id, "metadata": metadata}


def _tell(handed: Handed, failed: list[dict[str, str]], waited: bool) -> None:
    for each in handed.skipped:
        say(f"{printable(each['clip'])}: skipped, {printable(each['reason'])}")
    words = [f"{len(handed.tasks)} handed in", f"{len(handed.skipped)} skipped"]
    words += [f"{len(handed.errors)} with trouble"] if handed.errors else []
    words += [f"{len(failed)} failed"] if waited else []
    print(", ".join(words))  # noqa: T201
