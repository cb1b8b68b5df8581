"""A small H.264 copy of a clip that browsers play, and the check that it is a good one."""

from __future__ import annotations

import errno
import struct
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np

from stages.errors import ClipDamaged, StageFailed
from stages.video.looks import open_clip, upright

Progress = Callable[[float, str], None]

#: Ticks per second of the copy: fine enough that no frame's time is moved.
_TICKS = 90_000
_MAX_DAMAGED = 100_000
_TELL_EVERY = 10  # frames
_DISK = {errno.ENOSPC, errno.EROFS, errno.EIO, errno.EACCES, errno.EDQUOT, errno.ESTALE}


class Transcoded(NamedTuple):
    """What came of a clip. `damaged` counts packets that were skipped; `reasons` are the first few."""

    frames: int
    seconds: float
    width: int
    height: int
    damaged: int
    reasons: list[str]
    audio: bool


def transcode(
    source: Path,
    target: Path,
    *,
    height: int = 720,
    crf: int = 26,
    preset: str = "veryfast",
    progress: Progress | None = None,
) -> Transcoded:
    """Write `target`: H.264, yuv420p, at most `height` high, the index first, frame times kept.

    Rotation is applied to the pictures. AAC sound is copied, other sound is left out. A clip that breaks
    off is copied up to there. Raises `ClipDamaged` when not one frame can be decoded, `StageFailed` when the
    encoder refuses, OSError when the disk does.
    """
    with open_clip(source) as (clip, video):
        video.thread_type = "AUTO"
        try:
            with av.open(str(target), "w", format="mp4", options={"movflags": "+faststart"}) as out:
                copy = _Copy(source, clip, video, out, height, {"crf": str(crf), "preset": preset})
                copy.run(progress or _silent)
                done = copy.summary()
        except av.error.FFmpegError as error:  # what cannot be read was skipped, so this is about writing
            if isinstance(error, OSError) and error.errno in _DISK:
                raise OSError(error.errno, error.strerror, str(target)) from error
            raise StageFailed(f"the copy of {source.name} cannot be encoded: {error}") from error
    return done


def _silent(fraction: float, note: str) -> None:
    del fraction, note


class _Copy:
    """One run of `transcode`: what both streams have to remember between packets."""

    def __init__(
        self, source: Path, clip: Any, video: Any, out: Any, height: int, options: dict[str, str]
    ) -> None:
        self._source, self._clip, self._video, self._out = source, clip, video, out
        self._limit, self._options = height, options
        self._base = float(video.time_base)
        self._start: float | None = None  # the first picture's time, which becomes 0
        self._sound = _aac(clip)
        self._encoder: Any = None
        self._sound_out: Any = None
        self._last = -1
        self._last_sound: int | None = None
        self._frames = 0
        self._damaged: list[str] = []
        self._skipped = 0

    def run(self, progress: Progress) -> None:
        """Read packets in the file's order; write pictures and sound."""
        wanted = [self._video] if self._sound is None else [self._video, self._sound]
        length = float(self._clip.duration or 0) / av.time_base
        waiting: list[Any] = []  # sound before the first picture: the copy's header needs that picture's size
        for packet in self._packets(self._clip.demux(wanted)):
            if packet.stream is not self._video:
                waiting.append(packet)
                if self._encoder is not None or len(waiting) > 500:
                    waiting = self._mux_sound(waiting)
                continue
            for frame in self._decoded(packet):
                self._encode(frame)
                if self._frames % _TELL_EVERY == 0:
                    done = self._last / _TICKS / length if length > 0 else 0.5
                    progress(min(1.0, done), f"{self._frames} frames")
            progress(min(1.0, self._last / _TICKS / length) if length > 0 and self._last > 0 else 0.0, "")
        if self._encoder is None:
            reason = f": {self._damaged[0]}" if self._damaged else ""
            raise ClipDamaged(f"not one frame of {self._source.name} can be decoded{reason}")
        self._mux_sound(waiting)
        self._out.mux(self._encoder.encode(None))

    def _packets(self, demuxed: Any) -> Any:
        while True:
            try:
                packet = next(demuxed, None)
            except av.error.FFmpegError as error:  # the file breaks off here: what came before stands
                self._note(error)
                return
            if packet is None or self._skipped > _MAX_DAMAGED:
                return
            yield packet

    def _decoded(self, packet: Any) -> list[Any]:
        try:
            return list(packet.decode())
        except av.error.EOFError:
            return []
        except av.error.FFmpegError as error:
            self._note(error)
            return []

    def _note(self, error: Exception) -> None:
        self._skipped += 1
        if len(self._damaged) < 5:
            self._damaged.append(str(error)[:200])

    def _encode(self, frame: Any) -> None:
        picture = self._scaled(frame)
        if self._encoder is None:
            self._encoder = self._open(picture)
        now = (
            0 if self._last < 0 else self._last + round(_TICKS / float(self._encoder.codec_context.framerate))
        )
        if frame.pts is not None:
            self._start = frame.pts * self._base if self._start is None else self._start
            now = round((frame.pts * self._base - self._start) * _TICKS)
        if now <= self._last:
            return  # a clock that stands still or goes back: the earlier picture stays
        self._last = now
        picture.pts, picture.time_base = now, Fraction(1, _TICKS)
        self._frames += 1
        self._out.mux(self._encoder.encode(picture))

    def _scaled(self, frame: Any) -> Any:
        """The frame upright and small; all frames have the first one's size."""
        if round((frame.rotation or 0) / 90) % 4:
            rgb = upright(frame.to_ndarray(format="rgb24"), frame.rotation)
            turned = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24")
            aspect = Fraction(1)
        else:
            turned, aspect = frame, self._video.sample_aspect_ratio or Fraction(1)
        if self._encoder is None:
            size = _fitted(turned.width, turned.height, aspect, self._limit)
        else:
            size = self._encoder.codec_context.width, self._encoder.codec_context.height
        # Cameras write full-range pictures; browsers expect the narrow one of television.
        return turned.reformat(
            width=size[0], height=size[1], format="yuv420p", interpolation="BICUBIC", dst_color_range="MPEG"
        )

    def _open(self, picture: Any) -> Any:
        rate = self._video.average_rate or self._video.guessed_rate or Fraction(30)
        rate = rate if 1 <= rate <= 240 else Fraction(30)
        stream = self._out.add_stream("libx264", rate=rate, options=self._options)
        stream.width, stream.height, stream.pix_fmt = picture.width, picture.height, "yuv420p"
        stream.codec_context.time_base = Fraction(1, _TICKS)
        stream.codec_context.gop_size = max(1, round(rate * 2))
        if self._sound is not None:
            try:
                self._sound_out = self._out.add_stream_from_template(self._sound)
            except (ValueError, av.error.FFmpegError):
                self._sound = None
        return stream

    def _mux_sound(self, packets: list[Any]) -> list[Any]:
        """Copy sound packets; from the first one that does not fit the copy goes on without sound."""
        for packet in packets:
            if self._sound_out is None or packet.dts is None or not packet.size:
                continue
            shift = round((self._start or 0.0) / float(packet.time_base))
            stamp = packet.dts - shift
            if stamp < 0 or (self._last_sound is not None and stamp <= self._last_sound):
                continue
            self._last_sound = stamp
            packet.dts = packet.pts = stamp
            packet.stream = self._sound_out
            try:
                self._out.mux(packet)
            except (ValueError, av.error.FFmpegError) as error:
                self._note(error)
                self._sound_out = None
        return []

    def summary(self) -> Transcoded:
        """What was written."""
        context = self._encoder.codec_context
        seconds = self._last / _TICKS + 1 / float(context.framerate)
        sound = self._sound_out is not None and self._last_sound is not None
        return Transcoded(
            self._frames, seconds, context.width, context.height, self._skipped, self._damaged, sound
        )


