"""Byte ranges of a file, as a request asks for them (RFC 9110, sections 13 and 14). Pure functions."""

from __future__ import annotations

import re
from email.utils import formatdate, parsedate_to_datetime
from typing import NamedTuple

#: A longer header is nobody's player; it is ignored, as is everything that is no single range of bytes.
_LONGEST = 100
_RANGE = re.compile(r"bytes=[ \t]*(\d{0,20})-(\d{0,20})[ \t]*\Z", re.IGNORECASE | re.ASCII)


class Stamp(NamedTuple):
    """What tells one state of a file from another."""

    size: int
    modified_ns: int
    inode: int = 0

    @property
    def tag(self) -> str:
        """A strong entity tag."""
        return f'"{self.size:x}-{self.modified_ns:x}-{self.inode:x}"'

    @property
    def modified(self) -> str:
        """The time of the last change as HTTP writes it."""
        return formatdate(self.modified_ns // 10**9, usegmt=True)


class Span(NamedTuple):
    """Bytes `first` to `last`, both included; `last` is `first - 1` for none."""

    first: int
    last: int

    @property
    def length(self) -> int:
        """How many bytes."""
        return self.last - self.first + 1


class Part(NamedTuple):
    """How to answer: 200, 206 with a part, 304 or 416; `span` is what to send (None: nothing)."""

    status: int
    span: Span | None
    headers: dict[str, str]


def select(stamp: Stamp, headers: dict[str, str], *, head: bool = False) -> Part:
    """The part of a file that a request asks for. `headers` have lower-case names.

    A range that cannot be understood, and more than one, are ignored: the whole file is the answer then.
    """
    common = {"Accept-Ranges": "bytes", "ETag": stamp.tag, "Last-Modified": stamp.modified}
    if _unchanged(stamp, headers):
        return Part(304, None, common)
    whole = Span(0, stamp.size - 1)
    found = None if head or not _same_as_before(stamp, headers) else _asked(headers.get("range", ""))
    if found is None:
        return Part(200, whole, common | {"Content-Length": str(stamp.size)})
    span = _within(found, stamp.size)
    if span is None:
        unmet = {"Content-Range": f"bytes */{stamp.size}", "Content-Length": "0"}
        return Part(416, None, common | unmet)
    said = {"Content-Range": f"bytes {span.first}-{span.last}/{stamp.size}"}
    return Part(206, span, common | said | {"Content-Length": str(span.length)})


def _asked(text: str) -> tuple[int | None, int | None] | None:
    """`bytes=5-9` as (5, 9), `bytes=5-` as (5, None), `bytes=-5` as (None, 5); None for anything else."""
    found = _RANGE.match(text.strip(" \t")) if len(text) <= _LONGEST else None
    if found is None or found.group(1) == found.group(2) == "":
        return None
    first, last = (int(each) if each else None for each in found.groups())
    return None if first is not None and last is not None and last < first else (first, last)


def _within(asked: tuple[int | None, int | None], size: int) -> Span | None:
    """The bytes that there are of a range; None when there are none."""
    first, last = asked
    if first is None:
        return Span(max(0, size - (last or 0)), size - 1) if size and last else None
    if first >= size:
        return None
    return Span(first, size - 1 if last is None else min(last, size - 1))


def _unchanged(stamp: Stamp, headers: dict[str, str]) -> bool:
    """Whether the caller has this state already."""
    tags = headers.get("if-none-match")
    if tags is not None:
        return "*" in tags.split() or stamp.tag in (
            each.strip().removeprefix("W/") for each in tags.split(",")
        )
    since = _time(headers.get("if-modified-since", ""))
    return since is not None and stamp.modified_ns // 10**9 <= since


def _same_as_before(stamp: Stamp, headers: dict[str, str]) -> bool:
    """Whether a range may be answered with a part: the caller's earlier parts are of the same state."""
    before = headers.get("if-range")
    if before is None:
        return True
    if before.strip().startswith(('"', "W/")):
        return before.strip() == stamp.tag
    return _time(before) == stamp.modified_ns // 10**9


def _time(text: str) -> float | None:
    """A date of HTTP in seconds since 1970."""
    if not text or len(text) > _LONGEST:
        return None
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
