"""Chosen frames of a clip at full resolution.

A frame's number counts the decoded frames of the clip from 0, in the order in which they are shown.
"""

from __future__ import annotations

import bisect
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

import av
import numpy as np
from numpy.typing import NDArray

from stages.errors import BadInput, ClipDamaged

Image = NDArray[np.uint8]
Reader = Literal["av", "decord"]
Decoder = Literal["auto", "cpu", "cuda"]

#: A frame larger than this is refused: a header can claim any size.
MAX_PIXELS = 100_000_000
# A playlist that calls itself .mp4 could name other files or the network: only real containers are opened.
_OPTIONS = {
    "protocol_whitelist": "file",
    "format_whitelist": "mov,mp4,m4a,3gp,3g2,mj2,mpegts,matroska,webm,avi",
}
_MAX_PACKETS = 5_000_000
_SEEK_PAYS = 2.0  # seconds between wanted frames from which an index of the clip may pay
_SEEK_FRAMES = 12  # frames that are sooner decoded than sought past
_EARLY = 1e-3  # seconds by which a frame may come before the wanted instant


class Frame(NamedTuple):
    """One frame: its number, its time from the clip's first frame in seconds, H×W×3 RGB."""

    number: int
    seconds: float
    image: Image


def frames_at(
    clip: Path,
    seconds: Iterable[float] | None,
    reader: str = "av",
    *,
    decoder: Decoder = "cpu",
    notice: Callable[[str], None] | None = None,
) -> Iterator[Frame]:
    """The first frame at or after each instant, in order and each once; `None` = every frame.

    Rotation is applied, damaged packets are skipped, a clip that ends early ends the frames. Where `decoder`
    "cuda" (NVDEC) cannot, the CPU decodes and `notice` is told why; "auto" does the same in silence.
    Raises `ClipDamaged` when nothing can be read, `BadInput` for an unknown reader.
    """
    wanted = None if seconds is None else sorted(max(0.0, instant) for instant in seconds)
    if reader == "av":
        if decoder == "cpu":
            return _av_frames(clip, wanted)
        return _on_gpu(clip, wanted, notice if notice and decoder == "cuda" else lambda _: None)
    if reader == "decord":
        from stages.video.decord_frames import decord_frames

        return (Frame(*row) for row in decord_frames(clip, wanted))
    raise BadInput(f"the reader of frames is {reader!r}; it can be 'av' or 'decord'")


def _on_gpu(clip: Path, wanted: list[float] | None, notice: Callable[[str], None]) -> Iterator[Frame]:
    """NVDEC from the first frame on, or not at all: the two may differ in a last bit, never within a clip."""
    try:
        from av.codec.hwaccel import HWAccel  # PyAV 14 and newer

        frames = _av_frames(clip, wanted, hwaccel=HWAccel("cuda", allow_software_fallback=True))
        first = next(frames, None)
    # No GPU, no driver, or a codec that it does not know:
    except (ClipDamaged, NotImplementedError, ImportError) as error:
        reason = str(error.__cause__ or error)[:200]
        notice(f"decoder = 'cuda': no frame of {clip.name} was decoded by the GPU ({reason}); the CPU did")
        yield from _av_frames(clip, wanted)
        return
    if first is not None:
        yield first
        yield from frames


def _av_frames(clip: Path, wanted: list[float] | None, **how: Any) -> Iterator[Frame]:
    if wanted is not None and not wanted:
        return
    try:
        with av.open(str(clip.absolute()), options=_OPTIONS, metadata_errors="replace", **how) as container:
            if not container.streams.video or container.streams.video[0].codec_context is None:
                raise ClipDamaged(f"{clip.name} has no video stream")
            _check_size(clip, container.streams.video[0])
            yield from _walk(clip, container, wanted)
    except (av.error.FFmpegError, OSError) as error:
        raise ClipDamaged(f"{clip.name} cannot be read as a video: {error}") from error


def _check_size(clip: Path, stream: Any) -> None:
    width, height = int(stream.width or 0), int(stream.height or 0)
    if width * height > MAX_PIXELS:
        raise ClipDamaged(f"{clip.name} claims frames of {width}x{height} pixels, which no camera makes")