def _aac(clip: Any) -> Any | None:
    """The first sound stream if it is AAC that says how it sounds."""
    for stream in clip.streams.audio:
        context = stream.codec_context
        if context is not None and context.name == "aac" and context.sample_rate and context.extradata:
            return stream
    return None


def _fitted(width: int, height: int, aspect: Fraction, limit: int) -> tuple[int, int]:
    """The copy's size: square pixels, even, never larger than the clip."""
    wide = width * float(aspect) if Fraction(1, 4) <= aspect <= 4 else float(width)
    scale = min(1.0, limit / height)
    return max(2, round(wide * scale / 2) * 2), max(2, int(height * scale / 2) * 2)


def verify(path: Path, seconds: float, tolerance: float = 0.5) -> None:
    """Check a copy: the index comes first, first and last frames decode, the length is right.

    Raises `StageFailed` (worth trying again) with what is wrong.
    """
    order = top_level(path)
    if "moov" not in order or "mdat" not in order or order.index("moov") > order.index("mdat"):
        raise StageFailed(f"{path.name} was written with its index at the end; try again", retry=True)
    try:
        with open_clip(path) as (clip, stream):
            first = next(clip.decode(stream), None)
            clip.seek(stream.duration or 0, stream=stream, backward=True)
            last = None
            for frame in clip.decode(stream):
                last = frame
    except (ClipDamaged, av.error.FFmpegError) as error:
        raise StageFailed(f"{path.name} was written and cannot be read back: {error}", retry=True) from error
    if first is None or last is None or last.time is None:
        raise StageFailed(f"{path.name} was written and has no pictures; try again", retry=True)
    if abs(last.time - seconds) > tolerance + 0.01 * seconds:
        raise StageFailed(
            f"{path.name} is {last.time:.1f} s long instead of {seconds:.1f} s; try again", retry=True
        )


def top_level(path: Path, limit: int = 1000) -> list[str]:
    """The names of an MP4's outermost boxes in order, up to the first that makes no sense."""
    names: list[str] = []
    size, at = path.stat().st_size, 0
    with path.open("rb") as file:
        while at + 8 <= size and len(names) < limit:
            file.seek(at)
            head = file.read(16)
            length = int(struct.unpack(">I", head[:4])[0])
            if length == 1 and len(head) == 16:
                length = int(struct.unpack(">Q", head[8:])[0])
            names.append(head[4:8].decode("latin-1"))
            if length == 0 or length < 8:
                break
            at += length
    return names
