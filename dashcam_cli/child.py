"""The worker's side of a warm child process: start, feed, watch, kill."""

from __future__ import annotations

import contextlib
import os
import queue
import subprocess
import sys
import threading
from collections import deque
from typing import IO, Any

import msgspec

from config.settings import Settings
from dashcam_cli import platform
from stages.registry import table_of
from stages.runner import FromChild, Job, ToChild
from stages.settings import IngestSettings

#: Of what a child prints so much is kept: lines, bytes of a line, and characters that are told.
_LINES, _LONGEST, _TAIL = 60, 2000, 4000
_DECODER = msgspec.json.Decoder(FromChild)


def settings_for(settings: Settings, task_type: str) -> dict[str, Any]:
    """The settings of the stage that performs a task type, as its child gets them."""
    name = table_of(task_type)
    ours = getattr(settings.stage, name, None)
    if isinstance(ours, IngestSettings):
        ours = msgspec.structs.replace(ours, cameras=settings.cameras)
    return msgspec.to_builtins(ours) if ours is not None else settings.plugins.get(name, {})


class ChildDied(Exception):
    """The child ended or broke off in the middle of a task; the message says how."""


class StageChild:
    """One stage in a process of its own."""

    def __init__(self, task_type: str) -> None:
        self.task_type = task_type
        self._process = platform.start_child(
            [sys.executable, "-m", "stages.runner", task_type],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
        )
        self._events: queue.SimpleQueue[FromChild | None] = queue.SimpleQueue()
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        threading.Thread(target=self._read, args=(self._process.stdout,), daemon=True).start()
        self._printed: deque[bytes] = deque(maxlen=_LINES)
        self._listening = threading.Thread(target=self._listen, args=(self._process.stderr,), daemon=True)
        self._listening.start()

    def _read(self, out: IO[bytes]) -> None:
        for line in out:
            try:
                self._events.put(_DECODER.decode(line))
            except msgspec.DecodeError:
                break
        self._events.put(None)

    def _listen(self, err: IO[bytes]) -> None:
        """What it prints goes on to our own log, and the last of it is kept."""
        with err:
            for line in iter(lambda: err.readline(_LONGEST), b""):
                self._printed.append(line)
                with contextlib.suppress(OSError):
                    os.write(2, line)

    def printed(self) -> str:
        """What it printed last about its task."""
        self._listening.join(0.1 if self.alive() else 2.0)  # the last lines may still be on their way
        return b"".join([*self._printed]).decode("utf-8", "replace")[-_TAIL:].strip()

    def send(self, message: ToChild) -> None:
        """Send a job or a cancel; raises `ChildDied` when nobody is there to take it."""
        assert self._process.stdin is not None
        if isinstance(message, Job):
            self._printed.clear()
        try:
            self._process.stdin.write(msgspec.json.encode(message) + b"\n")
            self._process.stdin.flush()
        except OSError as error:
            raise ChildDied(self._how()) from error

    def event(self, seconds: float) -> FromChild | None:
        """The child's next word, or None when there was none in time. Raises `ChildDied`."""
        try:
            message = self._events.get(timeout=seconds)
        except queue.Empty:
            return None
        if message is None:
            raise ChildDied(self._how())
        return message

    def alive(self) -> bool:
        """Whether it can take a job."""
        return self._process.poll() is None

    def kill(self) -> None:
        """End it, and whatever it started."""
        platform.kill_child(self._process)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):  # what a dead child did not take cannot be flushed
                    pipe.close()

    def _how(self) -> str:
        try:
            code = self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            return "broke off its answers"
        return platform.describe_death(code)