def _walk(clip: Path, container: Any, wanted: list[float] | None) -> Iterator[Frame]:
    """Decode straight through, or by an index where wanted frames lie far apart."""
    stream = container.streams.video[0]
    stream.thread_type = "AUTO"
    if wanted is None or _dense(wanted):
        count = 0
        for frame in _choose(_numbered(container, stream), wanted):
            count += 1
            yield frame
        if not count and (wanted is None or wanted[0] <= 0):
            raise ClipDamaged(f"{clip.name} holds no frame that can be decoded")
        return
    index = _index(container, stream)
    container.seek(0, stream=stream)
    if index is None:
        yield from _choose(_numbered(container, stream), wanted)
    else:
        yield from _by_index(container, stream, index, wanted)


def _dense(wanted: list[float]) -> bool:
    return all(b - a < _SEEK_PAYS for a, b in zip([0.0, *wanted], wanted, strict=False))


def _numbered(container: Any, stream: Any) -> Iterator[tuple[int, float, Any]]:
    """Every decoded frame with its number and seconds."""
    first: float | None = None
    rate = float(stream.average_rate or stream.guessed_rate or 25)
    for number, frame in enumerate(_decoded(container, stream)):
        time = number / rate if frame.pts is None else float(frame.pts * frame.time_base)
        first = time if first is None else first
        yield number, time - first, frame


def _decoded(container: Any, stream: Any) -> Iterator[Any]:
    """Frames in order; a packet that cannot be decoded is passed over."""
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
        except av.error.FFmpegError:
            packet = None  # the container breaks off here: what was decoded so far stands
        if packet is None:
            return
        try:
            yield from packet.decode()
        except av.error.FFmpegError:
            continue


def _choose(frames: Iterator[tuple[int, float, Any]], wanted: list[float] | None) -> Iterator[Frame]:
    place = 0
    for number, seconds, frame in frames:
        if wanted is None:
            yield Frame(number, seconds, _rgb(frame))
            continue
        if seconds + _EARLY < wanted[place]:
            continue
        yield Frame(number, seconds, _rgb(frame))
        while place < len(wanted) and wanted[place] <= seconds + _EARLY:
            place += 1
        if place == len(wanted):
            return


class _Index(NamedTuple):
    """Presentation times of all frames, ascending, and those of the keyframes (in time_base units)."""

    times: list[int]
    keys: list[int]
    time_base: float


def _index(container: Any, stream: Any) -> _Index | None:
    """Walk the packets without decoding; None where times are missing or double, so no number is sure."""
    times: list[int] = []
    keys: list[int] = []
    try:
        for packet in container.demux(stream):
            if packet.size == 0 or packet.is_discard:
                continue
            if packet.pts is None or packet.is_corrupt or len(times) >= _MAX_PACKETS:
                return None
            times.append(packet.pts)
            if packet.is_keyframe:
                keys.append(packet.pts)
    except av.error.FFmpegError:
        return None
    if not keys or len(set(times)) != len(times):
        return None
    return _Index(sorted(times), sorted(keys), float(stream.time_base))


def _by_index(container: Any, stream: Any, index: _Index, wanted: list[float]) -> Iterator[Frame]:
    """Jump to the keyframe before each wanted frame where that skips enough, and decode on from there."""
    targets = _targets(index, wanted)
    position = 0  # number of the next frame that decoding would give
    frames = _decoded(container, stream)
    for target in targets:
        key = index.keys[max(0, bisect.bisect_right(index.keys, index.times[target]) - 1)]
        if bisect.bisect_left(index.times, key) > position + _SEEK_FRAMES:
            container.seek(key, stream=stream)
            frames = _decoded(container, stream)
        for frame in frames:
            number = bisect.bisect_left(index.times, frame.pts) if frame.pts is not None else -1
            position = number + 1
            if number < target:
                continue
            # The wanted frame itself may be damaged: then the next one stands in for it.
            seconds = (index.times[number] - index.times[0]) * index.time_base
            yield Frame(number, seconds, _rgb(frame))
            break
        else:
            return


def _targets(index: _Index, wanted: list[float]) -> list[int]:
    """Numbers of the first frames at or after the wanted instants, each once."""
    starts = ((instant - _EARLY) / index.time_base + index.times[0] for instant in wanted)
    numbers = dict.fromkeys(bisect.bisect_left(index.times, start) for start in starts)
    return [number for number in numbers if number < len(index.times)]


def _rgb(frame: Any) -> Image:
    """H×W×3 RGB, turned the way the clip says it is to be shown."""
    image: Image = frame.to_ndarray(format="rgb24")
    turns = round(float(frame.rotation or 0) / 90) % 4
    return np.ascontiguousarray(np.rot90(image, turns)) if turns else image
