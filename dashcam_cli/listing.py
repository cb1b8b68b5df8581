"""What a folder holds now, asked so that a dead network mount does not hang us."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import NamedTuple

from dashcam_cli.scan import MOST, Refusal, scan
from dashcam_cli.watcher import Look
from stages.files import Place


class Listing(NamedTuple):
    """What a folder holds now. `files` is None while it is not there, and `why` says it."""

    files: dict[str, Look] | None
    refusals: list[Refusal]
    why: str = ""


class Lister:
    """Lists a folder in a thread: a dead network mount hangs whoever asks, and that must not be us."""

    def __init__(self, root: Path, place: Place | None) -> None:
        self._root = root
        self._place = place
        self._thread: threading.Thread | None = None
        self._answer: list[Listing] = []

    def ask(self, patience: float) -> Listing:
        """The folder's files, or that it does not answer within `patience` seconds."""
        if self._thread is None:
            self._answer = []
            self._thread = threading.Thread(target=self._list, args=(self._answer,), daemon=True)
            self._thread.start()
        self._thread.join(patience)
        if self._thread.is_alive():
            return Listing(None, [], "it does not answer; a dead network mount?")
        self._thread = None
        return self._answer[0] if self._answer else Listing(None, [], "it cannot be listed")

    def _list(self, answer: list[Listing]) -> None:
        if self._place is not None and not self._place.present():
            answer.append(Listing(None, [], self._place.why_absent()))
            return
        files: dict[str, Look] = {}
        refusals: list[Refusal] = []
        try:
            for found in scan(self._root):
                if isinstance(found, Refusal):
                    refusals.append(found)
                else:
                    files[found.below] = Look(found.size, found.modified)
                if len(files) + len(refusals) > MOST:
                    answer.append(
                        Listing(None, [], f"it holds over {MOST} clips; watch its folders one by one")
                    )
                    return
        except FileNotFoundError:
            answer.append(Listing(None, [], "it is not there"))
            return
        except OSError as error:
            answer.append(Listing(None, [], f"it cannot be listed: {error.strerror}"))
            return
        answer.append(Listing(files, refusals))
