"""How fast clips are processed, and how that compares with the parts of the work and with a naive loop.

Run: `python tests/bench/pipeline.py [--seconds N] [--models DIR] [--runs N] [--2160p] [--json]`.

A drive with plates is rendered (1080p30 H.264, a keyframe a second), and on it are measured, each run anew and one
after the other: the frames that the heavy stage looks at decoded and nothing else; vehicles and plates found on those
frames, held in memory; the plates found read; the heavy stage as a worker runs it, its models loaded; the preprocess
stage. Once: the loop that a user would write with OpenCV's capture and RapidOCR, on the same frames. Figures are
medians of the runs, ratios are of the medians; threads as the settings' defaults have them.

With `--2160p` instead: a rendered 2160p30 HEVC clip of 30 Mbit/s (one channel), and with it two 1080p30 H.264 clips
(rear and interior: three channels) go through preprocess, heavy and archive with their default settings. Machine
minutes are minutes of wall time on this machine per hour of footage.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import cv2

from stages.archive import ArchiveStage
from stages.files import MARKER, HostPlaces, Place
from stages.heavy import HeavyStage, instants
from stages.preprocess import PreprocessStage
from stages.runner import HostWork
from stages.settings import ArchiveSettings, HeavySettings, PreprocessSettings
from stages.sighting import Sightings
from stages.stage import Result, Stage
from stages.task import FileRef, NewTask, Task, TaskType
from stages.video.frames import Frame, frames_at
from stages.video.render import Drive, render_drive
from stages.vision.boxes import Box, Image
from stages.vision.spotter import Seen, Spare, Spots, Spotter, load_spotter
from stages.vision.watch import watch

HEAVY = HeavySettings()


class Bench:
    """A folder with a place in it, and the stages, kept warm as in a worker's child."""

    def __init__(self, root: Path, models: Path) -> None:
        self.root, self.models = root, models
        (root / MARKER).write_text("bench")
        self.places = HostPlaces({"bench": Place(name="bench", root=str(root))})
        self.stages: dict[str, tuple[Stage, Any]] = {
            TaskType.PREPROCESS_VIDEO: (PreprocessStage(), PreprocessSettings()),
            TaskType.HEAVY_PROCESS_VIDEO: (HeavyStage(), HEAVY),
            TaskType.ARCHIVE_VIDEO: (ArchiveStage(), ArchiveSettings()),
        }
        self._number = 0

    def run(self, wanted: NewTask) -> tuple[Result, float]:
        """Do one task; its result and the seconds that it took."""
        self._number += 1
        stage, settings = self.stages[wanted.task_type]
        task = Task(
            task_id=self._number,
            task_type=wanted.task_type,
            video_id=wanted.video_id,
            inputs=wanted.inputs,
            metadata=wanted.metadata,
            lease=1,
        )
        work = HostWork(self.places, settings, self.root / "scratch", self.models, lambda _: None)
        work.scratch.mkdir(exist_ok=True)
        began = time.perf_counter()
        result = stage.run(task, work)
        return result, time.perf_counter() - began

    def first(self, clip: Path, name: str, *, kind: TaskType, channel: str = "front") -> NewTask:
        """A task for a clip below the place; ingest would have told its hash."""
        raw = FileRef("bench", f"/{clip.relative_to(self.root)}", type="video")
        return NewTask(
            task_type=kind, video_id=name, inputs=[raw], metadata={"blake2": name, "channel": channel}
        )

    def warm(self, clip: Path) -> None:
        """Load the models: a channel in which nothing is sought costs nothing else."""
        self.run(self.first(clip, "warm", kind=TaskType.PREPROCESS_VIDEO))
        self.run(self.first(clip, "warm-heavy", kind=TaskType.HEAVY_PROCESS_VIDEO, channel="interior"))


