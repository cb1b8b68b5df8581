"""Whether a process is still there, on Linux."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest


def gone(pid: int) -> bool:
    """Nothing of it is left: it has ended, and its end was taken note of."""
    if not Path("/proc/self").exists():
        pytest.skip("needs /proc")
    return not Path(f"/proc/{pid}").exists()


def running(pid: int) -> bool:
    """It has not ended (one that has, and that nobody has taken note of, does not run)."""
    if gone(pid):
        return False
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def within(seconds: float, true: Callable[[], bool]) -> bool:
    """Whether something became true in time."""
    until = time.monotonic() + seconds
    while not true() and time.monotonic() < until:
        time.sleep(0.02)
    return true()
