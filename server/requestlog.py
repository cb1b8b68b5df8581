"""The request log: one line for each request; failed ones with what was answered. No secrets: neither
headers nor query strings are written, and of bodies only our own error sentence.
"""

from __future__ import annotations

import logging
import logging.handlers
import queue
import threading
import time
from collections import deque
from pathlib import Path
from typing import Any

import msgspec

log = logging.getLogger("dashcam.requests")
_BYTES, _KEPT = 10_000_000, 5
_DETAIL = 300
_EVERY_SECONDS = 0.25


class Log:
    """What goes to the log file: our own messages, and requests, which a thread writes together.

    A line for itself would wake that thread with each request.
    """

    def __init__(self, file: logging.Handler) -> None:
        self._file = file
        queued: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._messages = logging.handlers.QueueHandler(queued)
        self._listener = logging.handlers.QueueListener(queued, file)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._write, name="request-log", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        ours = logging.getLogger("dashcam")
        ours.addHandler(self._messages)
        ours.setLevel(logging.INFO)
        self._listener.start()
        self._thread.start()
        _OPEN.append(self)

    def stop(self) -> None:
        """Write what is left, and end."""
        _OPEN.remove(self)
        self._ended.set()
        self._thread.join()
        logging.getLogger("dashcam").removeHandler(self._messages)
        self._listener.stop()

    def _write(self) -> None:
        while not self._ended.wait(_EVERY_SECONDS):
            self._flush()
        self._flush()

    def _flush(self) -> None:
        lines = [_line(*_ENDED.popleft()) for _ in range(len(_ENDED))]
        if lines:
            record = logging.LogRecord(log.name, logging.INFO, "", 0, "\n".join(lines), None, None)
            record.whole = True
            self._file.handle(record)


#: Requests that ended and are not in the file yet, while there is a log; when the disk does not keep up,
#: the oldest are left out.
_ENDED: deque[tuple[float, tuple[str, str, str], int, float, bytes]] = deque(maxlen=100_000)
_OPEN: list[Log] = []


class _Form(logging.Formatter):
    """UTC; lines of requests are whole already."""

    def format(self, record: logging.LogRecord) -> str:
        return str(record.msg) if getattr(record, "whole", False) else super().format(record)


def log_to(path: Path) -> Log:
    """Write requests and the server's own messages to a file, turned over at 10 MB, five kept.

    Threads of their own write: a slow disk holds up no request. Stop the log to flush it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    file = logging.handlers.RotatingFileHandler(path, maxBytes=_BYTES, backupCount=_KEPT, encoding="utf-8")
    form = _Form("%(asctime)s %(levelname)s %(message)s")
    form.converter = time.gmtime
    file.setFormatter(form)
    made = Log(file)
    made.start()
    return made


def note(scope: Any, status: int, seconds: float, said: bytes) -> None:
    """A request ended: with address, method, path, status and milliseconds; of a failed one the sentence."""
    if _OPEN:
        client = scope.get("client")
        words = (client[0] if client else "-", scope["method"], scope["path"][:200])
        _ENDED.append((time.time(), words, status, seconds, said))


def _line(when: float, words: tuple[str, str, str], status: int, seconds: float, said: bytes) -> str:
    # The path is the caller's: nothing in it may begin a line of its own.
    text = f"{_plain(' '.join(words))} {status} {seconds * 1000:.1f}ms"
    stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(when))
    if status < 400:
        return f"{stamp},{int(when % 1 * 1000):03d} INFO {text}"
    return f"{stamp},{int(when % 1 * 1000):03d} WARNING {text} {_sentence(said)}"


def _plain(text: str) -> str:
    return text if text.isprintable() else "".join(c if c.isprintable() else "?" for c in text)


def _sentence(detail: bytes) -> str:
    try:
        text = str(msgspec.json.decode(detail)["detail"])
    except (msgspec.DecodeError, KeyError, TypeError):
        text = ""
    return _plain(text[:_DETAIL])
