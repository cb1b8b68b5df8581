"""Coding a film anew, with colour clouds over what is not to be seen."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from stages.errors import ClipDamaged, StageFailed
from stages.export.cut import Stretch
from stages.export.sources import fits
from stages.export.zones import Zones
from stages.video.looks import decoded, open_clip, upright
from stages.vision.boxes import Box

Progress = Callable[[float, str], None]
Plane = NDArray[np.uint8]

_TICKS = 90_000
_EARLY = 1e-3  # seconds by which a frame may come before the wanted moment
_CELLS = 4, 2  # across and down: what is left of a plate, far fewer than it has characters
_TELL_EVERY = 10  # frames


class Film(NamedTuple):
    """What was written: frames, seconds, and where each stretch begins in it (seconds)."""

    frames: int
    seconds: float
    begins: list[float]
    left_out: list[str]


def write_film(
    stretches: Sequence[Stretch],
    zones: Sequence[Zones],
    target: Path,
    *,
    sound: bool = False,
    start_utc: datetime | None = None,
    crf: int = 20,
    preset: str = "veryfast",
    progress: Progress = lambda _fraction, _note: None,
) -> Film:
    """Write the stretches, exact to the frame, as one H.264 film with their zones blurred.

    All have the first one's size. Without `sound` there is none; AAC is copied, other sound left out. Nothing
    of the clips' metadata is taken over; `start_utc` writes a date. Raises `ClipDamaged`, `StageFailed`,
    OSError (disk).
    """
    try:
        with ExitStack() as stack:
            film = _Writer(target, stack, sound, start_utc, {"crf": str(crf), "preset": preset})
            for number, (stretch, there) in enumerate(zip(stretches, zones, strict=True)):
                film.add(stretch, there, _share(progress, number, len(stretches)))
            return film.close()
    except av.error.FFmpegError as error:
        if isinstance(error, OSError) and error.errno:
            raise OSError(error.errno, error.strerror, str(target)) from error
        raise StageFailed(f"the blurred film cannot be written: {error}") from error


def _share(progress: Progress, number: int, count: int) -> Progress:
    """Progress of one of several equal parts."""
    return lambda fraction, note: progress((number + fraction) / count, note)


class _Writer:
    """One run of `write_film`."""

    def __init__(
        self, target: Path, stack: ExitStack, sound: bool, start_utc: datetime | None, options: dict[str, str]
    ) -> None:
        self._out = stack.enter_context(
            av.open(str(target), "w", format="mp4", options={"movflags": "+faststart"})
        )
        if start_utc is not None:
            self._out.metadata["creation_time"] = f"{start_utc.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
        self._wants_sound, self._options = sound, options
        self._encoder: Any = None
        self._sound: Any = None
        self._last, self._last_sound = -1, -1
        self._frames = 0
        self._at = Fraction(0)
        self._begins: list[float] = []
        self._left_out: list[str] = []

    def add(self, stretch: Stretch, zones: Zones, tell: Progress) -> None:
        with open_clip(stretch.path) as (clip, video):
            video.thread_type = "AUTO"
            first = _go_to(clip, video, stretch.begin)
            length = (stretch.end or float(clip.duration or 0) / av.time_base) - stretch.begin
            origin: float | None = None
            shown = 0.0
            rate = float(video.average_rate or video.guessed_rate or 25)
            for number, frame in enumerate(decoded(clip, video)):
                seconds = number / rate if frame.pts is None else float(frame.pts * frame.time_base) - first
                if seconds < stretch.begin - _EARLY:
                    continue
                if stretch.end is not None and seconds >= stretch.end - _EARLY:
                    break
                if origin is None:
                    origin = seconds
                    self._begins.append(float(self._at))
                    self._open(clip, video, frame)
                shown = seconds - origin
                self._encode(frame, zones.at(seconds), self._at + Fraction(shown))
                if self._frames % _TELL_EVERY == 0:
                    tell(min(1.0, shown / length) if length > 0 else 0.5, f"{self._frames} frames")
        if origin is None:
            raise ClipDamaged(
                f"no picture of {stretch.path.name} can be decoded from second {stretch.begin:.1f} on"
            )
        if self._sound is not None:
            self._copy_sound(stretch, first + origin, first + origin + shown)
        self._at += Fraction(shown) + 1 / Fraction(self._encoder.codec_context.framerate)

    def _open(self, clip: Any, video: Any, frame: Any) -> None:
        """Before the first picture: what is written is decided by it."""
        if self._encoder is not None:
            return
        rate = video.average_rate or video.guessed_rate or Fraction(30)
        rate = rate if 1 <= rate <= 240 else Fraction(30)
        stream = self._out.add_stream("libx264", rate=rate, options=self._options)
        turned = round((frame.rotation or 0) / 90) % 2
        wide, high = (frame.height, frame.width) if turned else (frame.width, frame.height)
        stream.width, stream.height, stream.pix_fmt = max(2, wide & ~1), max(2, high & ~1), "yuv420p"
        if not turned and video.sample_aspect_ratio:
            stream.codec_context.sample_aspect_ratio = video.sample_aspect_ratio
        stream.codec_context.time_base = Fraction(1, _TICKS)
        stream.codec_context.gop_size = max(1, round(rate * 2))
        self._encoder = stream
        if self._wants_sound:
            self._sound = self._sound_stream(clip)

    def _sound_stream(self, clip: Any) -> Any:
        for stream in clip.streams.audio[:1]:
            if (
                stream.codec_context is not None
                and stream.codec_context.name == "aac"
                and fits(stream, "mp4")
            ):
                return self._out.add_stream_from_template(stream, opaque=True)
            self._left_out.append("the sound is not AAC and was left out")
        return None

    def _encode(self, frame: Any, boxes: list[Box], at: Fraction) -> None:
        now = round(at * _TICKS)
        if now <= self._last:
            return  # a clock that stands still or goes back: the earlier picture stays
        context = self._encoder.codec_context
        picture = _planes(frame, context.width, context.height)
        across, down = context.width / _width(frame), context.height / _height(frame)
        for x1, y1, x2, y2 in boxes:
            cloud(picture, context.width, context.height, (x1 * across, y1 * down, x2 * across, y2 * down))
        made = av.VideoFrame.from_ndarray(picture, format="yuv420p")
        made.pts, made.time_base = now, Fraction(1, _TICKS)
        made.color_range = 1  # the narrow one of television, which browsers expect
        self._last = now
        self._frames += 1
        self._out.mux(self._encoder.encode(made))

    def _copy_sound(self, stretch: Stretch, begin: float, end: float) -> None:
        """The sound between two moments of the clip's own clock."""
        with open_clip(stretch.path) as (clip, _):
            if not clip.streams.audio:
                return
            stream = clip.streams.audio[0]
            for packet in _until_broken(clip.demux(stream)):
                if packet.pts is None or not packet.size or not begin <= packet.pts * packet.time_base < end:
                    continue
                stamp = packet.pts + round((self._at - Fraction(begin)) / packet.time_base)
                if stamp <= self._last_sound or stamp < 0:
                    continue
                self._last_sound = packet.pts = packet.dts = stamp
                packet.stream = self._sound
                self._out.mux(packet)

    def close(self) -> Film:
        self._out.mux(self._encoder.encode(None))
        return Film(self._frames, float(self._at), self._begins, self._left_out)


