"""BlackVue's HTTP listing: one text of names. Facts from the MIT-licensed blackvuesync's documentation."""

from __future__ import annotations

import re

from dashcam_cli.camera_http import CameraRefused
from dashcam_cli.cameras import Ask, RemoteClip, Shelf
from stages.errors import Refused

_LISTING = "/blackvue_vod.cgi"
_MOST_BYTES = 8 << 20
_MOST_CLIPS = 50_000
_NAME = r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}"
_ENTRY = re.compile(rf"n:/?(Record/{_NAME}\.mp4),s:\d{{1,18}}", re.IGNORECASE | re.ASCII)
#: A log serves all channels: its name ends after the mode letter.
_CHANNEL = re.compile(r"(.*/20\d{6}_\d{6}_[A-Z])[FRIO][LS]?", re.IGNORECASE | re.ASCII)


class BlackVue:
    """A BlackVue in the same network, or in its own."""

    kind = "blackvue"
    allowed: tuple[str, ...] = (re.escape(_LISTING), rf"(?i:/Record/{_NAME}\.(?:mp4|gps|3gf|thm))")

    def listing(self, ask: Ask) -> Shelf:
        """The clips; their sizes are dummies."""
        try:
            text = ask(_LISTING, _MOST_BYTES).decode("latin-1")
        except CameraRefused as error:
            if error.status == 415:
                raise Refused(
                    "this camera's firmware does not list its clips any more (HTTP 415, as V1.009 of the "
                    "Elite 9): it is not supported; take the card and use: dashcam import"
                ) from error
            raise
        lines = text.splitlines()
        if not lines or not lines[0].startswith("v:"):
            raise Refused("it does not answer like a BlackVue; is the address right?")
        entries = [line for line in lines if line.startswith("n:")][:_MOST_CLIPS]
        found = [match[1] for line in entries if (match := _ENTRY.fullmatch(line.strip()))]
        clips = [RemoteClip(f"BlackVue/{path}", f"/{path}") for path in dict.fromkeys(found)]
        return Shelf(clips, len(entries) - len(found))

    def beside(self, clip: RemoteClip) -> list[str]:
        """GPS and acceleration, which all channels share, and the thumbnail."""
        stem = clip.path.rsplit(".", 1)[0]
        match = _CHANNEL.fullmatch(stem)
        shared = match[1] if match else stem
        return [f"{shared}.gps", f"{shared}.3gf", f"{stem}.thm"]

    def target(self, path: str) -> str:
        """`BlackVue/Record/x` is asked for as `/Record/x`."""
        return path.removeprefix("BlackVue")
