"""A TFLite process from its parent's side: start, ask with a time limit, end."""

from __future__ import annotations

import contextlib
import math
import subprocess
import sys
import time
import weakref
from threading import Event, Thread
from typing import BinaryIO, cast

import msgspec

from stages.vision.tflite_words import FromProcess, Refusal, ToProcess, from_process, receive, send

_ENDING = 2.0
_TICK = 0.25


class Lost(Exception):
    """The process crashed, ended or hangs; it is gone now, and the message says how."""


class Declined(Exception):
    """It cannot be done, and the process (if there is one) goes on."""


class TfliteProcess:
    """`stages.vision.tflite_child` in a process of its own; ends with this object, and with this process.

    Raises `Declined` when the system starts no more processes.
    """

    def __init__(self) -> None:
        command = [sys.executable, "-m", "stages.vision.tflite_child"]
        try:
            self._child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        except OSError as error:
            raise Declined(f"its process cannot be started: {error.strerror}") from error
        self._limit = _Limit()
        # Pipes know no time limits everywhere: a thread ends a process that is late, and so the wait for it.
        over = Event()
        Thread(target=_watch, args=(self._child, self._limit, over), name="tflite", daemon=True).start()
        self._end = weakref.finalize(self, _end, self._child, over)

    @property
    def pid(self) -> int:
        """Its number in the system."""
        return self._child.pid

    def ask(self, message: ToProcess) -> FromProcess:
        """Its answer. Raises `Declined`, or `Lost` when there is none within `message.limit` seconds."""
        if not self._end.alive:
            raise Lost("its process was ended")
        write, read = cast(BinaryIO, self._child.stdin), cast(BinaryIO, self._child.stdout)
        self._limit.until = time.monotonic() + message.limit
        answer: FromProcess | None = None
        try:
            send(write, message)
            answer = from_process.decode(receive(read))
        except (OSError, EOFError, msgspec.DecodeError):
            raise Lost(self._how(message.limit)) from None
        finally:
            self._limit.until = math.inf
            if answer is None:  # after Ctrl-C too: a late answer must not be taken for the next one's
                self._child.kill()
                self._end()
        if isinstance(answer, Refusal):
            raise Declined(answer.why)
        return answer

    def close(self) -> None:
        """End it, gently at first, so that a device is let go."""
        self._end()

    def _how(self, limit: float) -> str:
        if self._limit.passed:
            return f"its process did not answer within {limit:g} s"
        try:
            code = self._child.wait(timeout=_ENDING)
        except subprocess.TimeoutExpired:
            return "its process broke off its answers"
        how = f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"
        return f"its process {how}"


class _Limit:
    """Until when an answer is waited for, and whether that time has passed."""

    until = math.inf
    passed = False


def _watch(child: subprocess.Popen[bytes], limit: _Limit, over: Event) -> None:
    while not over.wait(_TICK):
        if time.monotonic() > limit.until:
            limit.passed = True
            child.kill()
            return


def _end(child: subprocess.Popen[bytes], over: Event) -> None:
    over.set()
    with contextlib.suppress(OSError):
        cast(BinaryIO, child.stdin).close()
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(timeout=_ENDING)
    child.kill()
    # One that the kernel holds in a broken device's driver cannot even be killed: it is left behind.
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(timeout=_ENDING)
    cast(BinaryIO, child.stdout).close()
