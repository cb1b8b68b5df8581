"""Clips that the server knows, seen in another folder: a camera locks a clip by moving it into `RO`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from dashcam_cli.client import Client
from stages.errors import DashcamError
from stages.files import HostPlaces
from stages.footage.names import read_name
from stages.task import FileRef

_BATCH = 500


def tell_moved(client: Client, places: HostPlaces, seen: Iterable[tuple[str, FileRef]]) -> dict[str, str]:
    """Tell the server where known contents lie; what that changed, in words, by fingerprint.

    `seen` are fingerprints with references. A clip counts as moved when nothing is left in its old place.
    """
    changed: dict[str, str] = {}
    telling = [_item(fingerprint, ref) for fingerprint, ref in seen if _matters(places, ref)]
    for start in range(0, len(telling), _BATCH):
        batch = {each["fingerprint"]: each for each in telling[start : start + _BATCH]}
        again = []
        for told in client.moved(list(batch.values())):
            item = batch[told["fingerprint"]]
            _note(changed, told)
            if told["path"] not in (None, item["path"]) and _left(places, item, told["path"]):
                again.append(item | {"was": told["path"]})
        for told in client.moved(again) if again else ():
            _note(changed, told)
    return changed


def _matters(places: HostPlaces, ref: FileRef) -> bool:
    """A card's clip was copied: of it only a lock is news."""
    return places.is_kept(ref.device) or read_name(ref.path).locked


def _item(fingerprint: str, ref: FileRef) -> dict[str, Any]:
    return {
        "fingerprint": fingerprint,
        "device": ref.device,
        "path": ref.path,
        "locked": read_name(ref.path).locked,
    }


def _left(places: HostPlaces, item: dict[str, Any], old: str) -> bool:
    """Whether a clip is where it was seen, and no longer where it was."""
    try:
        there = places.path(FileRef(device=item["device"], path=item["path"])).is_file()
        return there and not places.path(FileRef(device=item["device"], path=old)).exists()
    except (DashcamError, OSError):
        return False


def _note(changed: dict[str, str], told: dict[str, Any]) -> None:
    if told["changed"]:
        lock = "locked" if told["locked"] else "not locked"
        changed[told["fingerprint"]] = f"moved to {told['path']}, {lock}" if told["path"] else f"{lock} now"
