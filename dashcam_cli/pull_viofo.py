"""Novatek's HTTP listing, as Viofo cameras have it: one XML of files with size, time and attributes."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from xml.parsers import expat

from dashcam_cli.cameras import Ask, RemoteClip, Shelf
from dashcam_cli.scan import SUFFIXES
from stages.errors import Refused

#: List files. The others on the list only ask: 3012 version, 3014 status, 3016 heartbeat, 3017 free space.
#: Never sent: 4003 delete, 3010 format, 3011 reset, 3013 update, 2001 record.
_LISTING = "/?custom=1&cmd=3015&par=1"
_MOST_BYTES = 32 << 20
_MOST_CLIPS = 50_000
_DEPTH = 6
_TEXT = 1024
_STEP = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}"
_PATH = re.compile(rf"(?:/{_STEP}){{1,6}}", re.ASCII)
_CLIP = "|".join(sorted(suffix[1:] for suffix in SUFFIXES))
_READ_ONLY = 0x01


class Viofo:
    """A Viofo, or another camera with Novatek's commands."""

    kind = "viofo"
    allowed: tuple[str, ...] = (
        r"/\?custom=1&cmd=30(?:12|14|15|16|17)(?:&par=1)?",
        rf"(?i:(?:/{_STEP}){{0,5}}/{_STEP}\.(?:{_CLIP}))",
    )

    def listing(self, ask: Ask) -> Shelf:
        """The clips, with their sizes."""
        reader = _Reader()
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = reader.refuse
        parser.EntityDeclHandler = reader.refuse
        parser.StartElementHandler = reader.start
        parser.EndElementHandler = reader.end
        parser.CharacterDataHandler = reader.text
        try:
            parser.Parse(ask(_LISTING, _MOST_BYTES), True)
        except (expat.ExpatError, ValueError, LookupError) as error:
            raise Refused(
                f"it does not answer like a Viofo or Novatek camera ({error}); is the address right?"
            ) from error
        return Shelf(list(reader.clips.values()), reader.odd)

    def beside(self, clip: RemoteClip) -> list[str]:
        """None: the GPS lies in the clips."""
        del clip
        return []

    def target(self, path: str) -> str:
        """The path below the card's root."""
        return f"/{path}"


class _Reader:
    """Collects `<File>` elements."""

    def __init__(self) -> None:
        self.clips: dict[str, RemoteClip] = {}
        self.odd = 0
        self._depth = 0
        self._tag = ""
        self._file: dict[str, str] = {}

    def refuse(self, *_: object) -> None:
        raise Refused("the camera's listing declares a document type or entities; such XML is refused")

    def start(self, tag: str, _: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > _DEPTH:
            raise Refused("the camera's listing is nested too deeply")
        self._tag = tag.upper()
        if self._tag == "FILE":
            self._file = {}

    def text(self, data: str) -> None:
        if self._tag in ("FPATH", "SIZE", "TIME", "ATTR"):
            self._file[self._tag] = (self._file.get(self._tag, "") + data)[:_TEXT]

    def end(self, tag: str) -> None:
        self._depth -= 1
        self._tag = ""
        if tag.upper() == "FILE" and len(self.clips) < _MOST_CLIPS:
            self._note({key: value.strip() for key, value in self._file.items()})
            self._file = {}

    def _note(self, file: dict[str, str]) -> None:
        path = re.sub(r"^[A-Za-z]:", "", file.get("FPATH", "")).replace("\\", "/")
        if PurePosixPath(path).suffix.lower() not in SUFFIXES:
            return  # a photo
        if not _PATH.fullmatch(path):
            self.odd += 1
            return
        locked = bool((_number(file.get("ATTR", "")) or 0) & _READ_ONLY)
        size, stamp = _number(file.get("SIZE", "")), file.get("TIME", "")[:40]
        clip = RemoteClip(path[1:], path, size, locked, stamp)
        self.clips[clip.path] = clip


def _number(text: str) -> int | None:
    return int(text) if re.fullmatch(r"\d{1,18}", text, re.ASCII) else None
