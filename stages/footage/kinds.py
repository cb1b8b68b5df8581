"""What a walk over a clip's container finds: the words that every kind of container is told in."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, NamedTuple

import msgspec

State = Literal["whole", "truncated", "no_index", "empty", "not_video"]
Kind = Literal["mp4", "mpegts", "matroska", "avi"]

#: No clip lasts longer (seconds); a header that says more is wrong.
LONGEST = 30 * 86400.0


class Span(NamedTuple):
    """A run of bytes in the file."""

    offset: int
    size: int


class Container(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the walk found. `reason` is one sentence whenever `state` is not "whole".

    `missing_bytes` is how many the file would need to be whole, where that can be told. `created` is the
    movie header's time, naive and as written. `gps_table` is the payload of Novatek's `gps ` box, `media` the
    payloads in which loose GPS blocks may lie. `has_video` is None where it cannot be told without decoding,
    `codec` of the first video track is as FFmpeg spells it. `fragmented` clips can be read up to where they
    break off. `scrambled_gps`: a camera known to write its positions in a secret scale.
    """

    state: State
    reason: str = ""
    kind: Kind | None = None
    size_bytes: int = 0
    missing_bytes: int = 0
    created: datetime | None = None
    duration_seconds: float | None = None
    has_video: bool | None = None
    codec: str = ""
    has_index: bool = False
    fragmented: bool = False
    gps_table: Span | None = None
    media: tuple[Span, ...] = ()
    scrambled_gps: bool = False


def short_by(missing: int, why: str = "") -> str:
    """The sentence of a clip that breaks off."""
    return f"the clip is truncated by {missing} bytes{why}"
