"""One visit to a camera: list, fetch what is new, check it, keep it, hand it in."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path, PurePosixPath

from config.settings import PullSettings
from dashcam_cli.camera_http import CameraHttp, NoSuchFile
from dashcam_cli.cameras import Camera, RemoteClip, in_order
from dashcam_cli.card_run import Imported
from dashcam_cli.desk import Desk
from dashcam_cli.fetching import cut_back, fetch
from dashcam_cli.intake import Clip, examine, task_for, unusable
from dashcam_cli.ledger import KeptCopy, Ledger, home_number
from dashcam_cli.scan import Refusal
from stages.disk import make_folder, remove
from stages.errors import Refused, StageFailed, Unreachable
from stages.footage.container import walk
from stages.footage.copying import place_part
from stages.footage.keeping import RawFolder, raw_targets
from stages.footage.names import read_name
from stages.task import FileRef

_LOG_BYTES = 32 << 20
#: Marks of clips that are not kept yet.
_BEGUN, _UNFINISHED = "begun;", "unfinished;"


class CameraGone(Unreachable):
    """It answered, and does not any more: normal for a camera that drives away."""


class Puller:
    """Pulls from one camera into one folder.

    `says` goes into the tasks' metadata; `sleep` waits between tries; `tell` hears (name, bytes done, bytes)
    and may raise.
    """

    def __init__(
        self,
        camera: Camera,
        http: CameraHttp,
        folder: RawFolder,
        ledger: Ledger,
        desk: Desk,
        home: Path,
        settings: PullSettings,
        *,
        says: dict[str, str],
        sleep: Callable[[float], object],
        tell: Callable[[str, int, int | None], None] = lambda *_: None,
    ) -> None:
        self._camera = camera
        self._http = http
        self._folder = folder
        self._ledger = ledger
        self._desk = desk
        self._settings = settings
        self._says = says
        self._sleep = sleep
        self._tell = tell
        self._id = f"{camera.kind}@{http.address}"
        self._number = home_number(home, self._id)

    def visit(self, done: Imported) -> bool:
        """One pass; whether the camera was there at all. Raises Refused (it is no such camera), PlaceFull."""
        self._desk.hand_in()
        try:
            shelf = self._camera.listing(self._http.text)
        except Unreachable:
            return False
        if shelf.odd:
            done.warn(self._id, f"{shelf.odd} files were left out: their names are none that a camera gives")
        self._sweep({clip.name for clip in shelf.clips})
        done.found = len(shelf.clips)
        try:
            for clip in in_order(shelf.clips):
                self._one(clip, done)
        except CameraGone as gone:
            done.tell(f"{self._id} went away ({gone}); the rest comes next time")
        self._desk.hand_in()
        return True

    # -- one clip --------------------------------------------------------------------------------

    def _one(self, clip: RemoteClip, done: Imported) -> None:
        before = self._ledger.pulled(self._id, clip.path) or ""
        if before == clip.mark:
            done.known += 1
            return
        try:
            if there := self._is_here(clip):
                remove(self._part(clip.name))
                self._beside(clip, there, done)
                self._journal(clip, there, done)
                done.known += 1
                return
            part = self._part(clip.name)
            if not before.startswith((f"{_BEGUN}{clip.mark};", f"{_UNFINISHED}{clip.mark};")):
                remove(part)  # of another clip that had this name
                self._ledger.note_pulled(self._id, clip.path, f"{_BEGUN}{clip.mark};")
            size = self._fetch(clip, part)
            kept = self._keep(clip, part, size, before, done)
        except NoSuchFile:
            return  # overwritten since it was listed
        except (Refused, StageFailed) as error:
            done.refuse(Refusal(clip.path, str(error)))
            return
        if kept:
            done.copied += 1
            self._desk.now_and_then()

    def _is_here(self, clip: RemoteClip) -> Path | None:
        """A clip of this name and size that was kept before: imported from the card, say."""
        day = read_name(clip.path).recorded_local
        folders = [self._folder.path, *([self._folder.path / f"{day:%Y-%m-%d}"] if day else [])]
        there = [path for path in (folder / clip.name for folder in folders) if path.is_file()]
        if not there:
            return None
        try:
            size = clip.size if clip.size is not None else self._http.length(clip.target)
        except Unreachable:
            return None  # fetching finds out
        return next((path for path in there if path.stat().st_size == size), None)

    def _fetch(self, clip: RemoteClip, part: Path) -> int:
        spare = int(self._settings.spare_gb * 1e9)
        cut_back(part)
        for attempt in range(1, self._settings.attempts + 1):
            try:
                return fetch(
                    self._http, clip.target, part, clip.size, spare,
                    lambda done: self._tell(clip.name, done, clip.size),
                )  # fmt: skip
            except Unreachable as error:
                if attempt == self._settings.attempts:
                    raise CameraGone(str(error)) from error
                self._sleep(self._settings.retry_seconds * attempt)
        raise AssertionError("unreachable")

    def _keep(self, clip: RemoteClip, part: Path, size: int, before: str, done: Imported) -> bool:
        mark = f"{_UNFINISHED}{clip.mark};{size}"
        if (reason := unusable(walk(part))) and before != mark:
            # The camera may be writing on it. The next visit tells: the same again is damaged for good.
            self._ledger.note_pulled(self._id, clip.path, mark)
            remove(part)
            done.tell(f"{clip.path}: {reason}; it is tried again next time")
            return False
        recorded = read_name(clip.path).recorded_local
        if recorded is not None:  # the time of change that it would have on the camera's card
            os.utime(part, (recorded.timestamp(), recorded.timestamp()))
        about = self._examine(clip, part)
        if isinstance(about, Refusal):
            remove(part)
            self._ledger.note_pulled(self._id, clip.path, clip.mark)
            raise StageFailed(about.reason)
        if not about.problem and self._desk.known([about.fingerprint]):
            # The server has had it, and a rule may have removed it since: nobody wants it twice.
            self._desk.moved([(about.fingerprint, FileRef(self._id, f"/{clip.path}"))])
            remove(part)
            self._ledger.note_pulled(self._id, clip.path, clip.mark)
            done.known += 1
            return False
        assert about.start is not None
        targets = raw_targets(self._folder.path, PurePosixPath(clip.path), about.start, about.fingerprint)
        placed = place_part(part, targets)
        self._beside(clip, placed.path, done)
        self._journal(clip, placed.path, done)
        return True

    def _examine(self, clip: RemoteClip, path: Path) -> Clip | Refusal:
        now = datetime.now()  # noqa: DTZ005  # the camera's clock is local too
        return examine(path, now, clip.path, damaged_too=True)

    def _journal(self, clip: RemoteClip, path: Path, done: Imported) -> None:
        """The clip is in its place: let its task wait, unless nothing can be done with it."""
        about = self._examine(clip, path)
        if isinstance(about, Refusal):
            raise StageFailed(about.reason)
        ref = self._folder.ref(path)
        task = None
        if about.problem:
            done.warn(clip.path, f"{about.problem}; it is kept, but cannot be worked on")
        else:
            task = task_for(about, ref, origin=clip.path, locked=clip.locked, **self._says)
            if clip.locked:
                task["metadata"]["priority"] = "high"
        if about.warning:
            done.warn(clip.path, about.warning)
        copy = KeptCopy(ref.device, ref.path, path.stat().st_size, handed=False)
        self._ledger.keep(about.fingerprint, copy, task)
        self._ledger.note_pulled(self._id, clip.path, clip.mark)

    def _beside(self, clip: RemoteClip, kept: Path, done: Imported) -> None:
        """The logs of a clip; that one is missing is normal, and no log is worth a clip."""
        for path in self._camera.beside(clip):
            name = PurePosixPath(path).name
            final = kept.with_name(name)
            if final.exists():
                continue
            try:
                data = self._http.optional(self._camera.target(path), _LOG_BYTES)
                if data:
                    part = self._part(name)
                    part.write_bytes(data)
                    place_part(part, [final])
            except (Refused, Unreachable, StageFailed) as error:
                done.warn(path, f"was not fetched: {error}")

    # -- unfinished files ------------------------------------------------------------------------

    def _part(self, name: str) -> Path:
        return self._folder.path / f"{name}.{self._number}-1.part"

    def _sweep(self, listed: set[str]) -> None:
        """Remove what was begun of clips that the camera has overwritten since."""
        make_folder(self._folder.path)
        own = re.compile(rf"(.+)\.{self._number}-1\.part", re.DOTALL)
        for path in self._folder.path.iterdir():
            match = own.fullmatch(path.name)
            if match and match[1] not in listed:
                remove(path)
