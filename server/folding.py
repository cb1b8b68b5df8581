"""How plates are written to be compared."""

from __future__ import annotations

#: Characters that are taken for each other at a glance.
ALIKE = str.maketrans("OQDILZSGB", "000112568")
WILD = "?*"


def normal(text: str) -> str:
    """A plate as it is kept and compared: upper case, letters and digits only."""
    return "".join(c for c in text.upper() if c.isalnum())


def pattern(text: str) -> str:
    """As `normal`, keeping the wildcards ? (one character) and * (any run)."""
    return "".join(c for c in text.upper() if c.isalnum() or c in WILD)


def fold(text: str) -> str:
    """`normal`, with look-alikes made equal (O=0, I=1, Z=2, S=5, G=6, B=8)."""
    return normal(text).translate(ALIKE)


def far(folded: str) -> int:
    """How many characters may be wrong for a plate to be like this one."""
    return 1 if len(folded) < 6 else 2
