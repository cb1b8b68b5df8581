"""`dashcam trip`: which clips were recorded in one go, and people's corrections of it."""

from __future__ import annotations

from typing import Any

from dashcam_cli import common
from dashcam_cli.client import Client
from dashcam_cli.output import local_time, print_json, printable, say, table
from stages.errors import NotFound

_EDITS = 1000


def _client(url: str | None) -> Client:
    return common.client(common.settings(url=url))


def list_trips(
    camera: str | None,
    date_from: str | None,
    date_to: str | None,
    limit: int,
    url: str | None,
    as_json: bool,
) -> None:
    """Print trips, newest first; none is no error."""
    found = _client(url).trips(camera=camera, date_from=date_from, date_to=date_to, limit=limit)
    if as_json:
        print_json(found)
        return
    columns = ("trip", "began", "length", "distance", "clips", "plates", "mode", "camera")
    table("Trips", columns, [_row(each) for each in found], empty="none found")


def _row(trip: dict[str, Any]) -> list[Any]:
    return [
        trip["trip_id"],
        local_time(trip["start"], trip["utc_offset_seconds"]),
        length(trip["duration_seconds"]),
        "" if trip["distance_m"] is None else f"{trip['distance_m'] / 1000:.1f} km",
        trip["clips_count"],
        trip["plates_found"],
        trip["mode"],
        trip["camera_name"] or trip["camera"],
    ]


def length(seconds: float) -> str:
    """Hours, minutes and seconds."""
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def show_trip(trip_id: str, url: str | None, as_json: bool) -> None:
    """Print one trip: a line for each moment, a column for each lens."""
    found = _client(url).trip(trip_id)
    if as_json:
        print_json(found)
        return
    _show(found)


def _show(trip: dict[str, Any]) -> None:
    channels = list(dict.fromkeys(clip["channel"] for each in trip["moments"] for clip in each["clips"]))
    rows = []
    for moment in trip["moments"]:
        clips = {clip["channel"]: clip for clip in moment["clips"]}
        marks = {clip["mode"] for clip in clips.values() if clip["mode"] not in (None, "normal")}
        marks |= {"locked"} if any(clip["locked"] for clip in clips.values()) else set()
        shown = [clips[channel]["video_id"] if channel in clips else "" for channel in channels]
        rows.append([moment["start"], *shown, ", ".join(sorted(marks))])
    _, began, lasts, far, _, plates, mode, camera = _row(trip)
    title = f"{trip['trip_id']}: {began}, {lasts}, {far or 'no route'}, {plates} plates, {mode}, {camera}"
    table(printable(title), ("began", *(channel or "clip" for channel in channels), ""), rows)
    if trip["edits"]:
        say(
            f"corrected by hand (edits {', '.join(map(str, trip['edits']))}); dashcam trip undo takes it back"
        )


def merge_trips(trip_ids: list[str], url: str | None, as_json: bool) -> None:
    """Make trips one."""
    done = _client(url).merge_trips(trip_ids)
    if as_json:
        print_json(done)
        return
    _show(done["trip"])
    _tell_undo(done["edit"])


def split_trip(trip_id: str, video_id: str, url: str | None, as_json: bool) -> None:
    """Begin another trip with a clip."""
    done = _client(url).split_trip(trip_id, video_id)
    if as_json:
        print_json(done)
        return
    for trip in done["trips"]:
        _show(trip)
    _tell_undo(done["edit"])


def _tell_undo(edit: dict[str, Any]) -> None:
    say(f"edit {edit['edit_id']}; take it back with: dashcam trip undo {edit['edit_id']}")


def undo(edit_id: int | None, url: str | None, as_json: bool) -> None:
    """Take an edit back: the one named, else the last that holds. Raises `NotFound` when none does."""
    client = _client(url)
    if edit_id is None:
        holds = [each for each in client.trip_edits(_EDITS) if each["undone_at"] is None]
        if not holds:
            raise NotFound("there is no edit of trips to take back")
        edit_id = int(holds[0]["edit_id"])
    done = client.undo_trip_edit(edit_id)
    if as_json:
        print_json(done)
    else:
        print(f"edit {edit_id} ({done['kind']}) is taken back")  # noqa: T201
