"""Whether filtering costs a plate: default settings behind preprocess against every frame without it.

Run: `python tests/bench/filtering.py [CLIP...] [--models DIR] [--seconds N] [--json]`. Without clips the three scenes
of `tests/stages/scenes.py` are rendered (a red light, a night with glare, a tunnel), `--seconds` long (60) at 960x540.
Columns: share of the clip's frames that preprocess drops (without and with its detector, where that is there), plates
confirmed with the filter, by every frame, and those that the filter lost.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from stages.files import MARKER, HostPlaces, Place  # noqa: E402 - the scenes lie beside the tests
from stages.heavy import HeavyStage  # noqa: E402
from stages.preprocess import PreprocessStage  # noqa: E402
from stages.runner import HostWork  # noqa: E402
from stages.settings import HeavySettings, PreprocessSettings  # noqa: E402
from stages.sighting import Sightings  # noqa: E402
from stages.stage import Result, Stage  # noqa: E402
from stages.task import FileRef, Task  # noqa: E402
from tests.stages.scenes import SCENES, render_scene  # noqa: E402


class Bench:
    """A place with one clip after the other, and the two stages, kept warm."""

    def __init__(self, root: Path, models: Path) -> None:
        self.root, self.models = root, models
        (root / MARKER).write_text("bench")
        self.places = HostPlaces({"bench": Place(name="bench", root=str(root))})
        self.preprocess, self.heavy = PreprocessStage(), HeavyStage()

    def run(self, stage: Stage, settings: Any, clip: str, video_id: str, *more: FileRef) -> Result:
        """One task for a clip below the place."""
        raw = FileRef("bench", f"/{clip}", type="video")
        task = Task(task_id=1, task_type=stage.task_type, video_id=video_id, inputs=[raw, *more], lease=1)
        work = HostWork(self.places, settings, self.root / "scratch", self.models, lambda _: None)
        work.scratch.mkdir(exist_ok=True)
        return stage.run(task, work)

    def compare(self, clip: str) -> dict[str, Any]:
        """The figures of one clip."""
        stem = Path(clip).stem
        every = self.run(self.heavy, HeavySettings(thorough=True), clip, f"{stem}-every")
        row: dict[str, Any] = {"every_frame": confirmed(every)}
        for name, detect in (("without_detector", False), ("default", True)):
            video_id = f"{stem}-{name}"
            dropped = self.run(self.preprocess, PreprocessSettings(detect=detect), clip, video_id)
            seen = self.run(self.heavy, HeavySettings(), clip, video_id, *dropped.outputs)
            share = dropped.metadata["filtered_frames"] / max(1, dropped.metadata["frame_count"])
            lost = sorted(set(confirmed(every)) - set(confirmed(seen)))
            row[name] = {"dropped": round(share, 2), "confirmed": confirmed(seen), "lost": lost}
        return row


def confirmed(result: Result) -> list[str]:
    """The plates that a heavy stage's result confirms."""
    told = [each for each in result.results if isinstance(each, Sightings)]
    return sorted({s.plate for each in told for s in each.sightings if s.confirmed})


def main() -> None:
    """Render or link, compare, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("clips", nargs="*", type=Path)
    parser.add_argument("--models", type=Path, help="folder of downloaded models; none without")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        bench = Bench(root, asked.models or root / "no-models")
        names = [clip.name for clip in asked.clips] or [f"{name}.mp4" for name in SCENES]
        for clip in asked.clips:
            (root / clip.name).write_bytes(clip.read_bytes())
        for name in names:
            if not asked.clips:
                render_scene(root / name, Path(name).stem, seconds=asked.seconds, size=(960, 540))
            figures[name] = bench.compare(name)
            if not asked.json:
                print(name, json.dumps(figures[name], indent=1), flush=True)
    if asked.json:
        print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
