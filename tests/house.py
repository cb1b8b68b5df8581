"""Real processes: a server, workers and commands, each with a home of its own."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx


class Running:
    """A process under test."""

    def __init__(self, arguments: list[str], env: dict[str, str], log: Path) -> None:
        self.log = log
        with log.open("w") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "dashcam_cli.main", *arguments],
                env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
            )  # fmt: skip

    def kill(self) -> None:
        """As a power cut would."""
        self.process.kill()
        self.process.wait()

    def stop(self, number: int = signal.SIGTERM, seconds: float = 60) -> int:
        """Ask it to end; its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(seconds)

    def text(self) -> str:
        """What it printed so far."""
        return self.log.read_text()


class House:
    """Hosts of one test below one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.running: list[Running] = []
        self.url = ""

    def env(self, host: str, **more: str) -> dict[str, str]:
        """The environment of a host: its own home, nothing of ours."""
        clean = {key: value for key, value in os.environ.items() if not key.startswith("DASHCAM_")}
        home = self.folder / "hosts" / host
        home.mkdir(parents=True, exist_ok=True)
        return clean | {"DASHCAM_HOME": str(home), "DASHCAM_SERVER": self.url or "http://127.0.0.1:9"} | more

    def start(self, host: str, *arguments: str, **more: str) -> Running:
        """Start a long-running command on a host."""
        log = self.folder / f"{host}-{len(self.running)}.log"
        self.running.append(Running(list(arguments), self.env(host, **more), log))
        return self.running[-1]

    def server(self, host: str = "server", limits: tuple[str, str] = ("0", "0"), **more: str) -> Running:
        """Start a server on a free port and wait until it listens."""
        flags = ["--rate-limit", limits[0], "--max-concurrent", limits[1]]
        server = self.start(host, "server", "--port", "0", *flags, **more)
        found = wait_for(lambda: re.search(r"http://[\d.]+:\d+", server.text()), server)
        self.url = found.group()
        wait_for(lambda: _healthy(self.url), server)
        return server

    def command(self, host: str, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            [sys.executable, "-m", "dashcam_cli.main", *arguments],
            env=self.env(host, **more), capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip

    def get(self, path: str) -> object:
        """Ask the server."""
        answer = httpx.get(f"{self.url}/api/v1{path}", timeout=10)
        answer.raise_for_status()
        return json.loads(answer.content)


def _healthy(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health", timeout=2).status_code == 200
    except httpx.HTTPError:
        return False


def wait_for(what, running: Running | None = None, seconds: float = 240):
    """Wait until `what()` is true; its value. Fails with the process's log."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if value := what():
            return value
        if running is not None and running.process.poll() is not None:
            break
        time.sleep(0.1)
    raise AssertionError(f"it never came; the log says:\n{running.text() if running else ''}")
