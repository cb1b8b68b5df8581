"""Looking through a card: every clip once, and only again when it has changed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from dashcam_cli.intake import Clip, aged, examine
from dashcam_cli.ledger import Ledger
from dashcam_cli.scan import Found, Refusal, scan

_GATHERED = 200  # looks that go to the disk together


def index(ledger: Ledger, root: Path, only: set[str] | None = None) -> Iterator[Clip | Refusal]:
    """Look at every clip below `root`, or remember the look if the file is as it was.

    `only`: the paths below `root` that may be looked at; None = all.
    """
    now = datetime.now()  # noqa: DTZ005  # the camera's clock is local too
    ledger.begin()
    gathered = 0
    for found in scan(root):
        if isinstance(found, Refusal):
            if only is None:
                yield found
            continue
        if only is not None and found.below not in only:
            continue
        if clip := look(ledger, root, found, now):
            yield clip
        gathered += 1
        if gathered % _GATHERED == 0:
            ledger.commit()
            ledger.begin()
    ledger.commit()


def look(ledger: Ledger, root: Path, found: Found, now: datetime) -> Clip | Refusal | None:
    """One clip; None when it is gone."""
    try:
        if clip := ledger.seen(str(root), found):
            return aged(clip, now)
        clip_or_not = examine(found.path, now, found.below, damaged_too=True)
        if isinstance(clip_or_not, Clip):
            ledger.note(str(root), found, clip_or_not)
        return clip_or_not
    except FileNotFoundError:
        return None
    except OSError as error:
        return Refusal(str(found.path), f"cannot be read: {error.strerror}")
