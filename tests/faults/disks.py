"""Small disks that really are full: file systems in memory, mounted for one test."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest


@contextlib.contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """A disk of so many MB mounted at `folder`; skips where that is not allowed."""
    folder.mkdir(parents=True, exist_ok=True)
    if shutil.which("mount") is None or not hasattr(os, "geteuid") or os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "none", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"no small disk can be mounted here: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False)


def fill(folder: Path, leave: int = 0) -> Path:
    """Take all room of a disk but `leave` bytes; the file that takes it."""
    ballast = folder / "ballast"
    with ballast.open("ab", buffering=0) as out, contextlib.suppress(OSError):
        while (room := shutil.disk_usage(folder).free - leave) > 0:
            out.write(bytes(min(room, 1 << 16)))
    return ballast