def _until_broken(found: Iterator[Any]) -> Iterator[Any]:
    while True:
        try:
            packet = next(found, None)
        except av.error.FFmpegError:
            return  # the file breaks off here
        if packet is None:
            return
        yield packet


def _go_to(clip: Any, video: Any, seconds: float) -> float:
    """Seek to before a moment; returns the time of the first picture on the clip's own clock."""
    first = float((video.start_time or 0) * video.time_base)
    # Elsewhere a seek may land behind the moment: there the clip is decoded from its beginning.
    if seconds > 2 and clip.format.name.startswith("mov"):
        clip.seek(int((first + seconds - 1) / video.time_base), stream=video, backward=True)
    return first


def _width(frame: Any) -> int:
    return int(frame.height if round((frame.rotation or 0) / 90) % 2 else frame.width)


def _height(frame: Any) -> int:
    return int(frame.width if round((frame.rotation or 0) / 90) % 2 else frame.height)


def _planes(frame: Any, width: int, height: int) -> Plane:
    """A frame upright as yuv420p: H·3/2 × W, brightness above the two colours."""
    if round((frame.rotation or 0) / 90) % 4:
        rgb = upright(frame.to_ndarray(format="rgb24"), frame.rotation)
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24")
    small = frame.reformat(width=width, height=height, format="yuv420p", dst_color_range="MPEG")
    planes: Plane = small.to_ndarray()
    return planes


def cloud(picture: Plane, width: int, height: int, box: Box) -> None:
    """Put a colour cloud over a box (pixels) of a yuv420p picture: its colours, not its text."""
    x1, y1 = max(0, int(box[0]) & ~1), max(0, int(box[1]) & ~1)
    x2, y2 = min(width, (int(box[2]) + 3) & ~1), min(height, (int(box[3]) + 3) & ~1)
    if x2 - x1 < 2 or y2 - y1 < 2:
        return
    flat = picture.reshape(-1)
    size, quarter = width * height, width * height // 4
    _smear(flat[:size].reshape(height, width)[y1:y2, x1:x2])
    for start in (size, size + quarter):
        plane = flat[start : start + quarter].reshape(height // 2, width // 2)
        _smear(plane[y1 // 2 : y2 // 2, x1 // 2 : x2 // 2])


def _smear(part: Plane) -> None:
    high, wide = part.shape
    cells = min(_CELLS[0], wide), min(_CELLS[1], high)
    small = cv2.resize(np.ascontiguousarray(part), cells, interpolation=cv2.INTER_AREA)
    part[:] = cv2.resize(small, (wide, high), interpolation=cv2.INTER_LINEAR)
