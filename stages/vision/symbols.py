"""Characters of all sorts as what may stand on a plate."""

from __future__ import annotations

import unicodedata

#: Marks that may stand between the characters of a plate.
MARKS = " -.:/"


def plain(character: str) -> str | None:
    """A-Z, 0-9 or a mark for any character; accents, case and width are dropped. None for all others."""
    if character in ("·", "•"):
        return "."
    simple = unicodedata.normalize("NFKD", character)[:1].upper()
    if simple.isascii() and (simple.isalnum() or (simple and simple in MARKS)):
        return simple
    return None
