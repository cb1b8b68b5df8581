"""Evidence: the original bytes of clips with all that is known of them, in one folder or zip file."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from stages.errors import PlaceAbsent, StageFailed
from stages.export.boxed import Box, FolderBox, ZipBox, blocks_of
from stages.export.facts import Clip
from stages.export.gpx import Leg, write_gpx
from stages.export.landing import check_room, flush, landing
from stages.export.page import Shown, write_page
from stages.export.verdict import FORMAT, SUMS
from stages.export.verify import verify
from stages.proofs import MANIFEST

Progress = Callable[[float, str], None]

_VERSION = 1
_CROP_BYTES = 8 << 20
_JPEG = b"\xff\xd8\xff"
_SPARE = 32 << 20  # bytes beside the clips: pictures, lists
_README = """This folder holds what a dashcam recorded, byte for byte, and what a program read in it.

clips/          the recordings as the camera wrote them
crops/          pictures of the plates that were read
index.html      all of it to read and to print
clips.json      each recording: hashes, times and who says so, camera, warnings
route.gpx       the way, with times in UTC (GPX 1.1)
route.json      the same with all that is known of each fix
sightings.json  each plate: text, how sure, when, where, and where in the picture
manifest.json   every file with its size, SHA-256 and BLAKE2b-256
SHA256SUMS      the SHA-256 of every file but itself

Check it without any program of ours:
  Linux    sha256sum -c SHA256SUMS
  macOS    shasum -a 256 -c SHA256SUMS
  Windows  certutil -hashfile FILE SHA256   for one file
or with it: dashcam verify FOLDER

