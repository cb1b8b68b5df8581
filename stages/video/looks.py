"""Cheap looks at a clip: few frames, small pictures.

Decoding costs most, so where a camera writes keyframes often enough only these are decoded. A stretch in
which they show nothing new is looked at more closely before anything is concluded from it (`between`): a
frame needs those before it back to its keyframe and none of those after it, so the end of each group of
frames is left out. The sizes of packets, which cost nothing, are not trusted instead: many cameras fill a
constant bit rate with noise, and a far car is lost in that.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice, pairwise
from pathlib import Path
from typing import Any, NamedTuple

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from stages.errors import ClipDamaged
from stages.footage.container import walk

Picture = NDArray[np.uint8]

#: Keyframes further apart than this (seconds) are not enough: every frame is decoded instead.
KEYFRAME_GAP = 1.25
# What a file's bytes are, never what FFmpeg guesses: a playlist that calls itself .mp4 could name other
# files or the network.
_DEMUXERS = {"mp4": "mov", "mpegts": "mpegts", "matroska": "matroska", "avi": "avi"}
_MAX_FRAMES = 4_000_000
_MAX_PIXELS = 8192 * 8192
_MAX_DAMAGED = 5_000
_MAX_GROUP = 2_000  # packets
_EARLY = 0.002  # seconds by which a frame may come before its look is due


class Look(NamedTuple):
    """One look: number of the decoded frame, seconds from the start, H×W×3 RGB and H×W grey."""

    frame: int
    seconds: float
    rgb: Picture
    gray: Picture


class Survey(NamedTuple):
    """What a clip holds, learned without decoding it.

    `times` are the seconds at which its frames start, ascending; `whole` is false when the file ends before
    its last frame. `keyframes` tells whether keyframes are dense enough for looks.
    """

    times: list[float]
    duration: float
    keyframes: bool
    whole: bool

    def frame_at(self, seconds: float) -> int:
        """The number of the frame that starts at `seconds`."""
        return min(bisect_left(self.times, seconds - _EARLY), len(self.times) - 1)

    def frames_between(self, begin: float, end: float) -> int:
        """How many frames start in a stretch (seconds)."""
        return bisect_left(self.times, end - _EARLY) - bisect_left(self.times, begin - _EARLY)


@contextmanager
def open_clip(path: Path) -> Iterator[tuple[Any, Any]]:
    """The container and its first video stream. Raises `ClipDamaged` with the reason."""
    found = walk(path)
    demuxer = _DEMUXERS.get(found.kind or "")
    if demuxer is None:
        raise ClipDamaged(f"{path.name} cannot be read as a video: {found.reason or 'it is none'}")
    try:
        container = av.open(
            str(path.absolute()),
            format=demuxer,
            options={"protocol_whitelist": "file"},
            metadata_errors="replace",
        )
    except (av.error.FFmpegError, ValueError) as error:
        raise ClipDamaged(f"{path.name} cannot be read as a video: {_reason(error)}") from error
    with container:
        stream = next(iter(container.streams.video), None)
        if stream is None or stream.codec_context is None:
            raise ClipDamaged(f"{path.name} holds no video that can be decoded")
        if not 0 < stream.codec_context.width * stream.codec_context.height <= _MAX_PIXELS:
            size = f"{stream.codec_context.width}×{stream.codec_context.height}"
            raise ClipDamaged(f"{path.name} says that its pictures are {size} pixels; that is not decoded")
        try:
            yield container, stream
        except av.error.FFmpegError as error:
            raise ClipDamaged(f"{path.name} cannot be read as a video: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error)[:200]


def survey(path: Path) -> Survey:
    """Frame times and keyframes, from the index where there is a whole one, else from the packets."""
    with open_clip(path) as (container, stream):
        size = path.stat().st_size
        entries = list(islice(stream.index_entries, _MAX_FRAMES))
        if entries and len(entries) == stream.frames:
            within = [e for e in entries if e.pos + e.size <= size and not e.is_discard]
            stamps = [(e.timestamp, e.is_keyframe) for e in within]
            whole = len(within) == len(entries)
        else:
            stamps, whole = _from_packets(container, stream)
        if not stamps:
            raise ClipDamaged(f"{path.name} holds no frames; its recording was probably cut off at once")
        base = float(stream.time_base)
    first = min(stamp for stamp, _ in stamps)
    times = sorted((stamp - first) * base for stamp, _ in stamps)
    keys = sorted((stamp - first) * base for stamp, key in stamps if key)
    step = (times[-1] - times[0]) / (len(times) - 1) if len(times) > 1 else 0.04
    duration = times[-1] + step
    widest = max((b - a for a, b in pairwise([0.0, *keys, duration])), default=duration)
    return Survey(times, duration, widest <= KEYFRAME_GAP, whole)


def _from_packets(container: Any, stream: Any) -> tuple[list[tuple[int, bool]], bool]:
    """Time stamps by reading the whole file: for containers without an index."""
    stamps: list[tuple[int, bool]] = []
    try:
        for packet in islice(container.demux(stream), _MAX_FRAMES):
            stamp = packet.pts if packet.pts is not None else packet.dts
            if stamp is not None and packet.size:
                stamps.append((stamp, packet.is_keyframe))
    except av.error.FFmpegError:
        return stamps, False
    return stamps, True


def looks(path: Path, seen: Survey, *, per_second: float, width: int) -> Iterator[Look]:
    """Looks at the whole clip in order: its keyframes where they are dense enough, else `per_second`.

    Raises `ClipDamaged` when not one frame can be decoded.
    """
    with open_clip(path) as (container, stream):
        if seen.keyframes:
            stream.codec_context.skip_frame = "NONKEY"
            if hasattr(stream, "discard"):  # PyAV 16 and newer: the other frames are not even read
                stream.discard = av.stream.Discard.nonkey
        elif len(seen.times) > 5 * per_second * seen.duration:
            stream.codec_context.skip_frame = "NONREF"  # see `between`
        spacing = 0.4 / per_second if seen.keyframes else 1 / per_second
        found = False
        for look in _sample(container.demux(stream), stream, seen, spacing, width):
            found = True
            yield look
    if not found:
        raise ClipDamaged(f"not one frame of {path.name} can be decoded; its picture data is damaged")


def between(
    path: Path, seen: Survey, begin: float, end: float, *, per_second: float, width: int
) -> Iterator[Look]:
    """Looks at one stretch of a clip (seconds), `per_second`, whatever lies between the keyframes."""
    with open_clip(path) as (container, stream):
        start = stream.start_time or 0
        container.seek(start + int(begin / float(stream.time_base)), stream=stream, backward=True)
        packets = _needed(container.demux(stream), stream, begin, 1 / per_second)
        yield from _sample(packets, stream, seen, 1 / per_second, width, begin, end)


def _needed(packets: Iterator[Any], stream: Any, begin: float, spacing: float) -> Iterator[Any]:
    """Of each group of frames the packets up to the last one that is looked at.

    Of these, frames that no other needs are skipped by the decoder unless they are looked at themselves.
    """
    base, context = float(stream.time_base), stream.codec_context
    first = (stream.start_time or 0) * base
    due = begin
    for group in _groups(packets):
        starts = [None if packet.pts is None else packet.pts * base - first for packet in group]
        times = sorted(start for start in starts if start is not None)
        wanted: set[float] = set()
        while times and due <= times[-1] + _EARLY:
            wanted.add(times[bisect_left(times, due - _EARLY)])
            due = _next(due, max(wanted), spacing)
        last = max((i for i, start in enumerate(starts) if start in wanted), default=-1)
        for i, (packet, start) in enumerate(zip(group, starts, strict=True)):
            if i <= last or not packet.size:  # an empty packet asks for what the decoder still holds
                context.skip_frame = "DEFAULT" if start in wanted else "NONREF"
                yield packet


def _groups(packets: Iterator[Any]) -> Iterator[list[Any]]:
    """Packets from one keyframe to before the next; a group without an end is given in parts."""
    group: list[Any] = []
    for packet in packets:
        if group and (packet.is_keyframe or len(group) >= _MAX_GROUP):
            yield group
            group = []
        group.append(packet)
    if group:
        yield group


def _next(due: float, seconds: float, spacing: float) -> float:
    """When the next look is due after one at `seconds`: on an even grid, unless frames come too rarely."""
    return max(due + spacing, seconds + spacing / 2)


def _sample(
    packets: Iterator[Any],
    stream: Any,
    seen: Survey,
    spacing: float,
    width: int,
    begin: float = 0.0,
    end: float = float("inf"),
) -> Iterator[Look]:
    """Decode in order and make a look whenever `spacing` seconds have passed."""
    stream.thread_type = "AUTO"
    # Without deblocking the pictures are a little coarser and decoding is a quarter faster.
    stream.codec_context.options = {"skip_loop_filter": "all"}
    base = float(stream.time_base)
    first = (stream.start_time or 0) * base
    due = begin
    for frame in _frames(packets, []):
        if frame.pts is None:
            continue
        seconds = max(0.0, frame.pts * base - first)
        if seconds >= end:
            return
        if seconds + _EARLY < due:
            continue
        due = _next(due, seconds, spacing)
        rgb = small_rgb(frame, width)
        yield Look(seen.frame_at(seconds), seconds, rgb, cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY))


def decoded(container: Any, stream: Any, damaged: list[str] | None = None) -> Iterator[Any]:
    """Frames in order. Packets that cannot be decoded are left out, their reasons go to `damaged`."""
    return _frames(container.demux(stream), damaged if damaged is not None else [])


def _frames(packets: Iterator[Any], failures: list[str]) -> Iterator[Any]:
    while len(failures) < _MAX_DAMAGED:
        try:
            packet = next(packets, None)
        except av.error.FFmpegError as error:  # the file ends in the middle of something
            failures.append(_reason(error))
            return
        if packet is None:
            return
        try:
            yield from packet.decode()
        except av.error.EOFError:
            return
        except av.error.FFmpegError as error:
            failures.append(_reason(error))


def small_rgb(frame: Any, width: int) -> Picture:
    """A frame as H×W×3 RGB at most `width` wide, turned the way it is meant to be seen."""
    wide = min(width, frame.width)
    high = max(1, round(frame.height * wide / frame.width))
    rgb = frame.reformat(width=wide, height=high, format="rgb24", interpolation="AREA").to_ndarray()
    return upright(rgb, frame.rotation)


def upright(rgb: Picture, rotation: int) -> Picture:
    """Turn a picture by the display rotation (degrees counterclockwise, in quarters)."""
    quarters = round((rotation or 0) / 90) % 4
    return np.ascontiguousarray(np.rot90(rgb, quarters)) if quarters else rgb
