"""`dashcam export --evidence`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from dashcam_cli.bar import Bar
from dashcam_cli.export_wishes import Chosen, Done, Wishes, stem_of
from dashcam_cli.output import say
from stages.errors import BadInput, PlaceAbsent
from stages.export.evidence import Order, write_evidence
from stages.export.landing import free_name
from stages.manifest import created_by


def evidence(chosen: list[Chosen], wishes: Wishes) -> Done:
    """Write the folder or zip file, and say what to note down."""
    clips = sorted(
        (piece.clip for lane in chosen for piece in lane.pieces),
        key=lambda clip: (clip.facts.start_local or "", clip.facts.channel or "", clip.video_id),
    )
    for clip in clips:
        if clip.small:
            raise PlaceAbsent(
                f"evidence needs the original of {clip.video_id}, and that cannot be read on this host: "
                f"{clip.away}"
            )
    suffix = ".zip" if wishes.zipped else ""
    if wishes.output is not None and wishes.zipped != (wishes.output.suffix.lower() == ".zip"):
        raise BadInput("a name that ends in .zip goes with --zip, any other without")
    name = f"evidence_{stem_of(clips[0])}" + (f"_{len(clips)}clips" if len(clips) > 1 else "")
    target = wishes.output or free_name(wishes.to_dir or Path.cwd(), name, suffix)
    order = Order(clips, _about(chosen, wishes), datetime.now(UTC), created_by())
    with Bar("evidence") as bar:
        made = write_evidence(order, target, zipped=wishes.zipped, progress=bar)
    say(f"SHA-256 of its SHA256SUMS, to be noted down elsewhere: {made.seal}")
    more = {"files": made.files, "size_bytes": made.size_bytes, "sha256sums_sha256": made.seal}
    return Done(target, "evidence", [clip.video_id for clip in clips], more)


def _about(chosen: list[Chosen], wishes: Wishes) -> list[tuple[str, str]]:
    rows = [("clip", wishes.video_id or "")] if wishes.video_id else [("trip", wishes.trip or "")]
    if wishes.begin or wishes.end:
        lane = chosen[0]
        until = "the end" if lane.end is None else f"second {lane.end:.1f}"
        rows.append(
            ("asked for", f"from second {lane.begin:.1f} to {until}; the clips are whole all the same")
        )
    return rows
