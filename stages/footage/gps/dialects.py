"""What the bytes of a `freeGPS ` block mean, one row per layout. Add a row to `DIALECTS`.

A reader returns None when the block is not of its layout, and a fix without position when the receiver had
none. The layouts are facts gathered from ExifTool's QuickTimeStream (the T numbers are its `GPSType`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from stages.footage.fix import Fix
from stages.footage.gps import ligo, novateks, others, texts


class Dialect(NamedTuple):
    """One layout. `local`: whether a block's clock is the camera's own, not UTC.

    `refused`: it is recognised, and its positions must not be used; the sentence says why. `settle` decides,
    once all fixes of a clip are there and have their `seconds`, what their numbers mean.
    """

    name: str
    read: Callable[[bytes], list[Fix] | None]
    local: Callable[[bytes], bool] | None = None
    refused: str = ""
    settle: Callable[[Sequence[Fix]], list[Fix]] | None = None


_ENCRYPTED = "its GPS positions are encrypted by the camera; they cannot be read and are left out"

#: Tried in this order: those with a telling mark first, then those told by where the status stands.
DIALECTS: tuple[Dialect, ...] = (
    Dialect("freeGPS T1 (Azdome)", texts.t1),
    Dialect("freeGPS T5 (LigoGPS)", ligo.block_fixes),
    Dialect("freeGPS T5 (LigoGPS)", ligo.block_scrambled, refused=ligo.SCRAMBLED),
    Dialect("freeGPS T18 (XGODY)", texts.t18),
    Dialect("freeGPS T10 (Vantrue S1)", others.t10),
    Dialect("freeGPS T7", texts.t7),
    Dialect("freeGPS T2 (NMEA)", texts.t2),
    Dialect("freeGPS T20 (Nextbase)", others.t20),
    Dialect("freeGPS T11 (ATC)", others.t11),
    Dialect("freeGPS (YOUQING)", novateks.youqing),
    Dialect("freeGPS T4 (E-ACE)", novateks.t4),
    Dialect("freeGPS T4 (E-ACE)", novateks.t4_locked, refused=_ENCRYPTED),
    Dialect("freeGPS T16 (IQS)", novateks.t16),
    Dialect("freeGPS T8 (encrypted)", novateks.t8, refused=_ENCRYPTED),
    Dialect("freeGPS T3", novateks.t3, partial(novateks.full_year, 0x1C)),
    Dialect("freeGPS T17c (Transcend)", novateks.t17c),
    Dialect("freeGPS T17", novateks.t17),
    Dialect("freeGPS (Kenwood)", novateks.kenwood, partial(novateks.full_year, 0x4C)),
    Dialect("freeGPS T3, late", novateks.t3_late),
    Dialect("freeGPS T12", others.t12),
    Dialect("freeGPS T6 (Akaso)", others.t6),
    Dialect("freeGPS T13 (INNOVV)", others.t13),
    Dialect("freeGPS T14 (XBHT)", others.t14),
    Dialect("freeGPS T19 (70mai)", others.t19, settle=others.settle_t19),
)

#: For a clip whose maker box names a Rexing V1-4K, and for no other.
REXING = Dialect("freeGPS T17b (Rexing)", novateks.t17b)
