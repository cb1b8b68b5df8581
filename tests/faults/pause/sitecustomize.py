"""A stage's process that stops, hangs or dies at one of its steps; Python imports this first (PYTHONPATH).

PAUSE_STAGE  the task type whose child is meant
PAUSE_AT     `write` (an output is opened below a `.part`), `publish` (before its rename) or `published` (after it)
PAUSE_MARK   this file is made when it is there, and once it exists nothing happens again; without it: each time
PAUSE_HOW    `stop` (SIGSTOP to itself), `hang` (sleeps for ever) or `abort`
"""

import os
import signal
import sys
import time
from pathlib import Path

_MARK = Path(os.environ["PAUSE_MARK"]) if "PAUSE_MARK" in os.environ else None
_AT = os.environ.get("PAUSE_AT", "")
_HOW = os.environ.get("PAUSE_HOW", "stop")
_renamed = False
_halting = False


def _halt():
    global _halting
    if _halting or (_MARK is not None and _MARK.exists()):
        return
    _halting = True  # the mark is a file as well
    if _MARK is not None:
        _MARK.write_text(str(os.getpid()))
    if _HOW == "stop":
        os.kill(os.getpid(), signal.SIGSTOP)
    elif _HOW == "abort":
        os.abort()
    else:
        while True:
            time.sleep(3600)
    _halting = False


def _hook(event, arguments):
    global _renamed
    if event == "open":
        path, _, flags = arguments
        writes = isinstance(path, str) and isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR)
        if (_AT == "write" and writes and ".part" in path and path.endswith(".json")) or (
            _AT == "published" and _renamed
        ):
            _halt()
    elif event == "os.rename" and str(arguments[0]).endswith(".part"):
        _renamed = True
        if _AT == "publish":
            _halt()


if {"stages.runner", os.environ.get("PAUSE_STAGE")} <= set(sys.orig_argv):
    sys.addaudithook(_hook)
