"""Servers as processes of their own: the product as people start it, and the no-op beside it."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_ADDRESS = re.compile(r"http://127\.0\.0\.1:(\d+)")
_BENCH = Path(__file__).resolve().parents[1]


class Server(NamedTuple):
    """A server that listens."""

    port: int
    pid: int

    def cpu(self) -> float:
        """Seconds of processor time that it has used."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(") ")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self) -> int:
        """Its resident memory in bytes."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        return 0


def product(home: Path) -> contextlib.AbstractContextManager[Server]:
    """`dashcam server` on a home, without limits."""
    return _running(
        [
            *("-m", "dashcam_cli.main", "server", "--home", str(home), "--port", "0"),
            *("--rate-limit", "0", "--max-concurrent", "0"),
        ],
        home / "printed.log",
    )


def noop(folder: Path) -> contextlib.AbstractContextManager[Server]:
    """The no-op app."""
    return _running(["-m", "queueing.noop", "0"], folder / "noop.log")


@contextlib.contextmanager
def _running(arguments: list[str], printed: Path) -> Iterator[Server]:
    printed.parent.mkdir(parents=True, exist_ok=True)
    clean = {key: value for key, value in os.environ.items() if not key.startswith("DASHCAM_")}
    with printed.open("w") as out:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            env=clean | {"PYTHONPATH": os.pathsep.join([str(_BENCH), str(_BENCH.parents[1])])},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    try:
        yield Server(_port(process, printed), process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()


def _port(process: subprocess.Popen[bytes], printed: Path) -> int:
    for _ in range(6000):
        if found := _ADDRESS.search(printed.read_text()):
            break
        if process.poll() is not None:
            raise SystemExit(f"the server did not start: {printed.read_text()}")
        time.sleep(0.01)
    port = int(found[1]) if found else 0
    time.sleep(0.3)  # the line comes before the first accept
    return port
