"""The preprocess stage on rendered 1080p30 clips, beside its limit: decoding their keyframes and nothing else.

Run: `python tests/bench/preprocess.py [SECONDS] [--models DIR] [--json]`. Two clips with a keyframe a second: a drive,
and a stretch in which we stand behind a car and only the sensor's noise changes. Medians of three runs: times real
time, keyframes alone likewise, and the ratio of the two. `cpu` is real time over processor time: what one core does.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from stages.files import MARKER, HostPlaces, Place
from stages.preprocess import PreprocessStage
from stages.runner import HostWork
from stages.settings import PreprocessSettings
from stages.task import FileRef, Task, TaskType
from stages.video.render import render_drive, render_still

RUNS = 3
FPS = 30


def parked(path: Path, seconds: float) -> Path:
    """A clip of one view, with noise that is never the same twice in a row."""
    view, _ = render_still(seed=4, width=1920, height=1080, distance=6.0)
    noise = np.random.default_rng(1)
    grain = [noise.integers(0, 7, view.shape, np.uint8) for _ in range(7)]

    def pictures() -> Iterator[NDArray[np.uint8]]:
        for number in range(round(seconds * FPS)):
            yield cv2.add(view, grain[number % len(grain)])

    with av.open(str(path), "w", format="mp4") as out:
        stream = out.add_stream("libx264", rate=FPS, options={"preset": "ultrafast", "crf": "21"})
        stream.width, stream.height, stream.pix_fmt = 1920, 1080, "yuv420p"
        stream.codec_context.gop_size = FPS
        for picture in pictures():
            out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        out.mux(stream.encode(None))
    return path


def keyframes(clip: Path) -> None:
    """Decode every keyframe of a clip: what no preprocessing can do without."""
    with av.open(str(clip)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        stream.codec_context.skip_frame = "NONKEY"
        for _ in container.decode(stream):
            pass


class Bench:
    """A place, and the stage, kept warm."""

    def __init__(self, root: Path, models: Path) -> None:
        self._root, self._models = root, models
        self._places = HostPlaces({"bench": Place(name="bench", root=str(root))})
        self._stage = PreprocessStage()
        self._number = 0

    def run(self, clip: Path) -> None:
        """One clip, as a worker does it."""
        self._number += 1
        scratch = self._root / "scratch"
        scratch.mkdir(exist_ok=True)
        work = HostWork(self._places, PreprocessSettings(), scratch, self._models, lambda _: None)
        task = Task(
            task_id=self._number,
            task_type=TaskType.PREPROCESS_VIDEO,
            video_id=f"bench-{self._number}",
            inputs=[FileRef("bench", f"/{clip.name}", type="video")],
            metadata={"blake2": f"run {self._number}"},
            lease=1,
        )
        self._stage.run(task, work)


def timed(action) -> tuple[float, float]:
    """Seconds of one call, and of processor time in it."""
    began, spent = time.perf_counter(), time.process_time()
    action()
    return time.perf_counter() - began, time.process_time() - spent


def main() -> None:
    """Render, measure, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("seconds", nargs="?", type=float, default=20.0)
    parser.add_argument("--models", type=Path, help="folder of downloaded models; none without")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    figures = {}
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / MARKER).write_text("bench")
        drive = render_drive(root, seed=1, seconds=asked.seconds, width=1920, height=1080, fps=FPS).clip
        bench = Bench(root, asked.models or root / "no-models")
        bench.run(drive)  # loads what it needs
        for name, clip in (("drive", drive), ("parked", parked(root / "parked.mp4", asked.seconds))):
            runs = [
                (timed(lambda c=clip: bench.run(c)), timed(lambda c=clip: keyframes(c))) for _ in range(RUNS)
            ]
            ours, spent, limit = (
                statistics.median(values)
                for values in ([r[0][0] for r in runs], [r[0][1] for r in runs], [r[1][0] for r in runs])
            )
            figures[name] = {
                "times_real_time": round(asked.seconds / ours, 1),
                "cpu": round(asked.seconds / spent, 1),
                "keyframes_alone": round(asked.seconds / limit, 1),
                "ratio": round(ours / limit, 2),
            }
    if asked.json:
        print(json.dumps(figures, indent=1))
        return
    print(f"{'clip':<8} {'x real time':>12} {'cpu':>8} {'keyframes':>10} {'ratio':>6}")
    for name, row in figures.items():
        columns = (row["times_real_time"], row["cpu"], row["keyframes_alone"], row["ratio"])
        print("{:<8} {:>12} {:>8} {:>10} {:>6}".format(name, *columns))


if __name__ == "__main__":
    main()
