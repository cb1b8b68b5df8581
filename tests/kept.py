"""Clips with everything that the stages leave for them: made by the stages, and told to a server."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

import httpx
import msgspec

from stages.archive import ArchiveStage
from stages.facts import clip_facts
from stages.files import hash_file, output_folder
from stages.footage.clip import describe
from stages.settings import ArchiveSettings
from stages.sighting import Route, Sighting, Sightings
from stages.stage import Result
from stages.task import FileRef, NewTask, Task, TaskType
from stages.video.probe import probe
from tests.stages.films import passing, scene, write_film
from tests.stages.work import TestWork, kept_place

JPEG = b"\xff\xd8\xff\xe0crop"
DAY = 86400


class Kept:
    """Two places below one folder, `nas` and `shed` with a tag behind; clips in them by their names."""

    def __init__(self, folder: Path, url: str = "", home: Path | None = None, tag: str = "") -> None:
        self.folder, self.url, self.home = folder, url, home
        self.nas, self.shed = folder / "nas", folder / "shed"
        self.names = (f"nas{tag}", f"shed{tag}")
        places = {
            name: kept_place(root, name) for name, root in zip(self.names, (self.nas, self.shed), strict=True)
        }
        self.work = TestWork(ArchiveSettings(height=90, place=self.names[1]), places, folder / "scratch")

    def settings(self, retention: str) -> str:
        """The text of a settings file with these places and rules."""
        roots = f"[places]\n{self.names[0]} = '{self.nas}'\n{self.names[1]} = '{self.shed}'\n"
        return f"{roots}\n{retention}\n"

    def clip(
        self, video_id: str, name: str = "", *, plate: str = "1234BCD", seconds: float = 1
    ) -> dict[str, Result]:
        """A clip that went through all stages, as they leave it; the results by task type."""
        raw = FileRef(device=self.names[0], path=f"/videos/raw/{name or video_id + '.MP4'}", type="video")
        path = self.work.places.path(raw)
        write_film(path, passing(scene(len(video_id)), seconds))
        done = {"INGEST_VIDEO": self._ingested(path, raw)}
        done["PREPROCESS_VIDEO"] = self._published(
            "PREPROCESS_VIDEO", video_id, "preproc", {"metadata.json": b"{}", "thumbs/0001.jpg": b"thumb"}, []
        )
        seen = Sightings(
            sightings=[Sighting(plate=plate, confidence=0.9, confirmed=True, crop=JPEG + plate.encode())]
        )
        crops = {"detections.json": b"{}", f"plates/{plate}.jpg": b"crop" * 99}
        done["HEAVY_PROCESS_VIDEO"] = self._published(
            "HEAVY_PROCESS_VIDEO", video_id, "heavy_output", crops, [seen], raw
        )
        heavy = done["HEAVY_PROCESS_VIDEO"].outputs[0]
        task = Task(
            task_id=9, task_type=TaskType.ARCHIVE_VIDEO, video_id=video_id, inputs=[raw, heavy], lease=1
        )
        done["ARCHIVE_VIDEO"] = ArchiveStage().run(task, self.work)
        return done

    def _ingested(self, path: Path, raw: FileRef) -> Result:
        about = describe(path)
        facts = clip_facts(about, probe(path), blake2=hash_file(path), warnings=[])
        return Result(outputs=[raw], results=[facts, Route()])

    def _published(self, kind, video_id, where, files, results, raw=None) -> Result:
        folder = FileRef(device=self.names[0], path=f"/videos/{where}/{video_id}/")
        task = Task(task_id=5, task_type=kind, video_id=video_id, lease=1)
        if raw is None:
            outputs = [
                FileRef(device=self.names[0], path=folder.path + name)
                for name in ("metadata.json", "thumbs/")
            ]
            new = []
        else:
            outputs = [folder]
            new = [NewTask(task_type=TaskType.ARCHIVE_VIDEO, video_id=video_id, inputs=[raw, folder])]
        with output_folder(self.work.places, folder, task, "k") as out:
            for name, data in files.items():
                (out.path / name).parent.mkdir(parents=True, exist_ok=True)
                (out.path / name).write_bytes(data)
            return out.publish(Result(outputs=outputs, results=results, new_tasks=new))

    def tell(self, video_id: str, done: dict[str, Result], days: float = 100, **facts) -> None:
        """Let the server know all this, as if it had been so for some days."""
        for kind, result in done.items():
            results = msgspec.to_builtins(result.results)
            if kind == "INGEST_VIDEO":
                results[0] |= facts
            made = self.post("/tasks", {"task_type": kind, "video_id": video_id})
            body = {"outputs": msgspec.to_builtins(result.outputs), "results": results}
            self.post(f"/tasks/{made['task_id']}/complete", body)
        self.age(video_id, days)

    def age(self, video_id: str, days: float) -> None:
        """Put the day on which the clip came in back."""
        then = int((time.time() - days * DAY) * 1e6)
        with sqlite3.connect(self.home / "dashcam.sqlite", timeout=30) as database:
            database.execute(
                "UPDATE clip SET created_at = ?, start_utc = NULL WHERE video_id = ?", (then, video_id)
            )
        database.close()

    def post(self, path: str, body: object) -> dict:
        """Call the server."""
        answer = httpx.post(f"{self.url}/api/v1{path}", json=body, timeout=30)
        assert answer.is_success, answer.text
        return answer.json()

    def get(self, path: str):
        """Ask the server."""
        answer = httpx.get(f"{self.url}/api/v1{path}", timeout=30)
        assert answer.is_success, answer.text
        return answer.json()


def tree(*roots: Path) -> dict[str, str]:
    """Every file below some folders with its hash; folders with nothing."""
    return {
        f"{root.name}/{path.relative_to(root).as_posix()}": hash_file(path) if path.is_file() else "folder"
        for root in roots
        for path in sorted(root.rglob("*"))
    }
