"""Numbers too small for a float's exponent ("subnormal"), taken as zero while a model runs.

An x86 processor takes far longer over them than over other numbers, and where a model's activations fade out
(GELU) there are many: without this the bundled text detector takes three times as long, and finds the same to
the last bit. The switch belongs to a thread, so it is set around each call and put back: Python's own
arithmetic keeps its rules. On Linux with x86-64 only; elsewhere models run as they would without.
"""

from __future__ import annotations

import ctypes
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

# `fenv_t` of the x86-64 ABI, the same for glibc and musl: 28 bytes of the old unit, then the register MXCSR.
_Environment = ctypes.c_uint32 * 8
_MXCSR = 7
_TO_ZERO = 0x8000 | 0x40  # results (FTZ) and operands (DAZ)


def _library() -> Any:
    """The C library that gets and sets a thread's floating-point environment; None where we cannot."""
    if sys.platform != "linux" or platform.machine() != "x86_64" or sys.maxsize < 2**32:
        return None
    for name in (None, "libm.so.6"):
        try:
            library = ctypes.CDLL(name)
            library.fegetenv, library.fesetenv  # noqa: B018 - looked up, so that a missing one tells now
        except (OSError, AttributeError):
            continue
        return library
    return None


_LIBRARY = _library()

#: Whether `as_zero` does anything on this host.
SUPPORTED = _LIBRARY is not None


@contextmanager
def as_zero() -> Iterator[None]:
    """In this thread, and in those started meanwhile, subnormal numbers are zero."""
    if _LIBRARY is None:
        yield
        return
    before = _Environment()
    _LIBRARY.fegetenv(before)
    changed = _Environment.from_buffer_copy(before)
    changed[_MXCSR] |= _TO_ZERO
    _LIBRARY.fesetenv(changed)
    try:
        yield
    finally:
        _LIBRARY.fesetenv(before)
