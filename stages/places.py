"""Places on this host: named roots, present or absent, and paths that never leave them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

import msgspec

from stages.errors import BadInput, InputGone, PlaceAbsent
from stages.task import FileRef

MARKER = ".dashcam-place"


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """A named root. Kept ones carry a marker; removable ones (a card, a camera) are never written to."""

    name: str
    root: str
    removable: bool = False
    prefix: str = ""

    def present(self) -> bool:
        """Whether it is mounted now: a kept root has its marker, a removable one holds something."""
        root = Path(self.root)
        try:
            if self.removable:
                return any(
                    not each.name.startswith(".") and each.name != "lost+found" for each in root.iterdir()
                )
            return (root / MARKER).read_text(encoding="utf-8", errors="replace").strip() == self.name
        except OSError:
            return False

    def why_absent(self) -> str:
        """One sentence on why `present` is false, with what to do."""
        root = Path(self.root)
        if not root.is_dir():
            return f"place {self.name}: {root} is not there; is it mounted?"
        if self.removable:
            return f"place {self.name}: {root} is empty; is the card in?"
        try:
            found = (root / MARKER).read_text(encoding="utf-8", errors="replace").strip()
        except OSError:
            return (
                f"place {self.name}: {root} has no marker {MARKER}, so it may be an empty mount point; "
                f"mount it, or set it up with: dashcam place add {self.name} {root}"
            )
        return f"place {self.name}: the marker in {root} names another place, {found[:80]!r}"


class HostPlaces:
    """The places that this host is configured for (`stages.stage.Places`)."""

    def __init__(self, places: Mapping[str, Place]) -> None:
        self._places = dict(places)

    def names(self, *, kept: bool | None = None) -> list[str]:
        """Names of the places that are present now."""
        return [
            name
            for name, place in self._places.items()
            if (kept is None or place.removable is not kept) and place.present()
        ]

    def knows(self, name: str) -> bool:
        """Whether the place is configured here, present or not."""
        return name in self._places

    def is_kept(self, name: str) -> bool:
        """Whether files may be written there."""
        place = self._places.get(name)
        return place is not None and not place.removable

    def path(self, ref: FileRef) -> Path:
        """Join a reference to its root; refuses whatever would leave it."""
        place = self._places.get(ref.device)
        if place is None:
            known = ", ".join(self._places) or "none"
            raise PlaceAbsent(f"this host has no place {ref.device!r} (it has: {known})")
        if not place.present():
            raise PlaceAbsent(place.why_absent())
        return confine(Path(place.root), below_root(ref.path, place.prefix))

    def existing(self, ref: FileRef) -> Path:
        """As `path`; the file must be there."""
        path = self.path(ref)
        try:
            path.stat()
        except FileNotFoundError:
            raise InputGone(f"{ref.device}:{ref.path} is not there, though the place is") from None
        except NotADirectoryError:
            raise InputGone(f"{ref.device}:{ref.path}: a part of the path is a file") from None
        except OSError as error:
            raise PlaceAbsent(f"{ref.device}:{ref.path} cannot be read: {error.strerror}") from error
        return path

    def reference(self, path: Path) -> FileRef | None:
        """The reference to a local path by the longest root above it; None when it lies below no root."""
        best: tuple[int, FileRef] | None = None
        try:
            resolved = path.resolve()
        except (OSError, RuntimeError):  # a link that leads to itself
            return None
        for place in self._places.values():
            root = Path(place.root).resolve()
            if resolved.is_relative_to(root) and (best is None or len(root.parts) > best[0]):
                below = f"/{resolved.relative_to(root).as_posix()}".removesuffix("/.") or "/"
                if below_root(below, place.prefix) != PurePosixPath(
                    below[1:]
                ):  # it would be cut: say it in full
                    below = place.prefix.rstrip("/") + below
                best = (len(root.parts), FileRef(device=place.name, path=below))
        return best[1] if best else None


_DRIVE = re.compile(r"[A-Za-z]:")


def below_root(path: str, prefix: str) -> PurePosixPath:
    """The part of a reference below the root, refused when it is not a plain relative path."""
    text = path.replace("\\", "/")
    if prefix and text.startswith(prefix.rstrip("/") + "/"):
        text = text[len(prefix.rstrip("/")) :]
    below = PurePosixPath(text.lstrip("/"))
    if "\x00" in text or ".." in below.parts or _DRIVE.match(str(below)):
        raise BadInput(f"the path {path!r} leaves its place; '..' and drive letters are refused")
    return below


def confine(root: Path, below: PurePosixPath) -> Path:
    """`root/below`, refused when a symbolic link on the way leads out of `root`."""
    joined = root.joinpath(*below.parts)
    try:
        inside = joined.resolve().is_relative_to(root.resolve())
    except (OSError, RuntimeError):  # a link that leads to itself
        inside = False
    if not inside:
        raise BadInput(f"the path {below} leaves its place through a link; that is refused")
    return joined
