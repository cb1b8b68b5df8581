"""A house with two minutes of a drive in it: clips on a NAS, and all that the stages would have told of them."""

import base64
import hashlib
import shutil
from pathlib import Path

import cv2
import httpx
import numpy as np

from tests.house import House
from tests.stages.films import passing, scene, write_film

FRONT = ("20260601T162734-F-a", "20260601T162740-F-b")
REAR = "20260601T162734-R-c"
SECONDS = 6


class Stock:
    """What lies where. `nas` is the place indoor_nas, `shed` is shed_nas."""

    def __init__(self, house: House, folder: Path) -> None:
        self.house = house
        self.nas, self.shed = folder / "nas", folder / "shed"
        self.clips: dict[str, Path] = {}
        house.server()
        for name, root in (("indoor_nas", self.nas), ("shed_nas", self.shed)):
            root.mkdir()
            assert house.command("desk", "place", "add", name, str(root)).returncode == 0
        self._add(FRONT[0], "2026_0601_162734_000001F.MP4", 34, "front", 1)
        self._add(FRONT[1], "2026_0601_162740_000002F.MP4", 40, "front", 2)
        self._add(REAR, "2026_0601_162734_000003R.MP4", 34, "rear", 3)

    def export(self, *arguments: str):
        """Run `dashcam export` on the host `desk`, in the folder `out`."""
        return self.house.command("desk", "export", *arguments)

    def bulky(self, video_id: str, size: int) -> None:
        """A clip that is so many bytes long, of which nothing else is known."""
        clip = self.nas / "videos" / "raw" / f"{video_id}.mp4"
        with clip.open("wb") as file:
            file.truncate(size)
        self._done("INGEST_VIDEO", video_id, [("indoor_nas", clip, self.nas)], [])

    def _add(self, video_id: str, name: str, second: int, channel: str, seed: int) -> None:
        """A clip with route, plate and archive, as tasks that are done."""
        clip = write_film(self.nas / "videos" / "raw" / name, passing(scene(seed), SECONDS), sound=True)
        self.clips[video_id] = clip
        small = self.shed / "archive" / video_id / "video_lowres.mp4"
        small.parent.mkdir(parents=True)
        shutil.copyfile(clip, small)
        facts = {
            "type": "clip",
            "filename": name,
            "size_bytes": clip.stat().st_size,
            "blake2": hashlib.blake2b(clip.read_bytes(), digest_size=32).hexdigest(),
            "start_local": f"2026-06-01T16:27:{second}",
            "start_utc": f"2026-06-01T14:27:{second}Z",
            "utc_offset_seconds": 7200,
            "time_source": "gps",
            "time_claims": [{"source": "gps", "value": f"2026-06-01T14:27:{second}Z"}],
            "duration_seconds": SECONDS,
            "width": 320,
            "height": 180,
            "family": "viofo",
            "channel": channel,
            "mode": "normal",
        }
        points = [
            {"seconds": n, "lat": 40 + n / 1e4, "lon": -3, "time": f"2026-06-01T14:27:{second + n}Z"}
            for n in range(7)
        ]
        seen = {
            "plate": f"ABC12{seed}", "confidence": 0.9, "confirmed": True, "first_seconds": 1, "last_seconds": 2,
            "box": [1, 2, 3, 4], "crop": base64.b64encode(crop()).decode(),
        }  # fmt: skip
        self._done(
            "INGEST_VIDEO",
            video_id,
            [("indoor_nas", clip, self.nas)],
            [facts, {"type": "route", "points": points, "dialect": "gpx"}],
        )
        self._done(
            "HEAVY_PROCESS_VIDEO", video_id, [], [{"type": "sightings", "sightings": [seen], "tracks": 1}]
        )
        archived = {"type": "archive", "device": "shed_nas", "path": f"/archive/{video_id}/"}
        self._done("ARCHIVE_VIDEO", video_id, [("shed_nas", small, self.shed)], [archived])

    def _done(self, kind, video_id, files, results) -> None:
        outputs = [
            {"device": place, "path": f"/{path.relative_to(root).as_posix()}"} for place, path, root in files
        ]
        api = f"{self.house.url}/api/v1"
        task = httpx.post(f"{api}/tasks", json={"task_type": kind, "video_id": video_id}, timeout=20).json()
        body = {"outputs": outputs, "results": results}
        answer = httpx.post(f"{api}/tasks/{task['task_id']}/complete", json=body, timeout=20)
        assert answer.status_code == 200, answer.text


def crop() -> bytes:
    """A small JPEG."""
    picture = np.random.default_rng(1).integers(0, 255, (30, 90, 3), np.uint8)
    return bytes(cv2.imencode(".jpg", picture)[1].tobytes())
