"""`dashcam probe`: all that a clip says about itself, one line of JSON or one block of text for each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path, PurePath, PurePosixPath
from typing import Any

import msgspec

from config.settings import Settings
from dashcam_cli import common
from dashcam_cli.intake import Refusal, find_clips
from dashcam_cli.output import FAILED, leave, print_json
from dashcam_cli.places import host_places
from dashcam_cli.scan import SUFFIXES
from stages.errors import ClipDamaged
from stages.files import HostPlaces
from stages.footage.alone import log_alone
from stages.footage.camera import camera_of
from stages.footage.clip import ClipDescription, describe
from stages.footage.container import Container, walk
from stages.footage.gps.log import GpsLog
from stages.footage.names import NameFacts, read_name
from stages.footage.neighbours import CameraClocks
from stages.footage.zones import named_zone
from stages.sighting import RoutePoint

#: States of which nothing more can be said; the exit code tells them.
NOTHING = frozenset({"missing", "unreadable", "not_video", "empty"})

_CAMERA = ("family", "channel", "mode", "locked", "sequence")
_POINT = ("seconds", "time", "lat", "lon", "speed_kmh", "course", "altitude")

#: The time zone of the camera of a clip, by its path and its path below the card's root; "" = not set.
Zones = Callable[[Path, PurePosixPath], str]


def probe_clips(clips: list[Path], root: Path | None, time_zone: str | None, as_json: bool) -> None:
    """Print what each clip says; exit 1 when one is missing, unreadable or no video."""
    from dashcam_cli.probe_block import show

    zones = _zones(common.settings(), time_zone)
    clocks, failed = CameraClocks(), False
    for found in _found(clips):
        about = found if isinstance(found, dict) else told(found, root, zones, clocks)
        failed |= about["container"]["state"] in NOTHING
        if as_json:
            print_json(about)
        else:
            show(about)
    if failed:
        leave(FAILED)


def told(path: Path, root: Path | None, zones: Zones, clocks: CameraClocks) -> dict[str, Any]:
    """What one clip says, as its line of JSON. Raises SettingsError for a zone that is none."""
    try:
        if path.suffix.lower() not in SUFFIXES and (log := log_alone(path)):
            return _log_line(path, *log)
        below = _below(path, root)
        about = describe(
            path,
            time_zone=zones(path, below),
            relative=below,
            duration=_measured(path, walk(path)),
            others=clocks.around(path.absolute(), below),
        )
    except OSError as error:
        return nothing(str(path), "unreadable", f"cannot be read: {error.strerror or error}")
    return line(str(path), about)


def line(clip: str, about: ClipDescription) -> dict[str, Any]:
    """The line of JSON of a clip that was described."""
    when = about.time
    return {
        "clip": clip,
        "container": {"state": about.container.state, "missing_bytes": about.container.missing_bytes},
        "camera": _camera(about.camera),
        "start_utc": f"{when.start_utc:%Y-%m-%dT%H:%M:%SZ}" if when.start_utc else None,
        "utc_offset_seconds": when.utc_offset_seconds,
        "time_source": when.time_source,
        "time_claims": [msgspec.to_builtins(claim) for claim in when.claims],
        "duration_seconds": _rounded(about.duration_seconds),
        "route": {
            "dialect": about.route_source,
            "points": _points(about.route),
            "refused": about.route_refused or None,
        },
        "warnings": about.warnings,
        "start_local": when.start_local.isoformat(timespec="seconds") if when.start_local else None,
        "video_id": about.video_id,
        "codec": about.container.codec or None,
    }


def _log_line(path: Path, log: GpsLog, route: list[RoutePoint]) -> dict[str, Any]:
    """The line of a GPS log that was named instead of a clip."""
    said = nothing(str(path), "sidecar", "it is a GPS log, no clip")
    first = next((fix.time for fix in log.fixes if fix.time and fix.valid), None)
    if first and not log.local_clock:
        said["time_claims"] = [{"source": "gps", "value": f"{first.isoformat()}Z"}]
    said["route"] |= {"dialect": log.dialect, "points": _points(route), "refused": log.refused or None}
    said["warnings"] += log.warnings if route else (*log.warnings, "it holds no position to be believed")
    return said


def _points(route: list[RoutePoint]) -> list[dict[str, Any]]:
    return [{key: getattr(point, key) for key in _POINT} for point in route]


def _camera(name: NameFacts) -> dict[str, Any]:
    return {key: getattr(name, key) for key in _CAMERA}


def nothing(clip: str, state: str, reason: str) -> dict[str, Any]:
    """The line of a clip that could not be looked at: its name is all there is."""
    return {
        "clip": clip,
        "container": {"state": state, "missing_bytes": 0},
        "camera": _camera(read_name(clip)),
        **dict.fromkeys(("start_utc", "utc_offset_seconds", "time_source")),
        "time_claims": [],
        "duration_seconds": None,
        "route": {"dialect": None, "points": [], "refused": None},
        "warnings": [reason],
        **dict.fromkeys(("start_local", "video_id", "codec")),
    }


def _zones(settings: Settings, given: str | None) -> Zones:
    """The zone that was given for all, else those of the owner's settings, as ingest would take them."""
    if given is not None:
        named_zone(given, "--time-zone")
        return lambda *_: given
    ingest = msgspec.structs.replace(settings.stage.ingest, cameras=settings.cameras)
    places = HostPlaces(host_places(settings)) if ingest.cameras else None

    def zone(path: Path, below: PurePosixPath) -> str:
        ref = places.reference(path) if places else None
        at = PurePosixPath(ref.path.lstrip("/")) if ref else below
        return camera_of(ingest, {}, ref.device if ref else "", at, read_name(at)).time_zone

    return zone


def _found(given: Iterable[Path]) -> Iterator[Path | dict[str, Any]]:
    """The clips named and those in the folders named; what cannot be looked at comes as its line."""
    for each in find_clips(given):
        if not isinstance(each, Refusal):
            yield each
            continue
        there = Path(each.clip).exists()
        yield nothing(each.clip, "unreadable" if there else "missing", each.reason)


def _below(path: Path, root: Path | None) -> PurePosixPath:
    """The path below the card's root: folders tell what a clip is. Without a root it is the whole path."""
    whole = path.absolute()
    if root is not None:
        try:
            return PurePosixPath(path.resolve().relative_to(root.resolve()).as_posix())
        except ValueError:
            pass  # it lies elsewhere
    return PurePosixPath(PurePath(*whole.parts[1:]).as_posix())


def _measured(path: Path, container: Container) -> float | None:
    """Seconds as a video library counts them, where there is one and the container does not tell."""
    if container.state in NOTHING or (container.state == "whole" and container.duration_seconds):
        return None
    try:
        from stages.video.probe import probe
    except ImportError:
        return None
    try:
        return probe(path, container=container).duration_seconds
    except ClipDamaged:
        return None


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