class Noting:
    """A spotter that notes what it was asked, so that the same can be asked again in parts."""

    def __init__(self, spotter: Spotter) -> None:
        self._spotter = spotter
        self.costly = spotter.costly
        self.found: list[tuple[Image, list[Box] | None, Spots]] = []

    def find(self, image: Image, near: list[Box] | None = None) -> Spots:
        """As `Spotter.find`."""
        spots = self._spotter.find(image, near)
        self.found.append((image, near, spots))
        return spots

    def read(self, image: Image, spots: Spots, frame: int, seconds: float, spare: Spare) -> Seen:
        """As `Spotter.read`."""
        return self._spotter.read(image, spots, frame, seconds, spare)


class Parts(NamedTuple):
    """The work of the heavy stage on one clip, taken apart."""

    clip: Path
    wanted: list[float]
    frames: list[Frame]
    spotter: Spotter
    found: list[tuple[Image, list[Box] | None, Spots]]

    def decode(self) -> None:
        """The frames, and nothing done with them."""
        for _ in frames_at(self.clip, self.wanted):
            pass

    def find(self) -> None:
        """Vehicles and plates, in order."""
        for image, near, _ in self.found:
            self.spotter.find(image, near)

    def read(self) -> None:
        """The texts, in order."""
        for image, _, spots in self.found:
            self.spotter.read(image, spots)


def parts_of(clip: Path, seconds: float, models: Path) -> Parts:
    """Decode, find and read once, and keep what each part needs."""
    wanted = instants(None, seconds, HEAVY.looks_per_second)
    frames = list(frames_at(clip, wanted))
    spotter = load_spotter(HEAVY, models)
    noting = Noting(spotter)
    watch(iter(frames), noting, HEAVY, lambda *_: None)  # type: ignore[arg-type]
    return Parts(clip, wanted, frames, spotter, noting.found)


def naive(clip: Path, numbers: set[int]) -> set[str]:
    """OpenCV's capture and RapidOCR on these frames: every text, as letters and digits only."""
    from rapidocr import RapidOCR

    engine = RapidOCR(params={"Global.log_level": "critical"})
    capture = cv2.VideoCapture(str(clip))
    texts: set[str] = set()
    number = 0
    while capture.grab():
        if number in numbers:
            found = engine(capture.retrieve()[1])
            texts.update("".join(filter(str.isalnum, text.upper())) for text in found.txts or ())
        number += 1
    capture.release()
    return texts


class Took(NamedTuple):
    """Seconds of one call, and of processor time that this process spent in it."""

    wall: float
    cpu: float


def timed(action: Callable[[], Any]) -> Took:
    """How long a call takes."""
    began, spent = time.perf_counter(), time.process_time()
    action()
    return Took(time.perf_counter() - began, time.process_time() - spent)


def measure(root: Path, models: Path, seconds: float, runs: int, *, with_naive: bool) -> dict[str, Any]:
    """The figures of the 1080p clip."""
    drive = render_drive(root, seed=1, seconds=seconds, width=1920, height=1080, fps=30)
    bench = Bench(root, models)
    bench.warm(drive.clip)
    parts = parts_of(drive.clip, seconds, models)
    results: list[Result] = []

    def stage(kind: TaskType, number: int) -> None:
        results.append(bench.run(bench.first(drive.clip, f"{kind}-{number}", kind=kind))[0])

    times: dict[str, list[Took]] = {}
    for number in range(runs):
        for name in ("decode", "find", "read"):
            times.setdefault(name, []).append(timed(getattr(parts, name)))
        for name, kind in (
            ("preprocess", TaskType.PREPROCESS_VIDEO),
            ("heavy", TaskType.HEAVY_PROCESS_VIDEO),
        ):
            times.setdefault(name, []).append(timed(lambda kind=kind, number=number: stage(kind, number)))
    median = {name: statistics.median(took.wall for took in each) for name, each in times.items()}
    spent = {name: statistics.median(took.cpu for took in each) for name, each in times.items()}
    slowest = max(median["decode"], median["find"], median["read"])
    figures: dict[str, Any] = {
        "clip_seconds": seconds,
        "models": [model["model"] for model in parts.spotter.describe()],
        "looks": len(parts.frames),
        "seconds": {name: round(value, 2) for name, value in median.items()},
        "cpu_seconds": {name: round(value, 2) for name, value in spent.items()},
        "frames_per_second": {
            name: round(len(parts.frames) / median[name], 1) for name in ("decode", "find", "read", "heavy")
        },
        "heavy_to_slowest_part": round(median["heavy"] / slowest, 2),
        "preprocess_times_real_time": round(seconds / median["preprocess"], 1),
        **plates(drive, results[-1]),
    }
    if with_naive:
        texts: set[str] = set()
        took = timed(lambda: texts.update(naive(drive.clip, {frame.number for frame in parts.frames})))
        figures["naive"] = {
            "seconds": round(took.wall, 2),
            "cpu_seconds": round(took.cpu, 2),
            "times_slower": round(took.wall / median["heavy"], 2),
            "plates_read": len({p.plate for p in drive.planted} & texts),
        }
    return figures


