"""Edge TPUs for tests: a folder in which each file is a stick, behind a library that the real runtime loads."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).with_name("libedgetpu.c")


def build_library(folder: Path) -> None:
    """Make our `libedgetpu.so.1` in a folder."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None or not sys.platform.startswith("linux"):
        pytest.skip("needs Linux and a C compiler for the library that stands in for libedgetpu")
    made = folder / "libedgetpu.so.1"
    subprocess.run(
        [compiler, "-shared", "-fPIC", "-pthread", "-Wall", "-o", str(made), str(SOURCE)], check=True
    )


class Sticks:
    """The plugged sticks: `usb_0` and so on."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()

    def plug(self, name: str, does: str = "") -> None:
        """Plug one in. `does`: "" works, "abort" or "hang" when it is opened."""
        (self.folder / name.replace(":", "_")).write_text(does)

    def pull(self, name: str) -> None:
        """Pull it out: whoever has it open aborts."""
        (self.folder / name.replace(":", "_")).unlink()

    def plugged(self, name: str) -> bool:
        """Whether it is plugged in."""
        return (self.folder / name.replace(":", "_")).exists()

    def asked(self) -> list[tuple[str, int]]:
        """The devices that the library was asked for, in order, and the process that asked."""
        note = self.folder / "asked"
        rows = [line.split() for line in note.read_text().splitlines()] if note.exists() else []
        return [(device, int(pid)) for device, pid in rows]

    def names(self) -> list[str]:
        """The devices that the library was asked for, in order."""
        return [device for device, _ in self.asked()]


def for_the_edge_tpu(model: Path, to: Path) -> Path:
    """A copy of a CPU model that counts as compiled for the Edge TPU."""
    to.write_bytes(model.read_bytes() + b"edgetpu-custom-op")
    return to
