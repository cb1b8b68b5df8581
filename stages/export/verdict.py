"""What a check finds, and what evidence says of itself."""

from __future__ import annotations

from typing import Literal

import msgspec

from stages.export.boxed import Written

SUMS = "SHA256SUMS"
FORMAT = "dashcam-evidence"
Kind = Literal["evidence", "archive", "result", "unknown"]


class Problem(msgspec.Struct, frozen=True):
    """One file that is not as it was written. `what`: `changed`, `missing`, `extra`, `unreadable`, `unsafe`
    or `contradicts`; `why` is a sentence's end.
    """

    path: str
    what: str
    why: str


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a check. `seal` is the SHA-256 of evidence's `SHA256SUMS`: who noted it down when the
    evidence was made knows that nobody wrote it anew. `ignored`: what file managers left.
    """

    path: str
    kind: Kind
    ok: bool
    files: int = 0
    size_bytes: int = 0
    seal: str | None = None
    problems: list[Problem] = []
    ignored: list[str] = []


class Claimed(msgspec.Struct, frozen=True):
    """What evidence's manifest says of a clip."""

    file: str = ""
    catalogue_blake2: str | None = None


class EvidenceManifest(msgspec.Struct, frozen=True):
    """What is checked of evidence's `manifest.json`."""

    format: str = ""
    files: list[Written] = []
    clips: list[Claimed] = []
