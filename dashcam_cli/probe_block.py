"""What `dashcam probe` prints for people: one block for each clip."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from dashcam_cli.output import printable
from stages.footage.route import distance


def show(about: Mapping[str, Any]) -> None:
    """Print the block of one clip. What comes from files is printed as text, never as markup."""
    from rich.console import Console
    from rich.text import Text

    console = Console(soft_wrap=True)
    console.print(Text(printable(about["clip"]), style="bold"))
    for name, value in _rows(about):
        style = "yellow" if name in ("warning", "refused") else ""
        console.print(Text.assemble((f"  {name:<10}", "dim"), (printable(value), style)))


def _rows(about: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "container", _container(about)
    camera = about["camera"]
    if camera["mode"] is not None:
        words = [camera["family"] or "unknown maker", camera["channel"], camera["mode"]]
        words += ["locked" if camera["locked"] else None]
        words += [f"number {camera['sequence']}" if camera["sequence"] is not None else None]
        yield "camera", ", ".join(word for word in words if word)
    if about["start_utc"]:
        yield "start", _start(about)
    claims = [f"{claim['source']} {claim['value']}" for claim in about["time_claims"]]
    if claims:
        yield "claims", "; ".join(claims)
    if about["route"]["points"]:
        yield "route", _route(about["route"])
    if about["video_id"]:
        yield "id", about["video_id"]
    if about["route"]["refused"]:
        yield "refused", about["route"]["refused"]
    for warning in about["warnings"]:
        if warning != about["route"]["refused"]:
            yield "warning", warning


def _container(about: Mapping[str, Any]) -> str:
    container, seconds = about["container"], about["duration_seconds"]
    words = [container["state"].replace("_", " "), about["codec"]]
    words += [f"{seconds:.1f} s" if seconds else None]
    words += [f"{container['missing_bytes']} bytes are missing" if container["missing_bytes"] else None]
    return ", ".join(word for word in words if word)


def _start(about: Mapping[str, Any]) -> str:
    offset = about["utc_offset_seconds"] or 0
    sign, minutes = "-" if offset < 0 else "+", abs(offset) // 60
    local = str(about["start_local"]).replace("T", " ")
    utc = about["start_utc"].replace("T", " ").removesuffix("Z")
    return f"{local} {sign}{minutes // 60:02d}:{minutes % 60:02d} ({utc} UTC), by {about['time_source']}"


def _route(route: Mapping[str, Any]) -> str:
    points = route["points"]
    first, last = points[0], points[-1]
    metres = sum(distance(a["lat"], a["lon"], b["lat"], b["lon"]) for a, b in pairwise(points))
    speeds = [point["speed_kmh"] for point in points if point["speed_kmh"] is not None]
    fastest = f", up to {max(speeds):.0f} km/h" if speeds else ""
    return (
        f"{len(points)} fixes by {route['dialect']}, {first['lat']:.5f} {first['lon']:.5f} to "
        f"{last['lat']:.5f} {last['lon']:.5f}, {metres / 1000:.2f} km{fastest}"
    )
