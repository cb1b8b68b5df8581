"""The preprocess stage on a rendered 1080p drive, beside its limit: decoding that clip's keyframes and nothing else.

Run: `python tests/bench/preprocess.py [SECONDS]`. Prints medians of three runs and their ratio.
"""

import statistics
import sys
import tempfile
import time
from pathlib import Path

import av

from stages.files import MARKER, HostPlaces, Place
from stages.preprocess import PreprocessStage
from stages.runner import HostWork
from stages.settings import PreprocessSettings
from stages.task import FileRef, Task, TaskType
from stages.video.render import render_drive

RUNS = 3


def keyframes(clip: Path) -> None:
    """Decode every keyframe of a clip: what no preprocessing can do without."""
    with av.open(str(clip)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        stream.codec_context.skip_frame = "NONKEY"
        for _ in container.decode(stream):
            pass


def preprocess(root: Path, clip: Path, number: int) -> None:
    """Run the stage as a worker does, without a detector model."""
    places = HostPlaces({"bench": Place(name="bench", root=str(root))})
    scratch = root / "scratch"
    work = HostWork(places, PreprocessSettings(), scratch, root / "no-models", lambda _: None)
    raw = FileRef("bench", f"/{clip.name}", type="video")
    task = Task(
        task_id=number,
        task_type=TaskType.PREPROCESS_VIDEO,
        video_id=f"bench-{number}",
        inputs=[raw],
        metadata={"blake2": f"run {number}"},
        lease=1,
    )
    scratch.mkdir(exist_ok=True)
    PreprocessStage().run(task, work)


def timed(action) -> float:
    """Seconds of one call."""
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def main() -> None:
    """Render, measure, print."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 20.0
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / MARKER).write_text("bench")
        clip = render_drive(root, seed=1, seconds=seconds, width=1920, height=1080, fps=30).clip
        ours = statistics.median(timed(lambda n=n: preprocess(root, clip, n)) for n in range(1, RUNS + 1))
        limit = statistics.median(timed(lambda: keyframes(clip)) for _ in range(RUNS))
    print(f"preprocess  {ours:6.2f} s  {seconds / ours:6.1f} x real time")
    print(f"keyframes   {limit:6.2f} s  {seconds / limit:6.1f} x real time")
    print(f"ratio       {ours / limit:6.2f}")


if __name__ == "__main__":
    main()
