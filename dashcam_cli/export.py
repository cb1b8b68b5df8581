"""`dashcam export`: clips, or parts of them, out of the house."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from dashcam_cli import common
from dashcam_cli.client import Client
from dashcam_cli.export_evidence import evidence
from dashcam_cli.export_films import blurred_films, cut_films, suffix_of
from dashcam_cli.export_wishes import Chosen, Done, Piece, Wishes, stem_of
from dashcam_cli.output import print_json, printable, say
from dashcam_cli.shelf import Shelf, TripClip, reachable, trip_clips
from stages.errors import BadInput, NotFound
from stages.export.gpx import Leg, points_of, write_gpx
from stages.export.landing import free_name, landing
from stages.export.moments import Recording, read_range
from stages.export.plan import Span, length, plan
from stages.files import HostPlaces

_PATIENCE = 90.0  # a long trip asks more than the server answers within a minute


def export(wishes: Wishes, place_flags: list[str], home: Path | None, url: str | None) -> None:
    """Write what is wished for, print each file's path; with `--json` one object."""
    wishes.check()
    settings = common.settings(home, url)
    client = common.client(settings, patience=_PATIENCE)
    places = reachable(settings, place_flags)
    _keep_off_cards(places, wishes)
    shelf = Shelf(client, places)
    notes: list[str] = []
    lanes = _lanes(client, shelf, wishes, notes)
    chosen = [_chosen(lane, wishes, shelf, notes) for lane in lanes]
    done = [evidence(chosen, wishes)] if wishes.evidence else _films(chosen[0], wishes, settings, notes)
    _tell(done, [*shelf.notes, *notes], wishes)


def _keep_off_cards(places: HostPlaces, wishes: Wishes) -> None:
    """Nothing is ever written to a card or a camera, also by a person who happens to stand there."""
    folder = wishes.output.absolute().parent if wishes.output else (wishes.to_dir or Path.cwd()).absolute()
    where = places.reference(folder)
    if where is not None and not places.is_kept(where.device):
        raise BadInput(f"{folder} is on {where.device}, a card or camera; give another folder with --to-dir")


class _Lane(NamedTuple):
    """One channel's clips in order of time, and when the first began on the camera's clock."""

    clips: list[TripClip]
    offset: int | None


def _lanes(client: Client, shelf: Shelf, wishes: Wishes, notes: list[str]) -> list[_Lane]:
    """The clips that are asked for, by channel: one lane, but for evidence of a whole trip."""
    if wishes.video_id is not None:
        clip = shelf.clip(wishes.video_id, small=wishes.archive)
        shelf.notes.clear()  # it is taken off the shelf once more
        facts = clip.facts
        one = TripClip(clip.video_id, facts.channel, facts.start_local, facts.duration_seconds)
        return [_Lane([one], facts.utc_offset_seconds)]
    assert wishes.trip is not None
    channels = trip_clips(client, wishes.trip)
    named = ", ".join(sorted(channel or "none" for channel in channels))
    if wishes.channel is not None:
        if wishes.channel not in channels:
            raise NotFound(f"the trip {wishes.trip} has no channel {wishes.channel!r} (it has: {named})")
        channels = {wishes.channel: channels[wishes.channel]}
    elif len(channels) > 1 and not wishes.evidence:
        first = "front" if "front" in channels else min(channels, key=lambda channel: channel or "")
        notes.append(f"of the channels {named}, {first} is taken; choose another with --channel")
        channels = {first: channels[first]}
    zone = client.whole(next(iter(channels.values()))[0].video_id)["facts"].get("utc_offset_seconds")
    return [_Lane(clips, zone if isinstance(zone, int) else None) for clips in channels.values()]


def _chosen(lane: _Lane, wishes: Wishes, shelf: Shelf, notes: list[str]) -> Chosen:
    spans = [Span(clip.video_id, clip.duration_seconds, _local(clip.start)) for clip in lane.clips]
    begin, end, said = read_range(
        wishes.begin, wishes.end, Recording(length(spans), spans[0].start, lane.offset)
    )
    found = plan(spans, begin, end)
    if not found.parts:
        raise BadInput("nothing was recorded between --from and --to")
    notes += [*said, *found.notes]
    pieces = [
        Piece(
            shelf.clip(lane.clips[part.clip].video_id, small=wishes.archive, pictures=wishes.evidence),
            part.begin,
            part.end,
        )
        for part in found.parts
    ]
    return Chosen(pieces, begin, end)


def _local(text: str | None) -> datetime | None:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=None) if text else None
    except ValueError:
        return None


def _films(chosen: Chosen, wishes: Wishes, settings: Any, notes: list[str]) -> list[Done]:
    """Films, and a GPX file where one is asked for."""
    target = wishes.output or _target(chosen.pieces, wishes)
    if target.suffix.lower() == ".gpx":
        return [_gpx(chosen.pieces, target, must=True)]
    if wishes.blur:
        done = blurred_films(chosen.pieces, target, wishes, settings, notes)
    else:
        done = cut_films(chosen.pieces, target, notes)
        # The route is that of what the film shows, also before the moment that was asked for.
        early = float(done[0].more["begins_early_seconds"])
        chosen.pieces[0] = chosen.pieces[0]._replace(begin=chosen.pieces[0].begin - early)
    if wishes.gpx:
        track = free_name(target.parent, target.stem, ".gpx")
        if any(points_of(_leg(piece)) for piece in chosen.pieces):
            done.append(_gpx(chosen.pieces, track, must=False))
        else:
            notes.append("no position is known of this stretch, so there is no GPX file")
    return done


def _leg(piece: Piece) -> Leg:
    clip = piece.clip
    return Leg(clip.name, clip.route, clip.start_utc, piece.begin, piece.end)


def _gpx(pieces: list[Piece], target: Path, *, must: bool) -> Done:
    legs = [_leg(piece) for piece in pieces]
    points = sum(len(points_of(leg)) for leg in legs)
    if must and not points:
        raise NotFound("no position is known of this stretch, so there is nothing to write")
    with landing(target) as part:
        part.write_text(write_gpx(legs, target.stem), encoding="utf-8")
    return Done(target, "gpx", [piece.clip.video_id for piece in pieces], {"points": points})


def _target(pieces: list[Piece], wishes: Wishes) -> Path:
    """A name by time, channel and number of clips; a blurred film's name tells no time."""
    folder = wishes.to_dir or Path.cwd()
    first = pieces[0].clip
    channel = first.facts.channel or "clip"
    if wishes.blur and not wishes.keep_metadata:
        return free_name(folder, f"{channel}_blurred", ".mp4")
    stem = stem_of(first, pieces[0].begin)
    stem += f"_{channel}" + (f"_{len(pieces)}clips" if len(pieces) > 1 else "")
    suffix = ".mp4"
    if not wishes.blur:
        suffix = suffix_of(pieces[0])
    return free_name(folder, stem + ("_blurred" if wishes.blur else ""), suffix)


def _tell(done: list[Done], notes: list[str], wishes: Wishes) -> None:
    for note in dict.fromkeys(notes):
        say(printable(note))
    if wishes.as_json:
        print_json({"files": [each.plain() for each in done], "notes": list(dict.fromkeys(notes))})
        return
    for each in done:
        print(printable(str(each.path)))  # noqa: T201
