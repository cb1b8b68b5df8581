"""What a clip says about itself and what decoding it shows, as facts for the catalogue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stages.sighting import ClipFacts

if TYPE_CHECKING:
    from stages.footage.camera import Camera
    from stages.footage.clip import ClipDescription
    from stages.video.probe import VideoFacts


def clip_facts(
    about: ClipDescription,
    video: VideoFacts,
    *,
    blake2: str,
    warnings: list[str],
    filename: str | None = None,
    camera: Camera | None = None,
) -> ClipFacts:
    """The facts of a clip. `filename`: the name it is kept under, when that is another than its own."""
    when, name = about.time, about.camera
    return ClipFacts(
        filename=filename or about.filename,
        size_bytes=about.size_bytes,
        blake2=blake2,
        fingerprint=about.fingerprint,
        start_local=when.start_local.isoformat(timespec="seconds") if when.start_local else None,
        start_utc=f"{when.start_utc:%Y-%m-%dT%H:%M:%SZ}" if when.start_utc else None,
        utc_offset_seconds=when.utc_offset_seconds,
        time_source=when.time_source,
        time_claims=when.claims,
        time_doubt=when.doubt or None,
        duration_seconds=video.duration_seconds,
        total_frames=video.frames,
        width=video.width,
        height=video.height,
        fps=video.fps,
        codec=video.codec,
        camera=camera.key if camera else None,
        camera_name=camera.name if camera else None,
        sequence=name.sequence,
        family=name.family,
        channel=name.channel,
        mode=name.mode,
        locked=name.locked,
        warnings=warnings or None,
    )
