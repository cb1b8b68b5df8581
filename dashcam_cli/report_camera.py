"""`dashcam report-camera`: a small bundle of a clip's skeleton for a bug report, without picture or sound."""

from __future__ import annotations

import io
import platform
import re
import sys
import zipfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec

from dashcam_cli.output import print_json, printable, say
from dashcam_cli.probe import line
from stages.errors import BadInput, NotFound
from stages.footage.camera import card_root
from stages.footage.clip import describe
from stages.footage.container import walk
from stages.footage.specimen import Part, specimen

_README = """\
A report on a dashcam clip, made by: dashcam report-camera

What is in it
  report.json   what `dashcam probe` says about the clip, the versions of the tools, and an outline
                of the file: the name, place and size of every part, or packet counts
  boxes/        the small parts of the file as they are (headers, the maker's own parts)
  gps/          the first GPS blocks of Novatek's kind
  track-N/      the first samples of tracks that are neither picture nor sound
  stream/       the same of a transport stream
  nmea.txt      the first GPS sentences
  trailer.bin   the first bytes behind the last part

What is not in it
  No picture and no sound. Thumbnails are wiped. Digits in names of files and folders are replaced by 9.
  Serial numbers are crossed out where they are known to be one; look through boxes/ before you publish it.

{positions}
"""
_WITH = """\
GPS positions ARE in it: whoever reads this learns where the clip was recorded, and when.
`dashcam report-camera --no-positions` leaves them out, and all parts of the file that could hold one."""
_WITHOUT = """\
GPS positions were left out, and with them every part of the file that could hold one."""


def report(clip: Path, output: Path | None, positions: bool, as_json: bool) -> None:
    """Write the bundle and say what it holds. Raises NotFound, BadInput (the zip exists) and OSError."""
    if not clip.is_file():
        raise NotFound(f"there is no file {clip}")
    target = output or Path(f"{_masked(clip.stem)}-report.zip")
    if target.exists():
        raise BadInput(f"{target} is there already; name another file with -o")
    container = walk(clip)
    outline, parts = specimen(clip, container, positions=positions)
    parts = [_readme(positions), _json(clip, outline, positions), *parts]
    data = _zipped(parts)
    held = [{"name": part.name, "bytes": len(part.data)} for part in parts]
    say(_WITH if positions else _WITHOUT)
    _write(target, data)
    if as_json:
        print_json({"report": str(target), "bytes": len(data), "positions": positions, "files": held})
        return
    for row in held:
        print(f"{row['bytes']:>9}  {row['name']}")  # noqa: T201
    say(f"wrote {printable(str(target))} ({len(data)} bytes, {len(parts)} files): no picture, no sound")


def _readme(positions: bool) -> Part:
    return Part("README.txt", _README.format(positions=_WITH if positions else _WITHOUT).encode())


def _json(clip: Path, outline: dict[str, Any], positions: bool) -> Part:
    path = PurePosixPath(*clip.absolute().parts[1:])
    about = line(_masked(str(path.relative_to(card_root(path)))), describe(clip))
    about["route"]["dialect"] = (about["route"]["dialect"] or "").split(", of ")[0] or None
    about["warnings"] = [_masked(warning, 6) for warning in about["warnings"]]
    if not positions:
        about["route"]["points"] = []
    # A counter and an id are of no use to a stranger.
    about["camera"]["sequence"] = about["video_id"] = None
    said = {
        "probe": about,
        "outline": outline,
        "versions": {name: _version(name) for name in ("dashcam-processor", "av", "msgspec")}
        | {"python": platform.python_version(), "system": f"{sys.platform} {platform.machine()}"},
    }
    return Part("report.json", msgspec.json.format(msgspec.json.encode(said), indent=1))


def _masked(text: str, run: int = 1) -> str:
    """Runs of so many digits and more, each digit as 9."""
    return re.sub(rf"[0-9]{{{run},}}", lambda match: "9" * len(match[0]), text)


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _zipped(parts: list[Part]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as bundle:
        for part in parts:
            bundle.writestr(zipfile.ZipInfo(part.name), part.data, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def _write(target: Path, data: bytes) -> None:
    part = target.with_name(f"{target.name}.part")
    try:
        part.write_bytes(data)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
