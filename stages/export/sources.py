"""Opening clips for their packets: what streams they hold, where their keyframes are, what can be joined."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import av

from stages.errors import ClipDamaged
from stages.video.looks import open_clip

#: Containers in which a seek lands on a keyframe; in others packets are read from the beginning.
_INDEXED = {"mov", "matroska", "avi"}
_TRIES = 50
_MAX_PACKETS, _MAX_BETWEEN = 5_000_000, 10_000


class Source(NamedTuple):
    """An open clip: its container, its pictures, and the time of its first picture in seconds."""

    name: str
    clip: Any
    video: Any
    origin: Fraction

    def seconds(self, packet: Any) -> Fraction | None:
        """When a packet is shown, from the clip's first picture; None where it does not say."""
        stamp = packet.pts if packet.pts is not None else packet.dts
        return None if stamp is None else Fraction(stamp * packet.time_base) - self.origin


@contextmanager
def open_source(path: Path) -> Iterator[Source]:
    """Open a clip. Raises `ClipDamaged` with the reason."""
    with open_clip(path) as (clip, video):
        start = video.start_time or 0
        yield Source(path.name, clip, video, Fraction(start * video.time_base))


def packets(source: Source, streams: list[Any], troubles: list[str]) -> Iterator[Any]:
    """Packets in the file's order, from wherever it was sought to; where the file breaks off they end."""
    found = source.clip.demux(streams)
    while True:
        try:
            packet = next(found, None)
        except av.error.FFmpegError as error:
            troubles.append(f"{source.name} breaks off: {str(error)[:200]}")
            return
        if packet is None:
            return
        if packet.size and (packet.pts is not None or packet.dts is not None):
            yield packet


class Keyframe(NamedTuple):
    """Where a cut begins: when it is shown, from the clip's first picture, and where to seek to be there.

    `seek` in the pictures' time base; None: read from the beginning, since a seek passes what stands before.
    """

    shown: Fraction
    seek: int | None


def find_keyframe(path: Path, seconds: float) -> Keyframe:
    """The last keyframe at or before a moment, else the first. Raises `ClipDamaged` when there is none."""
    with open_source(path) as source:
        if seconds > 0 and source.clip.format.name.split(",")[0] in _INDEXED:
            found = _by_index(source, seconds)
            if found is not None:
                return found
    with open_source(path) as source:
        return Keyframe(_scan(source, seconds), None)


def _by_index(source: Source, seconds: float) -> Keyframe | None:
    base = source.video.time_base
    wanted = int((Fraction(seconds) + source.origin) / base)
    lowest = (source.video.start_time or 0) - 10 / base
    for _ in range(_TRIES):
        try:
            source.clip.seek(wanted, stream=source.video, backward=True)
        except av.error.FFmpegError:
            return None
        key = _first_key(source)
        shown = None if key is None else source.seconds(key)
        if key is None or shown is None:
            return None
        if shown <= seconds:
            return Keyframe(shown, wanted)
        # The index is in order of decoding: what is decoded before the moment may be shown after it.
        earlier = (key.dts if key.dts is not None else key.pts) - 1
        if earlier < lowest or earlier >= wanted:
            return None
        wanted = earlier
    return None


def _first_key(source: Source) -> Any:
    for packet in islice(packets(source, [source.video], []), _MAX_BETWEEN):
        if packet.is_keyframe:
            return packet
    return None


def _scan(source: Source, seconds: float) -> Fraction:
    """The last keyframe at or before a moment, by reading from the beginning."""
    best: Fraction | None = None
    for packet in islice(packets(source, [source.video], []), _MAX_PACKETS):
        shown = source.seconds(packet)
        if packet.is_keyframe and shown is not None and (best is None or shown <= seconds):
            best = shown
        due = packet.dts if packet.dts is not None else packet.pts
        if best is not None and due * packet.time_base - source.origin > seconds:
            break
    if best is None:
        raise ClipDamaged(f"{source.name} holds no keyframe, so there is nowhere to begin")
    return best


def signature(path: Path) -> tuple[Any, ...]:
    """What must be equal for two clips to be joined without coding anew."""
    with open_source(path) as source:
        streams = [*source.clip.streams.video, *source.clip.streams.audio]
        return tuple(_looks_like(stream) for stream in streams)


def _looks_like(stream: Any) -> tuple[Any, ...]:
    context = stream.codec_context
    if context is None:
        return (stream.type,)
    base = stream.time_base
    private = hashlib.blake2b(context.extradata or b"", digest_size=16).hexdigest()
    if stream.type == "video":
        return stream.type, context.name, base, private, context.width, context.height
    return stream.type, context.name, base, private, context.sample_rate, context.channels


def fits(stream: Any, container: str) -> bool:
    """Whether a container can hold a copy of a stream; tried out, since nothing else tells."""
    try:
        with av.open(io.BytesIO(), "w", format=container) as trial:
            trial.add_stream_from_template(stream, opaque=True)
            trial.start_encoding()
    except (ValueError, av.error.FFmpegError, NotImplementedError, TypeError):
        return False
    return True
