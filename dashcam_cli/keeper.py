"""Copying clips from cards and cameras into the place where they are kept."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path, PurePosixPath

from dashcam_cli.intake import Clip, examine, task_for
from dashcam_cli.ledger import KeptCopy, Ledger, home_number
from dashcam_cli.scan import Found, Refusal
from stages.disk import remove
from stages.errors import StageFailed
from stages.footage.identity import fingerprint
from stages.footage.keeping import RawFolder, keep_clip, raw_targets


class Keeper:
    """Copies for one card: its unfinished copies carry a number of their own.

    `says` goes into the tasks' metadata (`camera`, `time_zone`). `tell` hears the bytes done of the clip that
    is copied, and may raise.
    """

    def __init__(
        self,
        folder: RawFolder,
        ledger: Ledger,
        home: Path,
        card: str,
        *,
        says: dict[str, str],
        check: bool = False,
        tell: Callable[[int], None] = lambda _: None,
    ) -> None:
        self.folder = folder
        self._ledger = ledger
        self._card = card
        self._number = home_number(home, card)
        self._tag = f"{self._number}-{ledger.run}"
        self._says = says
        self._check = check
        self._tell = tell

    def sweep(self) -> None:
        """Remove what earlier runs over the same card left unfinished."""
        left = re.compile(rf".+\.{self._number}-\d{{1,18}}\.part", re.DOTALL)
        for path in self.folder.path.iterdir() if self.folder.path.is_dir() else ():
            if left.fullmatch(path.name):
                remove(path)

    def keep(self, clip: Clip, found: Found) -> list[str]:
        """Copy a clip, and let its task wait; warnings.

        Raises StageFailed (this clip) and PlaceAbsent (the place: full, gone).
        """
        assert clip.start is not None
        targets = raw_targets(self.folder.path, PurePosixPath(found.below), clip.start, clip.fingerprint)
        kept = keep_clip(clip.path, self.folder, targets, self._tag, self._tell, check=self._check)
        ref = kept.ref
        if fingerprint(kept.path) != clip.fingerprint:  # it was written on since it was looked at
            again = examine(kept.path, datetime.now(), found.below, damaged_too=True)  # noqa: DTZ005
            if isinstance(again, Refusal):
                raise StageFailed(f"it changed while it was read: {again.reason}")
            clip = again
        task = None if clip.problem else task_for(clip, ref, origin=found.below, **self._says)
        size = kept.path.stat().st_size
        copy = KeptCopy(ref.device, ref.path, size, handed=False)
        self._ledger.keep(clip.fingerprint, copy, task, (self._card, found))
        return kept.warnings
