"""What a video library says about a clip: size, rate, length, and that a picture really comes out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import av
import msgspec

from stages.errors import ClipDamaged
from stages.footage.container import Container, walk

# A file is opened as what its bytes are, never as what FFmpeg guesses: a playlist that calls itself .mp4
# could name other files or the network.
_DEMUXERS = {"mp4": "mov", "mpegts": "mpegts", "matroska": "matroska", "avi": "avi"}
_OPTIONS = {"protocol_whitelist": "file"}
_TRIES = 300  # packets that may pass before the first picture comes
_MAX_PACKETS = 5_000_000
_MAX_SIDE = 16_384


class VideoFacts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One clip's video track. `frames` counts packets where the header's word cannot be taken.

    `rotation` in degrees counter-clockwise, to be applied for showing. Unknown facts are None.
    """

    width: int
    height: int
    codec: str
    duration_seconds: float | None = None
    frames: int | None = None
    fps: float | None = None
    rotation: int = 0
    counted: bool = False


def probe(path: Path, *, container: Container | None = None) -> VideoFacts:
    """Open a clip, decode its first picture and tell what it holds.

    `container` saves a second walk. Where the clip is broken off or has no frame count in its header
    (MPEG-TS), all packets are read, so that length and count are those of what is there. Raises
    ClipDamaged with a sentence: no video track, or no picture can be decoded. Raises OSError when the file
    cannot be read.
    """
    found = container or walk(path)
    demuxer = _DEMUXERS.get(found.kind or "")
    if demuxer is None:
        raise ClipDamaged(f"{path.name}: {found.reason or 'the file is no video'}")
    with _opened(path, demuxer) as clip:
        stream = _video(clip, path)
        rotation = _first_picture(clip, stream, path)
        facts = _facts(clip, stream, rotation)
    if found.state == "whole" and facts.frames and facts.duration_seconds:
        return facts
    with _opened(path, demuxer) as clip:
        return _count(clip, _video(clip, path), facts)


@contextmanager
def _opened(path: Path, demuxer: str) -> Iterator[Any]:
    path.stat()  # a file that is gone is no damaged clip
    try:
        with av.open(
            str(path.absolute()), format=demuxer, options=_OPTIONS, metadata_errors="replace"
        ) as clip:
            yield clip
    except av.FFmpegError as error:
        text = error.strerror or "unknown error"
        raise ClipDamaged(f"{path.name} cannot be read as a video: {text}") from error


def _video(clip: Any, path: Path) -> Any:
    if not clip.streams.video:
        raise ClipDamaged(f"{path.name} has no video track")
    stream = clip.streams.video[0]
    if stream.codec_context is None:
        raise ClipDamaged(f"{path.name}: its video track is of a kind that cannot be decoded here")
    width, height = stream.codec_context.width, stream.codec_context.height
    if not (0 < width <= _MAX_SIDE and 0 < height <= _MAX_SIDE):
        raise ClipDamaged(f"{path.name}: its video track holds no picture ({width}x{height} pixels)")
    return stream


def _first_picture(clip: Any, stream: Any, path: Path) -> int:
    """The rotation of the first picture that can be decoded."""
    for count, packet in enumerate(clip.demux(stream)):
        try:
            for frame in packet.decode():
                return int(getattr(frame, "rotation", 0))
        except av.FFmpegError:
            pass  # a clip may begin with packets that lean on earlier ones
        if count >= _TRIES:
            break
    raise ClipDamaged(f"{path.name}: no picture can be decoded from its video track")


def _facts(clip: Any, stream: Any, rotation: int) -> VideoFacts:
    rate = stream.average_rate or stream.guessed_rate
    fps = float(rate) if rate else None
    duration = None
    if stream.duration and stream.time_base:
        duration = float(stream.duration * stream.time_base)
    elif clip.duration:
        duration = clip.duration / 1_000_000
    return VideoFacts(
        width=stream.codec_context.width,
        height=stream.codec_context.height,
        codec=stream.codec_context.name[:32],
        duration_seconds=round(duration, 3) if duration and 0 < duration < 30 * 86400 else None,
        frames=stream.frames or None,
        fps=round(fps, 3) if fps and 0 < fps < 1000 else None,
        rotation=rotation,
    )


def _count(clip: Any, stream: Any, facts: VideoFacts) -> VideoFacts:
    """Facts of what is really there, from every packet of the track; nothing is decoded."""
    count, first, last = 0, None, None
    try:
        for packet in clip.demux(stream):
            if not packet.size:
                continue
            count += 1
            if packet.pts is not None:
                end = packet.pts + (packet.duration or 0)
                first = packet.pts if first is None else min(first, packet.pts)
                last = end if last is None else max(last, end)
            if count >= _MAX_PACKETS:
                break
    except av.FFmpegError:
        pass  # the end of what can be read
    length = None
    if first is not None and last is not None and stream.time_base:
        length = round(float((last - first) * stream.time_base), 3)
    if not length or not 0 < length < 30 * 86400:
        length = round(count / facts.fps, 3) if facts.fps else None
    return msgspec.structs.replace(facts, frames=count or None, duration_seconds=length, counted=True)