Whoever noted down the SHA-256 of SHA256SUMS when this was made can tell that the lists are the first ones.
"""


class Made(NamedTuple):
    """What was written: how many files and bytes, and the SHA-256 of `SHA256SUMS` to note down elsewhere."""

    files: int
    size_bytes: int
    seal: str


class Order(NamedTuple):
    """What evidence is made of: clips with their originals, and rows (what, value) for the page.

    `now` is aware; `created_by` names program and version.
    """

    clips: Sequence[Clip]
    about: Sequence[tuple[str, str]]
    now: datetime
    created_by: str


def write_evidence(
    order: Order, target: Path, *, zipped: bool = False, progress: Progress = lambda _fraction, _note: None
) -> Made:
    """Write a folder, or a zip file, that was not there before; it is checked before it gets its name.

    Raises `PlaceAbsent` (an original cannot be read here), `StageFailed` (an original is not what was taken
    in), Conflict (the name is taken), PlaceFull, OSError.
    """
    total = 0
    for clip in order.clips:
        if clip.path is None or clip.small:
            raise PlaceAbsent(
                f"the original of {clip.name} cannot be read on this host, and evidence needs it"
            )
        total += clip.path.stat().st_size
    check_room(target.parent, total + _SPARE)
    with landing(target) as part:
        tell = _Meter(2 * (total + 1), progress)
        if zipped:
            stamp = max(order.now, datetime(1980, 1, 1, tzinfo=UTC)).astimezone(UTC).timetuple()[:6]
            with zipfile.ZipFile(part, "x", zipfile.ZIP_STORED) as file:
                made = _fill(ZipBox(file, target.stem, stamp), order, tell)
        else:
            made = _fill(FolderBox(part), order, tell)
        flush(part)
        verdict = verify(part, lambda name, size: tell(size, f"checking {name}"))
        if not verdict.ok:
            wrong = verdict.problems[0]
            raise StageFailed(f"{wrong.path} {wrong.why} after it was written; try again", retry=True)
    return made


class _Meter:
    """Bytes as progress."""

    def __init__(self, total: int, progress: Progress) -> None:
        self._total, self._progress, self._done = total, progress, 0

    def __call__(self, size: int, note: str = "") -> None:
        self._done += size
        self._progress(min(1.0, self._done / self._total), note)


def _fill(box: Box, order: Order, tell: _Meter) -> Made:
    shown = [_clip(box, clip, number, tell) for number, clip in enumerate(order.clips, start=1)]
    _lists(box, shown)
    title = f"Evidence: {shown[0].clip.name}" + (f" and {len(shown) - 1} more" if len(shown) > 1 else "")
    made = f"{order.now.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    about = [*order.about, ("made at", f"{made} (UTC)"), ("made by", order.created_by)]
    box.put("index.html", [write_page(title, about, shown).encode()])
    box.put("README.txt", [_README.encode()])
    manifest = {
        "format": FORMAT,
        "version": _VERSION,
        "created_at": made,
        "created_by": order.created_by,
        "about": [list(row) for row in order.about],
        "clips": [
            {"file": each.file, "video_id": each.clip.video_id, "catalogue_blake2": each.clip.facts.blake2}
            for each in shown
        ],
        "files": sorted(box.written, key=lambda each: each.path),
    }
    box.put(MANIFEST, [_json(manifest)])
    listed = sorted(box.written, key=lambda each: each.path)
    seal = box.put(SUMS, ["".join(f"{each.sha256}  {each.path}\n" for each in listed).encode()])
    return Made(len(box.written), sum(each.size_bytes for each in box.written), seal.sha256)


def _clip(box: Box, clip: Clip, number: int, tell: _Meter) -> Shown:
    """The original's bytes, which must be those that were taken in, and the plates' pictures."""
    assert clip.path is not None
    name = _free(box, "clips", safe_name(clip.name, f"clip-{number}"))
    written = box.put(name, blocks_of(clip.path, lambda size: tell(size, clip.name)))
    known = clip.facts.blake2
    if known and written.blake2 != known:
        raise StageFailed(
            f"{clip.path} is not what was taken in as {clip.video_id}: its hash is another, "
            "so it is no evidence"
        )
    crops = [_crop(box, clip, number, place) for place in range(len(clip.seen))]
    return Shown(clip, written.path, written.size_bytes, written.sha256, written.blake2, crops)


def _crop(box: Box, clip: Clip, number: int, place: int) -> tuple[str, bytes] | None:
    """A sighting's picture: at full resolution where an archive or the heavy stage's output is at hand."""
    seen = clip.seen[place]
    plate = "".join(c for c in seen.plate if c.isascii() and c.isalnum())[:32]
    jpeg = next(_jpegs(clip.crops, plate), None) or seen.picture
    if not jpeg or not jpeg.startswith(_JPEG):
        return None
    path = f"crops/{number:02d}-{place + 1:03d}-{plate or 'plate'}.jpg"
    box.put(path, [jpeg])
    return path, jpeg


def _jpegs(folders: Sequence[Path], plate: str) -> Iterator[bytes]:
    for folder in folders if plate else ():
        path = folder / f"{plate}.jpg"
        try:
            if not path.is_symlink() and path.stat().st_size <= _CROP_BYTES:
                yield path.read_bytes()
        except OSError:
            continue  # the small picture stands in for it


def _lists(box: Box, shown: Sequence[Shown]) -> None:
    clips = [
        {
            "video_id": each.clip.video_id,
            "file": each.file,
            "size_bytes": each.size_bytes,
            "sha256": each.sha256,
            "blake2": each.blake2,
            "taken_from": {"place": each.clip.place, "path": each.clip.below},
            "facts": each.clip.facts,
        }
        for each in shown
    ]
    routes = [
        {"video_id": each.clip.video_id, "dialect": each.clip.dialect, "points": each.clip.route}
        for each in shown
    ]
    sightings = [
        msgspec.to_builtins(msgspec.structs.replace(seen, picture=None))
        | {"video_id": each.clip.video_id, "file": each.file, "crop": crop[0] if crop else None}
        for each in shown
        for seen, crop in zip(each.clip.seen, each.crops, strict=True)
    ]
    legs = [Leg(each.clip.name, each.clip.route, each.clip.start_utc) for each in shown]
    box.put("clips.json", [_json(clips)])
    box.put("route.json", [_json(routes)])
    box.put("route.gpx", [write_gpx(legs, shown[0].clip.video_id).encode()])
    box.put("sightings.json", [_json(sightings)])


def _json(value: Any) -> bytes:
    return msgspec.json.format(msgspec.json.encode(_unicode(msgspec.to_builtins(value))), indent=1)


def _unicode(value: Any) -> Any:
    """A value whose texts are Unicode: names of files need not be."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {key: _unicode(each) for key, each in value.items()}
    return [_unicode(each) for each in value] if isinstance(value, (list, tuple)) else value


def safe_name(name: str, otherwise: str) -> str:
    """A file name that every system takes and every list can hold on one line."""
    kept = "".join(c if c.isascii() and (c.isalnum() or c in "._-+ ") else "_" for c in name[-120:])
    kept = kept.strip(" .")
    return kept if any(c.isalnum() for c in kept) else otherwise


def _free(box: Box, folder: str, name: str) -> str:
    """A path that no file of the box has: channels of some cameras share a name in different folders."""
    # Some systems tell no upper from lower case.
    taken = {each.path.lower() for each in box.written}
    stem, dot, suffix = name.rpartition(".")
    names = [
        name,
        *(f"{stem or suffix}-{n}{dot if stem else ''}{suffix if stem else ''}" for n in range(2, 10_000)),
    ]
    return next(path for each in names if (path := f"{folder}/{each}").lower() not in taken)
