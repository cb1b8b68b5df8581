"""How plates are compared and looked for."""

from __future__ import annotations

from datetime import date, timedelta

from stages.errors import BadInput

#: Characters that are taken for each other at a glance.
_ALIKE = str.maketrans("OQDILZSGB", "000112568")


def normal(text: str) -> str:
    """A plate as it is kept and compared: upper case, letters and digits only."""
    return "".join(c for c in text.upper() if c.isalnum())


def fold(text: str) -> str:
    """`normal`, with look-alikes made equal (O=0, I=1, Z=2, S=5, G=6, B=8)."""
    return normal(text).translate(_ALIKE)


def match_fragment(text: str) -> str:
    """An FTS5 query for a fragment of a normal plate; quoted, so it is never a query language."""
    return 'text : "' + text.replace('"', "") + '"'


def day(text: str | None, name: str) -> str | None:
    """A date `YYYY-MM-DD` (a time after it is cut off), checked."""
    if text is None or text == "":
        return None
    try:
        return date.fromisoformat(text[:10]).isoformat()
    except ValueError:
        message = f"{name} must be a date like 2024-01-15, got {text[:40]!r}"
        raise BadInput(message, [(name, "not a date like 2024-01-15")]) from None


def next_day(text: str | None) -> str | None:
    """The day after, so that a range up to it includes the whole last day."""
    if text is None:
        return None
    try:
        return (date.fromisoformat(text) + timedelta(days=1)).isoformat()
    except OverflowError:
        return None
