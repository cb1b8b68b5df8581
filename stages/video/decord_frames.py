"""The second reader of chosen frames, by decord. Its FFmpeg is of 2018, so it is used only when asked for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stages.errors import BadInput, ClipDamaged

_EARLY = 1e-3


def decord_frames(clip: Path, wanted: list[float] | None) -> Iterator[tuple[int, float, NDArray[np.uint8]]]:
    """As `stages.video.frames.frames_at`: (number, seconds, H×W×3 RGB) of each wanted frame."""
    try:
        import decord
    except ImportError as error:
        raise BadInput("the reader decord is not installed here; set reader = 'av'") from error
    failure = decord.DECORDError
    try:
        video = decord.VideoReader(str(clip), num_threads=1)
        starts = _starts(video)
        for number in _numbers(starts, wanted):
            image = np.ascontiguousarray(video[number].asnumpy())
            yield number, float(starts[number]), image
    except failure as error:
        reason = str(error).strip().splitlines()[0][:200] if str(error).strip() else "unknown"
        raise ClipDamaged(f"{clip.name} cannot be read as a video by decord: {reason}") from error


def _starts(video: Any) -> NDArray[np.float64]:
    """Seconds of each frame from the first one."""
    times = np.asarray(video.get_frame_timestamp(range(len(video))), np.float64)[:, 0]
    return times - times[0] if len(times) else times


def _numbers(starts: NDArray[np.float64], wanted: list[float] | None) -> list[int]:
    if wanted is None:
        return list(range(len(starts)))
    found = np.searchsorted(starts, np.array(wanted) - _EARLY)
    return [int(number) for number in dict.fromkeys(found.tolist()) if number < len(starts)]