def plates(drive: Drive, result: Result) -> dict[str, int]:
    """Planted plates, those of them confirmed, and confirmed ones that were not planted."""
    planted = {plate.plate for plate in drive.planted}
    told = [each for each in result.results if isinstance(each, Sightings)]
    confirmed = {s.plate for r in told for s in r.sightings if s.confirmed}
    return {
        "plates_planted": len(planted),
        "plates_confirmed": len(confirmed & planted),
        "plates_false": len(confirmed - planted),
    }


def minutes(root: Path, models: Path, seconds: float) -> dict[str, Any]:
    """Machine minutes per hour of footage and stage, for one channel and for three."""
    bench = Bench(root, models)
    clips: dict[str, Path] = {}
    for channel, size in (("front", (3840, 2160)), ("rear", (1920, 1080)), ("interior", (1920, 1080))):
        folder = root / channel
        folder.mkdir()
        rate = 30.0 if channel == "front" else 0.0
        clips[channel] = render_drive(
            folder, seed=1, seconds=seconds, width=size[0], height=size[1], fps=30, hevc_megabits=rate
        ).clip
    bench.warm(clips["rear"])
    spent: dict[str, Counter[str]] = {}
    for channel, clip in clips.items():
        spent[channel] = Counter()
        following = [bench.first(clip, channel, kind=TaskType.PREPROCESS_VIDEO, channel=channel)]
        while following:
            result, took = bench.run(following[0])
            spent[channel][following[0].task_type] += took * 60 / seconds  # type: ignore[assignment]
            following = result.new_tasks
    settings = ArchiveSettings()
    return {
        "clip_seconds": seconds,
        "front_megabits": round(clips["front"].stat().st_size * 8 / seconds / 1e6, 1),
        "archive_encoder": f"libx264 {settings.preset}, crf {settings.crf}, {settings.height}p",
        "minutes_per_hour": {
            "one channel": _rounded(spent["front"]),
            "three channels": _rounded(sum(spent.values(), Counter())),
        },
    }


def _rounded(spent: Counter[str]) -> dict[str, float]:
    return {**{name: round(value, 1) for name, value in spent.items()}, "all": round(sum(spent.values()), 1)}


def show(figures: dict[str, Any], indent: str = "") -> None:
    """Figures as plain lines."""
    for name, value in figures.items():
        if isinstance(value, dict):
            print(f"{indent}{name}")
            show(value, indent + "  ")
        else:
            print(f"{indent}{name:<28} {', '.join(value) if isinstance(value, list) else value}")


def main() -> None:
    """Render, measure, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, help="length of the clip (default 20, with --2160p 5)")
    parser.add_argument("--models", type=Path, help="folder of downloaded models; none without")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--no-naive", action="store_true", help="leave the naive loop out")
    parser.add_argument("--2160p", action="store_true", dest="large")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        models = asked.models or root / "no-models"
        if asked.large:
            figures = minutes(root, models, asked.seconds or 5.0)
        else:
            figures = measure(root, models, asked.seconds or 20.0, asked.runs, with_naive=not asked.no_naive)
    figures["cores"] = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    print(json.dumps(figures, indent=1)) if asked.json else show(figures)


if __name__ == "__main__":
    main()
