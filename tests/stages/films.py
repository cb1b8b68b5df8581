"""H.264 clips for tests, drawn frame by frame as a camera would write them."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]


def write_film(
    path: Path,
    pictures: Iterable[Picture],
    *,
    fps: int = 10,
    times: list[float] | None = None,
    keyframe_every: int = 10,
    rotation: int = 0,
    sound: bool = False,
    pix_fmt: str = "yuv420p",
    b_frames: int = 0,
) -> Path:
    """Write RGB pictures, `times` (seconds) instead of an even rate; `sound` adds a tone as AAC."""
    path.parent.mkdir(parents=True, exist_ok=True)
    seconds = 0.0
    with av.open(str(path), "w", format="mp4") as out:
        video = out.add_stream(
            "libx264", rate=fps, options={"preset": "ultrafast", "crf": "20", "bf": str(b_frames)}
        )
        tone = out.add_stream("aac", rate=48000) if sound else None
        video.pix_fmt = pix_fmt
        video.codec_context.time_base = Fraction(1, 1000)
        video.codec_context.gop_size = keyframe_every
        for number, picture in enumerate(pictures):
            if number == 0:
                video.height, video.width = picture.shape[:2]
                if rotation:
                    video.set_display_rotation(rotation)
            seconds = times[number] if times else number / fps
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            frame.pts, frame.time_base = round(seconds * 1000), Fraction(1, 1000)
            out.mux(video.encode(frame))
        out.mux(video.encode(None))
        if tone is not None:
            for start in range(0, round(seconds * 48000), 1024):
                wave = np.sin(np.arange(start, start + 1024) / 20, dtype=np.float32)[None]
                sample = av.AudioFrame.from_ndarray(wave, format="fltp", layout="mono")
                sample.sample_rate, sample.pts = 48000, start
                out.mux(tone.encode(sample))
            out.mux(tone.encode(None))
    return path


def scene(seed: int = 1, size: tuple[int, int] = (320, 180)) -> Picture:
    """A still picture with edges everywhere, as a street has."""
    rough = np.random.default_rng(seed).integers(40, 220, (9, 16, 3), np.uint8)
    return cv2.resize(rough, size, interpolation=cv2.INTER_NEAREST)


def still(seconds: float, fps: int = 10, picture: Picture | None = None) -> list[Picture]:
    """The same picture for so long."""
    return [scene() if picture is None else picture] * round(seconds * fps)


def passing(picture: Picture, seconds: float, fps: int = 10) -> list[Picture]:
    """A small box crosses a picture from left to right, as a far car does."""
    count = round(seconds * fps)
    return [with_box(picture, round(i / count * picture.shape[1])) for i in range(count)]


def with_box(picture: Picture, left: int) -> Picture:
    """A picture with a bright box of a tenth of its width."""
    out = picture.copy()
    height, width = out.shape[:2]
    out[height // 2 : height // 2 + height // 8, left : left + width // 10] = (250, 250, 240)
    return out


def times_of(path: Path) -> list[float]:
    """The seconds of all frames that can be decoded, in order."""
    with av.open(str(path)) as clip:
        return [float(frame.time) for frame in clip.decode(video=0)]


def pictures_of(
    path: Path,
) -> list[Picture]:
    """All frames as RGB."""
    with av.open(str(path)) as clip:
        return [frame.to_ndarray(format="rgb24") for frame in clip.decode(video=0)]
